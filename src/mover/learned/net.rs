//! The net: from what is left of the equation to a correction of the potential.
//!
//! ```text
//! image 32² × 4 -> conv 12 -> conv 24, 16² -> conv 32, 8² -> conv 48, 4² -> conv 48      sides are halved by means over blocks
//!                             16² conv 24 <- 8² conv 32 <-----------------------        copies, beside the image of those sides
//!                             16² conv 1  -> cosine transform -> 16² coefficients
//! ```
//!
//! Convolutions are of 3 × 3, all but the last with a rectifier (O. Ronneberger, P. Fischer and T. Brox, *U-Net*, MICCAI 2015,
//! arXiv:1505.04597). The last image stands for −Δ of the correction, which the transform turns into coefficients: where φ is small the
//! correction that is sought has −Δδ = log m det J less its mean, the first channel of the image, so the net learns what differs from
//! that. The other three channels are the second derivatives of φ.

use super::cosine::{self, MODES};
use super::lattice::{self, Remainder};
use super::{LogMonitor, Potential};
use crate::error::Result;
use crate::nn::layers::ConvLayer;
use crate::nn::ops::{along, average_pool, join, reshape, scale, upsample};
use crate::nn::{Backend, Conv, Layer, Param, Tape, Tensor, Var, Weights, move_parameters};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use rayon::prelude::*;
use std::f64::consts::PI;
use std::sync::Arc;

/// The weights that come with filet, as the bytes of a safetensors file; `data/weights/README.md` tells how they were made.
pub const SHIPPED: &[u8] = include_bytes!("../../../data/weights/mover.safetensors");

/// Times the net is applied: each time it sees what the last one left.
pub const PASSES: usize = 3;
/// Channels of the image.
pub const INPUTS: usize = 4;
/// Channels of the convolutions, from fine to coarse.
const WIDTHS: [usize; 4] = [12, 24, 32, 48];
/// Factor of the output, so that training begins near φ = 0.
const SMALL: f32 = 0.1;

/// The net, from images `[batch, 1, 32, 32, 4]` to coefficients `[batch, 256]`.
#[derive(Debug, Clone)]
pub struct PotentialNet {
    down: Vec<ConvLayer>,
    middle: ConvLayer,
    up: Vec<ConvLayer>,
    head: ConvLayer,
    transform: Arc<Tensor>,
}

impl PotentialNet {
    /// With random weights.
    pub fn new(seed: u64) -> Self {
        let mut rng = Pcg64::seed_from_u64(seed);
        let mut conv = |name: &str, inputs, outputs, rectify| {
            let how = Conv { rectify, ..Conv::default() };
            ConvLayer::new(name, [1, 3, 3], [inputs, outputs], how, &mut rng)
        };
        let [a, b, c, d] = WIDTHS;
        let down = [(INPUTS, a), (a, b), (b, c), (c, d)];
        let down = down.iter().enumerate().map(|(i, &(x, y))| conv(&format!("down.{i}"), x, y, true)).collect();
        let middle = conv("middle", d, d, true);
        let up = [(d + c, c), (c + b, b)];
        let up = up.iter().enumerate().map(|(i, &(x, y))| conv(&format!("up.{i}"), x, y, true)).collect();
        let head = conv("head", b + INPUTS, 1, false);
        PotentialNet { down, middle, up, head, transform: Arc::new(transform()) }
    }

    /// The net whose weights these are.
    ///
    /// Errors: weights of another net.
    pub fn from_weights(weights: &Weights) -> Result<Self> {
        let mut net = PotentialNet::new(0);
        weights.load_into(&mut net)?;
        Ok(net)
    }
}

/// From values at the middles of [`MODES`] intervals to the coefficients of their cosine series.
fn transform() -> Tensor {
    let n = MODES as f64;
    let entry = |k: usize| {
        let (mode, place) = (k / MODES, (k % MODES) as f64 + 0.5);
        (mode as f64 * PI * place / n).cos() * if mode == 0 { 1.0 } else { 2.0 } / n
    };
    Tensor::new(&[MODES, MODES], (0..MODES * MODES).map(|k| entry(k) as f32).collect())
}

