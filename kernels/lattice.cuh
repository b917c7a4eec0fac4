// How kernels of any side and stride lie on lattices, and what is beyond the faces.
//
// Images are [batch, n0, n1, n2, channels], n0 = 1 in the plane; weights [k0, k1, k2, C, D]:
//
//     y[i, d] = b[d] + sum over taps a and channels e of x[s i + a - p, e] w[a, e, d]
//
// and the transpose x[j, e] = sum over taps and d of g[(j + p - a) / s, d] w[a, e, d] over whole quotients, for j and for all cells
// beyond the faces that show cell j (src/nn/ops/conv.rs, pad.rs). `shape` has for each direction: cells n of x and m of y, side k of the
// kernel, stride s, cells before p and after, and what is beyond the two faces.

enum Beyond { ZERO, REFLECT, PERIODIC };
struct Direction { int n, m, k, s, before, after, beyond_first, beyond_last; };

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

// The place number `which` of those that may show cell j: the cell itself, those before the first face, those after the last. False
// where it does not.
__device__ inline bool shows(int j, int which, const Direction &d, int &place)
{
    place = which == 0 ? j : which <= d.before ? -which : d.n + which - d.before - 1;
    return which == 0 || source(place, d) == j;
}

// Cells whose share of the weights' gradient is added up at a time.
constexpr int SHARE = 2048;
