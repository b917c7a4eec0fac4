// A stand-in for NVIDIA's driver that runs kernels on the processor: the functions filet calls, no others.
//
// It runs the same kernel text, compiled by the stand-in compiler (nvrtc.cpp). Threads of a block are fibers; between two barriers they
// run one after the other in random order, and so do the blocks, so that what depends on the order comes out wrong. Memory lies against
// pages that may not be touched, before it or behind it by chance, with its other end watched by canaries; fresh memory is 0xff. A block
// whose threads do not all reach a barrier fails. Copies from and to pinned memory are done as late as the order allows: who touches that
// memory without having waited spoils them. It shows neither speed nor what only real hardware does: warps running in lockstep,
// caches, weak memory order, several streams at once.
//
// Faults on demand, by environment variables: STANDIN_MEMORY (bytes there are), STANDIN_FAIL_LAUNCH (number of the launch that fails),
// STANDIN_DRIVER (version it claims), STANDIN_DEVICES (how many GPUs), STANDIN_SEED (of the random orders).
#include "device.h"
#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <map>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <vector>

enum Result {
    SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_IMAGE = 200, NOT_FOUND = 500,
    ILLEGAL_ADDRESS = 700, LAUNCH_FAILED = 719
};

static std::recursive_mutex lock;
using Hold = std::lock_guard<std::recursive_mutex>;
// After a fault in a kernel the context is lost: every call fails with the same error.
static Result lost = SUCCESS;

static long setting(const char *name, long otherwise)
{
    const char *value = getenv(name);
    return value ? atol(value) : otherwise;
}

static uint64_t random_state = 0;
static uint64_t draw()
{
    if (random_state == 0)
        random_state = 0x9e3779b97f4a7c15ull * (2 * setting("STANDIN_SEED", 1) + 1);
    random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
    return random_state;
}
template <typename T> static void shuffle(std::vector<T> &v)
{
    for (size_t i = v.size(); i > 1; --i)
        std::swap(v[i - 1], v[draw() % i]);
}

// ---- memory

struct Piece { char *pages; size_t length, size; };
static std::map<char *, Piece> pieces;
static size_t used = 0;
static const size_t PAGE = 4096, ALIGN = 16;
static const unsigned char FRESH = 0xff, CANARY = 0xa5;

// The piece that [at, at + size) lies in, or none.
static const std::pair<char *const, Piece> *piece(const void *at, size_t size)
{
    char *p = static_cast<char *>(const_cast<void *>(at));
    auto next = pieces.upper_bound(p);
    if (next == pieces.begin())
        return nullptr;
    auto found = std::prev(next);
    return p + size <= found->first + found->second.size ? &*found : nullptr;
}
static bool known(const void *at) { return piece(at, 1); }

static void guard(char *at, const Piece &p)
{
    std::fill(p.pages + PAGE, at, static_cast<char>(CANARY));
    std::fill(at + p.size, p.pages + p.length - PAGE, static_cast<char>(CANARY));
}
static bool untouched(char *at, const Piece &p)
{
    auto all = [](const char *from, const char *to) {
        return std::all_of(from, to, [](char c) { return static_cast<unsigned char>(c) == CANARY; });
    };
    return all(p.pages + PAGE, at) && all(at + p.size, p.pages + p.length - PAGE);
}

