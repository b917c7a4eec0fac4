//! The published mover, a baseline: a net φ = D(m, ξ) of an image of the monitor and a place, trained on the Monge-Ampère equation.
//!
//! ```text
//! branch  log m, 48² -> conv 8, 24² -> conv 16 -> conv 8, + the first -> conv 1, 12² -> 1024 -> 512     convolutions of 5 × 5
//! trunk   ξ -> 32 -> 512
//! head    branch, trunk -> 512 -> φ
//! ```
//!
//! all with tanh but for the ends. L = mean (m det J / θ − 1)² + 1000 mean (∂φ/∂n)² + mean of a convexity term, on random places.
//!
//! Reference: P. Hu, Y. Wang and Z.-M. Ma, *Better neural PDE solvers through data-free mesh movers*, ICLR 2024, arXiv:2312.05583, and
//! its code. Departures:
//! 1. m is given, not made of a computed gradient; m at the moved place by its own formula; the net sees log m less its mean.
//! 2. Places are uniform and shared by the monitors of a step, not drawn by m.
//! 3. The code sums θ over n² nodes with the weight of (n − 1)² cells, and its convexity term looks at the diagonal of J. Both are so
//!    with [`DmmLoss::as_published`]; else θ is a mean, and the term looks at the smallest eigenvalue.

use super::cosine::Derivatives;
use super::jets::{self, JET};
use super::lattice::smallest;
use super::synthetic::{Monitors, Synthetic};
use super::{LogMonitor, Potential};
use crate::error::{Error, Place, Result};
use crate::nn::layers::ConvLayer;
use crate::nn::ops::{add, join, known, linear, reshape, tanh};
use crate::nn::{Conv, Layer, Param, Tape, Tensor, Var, Weights};
use crate::train::Objective;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use rayon::prelude::*;

/// Sides of the image.
const IMAGE: usize = 48;
/// Width of what branch and trunk give.
const WIDTH: usize = 512;
/// Places inside, and on each side, a step.
const INSIDE: usize = 120;
const ON_SIDE: usize = 30;
/// Places at which a trained net is asked at once.
const TOGETHER: usize = 512;
/// Weight of the boundary's term.
const BOUNDARY: f64 = 1000.0;

/// The net.
#[derive(Debug, Clone)]
pub struct DmmNet {
    convolutions: Vec<ConvLayer>,
    /// Of the branch; the head's for what the branch gives.
    dense: Vec<[Param; 2]>,
    /// Of the trunk, the head's for what the trunk gives, and the last one; a bias is the weight of a channel that is 1.
    jets: Vec<Param>,
}

impl DmmNet {
    /// With random weights.
    pub fn new(seed: u64) -> Self {
        DmmNet::of_width(WIDTH, seed)
    }

    /// Another width than the published one in place of 512, and twice as much in place of 1024.
    pub fn of_width(width: usize, seed: u64) -> Self {
        let mut rng = Pcg64::seed_from_u64(seed);
        let convolutions =
            [(1, 8, 2), (8, 16, 1), (16, 8, 1), (8, 1, 2)].into_iter().enumerate().map(|(i, (c, d, s))| {
                let how = Conv { stride: [1, s, s], ..Conv::default() };
                ConvLayer::new(&format!("conv.{i}"), [1, 5, 5], [c, d], how, &mut rng)
            });
        let convolutions = convolutions.collect();
        let mut matrix = |name: String, k: usize, m: usize| {
            let value = Tensor::uniform(&[k, m], (6.0 / (k + m) as f32).sqrt(), &mut rng);
            Param { name, value }
        };
        let last = IMAGE * IMAGE / 16;
        let dense =
            [(last, 2 * width), (2 * width, width), (width, width)].into_iter().enumerate().map(|(i, (k, m))| {
                let bias = Param { name: format!("dense.{i}.bias"), value: Tensor::zeros(&[m]) };
                [matrix(format!("dense.{i}.weight"), k, m), bias]
            });
        let dense = dense.collect();
        let jets = [(3, 32), (33, width), (width, width), (width, 1)].into_iter().enumerate();
        let jets = jets.map(|(i, (k, m))| matrix(format!("jets.{i}"), k, m)).collect();
        DmmNet { convolutions, dense, jets }
    }

