//! Sixteen single-precision numbers at once, for kernels that need fused multiply-add.

/// Numbers in one [`Lanes`].
pub(crate) const LANES: usize = 16;

/// Sixteen numbers in registers. Methods are inlined into a function compiled for the instruction set.
///
/// # Safety
///
/// Pointers must be good for all sixteen numbers, and the processor must have the instruction set.
pub(crate) trait Lanes: Copy {
    /// Accumulators that fit the registers beside what feeds them.
    const TILE: usize;

    unsafe fn zero() -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// self + x y, y in every lane.
    unsafe fn add_product(self, x: Self, y: *const f32) -> Self;
}

/// Plain numbers, for processors without AVX2: two roundings a product.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; LANES]);

impl Lanes for Portable {
    const TILE: usize = 2;

    #[inline(always)]
    unsafe fn zero() -> Self {
        Portable([0.0; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's.
        Portable(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn add_product(mut self, x: Self, y: *const f32) -> Self {
        // SAFETY: the caller's.
        let y = unsafe { *y };
        for l in 0..LANES {
            self.0[l] += x.0[l] * y;
        }
        self
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    /// One register.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx512(__m512);

    impl Lanes for Avx512 {
        const TILE: usize = 16;

        #[inline(always)]
        unsafe fn zero() -> Self {
            // SAFETY: the caller's.
            Avx512(unsafe { _mm512_setzero_ps() })
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller's.
            Avx512(unsafe { _mm512_loadu_ps(from) })
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the caller's.
            unsafe { _mm512_storeu_ps(to, self.0) }
        }

        #[inline(always)]
        unsafe fn add_product(self, x: Self, y: *const f32) -> Self {
            // SAFETY: the caller's.
            Avx512(unsafe { _mm512_fmadd_ps(_mm512_set1_ps(*y), x.0, self.0) })
        }
    }

    /// Two registers.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx2(__m256, __m256);

    impl Lanes for Avx2 {
        const TILE: usize = 6;

        #[inline(always)]
        unsafe fn zero() -> Self {
            // SAFETY: the caller's.
            unsafe { Avx2(_mm256_setzero_ps(), _mm256_setzero_ps()) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller's.
            unsafe { Avx2(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the caller's.
            unsafe {
                _mm256_storeu_ps(to, self.0);
                _mm256_storeu_ps(to.add(8), self.1);
            }
        }

        #[inline(always)]
        unsafe fn add_product(self, x: Self, y: *const f32) -> Self {
            // SAFETY: the caller's.
            unsafe {
                let y = _mm256_broadcast_ss(&*y);
                Avx2(_mm256_fmadd_ps(x.0, y, self.0), _mm256_fmadd_ps(x.1, y, self.1))
            }
        }
    }
}

/// Calls `$function::<L>(..)` for the best [`Lanes`] the processor has, inside a function compiled for it.
macro_rules! with_lanes {
    ($function:ident ( $($arg:ident: $type:ty),* $(,)? )) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512($($arg: $type),*) {
                // SAFETY: this function is compiled for it.
                unsafe { $function::<$crate::nn::kernels::lanes::Avx512>($($arg),*) }
            }
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $type),*) {
                // SAFETY: as above.
                unsafe { $function::<$crate::nn::kernels::lanes::Avx2>($($arg),*) }
            }
            match $crate::simd::level() {
                // SAFETY: the level says that the processor has it.
                $crate::simd::Level::Avx512 => return unsafe { avx512($($arg),*) },
                // SAFETY: as above; FMA is asked for beside it.
                $crate::simd::Level::Avx2 if is_x86_feature_detected!("fma") => return unsafe { avx2($($arg),*) },
                _ => {}
            }
        }
        // SAFETY: plain numbers need no instruction set.
        unsafe { $function::<$crate::nn::kernels::lanes::Portable>($($arg),*) }
    }};
}
pub(crate) use with_lanes;
