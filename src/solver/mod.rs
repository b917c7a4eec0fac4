//! Solvers for A x = b with A symmetric positive definite, and what they report.
//!
//! | solver | here |
//! |---|---|
//! | conjugate gradients, r = b − A x, p <- B r + β p, x <- x + α p | [`cg()`], [`Cg`] |
//! | conjugate directions, d <- N(r) made A-orthogonal to the last few | [`conjugate_direction()`] |
//! | sparse Cholesky with iterative refinement | [`direct()`] |
//! | any of them by name, on the matrix of a mesh | [`SolverConfig`], [`Solver`] |
//! | any of them by name, on a voxel scene | [`SceneSolver`] |
//! | multigrid and conjugate gradients as one, on voxels | [`VoxelSolver`], [`LearnedSolver`] |
//!
//! All stop at ‖b − A x‖₂ ≤ max(rtol ‖b‖₂, atol), checked against the true residual. Not to converge is an [`Outcome`], not an error. Set-up is
//! done once for many right-hand sides:
//!
//! ```
//! use filet::solver::{Method, Outcome, SolverConfig, unobserved};
//! use filet::sparse::gallery::poisson_2d;
//!
//! let a = poisson_2d(64);
//! let mut solver = SolverConfig { method: Method::PcgAmg, ..Default::default() }.build(&a, 2)?;
//! for step in 1..4 {
//!     let b = vec![f64::from(step); a.nrows()];
//!     let mut x = vec![0.0; a.nrows()];
//!     let report = solver.solve(&a, &b, &mut x, &mut unobserved)?;
//!     assert_eq!(report.outcome, Outcome::Converged);
//!     assert!(report.relative_residual() <= 1e-8 && report.iterations < 20);
//! }
//! # Ok::<(), filet::Error>(())
//! ```
//!
//! References: M. R. Hestenes and E. Stiefel, J. Res. Nat. Bur. Standards 49 (1952), doi:10.6028/jres.049.044; A. Kaneda et al., ICML 2023,
//! arXiv:2205.10763, on conjugate directions that are learned.

mod auxiliary;
mod cg;
mod conjugate_direction;
#[cfg(feature = "cuda")]
mod cuda;
mod direct;
mod guard;
mod learned;
mod method;
mod scene;
mod task;
mod voxel;

pub use cg::{Cg, cg};
pub use conjugate_direction::{DirectionModel, conjugate_direction};
#[cfg(feature = "cuda")]
pub use cuda::CudaDirectionModel;
pub use direct::direct;
pub use learned::LearnedSolver;
pub use method::{Method, PrecondConfig, Solver, SolverConfig};
pub use scene::SceneSolver;
pub use voxel::{Sweep, VoxelSolver};

use crate::error::{Error, Result};
use std::ops::ControlFlow;

/// When to stop: ‖b − A x‖₂ ≤ max(rtol ‖b‖₂, atol), or after `max_iterations`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StopRule {
    /// Relative tolerance on ‖b − A x‖₂ / ‖b‖₂ (default 1e-8).
    pub rtol: f64,
    /// Absolute tolerance on ‖b − A x‖₂ (default 0).
    pub atol: f64,
    /// Iteration limit (default 10 000).
    pub max_iterations: usize,
}

impl Default for StopRule {
    fn default() -> Self {
        StopRule { rtol: 1e-8, atol: 0.0, max_iterations: 10_000 }
    }
}

/// How a solve ended.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The tolerance was reached.
    Converged,
    /// The iteration limit was reached first.
    MaxIterations,
    /// The residual no longer falls: the limit of the arithmetic, or of the directions.
    Stagnated,
    /// A quantity that must be positive and finite was not: A or the preconditioner is not positive definite, or the
    /// data hold NaN or infinity.
    Breakdown {
        /// Which: `"p·Ap"` (A), `"r·z"` (preconditioner), `"r·r"` (residual) or `"b·b"` (right-hand side).
        quantity: &'static str,
        /// Its value.
        value: f64,
    },
    /// The observer asked to stop.
    Stopped,
}

impl Outcome {
    /// Its name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Converged => "converged",
            Outcome::MaxIterations => "max_iterations",
            Outcome::Stagnated => "stagnated",
            Outcome::Breakdown { .. } => "breakdown",
            Outcome::Stopped => "stopped",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Converged => write!(f, "converged"),
            Outcome::MaxIterations => write!(f, "iteration limit reached"),
            Outcome::Stagnated => write!(f, "stagnated: the residual no longer falls"),
            Outcome::Breakdown { quantity, value } => {
                write!(f, "breakdown, {quantity} = {value:.3e} must be positive and finite")
            }
            Outcome::Stopped => write!(f, "stopped"),
        }
    }
}

/// What a solve did.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Iterations made.
    pub iterations: usize,
    /// ‖r‖₂ / ‖b‖₂ before the first iteration and after each. Converged and stagnated solves end with the true
    /// ‖b − A x‖₂ / ‖b‖₂.
    pub residuals: Vec<f64>,
    /// Times the recurrence was left: restarts from the true residual, and directions replaced because A was not
    /// positive on them. 0 in a plain solve.
    pub restarts: usize,
    /// Wall-clock seconds of the solve, set-up not counted.
    pub seconds: f64,
    /// Bytes of work space.
    pub bytes: usize,
}

impl Report {
    /// The last relative residual.
    pub fn relative_residual(&self) -> f64 {
        self.residuals.last().copied().unwrap_or(0.0)
    }

    /// Turns any outcome but [`Outcome::Converged`] into an error.
    pub fn require_converged(self) -> Result<Report> {
        match self.outcome {
            Outcome::Converged => Ok(self),
            ref other => Err(Error::NotConverged {
                outcome: other.to_string(),
                iterations: self.iterations,
                residual: self.relative_residual(),
            }),
        }
    }
}

/// One iteration as the observer sees it.
#[derive(Debug)]
pub struct Iterate<'a> {
    /// Number of this iteration, from 1.
    pub iteration: usize,
    /// ‖r‖₂ / ‖b‖₂ now.
    pub relative_residual: f64,
    /// The solution so far; on a GPU, where it stays until the end, the first guess.
    pub x: &'a [f64],
}

/// Called after every iteration: progress, time limits, recording, Ctrl-C. `Break` stops the solve.
pub type Observer<'a> = dyn FnMut(&Iterate<'_>) -> ControlFlow<()> + 'a;

/// An observer that looks at nothing and never stops.
pub fn unobserved(_: &Iterate<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
