// The sweeps of textbook multigrid on voxels: damped Jacobi, trilinear interpolation P and its transpose (formulas and source:
// src/precond/voxel/rediscretised.rs). All fields are single precision.
//
// degree as in voxel.cu. total [cells], one byte: the sum of a cell's weights in P in 64ths, 0 outside the fluid. In one direction a
// cell takes 3/4 of its own block and 1/4 of the next one; a direction one cell thick has no halves.
//
// Launch: as march (common.cuh) says, over the fine box; `restrict_residual` over blocks: (m2 / RK, m1 / RJ, m0 / PLANES) rounded up
// of (TK, TJ) threads; `bottom` one block of (TK, TJ).

__device__ inline float jacobi(byte degree, float omega, float r, float here, float sum)
{
    return degree ? here + omega / degree * (r - (degree * here - sum)) : 0;
}

// z <- two sweeps from 0: z_1 = omega r / degree, z = z_1 + omega / degree (r - A z_1).
extern "C" __global__ void smooth_twice(
    float *z, const float *r, const byte *degree, float omega, int n0, int n1, int n2)
{
    auto load = [&](int c) { return degree[c] ? omega / degree[c] * r[c] : 0.0f; };
    march<float, float>(n0, n1, n2, load, [&](int c, float here, float sum) { z[c] = jacobi(degree[c], omega, r[c], here, sum); });
}

// out <- a sweep from z; the part of r.out.
extern "C" __global__ void smooth(
    float *out, const float *z, const float *r, const byte *degree, float omega, double *partials, int n0, int n1, int n2)
{
    double sums[1] = {0};
    march<float, float>(n0, n1, n2, [&](int c) { return z[c]; }, [&](int c, float here, float sum) {
        const float value = jacobi(degree[c], omega, r[c], here, sum);
        out[c] = value;
        sums[0] += double(value) * double(r[c]);
    });
    leave_sums(sums, partials);
}

// The next block of cell i of n in one direction, or -1.
__device__ inline int next_block(int i, int n)
{
    const int next = i % 2 ? i / 2 + 1 : i / 2 - 1;
    return n > 1 && next < (n + 1) / 2 ? next : -1;
}

// (P e) in cell (i, j, k) before the division by its sum of weights, in 64ths.
__device__ inline float interpolate(const float *e, int i, int j, int k, int n0, int n1, int n2)
{
    const int m1 = (n1 + 1) / 2, m2 = (n2 + 1) / 2;
    const int is[2] = {i / 2, next_block(i, n0)}, js[2] = {j / 2, next_block(j, n1)}, ks[2] = {k / 2, next_block(k, n2)};
    float sum = 0;
    for (int a = 0; a < 2; ++a)
        for (int b = 0; b < 2; ++b)
            for (int c = 0; c < 2; ++c)
                if (is[a] >= 0 && js[b] >= 0 && ks[c] >= 0) {
                    const float wi = n0 == 1 ? 4 : a ? 1 : 3, wj = n1 == 1 ? 4 : b ? 1 : 3, wk = n2 == 1 ? 4 : c ? 1 : 3;
                    sum += wi * wj * wk * e[(is[a] * m1 + js[b]) * m2 + ks[c]];
                }
    return sum;
}

// out <- a sweep from z + P e.
extern "C" __global__ void prolong_smooth(
    float *out, const float *z, const float *e, const float *r, const byte *degree, const byte *total, float omega, int n0, int n1, int n2)
{
    auto load = [&](int c) {
        const byte sum = total[c];
        return sum ? z[c] + interpolate(e, c / (n1 * n2), c / n2 % n1, c % n2, n0, n1, n2) / sum : z[c];
    };
    march<float, float>(n0, n1, n2, load, [&](int c, float here, float sum) { out[c] = jacobi(degree[c], omega, r[c], here, sum); });
}

// Blocks of cells a thread block takes in a plane; their cells and a halo of one fine cell lie in shared memory.
constexpr int RK = 16, RJ = 8;

