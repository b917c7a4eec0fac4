//! A kernel with or without bias, applied forth and back.

use crate::nn::{Conv, Images, Param, Tensor};
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
    pub fn apply<I: Images>(&self, on: &I, x: &I::Image, how: Conv) -> Result<I::Image, I::Fault> {
        on.conv(x, &self.weight, self.bias.as_ref(), how)
    }

    /// The transpose of w *, from D channels to C on `n` cells.
    pub fn transpose<I: Images>(&self, on: &I, x: &I::Image, how: Conv, n: [usize; 3]) -> Result<I::Image, I::Fault> {
        on.conv_transpose(x, &self.weight, how, n)
    }

    pub fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        see(&mut self.weight);
        self.bias.iter_mut().for_each(see);
    }
}
