// What all kernels share; their text begins with this file.
//
// A box has n0 x n1 x n2 cells, the last direction fastest. Fields on it are arrays without margins; outside the box, and outside
// the fluid, everything counts as 0. Sums over all cells are formed in two stages of a fixed order, so a result has the same bits
// in every run: each block leaves its part in `partials`, and `finish` (krylov.cu) adds those up.

typedef unsigned char byte;

// Threads of a block are (TK, TJ): a tile of a plane. A block marches through PLANES planes.
constexpr int TK = 32, TJ = 8;
[[maybe_unused]] constexpr int PLANES = 16;
constexpr int THREADS = TK * TJ;

__device__ inline int thread_number() { return threadIdx.y * blockDim.x + threadIdx.x; }

__device__ inline int block_number() { return (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x; }

// partials[K block + i] <- the sum of v[i] over the block's THREADS threads, added along a binary tree.
template <int K>
__device__ inline void leave_sums(const double (&v)[K], double *partials)
{
    __shared__ double sums[K][THREADS];
    const int t = thread_number();
    for (int i = 0; i < K; ++i)
        sums[i][t] = v[i];
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (t < half)
            for (int i = 0; i < K; ++i)
                sums[i][t] += sums[i][t + half];
        __syncthreads();
    }
    if (t < K)
        partials[K * block_number() + t] = sums[t][0];
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

// Calls point(cell, value, sum of the six neighbours' values) for the cells of the block's tile, plane after plane. Values are
// load(cell), 0 outside the box. The plane lies in shared memory with a halo of one cell, the planes before and after in registers,
// so that load is called about once a cell. Launch: blocks (n2 / TK, n1 / TJ, n0 / PLANES) rounded up, threads (TK, TJ).
template <typename Value, typename Sum, typename Load, typename Point>
__device__ inline void march(int n0, int n1, int n2, Load load, Point point)
{
    __shared__ Value tile[TJ + 2][TK + 2];
    const int tx = threadIdx.x, ty = threadIdx.y;
    const int k = blockIdx.x * TK + tx, j = blockIdx.y * TJ + ty;
    const int first = blockIdx.z * PLANES, last = min(first + PLANES, n0);
    auto value = [&](int i, int j, int k) -> Value {
        const bool inside = i >= 0 && i < n0 && j >= 0 && j < n1 && k >= 0 && k < n2;
        return inside ? load((i * n1 + j) * n2 + k) : Value(0);
    };
    Value before = value(first - 1, j, k), here = value(first, j, k);
    for (int i = first; i < last; ++i) {
        const Value after = value(i + 1, j, k);
        tile[ty + 1][tx + 1] = here;
        if (ty == 0)
            tile[0][tx + 1] = value(i, j - 1, k);
        if (ty == TJ - 1)
            tile[TJ + 1][tx + 1] = value(i, j + 1, k);
        if (tx == 0)
            tile[ty + 1][0] = value(i, j, k - 1);
        if (tx == TK - 1)
            tile[ty + 1][TK + 1] = value(i, j, k + 1);
        __syncthreads();
        if (j < n1 && k < n2) {
            const Sum along = Sum(tile[ty + 1][tx]) + Sum(tile[ty + 1][tx + 2]);
            const Sum across = Sum(tile[ty][tx + 1]) + Sum(tile[ty + 2][tx + 1]);
            point((i * n1 + j) * n2 + k, here, along + across + (Sum(before) + Sum(after)));
        }
        __syncthreads();
        before = here;
        here = after;
    }
}
