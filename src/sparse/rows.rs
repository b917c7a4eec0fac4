//! Compressed rows while a hierarchy is built: [`Rows`], with 32-bit row starts and f32 or f64 values.

use super::Real;
use rayon::prelude::*;
use std::ops::Range;

/// Rows handled as one unit of work; fixed, so that nothing depends on the number of threads.
pub const BLOCK: usize = 8192;

/// A sparse matrix by rows, columns in any order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows<T> {
    /// Row starts, one more than there are rows.
    pub start: Vec<u32>,
    /// Column numbers.
    pub columns: Vec<u32>,
    /// Values.
    pub values: Vec<T>,
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
    pub fn row(&self, i: usize) -> impl Iterator<Item = (usize, T)> + '_ {
        let range = self.range(i);
        self.columns[range.clone()].iter().map(|&j| j as usize).zip(self.values[range].iter().copied())
    }

    /// Builds `rows` rows block by block in parallel: `build(scratch, block, out)` pushes the rows `block` onto `out`;
    /// what `scratch` holds from other blocks must not matter.
    pub fn build<S>(
        rows: usize,
        scratch: impl Fn() -> S + Sync + Send,
        build: impl Fn(&mut S, Range<usize>, &mut RowBuffer<T>) + Sync + Send,
    ) -> Self {
        let blocks: Vec<RowBuffer<T>> = (0..rows.div_ceil(BLOCK))
            .into_par_iter()
            .map_init(scratch, |scratch, k| {
                let mut out = RowBuffer::default();
                build(scratch, k * BLOCK..rows.min((k + 1) * BLOCK), &mut out);
                out
            })
            .collect();
        Self::concatenate(rows, &blocks)
    }

    fn concatenate(rows: usize, blocks: &[RowBuffer<T>]) -> Self {
        let total = blocks.iter().map(|b| b.columns.len()).sum();
        let mut out =
            Rows { start: Vec::with_capacity(rows + 1), columns: vec![0; total], values: vec![T::ZERO; total] };
        out.start.push(0);
        let mut offset = 0;
        let mut parts = Vec::with_capacity(blocks.len());
        let (mut columns, mut values) = (out.columns.as_mut_slice(), out.values.as_mut_slice());
        for block in blocks {
            out.start.extend(block.ends.iter().map(|e| e + offset));
            offset += block.columns.len() as u32;
            let (head, tail) = columns.split_at_mut(block.columns.len());
            columns = tail;
            let (value_head, tail) = values.split_at_mut(block.columns.len());
            values = tail;
            parts.push((block, head, value_head));
        }
        parts.into_par_iter().for_each(|(block, columns, values)| {
            columns.copy_from_slice(&block.columns);
            values.copy_from_slice(&block.values);
        });
        out
    }

    /// Aᵀ for a matrix of `columns` columns; each row of it lists its entries by ascending column.
    pub fn transpose(&self, columns: usize) -> Self {
        let mut start = vec![0u32; columns + 1];
        for &j in &self.columns {
            start[j as usize + 1] += 1;
        }
        for j in 0..columns {
            start[j + 1] += start[j];
        }
        let mut next = start.clone();
        let mut out = Rows { start, columns: vec![0; self.nnz()], values: vec![T::ZERO; self.nnz()] };
        for i in 0..self.len() {
            for (j, v) in self.row(i) {
                let k = next[j] as usize;
                next[j] += 1;
                out.columns[k] = i as u32;
                out.values[k] = v;
            }
        }
        out
    }
}
