//! The loss of a potential under a monitor, without any mesh or label:
//!
//! L = var(log m(ξ + ∇φ) + log det J) + b mean(max(0, c − λ_min(J))²),   J = I + D²φ, b = `BARRIER`, c = `CONVEX`
//!
//! on a lattice of [`SIDE`]² points of the unit square. The first term vanishes where m det J is constant, which is the Monge-Ampère
//! equation; the second keeps J positive definite. Below [`LEAST_DET`] the logarithm goes on along its tangent.

use super::cosine::{Derivatives, MODES, Table, derivatives, transposed};
use super::synthetic::Synthetic;
use crate::error::Result;
use crate::nn::{Layer, Op, Tape, Tensor, Var};
use crate::train::Objective;
use rayon::prelude::*;

/// Points of the lattice in each direction.
const SIDE: usize = 32;
const LEAST_DET: f64 = 0.05;
const CONVEX: f64 = 0.1;
const BARRIER: f64 = 10.0;

/// Trains the net on fresh synthetic monitors every step.
#[derive(Debug, Clone)]
pub struct PotentialLoss {
    /// Monitors a step.
    pub batch: usize,
    /// Decides all monitors.
    pub seed: u64,
}

impl PotentialLoss {
    /// The mean loss over the monitors of these numbers.
    pub fn on(&self, net: &dyn Layer, tape: &Tape, numbers: impl Iterator<Item = u64>) -> Var {
        let monitors: Vec<Synthetic> = numbers.map(|n| Synthetic::new(self.seed, n)).collect();
        let images: Vec<Tensor> = monitors.iter().map(|m| super::net::image(&|p| m.log_with_slopes(p).0)).collect();
        let input = super::net::stack(&images);
        potential_loss(&net.forward(tape, &Var::constant(input)), monitors)
    }
}

impl Objective for PotentialLoss {
    fn loss(&mut self, net: &dyn Layer, tape: &Tape, step: usize) -> Result<Var> {
        let first = (step * self.batch) as u64;
        Ok(self.on(net, tape, first..first + self.batch as u64))
    }
}

/// The mean loss of the series with these coefficients, `[batch, MODES²]`, each under its monitor.
pub fn potential_loss(coefficients: &Var, monitors: Vec<Synthetic>) -> Var {
    let lattice = Table::new((0..SIDE).map(|q| (q as f64 + 0.5) / SIDE as f64));
    let samples: Vec<(f64, Vec<f64>)> = coefficients
        .value()
        .data()
        .par_chunks(MODES * MODES)
        .zip(&monitors)
        .map(|(c, monitor)| {
            let c: Vec<f64> = c.iter().map(|&c| f64::from(c)).collect();
            sample(&c, monitor, &lattice)
        })
        .collect();
    let count = samples.len() as f64;
    let loss = samples.iter().map(|s| s.0).sum::<f64>() / count;
    let gradient = samples.iter().flat_map(|s| s.1.iter().map(|g| (g / count) as f32)).collect();
    let gradient = Tensor::new(coefficients.shape(), gradient);
    Var::result(&[coefficients], Tensor::scalar(loss as f32), Known(gradient))
}

/// A number whose gradient is known already.
struct Known(Tensor);

impl Op for Known {
    fn backward(&self, _: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        let scaled = self.0.data().iter().map(|v| v * g.item()).collect();
        vec![Some(Tensor::new(self.0.shape(), scaled))]
    }
}

/// Loss and gradient of one series.
fn sample(c: &[f64], monitor: &Synthetic, lattice: &Table) -> (f64, Vec<f64>) {
    let all = derivatives(c, lattice, lattice);
    let place = |q: usize| (q as f64 + 0.5) / SIDE as f64;
    let mut logs = Vec::with_capacity(all.len());
    let mut slopes = Vec::with_capacity(all.len());
    for (k, [x, y, xx, yy, xy]) in all.iter().copied().enumerate() {
        let (log_m, slope) = monitor.log_with_slopes([place(k / SIDE) + x, place(k % SIDE) + y]);
        let det = (1.0 + xx) * (1.0 + yy) - xy * xy;
        let (log_det, by_det) = match det > LEAST_DET {
            true => (det.ln(), 1.0 / det),
            false => (LEAST_DET.ln() + det / LEAST_DET - 1.0, 1.0 / LEAST_DET),
        };
        logs.push(log_m + log_det);
        slopes.push((slope, by_det));
    }
    let count = all.len() as f64;
    let mean = logs.iter().sum::<f64>() / count;
    let mut loss = 0.0;
    let mut gradient: Vec<Derivatives> = Vec::with_capacity(all.len());
    for (k, [_, _, xx, yy, xy]) in all.iter().copied().enumerate() {
        let (slope, by_det) = slopes[k];
        let difference = logs[k] - mean;
        let g = 2.0 * difference / count;
        loss += difference * difference / count;
        let mut out =
            [g * slope[0], g * slope[1], g * by_det * (1.0 + yy), g * by_det * (1.0 + xx), -2.0 * g * by_det * xy];
        // λ_min = 1 + (xx + yy)/2 − s, s = √(((xx − yy)/2)² + xy²)
        let half = 0.5 * (xx - yy);
        let s = half.hypot(xy).max(1e-12);
        let short = (CONVEX - (1.0 + 0.5 * (xx + yy) - s)).max(0.0);
        loss += BARRIER * short * short / count;
        let by = -2.0 * BARRIER * short / count;
        out[2] += by * (0.5 - 0.5 * half / s);
        out[3] += by * (0.5 + 0.5 * half / s);
        out[4] -= by * xy / s;
        gradient.push(out);
    }
    (loss, transposed(&gradient, lattice, lattice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let lattice = Table::new((0..SIDE).map(|q| (q as f64 + 0.5) / SIDE as f64));
        let monitor = Synthetic::new(3, 7);
        // Strong enough that the barrier and the tangent of the logarithm are at work somewhere.
        for size in [0.05, 1.5] {
            let c: Vec<f64> =
                (0..MODES * MODES).map(|k| size * (1.3 * k as f64).sin() / (1.0 + 0.3 * k as f64)).collect();
            let (_, gradient) = sample(&c, &monitor, &lattice);
            for k in [1, 2, 16, 17, 40, 200] {
                let at = |s: f64| {
                    let mut c = c.clone();
                    c[k] += s;
                    sample(&c, &monitor, &lattice).0
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
