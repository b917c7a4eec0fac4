// Products of small matrices on tensor cores, by the 32 threads of a warp together: compute capability 8.0 or later. Where this text is
// not compiled for a GPU, whoever compiles it brings the two functions.
//
// D <- A B + D with A [16, 8], B [8, 8] and D [16, 8]; A and B in TF32 (8 bits of exponent, 10 of mantissa), sums in single precision.
// Lane l, g = l / 4 and h = l % 4, holds A at (g, h), (g + 8, h), (g, h + 4), (g + 8, h + 4); B at (h, g), (h + 4, g); D at (g, 2 h),
// (g, 2 h + 1), (g + 8, 2 h), (g + 8, 2 h + 1) (PTX ISA, matrix fragments for mma.m16n8k8).
#ifdef __CUDA_ARCH__

// v rounded to the nearest TF32 number, as its bits.
__device__ inline unsigned tf32(float v)
{
    unsigned bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(v));
    return bits;
}

__device__ inline void multiply_add(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#endif

__device__ inline float value_of(unsigned bits)
{
    return __uint_as_float(bits);
}

// N numbers as TF32 ones: high, and with REST what that leaves of them.
template <bool REST, int N> struct Parts {
    unsigned high[N], rest[N];

    __device__ explicit Parts(const float (&v)[N])
    {
#pragma unroll
        for (int i = 0; i < N; ++i) {
            high[i] = tf32(v[i]);
            if (REST) rest[i] = tf32(v[i] - value_of(high[i]));
        }
    }
};

// Two products with the same A side by side: the 16 columns of B. Of two parts each, all but rest x rest.
template <bool REST>
__device__ inline void multiply_parts(float (&sums)[2][4], const Parts<REST, 4> &of, const Parts<REST, 2> (&by)[2])
{
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        if (REST) {
            multiply_add(sums[half], of.rest, by[half].high);
            multiply_add(sums[half], of.high, by[half].rest);
        }
        multiply_add(sums[half], of.high, by[half].high);
    }
}
