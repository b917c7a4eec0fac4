// The cycle of gmg and dcdm on one grid level (formulas: src/precond/voxel/mod.rs and level.rs), each half in one sweep over the planes:
//
//     descend   z1 <- S r, coarse <- P^T (r - A z1)
//     ascend    z2 <- z1 + P e, z <- z2 + S (r - A z2), the part of r.z
//
// with the smoother S = H K H: K a constant 3 x 3 x 3 kernel (centre, faces, edges, corners), H a diagonal. All fields are single
// precision [n0, n1, n2] and 0 outside the fluid; coarse ones [m0, m1, m2], m = n / 2 rounded up. A grid in the plane has n1 = 1.
//
// The operator comes in two forms. Flags: degree as in voxel.cu; H is scale in 128ths, or the mask of the fluid where scale is absent.
// Weights: one number for the face to the next cell in each direction (wi, wj, wk), the diagonal, and H.
// P: bit b = 4 bi + 2 bj + bk of links says whether a cell takes from the block at that offset towards its nearer neighbours, with the
// weight 27, 9, 3 or 1 for bi + bj + bk = 0 to 3, over total.
//
// The last grid level gives its blocks' values to the unknowns of a sparse level (amg.cu) and takes them back: `gather`, `spread`.
//
// A block of threads takes a tile of FJ x FK cells of a plane and marches through `planes` coarse planes, twice as many fine ones. The
// plane in work lies in shared memory with as wide a halo as what follows needs; of the planes before, a thread keeps in registers what
// they add to its own cells. Tiles overlap by their halos: what lies there is computed by both.
// Launch: blocks (n2 / FK, n1 / FJ, m0 / planes) rounded up, threads (TK, TJ); `gather` and `spread` blocks of THREADS, one thread each.

constexpr int FJ = 16, FK = 32;

// The weight of a block that is the next one in so many directions, in 64ths.
__device__ constexpr float weight(int directions) { return directions == 0 ? 27 : directions == 1 ? 9 : directions == 2 ? 3 : 1; }

// A tile with a halo: its cells, and how many of them a thread has.
template <int HALO> struct Tile {
    static constexpr int J = FJ + 2 * HALO, K = FK + 2 * HALO, CELLS = J * K, EACH = (CELLS + THREADS - 1) / THREADS;
};

struct Box {
    int n0, n1, n2, j0, k0;

    // The number of cell q of the tile in plane i, or -1 outside the box.
    template <int HALO> __device__ int cell(int i, int q) const
    {
        const int j = j0 + q / Tile<HALO>::K - HALO, k = k0 + q % Tile<HALO>::K - HALO;
        return i >= 0 && i < n0 && j >= 0 && j < n1 && k >= 0 && k < n2 ? (i * n1 + j) * n2 + k : -1;
    }
};

// Where cell q of a tile lies in the tile whose halo is wider by one.
template <int HALO> __device__ inline int wider(int q)
{
    return (q / Tile<HALO>::K + 1) * Tile<HALO + 1>::K + q % Tile<HALO>::K + 1;
}

// A cell's neighbours in its plane.
struct Around { float before, after, left, right; };

template <int K> __device__ inline Around around(const float *at) { return {at[-1], at[1], at[-K], at[K]}; }

struct Flags {
    const byte *degree, *scale;

    __device__ float h(int c) const { return scale ? scale[c] * (1.0f / 128) : degree[c] ? 1.0f : 0.0f; }
    // r - A z in cell c without what the plane after adds.
    __device__ float open(int c, const Box &, float r, float here, float up, Around z) const
    {
        return r - (degree[c] * here - (z.before + z.after + (z.left + z.right) + up));
    }
    // The same with it.
    __device__ float close(int c, float left, float down) const { return degree[c] ? left + down : 0; }
};

struct Weights {
    const float *wi, *wj, *wk, *diagonal, *scale;

    __device__ float h(int c) const { return scale[c]; }
    __device__ float open(int c, const Box &b, float r, float here, float up, Around z) const
    {
        const int plane = b.n1 * b.n2;
        float sum = wk[c] * z.after + wj[c] * z.right;
        if (c >= 1) sum += wk[c - 1] * z.before;
        if (c >= b.n2) sum += wj[c - b.n2] * z.left;
        if (c >= plane) sum += wi[c - plane] * up;
        return r - (diagonal[c] * here - sum);
    }
    __device__ float close(int c, float left, float down) const { return left + wi[c] * down; }
};

// K s along a column of planes, plane by plane.
struct Smoother {
    float open = 0, side = 0;

