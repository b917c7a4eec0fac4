//! A hint to the processor, for loops whose addresses are known long before they are used.

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
