// One step of Adam (src/train/adam.rs), number by number, in double precision from single and to it:
//
// m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2,   theta <- theta - rate (m / c1) / (sqrt(v / c2) + epsilon)
//
// c1 = 1 - b1^t and c2 = 1 - b2^t for step t. Launch: blocks of THREADS threads, one thread a number.

extern "C" __global__ void adam(
    float *theta, float *m, float *v, const float *old_theta, const float *old_m, const float *old_v, const float *g, double b1, double b2,
    double c1, double c2, double rate, double epsilon, int n)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < n) {
        const double slope = g[q];
        const double first = b1 * old_m[q] + (1 - b1) * slope, second = b2 * old_v[q] + (1 - b2) * slope * slope;
        m[q] = float(first);
        v[q] = float(second);
        theta[q] = old_theta[q] - float(rate * (first / c1) / (sqrt(second / c2) + epsilon));
    }
}
