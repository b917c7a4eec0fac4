//! One source text, compiled for the widest vectors the processor has: [`vectorise`].

/// A loop to run; `run` must be `#[inline(always)]` so that it is compiled anew for each instruction set.
pub trait Kernel {
    /// The loop.
    fn run(self);
}

/// Runs `kernel` compiled for AVX-512 or AVX2 where the processor has it, portably elsewhere. Neither contracts
/// a·b + c, so all give the same bits.
#[inline]
pub fn vectorise<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
            // SAFETY: the features the function is compiled for were just detected.
            return unsafe { run_avx512(kernel) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: as above.
            return unsafe { run_avx2(kernel) };
        }
    }
    kernel.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl")]
fn run_avx512<K: Kernel>(kernel: K) {
    kernel.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<K: Kernel>(kernel: K) {
    kernel.run();
}

/// Asks the processor to fetch what lies `ahead` elements beyond `at`; a hint, so out of bounds is harmless.
#[inline(always)]
pub fn prefetch<T>(at: *const T, ahead: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch never faults, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(ahead).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (at, ahead);
}
