// The convolution 3 x 3 x 3 from 16 channels to 16 of convolution.cu on tensor cores. Comes after mma.cuh.
//
// A block of THREADS threads, eight warps, computes CI x CJ x CK cells: warp j the rows (i, j) of CK = 16 cells for every i, each a
// product of 16 cells x 8 numbers of x times 8 x 8 weights, twice for the 16 outputs. The eight numbers are four channels at two taps;
// the 27 taps are 14 pairs with one of zero weight. Channels come in chunks of four, so that what a warp reads of x lies in 32 banks of
// shared memory, and of the weights, kept with the channel as their last direction, too.
//
// With one product numbers are rounded to TF32, to one part in 2048. With three each number is a TF32 number and the rest, also one,
// and of their products only rest x rest is left out: nearly single precision at a third of the speed.
// Launch of the convolutions: blocks (n2 / CK, n1 / CJ, samples times n0 / CI), each quotient rounded up, threads (TK, TJ).

constexpr int CI = 4, CJ = 8, CK = 16, OUT = 16, CHUNK = 4, TAPS = 27, PAIRS = 14;
constexpr int TILE_J = CJ + 2, TILE_K = CK + 2, TILE = (CI + 2) * TILE_J * TILE_K;

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
    const int tiles = (n0 + CI - 1) / CI, i0 = blockIdx.z % tiles * CI, j0 = blockIdx.y * CJ, k0 = blockIdx.x * CK;
    const size_t sample = size_t(blockIdx.z / tiles) * n0 * n1 * n2;
    float sums[CI][2][4] = {};
    for (int e0 = 0; e0 < OUT; e0 += CHUNK) {
        for (int q = t; q < TILE * CHUNK; q += THREADS) {
            const int e = q % CHUNK, cell = q / CHUNK;
            const int a = i0 + cell / (TILE_J * TILE_K) - 1, b = j0 + cell / TILE_K % TILE_J - 1, c = k0 + cell % TILE_K - 1;
            const bool inside = a >= 0 && a < n0 && b >= 0 && b < n1 && c >= 0 && c < n2;
            tile[cell][e] = inside ? x[(sample + (a * n1 + b) * n2 + c) * OUT + e0 + e] : 0;
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
                multiply_parts<REST>(sums[i], Parts<REST, 4>(cells), by);
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
                    const size_t at = (sample + ((i0 + i) * n1 + j0 + j) * n2 + k) * OUT + d;
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

// The gradient for w[t, e, d], the sum over cells c of x[c + t, e] g[c, d], over the block's share of the tiles of GI x GJ x CK cells:
// partials[share, t, e, d]. For each tap a product of 16 channels x cells times cells x 16 outputs; a warp has every eighth tap, and the
// tile with its halo serves all of them. Of the 16 channels of a cell two halves change places in every other pair of cells, so that
// what a warp reads at a time lies in 32 banks. Launch: blocks (shares), threads (TK, TJ).
constexpr int GI = 2, GJ = 4, GRADIENT_TILES = 16, WARPS = THREADS / 32, OWN_TAPS = (TAPS + WARPS - 1) / WARPS;

__device__ inline int swapped(int cell, int channel) { return channel ^ (cell & 2) << 2; }

template <bool REST>
__device__ inline void weight_shares(float *partials, const float *x, const float *g, int batch, int n0, int n1, int n2)
{
    constexpr int HI = GI + 2, HJ = GJ + 2, HK = CK + 2;
    __shared__ float xs[HI * HJ * HK][OUT], gs[GI * GJ * CK][OUT];
    const int t = thread_number(), warp = t / 32, row = t % 32 / 4, column = t % 4;
    const int t0 = (n0 + GI - 1) / GI, t1 = (n1 + GJ - 1) / GJ, t2 = (n2 + CK - 1) / CK, tiles = batch * t0 * t1 * t2;
    float sums[OWN_TAPS][2][4] = {};
    for (int tile = blockIdx.x * GRADIENT_TILES; tile < min(tiles, int(blockIdx.x + 1) * GRADIENT_TILES); ++tile) {
        const int i0 = tile / t2 / t1 % t0 * GI, j0 = tile / t2 % t1 * GJ, k0 = tile % t2 * CK;
        const size_t sample = size_t(tile / t2 / t1 / t0) * n0 * n1 * n2;
        for (int q = t; q < HI * HJ * HK * OUT; q += THREADS) {
            const int e = q % OUT, cell = q / OUT;
            const int i = i0 + cell / (HJ * HK) - 1, j = j0 + cell / HK % HJ - 1, k = k0 + cell % HK - 1;
            const bool inside = i >= 0 && i < n0 && j >= 0 && j < n1 && k >= 0 && k < n2;
            xs[cell][swapped(cell, e)] = inside ? x[(sample + (i * n1 + j) * n2 + k) * OUT + e] : 0;
        }
        for (int q = t; q < GI * GJ * CK * OUT; q += THREADS) {
            const int d = q % OUT, cell = q / OUT, i = i0 + cell / (GJ * CK), j = j0 + cell / CK % GJ, k = k0 + cell % CK;
            const bool inside = i < n0 && j < n1 && k < n2;
            gs[cell][swapped(cell, d)] = inside ? g[(sample + (i * n1 + j) * n2 + k) * OUT + d] : 0;
        }
        __syncthreads();
#pragma unroll 1
        for (int c0 = 0; c0 < GI * GJ * CK; c0 += 8) {
            const int a = c0 + column, b = a + 4;
            const float low[2] = {gs[a][swapped(a, row)], gs[b][swapped(b, row)]};
            const float high[2] = {gs[a][swapped(a, row + 8)], gs[b][swapped(b, row + 8)]};
            const Parts<REST, 2> by[2] = {Parts<REST, 2>(low), Parts<REST, 2>(high)};
            const int place = (c0 / (GJ * CK) * HJ + c0 / CK % GJ) * HK + c0 % CK + column;
#pragma unroll
            for (int own = 0; own < OWN_TAPS; ++own) {
                // The taps beyond the last are the last once more, and not written.
                const int tap = min(warp + own * WARPS, TAPS - 1);
                const int p = place + (tap / 9 * HJ + tap / 3 % 3) * HK + tap % 3, q = p + 4;
                const float cells[4] = {xs[p][swapped(p, row)], xs[p][swapped(p, row + 8)], xs[q][swapped(q, row)], xs[q][swapped(q, row + 8)]};
                multiply_parts<REST>(sums[own], Parts<REST, 4>(cells), by);
            }
        }
        __syncthreads();
    }
#pragma unroll
    for (int own = 0; own < OWN_TAPS; ++own)
#pragma unroll
        for (int half = 0; half < 2; ++half)
#pragma unroll
            for (int part = 0; part < 4; ++part) {
                const int tap = warp + own * WARPS, e = row + part / 2 * 8, d = half * 8 + 2 * column + part % 2;
                if (tap < TAPS)
                    partials[((size_t(blockIdx.x) * TAPS + tap) * OUT + e) * OUT + d] = sums[own][half][part];
            }
}

extern "C" __global__ void weight_shares_16_tf32(float *partials, const float *x, const float *g, int batch, int n0, int n1, int n2)
{
    weight_shares<false>(partials, x, g, batch, n0, n1, n2);
}

extern "C" __global__ void weight_shares_16_3tf32(float *partials, const float *x, const float *g, int batch, int n0, int n1, int n2)
{
    weight_shares<true>(partials, x, g, batch, n0, n1, n2);
}
