//! The method `dcdm` on the GPU: [`LearnedSolver`](crate::solver::LearnedSolver) there, with the same guard.

use super::{CudaMethod, CudaVoxelCg};
use crate::device::cuda::Cuda;
use crate::error::Result;
use crate::operator::voxel::VoxelOperator;
use crate::precond::voxel::{CudaCycle, CycleParameters, VoxelMultigrid};
use crate::solver::learned::GUARD;
use crate::solver::{Observer, Report, StopRule};
use crate::voxel::VoxelGrid;
use std::sync::Arc;

/// Conjugate gradients with the cycle that has learned numbers, and its twin with those of analysis, set up when it is needed.
pub(in crate::solver) struct CudaLearned {
    cuda: Arc<Cuda>,
    grid: VoxelGrid,
    learned: CudaVoxelCg,
    twin: Option<CudaVoxelCg>,
}

impl CudaLearned {
    /// Sets up for the unscaled operator on `grid`.
    ///
    /// Errors: no fluid cell; no memory left on the device.
    pub fn new(cuda: &Arc<Cuda>, grid: &VoxelGrid, parameters: &CycleParameters) -> Result<Self> {
        let learned = cycle_cg(cuda, grid, parameters)?;
        Ok(CudaLearned { cuda: cuda.clone(), grid: grid.clone(), learned, twin: None })
    }

    /// What was set up, in words.
    pub fn summary(&self) -> &str {
        &self.learned.summary
    }

    /// Whether a solve had to fall back to the twin.
    pub fn fell_back(&self) -> bool {
        self.twin.is_some()
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> usize {
        self.learned.bytes() + self.twin.as_ref().map_or(0, CudaVoxelCg::bytes)
    }

    /// As [`CudaMethod::solve`].
    pub fn solve(
        &mut self,
        a: &VoxelOperator,
        b: &[f64],
        x: &mut [f64],
        stop: &StopRule,
        watch: &mut Observer,
    ) -> Result<Report> {
        let CudaLearned { cuda, grid, learned, twin } = self;
        let make = || cycle_cg(cuda, grid, &CycleParameters::default());
        GUARD.solve(learned, twin, make, stop, watch, |solver, stop, watch| {
            solver.into_inner().solve(a, b, x, stop, watch)
        })
    }
}

/// The method `gmg`, with other numbers in its cycle for `dcdm`.
///
/// Errors: no fluid cell; no memory left on the device.
pub(in crate::solver) fn cycle_cg(
    cuda: &Arc<Cuda>,
    grid: &VoxelGrid,
    parameters: &CycleParameters,
) -> Result<CudaVoxelCg> {
    let host = VoxelMultigrid::tuned(grid, parameters)?;
    CudaVoxelCg::new(cuda, grid, Box::new(CudaCycle::new(cuda, &host)?), host.summary())
}
