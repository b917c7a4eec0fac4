//! Kernels compiled for several instruction sets, the best of which is taken at run time.
//!
//! `vectorised!` makes from one function body a version each for AVX-512, AVX2 and the target's baseline. No version
//! contracts a·b + c into one rounding, so all give the same bits.

use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What the program is compiled for.
    Baseline = 1,
    /// AVX2.
    Avx2 = 2,
    /// AVX-512 (F, BW, DQ and VL).
    Avx512 = 3,
}

/// 0: not asked yet.
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// The instruction set in use.
#[inline]
pub fn level() -> Level {
    match LEVEL.load(Ordering::Relaxed) {
        1 => Level::Baseline,
        2 => Level::Avx2,
        3 => Level::Avx512,
        _ => limit(Level::Avx512),
    }
}

/// Uses nothing above `highest` from now on, and at most what the processor has: for comparisons. Gives what it came to.
pub fn limit(highest: Level) -> Level {
    let level = detected().min(highest);
    LEVEL.store(level as u8, Ordering::Relaxed);
    level
}

#[cfg(target_arch = "x86_64")]
fn detected() -> Level {
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx512, is_x86_feature_detected!("avx2")) {
        (true, _) => Level::Avx512,
        (_, true) => Level::Avx2,
        _ => Level::Baseline,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detected() -> Level {
    Level::Baseline
}

/// Compiles a function for every [`Level`]; its body and what it calls must be inlined.
macro_rules! vectorised {
    ($(#[$meta:meta])* $vis:vis fn $name:ident $([$($generic:tt)*])? ($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)?
        $(where $t:ident: $bound:path)? $body:block) => {
        $(#[$meta])*
        $vis fn $name $(<$($generic)*>)? ($($arg: $type),*) $(-> $ret)? $(where $t: $bound)? {
            #[inline(always)]
            fn baseline $(<$($generic)*>)? ($($arg: $type),*) $(-> $ret)? $(where $t: $bound)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2 $(<$($generic)*>)? ($($arg: $type),*) $(-> $ret)? $(where $t: $bound)? {
                baseline($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512 $(<$($generic)*>)? ($($arg: $type),*) $(-> $ret)? $(where $t: $bound)? {
                baseline($($arg),*)
            }

            match $crate::simd::level() {
                // SAFETY: the level says that the processor has these instructions.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Level::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Level::Avx2 => unsafe { avx2($($arg),*) },
                _ => baseline($($arg),*),
            }
        }
    };
}
pub(crate) use vectorised;
