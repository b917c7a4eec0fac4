//! Conjugate directions for A x = b, A symmetric positive definite, with directions from any source.
//!
//! | symbol | name here | what |
//! |---|---|---|
//! | r = b − A x | `r` | residual |
//! | d = N(r / ‖r‖₂) | `d` | what the model proposes, n |
//! | pⱼ, A pⱼ, pⱼ·A pⱼ | `Past` | the last `memory` directions, their images and curvatures |
//! | p = d − Σⱼ (d·A pⱼ / pⱼ·A pⱼ) pⱼ | `d` | classical Gram-Schmidt in the A-product: the same d in every coefficient |
//! | α = p·r / p·A p | `alpha` | exact line search: the A-norm of the error never grows |
//!
//! With memory 2 and a convolutional network this is the deep conjugate direction method: A. Kaneda et al., *A deep
//! conjugate direction method for iteratively solving linear systems*, ICML 2023, algorithm 2, arXiv:2205.10763. With
//! memory 1 and a symmetric positive definite preconditioner it is PCG, with memory 0 preconditioned steepest descent,
//! and with a preconditioner that changes, flexible CG: Y. Notay, SIAM J. Sci. Comput. 22 (2000), §2,
//! doi:10.1137/S1064827599362314.
//!
//! Departures from the publication:
//! 1. One product with A an iteration instead of two: r is recurred, r <- r − α A p, and recomputed as b − A x every
//!    [`RECOMPUTE`] iterations and before convergence is reported.
//! 2. Safeguards: where p·A p or p·r cannot be used, the past directions are dropped and the model's own direction is
//!    tried, then the residual; only if A is not positive on that either does the solve break down. Counted in
//!    [`Report::restarts`].
//! 3. r is carried times a power of two that brings ‖b‖₂ to between 1 and 2.

use super::task::Task;
use super::{Observer, Outcome, Report, StopRule};
use crate::error::Result;
use crate::operator::LinearOperator;
use crate::precond::Preconditioner;
use crate::sparse::vector::{axpy, dot, scaled_copy, step};

/// Iterations from one computation of b − A x to the next.
pub(super) const RECOMPUTE: usize = 50;

/// A recomputed residual this much larger than the recurred one means that the recurrence has lost its digits.
pub(super) const DRIFT: f64 = 2.0;

/// A source of search directions: a preconditioner, a network.
pub trait DirectionModel {
    /// Writes a direction for the residual r / ‖r‖₂ into `d`. It need not be linear, nor the same the next time.
    fn propose(&mut self, unit_residual: &[f64], d: &mut [f64]) -> Result<()>;
}

impl<P: Preconditioner> DirectionModel for P {
    fn propose(&mut self, unit_residual: &[f64], d: &mut [f64]) -> Result<()> {
        self.apply(unit_residual, d);
        Ok(())
    }
}

/// The last directions in a ring.
struct Past {
    /// (p, A p, p·A p)
    ring: Vec<(Vec<f64>, Vec<f64>, f64)>,
    /// How many are in use.
    filled: usize,
    /// Where the next one goes.
    next: usize,
}

impl Past {
    fn new(memory: usize, n: usize) -> Self {
        Past { ring: (0..memory).map(|_| (vec![0.0; n], vec![0.0; n], 0.0)).collect(), filled: 0, next: 0 }
    }

    /// Coefficients c <- d·A pⱼ / pⱼ·A pⱼ for all j, then d <- d − Σ cⱼ pⱼ.
    fn orthogonalise(&self, d: &mut [f64], coefficients: &mut [f64]) {
        let used = &self.ring[..self.filled];
        for (c, (_, ap, curvature)) in coefficients.iter_mut().zip(used) {
            *c = dot(d, ap) / curvature;
        }
        for (c, (p, _, _)) in coefficients.iter().zip(used) {
            axpy(-c, p, d);
        }
    }

    /// Swaps the direction and its image in; the oldest come out as scratch.
    fn push(&mut self, p: &mut Vec<f64>, ap: &mut Vec<f64>, curvature: f64) {
        let Some(slot) = self.ring.get_mut(self.next) else { return };
        std::mem::swap(&mut slot.0, p);
        std::mem::swap(&mut slot.1, ap);
        slot.2 = curvature;
        self.next = (self.next + 1) % self.ring.len();
        self.filled = self.ring.len().min(self.filled + 1);
    }

    fn clear(&mut self) {
        (self.filled, self.next) = (0, 0);
    }
}

/// Directions no longer serve where the residual stays the same to this part for so many steps.
const STEADY: f64 = 1e-3;
const PATIENCE: usize = 50;

struct Workspace {
    r: Vec<f64>,
    unit: Vec<f64>,
    d: Vec<f64>,
    ad: Vec<f64>,
    coefficients: Vec<f64>,
    past: Past,
}

