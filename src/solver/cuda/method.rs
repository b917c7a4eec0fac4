//! What every method on the GPU does the same way: vectors, the way there and back, when to stop. A method is the rest: [`CudaMethod`].

use super::{Finish, Numbers, Slot};
use crate::device::cuda::{Buffer, Cuda};
use crate::error::Result;
use crate::operator::LinearOperator;
use crate::solver::task::Task;
use crate::solver::{Observer, Outcome, Report, StopRule};
use std::sync::Arc;

/// The vectors that all methods have, and the numbers made from them.
pub(in crate::solver) struct Vectors {
    pub cuda: Arc<Cuda>,
    pub x: Buffer<f64>,
    pub b: Buffer<f64>,
    /// The residual times the scale.
    pub r: Buffer<f64>,
    pub numbers: Numbers,
}

impl Vectors {
    /// For `n` unknowns, and sums in up to `parts` parts.
    pub fn new(cuda: &Arc<Cuda>, n: usize, parts: usize) -> Result<Self> {
        let numbers = Numbers::new(cuda, parts)?;
        Ok(Vectors { x: cuda.zeros(n)?, b: cuda.zeros(n)?, r: cuda.zeros(n)?, numbers, cuda: cuda.clone() })
    }

    /// As [`Numbers::finish`].
    pub fn finish(&mut self, parts: usize, sums: usize, step: Finish, flag: usize) -> Result<()> {
        self.numbers.finish(&self.cuda, parts, sums, step, flag)
    }

    /// As [`Numbers::read`].
    pub fn read(&mut self) -> Result<impl Fn(Slot) -> f64 + use<>> {
        self.numbers.read(&self.cuda)
    }
}

/// What came of a step.
pub(in crate::solver) enum Step {
    /// x and r moved; ‖r‖₂ as the recurrence has it, and whether it has drifted from the true one.
    Moved { norm: f64, drifted: bool },
    /// Nothing moved: this quantity is not positive and finite.
    Stuck(&'static str, f64),
}

/// A method on the GPU.
pub(in crate::solver) trait CudaMethod {
    /// Its vectors.
    fn vectors(&mut self) -> &mut Vectors;

    /// Bytes on the device.
    fn bytes(&self) -> usize;

    /// r <- s (b − A x), from which the method begins anew; returns ‖r‖₂.
    ///
    /// Errors: a fault of the device.
    fn restart(&mut self, scale: f64) -> Result<f64>;

    /// One step of x and r, which is carried times `scale`; counts directions that were replaced in `restarts`.
    ///
    /// Errors: a fault of the device.
    fn step(&mut self, scale: f64, restarts: &mut usize) -> Result<Step>;

    /// Solves A x = b from the guess in `x`; `a` is what the method was made for, and on voxels b and x are zero outside the fluid.
    ///
    /// Errors: sizes or tolerances that make no sense; a fault of the device.
    fn solve(
        &mut self,
        a: &dyn LinearOperator,
        b: &[f64],
        x: &mut [f64],
        stop: &StopRule,
        watch: &mut Observer,
    ) -> Result<Report> {
        let mut report = Report::empty(self.bytes());
        match Task::begin(a, b, x, stop, &mut report)? {
            Err(outcome) => report.outcome = outcome,
            Ok(mut task) => {
                let on = self.vectors();
                on.cuda.write(b, &mut on.b)?;
                on.cuda.write(x, &mut on.x)?;
                report.outcome = iterate(self, &mut task, x, stop.max_iterations, &mut report, watch)?;
                let on = self.vectors();
                on.cuda.download(&on.x, x)?;
                report.seconds = task.seconds();
            }
        }
        Ok(report)
    }
}

fn iterate<M: CudaMethod + ?Sized>(
    method: &mut M,
    task: &mut Task<'_>,
    host_x: &[f64],
    max_iterations: usize,
    report: &mut Report,
    watch: &mut Observer,
) -> Result<Outcome> {
    let scale = task.scale;
    if let Err(outcome) = task.begun(method.restart(scale)?, report) {
        return Ok(outcome);
    }
    for _ in 0..max_iterations {
        let (mut norm, drifted) = match method.step(scale, &mut report.restarts)? {
            Step::Moved { norm, drifted } => (norm, drifted),
            Step::Stuck(quantity, value) => {
                let norm = method.restart(scale)?;
                return Ok(task.broken(quantity, value, norm, report));
            }
        };
        let mut outcome = None;
        if task.due(norm) || drifted || !norm.is_finite() {
            norm = method.restart(scale)?;
            outcome = task.confirmed(norm, report);
        }
        let stopped = task.record(norm, host_x, report, watch);
        if let Some(outcome) = outcome.or(stopped) {
            return Ok(outcome);
        }
    }
    Ok(Outcome::MaxIterations)
}
