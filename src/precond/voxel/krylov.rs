//! The sweeps of conjugate gradients on the finest level, in its layout.
//!
//! | sweep | what | reads | writes |
//! |---|---|---|---|
//! | [`refresh`](Sweeps::refresh) | r <- s (b − A x) | b, x | r |
//! | [`direction`](Sweeps::direction) | q <- z + β p, q·A q | z, p | q |
//! | [`advance`](Sweeps::advance) | x <- x + α p / s, r <- r − α A p | p, x, r | x, r |
//!
//! x and b are doubles in row-major order; r, z, p, q are single-precision fields, and s a power of two that keeps r near 1.
//! A p is computed twice rather than stored: 29 bytes a cell in place of 37, and summed in double precision both times.

#[cfg(feature = "cuda")]
use super::cuda::CudaLevel;
use super::level::{Level, dot_row};
#[cfg(feature = "cuda")]
use crate::device::cuda::Cuda;
#[cfg(feature = "cuda")]
use crate::error::Result;
use crate::operator::voxel::{Field, Layout, Stencil};
use crate::simd::vectorised;
use rayon::prelude::*;
#[cfg(feature = "cuda")]
use std::sync::Arc;

/// What conjugate gradients and the bottom ask of a level, whatever its operator is held in.
pub(crate) trait Sweeps: Send + Sync {
    /// z₁ <- S r and `rc` <- Pᵀ (r − A z₁).
    fn descend(&mut self, rc: &mut [f32]);
    /// z <- z₂ + S (r − A z₂) with z₂ = z₁ + P `e`. Returns r·z.
    fn ascend(&mut self, e: &[f32]) -> f64;
    /// r − A z₁ in one cell.
    fn residual_at(&self, cell: usize) -> f32;
    /// Adds to z₁ in one cell.
    fn correct_at(&mut self, cell: usize, correction: f32);
    /// r <- s (b − A x); returns r·r.
    fn refresh(&mut self, s: f64, b: &[f64], x: &[f64]) -> f64;
    /// q <- z + β p; returns q·A q.
    fn direction(&self, beta: f64, p: &[f32], q: &mut [f32]) -> f64;
    /// x <- x + α p / s, r <- r − α A p; returns r·r.
    fn advance(&mut self, alpha: f64, s: f64, p: &[f32], x: &mut [f64]) -> f64;
    /// r, a field that is 0 outside the fluid.
    fn right_hand_side(&mut self) -> &mut [f32];
    /// z.
    fn answer(&self) -> &[f32];
    /// r <- `r` in the fluid, given row by row.
    fn load(&mut self, r: &[f64]);
    /// `z` <- z, row by row.
    fn store(&self, z: &mut [f64]);
    /// Bytes held.
    fn bytes(&self) -> usize;
    /// Bytes a cell, rows without fluid counted as none, that refresh, descend, ascend, direction and advance read and write.
    fn traffic(&self) -> [f64; 5];
    /// A copy on the device.
    #[cfg(feature = "cuda")]
    fn on_device(&self, cuda: &Arc<Cuda>) -> Result<CudaLevel>;
    /// Layouts of its cells and blocks.
    #[cfg(feature = "cuda")]
    fn layouts(&self) -> [&Layout; 2];
}

impl<S: Stencil> Sweeps for Level<S> {
    fn descend(&mut self, rc: &mut [f32]) {
        Level::descend(self, rc);
    }

    fn ascend(&mut self, e: &[f32]) -> f64 {
        Level::ascend(self, e)
    }

    fn residual_at(&self, cell: usize) -> f32 {
        Level::residual_at(self, cell)
    }

    fn correct_at(&mut self, cell: usize, correction: f32) {
        self.smoothed[cell] += correction;
    }

    fn refresh(&mut self, s: f64, b: &[f64], x: &[f64]) -> f64 {
        let mut r = std::mem::take(&mut self.r);
        let (layout, stencil, wet) = (&self.layout, &*self.stencil, &self.coarsening.cells.wet);
        let n = layout.n[2];
        let plane = |(i, r): (usize, &mut [f32])| -> f64 {
            let mut exact = vec![0.0; n];
            let mut sum = 0.0;
            for j in wet.of(i) {
                let from = layout.packed(i, j);
                stencil.apply_double(layout, [i, j], x, &mut exact);
                let row = &mut r[j * layout.row..][..n];
                for ((r, b), ax) in row.iter_mut().zip(&b[from..]).zip(&exact) {
                    *r = (s * (b - ax)) as f32;
                }
                stencil.mask_row(layout.at(i, j), row);
                sum += dot_row(row, row);
            }
            sum
        };
        let planes = r[layout.at(0, 0)..].par_chunks_mut(layout.plane).take(layout.n[0]).enumerate();
        let dots: Vec<f64> = planes.map(plane).collect();
        self.r = r;
        dots.iter().sum()
    }

    fn direction(&self, beta: f64, p: &[f32], q: &mut [f32]) -> f64 {
        let layout = &self.layout;
        let planes = self.planes_a_task(layout.n[0]);
        let mut dots = vec![0.0; layout.n[0]];
        q[layout.at(0, 0)..]
            .par_chunks_mut(planes * layout.plane)
            .zip(dots.par_chunks_mut(planes))
            .enumerate()
            .for_each(|(task, (q, dots))| direction(self, beta as f32, p, task * planes, q, dots));
        dots.iter().sum()
    }

