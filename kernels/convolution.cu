// Convolutions 3 x 3 x 3 to 16 channels, and their gradients.
//
// y[c, d] = b[d] + sum over taps t and channels e of x[c + t, e] w[t, e, d], zeros outside the box; images are [n0, n1, n2, channels],
// weights [3, 3, 3, channels, 16]. As a matrix product: cells x (27 channels) times (27 channels) x 16, tile by tile, where the rows of
// the left factor are read straight from a tile of x with a halo of one cell in shared memory.
//
// A block of CK x CJ threads computes CI x CJ x CK cells, CI of them a thread, all 16 outputs of each in registers: a number of x is
// used 16 times and one of w CI times once it is read. Channels come in chunks, so that tile and weights fit in 48 kB.
// Launch of the convolutions: blocks (n2 / CK, n1 / CJ, samples times n0 / CI), each quotient rounded up, threads (CK, CJ). Images of
// several samples lie one after the other.

constexpr int CI = 4, CJ = 8, CK = 16, OUT = 16, TAPS = 27;

template <int IN, int CHUNK>
__device__ inline void convolve(
    float *y, const float *x, const float *w, const float *bias, const float *skip, int rectify, int n0, int n1, int n2)
{
    __shared__ float tile[CHUNK][CI + 2][CJ + 2][CK + 2];
    __shared__ float weights[TAPS][CHUNK][OUT];
    const int tk = threadIdx.x, tj = threadIdx.y, t = tj * CK + tk;
    const int tiles = (n0 + CI - 1) / CI, i0 = blockIdx.z % tiles * CI, j0 = blockIdx.y * CJ, k0 = blockIdx.x * CK;
    const size_t sample = size_t(blockIdx.z / tiles) * n0 * n1 * n2;
    float sums[CI][OUT];
#pragma unroll
    for (int a = 0; a < CI; ++a)
#pragma unroll
        for (int d = 0; d < OUT; ++d)
            sums[a][d] = bias ? bias[d] : 0;
    for (int e0 = 0; e0 < IN; e0 += CHUNK) {
        for (int q = t; q < (CI + 2) * (CJ + 2) * (CK + 2) * CHUNK; q += CJ * CK) {
            const int e = q % CHUNK, cell = q / CHUNK;
            const int a = cell / ((CJ + 2) * (CK + 2)), b = cell / (CK + 2) % (CJ + 2), c = cell % (CK + 2);
            const int i = i0 + a - 1, j = j0 + b - 1, k = k0 + c - 1;
            const bool inside = i >= 0 && i < n0 && j >= 0 && j < n1 && k >= 0 && k < n2;
            tile[e][a][b][c] = inside ? x[(sample + (i * n1 + j) * n2 + k) * IN + e0 + e] : 0;
        }
        for (int q = t; q < TAPS * CHUNK * OUT; q += CJ * CK) {
            const int d = q % OUT, e = q / OUT % CHUNK, tap = q / OUT / CHUNK;
            weights[tap][e][d] = w[(tap * IN + e0 + e) * OUT + d];
        }
        __syncthreads();
        for (int e = 0; e < CHUNK; ++e)
            for (int bc = 0; bc < 9; ++bc) {
                const int b = bc / 3, c = bc % 3;
                float column[CI + 2];
#pragma unroll
                for (int a = 0; a < CI + 2; ++a)
                    column[a] = tile[e][a][tj + b][tk + c];
#pragma unroll
                for (int a = 0; a < 3; ++a)
#pragma unroll
                    for (int d = 0; d < OUT; ++d) {
                        const float weight = weights[a * 9 + bc][e][d];
#pragma unroll
                        for (int i = 0; i < CI; ++i)
                            sums[i][d] += column[i + a] * weight;
                    }
            }
        __syncthreads();
    }
    const int j = j0 + tj, k = k0 + tk;
#pragma unroll
    for (int a = 0; a < CI; ++a)
        if (i0 + a < n0 && j < n1 && k < n2) {
            const size_t at = (sample + ((i0 + a) * n1 + j) * n2 + k) * OUT;
#pragma unroll
            for (int d = 0; d < OUT; ++d) {
                const float value = rectify && !(sums[a][d] > 0) ? 0 : sums[a][d];
                y[at + d] = skip ? value + skip[at + d] : value;
            }
        }
}

