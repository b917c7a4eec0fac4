//! Points drawn from a flow that learns from the residual.
//!
//! DAS fits p to r² by weighted maximum likelihood: max Σ v_i log p(x_i), v ∝ r² / q, x_i drawn from q.
//! AAS plays against the network: max over p of ∫ r² p − β ∫ |∇p|², the network then makes ∫ r² p small. On samples of q:
//!
//! ```text
//! DAS   g = sum_i v_i grad log p(x_i)
//! AAS   J = mean_i (r_i^2 / mean r^2) p(x_i) / q(x_i) - beta mean_i |grad_x p(x_i)|^2 / q(x_i)
//! ```
//!
//! K. Tang, X. Wan and C. Yang, *DAS-PINNs*, J. Comput. Phys. 476 (2023) 111868, algorithm 1 (DAS-R: all points are replaced);
//! K. Tang, J. Zhai, X. Wan and C. Yang, *Adversarial adaptive sampling*, ICLR 2024, §3.
//!
//! 1. q is nine parts of the flow as it was at the last refresh and one part uniform, so that no place is forgotten. The network's
//!    points are drawn from q as well: from the flow alone the network forgets where the last residual was small.
//! 2. r² is divided by its mean over the unit cube, so that β needs no unit: with β → 0 the density is a point mass.
//! 3. ∂p/∂x along one random axis a sample, by a difference over 2 `STEP`, times d: the same mean as |∇p|².
//! 4. The flow takes its steps at a refresh, with the network's residual as it is then: the published loop alternates single
//!    batches.
//! 5. The density is on the bounding box; points outside the domain are drawn again.

use super::{ResidualAt, Sampler};
use crate::pinn::flow::Flow;
use crate::pinn::{Cloud, Domain};
use crate::train::{AdamMinimiser, Minimiser, Schedule, TrainConfig};
use rand::Rng;
use rand_pcg::Pcg64;
use rayon::prelude::*;

/// Samples of q a refresh, and of them in a step.
const SAMPLES: usize = 2000;
const BATCH: usize = 256;
/// Steps of the flow a refresh, and their rate.
const STEPS: usize = 40;
const RATE: f64 = 5e-3;
/// Uniform part of q.
const UNIFORM: f64 = 0.1;
/// β
const BETA: f64 = 1e-3;
/// Half the length of a difference, in the unit cube.
const STEP: f64 = 1e-3;

/// Adds the gradient of what the flow climbs at sample `i`, differences along `axis`.
type Climb = fn(flow: &Flow, drawn: &Drawn, i: usize, axis: usize, gradient: &mut [f64]);

/// A flow and how it is trained.
pub struct Generative {
    flow: Flow,
    adam: AdamMinimiser,
    climb: Climb,
}

/// Samples of q in the unit cube, q and r² / mean r² there.
struct Drawn {
    unit: Vec<Vec<f64>>,
    q: Vec<f64>,
    squares: Vec<f64>,
}

fn scaled(domain: &Domain, unit: &[f64]) -> Vec<f64> {
    unit.iter().zip(domain.bounds()).map(|(u, [low, high])| low + u * (high - low)).collect()
}

impl Generative {
    /// Deep adaptive sampling, before it has seen a residual.
    pub fn das(dimension: usize, seed: u64) -> Self {
        Self::new(dimension, seed, fit)
    }

    /// Adversarial adaptive sampling, before it has seen a residual.
    pub fn aas(dimension: usize, seed: u64) -> Self {
        Self::new(dimension, seed, pull)
    }

    fn new(dimension: usize, seed: u64, climb: Climb) -> Self {
        let config = TrainConfig { steps: 1, learning_rate: RATE, schedule: Schedule::Constant };
        Generative { flow: Flow::new(dimension, seed), adam: AdamMinimiser::new(config), climb }
    }

    /// A point of the domain from the flow, or with probability `uniform` from everywhere, in the unit cube.
    fn draw(&self, domain: &Domain, uniform: f64, rng: &mut Pcg64) -> Vec<f64> {
        loop {
            let even = rng.random::<f64>() < uniform;
            let d = domain.dimension();
            let unit = if even { (0..d).map(|_| rng.random()).collect() } else { self.flow.draw(rng) };
            if domain.contains(&scaled(domain, &unit)) {
                return unit;
            }
        }
    }

    /// q in the unit cube.
    fn mixed(&self, unit: &[f64]) -> f64 {
        (1.0 - UNIFORM) * self.flow.log_density(unit).exp() + UNIFORM
    }

