// Vector updates of Krylov methods, and what is done with sums over all cells. Comes after slots.cuh.
//
// Launch: `finish` one block of (TK, TJ) threads; the others any number of blocks of (TK, TJ), each cell of n once.

enum Finish { NORM, PRECONDITIONED, JACOBI, CURVATURE_OF_CG, LINE_SEARCH, COEFFICIENTS };

__device__ inline double positive_ratio(double a, double b)
{
    const double ratio = a / b;
    return b > 0 && isfinite(b) && isfinite(ratio) ? ratio : 0;
}

// Adds up `count` partial sums of each of K numbers, in a fixed order, and does with them what `step` says. `flag`: whether the
// method restarts (PRECONDITIONED, JACOBI), which past direction p becomes (LINE_SEARCH), or how many there are (COEFFICIENTS).
extern "C" __global__ void finish(const double *partials, int count, int sums, double *s, int step, int flag)
{
    __shared__ double total[2][THREADS];
    const int t = thread_number();
    for (int i = 0; i < sums; ++i) {
        double sum = 0;
        for (int b = t; b < count; b += THREADS)
            sum += partials[sums * b + i];
        total[i][t] = sum;
    }
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (t < half)
            for (int i = 0; i < sums; ++i)
                total[i][t] += total[i][t + half];
        __syncthreads();
    }
    if (t > 0)
        return;
    const double first = total[0][0], second = total[sums - 1][0];
    if (step == NORM)
        s[RR] = first;
    if (step == JACOBI)
        s[RR] = second;
    if (step == PRECONDITIONED || step == JACOBI) {
        s[BETA] = flag ? 0 : positive_ratio(first, s[RZ]);
        s[RZ] = first;
    }
    if (step == CURVATURE_OF_CG) {
        s[PQ] = first;
        s[ALPHA] = s[RZ] > 0 ? positive_ratio(s[RZ], first) : 0;
    }
    if (step == LINE_SEARCH) {
        s[PQ] = s[CURVATURE + flag] = first;
        s[PR] = second;
        s[ALPHA] = positive_ratio(second, first);
    }
    if (step == COEFFICIENTS)
        for (int j = 0; j < flag; ++j)
            s[C + j] = total[j][0] / s[CURVATURE + j];
}

template <typename Each>
__device__ inline void each_cell(int n, Each each)
{
    const int threads = gridDim.x * THREADS;
    for (int c = blockIdx.x * THREADS + thread_number(); c < n; c += threads)
        each(c);
}

// B is the diagonal `inverse`, or 1 where that is absent.
__device__ inline double times(const double *inverse, int c, double v) { return inverse ? inverse[c] * v : v; }

// p <- B r + beta p.
extern "C" __global__ void jacobi_direction(double *p, const double *r, const double *inverse, const double *s, int n)
{
    const double beta = s[BETA];
    each_cell(n, [&](int c) { p[c] = times(inverse, c, r[c]) + (beta == 0 ? 0 : beta * p[c]); });
}

// x <- x + alpha p / scale, r <- r - alpha q; the parts of r.B r and r.r.
extern "C" __global__ void jacobi_step(
    double *x, double *r, const double *p, const double *q, const double *inverse, const double *s, double scale, double *partials, int n)
{
    const double alpha = s[ALPHA], step = alpha / scale;
    double sums[2] = {0, 0};
    each_cell(n, [&](int c) {
        // With alpha 0 p and q may be anything.
        const double left = alpha == 0 ? r[c] : r[c] - alpha * q[c];
        x[c] += alpha == 0 ? 0 : step * p[c];
        r[c] = left;
        sums[0] += times(inverse, c, left * left);
        sums[1] += left * left;
    });
    leave_sums(sums, partials);
}

// r <- scale (b - y); the parts of r.B r and r.r.
extern "C" __global__ void jacobi_residual(
    double *r, const double *b, const double *y, const double *inverse, double scale, double *partials, int n)
{
    double sums[2] = {0, 0};
    each_cell(n, [&](int c) {
        const double left = scale * (b[c] - y[c]);
        r[c] = left;
        sums[0] += times(inverse, c, left * left);
        sums[1] += left * left;
    });
    leave_sums(sums, partials);
}

// x <- x + alpha p / scale, r <- r - alpha q; the part of r.r.
extern "C" __global__ void step(
    double *x, double *r, const double *p, const double *q, const double *s, double scale, double *partials, int n)
{
    const double alpha = s[ALPHA], length = alpha / scale;
    double sums[1] = {0};
    each_cell(n, [&](int c) {
        // With alpha 0 p and q may be anything.
        const double left = alpha == 0 ? r[c] : r[c] - alpha * q[c];
        x[c] += alpha == 0 ? 0 : length * p[c];
        r[c] = left;
        sums[0] += left * left;
    });
    leave_sums(sums, partials);
}

// The parts of d.A p_0 and d.A p_1.
extern "C" __global__ void past_products(
    const double *d, const double *q0, const double *q1, double *partials, int n)
{
    double sums[2] = {0, 0};
    each_cell(n, [&](int c) {
        sums[0] += d[c] * q0[c];
        sums[1] += d[c] * q1[c];
    });
    leave_sums(sums, partials);
}
