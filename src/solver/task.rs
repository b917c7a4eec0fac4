//! What every iterative solver does the same way: checks its input, scales the residual, decides when to stop, and keeps
//! the record.

use super::{Iterate, Observer, Outcome, Report, StopRule};
use crate::error::{Error, Result};
use crate::operator::LinearOperator;
use crate::sparse::vector::{norm2, power_of_two_below_inverse, scale};
use std::ops::ControlFlow;
use std::time::Instant;

/// Largest part of the residual that a restart may leave and still count as progress.
const PROGRESS: f64 = 0.9;

/// A x = b with its residual carried as s (b − A x), where the power of two s makes 1 ≤ s ‖b‖₂ < 2. The scaling is exact
/// and keeps r·r, r·z and p·Ap, and single-precision preconditioners, clear of overflow and underflow whatever the unit
/// of b.
pub(super) struct Task<'a> {
    pub a: &'a dyn LinearOperator,
    b: &'a [f64],
    /// s
    pub scale: f64,
    /// s ‖b‖₂
    norm_b: f64,
    /// s max(rtol ‖b‖₂, atol)
    target: f64,
    /// Residual norm where the current recurrence began.
    start: f64,
    clock: Instant,
}

impl<'a> Task<'a> {
    /// Checks the input and clears the report. `Err(outcome)` inside `Ok` where there is nothing to iterate: b = 0, for
    /// which x <- 0, or a right-hand side that is not finite.
    pub fn begin(
        a: &'a dyn LinearOperator,
        b: &'a [f64],
        x: &mut [f64],
        stop: &StopRule,
        report: &mut Report,
    ) -> Result<std::result::Result<Self, Outcome>> {
        check(a, b, x, stop)?;
        report.iterations = 0;
        report.restarts = 0;
        report.seconds = 0.0;
        report.residuals.clear();
        let norm_b = norm2(b);
        if norm_b == 0.0 {
            x.fill(0.0);
            report.residuals.push(0.0);
            return Ok(Err(Outcome::Converged));
        }
        if !norm_b.is_finite() {
            return Ok(Err(Outcome::Breakdown { quantity: "b·b", value: norm_b * norm_b }));
        }
        report.residuals.reserve(stop.max_iterations.min(1000) + 1);
        let scale = power_of_two_below_inverse(norm_b);
        let target = scale * stop.atol.max(stop.rtol * norm_b);
        let clock = Instant::now();
        Ok(Ok(Task { a, b, scale, norm_b: scale * norm_b, target, start: f64::INFINITY, clock }))
    }

    /// r <- s (b − A x); returns ‖r‖₂.
    pub fn residual(&self, x: &[f64], r: &mut [f64]) -> f64 {
        self.a.residual(self.b, x, r);
        if self.scale != 1.0 {
            scale(self.scale, r);
        }
        norm2(r)
    }

    /// r <- s (b − A x), ‖r‖₂ and an entry in the record; an outcome where the first guess is good enough or not finite.
    pub fn first(&mut self, x: &[f64], r: &mut [f64], report: &mut Report) -> std::result::Result<f64, Outcome> {
        let norm = self.residual(x, r);
        self.begun(norm, report)
    }

    /// As [`Self::first`] where the residual is computed elsewhere.
    pub fn begun(&mut self, norm: f64, report: &mut Report) -> std::result::Result<f64, Outcome> {
        self.start = norm;
        report.residuals.push(norm / self.norm_b);
        self.judge(norm).map_or(Ok(norm), Err)
    }

    /// Whether a true residual norm ends the solve.
    pub fn judge(&self, norm: f64) -> Option<Outcome> {
        if !norm.is_finite() {
            return Some(Outcome::Breakdown { quantity: "r·r", value: norm * norm });
        }
        (norm <= self.target).then_some(Outcome::Converged)
    }

    /// Whether a recurred residual norm asks for the true one: at the target, or so far below where the recurrence
    /// began that no digit of it can be right.
    pub fn due(&self, norm: f64) -> bool {
        norm <= self.target.max(f64::EPSILON * self.start)
    }

    /// Replaces the recurred residual by the true one, r <- s (b − A x), where it is [due](Self::due). An outcome when
    /// that converged or no longer makes progress; otherwise the caller restarts from r.
    pub fn confirm(&mut self, x: &[f64], r: &mut [f64], norm: &mut f64, report: &mut Report) -> Option<Outcome> {
        *norm = self.residual(x, r);
        self.confirmed(*norm, report)
    }

    /// As [`Self::confirm`] where the true residual is computed elsewhere.
    pub fn confirmed(&mut self, norm: f64, report: &mut Report) -> Option<Outcome> {
        let outcome = self.judge(norm);
        if outcome.is_some() {
            return outcome;
        }
        if norm > PROGRESS * self.start {
            return Some(Outcome::Stagnated);
        }
        self.start = norm;
        report.restarts += 1;
        None
    }

    /// Ends on a quantity that must be positive and is not; converged all the same if the true residual is small
    /// enough, as it is when only rounding errors are left.
    pub fn breakdown(
        &self,
        quantity: &'static str,
        value: f64,
        x: &[f64],
        r: &mut [f64],
        report: &mut Report,
    ) -> Outcome {
        let norm = self.residual(x, r);
        self.broken(quantity, value, norm, report)
    }

    /// As [`Self::breakdown`] where the true residual is computed elsewhere.
    pub fn broken(&self, quantity: &'static str, value: f64, norm: f64, report: &mut Report) -> Outcome {
        if let Some(last) = report.residuals.last_mut() {
            *last = norm / self.norm_b;
        }
        if norm <= self.target { Outcome::Converged } else { Outcome::Breakdown { quantity, value } }
    }

    /// Enters iteration `report.iterations + 1` in the record and shows it to the observer.
    pub fn record(&self, norm: f64, x: &[f64], report: &mut Report, watch: &mut Observer) -> Option<Outcome> {
        let relative_residual = norm / self.norm_b;
        report.iterations += 1;
        report.residuals.push(relative_residual);
        match watch(&Iterate { iteration: report.iterations, relative_residual, x }) {
            ControlFlow::Continue(()) => None,
            ControlFlow::Break(()) => Some(Outcome::Stopped),
        }
    }

    /// Wall-clock seconds since the task began.
    pub fn seconds(&self) -> f64 {
        self.clock.elapsed().as_secs_f64()
    }
}

impl Report {
    /// A report of nothing yet, for a solver with `bytes` of work space.
    pub(super) fn empty(bytes: usize) -> Self {
        Report {
            outcome: Outcome::MaxIterations,
            iterations: 0,
            residuals: Vec::new(),
            restarts: 0,
            seconds: 0.0,
            bytes,
        }
    }
}

/// An error unless sizes and tolerances make sense.
pub(super) fn check(a: &dyn LinearOperator, b: &[f64], x: &[f64], stop: &StopRule) -> Result<()> {
    let (rows, columns) = (a.nrows(), a.ncols());
    if rows != columns || b.len() != rows || x.len() != rows {
        return Err(Error::Matrix {
            what: format!("A is {rows} x {columns}, b has {} entries and x has {}", b.len(), x.len()),
            help: "A must be square, and b and x as long as it has rows".into(),
        });
    }
    for (option, value) in [("rtol", stop.rtol), ("atol", stop.atol)] {
        if !(value >= 0.0 && value.is_finite()) {
            return Err(Error::Option {
                option: option.into(),
                value: value.to_string(),
                what: "a tolerance is a finite number that is not negative".into(),
            });
        }
    }
    Ok(())
}
