//! A kernel with or without bias, applied forth and back.

use crate::nn::ops::conv::{conv, conv_linear, conv_transpose};
use crate::nn::ops::{scale_shift, standardise};
use crate::nn::{Conv, Param, Tape, Tensor, Var};
use rand::Rng;

/// Weights `[k0, k1, k2, C, D]`, and a bias `[D]` where there is one.
#[derive(Debug, Clone)]
pub(crate) struct Stencil {
    weight: Param,
    bias: Option<Param>,
}

impl Stencil {
    /// Evenly distributed within ±1/√(taps · `fan`), as PyTorch's layers are: `fan` is C, for transposes D.
    pub fn new(name: &str, k: [usize; 3], [c, d]: [usize; 2], bias: bool, fan: usize, rng: &mut impl Rng) -> Self {
        let bound = 1.0 / ((k.iter().product::<usize>() * fan) as f32).sqrt();
        let mut param = |part: &str, shape: &[usize]| Param {
            name: format!("{name}.{part}"),
            value: Tensor::uniform(shape, bound, rng),
        };
        Stencil { weight: param("weight", &[k[0], k[1], k[2], c, d]), bias: bias.then(|| param("bias", &[d])) }
    }

    /// `diagonal` on the middle tap from every channel to itself, and a tenth of what [`Stencil::new`] gives.
    pub fn near_diagonal(name: &str, k: [usize; 3], channels: usize, diagonal: f32, rng: &mut impl Rng) -> Self {
        let mut stencil = Stencil::new(name, k, [channels; 2], false, channels, rng);
        let middle = k.iter().product::<usize>() / 2 * channels * channels;
        let weights = stencil.weight.value.data_mut();
        weights.iter_mut().for_each(|w| *w *= 0.1);
        (0..channels).for_each(|c| weights[middle + c * channels + c] += diagonal);
        stencil
    }

    /// w * x + b.
    pub fn apply(&self, tape: &Tape, x: &Var, how: Conv) -> Var {
        let w = tape.parameter(&self.weight);
        match &self.bias {
            Some(b) => conv(x, &w, &tape.parameter(b), how),
            None => conv_linear(x, &w, how),
        }
    }

    /// The transpose of w *, from D channels to C on `n` cells.
    pub fn transpose(&self, tape: &Tape, x: &Var, how: Conv, n: [usize; 3]) -> Var {
        conv_transpose(x, &tape.parameter(&self.weight), how, n)
    }

    pub fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        see(&mut self.weight);
        self.bias.iter_mut().for_each(see);
    }
}

/// n0, n1 and n2 of an image.
pub(crate) fn sides_of(x: &Var) -> [usize; 3] {
    x.value().image().1
}

/// Layer normalisation over each sample, with a factor and a shift for every number.
pub(crate) fn normalise(tape: &Tape, x: &Var, [factor, shift]: &[Param; 2]) -> Var {
    scale_shift(&standardise(x), &tape.parameter(factor), &tape.parameter(shift))
}
