//! Preconditioned conjugate gradients for A x = b, A symmetric positive definite (or semi-definite and b in its range),
//! B ≈ A⁻¹ symmetric positive definite and fixed.
//!
//! | symbol | name here | what |
//! |---|---|---|
//! | A, b, x | `a`, `b`, `x` | system and iterate, n |
//! | B | `m` | preconditioner |
//! | r = b − A x | `r` | residual |
//! | z = B r | `z` | preconditioned residual |
//! | p, q = A p | `p`, `q` | direction and its image |
//! | α = r·z / p·q, β = r·z / (r·z)₋ | `alpha`, `beta` | |
//!
//! Reference: M. R. Hestenes and E. Stiefel, *Methods of conjugate gradients for solving linear systems*, J. Res. Nat.
//! Bur. Standards 49 (1952), §3, doi:10.6028/jres.049.044; with B: Y. Saad, *Iterative Methods for Sparse Linear
//! Systems*, 2nd ed., algorithm 9.1, doi:10.1137/1.9780898718003.
//!
//! Departures:
//! 1. When the recurred r reaches the tolerance, b − A x is computed. If that is not small enough CG restarts from it
//!    (residual replacement: H. A. van der Vorst and Q. Ye, SIAM J. Sci. Comput. 22 (2000), §2,
//!    doi:10.1137/S1064827599353865), and ends as stagnated when a restart brought less than a tenth.
//! 2. r, z, p and q are carried times a power of two that brings ‖b‖₂ to between 1 and 2; all other numbers are those of
//!    the textbook, bit for bit.
//! 3. p·Ap and r·z are checked, which costs nothing: not positive, or NaN, is a breakdown.

use super::task::Task;
use super::{Observer, Outcome, Report, StopRule};
use crate::error::{Error, Result};
use crate::operator::LinearOperator;
use crate::precond::Preconditioner;
use crate::sparse::vector::{dot, step, xpay};

/// Solves A x = b from the guess in `x` (the head of the source file has the algorithm). For many right-hand sides
/// keep a [`Cg`], which allocates once.
///
/// Singular A, such as a pure Neumann problem's: b must be in the range of A; wrap the preconditioner in
/// [`MeanFree`](crate::precond::MeanFree) to keep the constants out.
///
/// Errors: vectors of another length than A, a tolerance that makes no sense.
pub fn cg(
    a: &dyn LinearOperator,
    m: &mut dyn Preconditioner,
    b: &[f64],
    x: &mut [f64],
    stop: &StopRule,
    watch: &mut Observer,
) -> Result<Report> {
    let mut workspace = Cg::new(a.nrows());
    workspace.solve(a, m, b, x, stop, watch)?;
    Ok(workspace.report)
}

/// Work space of [`cg`]: four vectors, 32 n bytes.
#[derive(Debug, Clone)]
pub struct Cg {
    r: Vec<f64>,
    z: Vec<f64>,
    p: Vec<f64>,
    q: Vec<f64>,
    report: Report,
}

impl Cg {
    /// Work space for systems of `n` unknowns.
    pub fn new(n: usize) -> Self {
        let vector = || vec![0.0; n];
        Cg { r: vector(), z: vector(), p: vector(), q: vector(), report: Report::empty(4 * n * size_of::<f64>()) }
    }

    /// Bytes that an iteration reads and writes for each unknown besides what A and B hold, r and z of B among them: seventeen
    /// values in six passes.
    pub const TRAFFIC: usize = 17 * size_of::<f64>();

    /// As [`cg`], with its errors, without allocating: only a residual history longer than any before needs room.
    pub fn solve(
        &mut self,
        a: &dyn LinearOperator,
        m: &mut dyn Preconditioner,
        b: &[f64],
        x: &mut [f64],
        stop: &StopRule,
        watch: &mut Observer,
    ) -> Result<&Report> {
        if self.r.len() != a.nrows() {
            return Err(Error::Matrix {
                what: format!("A has {} rows, the work space is for {}", a.nrows(), self.r.len()),
                help: "make the work space with Cg::new(a.nrows())".into(),
            });
        }
        self.report.outcome = match Task::begin(a, b, x, stop, &mut self.report)? {
            Err(outcome) => outcome,
            Ok(mut task) => {
                let outcome = self.iterate(&mut task, m, x, stop.max_iterations, watch);
                self.report.seconds = task.seconds();
                outcome
            }
        };
        Ok(&self.report)
    }

    fn iterate(
        &mut self,
        task: &mut Task<'_>,
        m: &mut dyn Preconditioner,
        x: &mut [f64],
        max_iterations: usize,
        watch: &mut Observer,
    ) -> Outcome {
        let Cg { r, z, p, q, report } = self;
        if let Err(outcome) = task.first(x, r, report) {
            return outcome;
        }
        let mut rz_before = f64::INFINITY; // so that β = 0: the first direction is z
        p.fill(0.0);
        for _ in 0..max_iterations {
            m.apply(r, z);
            let rz = dot(r, z);
            if !usable(rz) {
                return task.breakdown("r·z", rz, x, r, report);
            }
            xpay(z, rz / rz_before, p); // p <- z + β p
            task.a.apply(p, q);
            let pq = dot(p, q);
            let alpha = rz / pq;
            if !usable(pq) || !alpha.is_finite() {
                return task.breakdown("p·Ap", pq, x, r, report);
            }
            // x <- x + α p, r <- r − α q
            let mut norm = step(alpha / task.scale, p, x, alpha, q, r).sqrt();
            rz_before = rz;
            let mut outcome = None;
            if task.due(norm) || !norm.is_finite() {
                outcome = task.confirm(x, r, &mut norm, report);
                rz_before = f64::INFINITY;
            }
            let stopped = task.record(norm, x, report, watch);
            if let Some(outcome) = outcome.or(stopped) {
                return outcome;
            }
        }
        Outcome::MaxIterations
    }
}

/// Positive and finite.
fn usable(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}
