//! How a field on a voxel grid lies in memory: rows along the last direction, with zeros around.

use crate::voxel::VoxelGrid;
use rayon::prelude::*;

/// Where the cells of an n0 × n1 × n2 box lie in a field with a margin of zeros, so that kernels need no boundary cases.
///
/// Rows are as long as the box and at least one zero; neighbouring rows share it, and planes share a row of zeros. A box
/// one cell thick in some direction is held with n1 = 1 and without rows between its planes: the plane of the other two.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    /// Cells in each direction.
    pub n: [usize; 3],
    /// From a row to the next.
    pub row: usize,
    /// From a plane to the next.
    pub plane: usize,
}

/// Entries before the first row: the neighbours of the first cell lie inside the field.
const MARGIN: usize = 16;

impl Layout {
    /// The layout for a box of `n` cells.
    pub fn new(n: [usize; 3]) -> Self {
        let n = if n[0] == 1 && n[1] > 1 { [n[1], 1, n[2]] } else { n };
        let row = (n[2] + 1).next_multiple_of(MARGIN);
        Layout { n, row, plane: if n[1] == 1 { row } else { (n[1] + 1) * row } }
    }

    /// The layout's direction that is direction `d` of `grid`.
    pub fn axis(grid: &VoxelGrid, d: usize) -> usize {
        let [n0, n1, _] = grid.shape();
        if n0 == 1 && n1 > 1 && d == 1 { 0 } else { d }
    }

    /// Where the box's cell number `c`, row-major, lies in a field.
    #[inline]
    pub fn place(&self, c: usize) -> usize {
        let [_, n1, n2] = self.n;
        self.at(c / (n1 * n2), c / n2 % n1) + c % n2
    }

    /// The layout for the cells of `grid`.
    pub fn of(grid: &VoxelGrid) -> Self {
        Layout::new(grid.shape())
    }

    /// Whether cells have no neighbours in the middle direction.
    pub fn planar(&self) -> bool {
        self.n[1] == 1
    }

    /// Cells in a row and the zeros after it that kernels compute as well, so that whole vectors do.
    #[inline(always)]
    pub fn width(&self) -> usize {
        self.n[2].next_multiple_of(MARGIN)
    }

    /// Entries of a field: of an even number of planes, so that blocks are whole.
    pub fn len(&self) -> usize {
        (self.n[0].next_multiple_of(2) + 2) * self.plane + 2 * self.row + 2 * MARGIN
    }

    /// Cells in the box.
    pub fn cells(&self) -> usize {
        self.n.iter().product()
    }

    /// Where row (i, j) begins.
    #[inline(always)]
    pub fn at(&self, i: usize, j: usize) -> usize {
        MARGIN + (i + 1) * self.plane + (j + 1) * self.row
    }

    /// Where row (i, j) begins in an array without margin.
    #[inline(always)]
    pub fn packed(&self, i: usize, j: usize) -> usize {
        (i * self.n[1] + j) * self.n[2]
    }

    /// Distance to the next cell in each direction; 0 where there is none.
    pub fn steps(&self) -> [usize; 3] {
        [self.plane, if self.planar() { 0 } else { self.row }, 1]
    }

    /// The rows beside row (i, j) inside the box.
    #[inline]
    pub fn rows_beside(&self, [i, j]: [usize; 2]) -> impl Iterator<Item = [usize; 2]> + use<> {
        let [n0, n1, _] = self.n;
        let rows = [[i.wrapping_sub(1), j], [i + 1, j], [i, j.wrapping_sub(1)], [i, j + 1]];
        rows.into_iter().filter(move |[i, j]| *i < n0 && *j < n1)
    }

    /// Row-major `values` of the box's cells with margins of zeros.
    pub fn pad(&self, values: &[u8]) -> Vec<u8> {
        let mut padded = vec![0; self.len()];
        let n = self.n[2];
        padded[self.at(0, 0)..].par_chunks_mut(self.plane).take(self.n[0]).enumerate().for_each(|(i, plane)| {
            for j in 0..self.n[1] {
                let from = self.packed(i, j);
                plane[j * self.row..][..n].copy_from_slice(&values[from..from + n]);
            }
        });
        padded
    }

    /// The number, row-major, of the cell at a place in a field.
    #[cfg(feature = "cuda")]
    pub fn number(&self, at: usize) -> usize {
        let from = at - self.at(0, 0);
        let (i, rest) = (from / self.plane, from % self.plane);
        self.packed(i, rest / self.row) + rest % self.row
    }

    /// Row-major values of the box's cells from a field.
    #[cfg(feature = "cuda")]
    pub fn unpad<T: Copy>(&self, field: &[T]) -> Vec<T> {
        let rows = (0..self.n[0]).flat_map(|i| (0..self.n[1]).map(move |j| self.at(i, j)));
        rows.flat_map(|at| field[at..at + self.n[2]].iter().copied()).collect()
    }

    /// The layout of the blocks of 2 × 2 × 2 cells.
    pub fn coarse(&self) -> Self {
        let n = self.n.map(|n| n.div_ceil(2));
        let row = (n[2] + 1).next_multiple_of(MARGIN);
        Layout { n, row, plane: if self.planar() { row } else { (n[1] + 1) * row } }
    }

    /// Entries of a plane's window before its first row.
    #[inline(always)]
    pub fn lead(&self) -> usize {
        self.row + MARGIN
    }

    /// Entries of a plane's window: its rows and the zeros around them.
    #[inline(always)]
    pub fn window_len(&self) -> usize {
        self.lead() + (self.n[1] + 1) * self.row + MARGIN
    }

    /// The window of plane `i` − 1: its rows and the zeros around them.
    #[inline(always)]
    pub fn window(&self, i: usize) -> std::ops::Range<usize> {
        i * self.plane..i * self.plane + self.window_len()
    }

    /// The planes around plane `i`: `field`'s windows of i − 1, i and i + 1.
    #[inline(always)]
    pub fn around<'a>(&self, field: &'a [f32], i: usize) -> [&'a [f32]; 3] {
        [i, i + 1, i + 2].map(|i| &field[self.window(i)])
    }
}
