//! The network: a multilayer perceptron on features of the point, one output.
//!
//! N(x) = W_m σ(… σ(W₁ φ(x) + b₁) …) + b_m. Features φ are the coordinates scaled to [−1, 1]; a pair sin, cos of its first
//! harmonic for a periodic coordinate, which makes every derivative periodic (S. Dong and N. Ni, J. Comput. Phys. 435 (2021));
//! and random waves sin(k·x + φ), k normal (M. Tancik et al., NeurIPS 2020). Weights begin normal with variance
//! 2 / (inputs + outputs) (X. Glorot and Y. Bengio, AISTATS 2010), those of the first layer three times as large and biases
//! uniform, so that the neurons bend at different places of the domain: from biases at 0 they are odd and nearly linear.
//!
//! The parameters are one vector θ: W₁ row by row, b₁, W₂, ....

use super::{Activation, normal};
use rand::Rng;
use rand_pcg::Pcg64;

/// The shape of a network.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MlpConfig {
    /// Hidden layers (default 3).
    pub depth: usize,
    /// Neurons of a hidden layer (default 16).
    pub width: usize,
    /// σ (default tanh).
    pub activation: Activation,
    /// Random waves beside the coordinates (default 0).
    pub waves: usize,
    /// Standard deviation of a wave's k, in radians a half side of the bounding box (default 3).
    pub wave_scale: f64,
}

impl Default for MlpConfig {
    fn default() -> Self {
        MlpConfig { depth: 3, width: 16, activation: Activation::Tanh, waves: 0, wave_scale: 3.0 }
    }
}

/// k·x + φ, or its sine.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Feature {
    pub k: Vec<f64>,
    pub phase: f64,
    pub is_wave: bool,
}

/// First numbers of the first and of further hidden layers: weights over Glorot's deviation, the largest bias.
const FIRST: [f64; 2] = [3.0, 1.0];
const HIDDEN: [f64; 2] = [1.0, 0.5];

/// A network without its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    pub(super) features: Vec<Feature>,
    /// Features, neurons of every hidden layer, 1.
    pub(super) widths: Vec<usize>,
    pub(super) activation: Activation,
}

impl Mlp {
    /// The network for points of a box; `periodic` says of every coordinate whether u repeats along it.
    pub fn new(config: &MlpConfig, bounds: &[[f64; 2]], periodic: &[bool], rng: &mut Pcg64) -> Self {
        let dimension = bounds.len();
        let middle = |i: usize| 0.5 * (bounds[i][0] + bounds[i][1]);
        let scale = |i: usize| 2.0 / (bounds[i][1] - bounds[i][0]);
        let mut features = Vec::new();
        let mut add = |k: Vec<f64>, turn: f64, is_wave| {
            let phase = turn - (0..dimension).map(|i| k[i] * middle(i)).sum::<f64>();
            features.push(Feature { k, phase, is_wave });
        };
        let along = |i: usize, k: f64| (0..dimension).map(|j| if i == j { k } else { 0.0 }).collect::<Vec<_>>();
        for i in 0..dimension {
            if periodic[i] {
                let k = std::f64::consts::PI * scale(i);
                add(along(i, k), 0.0, true);
                add(along(i, k), 0.5 * std::f64::consts::PI, true);
            } else {
                add(along(i, scale(i)), 0.0, false);
            }
        }
        for _ in 0..config.waves {
            let k = (0..dimension).map(|i| if periodic[i] { 0.0 } else { config.wave_scale * scale(i) * normal(rng) });
            add(k.collect(), rng.random::<f64>() * std::f64::consts::TAU, true);
        }
        let hidden = std::iter::repeat_n(config.width, config.depth);
        let widths = std::iter::once(features.len()).chain(hidden).chain([1]).collect();
        Mlp { features, widths, activation: config.activation }
    }

    /// d: coordinates of a point.
    pub fn dimension(&self) -> usize {
        self.features.first().map_or(0, |f| f.k.len())
    }

    /// How many numbers it takes.
    pub fn parameters(&self) -> usize {
        self.layers().map(|(inputs, outputs)| (inputs + 1) * outputs).sum()
    }

    /// Numbers to begin with.
    pub fn initial(&self, rng: &mut Pcg64) -> Vec<f64> {
        let mut theta = Vec::with_capacity(self.parameters());
        let last = self.layers().len() - 1;
        for (l, (inputs, outputs)) in self.layers().enumerate() {
            let deviation = (2.0 / (inputs + outputs) as f64).sqrt();
            let [spread, bias] = match l {
                l if l == last => [1.0, 0.0],
                0 => FIRST,
                _ => HIDDEN,
            };
            theta.extend((0..inputs * outputs).map(|_| spread * deviation * normal(rng)));
            theta.extend((0..outputs).map(|_| bias * (2.0 * rng.random::<f64>() - 1.0)));
        }
        theta
    }

    /// Inputs and outputs of every layer.
    pub(super) fn layers(&self) -> impl DoubleEndedIterator<Item = (usize, usize)> + ExactSizeIterator + '_ {
        self.widths.windows(2).map(|w| (w[0], w[1]))
    }

    /// Where each layer's numbers begin in θ.
    pub(super) fn offsets(&self) -> Vec<usize> {
        let mut at = 0;
        let step = |(inputs, outputs): (usize, usize)| {
            at += (inputs + 1) * outputs;
            at - (inputs + 1) * outputs
        };
        self.layers().map(step).collect()
    }
}
