//! Training of the net, without any mesh or label: after each of its [`PASSES`] the loss L of `lattice` under random monitors.
//!
//! A pass begins from the coefficients that the last one gave, and its gradient ends there, so every pass learns to do what it can from
//! where it begins.

use super::cosine::{MODES, Table, transposed};
use super::lattice::{Remainder, batch, moved, table};
use super::net::PASSES;
use super::synthetic::{Monitors, Synthetic};
use crate::error::Result;
use crate::nn::ops::{add, known, scale};
use crate::nn::{Layer, Tape, Tensor, Var};
use crate::train::Objective;
use rayon::prelude::*;
use std::ops::Range;

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
    pub fn on(&self, net: &dyn Layer, tape: &Tape, numbers: Range<u64>) -> Vec<Var> {
        let monitors = Monitors::new(self.seed, numbers, tape.backend());
        let mut c = Var::constant(tape.backend().zeros(&[monitors.all.len(), MODES * MODES]));
        let mut left = remainders(c.value(), &monitors);
        let pass = |_| {
            let seen = std::mem::take(&mut left.images);
            let corrected = add(&c, &net.forward(tape, &Var::constant(seen)));
            c = Var::constant(corrected.value().clone());
            left = remainders(c.value(), &monitors);
            let [losses, gradients] = [&mut left.losses, &mut left.gradients].map(std::mem::take);
            known(&corrected, losses, gradients)
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

/// What is left of the equation under each series of a batch.
pub struct Remainders {
    /// L, `[batch]`.
    pub losses: Tensor,
    /// Its gradients for the coefficients, `[batch, MODES²]`.
    pub gradients: Tensor,
    /// What the net sees, `[batch, 1, SIDE, SIDE, INPUTS]`.
    pub images: Tensor,
}

/// Of the series with these coefficients, `[batch, MODES²]`, each under its monitor, where they are.
fn remainders(c: &Tensor, monitors: &Monitors) -> Remainders {
    #[cfg(feature = "cuda")]
    if let Some(gpu) = c.gpu() {
        return super::cuda::remainders(gpu, c, monitors);
    }
    let table = table();
    let of = |(c, monitor): (&[f32], &Synthetic)| {
        let c: Vec<f64> = c.iter().map(|&c| f64::from(c)).collect();
        let (remainder, slopes) = sample(&c, monitor, &table);
        let gradient = transposed(&remainder.gradient(&slopes), &table, &table);
        (remainder, gradient)
    };
    let all: Vec<_> = c.data().par_chunks(MODES * MODES).zip(&monitors.all).map(of).collect();
    let single = |v: &f64| *v as f32;
    Remainders {
        losses: Tensor::new(&[all.len()], all.iter().map(|(r, _)| r.loss as f32).collect()),
        gradients: Tensor::new(c.shape(), all.iter().flat_map(|(_, g)| g.iter().map(single)).collect()),
        images: batch(all.iter().map(|(remainder, _)| remainder)),
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
