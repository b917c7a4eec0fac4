//! The operator with all weights 1 beside a smoother's scaling of its own, from two bytes a cell.

#[cfg(feature = "cuda")]
use super::CudaStencil;
use super::{Flags, Layout, Rows, Stencil};
#[cfg(feature = "cuda")]
use crate::device::cuda::Cuda;
#[cfg(feature = "cuda")]
use crate::error::Result;
use crate::simd::vectorised;
use crate::voxel::{AIR, FLUID};
use rayon::prelude::*;
use std::sync::Arc;

/// h is held in units of 1 / 128.
const UNIT: f32 = 1.0 / 128.0;

/// The unscaled operator, and h by cell.
#[derive(Debug)]
pub(crate) struct ScaledFlags {
    flags: Arc<Flags>,
    /// h in units of [`UNIT`]; 0 where the cell is not fluid.
    scale: Vec<u8>,
    weights: [f32; 6],
    bounds: [f32; 2],
}

impl ScaledFlags {
    /// h = 1 + Σ w · counts within `bounds`, with the weights of solid cells that share a face, an edge, a corner, and of air
    /// cells, for cells of these kinds with fluid in the rows `wet`. In the plane sides stand for faces and corners for edges.
    pub fn new(
        layout: &Layout,
        kind: &[u8],
        flags: Arc<Flags>,
        weights: [f32; 6],
        bounds: [f32; 2],
        wet: &Rows,
    ) -> Self {
        let mut new = ScaledFlags { flags: flags.clone(), scale: vec![0u8; layout.len()], weights, bounds };
        new.update(layout, kind, flags, wet);
        new
    }

    /// Takes other flags, and h in `rows` for cells that are now of these kinds.
    pub fn update(&mut self, layout: &Layout, kind: &[u8], flags: Arc<Flags>, rows: &Rows) {
        self.flags = flags;
        let (start, [_, j, _]) = (layout.at(0, 0), layout.steps());
        let (weights, bounds) = (self.weights, self.bounds);
        self.scale[start..].par_chunks_mut(layout.plane).take(layout.n[0]).enumerate().for_each_init(
            || std::array::from_fn(|_| vec![0u8; layout.n[1] * layout.row + 2]),
            |sums: &mut [Vec<u8>; 3], (i, scale)| {
                for run in rows.runs(i) {
                    let at = layout.at(i, run.start) - 1;
                    let rows = |plane: usize, to: usize| &kind[at + plane * layout.plane - layout.plane + to - j..];
                    let length = run.len() * layout.row;
                    let [centre, faces, edges] = sums.each_mut().map(|sum| &mut sum[..length + 2]);
                    match layout.planar() {
                        true => sum_rows_in_plane([0, 1, 2].map(|p| rows(p, 0)), centre, faces),
                        false => sum_rows([0, 1, 2].map(|p| [0, 1, 2].map(|r| rows(p, r * j))), centre, faces, edges),
                    }
                    let out = &mut scale[run.start * layout.row..][..length];
                    scales(weights, bounds, &kind[at + 1..], [centre, faces, edges], out);
                }
            },
        );
    }
}

/// A solid cell counts 1, an air cell 16: sums over twelve cells keep both apart.
#[inline(always)]
fn counted(kind: u8) -> u8 {
    let wet = (kind | kind >> 1) & 1;
    (1 - wet) | (kind & AIR) << 3
}

vectorised! {
    /// Sums over the rows around a row: itself, those that share a face with it, those that share an edge.
    fn sum_rows(rows: [[&[u8]; 3]; 3], centre: &mut [u8], faces: &mut [u8], edges: &mut [u8]) {
        let n = centre.len();
        let (faces, edges) = (&mut faces[..n], &mut edges[..n]);
        let rows = rows.map(|plane| plane.map(|row| &row[..n]));
        for x in 0..n {
            let at = |p: usize, r: usize| counted(rows[p][r][x]);
            centre[x] = at(1, 1);
            faces[x] = at(0, 1) + at(2, 1) + at(1, 0) + at(1, 2);
            edges[x] = at(0, 0) + at(0, 2) + at(2, 0) + at(2, 2);
        }
    }
}

vectorised! {
    /// The same in the plane: itself, and those that share a side with it.
    fn sum_rows_in_plane(rows: [&[u8]; 3], centre: &mut [u8], sides: &mut [u8]) {
        let n = centre.len();
        let (sides, rows) = (&mut sides[..n], rows.map(|row| &row[..n]));
        for x in 0..n {
            centre[x] = counted(rows[1][x]);
            sides[x] = counted(rows[0][x]) + counted(rows[2][x]);
        }
    }
}

vectorised! {
    fn scales(weights: [f32; 6], bounds: [f32; 2], kind: &[u8], sums: [&[u8]; 3], out: &mut [u8]) {
        let n = out.len();
        let [c, f, e] = sums;
        let (kind, c0, f1, e1) = (&kind[..n], &c[..n], &f[1..n + 1], &e[1..n + 1]);
        let (f0, e0, c2, f2, e2) = (&f[..n], &e[..n], &c[2..n + 2], &f[2..n + 2], &e[2..n + 2]);
        for x in 0..n {
            let around = [c0[x] + c2[x] + f1[x], f0[x] + f2[x] + e1[x], e0[x] + e2[x]];
            let mut h = 1.0;
            for d in 0..3 {
                h += weights[d] * f32::from(around[d] & 15) + weights[3 + d] * f32::from(around[d] >> 4);
            }
            let h = h.max(bounds[0]).min(bounds[1]);
            out[x] = (h * (1.0 / UNIT) + 0.5) as u8 * (kind[x] & FLUID);
        }
    }
}

impl Stencil for ScaledFlags {
    const BYTES: [f64; 2] = [2.0, 1.0];
    const MASK: bool = false;

    #[inline(always)]
    fn residual_row(&self, layout: &Layout, at: usize, x: usize, z: [&[f32]; 3], r: &[f32], out: &mut [f32]) {
        self.flags.residual_row(layout, at, x, z, r, out);
    }

    #[inline(always)]
    fn apply_row(&self, layout: &Layout, at: usize, x: usize, z: [&[f32]; 3], out: &mut [f32]) {
        self.flags.apply_row(layout, at, x, z, out);
    }

    fn apply_double(&self, layout: &Layout, place: [usize; 2], x: &[f64], out: &mut [f64]) {
        self.flags.apply_double(layout, place, x, out);
    }

    #[inline(always)]
    fn scale_row(&self, at: usize, v: &mut [f32]) {
        for (v, h) in v.iter_mut().zip(&self.scale[at..]) {
            *v *= UNIT * f32::from(*h);
        }
    }

    #[inline(always)]
    fn mask_row(&self, at: usize, v: &mut [f32]) {
        self.flags.mask_row(at, v);
    }

    fn diagonal(&self, layout: &Layout, at: usize) -> f64 {
        self.flags.diagonal(layout, at)
    }

    fn face(&self, d: usize, at: usize, next: usize) -> f64 {
        self.flags.face(d, at, next)
    }

    fn bytes(&self) -> usize {
        self.flags.bytes() + self.scale.len()
    }

    #[cfg(feature = "cuda")]
    fn on_device(&self, layout: &Layout, cuda: &Cuda) -> Result<CudaStencil> {
        let mut stencil = self.flags.on_device(layout, cuda)?;
        if let CudaStencil::Flags { scale, .. } = &mut stencil {
            *scale = Some(cuda.upload(&layout.unpad(&self.scale))?);
        }
        Ok(stencil)
    }
}
