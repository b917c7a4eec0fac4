// The operator of the pressure problem on voxels, without a matrix, fused with what conjugate gradients and conjugate directions do
// beside it. Comes after slots.cuh.
//
// (A z)_c = degree_c z_c - sum of z over the fluid neighbours of c; degree [cells], one byte: the neighbours that are not solid, 0
// where c is not fluid. All fields are 0 there. Fields [cells]: x, b, r double; p, z and the r given to multigrid single. Products
// with A are summed in double precision. r and p are carried times a power of two, `scale`.
//
// Launch: as march (common.cuh) says.

__device__ inline double product(byte degree, double here, double sum) { return degree * here - sum; }

// r <- scale (b - A x), also in single precision; the part of r.r.
extern "C" __global__ void residual(
    double *r, float *single, const double *b, const double *x, const byte *degree, double scale, double *partials, int n0, int n1, int n2)
{
    double sums[1] = {0};
    march<double, double>(n0, n1, n2, [&](int c) { return x[c]; }, [&](int c, double here, double sum) {
        const byte d = degree[c];
        const double left = d ? scale * (b[c] - product(d, here, sum)) : 0;
        r[c] = left;
        single[c] = float(left);
        sums[0] += left * left;
    });
    leave_sums(sums, partials);
}

// q <- z + beta p; the part of q.A q.
extern "C" __global__ void direction(
    float *q, const float *z, const float *p, const byte *degree, const double *s, double *partials, int n0, int n1, int n2)
{
    const float beta = float(s[BETA]);
    double sums[1] = {0};
    auto load = [&](int c) { return z[c] + (beta == 0 ? 0.0f : beta * p[c]); };
    march<float, double>(n0, n1, n2, load, [&](int c, float here, double sum) {
        const byte d = degree[c];
        q[c] = d ? here : 0;
        sums[0] += d ? here * product(d, here, sum) : 0;
    });
    leave_sums(sums, partials);
}

// x <- x + alpha p / scale, r <- r - alpha A p, also in single precision; the part of r.r. A p is computed again rather than kept.
extern "C" __global__ void advance(
    double *x, double *r, float *single, const float *p, const byte *degree, const double *s, double scale, double *partials, int n0, int n1,
    int n2)
{
    const double alpha = s[ALPHA], step = alpha / scale;
    double sums[1] = {0};
    march<float, double>(n0, n1, n2, [&](int c) { return p[c]; }, [&](int c, float here, double sum) {
        const byte d = degree[c];
        // With alpha 0 p may be anything.
        const double left = d == 0 ? 0 : alpha == 0 ? r[c] : r[c] - alpha * product(d, here, sum);
        x[c] += alpha == 0 ? 0 : step * here;
        r[c] = left;
        single[c] = float(left);
        sums[0] += left * left;
    });
    leave_sums(sums, partials);
}

// p <- d - c_0 p_0 - c_1 p_1 over the first `past` of them, q <- A p; the parts of p.q and p.r.
extern "C" __global__ void oriented_product(
    double *p, double *q, const double *d, const double *p0, const double *p1, const double *r, const byte *degree, const double *s,
    int past, double *partials, int n0, int n1, int n2)
{
    const double c0 = past > 0 ? s[C] : 0, c1 = past > 1 ? s[C + 1] : 0;
    double sums[2] = {0, 0};
    auto load = [&](int c) {
        double v = d[c];
        if (past > 0)
            v -= c0 * p0[c];
        if (past > 1)
            v -= c1 * p1[c];
        return v;
    };
    march<double, double>(n0, n1, n2, load, [&](int c, double here, double sum) {
        const byte w = degree[c];
        const double image = w ? product(w, here, sum) : 0;
        p[c] = here;
        q[c] = image;
        sums[0] += here * image;
        sums[1] += here * r[c];
    });
    leave_sums(sums, partials);
}

// y <- A x for samples of x in single precision, products in double. Launch: blocks of THREADS threads, one thread a number.
extern "C" __global__ void multiply_samples(float *y, const float *x, const byte *degree, int n0, int n1, int n2, int numbers)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q >= numbers)
        return;
    const int c = q % (n0 * n1 * n2), i = c / (n1 * n2), j = c / n2 % n1, k = c % n2;
    auto value = [&](bool inside, int step) -> double { return inside && degree[c + step] ? x[q + step] : 0; };
    const double along = value(k > 0, -1) + value(k + 1 < n2, 1), across = value(j > 0, -n2) + value(j + 1 < n1, n2);
    const double through = value(i > 0, -n1 * n2) + value(i + 1 < n0, n1 * n2);
    y[q] = degree[c] ? float(product(degree[c], x[q], along + across + through)) : 0;
}
