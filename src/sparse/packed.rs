//! Sliced ELLPACK (SELL-16): [`Packed`], the layout the cycle runs on.
//!
//! Rows are taken sixteen at a time; a slice stores its k-th entries of all sixteen rows side by side, padded to the
//! longest row. The rows of each window of [`WINDOW`] are sorted by length first, so that hardly anything is padded
//! and the loop count is the same for whole runs of slices. Monakov, Lokhmotov, Avetisyan 2010,
//! doi:10.1007/978-3-642-11515-8_10; Kreutzer et al. 2014 (SELL-C-σ), doi:10.1137/130930352.

use super::vectorise::{Kernel, prefetch, vectorise};
use super::{Real, Rows};
use rayon::prelude::*;

/// Rows in a slice.
pub const LANES: usize = 16;
/// Rows sorted among themselves, and handled as one unit of work.
pub const WINDOW: usize = 1024;
/// Matrices with fewer stored entries than this are not worth waking other threads.
const SERIAL_ENTRIES: usize = 32_768;
/// How far ahead of the current entry to fetch, in entries.
const AHEAD: usize = 512;

/// `len` rounded up to whole slices: the length of every vector that goes with a [`Packed`] matrix.
pub fn padded(len: usize) -> usize {
    len.next_multiple_of(LANES)
}

/// New order of `rows` rows: `order[k]` is the row that comes k-th, sorted by `key` within each window.
pub fn sort_by_key(rows: usize, key: impl Fn(usize) -> u32 + Sync) -> Vec<u32> {
    let mut order: Vec<u32> = (0..rows as u32).collect();
    order.par_chunks_mut(WINDOW).for_each(|window| window.sort_by_key(|&i| key(i as usize)));
    order
}

/// Where each row went: the inverse of `order`.
pub fn inverse(order: &[u32]) -> Vec<u32> {
    let mut inverse = vec![0; order.len()];
    for (k, &i) in order.iter().enumerate() {
        inverse[i as usize] = k as u32;
    }
    inverse
}

/// A sparse matrix in slices of sixteen rows.
#[derive(Debug, Clone, Default)]
pub struct Packed<T> {
    /// Where each slice starts, in units of [`LANES`] entries.
    start: Vec<u32>,
    columns: Vec<u32>,
    values: Vec<T>,
    /// Greatest column number plus one.
    width: usize,
}

/// y <- f(row sums) over some slices.
struct Sweep<'a, T, F> {
    matrix: &'a Packed<T>,
    first: usize,
    slices: usize,
    x: &'a [T],
    f: F,
}

impl<T: Real, F: FnMut(usize, &[T; LANES])> Kernel for Sweep<'_, T, F> {
    #[inline(always)]
    fn run(mut self) {
        let m = self.matrix;
        for s in 0..self.slices {
            let mut sum = [T::ZERO; LANES];
            for k in m.start[self.first + s] as usize..m.start[self.first + s + 1] as usize {
                let columns = &m.columns[k * LANES..][..LANES];
                let values = &m.values[k * LANES..][..LANES];
                prefetch(columns.as_ptr(), AHEAD);
                prefetch(values.as_ptr(), AHEAD);
                let mut gathered = [T::ZERO; LANES];
                for (g, &j) in gathered.iter_mut().zip(columns) {
                    // SAFETY: `sweep` checked that x covers every column number of the matrix.
                    *g = unsafe { *self.x.get_unchecked(j as usize) };
                }
                for ((s, &v), &g) in sum.iter_mut().zip(values).zip(&gathered) {
                    *s += v * g;
                }
            }
            (self.f)(s, &sum);
        }
    }
}

impl<T: Real> Packed<T> {
    /// From rows: row k is row `order[k]` of `rows`; column j becomes `place[j]` and its value is multiplied by
    /// `scale[j]` where there is one.
    pub fn new(rows: &Rows<T>, order: &[u32], place: &[u32], scale: Option<&[T]>) -> Self {
        Self::pack(rows, order, place, |_, j, v| scale.map_or(v, |s| v * s[j]))
    }

    /// As [`Packed::new`] with row i multiplied by `scale[i]`.
    pub fn with_row_scale(rows: &Rows<T>, order: &[u32], place: &[u32], scale: &[T]) -> Self {
        Self::pack(rows, order, place, |i, _, v| v * scale[i])
    }

    fn pack(rows: &Rows<T>, order: &[u32], place: &[u32], value: impl Fn(usize, usize, T) -> T + Sync) -> Self {
        let slices = order.len().div_ceil(LANES);
        let mut start = Vec::with_capacity(slices + 1);
        let mut end = 0;
        start.push(0);
        for slice in order.chunks(LANES) {
            end += slice.iter().map(|&i| rows.range(i as usize).len()).max().unwrap_or(0) as u32;
            start.push(end);
        }
        let mut out = Packed {
            start,
            columns: vec![0; end as usize * LANES],
            values: vec![T::ZERO; end as usize * LANES],
            width: 0,
        };
        let mut parts = Vec::new();
        let (mut columns, mut values) = (out.columns.as_mut_slice(), out.values.as_mut_slice());
        for (w, window) in order.chunks(WINDOW).enumerate() {
            let first = w * (WINDOW / LANES);
            let starts = &out.start[first..=(first + WINDOW / LANES).min(slices)];
            let len = (starts[starts.len() - 1] - starts[0]) as usize * LANES;
            let (c, rest) = columns.split_at_mut(len);
            columns = rest;
            let (v, rest) = values.split_at_mut(len);
            values = rest;
            parts.push((window, starts, c, v));
        }
        parts.into_par_iter().for_each(|(window, starts, columns, values)| {
            for (slice, ends) in window.chunks(LANES).zip(starts.windows(2)) {
                let base = (ends[0] - starts[0]) as usize * LANES;
                for (lane, &i) in slice.iter().enumerate() {
                    let mut at = base + lane;
                    for (j, v) in rows.row(i as usize) {
                        columns[at] = place[j];
                        values[at] = value(i as usize, j, v);
                        at += LANES;
                    }
                }
            }
        });
        out.width = out.columns.par_iter().max().map_or(0, |&j| j as usize + 1);
        out
    }

    /// Stored entries, padding counted.
    pub fn stored(&self) -> usize {
        self.values.len()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.start.len() * 4 + self.columns.len() * 4 + size_of_val(self.values.as_slice())
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
        let slices = self.start.len() - 1;
        let window = |(w, mut part): (usize, P)| {
            let first = w * (WINDOW / LANES);
            let slices = (WINDOW / LANES).min(slices - first);
            vectorise(Sweep { matrix: self, first, slices, x, f: |s, sum: &[T; LANES]| f(&mut part, s, sum) });
        };
        let least = if self.stored() < SERIAL_ENTRIES { usize::MAX } else { 1 };
        parts.enumerate().with_min_len(least).for_each(window);
    }
}
