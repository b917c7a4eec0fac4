//! y <- A x for compressed sparse rows ([`Csr`]): memory-bound, so the matrix is fetched ahead of its use.

use super::Csr;
use crate::prefetch::prefetch;
use rayon::prelude::*;

/// Rows handled as one unit of work.
const BLOCK: usize = 2048;
/// Matrices with fewer stored entries than this are not worth waking other threads.
const SERIAL_ENTRIES: usize = 32_768;
/// How far ahead of the current entry to fetch, in entries.
const AHEAD: usize = 512;
/// Rows longer than this on average are summed in vectors.
const LONG_ROW: usize = 10;

/// Sums of a run of rows: (matrix, first row, x, sums).
type Kernel = fn(&Csr, usize, &[f64], &mut [f64]);

/// y <- A x.
pub fn multiply(a: &Csr, x: &[f64], y: &mut [f64]) {
    assert_eq!((x.len(), y.len()), (a.ncols(), a.nrows()), "A x: lengths of x and y");
    let kernel = kernel(a);
    if a.nnz() < SERIAL_ENTRIES {
        kernel(a, 0, x, y);
    } else {
        y.par_chunks_mut(BLOCK).enumerate().for_each(|(k, y)| kernel(a, k * BLOCK, x, y));
    }
}

fn kernel(a: &Csr) -> Kernel {
    #[cfg(target_arch = "x86_64")]
    if a.nnz() > LONG_ROW * a.nrows() && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
        // SAFETY: the features the function is compiled for were just detected.
        return |a, first, x, y| unsafe { rows_avx512(a, first, x, y) };
    }
    let _ = a;
    rows_portable
}

/// One entry after the other.
fn rows_portable(a: &Csr, first: usize, x: &[f64], y: &mut [f64]) {
    let (columns, values) = (a.indices(), a.values());
    for (y, ends) in y.iter_mut().zip(a.indptr()[first..].windows(2)) {
        prefetch(columns.as_ptr(), ends[0] + AHEAD);
        prefetch(values.as_ptr(), ends[0] + AHEAD);
        let range = ends[0]..ends[1];
        let mut sum = 0.0;
        for (&j, &v) in columns[range.clone()].iter().zip(&values[range]) {
            // SAFETY: column numbers of a `Csr` are below ncols, which is x.len().
            sum += v * unsafe { *x.get_unchecked(j as usize) };
        }
        *y = sum;
    }
}

/// Eight entries at a time, the last ones under a mask.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl")]
fn rows_avx512(a: &Csr, first: usize, x: &[f64], y: &mut [f64]) {
    use std::arch::x86_64::*;
    let (columns, values) = (a.indices(), a.values());
    for (y, ends) in y.iter_mut().zip(a.indptr()[first..].windows(2)) {
        let mut sum = _mm512_setzero_pd();
        let mut k = ends[0];
        while k < ends[1] {
            let mask = (0xffu32 >> 8u32.saturating_sub((ends[1] - k) as u32)) as u8;
            prefetch(columns.as_ptr(), k + AHEAD);
            prefetch(values.as_ptr(), k + AHEAD);
            // SAFETY: the mask keeps all loads within the row, and column numbers of a `Csr` are below x.len().
            unsafe {
                let j = _mm256_maskz_loadu_epi32(mask, columns.as_ptr().add(k).cast());
                let gathered = _mm512_mask_i32gather_pd::<8>(_mm512_setzero_pd(), mask, j, x.as_ptr());
                let v = _mm512_maskz_loadu_pd(mask, values.as_ptr().add(k));
                sum = _mm512_fmadd_pd(v, gathered, sum);
            }
            k += 8;
        }
        *y = _mm512_reduce_add_pd(sum);
    }
}
