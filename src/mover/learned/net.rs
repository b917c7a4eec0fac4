//! The net: an image of log m to the coefficients of a cosine series.
//!
//! ```text
//! log m, 32 × 32 -> conv 16 -> mean over blocks -> conv 32 -> mean -> conv 48 -> mean -> conv 48, 4 × 4 -> dense -> 16 × 16
//! ```
//!
//! Convolutions are of 3 × 3 with a rectifier. The image has mean zero: only ratios of a monitor count.

use super::cosine::MODES;
use crate::error::{Error, Place, Result};
use crate::nn::layers::ConvLayer;
use crate::nn::ops::{average_pool, linear, reshape};
use crate::nn::{Conv, Layer, Param, Tape, Tensor, Var, Weights};
use rand::SeedableRng;
use rand_pcg::Pcg64;

/// Points of the image in each direction.
pub const IMAGE: usize = 32;
/// Channels of the convolutions.
const CHANNELS: [usize; 5] = [1, 16, 32, 48, 48];
/// Sides of the last image.
const LAST: usize = IMAGE / 8;

/// The net.
#[derive(Debug, Clone)]
pub struct PotentialNet {
    convolutions: Vec<ConvLayer>,
    weight: Param,
    bias: Param,
}

impl PotentialNet {
    /// With random weights.
    pub fn new(seed: u64) -> Self {
        let mut rng = Pcg64::seed_from_u64(seed);
        let how = Conv { rectify: true, ..Conv::default() };
        let convolutions = (0..4)
            .map(|i| ConvLayer::new(&format!("conv.{i}"), [1, 3, 3], [CHANNELS[i], CHANNELS[i + 1]], how, &mut rng))
            .collect();
        let inputs = LAST * LAST * CHANNELS[4];
        // Small, so that training begins near φ = 0.
        let weight = Tensor::uniform(&[inputs, MODES * MODES], 0.01, &mut rng);
        let param = |name: &str, value| Param { name: name.into(), value };
        let bias = param("dense.bias", Tensor::zeros(&[MODES * MODES]));
        PotentialNet { convolutions, weight: param("dense.weight", weight), bias }
    }

    /// The net whose weights these are.
    ///
    /// Errors: weights of another net.
    pub fn from_weights(weights: &Weights) -> Result<Self> {
        let mut net = PotentialNet::new(0);
        weights.load_into(&mut net).map_err(|e| {
            Error::file(&weights.path, Place::File, e.to_string(), "train a mover with `filet train mover`")
        })?;
        Ok(net)
    }
}

impl Layer for PotentialNet {
    fn forward(&self, tape: &Tape, x: &Var) -> Var {
        let batch = x.shape()[0];
        let mut y = x.clone();
        for (i, layer) in self.convolutions.iter().enumerate() {
            let input = if i == 0 { y } else { average_pool(&y) };
            y = layer.forward(tape, &input);
        }
        let flat = reshape(&y, &[batch, LAST * LAST * CHANNELS[4]]);
        linear(&flat, &tape.parameter(&self.weight), &tape.parameter(&self.bias))
    }

    fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        self.convolutions.iter_mut().for_each(|layer| layer.visit(see));
        see(&mut self.weight);
        see(&mut self.bias);
    }
}

/// The image of log m at the cells' middles of the unit square, less its mean: `[1, 1, IMAGE, IMAGE, 1]`, x major.
pub fn image(log_m: &dyn Fn([f64; 2]) -> f64) -> Tensor {
    let place = |q: usize| (q as f64 + 0.5) / IMAGE as f64;
    let values: Vec<f64> = (0..IMAGE * IMAGE).map(|k| log_m([place(k / IMAGE), place(k % IMAGE)])).collect();
    centred(&values)
}

/// Values at the cells' middles as an image.
pub fn centred(values: &[f64]) -> Tensor {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    Tensor::new(&[1, 1, IMAGE, IMAGE, 1], values.iter().map(|v| (v - mean) as f32).collect())
}

/// Images as one batch.
pub fn stack(images: &[Tensor]) -> Tensor {
    let data = images.iter().flat_map(|i| i.data()).copied().collect();
    Tensor::new(&[images.len(), 1, IMAGE, IMAGE, 1], data)
}
