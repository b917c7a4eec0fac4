//! Progress on stderr, on a terminal only: what is being done, how far it is, how long it will take.

use crate::report::format::significant;
use crate::solver::Iterate;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Steps of the bar of a solve.
const STEPS: f64 = 1000.0;

/// A spinner for phases of unknown length, a bar for the solve.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Shown unless `quiet`, and only when stderr is a terminal.
    pub fn new(quiet: bool) -> Self {
        let bar = ProgressBar::no_length();
        bar.set_draw_target(if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() });
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress { bar }
    }

    /// Says what is being done now.
    pub fn phase(&self, what: &str) {
        self.bar.set_style(style("{spinner} {msg} {elapsed}"));
        self.bar.reset();
        self.bar.set_message(what.to_string());
    }

    /// Begins the bar of a solve.
    pub fn solve(&self) {
        self.bar.set_style(style("{bar:32} {msg}  {per_sec}, {eta} left"));
        self.bar.reset();
        self.bar.set_length(STEPS as u64);
    }

    /// Moves the bar: iterations reduce the residual by a factor each, so its logarithm measures what is done.
    pub fn iteration(&self, iterate: &Iterate, rtol: f64) {
        let done = (iterate.relative_residual.ln() / rtol.max(f64::MIN_POSITIVE).ln()).clamp(0.0, 1.0);
        self.bar.set_position((done * STEPS) as u64);
        self.bar.set_message(format!(
            "iteration {}, residual {}",
            iterate.iteration,
            significant(iterate.relative_residual)
        ));
    }

    /// Begins the bar of a training.
    pub fn steps(&self, steps: usize) {
        self.bar.set_style(style("{bar:32} {pos}/{len} {msg}  {per_sec}, {eta} left"));
        self.bar.reset();
        self.bar.set_length(steps as u64);
    }

    /// Moves the bar of a training.
    pub fn step(&self, step: usize, loss: f32) {
        self.bar.set_position(step as u64);
        self.bar.set_message(format!("loss {}", significant(f64::from(loss))));
    }

    /// Begins the bar of things being made.
    pub fn count(&self, length: usize) {
        self.bar.set_style(style("{bar:32} {pos}/{len}  {per_sec}, {eta} left"));
        self.bar.reset();
        self.bar.set_length(length as u64);
    }

    /// Moves the bar of things being made.
    pub fn counted(&self, done: usize) {
        self.bar.set_position(done as u64);
    }

    /// Prints between two drawings of the line.
    pub fn say(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Clears the line.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
