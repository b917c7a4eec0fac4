// Kernel text compiled for the processor: what CUDA C++ has built in. The driver (driver.cpp) runs the threads of a block as fibers and
// says through `state` which one is running.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

struct Triple { unsigned x, y, z; };
struct State {
    Triple thread, block, threads, blocks;
    void (*barrier)();
    // Whether [at, ...) lies in memory that the driver gave out.
    bool (*known)(const void *at);
};
static State *state;

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
