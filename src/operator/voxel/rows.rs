//! Sets of rows of a grid: those with fluid, which are all that sweeps compute, and those in which something changed, with what
//! follows from it on the grids of blocks below.

use super::Layout;
use rayon::prelude::*;
use std::ops::Range;

/// A set of rows (i, j).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    n: [usize; 2],
    /// Whether each row is in the set, plane by plane.
    has: Vec<bool>,
}

impl Rows {
    /// No row of a layout.
    pub fn none(layout: &Layout) -> Self {
        let [n0, n1, _] = layout.n;
        Rows { n: [n0, n1], has: vec![false; n0 * n1] }
    }

    /// All rows of a layout.
    pub fn all(layout: &Layout) -> Self {
        let [n0, n1, _] = layout.n;
        Rows { n: [n0, n1], has: vec![true; n0 * n1] }
    }

    /// The rows of whose cells `has` says so.
    pub fn with(layout: &Layout, has: impl Fn(Range<usize>) -> bool + Sync) -> Self {
        let [n0, n1, n2] = layout.n;
        let row = |row: usize| {
            let at = layout.at(row / n1, row % n1);
            has(at..at + n2)
        };
        Rows { n: [n0, n1], has: (0..n0 * n1).into_par_iter().with_min_len(64).map(row).collect() }
    }

    /// The rows of which `has` says so.
    pub fn from_fn(layout: &Layout, has: impl Fn([usize; 2]) -> bool) -> Self {
        Rows::none(layout).made([layout.n[0], layout.n[1]], has)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        !self.has.contains(&true)
    }

    /// Whether row (i, j) is in the set; rows outside the grid are not.
    #[inline]
    pub fn has(&self, [i, j]: [usize; 2]) -> bool {
        i < self.n[0] && j < self.n[1] && self.has[i * self.n[1] + j]
    }

    /// The part of all rows that are in the set.
    pub fn part(&self) -> f64 {
        self.has.iter().filter(|has| **has).count() as f64 / self.has.len() as f64
    }

    /// The planes with a row in the set.
    pub fn planes(&self) -> usize {
        self.has.chunks(self.n[1]).filter(|plane| plane.contains(&true)).count()
    }

    /// Whether plane `i` or one beside it has a row in the set.
    #[inline]
    pub fn near(&self, i: usize) -> bool {
        self.has[i.saturating_sub(1) * self.n[1]..((i + 2) * self.n[1]).min(self.has.len())].contains(&true)
    }

    /// For each plane, whether its rows are in the set, to be changed.
    pub fn planes_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [bool]> {
        self.has.par_chunks_mut(self.n[1])
    }

    /// Those that are in `others` as well.
    pub fn both(&self, others: &Rows) -> Self {
        self.made(self.n, |row| self.has(row) && others.has(row))
    }

    /// These and `others`.
    pub fn either(&self, others: &Rows) -> Self {
        self.made(self.n, |row| self.has(row) || others.has(row))
    }

    /// Those that are not in `others`.
    pub fn less(&self, others: &Rows) -> Self {
        self.made(self.n, |row| self.has(row) && !others.has(row))
    }

    /// Zeroes these rows of a field.
    pub fn clear(&self, layout: &Layout, field: &mut [f32]) {
        for (i, j) in (0..self.n[0]).flat_map(|i| self.of(i).map(move |j| (i, j))) {
            field[layout.at(i, j)..][..layout.width()].fill(0.0);
        }
    }

    /// These rows of plane `i`.
    #[inline]
    pub fn of(&self, i: usize) -> impl Iterator<Item = usize> {
        let plane = &self.has[i * self.n[1]..(i + 1) * self.n[1]];
        plane.iter().enumerate().filter(|(_, has)| **has).map(|(j, _)| j)
    }

    /// These rows of plane `i`, as ranges of neighbours.
    pub fn runs(&self, i: usize) -> impl Iterator<Item = Range<usize>> {
        let plane = &self.has[i * self.n[1]..(i + 1) * self.n[1]];
        let mut from = 0;
        plane.chunk_by(|a, b| a == b).filter_map(move |run| {
            from += run.len();
            run[0].then(|| from - run.len()..from)
        })
    }

    /// With the rows next to them, diagonally as well.
    pub fn grown(&self) -> Self {
        self.made(self.n, |[i, j]| {
            let near = |x: usize| x.saturating_sub(1)..x + 2;
            near(i).any(|i| near(j).any(|j| self.has([i, j])))
        })
    }

    /// The rows of blocks of 2 × 2 rows that hold one of them.
    pub fn coarse(&self) -> Self {
        self.made(self.n.map(|n| n.div_ceil(2)), |[i, j]| {
            [0, 1].iter().any(|di| [0, 1].iter().any(|dj| self.has([2 * i + di, 2 * j + dj])))
        })
    }

    /// The rows in these rows of blocks, of a grid with this layout.
    pub fn fine(&self, layout: &Layout) -> Self {
        self.made([layout.n[0], layout.n[1]], |[i, j]| self.has([i / 2, j / 2]))
    }

    fn made(&self, n: [usize; 2], has: impl Fn([usize; 2]) -> bool) -> Self {
        Rows { n, has: (0..n[0] * n[1]).map(|row| has([row / n[1], row % n[1]])).collect() }
    }
}
