//! Conjugate gradients with multigrid on voxels: [`cg`](fn@crate::solver::cg) with [`RediscretisedMultigrid`], on the GPU.
//!
//! x and r are double, so the recurred residual is as true as in double precision throughout. z, p and the cycle are single: 108 bytes
//! a cell an iteration instead of about 200. Where the cycle is poor (many walls of one cell) their rounding costs conjugacy, and some
//! more iterations at tolerances far below 1e-6.

use super::{Finish, Numbers, Slot, usable};
use crate::device::cuda::{Buffer, Cuda};
use crate::error::Result;
use crate::operator::voxel::{CudaVoxels, VoxelOperator};
use crate::precond::voxel::{CudaMultigrid, RediscretisedMultigrid};
use crate::solver::task::Task;
use crate::solver::{Observer, Outcome, Report, StopRule};
use crate::voxel::VoxelGrid;
use std::sync::Arc;

/// Operator, cycle and vectors on the device.
pub struct CudaVoxelCg {
    voxels: CudaVoxels,
    multigrid: CudaMultigrid,
    levels: usize,
    x: Buffer<f64>,
    b: Buffer<f64>,
    r: Buffer<f64>,
    p: Buffer<f32>,
    q: Buffer<f32>,
    numbers: Numbers,
}

impl CudaVoxelCg {
    /// Sets up for the unscaled operator on `grid`.
    ///
    /// Errors: no fluid cell; no memory left on the device.
    pub fn new(cuda: &Arc<Cuda>, grid: &VoxelGrid) -> Result<Self> {
        let host = RediscretisedMultigrid::new(grid)?;
        let voxels = CudaVoxels::new(cuda, grid.shape(), &VoxelOperator::new(grid))?;
        let n = grid.cells();
        Ok(CudaVoxelCg {
            multigrid: CudaMultigrid::new(cuda, &host)?,
            levels: host.grid_levels(),
            x: cuda.zeros(n)?,
            b: cuda.zeros(n)?,
            r: cuda.zeros(n)?,
            p: cuda.zeros(n)?,
            q: cuda.zeros(n)?,
            numbers: Numbers::new(cuda, voxels.parts())?,
            voxels,
        })
    }

    /// Number of grids.
    pub fn grid_levels(&self) -> usize {
        self.levels
    }

    /// Bytes on the device: vectors, and what the cycle holds.
    pub fn bytes(&self) -> usize {
        // x, b, r; p, q; the operator's byte; three fields and two bytes of the cycle, with its coarse levels.
        self.voxels.cells() * (24 + 8 + 1 + 16)
    }

    /// Solves A x = b from the guess in `x`, both zero outside the fluid.
    ///
    /// Errors: sizes or tolerances that make no sense; a fault of the device.
    pub fn solve(
        &mut self,
        a: &VoxelOperator,
        b: &[f64],
        x: &mut [f64],
        stop: &StopRule,
        watch: &mut Observer,
    ) -> Result<Report> {
        let mut report = Report::empty(self.bytes());
        match Task::begin(a, b, x, stop, &mut report)? {
            Err(outcome) => report.outcome = outcome,
            Ok(mut task) => {
                let cuda = self.voxels.cuda().clone();
                cuda.write(b, &mut self.b)?;
                cuda.write(x, &mut self.x)?;
                report.outcome = self.iterate(&cuda, &mut task, x, stop.max_iterations, &mut report, watch)?;
                cuda.download(&self.x, x)?;
                report.seconds = task.seconds();
            }
        }
        Ok(report)
    }

    /// r <- s (b − A x); returns ‖r‖₂.
    fn residual(&mut self, cuda: &Cuda, scale: f64) -> Result<f64> {
        let CudaVoxelCg { voxels, multigrid, x, b, r, numbers, .. } = self;
        voxels.residual(r, multigrid.r(), [b, x], scale, &mut numbers.parts)?;
        numbers.finish(cuda, voxels.parts(), 1, Finish::Norm, 0)?;
        Ok(numbers.read(cuda)?(Slot::Rr).sqrt())
    }

    fn iterate(
        &mut self,
        cuda: &Cuda,
        task: &mut Task<'_>,
        host_x: &[f64],
        max_iterations: usize,
        report: &mut Report,
        watch: &mut Observer,
    ) -> Result<Outcome> {
        let (blocks, scale) = (self.voxels.parts(), task.scale);
        if let Err(outcome) = task.begun(self.residual(cuda, scale)?, report) {
            return Ok(outcome);
        }
        let mut restart = true;
        for _ in 0..max_iterations {
            let CudaVoxelCg { voxels, multigrid, x, r, p, q, numbers, .. } = self;
            multigrid.cycle(&mut numbers.parts)?;
            numbers.finish(cuda, blocks, 1, Finish::Preconditioned, usize::from(restart))?;
            voxels.direction(q, [multigrid.z(), p], &numbers.scalars, &mut numbers.parts)?;
            numbers.finish(cuda, blocks, 1, Finish::CurvatureOfCg, 0)?;
            std::mem::swap(p, q);
            voxels.advance([x, r], multigrid.r(), p, &numbers.scalars, scale, &mut numbers.parts)?;
            numbers.finish(cuda, blocks, 1, Finish::Norm, 0)?;
            let of = numbers.read(cuda)?;
            for (quantity, slot, moved) in [("r·z", Slot::Rz, true), ("p·Ap", Slot::Pq, of(Slot::Alpha) > 0.0)] {
                if !usable(of(slot)) || !moved {
                    let norm = self.residual(cuda, scale)?;
                    return Ok(task.broken(quantity, of(slot), norm, report));
                }
            }
            let mut norm = of(Slot::Rr).sqrt();
            let mut outcome = None;
            restart = task.due(norm) || !norm.is_finite();
            if restart {
                norm = self.residual(cuda, scale)?;
                outcome = task.confirmed(norm, report);
            }
            let stopped = task.record(norm, host_x, report, watch);
            if let Some(outcome) = outcome.or(stopped) {
                return Ok(outcome);
            }
        }
        Ok(Outcome::MaxIterations)
    }
}
