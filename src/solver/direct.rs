//! Direct solution of A x = b with a factor made beforehand, and iterative refinement:
//! r = b − A x, x <- x + (L Lᵀ)⁻¹ r until r is small enough or no longer halves.
//!
//! Reference: N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., §12.1,
//! doi:10.1137/1.9780898718027.

use super::task::Task;
use super::{Outcome, Report, StopRule, unobserved};
use crate::error::{Error, Result};
use crate::operator::LinearOperator;
use crate::sparse::Cholesky;
use crate::sparse::vector::axpy;

/// Largest part of the residual that a refinement may leave and still be followed by another.
const PROGRESS: f64 = 0.5;

/// Solves A x = b with the Cholesky factor of A, starting from x = 0. An iteration is one solve with the factor: one is
/// enough for usual tolerances, the second takes the residual to rounding level.
///
/// Errors: a factor or vectors of another length than A, a tolerance that makes no sense.
pub fn direct(
    a: &dyn LinearOperator,
    factor: &mut Cholesky,
    b: &[f64],
    x: &mut [f64],
    stop: &StopRule,
) -> Result<Report> {
    let n = a.nrows();
    if factor.n() != n {
        return Err(Error::Matrix {
            what: format!("A has {n} rows, the factor {}", factor.n()),
            help: "factor the matrix that is solved with".into(),
        });
    }
    let mut report = Report::empty(2 * n * size_of::<f64>());
    match Task::begin(a, b, x, stop, &mut report)? {
        Err(outcome) => report.outcome = outcome,
        Ok(mut task) => {
            report.outcome = refine(&mut task, factor, x, stop.max_iterations, &mut report);
            report.seconds = task.seconds();
        }
    }
    Ok(report)
}

fn refine(task: &mut Task<'_>, factor: &mut Cholesky, x: &mut [f64], limit: usize, report: &mut Report) -> Outcome {
    let mut r = vec![0.0; x.len()];
    let mut correction = vec![0.0; x.len()];
    x.fill(0.0);
    let mut norm = match task.first(x, &mut r, report) {
        Ok(norm) => norm,
        Err(outcome) => return outcome,
    };
    for _ in 0..limit {
        correction.copy_from_slice(&r);
        factor.solve_in_place(&mut correction);
        axpy(1.0 / task.scale, &correction, x); // x <- x + (L Lᵀ)⁻¹ r
        let before = norm;
        norm = task.residual(x, &mut r);
        task.record(norm, x, report, &mut unobserved);
        if let Some(outcome) = task.judge(norm) {
            return outcome;
        }
        if norm > PROGRESS * before {
            return Outcome::Stagnated;
        }
    }
    Outcome::MaxIterations
}
