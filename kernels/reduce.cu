// Sums over everything, over samples and within them, and what is made with them (src/nn/ops/reduce.rs, norm.rs, axis.rs). Sums are
// taken in double precision and in a fixed order: of shares by blocks first, then of the shares.
//
// A sample has n numbers. Launch: blocks of THREADS threads; one thread a number of the result where nothing else is said.

// Numbers whose sum a block takes.
constexpr int SHARE = 8192;

// partials[sample, share] <- the sum of x y over the share, of x where there is no y. Launch: blocks (shares, samples).
extern "C" __global__ void dot_shares(double *partials, const float *x, const float *y, int n)
{
    const size_t first = size_t(blockIdx.y) * n;
    const int begin = blockIdx.x * SHARE, end = min(n, begin + SHARE);
    double sum = 0;
    for (int q = begin + threadIdx.x; q < end; q += THREADS)
        sum += y ? double(x[first + q]) * y[first + q] : double(x[first + q]);
    sum = sum_in_block(sum);
    if (threadIdx.x == 0)
        partials[blockIdx.y * gridDim.x + blockIdx.x] = sum;
}

// out[sample] <- factor times the sum of its shares.
extern "C" __global__ void sum_shares(float *out, const double *partials, float factor, int shares, int samples)
{
    const int s = blockIdx.x * THREADS + threadIdx.x;
    if (s < samples) {
        double sum = 0;
        for (int i = 0; i < shares; ++i)
            sum += partials[s * shares + i];
        out[s] = factor * float(sum);
    }
}

// y <- x times its sample's number, or that number where there is no x; times factor.
extern "C" __global__ void scale_samples(float *y, const float *x, const float *numbers, float factor, int n, int all)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < all)
        y[q] = factor * numbers[q / n] * (x ? x[q] : 1);
}

// Mean of a sample, and one over the root of its variance and 1e-5.
__device__ inline void moments(const float *x, int n, double &mean, double &inverse)
{
    double sum = 0, squares = 0;
    for (int q = threadIdx.x; q < n; q += THREADS)
        sum += x[q];
    mean = sum_in_block(sum) / n;
    for (int q = threadIdx.x; q < n; q += THREADS)
        squares += (x[q] - mean) * (x[q] - mean);
    inverse = 1 / sqrt(sum_in_block(squares) / n + 1e-5);
}

// y <- x less its sample's mean over its standard deviation. Launch: a block a sample.
extern "C" __global__ void standardise(float *y, const float *x, int n)
{
    const size_t first = size_t(blockIdx.x) * n;
    double mean, inverse;
    moments(x + first, n, mean, inverse);
    for (int q = threadIdx.x; q < n; q += THREADS)
        y[first + q] = float((x[first + q] - mean) * inverse);
}

// Its gradient for x from the gradient g for y: (g - mean g - y mean (g y)) over the deviation. Launch: a block a sample.
extern "C" __global__ void standardise_gradient(float *out, const float *g, const float *x, const float *y, int n)
{
    const size_t first = size_t(blockIdx.x) * n;
    double mean, inverse, along_one = 0, along_y = 0;
    moments(x + first, n, mean, inverse);
    for (int q = threadIdx.x; q < n; q += THREADS) {
        along_one += g[first + q];
        along_y += double(g[first + q]) * y[first + q];
    }
    along_one = sum_in_block(along_one) / n;
    along_y = sum_in_block(along_y) / n;
    for (int q = threadIdx.x; q < n; q += THREADS)
        out[first + q] = float(inverse * (g[first + q] - along_one - along_y * y[first + q]));
}

// y <- factor x + shift with n numbers of each for all samples; shift may be absent.
extern "C" __global__ void scale_shift(float *y, const float *x, const float *factor, const float *shift, int n, int all)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < all)
        y[q] = factor[q % n] * x[q] + (shift ? shift[q % n] : 0);
}

// out[i] <- the sum over samples of g x, of g where there is no x: the gradients for factor and shift.
extern "C" __global__ void sum_over_samples(float *out, const float *g, const float *x, int samples, int n)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < n) {
        float sum = 0;
        for (int s = 0; s < samples; ++s)
            sum += g[size_t(s) * n + q] * (x ? x[size_t(s) * n + q] : 1);
        out[q] = sum;
    }
}

// y[o, i, u] <- the sum over j of M[i, j] x[o, j, u], or of M[j, i]; x [outer, from, inner], y [outer, to, inner].
extern "C" __global__ void along(float *y, const float *x, const float *matrix, int transposed, int to, int from, int inner, int all)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q >= all)
        return;
    const int u = q % inner, i = q / inner % to, o = q / inner / to;
    const float *column = x + size_t(o) * from * inner + u;
    float sum = 0;
    for (int j = 0; j < from; ++j)
        sum += (transposed ? matrix[j * to + i] : matrix[i * from + j]) * column[size_t(j) * inner];
    y[q] = sum;
}
