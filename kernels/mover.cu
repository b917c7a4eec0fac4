// The learned mover (src/mover/learned): the Monge-Ampere equation under cosine series and random monitors.
//
//     phi(x, y) = sum over i, j of c[i, j] w[i, j] cos(i pi x) cos(j pi y),   w[i, j] = 1 / (pi^2 (i^2 + j^2)), w[0, 0] = 0
//
// with MODES modes in each direction. All is computed in double precision, series and results are single.

constexpr int MODES = 16;
static_assert(THREADS == MODES * MODES, "a thread for each term of a series");
constexpr double PI = 3.14159265358979323846;

// w.
__device__ inline double weight(int i, int j) { return i + j == 0 ? 0 : 1 / (PI * PI * (i * i + j * j)); }

// What monitors are made of, as many numbers each as said there (synthetic.rs).
enum Kind { PEAK, RING, FRONT };
constexpr int FEATURES = 3, NUMBERS = 7;

// log m at a place and its slopes, m = 1 + sum over features of amplitude times bump.
__device__ inline double log_monitor(const double *features, double x, double y, double &slope_x, double &slope_y)
{
    double m = 1;
    slope_x = slope_y = 0;
    for (int f = 0; f < FEATURES; ++f) {
        const double *feature = features + f * NUMBERS;
        const int kind = int(feature[0]);
        const double amplitude = feature[1], rx = x - feature[2], ry = y - feature[3], width = feature[4];
        double value, by_x, by_y;
        if (kind == PEAK) {
            const double square = width * width;
            value = exp(-(rx * rx + ry * ry) / square);
            by_x = -2 * rx / square * value;
            by_y = -2 * ry / square * value;
        } else {
            double t;
            if (kind == RING) {
                const double radius = feature[5], scale = 2 * radius * width;
                t = (rx * rx + ry * ry - radius * radius) / scale;
                by_x = 2 * rx / scale;
                by_y = 2 * ry / scale;
            } else {
                by_x = feature[5] / width;
                by_y = feature[6] / width;
                t = by_x * rx + by_y * ry;
            }
            // cosh^-2 t and its derivative -2 tanh t cosh^-2 t, for all t.
            const double e = exp(-2 * fabs(t)), tangent = (t < 0 ? e - 1 : 1 - e) / (1 + e);
            value = 4 * e / ((1 + e) * (1 + e));
            by_x *= -2 * tangent * value;
            by_y *= -2 * tangent * value;
        }
        m += amplitude * value;
        slope_x += amplitude * by_x;
        slope_y += amplitude * by_y;
    }
    slope_x /= m;
    slope_y /= m;
    return log(m);
}

// The smallest eigenvalue of I + D^2 phi, and its derivatives by phi_xx, phi_yy and phi_xy.
__device__ inline double smallest_eigenvalue(double xx, double yy, double xy, double (&by)[3])
{
    const double half = 0.5 * (xx - yy), s = max(hypot(half, xy), 1e-12);
    by[0] = 0.5 - 0.5 * half / s;
    by[1] = 0.5 + 0.5 * half / s;
    by[2] = -xy / s;
    return 1 + 0.5 * (xx + yy) - s;
}

// The lattice on which the equation is looked at, and the loss there (lattice.rs).
constexpr int SIDE = 32, POINTS = SIDE * SIDE, INPUTS = 4;
constexpr double LEAST_DET = 0.03, CONVEX = 0.05, BARRIER = 10;

// log m det J at a point, and what its slopes are made of.
struct Point { double xx, yy, xy, slope_x, slope_y, by_det, value; };

