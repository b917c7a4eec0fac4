//! The 7-point operator of a voxel grid (5-point in the plane), applied from flags or face weights without a matrix.

#[cfg(feature = "cuda")]
mod cuda;
mod field;
mod flags;
mod layout;
mod rows;
mod scaled;
mod weights;

#[cfg(feature = "cuda")]
pub(crate) use cuda::CudaStencil;
#[cfg(feature = "cuda")]
pub use cuda::CudaVoxels;
pub(crate) use field::Field;
pub(crate) use flags::Flags;
pub(crate) use layout::Layout;
pub(crate) use rows::Rows;
pub(crate) use scaled::ScaledFlags;
pub use weights::FaceWeights;
pub(crate) use weights::{Scaling, Weights};

use super::LinearOperator;
#[cfg(feature = "cuda")]
use crate::device::cuda::Cuda;
use crate::error::Result;
use crate::voxel::VoxelGrid;
use rayon::prelude::*;
use std::sync::Arc;

/// The rows of a voxel operator. For a fluid cell c with diagonal d_c and neighbours n:
///
/// (A z)_c = d_c z_c − Σ_{n fluid} w_cn z_n,
///
/// and 0 elsewhere. Single-precision fields hold zeros outside the fluid, so neighbours there need no test. A row is given
/// by its place `at` in a field and `x` in the windows of the planes before, at and after it.
pub(crate) trait Stencil: Send + Sync {
    /// out <- r − A z on a row; `r` is the whole field.
    fn residual_row(&self, layout: &Layout, at: usize, x: usize, z: [&[f32]; 3], r: &[f32], out: &mut [f32]);

    /// out <- A z on a row, summed in double precision.
    fn apply_row(&self, layout: &Layout, at: usize, x: usize, z: [&[f32]; 3], out: &mut [f32]);

    /// out <- A x on row (i, j) of doubles without margins.
    fn apply_double(&self, layout: &Layout, place: [usize; 2], x: &[f64], out: &mut [f64]);

    /// v <- H v on a row: the mask of the fluid, or √(d₀ / d) with d₀ the diagonal in the midst of the fluid, all w = 1.
    fn scale_row(&self, at: usize, v: &mut [f32]);

    /// d of the cell at `at`.
    fn diagonal(&self, layout: &Layout, at: usize) -> f64;

    /// w of the face between the fluid cells at `at` and `next`, the next one in the layout's direction `d`; 0 where
    /// one is not fluid.
    fn face(&self, d: usize, at: usize, next: usize) -> f64;

    /// Zeroes what of a row lies outside the fluid.
    fn mask_row(&self, at: usize, v: &mut [f32]);

    /// Whether H is a mask, so that H r = r.
    const MASK: bool;

    /// Bytes a cell that are read to smooth and take a residual, and to apply A in double precision.
    const BYTES: [f64; 2];

    /// Bytes held.
    fn bytes(&self) -> usize;

    /// A copy on the device, without margins.
    #[cfg(feature = "cuda")]
    fn on_device(&self, layout: &Layout, cuda: &Cuda) -> Result<CudaStencil>;
}

/// The operator of the pressure problem on a voxel grid, over all its cells in row-major order: rows and columns of cells
/// outside the fluid are zero.
///
/// (A p)_c = Σ_{n not solid} w_cn p_c − Σ_{n fluid} w_cn p_n over the face neighbours n of the fluid cell c, with w = 1 unless
/// [`FaceWeights`] are given. It holds one byte a cell, or five floats with weights.
#[derive(Debug, Clone)]
pub struct VoxelOperator {
    pub(crate) layout: Layout,
    pub(crate) coefficients: Coefficients,
}

/// What the operator is applied from; shared with multigrid's finest level.
#[derive(Debug, Clone)]
pub(crate) enum Coefficients {
    Flags(Arc<Flags>),
    Weights(Arc<Weights>),
}

