//! Sliced ELLPACK (SELL-16): [`Packed`], the layout the cycle runs on.
//!
//! Rows are taken sixteen at a time; a slice stores its k-th entries of all sixteen rows side by side, padded to the
//! longest row. The rows of each window of [`WINDOW`] are sorted by length first, so that hardly anything is padded
//! and the loop count is the same for whole runs of slices. Monakov, Lokhmotov, Avetisyan 2010,
//! doi:10.1007/978-3-642-11515-8_10; Kreutzer et al. 2014 (SELL-C-σ), doi:10.1137/130930352.

use super::real::LANES;
use super::vectorise::has_avx512;
use super::{Real, Rows};
use rayon::prelude::*;

/// Rows sorted among themselves, and handled as one unit of work.
pub const WINDOW: usize = 1024;
/// Slices in a window.
pub const SLICES: usize = WINDOW / LANES;
/// Matrices with fewer stored entries than this are not worth waking other threads.
const SERIAL_ENTRIES: usize = 32_768;
/// Lengths from here on are not told apart when rows are sorted.
const LONGEST: usize = 255;

/// A vector in slices, as [`Packed`] wants it.
pub type Vector<T> = Vec<[T; LANES]>;

/// Vector of zeros for `n` rows.
pub fn zeros<T: Real>(n: usize) -> Vector<T> {
    vec![[T::ZERO; LANES]; n.div_ceil(LANES)]
}

/// New order of `rows` rows: `order[k]` is the row that comes k-th, sorted by length within each window.
pub fn sort_by_length(rows: usize, length: impl Fn(usize) -> usize + Sync) -> Vec<u32> {
    let mut order = vec![0; rows];
    order.par_chunks_mut(WINDOW).enumerate().for_each(|(w, order)| {
        let rows = || (w * WINDOW..).take(order.len());
        let mut next = [0; LONGEST + 2];
        for i in rows() {
            next[length(i).min(LONGEST) + 1] += 1;
        }
        for k in 0..LONGEST {
            next[k + 1] += next[k];
        }
        for i in rows() {
            let at = &mut next[length(i).min(LONGEST)];
            order[*at] = i as u32;
            *at += 1;
        }
    });
    order
}

/// Where each row went: the inverse of `order`.
pub fn inverse(order: &[u32]) -> Vec<u32> {
    let mut inverse = vec![0; order.len()];
    inverse.par_chunks_mut(WINDOW).zip(order.par_chunks(WINDOW)).enumerate().for_each(|(w, (inverse, order))| {
        for (k, &i) in (w * WINDOW..).zip(order) {
            inverse[i as usize % WINDOW] = k as u32;
        }
    });
    inverse
}

/// A sparse matrix in slices of sixteen rows.
#[derive(Debug, Clone, Default)]
pub struct Packed<T> {
    /// Where each slice starts.
    start: Vec<u32>,
    columns: Vec<[u32; LANES]>,
    values: Vec<[T; LANES]>,
    /// Greatest column number plus one.
    width: usize,
}

impl<T: Real> Packed<T> {
    /// Row k is row `order[k]` of `rows`; an entry (i, j, v) of `rows` becomes the entry (`place[j]`, `value(i, j, v)`).
    pub fn new(rows: &Rows<T>, order: &[u32], place: &[u32], value: impl Fn(usize, usize, T) -> T + Sync) -> Self {
        let slices = order.len().div_ceil(LANES);
        let mut start = Vec::with_capacity(slices + 1);
        let mut end = 0;
        start.push(0);
        for slice in order.chunks(LANES) {
            end += slice.iter().map(|&i| rows.range(i as usize).len()).max().unwrap_or(0) as u32;
            start.push(end);
        }
        let mut columns = vec![[0; LANES]; end as usize];
        let mut values = vec![[T::ZERO; LANES]; end as usize];
        let mut parts = Vec::new();
        let (mut columns_left, mut values_left) = (columns.as_mut_slice(), values.as_mut_slice());
        for (w, window) in order.chunks(WINDOW).enumerate() {
            let starts = &start[w * SLICES..=((w + 1) * SLICES).min(slices)];
            let len = (starts[starts.len() - 1] - starts[0]) as usize;
            let (c, rest) = columns_left.split_at_mut(len);
            columns_left = rest;
            let (v, rest) = values_left.split_at_mut(len);
            values_left = rest;
            parts.push((window, starts, c, v));
        }
        let widths = parts.into_par_iter().map(|(window, starts, columns, values)| {
            let mut width = 0;
            for (slice, first) in window.chunks(LANES).zip(starts) {
                for (lane, &i) in slice.iter().enumerate() {
                    let at = (first - starts[0]) as usize;
                    for ((j, v), (c, w)) in rows.row(i as usize).zip(columns[at..].iter_mut().zip(&mut values[at..])) {
                        c[lane] = place[j];
                        w[lane] = value(i as usize, j, v);
                        width = width.max(place[j] as usize + 1);
                    }
                }
            }
            width
        });
        let width = widths.max().unwrap_or(0);
        Packed { start, columns, values, width }
    }

    /// Where each slice starts, columns and values.
    #[cfg(feature = "cuda")]
    pub fn parts(&self) -> (&[u32], &[[u32; LANES]], &[[T; LANES]]) {
        (&self.start, &self.columns, &self.values)
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        size_of_val(self.start.as_slice()) + size_of_val(self.columns.as_slice()) + size_of_val(self.values.as_slice())
    }

    /// For each slice of each window calls `f(part, slice, sums)`: `part` is the window's item of `parts`, `slice` counts
    /// from the window's start, `sums` holds Σⱼ aᵢⱼ xⱼ of the slice's rows.
    pub fn sweep<P: Send>(
        &self,
        x: &[T],
        parts: impl IndexedParallelIterator<Item = P>,
        f: impl Fn(&mut P, usize, &[T; LANES]) + Sync + Send,
    ) {
        assert!(x.len() >= self.width, "a vector of {} for a matrix of {} columns", x.len(), self.width);
        #[cfg(target_arch = "x86_64")]
        if has_avx512() {
            // SAFETY: AVX-512 is there, and x covers all columns.
            self.sweep_with(parts, f, |c, v| unsafe { T::slice_sums_avx512(c, v, x) });
            return;
        }
        // SAFETY: x covers all columns.
        self.sweep_with(parts, f, |c, v| unsafe { T::slice_sums(c, v, x) });
    }

    #[inline(always)]
    fn sweep_with<P: Send>(
        &self,
        parts: impl IndexedParallelIterator<Item = P>,
        f: impl Fn(&mut P, usize, &[T; LANES]) + Sync + Send,
        sums: impl Fn(&[[u32; LANES]], &[[T; LANES]]) -> [T; LANES] + Sync + Send,
    ) {
        let slices = self.start.len() - 1;
        let window = |(w, mut part): (usize, P)| {
            let starts = &self.start[w * SLICES..=((w + 1) * SLICES).min(slices)];
            for (s, ends) in starts.windows(2).enumerate() {
                let range = ends[0] as usize..ends[1] as usize;
                f(&mut part, s, &sums(&self.columns[range.clone()], &self.values[range]));
            }
        };
        if self.values.len() * LANES < SERIAL_ENTRIES {
            parts.enumerate().with_min_len(usize::MAX).for_each(window);
        } else {
            parts.enumerate().for_each(window);
        }
    }
}
