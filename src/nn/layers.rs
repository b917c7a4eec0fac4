//! Layers: parameters with a name, and the operation they stand in.

use super::ops::conv;
use super::{Conv, Layer, Param, Tape, Tensor, Var};
use rand::Rng;

/// A convolution with bias.
#[derive(Debug, Clone)]
pub struct ConvLayer {
    weight: Param,
    bias: Param,
    how: Conv,
}

impl ConvLayer {
    /// Kernel of sides `k` from `channels[0]` to `channels[1]`, evenly distributed after X. Glorot and Y. Bengio (AISTATS 2010, §4.2):
    /// within ±√(6 / (k0 k1 k2 (C + D))); biases 0. Its parameters are `name.weight` and `name.bias`.
    pub fn new(name: &str, k: [usize; 3], channels: [usize; 2], how: Conv, rng: &mut impl Rng) -> Self {
        let taps: usize = k.iter().product();
        let bound = (6.0 / (taps * (channels[0] + channels[1])) as f32).sqrt();
        let weight = Tensor::uniform(&[k[0], k[1], k[2], channels[0], channels[1]], bound, rng);
        let param = |part: &str, value| Param { name: format!("{name}.{part}"), value };
        ConvLayer { weight: param("weight", weight), bias: param("bias", Tensor::zeros(&[channels[1]])), how }
    }
}

impl Layer for ConvLayer {
    fn forward(&self, tape: &Tape, x: &Var) -> Var {
        conv::conv(x, &tape.parameter(&self.weight), &tape.parameter(&self.bias), self.how)
    }

    fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        see(&mut self.weight);
        see(&mut self.bias);
    }
}
