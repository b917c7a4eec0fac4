//! Conjugate gradients on voxels with a cycle of multigrid: [`cg`](fn@crate::solver::cg) on the GPU.
//!
//! x and r are double, so the recurred residual is as true as in double precision throughout. z, p and the cycle are single: 54 bytes
//! a cell an iteration besides the cycle. Where the cycle is poor (textbook multigrid on walls of one cell) their rounding costs
//! conjugacy, and some more iterations at tolerances far below 1e-6.

use super::method::{CudaMethod, Step, Vectors};
use super::{Finish, Slot, usable};
use crate::device::cuda::{Buffer, Cuda};
use crate::error::Result;
use crate::operator::voxel::{CudaVoxels, VoxelOperator};
use crate::precond::CudaPreconditioner;
use crate::voxel::VoxelGrid;
use std::sync::Arc;

/// Operator, cycle and vectors on the device.
pub(in crate::solver) struct CudaVoxelCg {
    on: Vectors,
    voxels: CudaVoxels,
    m: Box<dyn CudaPreconditioner>,
    p: Buffer<f32>,
    q: Buffer<f32>,
    /// Whether the next direction is z alone.
    fresh: bool,
    /// What was set up, in words.
    pub summary: String,
}

impl CudaVoxelCg {
    /// Sets up for the unscaled operator on `grid`.
    ///
    /// Errors: no fluid cell; no memory left on the device.
    pub fn new(cuda: &Arc<Cuda>, grid: &VoxelGrid, m: Box<dyn CudaPreconditioner>, summary: String) -> Result<Self> {
        grid.require_fluid()?;
        let voxels = CudaVoxels::new(cuda, grid.shape(), &VoxelOperator::new(grid))?;
        let n = grid.cells();
        let on = Vectors::new(cuda, n, voxels.parts().max(m.parts()))?;
        Ok(CudaVoxelCg { on, m, p: cuda.zeros(n)?, q: cuda.zeros(n)?, voxels, fresh: true, summary })
    }
}

impl CudaMethod for CudaVoxelCg {
    fn vectors(&mut self) -> &mut Vectors {
        &mut self.on
    }

    fn bytes(&self) -> usize {
        // x, b, r; p, q; the operator's byte.
        self.voxels.cells() * (24 + 8 + 1) + self.m.bytes()
    }

    fn restart(&mut self, scale: f64) -> Result<f64> {
        let CudaVoxelCg { on, voxels, m, .. } = self;
        let Vectors { x, b, r, numbers, .. } = on;
        voxels.residual(r, m.r(), [b, x], scale, &mut numbers.parts)?;
        on.finish(voxels.parts(), 1, Finish::Norm, 0)?;
        self.fresh = true;
        Ok(on.read()?(Slot::Rr).sqrt())
    }

    fn step(&mut self, scale: f64, _: &mut usize) -> Result<Step> {
        let CudaVoxelCg { on, voxels, m, p, q, fresh, .. } = self;
        let parts = voxels.parts();
        m.apply(&mut on.numbers.parts)?;
        on.finish(m.parts(), 1, Finish::Preconditioned, usize::from(std::mem::take(fresh)))?;
        let numbers = &mut on.numbers;
        voxels.direction(q, [m.z(), p], &numbers.scalars, &mut numbers.parts)?;
        on.finish(parts, 1, Finish::CurvatureOfCg, 0)?;
        std::mem::swap(p, q);
        let Vectors { x, r, numbers, .. } = on;
        voxels.advance([x, r], m.r(), p, &numbers.scalars, scale, &mut numbers.parts)?;
        on.finish(parts, 1, Finish::Norm, 0)?;
        let of = on.read()?;
        for (quantity, slot, moved) in [("r·z", Slot::Rz, true), ("p·Ap", Slot::Pq, of(Slot::Alpha) > 0.0)] {
            if !usable(of(slot)) || !moved {
                return Ok(Step::Stuck(quantity, of(slot)));
            }
        }
        Ok(Step::Moved { norm: of(Slot::Rr).sqrt(), drifted: false })
    }
}