// Of each series: the loss L, its gradient for c, and the image r, phi_xx, phi_yy, phi_xy that the net sees,
//
//     r = log m(xi + grad phi) + log det J less its mean,   L = mean r^2 + BARRIER mean max(0, CONVEX - lambda)^2
//
// log det going on along its tangent below LEAST_DET, lambda the smallest eigenvalue of J. Launch: a block of THREADS threads a series.
extern "C" __global__ void remainders(float *losses, float *gradients, float *images, const float *c, const double *monitors)
{
    // Values cos(i pi x), first and second derivatives at the places of a direction; sums over j of terms with those of y.
    __shared__ double table[3][SIDE][MODES], along[3][SIDE][MODES], terms[MODES * MODES], slopes[5][THREADS];
    const int t = threadIdx.x, ti = t / MODES, tj = t % MODES;
    const size_t sample = blockIdx.x;
    for (int e = t; e < SIDE * MODES; e += THREADS) {
        const int q = e / MODES, i = e % MODES;
        const double at = i * (q + 0.5) / SIDE, k = i * PI;
        table[0][q][i] = cospi(at);
        table[1][q][i] = -k * sinpi(at);
        table[2][q][i] = -k * k * cospi(at);
    }
    terms[t] = c[sample * THREADS + t] * weight(ti, tj);
    __syncthreads();
    for (int e = t; e < 3 * SIDE * MODES; e += THREADS) {
        const int order = e / (SIDE * MODES), q = e / MODES % SIDE, i = e % MODES;
        double sum = 0;
        for (int j = 0; j < MODES; ++j)
            sum += terms[i * MODES + j] * table[order][q][j];
        along[order][q][i] = sum;
    }
    __syncthreads();

    auto at = [&](int p) {
        const int px = p / SIDE, py = p % SIDE;
        double x = 0, y = 0;
        Point out = {};
        for (int i = 0; i < MODES; ++i) {
            x += table[1][px][i] * along[0][py][i];
            y += table[0][px][i] * along[1][py][i];
            out.xx += table[2][px][i] * along[0][py][i];
            out.yy += table[0][px][i] * along[2][py][i];
            out.xy += table[1][px][i] * along[1][py][i];
        }
        const double det = (1 + out.xx) * (1 + out.yy) - out.xy * out.xy;
        out.by_det = 1 / max(det, LEAST_DET);
        const double log_det = det > LEAST_DET ? log(det) : log(LEAST_DET) + det / LEAST_DET - 1;
        const double *monitor = monitors + sample * FEATURES * NUMBERS;
        out.value = log_det + log_monitor(monitor, (px + 0.5) / SIDE + x, (py + 0.5) / SIDE + y, out.slope_x, out.slope_y);
        return out;
    };
    double sum = 0;
    for (int p = t; p < POINTS; p += THREADS)
        sum += at(p).value;
    const double mean = sum_in_block(sum) / POINTS;

    // Of two places q and modes i each: sums over x, by the order in y.
    double loss = 0, sums[2][3] = {};
    for (int first = 0; first < POINTS; first += THREADS) {
        const Point point = at(first + t);
        const double r = point.value - mean;
        double by[3];
        const double lambda = smallest_eigenvalue(point.xx, point.yy, point.xy, by), low = max(0.0, CONVEX - lambda);
        loss += r * r + BARRIER * low * low;
        float *image = images + (sample * POINTS + first + t) * INPUTS;
        image[0] = float(r);
        image[1] = float(point.xx);
        image[2] = float(point.yy);
        image[3] = float(point.xy);
        // The mean has no part: the sum of r is 0.
        const double g = 2 * r / POINTS, by_det = g * point.by_det, push = -2 * BARRIER * low / POINTS;
        slopes[0][t] = g * point.slope_x;
        slopes[1][t] = g * point.slope_y;
        slopes[2][t] = by_det * (1 + point.yy) + push * by[0];
        slopes[3][t] = by_det * (1 + point.xx) + push * by[1];
        slopes[4][t] = -2 * by_det * point.xy + push * by[2];
        __syncthreads();
#pragma unroll
        for (int u = 0; u < 2; ++u) {
            const int q = (t + u * THREADS) / MODES, i = (t + u * THREADS) % MODES;
            for (int row = 0; row < THREADS / SIDE; ++row) {
                const int x = first / SIDE + row, s = row * SIDE + q;
                sums[u][0] += slopes[0][s] * table[1][x][i] + slopes[2][s] * table[2][x][i];
                sums[u][1] += slopes[1][s] * table[0][x][i] + slopes[4][s] * table[1][x][i];
                sums[u][2] += slopes[3][s] * table[0][x][i];
            }
        }
        __syncthreads();
    }
#pragma unroll
    for (int u = 0; u < 2; ++u)
        for (int order = 0; order < 3; ++order)
            along[order][(t + u * THREADS) / MODES][(t + u * THREADS) % MODES] = sums[u][order];
    loss = sum_in_block(loss);
    double gradient = 0;
    for (int order = 0; order < 3; ++order)
        for (int q = 0; q < SIDE; ++q)
            gradient += along[order][q][ti] * table[order][q][tj];
    gradients[sample * THREADS + t] = float(weight(ti, tj) * gradient);
    if (t == 0)
        losses[sample] = float(loss / POINTS);
}

// [phi, phi_x, phi_y] of one series at n points [x, y], each a thread's. Cosines of multiples by cos (i + 1)t = 2 cos t cos it - cos (i - 1)t.
extern "C" __global__ void series_at(double *out, const double *c, const double *points, int n)
{
    __shared__ double terms[MODES][MODES];
    const int t = threadIdx.x, p = blockIdx.x * THREADS + t;
    terms[t / MODES][t % MODES] = c[t] * weight(t / MODES, t % MODES);
    __syncthreads();
    if (p >= n)
        return;
    const double x = points[2 * p], y = points[2 * p + 1];
    const double cos_x = cospi(x), sin_x = sinpi(x), cos_y = cospi(y), sin_y = sinpi(y);
    double phi = 0, phi_x = 0, phi_y = 0;
    double cx = 1, sx = 0, cx_before = cos_x, sx_before = -sin_x;
    for (int i = 0; i < MODES; ++i) {
        double value = 0, by_y = 0;
        double cy = 1, sy = 0, cy_before = cos_y, sy_before = -sin_y;
        for (int j = 0; j < MODES; ++j) {
            value += terms[i][j] * cy;
            by_y -= terms[i][j] * j * PI * sy;
            const double cy_next = 2 * cos_y * cy - cy_before, sy_next = 2 * cos_y * sy - sy_before;
            cy_before = cy, sy_before = sy;
            cy = cy_next, sy = sy_next;
        }
        phi += cx * value;
        phi_x -= i * PI * sx * value;
        phi_y += cx * by_y;
        const double cx_next = 2 * cos_x * cx - cx_before, sx_next = 2 * cos_x * sx - sx_before;
        cx_before = cx, sx_before = sx;
        cx = cx_next, sx = sx_next;
    }
    out[3 * p] = phi;
    out[3 * p + 1] = phi_x;
    out[3 * p + 2] = phi_y;
}
