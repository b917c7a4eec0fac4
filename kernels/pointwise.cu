// Functions of single numbers and of two, number by number, and their gradients (src/nn/ops/pointwise.rs).
//
// g is the gradient for the result. Launch: blocks of THREADS threads, one thread a number.

enum Function { RELU, TANH, GELU, EXP, LN, SQRT, SCALE };

// The argument of the tanh in the tanh approximation of x times the normal distribution at x.
__device__ inline float gelu_argument(float x) { return 0.7978846f * (x + 0.044715f * x * x * x); }

// y <- f(x); SCALE is c x.
extern "C" __global__ void map(float *y, const float *x, int function, float c, int n)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q >= n)
        return;
    const float v = x[q];
    switch (function) {
    case RELU: y[q] = max(v, 0.0f); break;
    case TANH: y[q] = tanhf(v); break;
    case GELU: y[q] = 0.5f * v * (1 + tanhf(gelu_argument(v))); break;
    case EXP: y[q] = expf(v); break;
    case LN: y[q] = logf(v); break;
    case SQRT: y[q] = sqrtf(v); break;
    case SCALE: y[q] = c * v; break;
    }
}

// out <- f'(x) g, y = f(x).
extern "C" __global__ void map_gradient(float *out, const float *g, const float *x, const float *y, int function, float c, int n)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q >= n)
        return;
    const float v = x[q];
    float slope = c;
    switch (function) {
    case RELU: slope = v > 0 ? 1 : 0; break;
    case TANH: slope = 1 - y[q] * y[q]; break;
    case GELU: {
        const float t = tanhf(gelu_argument(v));
        slope = 0.5f * (1 + t) + 0.5f * v * (1 - t * t) * 0.7978846f * (1 + 3 * 0.044715f * v * v);
        break;
    }
    case EXP: slope = y[q]; break;
    case LN: slope = 1 / v; break;
    case SQRT: slope = 0.5f / y[q]; break;
    }
    out[q] = slope * g[q];
}

enum Pair { ADD, SUB, MUL, DIV };

// z <- x + y and so on.
extern "C" __global__ void combine(float *z, const float *x, const float *y, int pair, int n)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < n)
        z[q] = pair == ADD ? x[q] + y[q] : pair == SUB ? x[q] - y[q] : pair == MUL ? x[q] * y[q] : x[q] / y[q];
}

// out <- the derivative of z for x, or `for_y`, times g. Those of sums are g and -g.
extern "C" __global__ void combine_gradient(float *out, const float *g, const float *x, const float *y, int pair, int for_y, int n)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < n) {
        const float slope = pair == MUL ? (for_y ? x[q] : y[q]) : for_y ? -x[q] / (y[q] * y[q]) : 1 / y[q];
        out[q] = slope * g[q];
    }
}

// out <- g where y > 0, else 0: the gradient of a rectifier from its result.
extern "C" __global__ void mask_gradient(float *out, const float *g, const float *y, int n)
{
    const int q = blockIdx.x * THREADS + threadIdx.x;
    if (q < n)
        out[q] = y[q] > 0 ? g[q] : 0;
}
