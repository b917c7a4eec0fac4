// Images besides convolutions: blocks of 2 x 2 x 2 cells, channels beside each other, the layer from 16 channels to one, and the way
// from a residual to an image and back.
//
// Launch: blocks of THREADS threads, one thread for each number of the result.

constexpr int CHANNELS = 16;

// y[c, d] <- factor x the sum of x over the block c of `side` x 2 x 2 cells, for c in m0 x m1 x m2: means, or the gradient of copies.
// Samples lie one after the other along the first direction; side is 1 in the plane.
extern "C" __global__ void gather_blocks(float *y, const float *x, float factor, int channels, int side, int m0, int m1, int m2)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < m0 * m1 * m2 * channels) {
        const int d = q % channels, c = q / channels, i = c / (m1 * m2), j = c / m2 % m1, k = c % m2;
        float sum = 0;
        for (int b = 0; b < 4 * side; ++b) {
            const int cell = ((side * i + b / 4) * 2 * m1 + 2 * j + b / 2 % 2) * 2 * m2 + 2 * k + b % 2;
            sum += factor * x[size_t(cell) * channels + d];
        }
        y[q] = sum;
    }
}

// y[c, d] <- factor x of c's block + skip[c, d], for c in n0 x n1 x n2; skip may be absent: copies, or the gradient of means.
extern "C" __global__ void spread_blocks(
    float *y, const float *x, const float *skip, float factor, int channels, int side, int n0, int n1, int n2)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < n0 * n1 * n2 * channels) {
        const int d = q % channels, c = q / channels, i = c / (n1 * n2), j = c / n2 % n1, k = c % n2;
        const int block = (i / side * (n1 / 2) + j / 2) * (n2 / 2) + k / 2;
        const float value = factor * x[size_t(block) * channels + d];
        y[q] = skip ? value + skip[q] : value;
    }
}

// z[c] <- the nx channels x[c] and after them the ny channels y[c].
extern "C" __global__ void join_channels(float *z, const float *x, const float *y, int nx, int ny, int all)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < all) {
        const int d = q % (nx + ny);
        const size_t c = q / (nx + ny);
        z[q] = d < nx ? x[c * nx + d] : y[c * ny + d - nx];
    }
}

// x[c] <- the nx channels of z[c] from `first` on, of nz.
extern "C" __global__ void take_channels(float *x, const float *z, int nx, int nz, int first, int all)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < all)
        x[q] = z[size_t(q / nx) * nz + first + q % nx];
}

// y[c] <- b + the sum over e of x[c, e] w[e].
extern "C" __global__ void pointwise(float *y, const float *x, const float *w, const float *bias, int n)
{
    const int c = blockIdx.x * THREADS + threadIdx.x;
    if (c < n) {
        float sum = bias[0];
        for (int e = 0; e < CHANNELS; ++e)
            sum += x[size_t(c) * CHANNELS + e] * w[e];
        y[c] = sum;
    }
}

// image[m0, m1, m2] <- sqrt(m0 m1 m2 / r.r) r in the box of n0 x n1 x n2 cells, 0 beside it: mean square 1.
extern "C" __global__ void image_of_residual(
    float *image, const double *r, const double *s, int n0, int n1, int n2, int m0, int m1, int m2)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < m0 * m1 * m2) {
        const int i = q / (m1 * m2), j = q / m2 % m1, k = q % m2;
        const bool inside = i < n0 && j < n1 && k < n2;
        const float unit = inside ? float(r[(i * n1 + j) * n2 + k] * (1 / sqrt(s[RR]))) : 0;
        image[q] = unit * sqrtf(float(m0) * m1 * m2);
    }
}

// d <- the image in the fluid, 0 elsewhere.
extern "C" __global__ void direction_of_image(
    double *d, const float *image, const byte *degree, int n0, int n1, int n2, int m1, int m2)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < n0 * n1 * n2) {
        const int i = q / (n1 * n2), j = q / n2 % n1, k = q % n2;
        d[q] = degree[q] ? image[(i * m1 + j) * m2 + k] : 0;
    }
}
