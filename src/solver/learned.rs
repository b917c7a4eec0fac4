//! The voxel solver with learned numbers in its cycle, beside its twin with those of analysis.
//!
//! Learned numbers come without a proof, so every solve is watched: where conjugate gradients find the cycle not positive
//! definite, or [`STEPS`] iterations reduce the residual less than [`FALL`]-fold, the twin is set up and goes on from
//! the iterate. The answer is as exact as the twin's either way: both stop on the true residual.

use super::{Iterate, Observer, Outcome, Report, StopRule, VoxelSolver};
use crate::error::Result;
use crate::precond::voxel::CycleParameters;
use crate::voxel::VoxelGrid;
use std::ops::ControlFlow;

/// Iterations after which the residual is looked at, and by what factor it must have fallen.
const STEPS: usize = 4;
const FALL: f64 = 4.0;

/// A pressure solver whose cycle has learned numbers, for grids in space; in the plane it is its twin.
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

    /// The solver with learned numbers.
    pub fn learned(&self) -> &VoxelSolver {
        &self.learned
    }

    /// Whether the cycle has the learned numbers: on grids in space.
    pub fn learns(&self) -> bool {
        !self.learned.operator().layout.planar()
    }

    /// Whether a solve had to fall back to the twin. From then on all do.
    pub fn fell_back(&self) -> bool {
        self.twin.is_some()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.learned.bytes() + self.grid.cells() + self.twin.as_ref().map_or(0, VoxelSolver::bytes)
    }

    /// Solves as [`VoxelSolver::solve`] does, with the same errors.
    pub fn solve(&mut self, b: &[f64], x: &mut [f64], stop: &StopRule, watch: &mut Observer) -> Result<Report> {
        if let Some(twin) = &mut self.twin {
            return twin.solve(b, x, stop, watch);
        }
        let (mut slow, mut before) = (false, f64::INFINITY);
        let report = self.learned.solve(b, x, stop, &mut |iterate| {
            if iterate.iteration.is_multiple_of(STEPS) {
                slow = iterate.relative_residual > before / FALL;
                before = iterate.relative_residual;
            }
            let seen = watch(iterate);
            if slow { ControlFlow::Break(()) } else { seen }
        })?;
        match report.outcome {
            Outcome::Breakdown { .. } => {}
            Outcome::Stopped if slow => {}
            _ => return Ok(report),
        }
        self.go_on(report, b, x, stop, watch)
    }

    /// The twin takes over after `first`.
    fn go_on(
        &mut self,
        first: Report,
        b: &[f64],
        x: &mut [f64],
        stop: &StopRule,
        watch: &mut Observer,
    ) -> Result<Report> {
        let clock = std::time::Instant::now();
        let twin = self.twin.insert(VoxelSolver::new(&self.grid)?);
        let setup = clock.elapsed().as_secs_f64();
        let done = first.iterations;
        let left = StopRule { max_iterations: stop.max_iterations.saturating_sub(done), ..stop.clone() };
        let second = twin.solve(b, x, &left, &mut |iterate| {
            let Iterate { iteration, relative_residual, x } = iterate;
            watch(&Iterate { iteration: done + iteration, relative_residual: *relative_residual, x })
        })?;
        let residuals = first.residuals.iter().chain(second.residuals.iter().skip(1)).copied().collect();
        Ok(Report {
            iterations: done + second.iterations,
            residuals,
            restarts: first.restarts + second.restarts + 1,
            seconds: first.seconds + setup + second.seconds,
            bytes: self.bytes(),
            outcome: second.outcome,
        })
    }
}
