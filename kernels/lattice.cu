// Convolutions of any kernel and stride on images of any channels, their transposes, and what else nets on lattices do.
//
// Images are [batch, n0, n1, n2, channels], n0 = 1 in the plane; weights [k0, k1, k2, C, D]:
//
//     y[i, d] = b[d] + sum over taps a and channels e of x[s i + a - p, e] w[a, e, d]
//
// and the transpose x[j, e] = sum over taps and d of g[(j + p - a) / s, d] w[a, e, d] over whole quotients, for j and for all cells
// beyond the faces that show cell j (src/nn/ops/conv.rs, pad.rs). `shape` has for each direction: cells n of x and m of y, side k of the
// kernel, stride s, cells before p and after, and what is beyond the two faces.
// Launch: blocks of THREADS threads; a thread as many numbers as said below.

enum Beyond { ZERO, REFLECT, PERIODIC };
struct Direction { int n, m, k, s, before, after, beyond_first, beyond_last; };

// Outputs of one channel that a thread computes, so that a weight is used as often as it is read.
constexpr int CELLS = 4;

// The cell of n that cell i shows, or -1.
__device__ inline int source(int i, const Direction &d)
{
    if (i >= 0 && i < d.n)
        return i;
    const int beyond = i < 0 ? d.beyond_first : d.beyond_last, n = d.n;
    if (beyond == ZERO)
        return -1;
    if (beyond == PERIODIC)
        return (i % n + n) % n;
    const int period = max(2 * (n - 1), 1), at = (i % period + period) % period;
    return min(min(at, period - at), n - 1);
}

__device__ inline Direction direction(const int *shape, int d)
{
    const int *s = shape + 8 * d;
    return {s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]};
}

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

// The place number `which` of those that may show cell j: the cell itself, those before the first face, those after the last. False
// where it does not.
__device__ inline bool shows(int j, int which, const Direction &d, int &place)
{
    place = which == 0 ? j : which <= d.before ? -which : d.n + which - d.before - 1;
    return which == 0 || source(place, d) == j;
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

// z <- x + factor y. One number a thread.
extern "C" __global__ void add_scaled(float *z, const float *x, const float *y, float factor, int n)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < n)
        z[q] = x[q] + factor * y[q];
}

// y <- x times the normal distribution at x, by its tanh approximation. One number a thread.
extern "C" __global__ void gelu(float *y, const float *x, int n)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < n) {
        const float v = x[q];
        y[q] = 0.5f * v * (1 + tanhf(0.7978846f * (v + 0.044715f * v * v * v)));
    }
}

// y[c, e] <- factors[e] x[c, e] + offsets[e]. One number a thread.
extern "C" __global__ void scale_channels(float *y, const float *x, const float *factors, const float *offsets, int channels, int n)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < n)
        y[q] = factors[q % channels] * x[q] + offsets[q % channels];
}

// The block's sum of v in all its threads.
__device__ inline double sum_in_block(double v)
{
    __shared__ double sums[THREADS];
    const int t = threadIdx.x;
    sums[t] = v;
    for (int half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (t < half)
            sums[t] += sums[t + half];
    }
    __syncthreads();
    const double sum = sums[0];
    __syncthreads();
    return sum;
}

// y <- factor times (x less its mean over its standard deviation) plus shift, each sample of n numbers by a block.
extern "C" __global__ void normalise(float *y, const float *x, const float *factor, const float *shift, int n)
{
    const size_t first = size_t(blockIdx.x) * n;
    double sum = 0, squares = 0;
    for (int q = threadIdx.x; q < n; q += THREADS)
        sum += x[first + q];
    const double mean = sum_in_block(sum) / n;
    for (int q = threadIdx.x; q < n; q += THREADS)
        squares += (x[first + q] - mean) * (x[first + q] - mean);
    const double inverse = 1 / sqrt(sum_in_block(squares) / n + 1e-5);
    for (int q = threadIdx.x; q < n; q += THREADS)
        y[first + q] = factor[q] * float((x[first + q] - mean) * inverse) + shift[q];
}
