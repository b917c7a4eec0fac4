//! The operator with all weights 1, from one byte a cell.

#[cfg(feature = "cuda")]
use super::CudaStencil;
use super::{Layout, Rows, Stencil};
#[cfg(feature = "cuda")]
use crate::device::cuda::Cuda;
#[cfg(feature = "cuda")]
use crate::error::Result;
use crate::simd::vectorised;
use crate::voxel::{AIR, FLUID};
use rayon::prelude::*;

/// The unscaled 7-point operator (5-point in the plane).
#[derive(Debug, Clone)]
pub(crate) struct Flags {
    /// Neighbours that are not solid; 0 where the cell is not fluid.
    degree: Vec<u8>,
}

impl Flags {
    /// Counts the neighbours of cells of these kinds.
    pub fn new(layout: &Layout, kind: &[u8]) -> Self {
        let mut flags = Flags { degree: vec![0u8; layout.len()] };
        flags.update(layout, kind, &Rows::all(layout));
        flags
    }

    /// Counts the neighbours in `rows` again, for cells that are now of these kinds.
    pub fn update(&mut self, layout: &Layout, kind: &[u8], rows: &Rows) {
        let start = layout.at(0, 0);
        self.degree[start..].par_chunks_mut(layout.plane).take(layout.n[0]).enumerate().for_each(|(i, plane)| {
            for run in rows.runs(i) {
                let at = layout.at(i, run.start);
                let degree = &mut plane[run.start * layout.row..run.end * layout.row];
                degree.fill(0);
                for step in layout.steps().into_iter().filter(|step| *step > 0) {
                    count_wet(&kind[at..], &kind[at - step..], &kind[at + step..], degree);
                }
            }
        });
    }
}

vectorised! {
    /// Adds the neighbours `before` and `after` that are fluid or air to the fluid cells' `degree`.
    fn count_wet(kind: &[u8], before: &[u8], after: &[u8], degree: &mut [u8]) {
        let n = degree.len();
        let (kind, before, after) = (&kind[..n], &before[..n], &after[..n]);
        for x in 0..n {
            let wet = |kind: u8| (kind & FLUID) | (kind & AIR) >> 1;
            degree[x] += (wet(before[x]) + wet(after[x])) * (kind[x] & FLUID);
        }
    }
}

impl Stencil for Flags {
    const BYTES: [f64; 2] = [1.0, 1.0];
    const MASK: bool = true;

    #[inline(always)]
    fn residual_row(&self, layout: &Layout, at: usize, x: usize, z: [&[f32]; 3], r: &[f32], out: &mut [f32]) {
        let n = out.len();
        let (degree, r) = (&self.degree[at..][..n], &r[at..][..n]);
        let (before, centre, after) = (&z[1][x - 1..][..n], &z[1][x..][..n], &z[1][x + 1..][..n]);
        let (up, down) = (&z[0][x..][..n], &z[2][x..][..n]);
        if layout.planar() {
            for x in 0..n {
                let sum = before[x] + after[x] + (up[x] + down[x]);
                let value = r[x] - (f32::from(degree[x]) * centre[x] - sum);
                out[x] = if degree[x] > 0 { value } else { 0.0 };
            }
        } else {
            let (left, right) = (&z[1][x - layout.row..][..n], &z[1][x + layout.row..][..n]);
            for x in 0..n {
                let sum = before[x] + after[x] + (up[x] + down[x]) + (left[x] + right[x]);
                let value = r[x] - (f32::from(degree[x]) * centre[x] - sum);
                out[x] = if degree[x] > 0 { value } else { 0.0 };
            }
        }
    }

    #[inline(always)]
    fn apply_row(&self, layout: &Layout, at: usize, x: usize, z: [&[f32]; 3], out: &mut [f32]) {
        let n = out.len();
        let degree = &self.degree[at..][..n];
        let (before, centre, after) = (&z[1][x - 1..][..n], &z[1][x..][..n], &z[1][x + 1..][..n]);
        let (up, down) = (&z[0][x..][..n], &z[2][x..][..n]);
        // In the plane there is nothing to the left or right: the cell itself, taken once with each sign.
        let beside = layout.steps()[1];
        let (left, right) = (&z[1][x - beside..][..n], &z[1][x + beside..][..n]);
        let doubled = if layout.planar() { 2.0 } else { 0.0 };
        for x in 0..n {
            let wide = |v: &[f32]| f64::from(v[x]);
            let sum = wide(before) + wide(after) + (wide(up) + wide(down)) + (wide(left) + wide(right));
            let value = ((f64::from(degree[x]) + doubled) * wide(centre) - sum) as f32;
            out[x] = if degree[x] > 0 { value } else { 0.0 };
        }
    }

    fn apply_double(&self, layout: &Layout, place: [usize; 2], x: &[f64], out: &mut [f64]) {
        let at = layout.at(place[0], place[1]);
        let (degree, from) = (&self.degree, layout.packed(place[0], place[1]));
        multiply(&degree[at..], &x[from..], out);
        for [i, j] in layout.rows_beside(place) {
            subtract(&degree[layout.at(i, j)..], &x[layout.packed(i, j)..], out);
        }
        let n = out.len();
        subtract(&degree[at..], &x[from..], &mut out[1..]);
        subtract(&degree[at + 1..], &x[from + 1..], &mut out[..n - 1]);
        mask(&degree[at..], out);
    }

    #[inline(always)]
    fn scale_row(&self, at: usize, v: &mut [f32]) {
        self.mask_row(at, v);
    }

    #[inline(always)]
    fn mask_row(&self, at: usize, v: &mut [f32]) {
        for (v, degree) in v.iter_mut().zip(&self.degree[at..]) {
            *v = if *degree > 0 { *v } else { 0.0 };
        }
    }

    fn diagonal(&self, _: &Layout, at: usize) -> f64 {
        f64::from(self.degree[at])
    }

    fn face(&self, _: usize, at: usize, next: usize) -> f64 {
        if self.degree[at] > 0 && self.degree[next] > 0 { 1.0 } else { 0.0 }
    }

    fn bytes(&self) -> usize {
        self.degree.len()
    }

    #[cfg(feature = "cuda")]
    fn on_device(&self, layout: &Layout, cuda: &Cuda) -> Result<CudaStencil> {
        Ok(CudaStencil::Flags { degree: cuda.upload(&layout.unpad(&self.degree))?, scale: None })
    }
}

vectorised! {
    fn multiply(degree: &[u8], x: &[f64], out: &mut [f64]) {
        for ((out, degree), x) in out.iter_mut().zip(degree).zip(x) {
            *out = f64::from(*degree) * x;
        }
    }
}

vectorised! {
    fn subtract(degree: &[u8], x: &[f64], out: &mut [f64]) {
        for ((out, degree), x) in out.iter_mut().zip(degree).zip(x) {
            *out -= if *degree > 0 { *x } else { 0.0 };
        }
    }
}

vectorised! {
    fn mask(degree: &[u8], out: &mut [f64]) {
        for (out, degree) in out.iter_mut().zip(degree) {
            *out = if *degree > 0 { *out } else { 0.0 };
        }
    }
}
