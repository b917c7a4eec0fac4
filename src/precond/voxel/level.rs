//! One grid level of the cycle: its operator, its way to the next level, and its fields.
//!
//! Both halves of the cycle are one sweep over the planes each, which keeps the few planes it needs in cache:
//!
//! | sweep | what | reads | writes |
//! |---|---|---|---|
//! | [`descend`](Level::descend) | z₁ <- S r, r_c <- Pᵀ (r − A z₁) | r | z₁, r_c |
//! | [`ascend`](Level::ascend) | z₂ <- z₁ + P e, z <- z₂ + S (r − A z₂) | r, z₁, e | z |
//!
//! with S = H K H. Rows without fluid are zero in every field and are passed over. Planes at the seams between tasks are computed by both, so the result does not depend on the tasks.

use super::coarsen::Coarsening;
use super::kernel::{Sums, convolve_row};
use super::transfer::{Shares, Spread};
use crate::operator::voxel::{Field, Layout, Rows, Stencil, Weights};
use crate::simd::vectorised;
use rayon::prelude::*;
use std::sync::Arc;

/// A grid level.
pub(crate) struct Level<S> {
    pub(super) layout: Layout,
    pub(super) stencil: Arc<S>,
    pub(super) coarsening: Coarsening,
    /// K: centre, faces, edges, corners.
    pub(super) kernel: [f32; 4],
    /// The right-hand side.
    pub r: Field,
    /// z₁: after smoothing, before the correction.
    pub(super) smoothed: Field,
    /// The cycle's answer.
    pub z: Field,
}

/// Planes a task at least computes: the seams cost four more.
const PLANES: usize = 8;

/// Work space of one sweep: windows of planes, the plane before the domain being number 0 of `Ring::plane`.
struct Ring {
    planes: Vec<Field>,
}

impl Ring {
    fn new(count: usize, layout: &Layout) -> Self {
        Ring { planes: (0..count).map(|_| Field::new(layout.window_len())).collect() }
    }

    #[inline(always)]
    fn plane(&mut self, i: isize) -> &mut [f32] {
        let count = self.planes.len() as isize;
        &mut self.planes[i.rem_euclid(count) as usize][..]
    }

    #[inline(always)]
    fn planes<const N: usize>(&self, first: isize) -> [&[f32]; N] {
        let count = self.planes.len() as isize;
        std::array::from_fn(|d| &self.planes[(first + d as isize).rem_euclid(count) as usize][..])
    }
}

/// Work space of a task.
struct Scratch {
    scaled: Ring,
    z: Ring,
    t: Ring,
    sums: Sums,
    spread: Spread,
    shares: Shares,
    row: Field,
}

impl<S: Stencil> Level<S> {
    /// Without cells yet.
    pub(super) fn empty(layout: Layout, kernel: [f32; 4], stencil: Arc<S>) -> Self {
        let field = || Field::new(layout.len());
        let coarsening = Coarsening::empty(layout.clone());
        Level { r: field(), smoothed: field(), z: field(), coarsening, kernel, layout, stencil }
    }

    /// Takes cells that are of another kind or have other weights in `rows`; gives the rows of blocks that were made again.
    pub(super) fn update(&mut self, kind: &[u8], weights: Option<&Weights>, rows: &Rows) -> Rows {
        let before = self.coarsening.cells.wet.clone();
        let blocks = self.coarsening.update(kind, weights, rows);
        let dried = before.less(&self.coarsening.cells.wet);
        for field in [&mut self.r, &mut self.smoothed, &mut self.z] {
            dried.clear(&self.layout, field);
        }
        blocks
    }

    /// The layout of its blocks.
    #[inline(always)]
    pub(super) fn coarse(&self) -> &Layout {
        &self.coarsening.blocks.layout
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        3 * size_of::<f32>() * self.r.len() + self.stencil.bytes() + self.coarsening.bytes()
    }

    fn scratch(&self) -> Scratch {
        let (layout, n) = (&self.layout, self.layout.width());
        Scratch {
            scaled: Ring::new(if S::MASK { 0 } else { 3 }, layout),
            z: Ring::new(3, layout),
            t: Ring::new(4, layout),
            sums: Sums::new(n),
            spread: Spread::new(self.coarse(), n),
            shares: Shares::new(n),
            row: Field::new(n),
        }
    }

    /// Planes a task takes, of those of the cells or of the blocks, so that each thread has two tasks with fluid.
    pub(super) fn planes_a_task(&self, planes: usize) -> usize {
        let wet = self.coarsening.cells.wet.planes() * planes / self.layout.n[0];
        wet.div_ceil(2 * rayon::current_num_threads()).max(PLANES)
    }