    /// The net whose weights these are.
    ///
    /// Errors: weights of another net.
    pub fn from_weights(weights: &Weights) -> Result<Self> {
        let mut net = DmmNet::new(0);
        weights.load_into(&mut net).map_err(|e| {
            Error::file(&weights.path, Place::File, e.to_string(), "train one with `filet train mover --net dmm`")
        })?;
        Ok(net)
    }

    /// The branch, with the head's part for it: `[batch, 512]`.
    fn branch(&self, tape: &Tape, images: &Var) -> Var {
        let first = tanh(&self.convolutions[0].forward(tape, images));
        let y = tanh(&self.convolutions[1].forward(tape, &first));
        let y = add(&tanh(&self.convolutions[2].forward(tape, &y)), &first);
        let y = tanh(&self.convolutions[3].forward(tape, &y));
        let mut y = reshape(&y, &[images.shape()[0], IMAGE * IMAGE / 16]);
        for (i, [weight, bias]) in self.dense.iter().enumerate() {
            let input = if i == 0 { y } else { tanh(&y) };
            y = linear(&input, &tape.parameter(weight), &tape.parameter(bias));
        }
        y
    }

    /// A linear map of jets.
    fn map(&self, tape: &Tape, i: usize, x: &Var) -> Var {
        let matrix = tape.parameter(&self.jets[i]);
        linear(x, &matrix, &Var::constant(tape.backend().zeros(&[matrix.shape()[1]])))
    }
}

/// Images of log m and the places at which φ is wanted, as one input of the net.
fn input(images: &[Vec<f64>], places: &[[f64; 2]]) -> Var {
    let centred = |log_m: &Vec<f64>| {
        let mean = log_m.iter().sum::<f64>() / log_m.len() as f64;
        let image = log_m.iter().map(move |v| v - mean);
        image.chain(places.iter().flatten().copied()).map(|v| v as f32).collect::<Vec<f32>>()
    };
    let data = images.iter().flat_map(centred).collect();
    Var::constant(Tensor::new(&[images.len(), IMAGE * IMAGE + 2 * places.len()], data))
}

impl Layer for DmmNet {
    /// The jets of φ, `[batch · places, 6, 1]`; a sample of the input, which is here, is an image and the places, the same for all.
    fn forward(&self, tape: &Tape, input: &Var) -> Var {
        let (batch, length) = (input.shape()[0], input.shape()[1]);
        let (pixels, count) = (IMAGE * IMAGE, (length - IMAGE * IMAGE) / 2);
        let images = input.value().data().chunks_exact(length).flat_map(|x| &x[..pixels]).copied().collect();
        let images = tape.constant(Tensor::new(&[batch, 1, IMAGE, IMAGE, 1], images));
        let places = tape.constant(jets::places(&input.value().data()[pixels..length]));
        let one = tape.constant(jets::ones(count));
        let trunk = jets::tanh(&self.map(tape, 0, &places));
        let trunk = jets::tanh(&self.map(tape, 1, &join(&[&trunk, &one])));
        let trunk = self.map(tape, 2, &trunk);
        let head = jets::add_still(&trunk, &self.branch(tape, &images));
        self.map(tape, 3, &jets::tanh(&head))
    }

    fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        self.convolutions.iter_mut().for_each(|layer| layer.visit(see));
        self.dense.iter_mut().flatten().for_each(&mut *see);
        self.jets.iter_mut().for_each(see);
    }
}

/// The middles of the image's cells.
fn image_places() -> Vec<[f64; 2]> {
    let place = |q: usize| (q as f64 + 0.5) / IMAGE as f64;
    (0..IMAGE * IMAGE).map(|k| [place(k / IMAGE), place(k % IMAGE)]).collect()
}

impl Potential for DmmNet {
    fn at(&self, log_m: &LogMonitor, points: &[[f64; 2]]) -> Result<Vec<(f64, [f64; 2])>> {
        let images = [log_m(&image_places())?];
        let mut out = Vec::with_capacity(points.len());
        for points in points.chunks(TOGETHER) {
            let tape = Tape::inference().on(self.jets[0].value.backend());
            let jets = self.forward(&tape, &input(&images, points)).value().here()?;
            let jets = jets.data().chunks_exact(JET).map(|jet| [jet[0], jet[1], jet[2]].map(f64::from));
            out.extend(jets.map(|[phi, x, y]| (phi, [x, y])));
        }
        Ok(out)
    }
}

