// Kernel text compiled for the processor: what CUDA C++ has built in. The driver (driver.cpp) runs the threads of a block as fibers and
// says through `state` which one is running.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

struct Triple { unsigned x, y, z; };
struct State {
    Triple thread, block, threads, blocks;
    void (*barrier)();
    // The same for the 32 threads of a warp.
    void (*warp_barrier)();
    // Whether [at, ...) lies in memory that the driver gave out.
    bool (*known)(const void *at);
};
static State *state;

struct float2 { float x, y; };
struct float4 { float x, y, z, w; };

#define threadIdx (state->thread)
#define blockIdx (state->block)
#define blockDim (state->threads)
#define gridDim (state->blocks)
#define __global__
#define __device__
#define __shared__ static
#define __restrict__
#define __syncthreads() (state->barrier())
using std::isfinite;
using std::max;
using std::min;
// New C libraries have functions of these names.
#define cospi(x) std::cos(M_PI * (x))
#define sinpi(x) std::sin(M_PI * (x))

static float __uint_as_float(unsigned bits)
{
    float value;
    return memcpy(&value, &bits, sizeof value), value;
}

// Tensor cores (kernels/mma.cuh): to the nearest number of 10 bits, and away from 0 between two; what is left of other bits is cut off.
[[maybe_unused]] static unsigned tf32(float v)
{
    unsigned bits;
    memcpy(&bits, &v, sizeof bits);
    return isfinite(v) ? (bits + 0x1000) & ~0x1fffu : bits;
}
[[maybe_unused]] static void multiply_add(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    static float as[32][16][8], bs[32][8][8];
    const unsigned t = threadIdx.y * blockDim.x + threadIdx.x, warp = t / 32, g = t % 32 / 4, h = t % 4;
    auto cut = [](unsigned bits) { return __uint_as_float(bits & ~0x1fffu); };
    for (int part = 0; part < 4; ++part)
        as[warp][g + part % 2 * 8][h + part / 2 * 4] = cut(a[part]);
    for (int part = 0; part < 2; ++part)
        bs[warp][h + part * 4][g] = cut(b[part]);
    state->warp_barrier();
    for (int part = 0; part < 4; ++part) {
        double sum = d[part];
        for (int k = 0; k < 8; ++k)
            sum += double(as[warp][g + part / 2 * 8][k]) * bs[warp][k][2 * h + part % 2];
        d[part] = float(sum);
    }
    state->warp_barrier();
}

// Takes a kernel's parameters from an array of their addresses, as a launch gives them. False where a pointer leads nowhere.
template <typename... Parameters, std::size_t... I>
bool call(void (*kernel)(Parameters...), void **values, bool only_check, std::index_sequence<I...>)
{
    auto good = [](auto value) {
        if constexpr (std::is_pointer_v<decltype(value)>)
            return value == nullptr || state->known(value);
        return true;
    };
    bool all = (good(*static_cast<Parameters *>(values[I])) && ...);
    if (all && !only_check)
        kernel(*static_cast<Parameters *>(values[I])...);
    return all;
}
template <typename... Parameters>
bool call(void (*kernel)(Parameters...), void **values, bool only_check)
{
    return call(kernel, values, only_check, std::index_sequence_for<Parameters...>{});
}
#define EXPORT(name) \
    extern "C" bool standin_##name(void **values, bool only_check) { return call(name, values, only_check); }
extern "C" void standin_bind(State *s) { state = s; }
