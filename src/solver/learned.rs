//! The voxel solver with learned numbers in its cycle, beside its twin with those of analysis.
//!
//! Learned numbers come without a proof, so every solve is watched: where conjugate gradients find the cycle not positive
//! definite, or four iterations reduce the residual less than four-fold, the twin is set up and goes on from the iterate. The answer is as exact as the twin's either way: both stop on the true residual.

use super::guard::Guard;
use super::{Observer, Report, StopRule, VoxelSolver};
use crate::error::Result;
use crate::precond::voxel::CycleParameters;
use crate::voxel::VoxelGrid;

pub(super) const GUARD: Guard = Guard { steps: 4, fall: 4.0 };

/// A pressure solver whose cycle has learned numbers.
pub struct LearnedSolver {
    learned: VoxelSolver,
    grid: VoxelGrid,
    /// Set up when it is needed.
    twin: Option<VoxelSolver>,
}

impl LearnedSolver {
    /// Sets up for the unscaled operator on `grid`.
    ///
    /// Errors: no fluid cell.
    pub fn new(grid: &VoxelGrid, parameters: &CycleParameters) -> Result<Self> {
        Ok(LearnedSolver { learned: VoxelSolver::tuned(grid, parameters)?, grid: grid.clone(), twin: None })
    }

    /// Takes other flags, as [`VoxelSolver::update`] does, with the same errors. Where any is, learned numbers are tried again.
    pub fn update(&mut self, grid: &VoxelGrid) -> Result<bool> {
        let changed = self.learned.update(grid)?;
        if changed {
            self.grid.clone_from(grid);
            self.twin = None;
        }
        Ok(changed)
    }

    /// The solver with learned numbers.
    pub fn learned(&self) -> &VoxelSolver {
        &self.learned
    }

    /// Whether a solve had to fall back to the twin. From then on all do, until the flags change.
    pub fn fell_back(&self) -> bool {
        self.twin.is_some()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.learned.bytes() + self.grid.cells() + self.twin.as_ref().map_or(0, VoxelSolver::bytes)
    }

    /// Bytes that an iteration reads and writes, counted from its arrays.
    pub fn traffic(&self) -> f64 {
        self.twin.as_ref().unwrap_or(&self.learned).traffic()
    }

    /// Solves as [`VoxelSolver::solve`] does, with the same errors.
    pub fn solve(&mut self, b: &[f64], x: &mut [f64], stop: &StopRule, watch: &mut Observer) -> Result<Report> {
        let LearnedSolver { learned, grid, twin } = self;
        let make = || VoxelSolver::new(grid);
        GUARD
            .solve(learned, twin, make, stop, watch, |solver, stop, watch| solver.into_inner().solve(b, x, stop, watch))
    }
}