/// Trains the net on fresh synthetic monitors every step.
#[derive(Debug, Clone)]
pub struct DmmLoss {
    /// Monitors a step.
    pub batch: usize,
    /// Decides all monitors and places.
    pub seed: u64,
    /// θ and the convexity term as in the published code.
    pub as_published: bool,
}

impl DmmLoss {
    /// The loss over the monitors of these numbers.
    pub fn on(&self, net: &dyn Layer, tape: &Tape, numbers: std::ops::Range<u64>) -> Var {
        let mut rng = Pcg64::new(u128::from(numbers.start), u128::from(self.seed));
        let mut places: Vec<[f64; 2]> = (0..INSIDE).map(|_| [rng.random(), rng.random()]).collect();
        for k in 0..4 * ON_SIDE {
            let t = rng.random();
            let end = (k % 2) as f64;
            places.push(if k % 4 < 2 { [end, t] } else { [t, end] });
        }
        let monitors = Monitors::new(self.seed, numbers, tape.backend());
        let seen = |m: &Synthetic| image_places().into_iter().map(|p| m.log_with_slopes(p).0).collect::<Vec<f64>>();
        let logs: Vec<Vec<f64>> = monitors.all.par_iter().map(seen).collect();
        let theta: Vec<f64> = logs.iter().map(|logs| self.theta(logs)).collect();
        let phi = net.forward(tape, &input(&logs, &places));
        let phi = reshape(&phi, &[logs.len(), JET * places.len()]);
        let [losses, slopes] = self.losses(phi.value(), &monitors, &theta, &places);
        known(&phi, losses, slopes)
    }

    /// θ, from log m at the middles of the image's cells.
    fn theta(&self, logs: &[f64]) -> f64 {
        let mean = logs.iter().map(|l| l.exp()).sum::<f64>() / logs.len() as f64;
        mean * if self.as_published { (IMAGE as f64 / (IMAGE - 1) as f64).powi(2) } else { 1.0 }
    }

    /// L of each monitor, `[batch]`, and its gradient for the jets of φ at the places, `[batch, 6 · places]`, where they are.
    fn losses(&self, jets: &Tensor, monitors: &Monitors, theta: &[f64], places: &[[f64; 2]]) -> [Tensor; 2] {
        #[cfg(feature = "cuda")]
        if let Some(gpu) = jets.gpu() {
            return super::cuda::place_losses(gpu, jets, monitors, theta, places, (INSIDE, self.as_published));
        }
        let samples = jets.data().par_chunks(JET * places.len()).zip(monitors.all.par_iter().zip(theta));
        let samples = samples.map(|(jets, (monitor, theta))| self.sample(jets, monitor, *theta, places));
        let samples: Vec<(f64, Vec<f64>)> = samples.collect();
        let losses = samples.iter().map(|s| s.0 as f32).collect();
        let slopes = samples.iter().flat_map(|s| s.1.iter().map(|g| *g as f32)).collect();
        [Tensor::new(&[samples.len()], losses), Tensor::new(jets.shape(), slopes)]
    }

