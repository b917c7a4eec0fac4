// The convolution 3 x 3 x 3 from 16 channels to 16 of convolution.cu on tensor cores. Comes after mma.cuh.
//
// A block of THREADS threads, eight warps, computes CI x CJ x CK cells: warp j the rows (i, j) of CK = 16 cells for every i, each a
// product of 16 cells x 8 numbers of x times 8 x 8 weights, twice for the 16 outputs. The eight numbers are four channels at two taps;
// the 27 taps are 14 pairs with one of zero weight. Channels come in chunks of four, so that what a warp reads of x lies in 32 banks of
// shared memory, and of the weights, kept with the channel as their last direction, too.
//
// With one product numbers are rounded to TF32, to one part in 2048. With three each number is a TF32 number and the rest, also one,
// and of their products only rest x rest is left out: nearly single precision at a third of the speed.
// Launch: blocks (n2 / CK, n1 / CJ, n0 / CI) rounded up, threads (TK, TJ).

constexpr int CI = 4, CJ = 8, CK = 16, OUT = 16, CHUNK = 4, TAPS = 27, PAIRS = 14;
constexpr int TILE_J = CJ + 2, TILE_K = CK + 2, TILE = (CI + 2) * TILE_J * TILE_K;

__device__ inline float value_of(unsigned bits)
{
    return __uint_as_float(bits);
}

// N numbers as TF32 ones: high, and with REST what that leaves of them.
template <bool REST, int N> struct Parts {
    unsigned high[N], rest[N];

    __device__ explicit Parts(const float (&v)[N])
    {
#pragma unroll
        for (int i = 0; i < N; ++i) {
            high[i] = tf32(v[i]);
            if (REST) rest[i] = tf32(v[i] - value_of(high[i]));
        }
    }
};

// Where tap t of a tile begins; the one beyond the last is at the last.
__device__ inline int at_tap(int t)
{
    const int tap = min(t, TAPS - 1);
    return (tap / 9 * TILE_J + tap / 3 % 3) * TILE_K + tap % 3;
}

template <bool REST>
__device__ inline void convolve(
    float *y, const float *x, const float *w, const float *bias, const float *skip, int rectify, int n0, int n1, int n2)
{
    __shared__ float tile[TILE][CHUNK], weights[2 * PAIRS][OUT][CHUNK];
    const int t = thread_number(), j = t / 32, g = t % 32 / 4, h = t % 4;
    const int i0 = blockIdx.z * CI, j0 = blockIdx.y * CJ, k0 = blockIdx.x * CK;
    float sums[CI][2][4] = {};
    for (int e0 = 0; e0 < OUT; e0 += CHUNK) {
        for (int q = t; q < TILE * CHUNK; q += THREADS) {
            const int e = q % CHUNK, cell = q / CHUNK;
            const int a = i0 + cell / (TILE_J * TILE_K) - 1, b = j0 + cell / TILE_K % TILE_J - 1, c = k0 + cell % TILE_K - 1;
            const bool inside = a >= 0 && a < n0 && b >= 0 && b < n1 && c >= 0 && c < n2;
            tile[cell][e] = inside ? x[size_t((a * n1 + b) * n2 + c) * OUT + e0 + e] : 0;
        }
        for (int q = t; q < 2 * PAIRS * CHUNK * OUT; q += THREADS) {
            const int d = q % OUT, e = q / OUT % CHUNK, tap = q / OUT / CHUNK;
            weights[tap][d][e] = tap < TAPS ? w[(tap * OUT + e0 + e) * OUT + d] : 0;
        }
        __syncthreads();
#pragma unroll 1
        for (int pair = 0; pair < PAIRS; ++pair) {
            const int first = at_tap(2 * pair), second = at_tap(2 * pair + 1);
            const float low[2] = {weights[2 * pair][g][h], weights[2 * pair + 1][g][h]};
            const float high[2] = {weights[2 * pair][g + 8][h], weights[2 * pair + 1][g + 8][h]};
            const Parts<REST, 2> by[2] = {Parts<REST, 2>(low), Parts<REST, 2>(high)};
#pragma unroll
            for (int i = 0; i < CI; ++i) {
                const int row = (i * TILE_J + j) * TILE_K + g;
                const float cells[4] = {tile[row + first][h], tile[row + 8 + first][h], tile[row + second][h], tile[row + 8 + second][h]};
                const Parts<REST, 4> of(cells);
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    if (REST) {
                        multiply_add(sums[i][half], of.rest, by[half].high);
                        multiply_add(sums[i][half], of.high, by[half].rest);
                    }
                    multiply_add(sums[i][half], of.high, by[half].high);
                }
            }
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < CI; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half)
#pragma unroll
            for (int part = 0; part < 4; ++part) {
                const int k = k0 + g + part / 2 * 8, d = half * 8 + 2 * h + part % 2;
                if (i0 + i < n0 && j0 + j < n1 && k < n2) {
                    const size_t at = size_t(((i0 + i) * n1 + j0 + j) * n2 + k) * OUT + d;
                    const float sum = sums[i][half][part] + (bias ? bias[d] : 0), value = rectify && !(sum > 0) ? 0 : sum;
                    y[at] = skip ? value + skip[at] : value;
                }
            }
}

// y <- skip + relu(w * x + bias); skip and bias may be absent, and relu is there where `rectify` is not 0. One product.
extern "C" __global__ void convolve_16_tf32(
    float *y, const float *x, const float *w, const float *bias, const float *skip, int rectify, int n0, int n1, int n2)
{
    convolve<false>(y, x, w, bias, skip, rectify, n0, n1, n2);
}

// The same with three products.
extern "C" __global__ void convolve_16_3tf32(
    float *y, const float *x, const float *w, const float *bias, const float *skip, int rectify, int n0, int n1, int n2)
{
    convolve<true>(y, x, w, bias, skip, rectify, n0, n1, n2);
}