    fn advance(&mut self, alpha: f64, s: f64, p: &[f32], x: &mut [f64]) -> f64 {
        let mut r = std::mem::take(&mut self.r);
        let this = &*self;
        let layout = &this.layout;
        let mut dots = vec![0.0; layout.n[0]];
        r[layout.at(0, 0)..]
            .par_chunks_mut(layout.plane)
            .zip(x.par_chunks_mut(layout.n[1] * layout.n[2]))
            .zip(&mut dots)
            .enumerate()
            .for_each_init(
                || Field::new(layout.width()),
                |q, (i, ((r, x), dot))| *dot = advance(this, [alpha, s], p, i, q, r, x),
            );
        self.r = r;
        dots.iter().sum()
    }

    fn right_hand_side(&mut self) -> &mut [f32] {
        &mut self.r
    }

    fn answer(&self) -> &[f32] {
        &self.z
    }

    fn load(&mut self, r: &[f64]) {
        let (layout, n) = (&self.layout, self.layout.n[2]);
        for (i, j) in (0..layout.n[0]).flat_map(|i| (0..layout.n[1]).map(move |j| (i, j))) {
            let (at, from) = (layout.at(i, j), layout.packed(i, j));
            let row = &mut self.r[at..at + n];
            row.iter_mut().zip(&r[from..]).for_each(|(to, from)| *to = *from as f32);
            self.stencil.mask_row(at, row);
        }
    }

    fn store(&self, z: &mut [f64]) {
        let (layout, n) = (&self.layout, self.layout.n[2]);
        for (i, j) in (0..layout.n[0]).flat_map(|i| (0..layout.n[1]).map(move |j| (i, j))) {
            let (at, to) = (layout.at(i, j), layout.packed(i, j));
            z[to..to + n].iter_mut().zip(&self.z[at..]).for_each(|(to, from)| *to = f64::from(*from));
        }
    }

    fn bytes(&self) -> usize {
        Level::bytes(self)
    }

    fn traffic(&self) -> [f64; 5] {
        // Fields take 4 bytes, links and sums of weights 1 each, a coarse field 4 for every block.
        let [sweep, exact] = S::BYTES;
        let block = if self.layout.planar() { 1.0 } else { 0.5 };
        let bytes = [20.0 + exact, 8.0 + 2.0 + sweep + block, 12.0 + 2.0 + sweep + block, 12.0 + exact, 28.0 + exact];
        let wet = self.coarsening.cells.wet.part();
        bytes.map(|bytes| wet * bytes)
    }

    #[cfg(feature = "cuda")]
    fn on_device(&self, cuda: &Arc<Cuda>) -> Result<CudaLevel> {
        CudaLevel::new(cuda, self)
    }

    #[cfg(feature = "cuda")]
    fn layouts(&self) -> [&Layout; 2] {
        [&self.layout, self.coarse()]
    }
}

vectorised! {
    fn direction[S: Stencil](level: &Level<S>, beta: f32, p: &[f32], first: usize, q: &mut [f32], dots: &mut [f64]) {
        let layout: &Layout = &level.layout;
        let n = layout.width();
        let plane = || Field::new(layout.window_len());
        let mut ring = [plane(), plane(), plane()];
        let mut row = Field::new(n);
        for i in first as isize - 1..(first + dots.len()) as isize + 1 {
            let plane = &mut ring[i.rem_euclid(3) as usize];
            level.clear_dry(i, plane);
            if level.has(i) {
                for (j, at, x) in level.rows(i) {
                    let out = &mut plane[x..x + n];
                    for ((out, z), p) in out.iter_mut().zip(&level.z[at..at + n]).zip(&p[at..at + n]) {
                        *out = z + beta * p;
                    }
                    let own = i - first as isize;
                    if own >= 0 && own < dots.len() as isize {
                        let to = own as usize * layout.plane + j * layout.row;
                        q[to..to + n].copy_from_slice(out);
                    }
                }
            }
            let i = i - 1;
            if i >= first as isize {
                let around = [i - 1, i, i + 1].map(|i| &ring[i.rem_euclid(3) as usize][..]);
                for (_, at, x) in level.rows(i) {
                    level.stencil.apply_row(layout, at, x, around, &mut row);
                    dots[i as usize - first] += dot_row(&around[1][x..x + n], &row);
                }
            }
        }
    }
}

vectorised! {
    fn advance[S: Stencil](
        level: &Level<S>, numbers: [f64; 2], p: &[f32], i: usize, q: &mut [f32], r: &mut [f32], x: &mut [f64],
    ) -> f64 {
        let [alpha, s] = numbers;
        let layout: &Layout = &level.layout;
        let (n, cells) = (layout.width(), layout.n[2]);
        let around = layout.around(p, i);
        let mut sum = 0.0;
        for (j, at, w) in level.rows(i as isize) {
            level.stencil.apply_row(layout, at, w, around, q);
            let r = &mut r[j * layout.row..][..n];
            for (r, q) in r.iter_mut().zip(q.iter()) {
                *r -= alpha as f32 * q;
            }
            sum += dot_row(r, r);
            let step = alpha / s;
            for (x, p) in x[j * cells..(j + 1) * cells].iter_mut().zip(&p[at..at + cells]) {
                *x += step * f64::from(*p);
            }
        }
        sum
    }
}
