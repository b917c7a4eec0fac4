// The learned mover (src/mover/learned): the Monge-Ampere equation under cosine series and random monitors, and under jets of the
// published net. Series first:
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

// Second-order jets (jets.rs): [n, JET, C] holds z, z_x, z_y, z_xx, z_yy, z_xy of C channels at n places. Launch: a thread a jet, or a
// number where there are more or fewer.
constexpr int JET = 6;

// out <- the jets of tanh z.
extern "C" __global__ void jet_tanh(float *out, const float *jets, int channels, int all)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q >= all)
        return;
    const size_t first = size_t(q / channels) * JET * channels + q % channels;
    const float *z = jets + first;
    float *y = out + first;
    const float s = tanhf(z[0]), s1 = 1 - s * s, s2 = -2 * s * s1, zx = z[channels], zy = z[2 * channels];
    y[0] = s;
    y[channels] = s1 * zx;
    y[2 * channels] = s1 * zy;
    y[3 * channels] = s2 * zx * zx + s1 * z[3 * channels];
    y[4 * channels] = s2 * zy * zy + s1 * z[4 * channels];
    y[5 * channels] = s2 * zx * zy + s1 * z[5 * channels];
}

// Its gradient for z from the gradient g.
extern "C" __global__ void jet_tanh_gradient(float *out, const float *gradients, const float *jets, int channels, int all)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q >= all)
        return;
    const size_t first = size_t(q / channels) * JET * channels + q % channels;
    float z[JET], g[JET];
#pragma unroll
    for (int k = 0; k < JET; ++k) {
        z[k] = jets[first + k * channels];
        g[k] = gradients[first + k * channels];
    }
    const float s = tanhf(z[0]), s1 = 1 - s * s, s2 = -2 * s * s1, s3 = s1 * (6 * s * s - 2);
    const float curved = g[3] * z[1] * z[1] + g[4] * z[2] * z[2] + g[5] * z[1] * z[2];
    const float along = g[1] * z[1] + g[2] * z[2] + g[3] * z[3] + g[4] * z[4] + g[5] * z[5];
    float *to = out + first;
    to[0] = s1 * g[0] + s2 * along + s3 * curved;
    to[channels] = s1 * g[1] + s2 * (2 * g[3] * z[1] + g[5] * z[2]);
    to[2 * channels] = s1 * g[2] + s2 * (2 * g[4] * z[2] + g[5] * z[1]);
    to[3 * channels] = s1 * g[3];
    to[4 * channels] = s1 * g[4];
    to[5 * channels] = s1 * g[5];
}

// out[b, p] <- the jet moving[p], still[b] added to its z; [batch, places, JET, C] from [places, JET, C] and [batch, C].
extern "C" __global__ void add_still(float *out, const float *moving, const float *still, int places, int channels, int all)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q >= all)
        return;
    const int length = places * JET * channels, in_jet = q % (JET * channels);
    out[q] = moving[q % length] + (in_jet < channels ? still[size_t(q / length) * channels + in_jet] : 0);
}

// Its gradient for still: the sum of g over places, of z alone.
extern "C" __global__ void still_gradient(float *out, const float *g, int places, int channels, int all)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q >= all)
        return;
    float sum = 0;
    for (int p = 0; p < places; ++p)
        sum += g[(size_t(q / channels) * places + p) * JET * channels + q % channels];
    out[q] = sum;
}

// Of the jets of phi under each monitor at `count` places: the loss and its gradient,
//
//     L = mean (m det J / theta - 1)^2 + mean min(0, lambda)^2 + SIDES mean (d phi / d n)^2
//
// the first two over the first `inside` places, the last over the others, which lie on the sides x = const, x = const, y = const,
// y = const in turn (dmm.rs); `as_published` 1 + phi_xx and 1 + phi_yy take the place of the eigenvalue lambda. Launch: a block of
// THREADS threads a monitor.
constexpr double SIDES = 1000;
extern "C" __global__ void place_losses(
    float *losses, float *gradients, const float *jets, const double *monitors, const double *theta, const double *places, int count,
    int inside, int as_published)
{
    const size_t sample = blockIdx.x;
    double loss = 0;
    for (int p = threadIdx.x; p < count; p += THREADS) {
        const float *jet = jets + (sample * count + p) * JET;
        float *gradient = gradients + (sample * count + p) * JET;
        const double x = jet[1], y = jet[2], xx = jet[3], yy = jet[4], xy = jet[5];
        gradient[0] = 0;
        if (p >= inside) {
            const bool along_x = p % 4 < 2;
            const double normal = along_x ? x : y, share = SIDES / (count - inside);
            loss += share * normal * normal;
            gradient[1] = along_x ? float(2 * share * normal) : 0;
            gradient[2] = along_x ? 0 : float(2 * share * normal);
            gradient[3] = gradient[4] = gradient[5] = 0;
            continue;
        }
        double slope_x, slope_y;
        const double log_m = log_monitor(monitors + sample * FEATURES * NUMBERS, places[2 * p] + x, places[2 * p + 1] + y, slope_x, slope_y);
        const double m = exp(log_m) / theta[sample], det = (1 + xx) * (1 + yy) - xy * xy;
        const double left = m * det - 1, by = 2 * left * m / inside;
        double convex[3];
        if (as_published) {
            convex[0] = min(0.0, 1 + xx);
            convex[1] = min(0.0, 1 + yy);
            convex[2] = 0;
            loss += (left * left + convex[0] * convex[0] + convex[1] * convex[1]) / inside;
        } else {
            const double low = min(0.0, smallest_eigenvalue(xx, yy, xy, convex));
            loss += (left * left + low * low) / inside;
            for (double &slope : convex)
                slope *= low;
        }
        gradient[1] = float(by * det * slope_x);
        gradient[2] = float(by * det * slope_y);
        gradient[3] = float(by * (1 + yy) + 2 * convex[0] / inside);
        gradient[4] = float(by * (1 + xx) + 2 * convex[1] / inside);
        gradient[5] = float(-2 * by * xy + 2 * convex[2] / inside);
    }
    loss = sum_in_block(loss);
    if (threadIdx.x == 0)
        losses[sample] = float(loss);
}
