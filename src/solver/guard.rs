//! Solves whose preconditioner comes without a proof are watched, and another method takes over where it does not serve.

use super::{Iterate, Observer, Outcome, Report, StopRule};
use crate::error::Result;
use either::Either;
use std::ops::ControlFlow;
use std::time::Instant;

/// What is asked of a preconditioner.
pub(super) struct Guard {
    /// Iterations after which the residual is looked at, each time,
    pub steps: usize,
    /// and by what factor it must have fallen since.
    pub fall: f64,
}

impl Guard {
    /// Runs `solve`, and stops it where the residual falls too slowly. Says whether it did not serve: that, or a breakdown.
    fn run(&self, watch: &mut Observer, solve: impl FnOnce(&mut Observer) -> Result<Report>) -> Result<(Report, bool)> {
        let (mut slow, mut before) = (false, f64::INFINITY);
        let report = solve(&mut |iterate| {
            if iterate.iteration.is_multiple_of(self.steps) {
                slow = iterate.relative_residual > before / self.fall;
                before = iterate.relative_residual;
            }
            let seen = watch(iterate);
            if slow { ControlFlow::Break(()) } else { seen }
        })?;
        let failed = match report.outcome {
            Outcome::Breakdown { .. } => true,
            Outcome::Stopped => slow,
            _ => false,
        };
        Ok((report, failed))
    }

    /// Solves with `unproven`, and where that does not serve with the twin, which `make` sets up, from then on. `solve` solves with
    /// either from where x is.
    pub fn solve<U, T>(
        &self,
        unproven: &mut U,
        twin: &mut Option<T>,
        make: impl FnOnce() -> Result<T>,
        stop: &StopRule,
        watch: &mut Observer,
        mut solve: impl FnMut(Either<&mut U, &mut T>, &StopRule, &mut Observer) -> Result<Report>,
    ) -> Result<Report> {
        if let Some(twin) = twin {
            return solve(Either::Right(twin), stop, watch);
        }
        let (first, failed) = self.run(watch, |watch| solve(Either::Left(unproven), stop, watch))?;
        if !failed {
            return Ok(first);
        }
        let clock = Instant::now();
        let twin = twin.insert(make()?);
        go_on(first, clock, stop, watch, |stop, watch| solve(Either::Right(twin), stop, watch))
    }
}

/// Goes on after `first` with `solve`, from whose `clock` on set-up counts as well: one report of both.
fn go_on(
    first: Report,
    clock: Instant,
    stop: &StopRule,
    watch: &mut Observer,
    solve: impl FnOnce(&StopRule, &mut Observer) -> Result<Report>,
) -> Result<Report> {
    let done = first.iterations;
    let left = StopRule { max_iterations: stop.max_iterations.saturating_sub(done), ..stop.clone() };
    let second = solve(&left, &mut |iterate| {
        let Iterate { iteration, relative_residual, x } = iterate;
        watch(&Iterate { iteration: done + iteration, relative_residual: *relative_residual, x })
    })?;
    let residuals = first.residuals.iter().chain(second.residuals.iter().skip(1)).copied().collect();
    Ok(Report {
        iterations: done + second.iterations,
        residuals,
        restarts: first.restarts + second.restarts + 1,
        seconds: first.seconds + clock.elapsed().as_secs_f64(),
        bytes: first.bytes + second.bytes,
        outcome: second.outcome,
    })
}