    /// z₁ <- S r and `rc` <- Pᵀ (r − A z₁).
    pub(super) fn descend(&mut self, rc: &mut [f32]) {
        let mut smoothed = std::mem::take(&mut self.smoothed);
        let this = &*self;
        let planes = this.planes_a_task(this.coarse().n[0]);
        let (start, coarse_start) = (this.layout.at(0, 0), this.coarse().at(0, 0));
        smoothed[start..]
            .par_chunks_mut(2 * planes * this.layout.plane)
            .zip(rc[coarse_start..].par_chunks_mut(planes * this.coarse().plane))
            .take(this.coarse().n[0].div_ceil(planes))
            .enumerate()
            .for_each_init(|| this.scratch(), |s, (task, (z, rc))| descend(this, s, task * planes, planes, z, rc));
        self.smoothed = smoothed;
    }

    /// z <- z₂ + S (r − A z₂) with z₂ = z₁ + P `e`. Returns r·z.
    pub(super) fn ascend(&mut self, e: &[f32]) -> f64 {
        let mut out = std::mem::take(&mut self.z);
        let this = &*self;
        let planes = this.planes_a_task(this.layout.n[0]);
        let mut dots = vec![0.0; this.layout.n[0]];
        out[this.layout.at(0, 0)..]
            .par_chunks_mut(planes * this.layout.plane)
            .zip(dots.par_chunks_mut(planes))
            .enumerate()
            .for_each_init(|| this.scratch(), |s, (task, (z, dots))| ascend(this, s, task * planes, e, z, dots));
        self.z = out;
        dots.iter().sum()
    }

    /// r − A z₁ in one cell.
    pub(super) fn residual_at(&self, cell: usize) -> f32 {
        let i = (cell - self.layout.at(0, 0)) / self.layout.plane;
        let x = cell - self.layout.window(i + 1).start;
        let mut out = [0.0];
        self.stencil.residual_row(&self.layout, cell, x, self.layout.around(&self.smoothed, i), &self.r, &mut out);
        out[0]
    }

    /// Whether there is a plane `i`.
    #[inline(always)]
    pub(super) fn has(&self, i: isize) -> bool {
        i >= 0 && (i as usize) < self.layout.n[0]
    }

    /// Rows of plane `i` with fluid: number, place in a field, place in the window.
    #[inline(always)]
    pub(super) fn rows(&self, i: isize) -> impl Iterator<Item = (usize, usize, usize)> {
        let (at, lead, row) = (self.layout.at(i as usize, 0), self.layout.lead(), self.layout.row);
        self.coarsening.cells.wet.of(i as usize).map(move |j| (j, at + j * row, lead + j * row))
    }

    /// Zeroes what [`rows`](Self::rows) leaves out of plane `i`'s window, where a row with fluid may look at it.
    #[inline(always)]
    pub(super) fn clear_dry(&self, i: isize, window: &mut [f32]) {
        let (layout, wet) = (&self.layout, &self.coarsening.cells.wet);
        if !self.has(i) {
            return window.fill(0.0);
        }
        let i = i as usize;
        if wet.near(i) {
            for j in (0..layout.n[1]).filter(|j| !wet.has([i, *j])) {
                window[layout.lead() + j * layout.row..][..layout.width()].fill(0.0);
            }
        }
    }

    /// out <- H r on plane `i`, zero outside the domain.
    #[inline(always)]
    fn scale_plane(&self, i: isize, out: &mut [f32]) {
        self.clear_dry(i, out);
        if !self.has(i) {
            return;
        }
        let n = self.layout.width();
        for (_, at, x) in self.rows(i) {
            out[x..x + n].copy_from_slice(&self.r[at..at + n]);
            self.stencil.scale_row(at, &mut out[x..x + n]);
        }
    }

    /// row <- H K s.
    #[inline(always)]
    fn smooth_row(&self, at: usize, x: usize, s: [&[f32]; 3], sums: &mut Sums, row: &mut [f32]) {
        convolve_row(&self.layout, self.kernel, x, s, sums, row);
        self.stencil.scale_row(at, row);
    }
}

