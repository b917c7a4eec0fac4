//! The two working precisions of a hierarchy: [`Real`] is f32 or f64.

use crate::prefetch::prefetch;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// Rows in a slice of a [`Packed`](super::Packed) matrix.
pub const LANES: usize = 16;
/// How far ahead of the current entry a slice is fetched, in entries.
const AHEAD: usize = 512;

/// f32 or f64.
pub trait Real:
    Copy
    + Default
    + Debug
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Unit round-off times two.
    const EPSILON: f64;
    /// Rounds to this precision.
    fn of(value: f64) -> Self;
    /// Exact.
    fn wide(self) -> f64;
    /// √self.
    fn root(self) -> Self;

    /// Row sums of a slice: Σₖ values\[k\]\[l\] x\[columns\[k\]\[l\]\] for every lane l, in the order of k.
    ///
    /// # Safety
    /// All of `columns` must be below `x.len()`.
    #[inline(always)]
    unsafe fn slice_sums(columns: &[[u32; LANES]], values: &[[Self; LANES]], x: &[Self]) -> [Self; LANES] {
        let mut sums = [Self::ZERO; LANES];
        for (columns, values) in columns.iter().zip(values) {
            prefetch(columns.as_ptr(), AHEAD);
            prefetch(values.as_ptr(), AHEAD);
            for ((sum, &j), &v) in sums.iter_mut().zip(columns).zip(values) {
                // SAFETY: the caller's promise.
                *sum += v * unsafe { *x.get_unchecked(j as usize) };
            }
        }
        sums
    }

    /// [`Real::slice_sums`] with AVX-512: the same bits.
    ///
    /// # Safety
    /// All of `columns` must be below `x.len()`, and the processor must have AVX-512F.
    #[cfg(target_arch = "x86_64")]
    unsafe fn slice_sums_avx512(columns: &[[u32; LANES]], values: &[[Self; LANES]], x: &[Self]) -> [Self; LANES];
}

/// x at sixteen places, for the argument lists of `_mm512_set_ps` and `_mm512_set_pd`.
#[cfg(target_arch = "x86_64")]
macro_rules! gather {
    ($set:ident, $x:ident, $columns:ident, $($lane:literal)*) => {
        $set($(*$x.get_unchecked($columns[$lane] as usize)),*)
    };
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const EPSILON: f64 = f32::EPSILON as f64;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn root(self) -> Self {
        self.sqrt()
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn slice_sums_avx512(columns: &[[u32; LANES]], values: &[[Self; LANES]], x: &[Self]) -> [Self; LANES] {
        use std::arch::x86_64::*;
        let mut sum = _mm512_setzero_ps();
        for (columns, values) in columns.iter().zip(values) {
            prefetch(columns.as_ptr(), AHEAD);
            prefetch(values.as_ptr(), AHEAD);
            // SAFETY: the caller's promise for x; `values` has sixteen elements.
            unsafe {
                let gathered = gather!(_mm512_set_ps, x, columns, 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0);
                sum = _mm512_add_ps(sum, _mm512_mul_ps(_mm512_loadu_ps(values.as_ptr()), gathered));
            }
        }
        let mut sums = [0.0; LANES];
        // SAFETY: `sums` has sixteen elements.
        unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), sum) };
        sums
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const EPSILON: f64 = f64::EPSILON;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn root(self) -> Self {
        self.sqrt()
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn slice_sums_avx512(columns: &[[u32; LANES]], values: &[[Self; LANES]], x: &[Self]) -> [Self; LANES] {
        use std::arch::x86_64::*;
        let (mut low, mut high) = (_mm512_setzero_pd(), _mm512_setzero_pd());
        for (columns, values) in columns.iter().zip(values) {
            prefetch(columns.as_ptr(), AHEAD);
            prefetch(values.as_ptr(), AHEAD);
            // SAFETY: the caller's promise for x; `values` has sixteen elements.
            unsafe {
                let gathered = gather!(_mm512_set_pd, x, columns, 7 6 5 4 3 2 1 0);
                low = _mm512_add_pd(low, _mm512_mul_pd(_mm512_loadu_pd(values.as_ptr()), gathered));
                let gathered = gather!(_mm512_set_pd, x, columns, 15 14 13 12 11 10 9 8);
                high = _mm512_add_pd(high, _mm512_mul_pd(_mm512_loadu_pd(values.as_ptr().add(8)), gathered));
            }
        }
        let mut sums = [0.0; LANES];
        // SAFETY: `sums` has sixteen elements.
        unsafe {
            _mm512_storeu_pd(sums.as_mut_ptr(), low);
            _mm512_storeu_pd(sums.as_mut_ptr().add(8), high);
        }
        sums
    }
}
