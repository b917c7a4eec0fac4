//! Compressed rows while a hierarchy is built: [`Rows`], with 32-bit row starts and f32 or f64 values.

use super::Real;
use rayon::prelude::*;
use std::ops::Range;

/// Rows handled as one unit of work; fixed, so that nothing depends on the number of threads.
pub const BLOCK: usize = 8192;
/// Ranges of columns that a transpose is made in.
const COLUMN_RANGES: usize = 8;

/// A sparse matrix by rows, columns in any order.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows<T> {
    /// Row starts, one more than there are rows.
    start: Vec<u32>,
    columns: Vec<u32>,
    values: Vec<T>,
}

/// Some consecutive rows in the making.
#[derive(Debug, Default)]
pub struct RowBuffer<T> {
    /// Entries up to the end of each row.
    pub ends: Vec<u32>,
    /// Column numbers.
    pub columns: Vec<u32>,
    /// Values.
    pub values: Vec<T>,
}

impl<T: Real> RowBuffer<T> {
    /// Ends the current row.
    pub fn finish_row(&mut self) {
        self.ends.push(self.columns.len() as u32);
    }
}

impl<T: Real> Rows<T> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.start.len() - 1
    }

    /// Stored entries.
    pub fn nnz(&self) -> usize {
        self.columns.len()
    }

    /// Entry numbers of row `i`.
    #[inline(always)]
    pub fn range(&self, i: usize) -> Range<usize> {
        self.start[i] as usize..self.start[i + 1] as usize
    }

    /// The entries (column, value) of row `i`.
    #[inline(always)]
    pub fn row(&self, i: usize) -> impl Iterator<Item = (usize, T)> {
        let range = self.range(i);
        self.columns[range.clone()].iter().map(|&j| j as usize).zip(self.values[range].iter().copied())
    }

    /// Builds rows of known lengths in parallel: `fill(i, columns, values)` writes row i.
    pub fn fill(
        rows: usize,
        length: impl Fn(usize) -> usize,
        fill: impl Fn(usize, &mut [u32], &mut [T]) + Sync + Send,
    ) -> Self {
        let mut start = Vec::with_capacity(rows + 1);
        let mut total = 0;
        start.push(0);
        for i in 0..rows {
            total += length(i);
            start.push(total as u32);
        }
        let (mut columns, mut values) = (vec![0; total], vec![T::ZERO; total]);
        let blocks: Vec<usize> = (0..rows).step_by(BLOCK).map(|i| start[(i + BLOCK).min(rows)] as usize).collect();
        split(&mut columns, &mut values, blocks).into_par_iter().enumerate().for_each(
            |(k, (mut columns, mut values))| {
                for i in (k * BLOCK..rows).take(BLOCK) {
                    let length = (start[i + 1] - start[i]) as usize;
                    let (c, rest) = columns.split_at_mut(length);
                    columns = rest;
                    let (v, rest) = values.split_at_mut(length);
                    values = rest;
                    fill(i, c, v);
                }
            },
        );
        Rows { start, columns, values }
    }

    /// Builds `rows` rows in parallel, `block` at a time: `build(scratch, range, out)` pushes the rows `range` onto
    /// `out`; what `scratch` holds from other blocks must not matter.
    pub fn build<S>(
        rows: usize,
        block: usize,
        scratch: impl Fn() -> S + Sync + Send,
        build: impl Fn(&mut S, Range<usize>, &mut RowBuffer<T>) + Sync + Send,
    ) -> Self {
        let blocks: Vec<RowBuffer<T>> = (0..rows.div_ceil(block))
            .into_par_iter()
            .map_init(scratch, |scratch, k| {
                let mut out = RowBuffer::default();
                build(scratch, k * block..rows.min((k + 1) * block), &mut out);
                out
            })
            .collect();
        let mut start = Vec::with_capacity(rows + 1);
        let mut total = 0;
        start.push(0);
        let mut ends = Vec::with_capacity(blocks.len());
        for block in &blocks {
            start.extend(block.ends.iter().map(|e| e + total as u32));
            total += block.columns.len();
            ends.push(total);
        }
        let (mut columns, mut values) = (vec![0; total], vec![T::ZERO; total]);
        split(&mut columns, &mut values, ends).into_par_iter().zip(blocks).for_each(|((columns, values), block)| {
            columns.copy_from_slice(&block.columns);
            values.copy_from_slice(&block.values);
        });
        Rows { start, columns, values }
    }

    /// Aᵀ for a matrix of `width` columns; each row of it lists its entries by ascending column.
    pub fn transpose(&self, width: usize) -> Self {
        let blocks: Vec<(Range<usize>, Range<usize>)> = (0..self.len().div_ceil(BLOCK))
            .into_par_iter()
            .map(|k| {
                let rows = k * BLOCK..self.len().min((k + 1) * BLOCK);
                let entries = self.start[rows.start] as usize..self.start[rows.end] as usize;
                let (least, most) =
                    self.columns[entries].iter().fold((u32::MAX, 0), |(a, b), &j| (a.min(j), b.max(j + 1)));
                (rows, least as usize..most as usize)
            })
            .collect();
        let step = width.div_ceil(COLUMN_RANGES).max(1);
        let ranges: Vec<Range<usize>> = (0..width).step_by(step).map(|j| j..width.min(j + step)).collect();
        let counts: Vec<Vec<u32>> = ranges
            .par_iter()
            .map(|range| {
                let mut counts = vec![0; range.len()];
                self.visit(&blocks, range, |_, j, _| counts[j - range.start] += 1);
                counts
            })
            .collect();
        let mut start = Vec::with_capacity(width + 1);
        let mut total = 0;
        start.push(0);
        for &count in counts.iter().flatten() {
            total += count;
            start.push(total);
        }
        let (mut columns, mut values) = (vec![0; self.nnz()], vec![T::ZERO; self.nnz()]);
        let ends = ranges.iter().map(|range| start[range.end] as usize).collect();
        split(&mut columns, &mut values, ends).into_par_iter().zip(&ranges).for_each(|((columns, values), range)| {
            let first = start[range.start];
            let mut next: Vec<u32> = start[range.clone()].iter().map(|s| s - first).collect();
            self.visit(&blocks, range, |i, j, v| {
                let at = &mut next[j - range.start];
                columns[*at as usize] = i as u32;
                values[*at as usize] = v;
                *at += 1;
            });
        });
        Rows { start, columns, values }
    }

    /// `visit(row, column, value)` for the entries with a column in `range`, in order; `blocks` are ranges of rows with
    /// the range of columns that they have.
    #[inline(always)]
    fn visit(
        &self,
        blocks: &[(Range<usize>, Range<usize>)],
        range: &Range<usize>,
        mut visit: impl FnMut(usize, usize, T),
    ) {
        for (rows, extent) in blocks {
            if extent.start < range.end && range.start < extent.end {
                for i in rows.clone() {
                    for (j, v) in self.row(i) {
                        if range.contains(&j) {
                            visit(i, j, v);
                        }
                    }
                }
            }
        }
    }
}

/// Both slices cut at `ends`.
fn split<'a, T>(mut a: &'a mut [u32], mut b: &'a mut [T], ends: Vec<usize>) -> Vec<(&'a mut [u32], &'a mut [T])> {
    let mut first = 0;
    let mut parts = Vec::with_capacity(ends.len());
    for end in ends {
        let (a_head, a_tail) = a.split_at_mut(end - first);
        let (b_head, b_tail) = b.split_at_mut(end - first);
        parts.push((a_head, b_head));
        (a, b, first) = (a_tail, b_tail, end);
    }
    parts
}
