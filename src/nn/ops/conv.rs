//! Convolution of images `[batch, n0, n1, n2, C]` with weights `[k0, k1, k2, C, D]`, zeros outside, and its transpose:
//!
//! `y[i, d] = Σ_{a, e} x[s i + a − p, e] w[a, e, d] + b[d]`, i, a, s and p in three directions each.
//!
//! The gradient for x is the transpose, `Σ_{a, d} g[(i + p − a) / s, d] w[a, e, d]` over whole quotients: a convolution of g, spread
//! s apart among zeros, with w turned round.

use crate::nn::kernels::conv::{Finish, Shape, forward, weight_gradient};
use crate::nn::{Op, Tensor, Var};
use rayon::prelude::*;

/// Stride and padding of a convolution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv {
    /// s: distance of the places the kernel is laid on.
    pub stride: [usize; 3],
    /// p.
    pub padding: Padding,
    /// Whether y is max(0, ·) of it.
    pub rectify: bool,
}

/// Zeros around an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Padding {
    /// (k − 1) / 2 of them, so that a stride of 1 keeps the sides; k is odd.
    Same,
    /// As many on every side.
    Zeros([usize; 3]),
}

impl Default for Conv {
    /// Stride 1, sides kept, no rectifier.
    fn default() -> Self {
        Conv { stride: [1; 3], padding: Padding::Same, rectify: false }
    }
}

/// `x` among zeros: cell i at `offset` + `step` i of an image of the sides `to`.
fn embed(x: &Tensor, to: [usize; 3], offset: [usize; 3], step: [usize; 3]) -> Vec<f32> {
    let (batch, n, channels) = x.image();
    let row = to[2] * channels;
    let mut out = vec![0.0; batch * to[0] * to[1] * row];
    let data = x.data();
    // Where an image's index comes from, if anywhere.
    let source = |d: usize, i: usize| {
        let i = i.checked_sub(offset[d]).filter(|i| i.is_multiple_of(step[d]))? / step[d];
        (i < n[d]).then_some(i)
    };
    out.par_chunks_mut(row).enumerate().for_each(|(r, out)| {
        let b = r / (to[0] * to[1]);
        let (Some(i), Some(j)) = (source(0, r / to[1] % to[0]), source(1, r % to[1])) else { return };
        let from = &data[((b * n[0] + i) * n[1] + j) * n[2] * channels..][..n[2] * channels];
        let out = &mut out[offset[2] * channels..];
        if step[2] == 1 {
            let kept = from.len().min(out.len());
            out[..kept].copy_from_slice(&from[..kept]);
        } else {
            for (k, from) in from.chunks_exact(channels).enumerate() {
                out[k * step[2] * channels..][..channels].copy_from_slice(from);
            }
        }
    });
    out
}

/// Sides of the kernel, channels in and out.
fn kernel(w: &Tensor) -> ([usize; 3], [usize; 2]) {
    match w.shape()[..] {
        [k0, k1, k2, c, d] => ([k0, k1, k2], [c, d]),
        _ => panic!("a kernel has the shape [k0, k1, k2, in, out], not {:?}", w.shape()),
    }
}

impl Conv {
    fn zeros(&self, k: [usize; 3]) -> [usize; 3] {
        match self.padding {
            Padding::Same => k.map(|k| (k - 1) / 2),
            Padding::Zeros(p) => p,
        }
    }

    /// The valid convolution of the padded image.
    fn shape(&self, n: [usize; 3], w: &Tensor) -> Shape {
        let (k, channels) = kernel(w);
        let p = self.zeros(k);
        let input = std::array::from_fn(|d| n[d] + 2 * p[d]);
        assert!((0..3).all(|d| input[d] >= k[d] && p[d] < k[d]), "a kernel of {k:?} with {p:?} zeros on {n:?} cells");
        Shape { input, kernel: k, stride: self.stride, channels }
    }