impl Layer for PotentialNet {
    fn forward(&self, tape: &Tape, image: &Var) -> Var {
        let fine = self.down[0].forward(tape, image);
        let b = self.down[1].forward(tape, &average_pool(&fine));
        let c = self.down[2].forward(tape, &average_pool(&b));
        let d = self.down[3].forward(tape, &average_pool(&c));
        let d = self.middle.forward(tape, &d);
        let c = self.up[0].forward(tape, &join(&[&upsample(&d), &c]));
        let b = self.up[1].forward(tape, &join(&[&upsample(&c), &b]));
        let last = self.head.forward(tape, &join(&[&b, &average_pool(image)]));
        let modes = along(&along(&scale(&last, SMALL), &self.transform, 2), &self.transform, 3);
        reshape(&modes, &[image.shape()[0], MODES * MODES])
    }

    fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        let all = self.down.iter_mut().chain([&mut self.middle]).chain(&mut self.up).chain([&mut self.head]);
        all.for_each(|layer| layer.visit(see));
    }

    fn move_to(&mut self, backend: &Backend) -> Result<()> {
        self.transform = Arc::new(backend.put(self.transform.here()?));
        move_parameters(self, backend)
    }
}

impl Potential for PotentialNet {
    /// By the best of the series that the passes give: that of the least loss on the lattice.
    fn at(&self, log_m: &LogMonitor, points: &[[f64; 2]]) -> Result<Vec<(f64, [f64; 2])>> {
        let (table, backend) = (lattice::table(), self.transform.backend());
        let (mut c, mut best) = (vec![0.0; MODES * MODES], (f64::INFINITY, Vec::new()));
        for pass in 0..=PASSES {
            let (derivatives, to) = lattice::moved(&c, &table);
            let remainder = Remainder::new(derivatives, log_m(&to)?.into_iter());
            if remainder.loss < best.0 {
                best = (remainder.loss, c.clone());
            }
            if pass < PASSES {
                let image = lattice::batch(std::iter::once(&remainder));
                let tape = Tape::inference().on(backend.clone());
                let correction = self.forward(&tape, &tape.constant(image)).value().here()?;
                c.iter_mut().zip(correction.data()).for_each(|(c, d)| *c += f64::from(*d));
            }
        }
        match backend {
            Backend::Cpu => Ok(points.par_iter().with_min_len(256).map(|p| cosine::at(&best.1, *p)).collect()),
            #[cfg(feature = "cuda")]
            Backend::Gpu(gpu) => super::cuda::series_at(&gpu, &best.1, points),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cosine::{Table, derivatives};
    use super::*;

    /// What the transform makes of an image has that image as −Δφ.
    #[test]
    fn the_transform_gives_the_potential_of_an_image() {
        let n = MODES;
        let wave = |k: usize| {
            let [x, y] = [k / n, k % n].map(|q| (q as f64 + 0.5) / n as f64);
            (2.0 * PI * x).cos() * (PI * y).cos() - 0.3 * (5.0 * PI * y).cos()
        };
        let image = Tensor::new(&[1, 1, n, n, 1], (0..n * n).map(|k| wave(k) as f32).collect());
        let matrix = Arc::new(transform());
        let c = along(&along(&Var::constant(image), &matrix, 2), &matrix, 3);
        let c: Vec<f64> = c.value().data().iter().map(|&c| f64::from(c)).collect();
        let table = Table::new((0..n).map(|q| (q as f64 + 0.5) / n as f64));
        for (k, [_, _, xx, yy, _]) in derivatives(&c, &table, &table).into_iter().enumerate() {
            assert!((xx + yy + wave(k)).abs() < 1e-5, "{k}");
        }
    }
}
