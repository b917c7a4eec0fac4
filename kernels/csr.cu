// y <- A x for a matrix in compressed sparse rows: row starts [n + 1], columns and values [nonzeros].
//
// LANES threads a row read its entries side by side. Launch: blocks of (TK, TJ) threads, THREADS / LANES rows each.

constexpr int LANES = 8, ROWS = THREADS / LANES;

// y <- A x, and the part of x.A x.
extern "C" __global__ void multiply_rows(
    double *y, const double *x, const int *starts, const int *columns, const double *values, double *partials, int n)
{
    __shared__ double parts[ROWS][LANES];
    const int t = thread_number(), row = blockIdx.x * ROWS + t / LANES, lane = t % LANES;
    double sum = 0;
    if (row < n)
        for (int e = starts[row] + lane; e < starts[row + 1]; e += LANES)
            sum += values[e] * x[columns[e]];
    parts[t / LANES][lane] = sum;
    __syncthreads();
    double sums[1] = {0};
    if (row < n && lane == 0) {
        double total = 0;
        for (int i = 0; i < LANES; ++i)
            total += parts[t / LANES][i];
        y[row] = total;
        sums[0] = x[row] * total;
    }
    leave_sums(sums, partials);
}