// coarse <- scale P^T (r - A z) where the block is fluid, else 0. Blocks march through coarse planes; each fine plane is summed in
// the plane first and then added to the one or two coarse planes that take from it.
extern "C" __global__ void restrict_residual(
    float *coarse, const float *z, const float *r, const byte *degree, const byte *total, const byte *coarse_degree, float scale, int n0,
    int n1, int n2)
{
    __shared__ float tile[2 * RJ + 2][2 * RK + 2];
    const int m0 = (n0 + 1) / 2, m1 = (n1 + 1) / 2, m2 = (n2 + 1) / 2;
    const int t = thread_number(), bk = t % RK, bj = t / RK;
    const int K = blockIdx.x * RK + bk, J = blockIdx.y * RJ + bj;
    const int first = blockIdx.z * PLANES, last = min(first + PLANES, m0);
    const int j0 = 2 * RJ * blockIdx.y - 1, k0 = 2 * RK * blockIdx.x - 1;
    auto at = [&](int i, int j, int k) {
        return i >= 0 && i < n0 && j >= 0 && j < n1 && k >= 0 && k < n2 ? z[(i * n1 + j) * n2 + k] : 0.0f;
    };
    // What cell a of the four around a block gives to it, in quarters.
    auto weight = [](int a, int n) { return n == 1 ? (a == 1 ? 4.0f : 0.0f) : a == 0 || a == 3 ? 1.0f : 3.0f; };
    // The sum in fine plane i; every thread of the block calls this.
    auto plane = [&](int i) -> float {
        __syncthreads();
        for (int q = t; q < (2 * RJ + 2) * (2 * RK + 2); q += THREADS) {
            const int j = j0 + q / (2 * RK + 2), k = k0 + q % (2 * RK + 2);
            float value = 0;
            if (i >= 0 && i < n0 && j >= 0 && j < n1 && k >= 0 && k < n2) {
                const int c = (i * n1 + j) * n2 + k;
                if (total[c]) {
                    const float along = at(i, j, k - 1) + at(i, j, k + 1), across = at(i, j - 1, k) + at(i, j + 1, k);
                    const float sum = along + across + (at(i - 1, j, k) + at(i + 1, j, k));
                    value = (r[c] - (degree[c] * z[c] - sum)) / total[c];
                }
            }
            tile[q / (2 * RK + 2)][q % (2 * RK + 2)] = value;
        }
        __syncthreads();
        float sum = 0;
        if (bj < RJ)
            for (int a = 0; a < 4; ++a)
                for (int b = 0; b < 4; ++b)
                    sum += weight(a, n1) * weight(b, n2) * tile[2 * bj + a][2 * bk + b];
        return sum;
    };
    float before = n0 == 1 ? 0 : plane(2 * first - 1);
    float own = plane(2 * first);
    for (int I = first; I < last; ++I) {
        float value, next_before = 0, next_own = 0;
        if (n0 == 1) {
            value = 4 * own;
        } else {
            next_before = plane(2 * I + 1);
            next_own = plane(2 * I + 2);
            value = before + 3 * own + 3 * next_before + next_own;
        }
        if (bj < RJ && J < m1 && K < m2) {
            const int c = (I * m1 + J) * m2 + K;
            coarse[c] = coarse_degree[c] ? scale * value : 0;
        }
        before = next_before;
        own = next_own;
    }
}

// z <- `sweeps` sweeps from 0 on the coarsest grid; `other` is work space. One block, whose threads see what the others wrote.
extern "C" __global__ void bottom(
    float *z, float *other, const float *r, const byte *degree, float omega, int sweeps, int n0, int n1, int n2)
{
    const int n = n0 * n1 * n2;
    float *from = z, *to = other;
    for (int c = thread_number(); c < n; c += THREADS)
        from[c] = 0;
    __syncthreads();
    for (int sweep = 0; sweep < sweeps; ++sweep) {
        for (int c = thread_number(); c < n; c += THREADS) {
            const int i = c / (n1 * n2), j = c / n2 % n1, k = c % n2;
            float sum = 0;
            if (i > 0) sum += from[c - n1 * n2];
            if (i + 1 < n0) sum += from[c + n1 * n2];
            if (j > 0) sum += from[c - n2];
            if (j + 1 < n1) sum += from[c + n2];
            if (k > 0) sum += from[c - 1];
            if (k + 1 < n2) sum += from[c + 1];
            to[c] = jacobi(degree[c], omega, r[c], from[c], sum);
        }
        __syncthreads();
        float *swap = from;
        from = to;
        to = swap;
    }
    for (int c = thread_number(); from != z && c < n; c += THREADS)
        z[c] = from[c];
}