    // Takes in the plane whose cell lies at `at` in a tile of rows K long; gives K s in the plane before.
    template <int K> __device__ float next(const float *at, float4 kernel)
    {
        const Around a = around<K>(at);
        const float centre = *at, cross = a.before + a.after + (a.left + a.right);
        const float corners = at[-K - 1] + at[-K + 1] + (at[K - 1] + at[K + 1]);
        const float beside = kernel.y * centre + kernel.z * cross + kernel.w * corners;
        const float value = open + beside;
        open = kernel.x * centre + kernel.y * cross + kernel.z * corners + side;
        side = beside;
        return value;
    }
};

// r - A z along a column of planes.
struct Residual {
    float left = 0, up = 0;

    // Takes in plane i, where cell q of the tile lies at `at` in the next wider one; gives r - A z in the plane before.
    template <int HALO, typename Operator>
    __device__ float next(const Operator &a, const Box &box, const float *r, const float *at, int i, int q)
    {
        const int before = box.cell<HALO>(i - 1, q), own = box.cell<HALO>(i, q);
        const float here = *at, value = before < 0 ? 0 : a.close(before, left, here);
        left = own < 0 ? 0 : a.open(own, box, r[own], here, up, around<Tile<HALO + 1>::K>(at));
        up = here;
        return value;
    }
};

// What the 4 x 4 cells of a plane around block (J, K) of the tile give to it: as the block's own plane, and as the plane beside it.
__device__ inline float2 shares_of(const float *shares, const byte *bits, int J, int K)
{
    float2 sum = {0, 0};
#pragma unroll
    for (int a = 0; a < 4; ++a)
#pragma unroll
        for (int b = 0; b < 4; ++b) {
            const int at = (2 * J + a) * Tile<1>::K + 2 * K + b;
            const int bj = a == 0 || a == 3, bk = b == 0 || b == 3, corner = 2 * bj + bk;
            const float share = shares[at];
            if (bits[at] >> corner & 1) sum.x += weight(bj + bk) * share;
            if (bits[at] >> (corner + 4) & 1) sum.y += weight(1 + bj + bk) * share;
        }
    return sum;
}

template <typename Operator>
__device__ inline void descend(
    float *z1, float *coarse, const float *r, Operator a, const byte *links, const byte *total, float4 kernel, int planes, int n0, int n1,
    int n2)
{
    __shared__ float scaled[Tile<3>::CELLS], smooth[Tile<2>::CELLS], shares[Tile<1>::CELLS];
    __shared__ byte bits[Tile<1>::CELLS];
    const Box box = {n0, n1, n2, int(blockIdx.y) * FJ, int(blockIdx.x) * FK};
    const int m0 = (n0 + 1) / 2, m1 = (n1 + 1) / 2, m2 = (n2 + 1) / 2;
    const int t = thread_number(), J = t / (FK / 2), K = t % (FK / 2);
    const int first = blockIdx.z * planes, last = min(first + planes, m0);
    const bool gathers = J < FJ / 2 && box.j0 / 2 + J < m1 && box.k0 / 2 + K < m2;
    Smoother smoother[Tile<2>::EACH];
    Residual residual[Tile<1>::EACH];
    float block = 0, next_block = 0;
    // Plane p comes in, z1 is known in plane p - 1 and r - A z1 in plane p - 2.
    for (int p = 2 * first - 3; p <= 2 * last + 2; ++p) {
        for (int q = t; q < Tile<3>::CELLS; q += THREADS) {
            const int c = box.cell<3>(p, q);
            scaled[q] = c < 0 ? 0 : a.h(c) * r[c];
        }
        __syncthreads();
#pragma unroll
        for (int e = 0; e < Tile<2>::EACH; ++e) {
            const int q = t + e * THREADS;
            if (q < Tile<2>::CELLS) {
                const float sum = smoother[e].next<Tile<3>::K>(scaled + wider<2>(q), kernel);
                const int c = box.cell<2>(p - 1, q), j = q / Tile<2>::K - 2, k = q % Tile<2>::K - 2;
                const float value = c < 0 ? 0 : a.h(c) * sum;
                smooth[q] = value;
                if (c >= 0 && p - 1 >= 2 * first && p - 1 < 2 * last && j >= 0 && j < FJ && k >= 0 && k < FK)
                    z1[c] = value;
            }
        }
        __syncthreads();
#pragma unroll
        for (int e = 0; e < Tile<1>::EACH; ++e) {
            const int q = t + e * THREADS;
            if (q < Tile<1>::CELLS) {
                const float value = residual[e].next<1>(a, box, r, smooth + wider<1>(q), p - 1, q);
                const int c = box.cell<1>(p - 2, q);
                shares[q] = c < 0 ? 0 : value / total[c];
                bits[q] = c < 0 ? 0 : links[c];
            }
        }
        __syncthreads();
        if (gathers) {
            // An odd plane is its block's second, and beside the next block; an even one the first, and beside the block before.
            const float2 sum = shares_of(shares, bits, J, K);
            if (p & 1) {
                block += sum.x;
                next_block = sum.y;
            } else {
                const int I = (p - 2) / 2 - 1;
                if (p - 2 > 2 * first)
                    coarse[(I * m1 + box.j0 / 2 + J) * m2 + box.k0 / 2 + K] = block + sum.y;
                block = next_block + sum.x;
            }
        }
    }
}