// y <- skip + relu(w * x + bias); skip and bias may be absent, and relu is there where `rectify` is not 0.
extern "C" __global__ void convolve_16(
    float *y, const float *x, const float *w, const float *bias, const float *skip, int rectify, int n0, int n1, int n2)
{
    convolve<16, 4>(y, x, w, bias, skip, rectify, n0, n1, n2);
}

// The same from images of one channel.
extern "C" __global__ void convolve_1(
    float *y, const float *x, const float *w, const float *bias, const float *skip, int rectify, int n0, int n1, int n2)
{
    convolve<1, 1>(y, x, w, bias, skip, rectify, n0, n1, n2);
}

// turned[t, d, e] <- w[26 - t, e, d]: the gradient for x is the convolution of the gradient for y with it. Launch: blocks of THREADS.
extern "C" __global__ void turn_weights(float *turned, const float *w)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < TAPS * OUT * OUT) {
        const int d = q % OUT, e = q / OUT % OUT, tap = q / (OUT * OUT);
        turned[((TAPS - 1 - tap) * OUT + d) * OUT + e] = w[q];
    }
}

// Cells whose share of the weights' gradient a block adds up, and how many of them lie in shared memory at a time.
constexpr int SHARE = 1024, HELD = 32;

// The gradient for w[t, e, d], the sum over cells c of x[c + t, e] g[c, d], over the block's share of the cells:
// partials[share, t, e, d]. Launch: blocks (shares, taps) of THREADS threads, one for each (e, d).
template <int IN>
__device__ inline void weight_shares(float *partials, const float *x, const float *g, int batch, int n0, int n1, int n2)
{
    __shared__ float xs[HELD][IN], gs[HELD][OUT];
    const int n = batch * n0 * n1 * n2, t = threadIdx.x, tap = blockIdx.y, e = t / OUT, d = t % OUT;
    const int a = tap / 9 - 1, b = tap / 3 % 3 - 1, c = tap % 3 - 1;
    float sum = 0;
    for (int c0 = blockIdx.x * SHARE; c0 < min(n, int(blockIdx.x + 1) * SHARE); c0 += HELD) {
        for (int q = t; q < HELD * IN; q += THREADS) {
            const int cell = c0 + q / IN;
            const int i = cell / (n1 * n2) % n0 + a, j = cell / n2 % n1 + b, k = cell % n2 + c;
            const bool inside = cell < n && i >= 0 && i < n0 && j >= 0 && j < n1 && k >= 0 && k < n2;
            xs[q / IN][q % IN] = inside ? x[size_t(cell + (a * n1 + b) * n2 + c) * IN + q % IN] : 0;
        }
        for (int q = t; q < HELD * OUT; q += THREADS)
            gs[q / OUT][q % OUT] = c0 + q / OUT < n ? g[size_t(c0) * OUT + q] : 0;
        __syncthreads();
        if (e < IN)
            for (int q = 0; q < HELD; ++q)
                sum += xs[q][e] * gs[q][d];
        __syncthreads();
    }
    if (e < IN)
        partials[(size_t(blockIdx.x) * TAPS + tap) * IN * OUT + t] = sum;
}

extern "C" __global__ void weight_shares_16(float *partials, const float *x, const float *g, int batch, int n0, int n1, int n2)
{
    weight_shares<16>(partials, x, g, batch, n0, n1, n2);
}

extern "C" __global__ void weight_shares_1(float *partials, const float *x, const float *g, int batch, int n0, int n1, int n2)
{
    weight_shares<1>(partials, x, g, batch, n0, n1, n2);
}

// The gradient for b[d], the sum of g[c, d], over the block's share of the cells: partials[share, d]. Launch: blocks (shares) of THREADS.
extern "C" __global__ void bias_shares(float *partials, const float *g, int n)
{
    __shared__ float parts[THREADS / OUT][OUT];
    const int t = threadIdx.x, d = t % OUT, group = t / OUT;
    float sum = 0;
    for (int c = blockIdx.x * SHARE + group; c < min(n, int(blockIdx.x + 1) * SHARE); c += THREADS / OUT)
        sum += g[size_t(c) * OUT + d];
    parts[group][d] = sum;
    __syncthreads();
    if (group == 0) {
        double total = 0;
        for (int q = 0; q < THREADS / OUT; ++q)
            total += parts[q][d];
        partials[blockIdx.x * OUT + d] = float(total);
    }
}