static Result allocate(char **out, size_t size)
{
    Hold hold(lock);
    if (lost) return lost;
    if (size == 0) return INVALID_VALUE;
    if (used + size > size_t(setting("STANDIN_MEMORY", 1L << 34))) return OUT_OF_MEMORY;
    const size_t inside = (size + PAGE - 1) / PAGE * PAGE, length = inside + 2 * PAGE;
    char *pages = static_cast<char *>(mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (pages == MAP_FAILED) return OUT_OF_MEMORY;
    char *at = pages + PAGE + (draw() % 2 ? (inside - size) / ALIGN * ALIGN : 0);
    memset(at, FRESH, size);
    guard(at, pieces[at] = {pages, length, size});
    mprotect(pages, PAGE, PROT_NONE);
    mprotect(pages + length - PAGE, PAGE, PROT_NONE);
    used += size;
    *out = at;
    return SUCCESS;
}

static Result release(char *at)
{
    Hold hold(lock);
    auto found = pieces.find(at);
    if (found == pieces.end()) return INVALID_VALUE;
    if (!untouched(at, found->second)) {
        fprintf(stderr, "stand-in: memory beside a piece of %zu bytes was written to\n", found->second.size);
        lost = ILLEGAL_ADDRESS;
    }
    used -= found->second.size;
    munmap(found->second.pages, found->second.length);
    pieces.erase(found);
    return lost;
}

// ---- threads as fibers

#if !defined(__x86_64__)
#error "the switch between fibers is written for x86-64"
#endif
extern "C" void standin_switch(void **from, void *to);
asm(R"(
.text
.globl standin_switch
standin_switch:
    pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
    ret
)");

typedef bool (*Entry)(void **values, bool only_check);
struct Fiber { void *at; Triple thread; enum { STARTS, WAITS, WAITS_FOR_WARP, ENDED } is; };
static const size_t STACK = 1 << 16, MOST_THREADS = 1024, WARP = 32;
static char *stacks = nullptr;
static State state_;
static Fiber *running;
static void *scheduler;
static Entry entry;
static void **parameters;
static sigjmp_buf fault_place;

static void barrier()
{
    running->is = Fiber::WAITS;
    standin_switch(&running->at, scheduler);
}
static void warp_barrier()
{
    running->is = Fiber::WAITS_FOR_WARP;
    standin_switch(&running->at, scheduler);
}

static void begin()
{
    entry(parameters, false);
    running->is = Fiber::ENDED;
    standin_switch(&running->at, scheduler);
    abort();
}

static Result run_block(std::vector<Fiber> &fibers)
{
    for (size_t f = 0; f < fibers.size(); ++f) {
        void **top = reinterpret_cast<void **>(stacks + (f + 1) * STACK) - 2;
        *top = reinterpret_cast<void *>(begin);
        fibers[f].at = top - 6;
        memset(fibers[f].at, 0, 6 * sizeof(void *));
        fibers[f].is = Fiber::STARTS;
    }
    const size_t all = fibers.size();
    std::vector<size_t> ready(all), at_warp((all + WARP - 1) / WARP);
    for (size_t f = 0; f < all; ++f)
        ready[f] = f;
    size_t waiting = 0, ended = 0;
    for (;;) {
        shuffle(ready);
        for (size_t f : ready) {
            running = &fibers[f];
            state_.thread = running->thread;
            standin_switch(&scheduler, running->at);
            waiting += running->is == Fiber::WAITS;
            ended += running->is == Fiber::ENDED;
            at_warp[f / WARP] += running->is == Fiber::WAITS_FOR_WARP;
        }
        ready.clear();
        // Warps whose threads all wait for each other go on, some of them by chance.
        for (int chance = 0; chance < 2 && ready.empty(); ++chance)
            for (size_t warp = 0; warp < at_warp.size(); ++warp) {
                const size_t first = warp * WARP, last = std::min(first + WARP, all);
                if (at_warp[warp] < last - first || !(chance || draw() % 2)) continue;
                for (size_t f = first; f < last; ++f)
                    ready.push_back(f);
                at_warp[warp] = 0;
            }
        if (!ready.empty()) continue;
        if (ended == all) return SUCCESS;
        if (waiting < all) {
            fprintf(stderr, "stand-in: %zu of %zu threads reached a barrier\n", waiting, all);
            return LAUNCH_FAILED;
        }
        waiting = 0;
        for (size_t f = 0; f < all; ++f)
            ready.push_back(f);
    }
}

static void on_fault(int) { siglongjmp(fault_place, 1); }

static Result run(Entry kernel, Triple blocks, Triple threads, void **values)
{
    if (!stacks)
        stacks = static_cast<char *>(mmap(nullptr, STACK * MOST_THREADS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    state_ = {{}, {}, threads, blocks, barrier, warp_barrier, known};
    entry = kernel, parameters = values;
    if (!kernel(values, true)) {
        fprintf(stderr, "stand-in: a pointer among the arguments leads nowhere\n");
        return INVALID_VALUE;
    }
    std::vector<Fiber> fibers;
    for (unsigned y = 0; y < threads.y; ++y)
        for (unsigned x = 0; x < threads.x; ++x)
            fibers.push_back({nullptr, {x, y, 0}, Fiber::STARTS});
    std::vector<Triple> order;
    for (unsigned z = 0; z < blocks.z; ++z)
        for (unsigned y = 0; y < blocks.y; ++y)
            for (unsigned x = 0; x < blocks.x; ++x)
                order.push_back({x, y, z});
    shuffle(order);
    struct sigaction now = {}, before;
    now.sa_handler = on_fault;
    now.sa_flags = SA_NODEFER;
    sigaction(SIGSEGV, &now, &before);
    volatile Result result = SUCCESS;
    if (sigsetjmp(fault_place, 1) == 0) {
        for (const Triple &block : order) {
            state_.block = block;
            result = run_block(fibers);
            if (result != SUCCESS) break;
        }
    } else {
        fprintf(stderr, "stand-in: a kernel touched memory beside its buffers\n");
        result = ILLEGAL_ADDRESS;
    }
    sigaction(SIGSEGV, &before, nullptr);
    for (auto &[at, p] : pieces)
        if (result == SUCCESS && !untouched(at, p)) {
            fprintf(stderr, "stand-in: a kernel wrote beside a piece of %zu bytes\n", p.size);
            result = ILLEGAL_ADDRESS;
        }
    return result;
}

// ---- copies from and to pinned memory

struct Copy { char *to; const char *from; std::vector<char> taken; size_t size; };
static std::map<const char *, size_t> pinned;
static std::deque<Copy> waiting;
// Copies asked for and done; and for each event, what was asked for when it was recorded.
static long asked = 0, done = 0;
static std::map<void *, long> marks;

static bool is_pinned(const void *at)
{
    auto next = pinned.upper_bound(static_cast<const char *>(at));
    return next != pinned.begin() && at < std::prev(next)->first + std::prev(next)->second;
}
// Does the copies up to this number.
static Result copy_until(long number)
{
    Hold hold(lock);
    for (; done < number; ++done, waiting.pop_front()) {
        const Copy &c = waiting.front();
        memcpy(c.to, c.from ? c.from : c.taken.data(), c.size);
    }
    return lost;
}
// Of the copies, those to the device are done before anything that uses its memory.
static void copy_to_device()
{
    Hold hold(lock);
    long last = done;
    for (size_t i = 0; i < waiting.size(); ++i)
        if (waiting[i].from) last = done + long(i) + 1;
    copy_until(last);
}

// ---- the functions of the driver

static bool started = false;
static long launches = 0;
static thread_local void *current = nullptr;

extern "C" {
// A function that counts: launches so far.
long standin_launches() { return launches; }
// Bytes given out and not given back.
long standin_used() { return long(used); }
// Forgets a fault and takes another seed, for tests in one process.
void standin_reset(long seed)
{
    Hold hold(lock);
    lost = SUCCESS;
    random_state = 0x9e3779b97f4a7c15ull * (2 * seed + 1);
    for (auto &[at, p] : pieces)
        guard(at, p);
}

int cuGetErrorName(int, const char **text) { return *text = "STANDIN", SUCCESS; }
int cuGetErrorString(int error, const char **text)
{
    switch (error) {
    case OUT_OF_MEMORY: *text = "out of memory"; break;
    case ILLEGAL_ADDRESS: *text = "an illegal memory access was encountered"; break;
    case LAUNCH_FAILED: *text = "unspecified launch failure"; break;
    case INVALID_VALUE: *text = "invalid argument"; break;
    default: *text = "an error of the stand-in driver";
    }
    return SUCCESS;
}
// NVRTC looks this up and crashes where it is not.
int cuGetExportTable(const void **, const void *) { return INVALID_VALUE; }
int cuDriverGetVersion(int *version) { return *version = int(setting("STANDIN_DRIVER", 12080)), SUCCESS; }
int cuInit(unsigned)
{
    if (setting("STANDIN_DEVICES", 1) == 0) return NO_DEVICE;
    return started = true, SUCCESS;
}
int cuDeviceGetCount(int *count) { return *count = int(setting("STANDIN_DEVICES", 1)), started ? SUCCESS : NOT_INITIALIZED; }
int cuDeviceGet(int *device, int) { return *device = 0, started ? SUCCESS : NOT_INITIALIZED; }
int cuDeviceGetName(char *name, int length, int) { return snprintf(name, length, "stand-in on the processor"), SUCCESS; }
int cuDeviceTotalMem_v2(size_t *bytes, int) { return *bytes = size_t(setting("STANDIN_MEMORY", 1L << 34)), SUCCESS; }
int cuDeviceGetAttribute(int *value, int attribute, int)
{
    *value = attribute == 75 ? 8 : attribute == 76 ? 0 : attribute == 115 ? int(setting("STANDIN_POOLS", 1)) : 0;
    return SUCCESS;
}
int cuDevicePrimaryCtxRetain(void **context, int) { return *context = &started, SUCCESS; }
int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
int cuCtxGetCurrent(void **context) { return *context = current, SUCCESS; }
int cuCtxSetCurrent(void *context) { return current = context, SUCCESS; }
int cuCtxSynchronize() { return copy_until(asked); }
int cuStreamSynchronize(void *) { return copy_until(asked); }
int cuEventCreate(void **event, unsigned) { return *event = new char, lost; }
int cuEventRecord(void *event, void *)
{
    Hold hold(lock);
    return marks[event] = asked, lost;
}
int cuEventSynchronize(void *event)
{
    Hold hold(lock);
    return copy_until(marks[event]);
}
int cuEventQuery(void *event) { return cuEventSynchronize(event); }
int cuEventDestroy_v2(void *event)
{
    Hold hold(lock);
    return marks.erase(event), delete static_cast<char *>(event), SUCCESS;
}
int cuStreamWaitEvent(void *, void *, unsigned) { return lost; }
int cuMemGetInfo_v2(size_t *free, size_t *total)
{
    *total = size_t(setting("STANDIN_MEMORY", 1L << 34));
    return *free = *total - std::min(used, *total), lost;
}
int cuMemAlloc_v2(char **at, size_t size) { return allocate(at, size); }
int cuMemAllocAsync(char **at, size_t size, void *) { return allocate(at, size); }
int cuMemFree_v2(char *at) { return copy_to_device(), release(at); }
int cuMemFreeAsync(char *at, void *) { return copy_to_device(), release(at); }
int cuMemHostAlloc(void **at, size_t size, unsigned)
{
    Hold hold(lock);
    *at = malloc(size);
    return pinned[static_cast<char *>(*at)] = size, SUCCESS;
}
int cuMemFreeHost(void *at)
{
    Hold hold(lock);
    copy_until(asked);
    return pinned.erase(static_cast<char *>(at)), free(at), SUCCESS;
}
int cuMemsetD8Async(char *at, unsigned char value, size_t size, void *)
{
    Hold hold(lock);
    if (lost) return lost;
    if (!piece(at, size)) return INVALID_VALUE;
    copy_to_device();
    return memset(at, value, size), SUCCESS;
}
int cuMemcpyHtoDAsync_v2(char *to, const void *from, size_t size, void *)
{
    Hold hold(lock);
    if (lost) return lost;
    if (!piece(to, size)) return INVALID_VALUE;
    if (is_pinned(from)) return waiting.push_back({to, static_cast<const char *>(from), {}, size}), ++asked, SUCCESS;
    copy_to_device();
    return memcpy(to, from, size), SUCCESS;
}
int cuMemcpyDtoHAsync_v2(void *to, const char *from, size_t size, void *)
{
    Hold hold(lock);
    if (lost) return lost;
    if (!piece(from, size)) return INVALID_VALUE;
    copy_to_device();
    if (is_pinned(to)) return waiting.push_back({static_cast<char *>(to), nullptr, {from, from + size}, size}), ++asked, SUCCESS;
    return memcpy(to, from, size), SUCCESS;
}
int cuModuleLoadData(void **module, const char *image)
{
    if (strncmp(image, "stand-in ", 9) != 0) return INVALID_IMAGE;
    std::string path(image + 9);
    path.erase(path.find_last_not_of('\n') + 1);
    *module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!*module) return INVALID_IMAGE;
    reinterpret_cast<void (*)(State *)>(dlsym(*module, "standin_bind"))(&state_);
    return SUCCESS;
}
int cuModuleUnload(void *) { return SUCCESS; }
int cuModuleGetFunction(void **function, void *module, const char *name)
{
    *function = dlsym(module, (std::string("standin_") + name).c_str());
    return *function ? SUCCESS : NOT_FOUND;
}
int cuLaunchKernel(
    void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned, void *, void **values, void **)
{
    Hold hold(lock);
    if (lost) return lost;
    const bool fits = gx && gy && gz && bx && by && bz == 1 && bx * by <= MOST_THREADS && gy <= 65535 && gz <= 65535;
    if (!fits) return INVALID_VALUE;
    copy_to_device();
    ++launches;
    if (launches == setting("STANDIN_FAIL_LAUNCH", 0)) return lost = LAUNCH_FAILED;
    // As on a GPU, a fault in the kernel shows at the next call.
    const Result result = run(reinterpret_cast<Entry>(function), {gx, gy, gz}, {bx, by, bz}, values);
    if (result == INVALID_VALUE) return result;
    lost = result;
    return SUCCESS;
}
}