// Blocks of a tile with those that its halo of two cells takes from, on either side two.
constexpr int EJ = FJ / 2 + 4, EK = FK / 2 + 4;

// P e in cell q of a tile with a halo of two; `e` holds the blocks of its own plane, and of the plane beside that it takes from.
__device__ inline float interpolate(const float *e, byte bits, int q)
{
    const int j = q / Tile<2>::K, k = q % Tile<2>::K;
    const int J = (j + 2) / 2, K = (k + 2) / 2, dj = j % 2 ? 1 : -1, dk = k % 2 ? 1 : -1;
    float sum = 0;
#pragma unroll
    for (int b = 0; b < 8; ++b) {
        const int bi = b / 4, bj = b / 2 % 2, bk = b % 2;
        if (bits >> b & 1)
            sum += weight(bi + bj + bk) * e[(bi * EJ + J + bj * dj) * EK + K + bk * dk];
    }
    return sum;
}

template <typename Operator>
__device__ inline void ascend(
    float *z, const float *z1, const float *e, const float *r, Operator a, const byte *links, const byte *total, float4 kernel,
    double *partials, int planes, int n0, int n1, int n2)
{
    __shared__ float blocks[2 * EJ * EK], corrected[Tile<2>::CELLS], scaled[Tile<1>::CELLS];
    const Box box = {n0, n1, n2, int(blockIdx.y) * FJ, int(blockIdx.x) * FK};
    const int m0 = (n0 + 1) / 2, m1 = (n1 + 1) / 2, m2 = (n2 + 1) / 2;
    const int t = thread_number();
    const int first = 2 * blockIdx.z * planes, last = min(first + 2 * planes, n0);
    Residual residual[Tile<1>::EACH];
    Smoother smoother[Tile<0>::EACH];
    float older[Tile<0>::EACH] = {}, old[Tile<0>::EACH] = {};
    double sums[1] = {0};
    // z2 is known in plane p, r - A z2 in plane p - 1, z in plane p - 2.
    for (int p = first - 2; p <= last + 1; ++p) {
        for (int q = t; q < 2 * EJ * EK; q += THREADS) {
            const int own = p < 0 ? -1 : p / 2, I = q / (EJ * EK) == 0 ? own : p & 1 ? own + 1 : own - 1;
            const int J = box.j0 / 2 + q / EK % EJ - 2, K = box.k0 / 2 + q % EK - 2;
            const bool inside = I >= 0 && I < m0 && J >= 0 && J < m1 && K >= 0 && K < m2;
            blocks[q] = inside ? e[(I * m1 + J) * m2 + K] : 0;
        }
        __syncthreads();
#pragma unroll
        for (int s = 0; s < Tile<2>::EACH; ++s) {
            const int q = t + s * THREADS;
            if (q < Tile<2>::CELLS) {
                const int c = box.cell<2>(p, q);
                corrected[q] = c < 0 ? 0 : z1[c] + interpolate(blocks, links[c], q) / total[c];
            }
        }
        __syncthreads();
#pragma unroll
        for (int s = 0; s < Tile<1>::EACH; ++s) {
            const int q = t + s * THREADS;
            if (q < Tile<1>::CELLS) {
                const float value = residual[s].next<1>(a, box, r, corrected + wider<1>(q), p, q);
                const int c = box.cell<1>(p - 1, q);
                scaled[q] = c < 0 ? 0 : a.h(c) * value;
            }
        }
        __syncthreads();
#pragma unroll
        for (int s = 0; s < Tile<0>::EACH; ++s) {
            const int q = t + s * THREADS, c = box.cell<0>(p - 2, q);
            const float sum = smoother[s].next<Tile<1>::K>(scaled + wider<0>(q), kernel);
            if (c >= 0 && p - 2 >= first && p - 2 < last) {
                const float value = older[s] + a.h(c) * sum;
                z[c] = value;
                sums[0] += double(value) * double(r[c]);
            }
            older[s] = old[s];
            old[s] = corrected[wider<1>(wider<0>(q))];
        }
    }
    leave_sums(sums, partials);
}

extern "C" __global__ void descend_flags(
    float *z1, float *coarse, const float *r, const byte *degree, const byte *scale, const byte *links, const byte *total, float centre,
    float faces, float edges, float corners, int planes, int n0, int n1, int n2)
{
    descend(z1, coarse, r, Flags{degree, scale}, links, total, {centre, faces, edges, corners}, planes, n0, n1, n2);
}