vectorised! {
    /// The coarse planes from `first` on, `planes` of them or what is left: z₁ on their fine planes, and r_c.
    fn descend[S: Stencil](level: &Level<S>, s: &mut Scratch, first: usize, planes: usize, z1: &mut [f32], rc: &mut [f32]) {
        let (layout, coarse) = (&level.layout, level.coarse());
        let n = layout.width();
        let last = (first + planes).min(coarse.n[0]);
        let (begin, end) = (2 * first as isize, 2 * last as isize);
        if !S::MASK {
            for i in begin - 3..begin - 1 {
                level.scale_plane(i, s.scaled.plane(i));
            }
        }
        for i in begin - 2..end + 2 {
            // z₁ on plane i
            if !S::MASK {
                level.scale_plane(i + 1, s.scaled.plane(i + 1));
            }
            let z = s.z.plane(i);
            level.clear_dry(i, z);
            if level.has(i) {
                let source = if S::MASK { layout.around(&level.r, i as usize) } else { s.scaled.planes(i - 1) };
                for (j, at, x) in level.rows(i) {
                    let row = &mut z[x..x + n];
                    level.smooth_row(at, x, source, &mut s.sums, row);
                    if i >= begin && i < end {
                        let to = (i - begin) as usize * layout.plane + j * layout.row;
                        z1[to..to + n].copy_from_slice(row);
                    }
                }
            }
            // r − A z₁ on the plane before
            let i = i - 1;
            if i >= begin - 1 && level.has(i) {
                let (t, z) = (s.t.plane(i), s.z.planes(i - 1));
                for (_, at, x) in level.rows(i) {
                    level.stencil.residual_row(layout, at, x, z, &level.r, &mut t[x..x + n]);
                    level.coarsening.transfer.share_row(at, &mut t[x..x + n]);
                }
            }
            // r_c on the coarse plane whose last fine neighbour that was
            if i >= begin + 2 && i % 2 == 0 {
                let c = i as usize / 2 - 1;
                for j in (0..coarse.n[1]).filter(|j| level.coarsening.blocks.has_unknowns([c, *j])) {
                    let out = &mut rc[(c - first) * coarse.plane + j * coarse.row..][..coarse.n[2]];
                    level.coarsening.transfer.restrict_row(layout, [c, j], s.t.planes(2 * c as isize - 1), &mut s.shares, out);
                }
            }
        }
    }
}

vectorised! {
    /// The planes from `first` on, one for each of `dots`: z, and r·z on each.
    fn ascend[S: Stencil](level: &Level<S>, s: &mut Scratch, first: usize, e: &[f32], out: &mut [f32], dots: &mut [f64]) {
        let (layout, n) = (&level.layout, level.layout.width());
        let (begin, end) = (first as isize, (first + dots.len()) as isize);
        s.spread.restart();
        for i in begin - 2..end + 2 {
            // z₂ = z₁ + P e on plane i
            let z = s.z.plane(i);
            level.clear_dry(i, z);
            if level.has(i) {
                s.spread.reach(&level.coarsening.blocks, i as usize, e);
                for (j, at, x) in level.rows(i) {
                    let sources = s.spread.sources(layout, [i as usize, j]);
                    level.coarsening.transfer.prolong_row(at, &level.smoothed, sources, &mut z[x..x + n]);
                }
            }
            // H (r − A z₂) on the plane before
            let i = i - 1;
            if i >= begin - 1 {
                let (t, z) = (s.t.plane(i), s.z.planes(i - 1));
                level.clear_dry(i, t);
                if level.has(i) {
                    for (_, at, x) in level.rows(i) {
                        level.stencil.residual_row(layout, at, x, z, &level.r, &mut t[x..x + n]);
                        if !S::MASK {
                            level.stencil.scale_row(at, &mut t[x..x + n]);
                        }
                    }
                }
            }
            // z₂ + H K of it on the plane before that
            let i = i - 1;
            if i >= begin {
                let plane = (i - begin) as usize;
                for (j, at, x) in level.rows(i) {
                    level.smooth_row(at, x, s.t.planes(i - 1), &mut s.sums, &mut s.row);
                    let row = &mut out[plane * layout.plane + j * layout.row..][..n];
                    let [z] = s.z.planes(i);
                    for ((out, z), correction) in row.iter_mut().zip(&z[x..]).zip(&s.row[..]) {
                        *out = z + correction;
                    }
                    dots[plane] += dot_row(&level.r[at..at + n], row);
                }
            }
        }
    }
}

/// Σ a b, in single precision over the sixteenth parts of a row.
#[inline(always)]
pub(crate) fn dot_row(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0f32; 16];
    let (a, rest_a) = a.as_chunks::<16>();
    let (b, rest_b) = b.as_chunks::<16>();
    for (a, b) in a.iter().zip(b) {
        for l in 0..16 {
            sums[l] += a[l] * b[l];
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    f64::from(rest) + sums.iter().map(|s| f64::from(*s)).sum::<f64>()
}
