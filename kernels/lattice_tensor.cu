// The convolutions of lattice.cu, their transposes and their gradients for the weights on tensor cores. Comes after lattice.cuh and
// mma.cuh.
//
// Each is one product of matrices C[m, n] = sum over k of A[m, k] B[k, n] whose factors are never formed: a block copies pieces of
// them, ROWS x DEPTH and DEPTH x COLUMNS, from where they lie in images and weights to shared memory, and its eight warps multiply 16 x
// 16 of them each. Products are three of TF32, as in tensor.cu.
//
// | kernel | m | k | n |
// |---|---|---|---|
// | convolve | cell of y | tap and channel of x | channel of y |
// | transpose | cell of x | tap and channel of y | channel of x |
// | weights | tap and channel of x, and one row for the bias | cell of y, in shares | channel of y |
//
// Launch: blocks (m / ROWS, n / COLUMNS, shares) rounded up, of THREADS threads.

constexpr int ROWS = 64, COLUMNS = 32, DEPTH = 16;
// Rows in shared memory are longer, so that what a warp reads at a time lies in 32 banks.
constexpr int LEFT = DEPTH + 4, RIGHT = COLUMNS + 8;

// C <- A B over first <= k < last. `left(m, k)` and `right(k, n)` are asked for places inside alone; `store(m, n, sum)` takes the result.
// Neighbouring threads ask for neighbouring k of A, or with ALONG_M for neighbouring m.
template <bool ALONG_M, typename Left, typename Right, typename Store>
__device__ inline void multiply(int rows, int columns, int first, int last, Left left, Right right, Store store)
{
    __shared__ float a[ROWS][LEFT], b[DEPTH][RIGHT];
    const int t = threadIdx.x, warp = t / 32, g = t % 32 / 4, h = t % 4;
    const int m0 = blockIdx.x * ROWS, n0 = blockIdx.y * COLUMNS, r0 = warp / 2 * 16, c0 = warp % 2 * 16;
    float sums[2][4] = {};
    for (int k0 = first; k0 < last; k0 += DEPTH) {
        for (int q = t; q < ROWS * DEPTH; q += THREADS) {
            const int r = ALONG_M ? q % ROWS : q / DEPTH, c = ALONG_M ? q / ROWS : q % DEPTH;
            a[r][c] = m0 + r < rows && k0 + c < last ? left(m0 + r, k0 + c) : 0;
        }
        for (int q = t; q < DEPTH * COLUMNS; q += THREADS) {
            const int r = q / COLUMNS, c = q % COLUMNS;
            b[r][c] = k0 + r < last && n0 + c < columns ? right(k0 + r, n0 + c) : 0;
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < DEPTH; k += 8) {
            const float of[4] = {a[r0 + g][k + h], a[r0 + g + 8][k + h], a[r0 + g][k + h + 4], a[r0 + g + 8][k + h + 4]};
            const float low[2] = {b[k + h][c0 + g], b[k + h + 4][c0 + g]}, high[2] = {b[k + h][c0 + g + 8], b[k + h + 4][c0 + g + 8]};
            const Parts<true, 2> by[2] = {Parts<true, 2>(low), Parts<true, 2>(high)};
            multiply_parts<true>(sums, Parts<true, 4>(of), by);
        }
        __syncthreads();
    }
#pragma unroll
    for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int part = 0; part < 4; ++part) {
            const int m = m0 + r0 + g + part / 2 * 8, n = n0 + c0 + half * 8 + 2 * h + part % 2;
            if (m < rows && n < columns)
                store(m, n, sums[half][part]);
        }
}

// Cell c of samples of m0 x m1 x m2 cells.
struct Cell {
    int of, i0, i1, i2;
    __device__ Cell(int c, int m0, int m1, int m2) : of(c / m2 / m1 / m0), i0(c / m2 / m1 % m0), i1(c / m2 % m1), i2(c % m2) {}
};

// What the kernel's tap `tap`, laid on cell c of y, finds in channel e of x.
__device__ inline float under(
    const float *x, const Cell &c, int tap, int e, int in, const Direction &d0, const Direction &d1, const Direction &d2)
{
    const int j0 = source(c.i0 * d0.s - d0.before + tap / d2.k / d1.k, d0);
    const int j1 = source(c.i1 * d1.s - d1.before + tap / d2.k % d1.k, d1), j2 = source(c.i2 * d2.s - d2.before + tap % d2.k, d2);
    return j0 < 0 || j1 < 0 || j2 < 0 ? 0 : x[size_t(((c.of * d0.n + j0) * d1.n + j1) * d2.n + j2) * in + e];
}