extern "C" __global__ void descend_weights(
    float *z1, float *coarse, const float *r, const float *wi, const float *wj, const float *wk, const float *diagonal, const float *scale,
    const byte *links, const byte *total, float centre, float faces, float edges, float corners, int planes, int n0, int n1, int n2)
{
    const Weights a = {wi, wj, wk, diagonal, scale};
    descend(z1, coarse, r, a, links, total, {centre, faces, edges, corners}, planes, n0, n1, n2);
}

extern "C" __global__ void ascend_flags(
    float *z, const float *z1, const float *e, const float *r, const byte *degree, const byte *scale, const byte *links, const byte *total,
    float centre, float faces, float edges, float corners, double *partials, int planes, int n0, int n1, int n2)
{
    const Flags a = {degree, scale};
    ascend(z, z1, e, r, a, links, total, {centre, faces, edges, corners}, partials, planes, n0, n1, n2);
}

extern "C" __global__ void ascend_weights(
    float *z, const float *z1, const float *e, const float *r, const float *wi, const float *wj, const float *wk, const float *diagonal,
    const float *scale, const byte *links, const byte *total, float centre, float faces, float edges, float corners, double *partials,
    int planes, int n0, int n1, int n2)
{
    const Weights a = {wi, wj, wk, diagonal, scale};
    ascend(z, z1, e, r, a, links, total, {centre, faces, edges, corners}, partials, planes, n0, n1, n2);
}

// r - A z in cell c.
template <typename Operator>
__device__ inline float residual_at(const Operator &a, const Box &box, const float *r, const float *z, int c)
{
    const int plane = box.n1 * box.n2, i = c / plane, j = c / box.n2 % box.n1, k = c % box.n2;
    const Around beside = {
        k > 0 ? z[c - 1] : 0, k + 1 < box.n2 ? z[c + 1] : 0, j > 0 ? z[c - box.n2] : 0, j + 1 < box.n1 ? z[c + box.n2] : 0};
    const float left = a.open(c, box, r[c], z[c], i > 0 ? z[c - plane] : 0, beside);
    return a.close(c, left, i + 1 < box.n0 ? z[c + plane] : 0);
}

// Unknown u of n: its block's value and, over its entries `starts[u]` on, weights times r - A z1 in cells that take from it alone, all
// times `scale[u]`. That is b; the solution starts from x = 0 with the direction d = take b.
template <typename Operator>
__device__ inline void gather(
    float *b, float *rest, float *d, float *x, const float *blocks, const int *places, const float *scale, float take, const int *starts,
    const int *cells, const float *weights, const float *r, const float *z1, Operator a, int n, Box box)
{
    const int u = blockIdx.x * THREADS + threadIdx.x;
    if (u >= n)
        return;
    float sum = places[u] < 0 ? 0 : blocks[places[u]];
    for (int e = starts[u]; e < starts[u + 1]; ++e)
        sum += weights[e] * residual_at(a, box, r, z1, cells[e]);
    b[u] = rest[u] = scale[u] * sum;
    d[u] = take * b[u];
    x[u] = 0;
}

extern "C" __global__ void gather_flags(
    float *b, float *rest, float *d, float *x, const float *blocks, const int *places, const float *scale, float take, const int *starts,
    const int *cells, const float *weights, const float *r, const float *z1, const byte *degree, int n, int n0, int n1, int n2)
{
    const Flags a = {degree, nullptr};
    gather(b, rest, d, x, blocks, places, scale, take, starts, cells, weights, r, z1, a, n, {n0, n1, n2, 0, 0});
}

extern "C" __global__ void gather_weights(
    float *b, float *rest, float *d, float *x, const float *blocks, const int *places, const float *scale, float take, const int *starts,
    const int *cells, const float *weights, const float *r, const float *z1, const float *wi, const float *wj, const float *wk,
    const float *diagonal, int n, int n0, int n1, int n2)
{
    const Weights a = {wi, wj, wk, diagonal, nullptr};
    gather(b, rest, d, x, blocks, places, scale, take, starts, cells, weights, r, z1, a, n, {n0, n1, n2, 0, 0});
}

// blocks <- x + d times the scale, of n unknowns in their places; z1 <- z1 + what `special` cells take from unknowns, over their
// entries `starts[s]` on.
extern "C" __global__ void spread(
    float *blocks, float *z1, const float *x, const float *d, const int *places, const float *scale, const int *special, const int *starts,
    const int *unknowns, const float *weights, int n, int specials)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    auto value = [&](int u) { return scale[u] * (x[u] + d[u]); };
    if (q < n && places[q] >= 0)
        blocks[places[q]] = value(q);
    if (q < specials) {
        float sum = 0;
        for (int e = starts[q]; e < starts[q + 1]; ++e)
            sum += weights[e] * value(unknowns[e]);
        z1[special[q]] += sum;
    }
}