    fn samples(&self, domain: &Domain, residual: &ResidualAt, rng: &mut Pcg64) -> Drawn {
        let unit: Vec<Vec<f64>> = (0..SAMPLES).map(|_| self.draw(domain, UNIFORM, rng)).collect();
        let q: Vec<f64> = unit.par_iter().map(|x| self.mixed(x)).collect();
        let points: Vec<f64> = unit.iter().flat_map(|x| scaled(domain, x)).collect();
        let mut squares: Vec<f64> = residual(&points).iter().map(|r| r * r).collect();
        // The mean over the cube, by importance.
        let mean = squares.iter().zip(&q).map(|(s, q)| s / q).sum::<f64>() / q.iter().map(|q| 1.0 / q).sum::<f64>();
        squares.iter_mut().for_each(|s| *s /= mean.max(f64::MIN_POSITIVE));
        Drawn { unit, q, squares }
    }

    /// One ascent: `pull(i, axis, gradient)` adds sample i's part; parts are added in order of the samples.
    fn ascend(&mut self, rng: &mut Pcg64, pull: impl Fn(&Flow, usize, usize, &mut [f64]) + Sync) {
        let d = self.flow.dimension();
        let batch: Vec<(usize, usize)> =
            (0..BATCH).map(|_| (rng.random_range(0..SAMPLES), rng.random_range(0..d))).collect();
        let flow = &self.flow;
        let part = |batch: &[(usize, usize)]| {
            let mut gradient = vec![0.0; flow.theta.len()];
            batch.iter().for_each(|(i, axis)| pull(flow, *i, *axis, &mut gradient));
            gradient
        };
        let parts: Vec<Vec<f64>> = batch.par_chunks(BATCH.div_ceil(16)).map(part).collect();
        let mut down = vec![0.0; self.flow.theta.len()];
        for part in &parts {
            down.iter_mut().zip(part).for_each(|(g, p)| *g -= p / BATCH as f64);
        }
        self.adam.apply(&mut self.flow.theta, &down);
    }

    fn cloud(&self, domain: &Domain, n: usize, rng: &mut Pcg64) -> Cloud {
        let points = (0..n).flat_map(|_| scaled(domain, &self.draw(domain, UNIFORM, rng))).collect();
        Cloud::even(points, domain.dimension())
    }
}

/// Adds the gradient of v log p at one sample.
fn fit(flow: &Flow, drawn: &Drawn, i: usize, _axis: usize, gradient: &mut [f64]) {
    flow.reverse(&drawn.unit[i], |_| drawn.squares[i] / drawn.q[i], gradient);
}

/// Adds the gradient of r² p / q − β d (∂p/∂x_axis)² / q at one sample.
fn pull(flow: &Flow, drawn: &Drawn, i: usize, axis: usize, gradient: &mut [f64]) {
    let (x, q) = (&drawn.unit[i], drawn.q[i]);
    flow.reverse(x, |log| drawn.squares[i] * log.exp() / q, gradient);
    let mut ends = [x.clone(), x.clone()];
    ends[0][axis] = (x[axis] - STEP).max(0.0);
    ends[1][axis] = (x[axis] + STEP).min(1.0);
    let length = ends[1][axis] - ends[0][axis];
    let p = ends.each_ref().map(|x| flow.log_density(x).exp());
    let slope = (p[1] - p[0]) / length;
    let factor = -BETA * x.len() as f64 / q * 2.0 * slope / length;
    flow.reverse(&ends[1], |log| factor * log.exp(), gradient);
    flow.reverse(&ends[0], |log| -factor * log.exp(), gradient);
}

impl Sampler for Generative {
    fn refresh(&mut self, domain: &Domain, cloud: &Cloud, residual: &ResidualAt, rng: &mut Pcg64) -> Cloud {
        let drawn = self.samples(domain, residual, rng);
        let climb = self.climb;
        for _ in 0..STEPS {
            self.ascend(rng, |flow, i, axis, gradient| climb(flow, &drawn, i, axis, gradient));
        }
        self.cloud(domain, cloud.weights.len(), rng)
    }

    fn density(&self, domain: &Domain, points: &[f64]) -> Option<Vec<f64>> {
        let bounds = domain.bounds();
        let volume: f64 = bounds.iter().map(|[low, high]| high - low).product();
        let at = |x: &[f64]| {
            let unit: Vec<f64> = x.iter().zip(&bounds).map(|(x, [low, high])| (x - low) / (high - low)).collect();
            self.mixed(&unit) / volume
        };
        Some(points.par_chunks(bounds.len()).map(at).collect())
    }

    fn state(&self) -> Vec<f64> {
        let adam = self.adam.state();
        let moments = adam.iter().skip(1).flatten().copied();
        std::iter::once(adam[0][0]).chain(self.flow.theta.iter().copied()).chain(moments).collect()
    }

    fn restore(&mut self, state: Vec<f64>) {
        let n = self.flow.theta.len();
        let Some((steps, rest)) = state.split_first() else { return };
        if rest.len() < n {
            return;
        }
        self.flow.theta.copy_from_slice(&rest[..n]);
        let (first, second) = rest[n..].split_at((rest.len() - n) / 2);
        self.adam.restore(vec![vec![*steps], first.to_vec(), second.to_vec()]);
    }
}
