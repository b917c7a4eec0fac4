// The V-cycle of algebraic multigrid (src/precond/amg/cycle.rs, smoother.rs) in single precision, every sweep fused with the vector
// updates that follow from it. Level matrices A = I + O have a unit diagonal, which is not stored.
//
// Matrices are in slices of LANES rows: entry e of slice s, starts[s] <= e < starts[s + 1], has its LANES columns and values side by
// side at LANES e, short rows filled up with zeros (src/sparse/packed.rs). Row q of interpolation and restriction belongs to the
// unknown places[q].
//
// x lags one direction behind: a level's solution is x + d. Launch: blocks of THREADS threads, one thread a row.

constexpr int LANES = 16;

// (M v) in row q, where v is value(column).
template <typename Value>
__device__ inline float row_sum(const int *starts, const int *columns, const float *values, int q, Value value)
{
    float sum = 0;
    for (int e = starts[q / LANES]; e < starts[q / LANES + 1]; ++e) {
        const int at = e * LANES + q % LANES;
        sum += values[at] * value(columns[at]);
    }
    return sum;
}

__device__ inline int row_number() { return blockIdx.x * THREADS + threadIdx.x; }

// One step of the smoother: x <- x + d, r <- r - A d, next <- keep d + take r.
extern "C" __global__ void smoother_step(
    float *next, float *x, float *r, const float *d, const int *starts, const int *columns, const float *values, float keep, float take,
    int n)
{
    const int q = row_number();
    if (q < n) {
        const float left = r[q] - d[q] - row_sum(starts, columns, values, q, [&](int c) { return d[c]; });
        x[q] += d[q];
        r[q] = left;
        next[q] = keep * d[q] + take * left;
    }
}

// The first step after the coarse correction: r <- b - A x, d <- take r.
extern "C" __global__ void first_step(
    float *d, float *r, const float *b, const float *x, const int *starts, const int *columns, const float *values, float take, int n)
{
    const int q = row_number();
    if (q < n) {
        const float left = b[q] - x[q] - row_sum(starts, columns, values, q, [&](int c) { return x[c]; });
        r[q] = left;
        d[q] = take * left;
    }
}

// The coarse level's b <- P^T r, from which its solution starts at 0: rest <- b, d <- take b, x <- 0.
extern "C" __global__ void restrict_rows(
    float *b, float *rest, float *d, float *x, const float *r, const int *starts, const int *columns, const float *values,
    const int *places, float take, int n)
{
    const int q = row_number();
    if (q < n) {
        const float sum = row_sum(starts, columns, values, q, [&](int c) { return r[c]; });
        const int u = places[q];
        b[u] = rest[u] = sum;
        d[u] = take * sum;
        x[u] = 0;
    }
}

// x <- x + P (coarse x + coarse d).
extern "C" __global__ void prolong_rows(
    float *x, const float *coarse_x, const float *coarse_d, const int *starts, const int *columns, const float *values,
    const int *places, int n)
{
    const int q = row_number();
    if (q < n)
        x[places[q]] += row_sum(starts, columns, values, q, [&](int c) { return coarse_x[c] + coarse_d[c]; });
}

// The coarsest level: x <- A^-1 b from the dense inverse, which is symmetric; d <- 0.
extern "C" __global__ void solve_dense(float *x, float *d, const float *b, const float *inverse, int n)
{
    const int q = row_number();
    if (q < n) {
        float sum = 0;
        for (int j = 0; j < n; ++j)
            sum += inverse[j * n + q] * b[j];
        x[q] = sum;
        d[q] = 0;
    }
}

// b <- S r in the order of the rows, from which the solution starts at 0: rest <- b, d <- take b, x <- 0. Row q stands for unknowns[q],
// and S there is scale[q].
extern "C" __global__ void enter_rows(
    float *b, float *rest, float *d, float *x, const double *r, const int *unknowns, const float *scale, float take, int n)
{
    const int q = row_number();
    if (q < n) {
        b[q] = rest[q] = float(scale[q] * r[unknowns[q]]);
        d[q] = take * b[q];
        x[q] = 0;
    }
}

// z <- factor S (x + d) in the order of the unknowns; the part of r.z. Launch: any number of blocks of (TK, TJ) threads.
extern "C" __global__ void leave_rows(
    double *z, const float *x, const float *d, const double *r, const int *unknowns, const float *scale, double factor, double *partials,
    int n)
{
    double sums[1] = {0};
    for (int q = blockIdx.x * THREADS + thread_number(); q < n; q += gridDim.x * THREADS) {
        const int u = unknowns[q];
        z[u] = factor * (scale[q] * (x[q] + d[q]));
        sums[0] += r[u] * z[u];
    }
    leave_sums(sums, partials);
}
