//! A grid level on the GPU, and its two sweeps.
//!
//! | launch | reads | writes | B a cell, finest | coarser |
//! |---|---|---|---|---|
//! | `descend` | r, operator, P | z₁, r_c | 11.5 or 12.5 | 30.5 |
//! | `ascend` | z₁, e, r, operator, P | z, parts of r·z | 15.5 or 16.5 | 34.5 |

use super::super::level::Level;
use crate::device::cuda::{Arg, Buffer, CYCLE, Cuda, Shape, THREADS, float, int};
use crate::error::Result;
use crate::operator::voxel::{CudaStencil, Stencil};
use std::sync::Arc;

/// Cells of a tile in a plane: FJ and FK of `kernels/cycle.cu`.
const TILE: [usize; 2] = [16, 32];
/// Coarse planes a block marches through: many, as the first and last ones are computed by two blocks,
const MOST_PLANES: usize = 16;
/// but fewer on small grids, so that there are as many blocks as keep a GPU busy.
const LEAST_PLANES: usize = 4;
const BUSY: usize = 256;

/// A grid level.
pub(crate) struct CudaLevel {
    cuda: Arc<Cuda>,
    grid: Grid,
    pub r: Buffer<f32>,
    /// z₁.
    pub smoothed: Buffer<f32>,
    pub z: Buffer<f32>,
}

/// What of a level does not change.
pub(super) struct Grid {
    pub n: [usize; 3],
    pub stencil: CudaStencil,
    links: Buffer<u8>,
    total: Buffer<u8>,
    /// K: centre, faces, edges, corners.
    kernel: [f32; 4],
}

impl Grid {
    pub fn cells(&self) -> usize {
        self.n.iter().product()
    }

    /// Tiles, and the coarse planes a block takes.
    fn shape(&self) -> (Shape, usize) {
        let [n0, n1, n2] = self.n;
        let (m0, tiles) = (n0.div_ceil(2), [n2.div_ceil(TILE[1]), n1.div_ceil(TILE[0])]);
        let mut planes = MOST_PLANES;
        while planes > LEAST_PLANES && tiles[0] * tiles[1] * m0.div_ceil(planes) < BUSY {
            planes /= 2;
        }
        (Shape { blocks: [tiles[0], tiles[1], m0.div_ceil(planes)], threads: THREADS }, planes)
    }

    /// Launches a sweep from and to these fields; `parts` for what it sums.
    fn launch(&self, cuda: &Cuda, sweep: &str, fields: &[Arg], parts: &[Arg]) -> Result<()> {
        let (shape, planes) = self.shape();
        let transfer = [self.stencil.scale(), self.links.get(), self.total.get()];
        let numbers = [&self.kernel.map(float)[..], parts, &[int(planes)], &self.n.map(int)].concat();
        let args = [fields, &self.stencil.operator(self.cells()), &transfer, &numbers].concat();
        cuda.launch(&CYCLE, &format!("{sweep}_{}", self.stencil.form()), shape, &args)
    }
}

impl CudaLevel {
    /// Copies a level to the device.
    ///
    /// Errors: no memory left on the device.
    pub fn new<S: Stencil>(cuda: &Arc<Cuda>, host: &Level<S>) -> Result<Self> {
        let layout = &host.layout;
        let field = || cuda.zeros(layout.cells());
        let grid = Grid {
            n: layout.n,
            stencil: host.stencil.on_device(layout, cuda)?,
            links: cuda.upload(&layout.unpad(&host.coarsening.transfer.links))?,
            total: cuda.upload(&layout.unpad(&host.coarsening.transfer.total))?,
            kernel: host.kernel,
        };
        Ok(CudaLevel { cuda: cuda.clone(), grid, r: field()?, smoothed: field()?, z: field()? })
    }

    pub(super) fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.grid.cells() * (12 + 2 + self.grid.stencil.bytes())
    }

    /// Parts of r·z that [`Self::ascend`] leaves.
    pub fn parts(&self) -> usize {
        self.grid.shape().0.count()
    }

    /// z₁ <- S r, `coarse` <- Pᵀ (r − A z₁).
    ///
    /// Errors: a launch that fails.
    pub fn descend(&mut self, coarse: &mut Buffer<f32>) -> Result<()> {
        let fields = [self.smoothed.set(), coarse.set(), self.r.get()];
        self.grid.launch(&self.cuda, "descend", &fields, &[])
    }

    /// z <- z₂ + S (r − A z₂) with z₂ = z₁ + P `e`; leaves parts of r·z.
    ///
    /// Errors: a launch that fails.
    pub fn ascend(&mut self, e: &Buffer<f32>, parts: &mut Buffer<f64>) -> Result<()> {
        let fields = [self.z.set(), self.smoothed.get(), e.get(), self.r.get()];
        self.grid.launch(&self.cuda, "ascend", &fields, &[parts.set()])
    }
}