impl Workspace {
    fn new(n: usize, memory: usize) -> Self {
        let vector = || vec![0.0; n];
        let past = Past::new(memory, n);
        Workspace { r: vector(), unit: vector(), d: vector(), ad: vector(), coefficients: vec![0.0; memory], past }
    }

    /// d <- a direction of positive curvature and its image; returns (α, d·A d), or the curvature there is not.
    fn direction(
        &mut self,
        a: &dyn LinearOperator,
        model: &mut dyn DirectionModel,
        norm: f64,
        restarts: &mut usize,
    ) -> Result<std::result::Result<(f64, f64), f64>> {
        let Workspace { r, unit, d, ad, coefficients, past } = self;
        scaled_copy(1.0 / norm, r, unit);
        model.propose(unit, d)?;
        past.orthogonalise(d, coefficients);
        if let Ok(found) = line_search(a, d, ad, r) {
            return Ok(Ok(found));
        }
        *restarts += 1;
        if past.filled > 0 {
            past.clear();
            model.propose(unit, d)?;
            if let Ok(found) = line_search(a, d, ad, r) {
                return Ok(Ok(found));
            }
        }
        d.copy_from_slice(unit);
        Ok(line_search(a, d, ad, r))
    }
}

/// ad <- A d; (α, d·A d) with α = d·r / d·A d, or d·A d where no step can be made.
fn line_search(a: &dyn LinearOperator, d: &[f64], ad: &mut [f64], r: &[f64]) -> std::result::Result<(f64, f64), f64> {
    a.apply(d, ad);
    let curvature = dot(d, ad);
    let alpha = dot(d, r) / curvature;
    if curvature > 0.0 && curvature.is_finite() && alpha != 0.0 && alpha.is_finite() {
        Ok((alpha, curvature))
    } else {
        Err(curvature)
    }
}

/// Solves A x = b from the guess in `x` along the directions of `model`, each made A-orthogonal to the last `memory`.
/// Work space: 4 + 2 `memory` vectors.
///
/// Errors: vectors of another length than A, a tolerance that makes no sense; the model's.
pub fn conjugate_direction(
    a: &dyn LinearOperator,
    model: &mut dyn DirectionModel,
    memory: usize,
    b: &[f64],
    x: &mut [f64],
    stop: &StopRule,
    watch: &mut Observer,
) -> Result<Report> {
    let n = a.nrows();
    let mut report = Report::empty((4 + 2 * memory) * n * size_of::<f64>());
    match Task::begin(a, b, x, stop, &mut report)? {
        Err(outcome) => report.outcome = outcome,
        Ok(mut task) => {
            let mut workspace = Workspace::new(n, memory);
            report.outcome = iterate(&mut workspace, &mut task, model, x, stop.max_iterations, &mut report, watch)?;
            report.seconds = task.seconds();
        }
    }
    Ok(report)
}

fn iterate(
    work: &mut Workspace,
    task: &mut Task<'_>,
    model: &mut dyn DirectionModel,
    x: &mut [f64],
    max_iterations: usize,
    report: &mut Report,
    watch: &mut Observer,
) -> Result<Outcome> {
    let mut norm = match task.first(x, &mut work.r, report) {
        Ok(norm) => norm,
        Err(outcome) => return Ok(outcome),
    };
    // Where the residual stays, and since how many steps.
    let (mut level, mut steady) = (norm, 0);
    for k in 1..=max_iterations {
        let (alpha, curvature) = match work.direction(task.a, model, norm, &mut report.restarts)? {
            Ok(found) => found,
            Err(curvature) => return Ok(task.breakdown("p·Ap", curvature, x, &mut work.r, report)),
        };
        // x <- x + α p, r <- r − α A p
        norm = step(alpha / task.scale, &work.d, x, alpha, &work.ad, &mut work.r).sqrt();
        work.past.push(&mut work.d, &mut work.ad, curvature);
        let recurred = norm;
        if k % RECOMPUTE == 0 {
            norm = task.residual(x, &mut work.r);
        }
        let mut outcome = None;
        if task.due(norm) || norm > DRIFT * recurred || !norm.is_finite() {
            outcome = task.confirm(x, &mut work.r, &mut norm, report);
            work.past.clear();
        }
        steady = if (norm - level).abs() <= STEADY * level { steady + 1 } else { 0 };
        if steady == 0 {
            level = norm;
        }
        if outcome.is_none() && steady == PATIENCE {
            outcome = task.confirm(x, &mut work.r, &mut norm, report).or(Some(Outcome::Stagnated));
        }
        let stopped = task.record(norm, x, report, watch);
        if let Some(outcome) = outcome.or(stopped) {
            return Ok(outcome);
        }
    }
    Ok(Outcome::MaxIterations)
}