    /// Loss and gradient for the jets of one monitor.
    fn sample(&self, jets: &[f32], monitor: &Synthetic, theta: f64, places: &[[f64; 2]]) -> (f64, Vec<f64>) {
        let (mut loss, mut gradient) = (0.0, vec![0.0; jets.len()]);
        let entries = jets.chunks_exact(JET).zip(gradient.chunks_exact_mut(JET)).zip(places).enumerate();
        for (k, ((jet, gradient), place)) in entries {
            let d: Derivatives = std::array::from_fn(|i| f64::from(jet[i + 1]));
            if k >= INSIDE {
                let (axis, count) = (if k % 4 < 2 { 0 } else { 1 }, 4.0 * ON_SIDE as f64);
                loss += BOUNDARY * d[axis] * d[axis] / count;
                gradient[1 + axis] = 2.0 * BOUNDARY * d[axis] / count;
                continue;
            }
            let (log_m, slope) = monitor.log_with_slopes([place[0] + d[0], place[1] + d[1]]);
            let (m, det) = (log_m.exp() / theta, (1.0 + d[2]) * (1.0 + d[3]) - d[4] * d[4]);
            let left = m * det - 1.0;
            let by = 2.0 * left * m / INSIDE as f64;
            loss += left * left / INSIDE as f64;
            let mut out =
                [by * det * slope[0], by * det * slope[1], by * (1.0 + d[3]), by * (1.0 + d[2]), -2.0 * by * d[4]];
            let mut convex = |value: f64, slopes: [f64; 3]| {
                let short = value.min(0.0);
                loss += short * short / INSIDE as f64;
                (0..3).for_each(|i| out[2 + i] += 2.0 * short / INSIDE as f64 * slopes[i]);
            };
            if self.as_published {
                convex(1.0 + d[2], [1.0, 0.0, 0.0]);
                convex(1.0 + d[3], [0.0, 1.0, 0.0]);
            } else {
                let (lambda, slopes) = smallest(&d);
                convex(lambda, slopes);
            }
            gradient[1..].copy_from_slice(&out);
        }
        (loss, gradient)
    }
}

impl Objective for DmmLoss {
    fn loss(&mut self, net: &dyn Layer, tape: &Tape, step: usize) -> Result<Var> {
        let first = (step * self.batch) as u64;
        Ok(self.on(net, tape, first..first + self.batch as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let monitor = Synthetic::new(3, 7);
        let logs: Vec<f64> = image_places().into_iter().map(|p| monitor.log_with_slopes(p).0).collect();
        let places: Vec<[f64; 2]> = (0..INSIDE + 4).map(|k| [0.1 + 0.006 * k as f64, 0.9 - 0.005 * k as f64]).collect();
        let jets: Vec<f32> = (0..JET * places.len()).map(|k| 1.3 * (1.7 * k as f32).sin()).collect();
        for as_published in [false, true] {
            let loss = DmmLoss { batch: 1, seed: 0, as_published };
            let theta = loss.theta(&logs);
            let (_, gradient) = loss.sample(&jets, &monitor, theta, &places);
            for k in [1, 2, 9, 10, 11, 40, JET * INSIDE + 1, JET * (INSIDE + 2) + 2] {
                let at = |s: f32| {
                    let mut jets = jets.clone();
                    jets[k] += s;
                    loss.sample(&jets, &monitor, theta, &places).0
                };
                let step = f64::from((jets[k] + 1e-3) - (jets[k] - 1e-3));
                let difference = (at(1e-3) - at(-1e-3)) / step;
                assert!(
                    (difference - gradient[k]).abs() < 1e-3 * (1.0 + difference.abs()),
                    "{k}: {difference} {}",
                    gradient[k]
                );
            }
        }
    }

    /// The jets that the net carries are the differences of its values.
    #[test]
    fn the_nets_jets_are_differences() {
        let net = DmmNet::new(1);
        let images = [(0..IMAGE * IMAGE).map(|k| (0.01 * k as f64).sin()).collect::<Vec<f64>>()];
        let at = |x: f64, y: f64| {
            let jets = net.forward(&Tape::inference(), &input(&images, &[[0.4 + x, 0.3 + y]]));
            jets.value().data().iter().map(|&v| f64::from(v)).collect::<Vec<f64>>()
        };
        let (h, jet) = (1e-2, at(0.0, 0.0));
        let difference = |k: usize, d: [f64; 2]| (at(d[0], d[1])[k] - at(-d[0], -d[1])[k]) / (2.0 * h);
        let expected = [
            difference(0, [h, 0.0]),
            difference(0, [0.0, h]),
            difference(1, [h, 0.0]),
            difference(2, [0.0, h]),
            difference(1, [0.0, h]),
        ];
        for (found, expected) in jet[1..].iter().zip(expected) {
            assert!((found - expected).abs() < 3e-3 * (1.0 + expected.abs()), "{found} {expected}");
        }
    }
}