    fn convolve(&self, x: &Tensor, w: &Tensor, finish: Finish) -> Tensor {
        let (batch, n, channels) = x.image();
        let shape = self.shape(n, w);
        assert_eq!(channels, shape.channels[0], "channels of an image and of a kernel");
        let padded = embed(x, shape.input, self.zeros(shape.kernel), [1; 3]);
        let m = shape.output();
        let mut y = Tensor::zeros(&[batch, m[0], m[1], m[2], shape.channels[1]]);
        forward(&shape, &padded, &shape.pack(w.data()), finish, y.data_mut());
        y
    }

    /// The transpose: from an image of the output's sides to one of `n` cells.
    fn transpose(&self, g: &Tensor, w: &Tensor, n: [usize; 3]) -> Tensor {
        let (k, [c, d]) = kernel(w);
        let (p, (batch, m, channels)) = (self.zeros(k), g.image());
        assert_eq!((channels, m), (d, self.shape(n, w).output()), "an image in the convolution's range");
        // w turned round, from its outputs to its inputs.
        let mut turned = vec![0.0; w.len()];
        for (a, w) in w.data().chunks_exact(c * d).rev().enumerate() {
            for (e, w) in w.chunks_exact(d).enumerate() {
                w.iter().enumerate().for_each(|(f, w)| turned[(a * d + f) * c + e] = *w);
            }
        }
        let input = std::array::from_fn(|i| n[i] + k[i] - 1);
        let shape = Shape { input, kernel: k, stride: [1; 3], channels: [d, c] };
        let spread = embed(g, input, std::array::from_fn(|i| k[i] - 1 - p[i]), self.stride);
        let mut x = Tensor::zeros(&[batch, n[0], n[1], n[2], c]);
        forward(&shape, &spread, &shape.pack(&turned), Finish { bias: None, rectify: false }, x.data_mut());
        x
    }

    fn weights(&self, x: &Tensor, g: &Tensor, w: &Tensor) -> Tensor {
        let (_, n, _) = x.image();
        let shape = self.shape(n, w);
        let padded = embed(x, shape.input, self.zeros(shape.kernel), [1; 3]);
        Tensor::new(w.shape(), weight_gradient(&shape, &padded, g.data()))
    }
}

/// Σ over all cells.
fn for_bias(g: &Tensor) -> Tensor {
    let (.., channels) = g.image();
    let mut sums = vec![0.0f64; channels];
    for g in g.data().chunks_exact(channels) {
        sums.iter_mut().zip(g).for_each(|(s, g)| *s += f64::from(*g));
    }
    Tensor::new(&[channels], sums.into_iter().map(|s| s as f32).collect())
}

impl Op for Conv {
    fn backward(&self, inputs: &[&Tensor], y: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let [x, w] = [inputs[0], inputs[1]];
        let mut masked = std::borrow::Cow::Borrowed(g);
        if self.rectify {
            let pairs = masked.to_mut().data_mut().par_iter_mut().zip(y.data());
            pairs.for_each(|(g, y)| *g = if *y > 0.0 { *g } else { 0.0 });
        }
        vec![
            wanted[0].then(|| self.transpose(&masked, w, x.image().1)),
            wanted[1].then(|| self.weights(x, &masked, w)),
            wanted[2].then(|| for_bias(&masked)),
        ]
    }
}

/// y = w * x + b.
pub fn conv(x: &Var, w: &Var, bias: &Var, how: Conv) -> Var {
    let finish = Finish { bias: Some(bias.value().data()), rectify: how.rectify };
    let y = how.convolve(x.value(), w.value(), finish);
    Var::result(&[x, w, bias], y, how)
}

struct Transpose(Conv);

impl Op for Transpose {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let [x, w] = [inputs[0], inputs[1]];
        let plain = Finish { bias: None, rectify: false };
        vec![wanted[0].then(|| self.0.convolve(g, w, plain)), wanted[1].then(|| self.0.weights(g, x, w))]
    }
}

/// The transpose of `conv(·, w, 0, how)` on images of `n` cells, applied to `x`: from the D channels of w to its C.
pub fn conv_transpose(x: &Var, w: &Var, how: Conv, n: [usize; 3]) -> Var {
    let how = Conv { rectify: false, ..how };
    Var::result(&[x, w], how.transpose(x.value(), w.value(), n), Transpose(how))
}
