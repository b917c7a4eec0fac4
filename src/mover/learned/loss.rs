//! Training of the net, without any mesh or label: after each of its [`PASSES`] the loss L of `lattice` under random monitors.
//!
//! A pass begins from the coefficients that the last one gave, and its gradient ends there, so every pass learns to do what it can from
//! where it begins.

use super::cosine::{MODES, Table, transposed};
use super::lattice::{Remainder, batch, moved, table};
use super::net::PASSES;
use super::synthetic::Synthetic;
use crate::error::Result;
use crate::nn::ops::{add, scale};
use crate::nn::{Layer, Op, Tape, Tensor, Var};
use crate::train::Objective;
use rayon::prelude::*;

/// Trains the net on fresh synthetic monitors every step.
#[derive(Debug, Clone)]
pub struct PotentialLoss {
    /// Monitors a step.
    pub batch: usize,
    /// Decides all monitors.
    pub seed: u64,
}

impl PotentialLoss {
    /// The mean loss over the monitors of these numbers, after each pass.
    pub fn on(&self, net: &dyn Layer, tape: &Tape, numbers: impl Iterator<Item = u64>) -> Vec<Var> {
        let monitors: Vec<Synthetic> = numbers.map(|n| Synthetic::new(self.seed, n)).collect();
        let mut c = Var::constant(Tensor::zeros(&[monitors.len(), MODES * MODES]));
        let table = table();
        let pass = |_| {
            let seen: Vec<Remainder> = each(&c, &monitors, |c, monitor| sample(c, monitor, &table).0);
            let correction = net.forward(tape, &Var::constant(batch(seen.iter())));
            let corrected = add(&c, &correction);
            c = Var::constant(corrected.value().clone());
            potential_loss(&corrected, &monitors)
        };
        (0..PASSES).map(pass).collect()
    }
}

impl Objective for PotentialLoss {
    fn loss(&mut self, net: &dyn Layer, tape: &Tape, step: usize) -> Result<Var> {
        let first = (step * self.batch) as u64;
        let losses = self.on(net, tape, first..first + self.batch as u64);
        let sum = losses.into_iter().reduce(|a, b| add(&a, &b)).expect("at least one pass");
        Ok(scale(&sum, 1.0 / PASSES as f32))
    }
}

/// Something for each series of a batch, with its monitor.
fn each<T: Send>(c: &Var, monitors: &[Synthetic], f: impl Fn(&[f64], &Synthetic) -> T + Sync) -> Vec<T> {
    let series = c.value().data().par_chunks(MODES * MODES).zip(monitors);
    series.map(|(c, monitor)| f(&c.iter().map(|&c| f64::from(c)).collect::<Vec<f64>>(), monitor)).collect()
}

/// The mean loss of the series with these coefficients, `[batch, MODES²]`, each under its monitor.
fn potential_loss(coefficients: &Var, monitors: &[Synthetic]) -> Var {
    let table = table();
    let samples: Vec<(f64, Vec<f64>)> = each(coefficients, monitors, |c, monitor| {
        let (remainder, slopes) = sample(c, monitor, &table);
        (remainder.loss, transposed(&remainder.gradient(&slopes), &table, &table))
    });
    known(coefficients, samples)
}

/// The mean over a batch of numbers whose gradients for their parts of x are known.
pub fn known(x: &Var, samples: Vec<(f64, Vec<f64>)>) -> Var {
    let count = samples.len() as f64;
    let loss = samples.iter().map(|s| s.0).sum::<f64>() / count;
    let gradient = samples.iter().flat_map(|s| s.1.iter().map(|g| (g / count) as f32)).collect();
    Var::result(&[x], Tensor::scalar(loss as f32), Known(Tensor::new(x.shape(), gradient)))
}

/// A number whose gradient is known already.
struct Known(Tensor);

impl Op for Known {
    fn backward(&self, _: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        let scaled = self.0.data().iter().map(|v| v * g.item()).collect();
        vec![Some(Tensor::new(self.0.shape(), scaled))]
    }
}

/// What is left under a series, and the slopes of log m where the points of the lattice went.
fn sample(c: &[f64], monitor: &Synthetic, table: &Table) -> (Remainder, Vec<[f64; 2]>) {
    let (derivatives, to) = moved(c, table);
    let (log_m, slopes): (Vec<f64>, Vec<[f64; 2]>) = to.into_iter().map(|p| monitor.log_with_slopes(p)).unzip();
    (Remainder::new(derivatives, log_m.into_iter()), slopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let (table, monitor) = (table(), Synthetic::new(3, 7));
        // Strong enough that the barrier and the tangent of the logarithm are at work somewhere.
        for size in [0.05, 1.5] {
            let c: Vec<f64> =
                (0..MODES * MODES).map(|k| size * (1.3 * k as f64).sin() / (1.0 + 0.3 * k as f64)).collect();
            let (remainder, slopes) = sample(&c, &monitor, &table);
            let gradient = transposed(&remainder.gradient(&slopes), &table, &table);
            for k in [1, 2, 16, 17, 40, 200] {
                let at = |s: f64| {
                    let mut c = c.clone();
                    c[k] += s;
                    sample(&c, &monitor, &table).0.loss
                };
                let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!(
                    (difference - gradient[k]).abs() < 1e-5 * (1.0 + difference.abs()),
                    "{size} {k}: {difference} {}",
                    gradient[k]
                );
            }
        }
    }
}
