// Convolutions of any kernel and stride on images of any channels, their transposes and their gradients for the weights. Comes after
// lattice.cuh, which has the formulas. Launch: blocks of THREADS threads; a thread as many numbers as said below.

// Outputs of one channel that a thread computes, so that a weight is used as often as it is read.
constexpr int CELLS = 4;

// y <- w * x + bias, which may be absent. A thread computes channel d of CELLS cells one after the other.
extern "C" __global__ void convolve_lattice(
    float *y, const float *x, const float *w, const float *bias, const int *shape, int batch, int in, int out)
{
    const Direction d0 = direction(shape, 0), d1 = direction(shape, 1), d2 = direction(shape, 2);
    const int cells = batch * d0.m * d1.m * d2.m, q = blockIdx.x * THREADS + threadIdx.x, d = q % out, first = q / out * CELLS;
    if (first >= cells)
        return;
    int of[CELLS], i0[CELLS], i1[CELLS], i2[CELLS];
    float sums[CELLS];
#pragma unroll
    for (int u = 0; u < CELLS; ++u) {
        const int c = min(first + u, cells - 1);
        i2[u] = c % d2.m * d2.s - d2.before;
        i1[u] = c / d2.m % d1.m * d1.s - d1.before;
        i0[u] = c / d2.m / d1.m % d0.m * d0.s - d0.before;
        of[u] = c / d2.m / d1.m / d0.m;
        sums[u] = bias ? bias[d] : 0;
    }
    for (int a0 = 0; a0 < d0.k; ++a0)
        for (int a1 = 0; a1 < d1.k; ++a1)
            for (int a2 = 0; a2 < d2.k; ++a2) {
                const float *weights = w + size_t((a0 * d1.k + a1) * d2.k + a2) * in * out + d;
                const float *cell[CELLS];
#pragma unroll
                for (int u = 0; u < CELLS; ++u) {
                    const int j0 = source(i0[u] + a0, d0), j1 = source(i1[u] + a1, d1), j2 = source(i2[u] + a2, d2);
                    const bool inside = j0 >= 0 && j1 >= 0 && j2 >= 0;
                    cell[u] = inside ? x + size_t(((of[u] * d0.n + j0) * d1.n + j1) * d2.n + j2) * in : nullptr;
                }
                for (int e = 0; e < in; ++e) {
                    const float weight = weights[e * out];
#pragma unroll
                    for (int u = 0; u < CELLS; ++u)
                        if (cell[u])
                            sums[u] += cell[u][e] * weight;
                }
            }
#pragma unroll
    for (int u = 0; u < CELLS; ++u)
        if (first + u < cells)
            y[size_t(first + u) * out + d] = sums[u];
}

// x <- the transpose of w * applied to g. One number a thread.
extern "C" __global__ void transpose_lattice(
    float *x, const float *g, const float *w, const int *shape, int batch, int in, int out)
{
    const Direction d0 = direction(shape, 0), d1 = direction(shape, 1), d2 = direction(shape, 2);
    const int q = blockIdx.x * THREADS + threadIdx.x, e = q % in, c = q / in;
    if (c >= batch * d0.n * d1.n * d2.n)
        return;
    const int j2 = c % d2.n, j1 = c / d2.n % d1.n, j0 = c / d2.n / d1.n % d0.n, of = c / d2.n / d1.n / d0.n;
    float sum = 0;
    int t0, t1, t2;
    for (int p0 = 0; p0 <= d0.before + d0.after; ++p0)
        for (int p1 = 0; p1 <= d1.before + d1.after; ++p1)
            for (int p2 = 0; p2 <= d2.before + d2.after; ++p2) {
                if (!(shows(j0, p0, d0, t0) && shows(j1, p1, d1, t1) && shows(j2, p2, d2, t2)))
                    continue;
                for (int a0 = 0; a0 < d0.k; ++a0)
                    for (int a1 = 0; a1 < d1.k; ++a1)
                        for (int a2 = 0; a2 < d2.k; ++a2) {
                            const int i0 = t0 + d0.before - a0, i1 = t1 + d1.before - a1, i2 = t2 + d2.before - a2;
                            const bool whole = i0 % d0.s == 0 && i1 % d1.s == 0 && i2 % d2.s == 0;
                            const int m0 = i0 / d0.s, m1 = i1 / d1.s, m2 = i2 / d2.s;
                            if (!whole || i0 < 0 || i1 < 0 || i2 < 0 || m0 >= d0.m || m1 >= d1.m || m2 >= d2.m)
                                continue;
                            const float *cell = g + size_t(((of * d0.m + m0) * d1.m + m1) * d2.m + m2) * out;
                            const float *weights = w + (size_t((a0 * d1.k + a1) * d2.k + a2) * in + e) * out;
                            for (int d = 0; d < out; ++d)
                                sum += cell[d] * weights[d];
                        }
            }
    x[q] = sum;
}

// The gradients for w and bias from x and the gradient g for y, over a share of the cells: partials[share, taps C + 1, D], the bias'
// behind the last weights'. One number a thread; launch: blocks (numbers / THREADS, shares).
extern "C" __global__ void weight_lattice(
    float *partials, const float *x, const float *g, const int *shape, int batch, int in, int out)
{
    const Direction d0 = direction(shape, 0), d1 = direction(shape, 1), d2 = direction(shape, 2);
    const int rows = d0.k * d1.k * d2.k * in + 1, q = blockIdx.x * THREADS + threadIdx.x, d = q % out, row = q / out;
    if (row >= rows)
        return;
    const int e = row % in, tap = row / in, a2 = tap % d2.k, a1 = tap / d2.k % d1.k, a0 = tap / d2.k / d1.k;
    const int cells = batch * d0.m * d1.m * d2.m, first = blockIdx.y * SHARE;
    float sum = 0;
    for (int c = first; c < min(cells, first + SHARE); ++c) {
        const int j2 = source(c % d2.m * d2.s - d2.before + a2, d2), j1 = source(c / d2.m % d1.m * d1.s - d1.before + a1, d1);
        const int j0 = source(c / d2.m / d1.m % d0.m * d0.s - d0.before + a0, d0), of = c / d2.m / d1.m / d0.m;
        const bool inside = row + 1 < rows && j0 >= 0 && j1 >= 0 && j2 >= 0;
        const float value = inside ? x[size_t(((of * d0.n + j0) * d1.n + j1) * d2.n + j2) * in + e] : 0;
        sum += (row + 1 < rows ? value : 1) * g[size_t(c) * out + d];
    }
    partials[size_t(blockIdx.y) * rows * out + q] = sum;
}

// out[q] <- the sum of partials[share, first + q] over the shares of `stride` numbers, in a fixed order. One thread a number.
extern "C" __global__ void add_shares(float *out, const float *partials, int shares, int stride, int first, int numbers)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < numbers) {
        double sum = 0;
        for (int s = 0; s < shares; ++s)
            sum += partials[size_t(s) * stride + first + q];
        out[q] = float(sum);
    }
}