// As convolve_lattice.
extern "C" __global__ void convolve_lattice_3tf32(
    float *y, const float *x, const float *w, const float *bias, const int *shape, int batch, int in, int out)
{
    const Direction d0 = direction(shape, 0), d1 = direction(shape, 1), d2 = direction(shape, 2);
    multiply<false>(
        batch * d0.m * d1.m * d2.m, out, 0, d0.k * d1.k * d2.k * in,
        [&](int c, int k) { return under(x, Cell(c, d0.m, d1.m, d2.m), k / in, k % in, in, d0, d1, d2); },
        [&](int k, int d) { return w[size_t(k) * out + d]; },
        [&](int c, int d, float sum) { y[size_t(c) * out + d] = sum + (bias ? bias[d] : 0); });
}

// As transpose_lattice, with zeros beyond the faces.
extern "C" __global__ void transpose_lattice_3tf32(
    float *x, const float *g, const float *w, const int *shape, int batch, int in, int out)
{
    const Direction d0 = direction(shape, 0), d1 = direction(shape, 1), d2 = direction(shape, 2);
    // The cell of y whose kernel has tap a on cell j, or -1.
    auto above = [](int j, int a, const Direction &d) {
        const int i = j + d.before - a;
        return i >= 0 && i % d.s == 0 && i / d.s < d.m ? i / d.s : -1;
    };
    multiply<false>(
        batch * d0.n * d1.n * d2.n, in, 0, d0.k * d1.k * d2.k * out,
        [&](int j, int k) {
            const Cell cell(j, d0.n, d1.n, d2.n);
            const int d = k % out, tap = k / out;
            const int i0 = above(cell.i0, tap / d2.k / d1.k, d0), i1 = above(cell.i1, tap / d2.k % d1.k, d1);
            const int i2 = above(cell.i2, tap % d2.k, d2);
            return i0 < 0 || i1 < 0 || i2 < 0 ? 0 : g[size_t(((cell.of * d0.m + i0) * d1.m + i1) * d2.m + i2) * out + d];
        },
        [&](int k, int e) { return w[(size_t(k / out) * in + e) * out + k % out]; },
        [&](int j, int e, float sum) { x[size_t(j) * in + e] = sum; });
}

// As weight_lattice.
extern "C" __global__ void weight_lattice_3tf32(
    float *partials, const float *x, const float *g, const int *shape, int batch, int in, int out)
{
    const Direction d0 = direction(shape, 0), d1 = direction(shape, 1), d2 = direction(shape, 2);
    const int rows = d0.k * d1.k * d2.k * in + 1, first = blockIdx.z * SHARE;
    multiply<true>(
        rows, out, first, min(batch * d0.m * d1.m * d2.m, first + SHARE),
        [&](int row, int c) {
            return row + 1 == rows ? 1 : under(x, Cell(c, d0.m, d1.m, d2.m), row / in, row % in, in, d0, d1, d2);
        },
        [&](int c, int d) { return g[size_t(c) * out + d]; },
        [&](int row, int d, float sum) { partials[(size_t(blockIdx.z) * rows + row) * out + d] = sum; });
}

// x[j] <- the sum of the cells of the continued image that show cell j: from cells n + before + after to n. One number a thread;
// launch: blocks of THREADS.
extern "C" __global__ void fold_lattice(float *x, const float *continued, const int *shape, int batch, int in)
{
    const Direction d0 = direction(shape, 0), d1 = direction(shape, 1), d2 = direction(shape, 2);
    const int q = blockIdx.x * THREADS + threadIdx.x, e = q % in;
    if (q >= batch * d0.n * d1.n * d2.n * in)
        return;
    const Cell cell(q / in, d0.n, d1.n, d2.n);
    const int w0 = d0.n + d0.before + d0.after, w1 = d1.n + d1.before + d1.after, w2 = d2.n + d2.before + d2.after;
    float sum = 0;
    int t0, t1, t2;
    for (int p0 = 0; p0 <= d0.before + d0.after; ++p0)
        for (int p1 = 0; p1 <= d1.before + d1.after; ++p1)
            for (int p2 = 0; p2 <= d2.before + d2.after; ++p2)
                if (shows(cell.i0, p0, d0, t0) && shows(cell.i1, p1, d1, t1) && shows(cell.i2, p2, d2, t2)) {
                    const int at = ((cell.of * w0 + t0 + d0.before) * w1 + t1 + d1.before) * w2 + t2 + d2.before;
                    sum += continued[size_t(at) * in + e];
                }
    x[q] = sum;
}