impl VoxelOperator {
    /// The unscaled operator: all w = 1.
    pub fn new(grid: &VoxelGrid) -> Self {
        let layout = Layout::of(grid);
        let flags = Flags::new(&layout, &layout.pad(grid.flags()));
        VoxelOperator { layout, coefficients: Coefficients::Flags(Arc::new(flags)) }
    }

    /// With weights on the faces.
    ///
    /// Errors: weights of another shape than the grid's, or that are negative or not finite.
    pub fn weighted(grid: &VoxelGrid, weights: &FaceWeights) -> Result<Self> {
        let layout = Layout::of(grid);
        let weights = weights.on(grid, &layout)?;
        Ok(VoxelOperator { layout, coefficients: Coefficients::Weights(Arc::new(weights)) })
    }

    /// y <- A x, and x·A x.
    pub fn apply_dot(&self, x: &[f64], y: &mut [f64]) -> f64 {
        match &self.coefficients {
            Coefficients::Flags(s) => apply_dot(&**s, &self.layout, x, y),
            Coefficients::Weights(s) => apply_dot(&**s, &self.layout, x, y),
        }
    }

    /// The diagonal entry of cell `c`; 0 outside the fluid and in a cell closed on all sides.
    pub fn diagonal(&self, c: usize) -> f64 {
        let at = self.layout.place(c);
        match &self.coefficients {
            Coefficients::Flags(s) => s.diagonal(&self.layout, at),
            Coefficients::Weights(s) => s.diagonal(&self.layout, at),
        }
    }

    /// The diagonal as one byte a cell.
    ///
    /// # Panics
    ///
    /// Where there are weights on the faces.
    #[cfg(feature = "cuda")]
    pub(crate) fn degrees(&self) -> Vec<u8> {
        assert!(matches!(self.coefficients, Coefficients::Flags(_)), "the diagonal of weights takes more than a byte");
        (0..self.layout.cells()).into_par_iter().map(|c| self.diagonal(c) as u8).collect()
    }

    /// The fluid neighbours of cell `c`, in row-major order, and their weights w; A has −w there.
    pub fn neighbours(&self, c: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let [n0, n1, n2] = self.layout.n;
        let at = self.layout.place(c);
        let steps = self.layout.steps();
        let place = [c / (n1 * n2), c / n2 % n1, c % n2];
        let strides = [n1 * n2, n2, 1];
        let face = move |d: usize, at: usize| match &self.coefficients {
            Coefficients::Flags(s) => s.face(d, at, at + steps[d]),
            Coefficients::Weights(s) => s.face(d, at, at + steps[d]),
        };
        let before = (0..3).filter(move |d| place[*d] > 0).map(move |d| (c - strides[d], face(d, at - steps[d])));
        let after = (0..3).rev().filter(move |d| place[*d] + 1 < [n0, n1, n2][*d]);
        let after = after.map(move |d| (c + strides[d], face(d, at)));
        before.chain(after).filter(|(_, w)| *w != 0.0)
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        match &self.coefficients {
            Coefficients::Flags(s) => s.bytes(),
            Coefficients::Weights(s) => s.bytes(),
        }
    }
}

impl LinearOperator for VoxelOperator {
    fn nrows(&self) -> usize {
        self.layout.cells()
    }

    fn apply(&self, x: &[f64], y: &mut [f64]) {
        self.apply_dot(x, y);
    }
}

fn apply_dot<S: Stencil>(stencil: &S, layout: &Layout, x: &[f64], y: &mut [f64]) -> f64 {
    let [_, n1, n2] = layout.n;
    let plane = |(i, y): (usize, &mut [f64])| -> f64 {
        let rows = y.chunks_exact_mut(n2).enumerate();
        rows.map(|(j, row)| {
            stencil.apply_double(layout, [i, j], x, row);
            let from = layout.packed(i, j);
            row.iter().zip(&x[from..from + n2]).map(|(a, b)| a * b).sum::<f64>()
        })
        .sum()
    };
    let dots: Vec<f64> = y.par_chunks_mut(n1 * n2).enumerate().map(plane).collect();
    dots.iter().sum()
}
