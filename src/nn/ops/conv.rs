//! Convolution of images `[batch, n0, n1, n2, C]` with weights `[k0, k1, k2, C, D]`, and its transpose:
//!
//! `y[i, d] = Σ_{a, e} x[s i + a − p, e] w[a, e, d] + b[d]`, i, a, s and p in three directions each.
//!
//! Beyond its faces x is continued as [`Padding`] says: a linear map of its own, E. The gradient for x is the transpose, with zeros
//! beyond the faces `x[j, e] = Σ_{a, d} g[(j + p − a) / s, d] w[a, e, d]` over whole quotients, else Eᵀ of that on the continued
//! image. Cells j = s q + r of one remainder r take every s-th part of the kernel, so each is a convolution of g of stride 1.

#[cfg(feature = "cuda")]
use super::cuda::CudaOp;
use super::pad::{gather, scatter, sources};
use crate::nn::kernels::conv::{Finish, Shape, forward, weight_gradient};
use crate::nn::{Boundary, Op, Tensor, Var};
use rayon::prelude::*;
use std::borrow::Cow;

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

/// What is around an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Padding {
    /// (k − 1) / 2 zeros, so that a stride of 1 keeps the sides; k is odd.
    Same,
    /// As many zeros on every side.
    Zeros([usize; 3]),
    /// Cells before the first and after the last in each direction, and what they hold.
    Faces {
        /// How many.
        widths: [[usize; 2]; 3],
        /// What they hold.
        beyond: [[Boundary; 2]; 3],
    },
}

impl Default for Conv {
    /// Stride 1, sides kept, no rectifier.
    fn default() -> Self {
        Conv { stride: [1; 3], padding: Padding::Same, rectify: false }
    }
}

/// Sides of the kernel, channels in and out.
pub(crate) fn kernel(w: &Tensor) -> ([usize; 3], [usize; 2]) {
    match w.shape()[..] {
        [k0, k1, k2, c, d] => ([k0, k1, k2], [c, d]),
        _ => panic!("a kernel has the shape [k0, k1, k2, in, out], not {:?}", w.shape()),
    }
}

impl Conv {
    /// Cells before and after, and what they hold.
    pub(crate) fn faces(&self, k: [usize; 3]) -> ([[usize; 2]; 3], [[Boundary; 2]; 3]) {
        let zeros = [[Boundary::Zero; 2]; 3];
        match self.padding {
            Padding::Same => (k.map(|k| [(k - 1) / 2; 2]), zeros),
            Padding::Zeros(p) => (p.map(|p| [p; 2]), zeros),
            Padding::Faces { widths, beyond } => (widths, beyond),
        }
    }

    /// The valid convolution of the padded image.
    fn shape(&self, n: [usize; 3], w: &Tensor) -> Shape {
        let (k, channels) = kernel(w);
        let (widths, _) = self.faces(k);
        let input = std::array::from_fn(|d| n[d] + widths[d][0] + widths[d][1]);
        assert!((0..3).all(|d| input[d] >= k[d]), "a kernel of {k:?} on {n:?} cells within {widths:?}");
        Shape { input, kernel: k, stride: self.stride, channels }
    }

    /// The continued image.
    fn padded<'a>(&self, x: &'a Tensor, k: [usize; 3]) -> Cow<'a, [f32]> {
        let ((widths, beyond), (_, n, _)) = (self.faces(k), x.image());
        gather(
            x,
            &sources(
                n,
                widths.map(|w| -(w[0] as isize)),
                std::array::from_fn(|d| n[d] + widths[d][0] + widths[d][1]),
                beyond,
            ),
        )
    }

    fn convolve(&self, x: &Tensor, w: &Tensor, finish: Finish) -> Tensor {
        let (batch, n, channels) = x.image();
        let shape = self.shape(n, w);
        assert_eq!(channels, shape.channels[0], "channels of an image and of a kernel");
        let m = shape.output();
        let mut y = Tensor::zeros(&[batch, m[0], m[1], m[2], shape.channels[1]]);
        forward(&shape, &self.padded(x, shape.kernel), &shape.pack(w.data()), finish, y.data_mut());
        y
    }

    /// The transpose: from an image of the output's sides to one of `n` cells.
    fn transpose(&self, g: &Tensor, w: &Tensor, n: [usize; 3]) -> Tensor {
        let shape = self.shape(n, w);
        let (_, m, channels) = g.image();
        assert_eq!((channels, m), (shape.channels[1], shape.output()), "an image in the convolution's range");
        let (widths, beyond) = self.faces(shape.kernel);
        if beyond == [[Boundary::Zero; 2]; 3] {
            return self.spread(g, w, widths.map(|w| w[0]), n);
        }
        let padded = self.spread(g, w, [0; 3], shape.input);
        scatter(&padded, n, &sources(n, widths.map(|w| -(w[0] as isize)), shape.input, beyond))
    }

    /// `x[j] = Σ_a g[(j + p − a) / s] w[a]` for j in an image of `n` cells.
    fn spread(&self, g: &Tensor, w: &Tensor, p: [usize; 3], n: [usize; 3]) -> Tensor {
        let ((k, [c, d]), (batch, m, _), s) = (kernel(w), g.image(), self.stride);
        let mut x = Tensor::zeros(&[batch, n[0], n[1], n[2], c]);
        for r in (0..s[0] * s[1] * s[2]).map(|r| [r / s[2] / s[1], r / s[2] % s[1], r % s[2]]) {
            // Taps first + s b, b < taps, reach cells s q + r, q < cells, from g[q + shift − b].
            let first: [usize; 3] = std::array::from_fn(|i| (r[i] + p[i]) % s[i]);
            let shift: [usize; 3] = std::array::from_fn(|i| (r[i] + p[i]) / s[i]);
            let taps: [usize; 3] = std::array::from_fn(|i| k[i].saturating_sub(first[i]).div_ceil(s[i]));
            let cells: [usize; 3] = std::array::from_fn(|i| n[i].saturating_sub(r[i]).div_ceil(s[i]));
            if taps.contains(&0) || cells.contains(&0) {
                continue;
            }
            // These taps turned round, from the kernel's outputs to its inputs.
            let mut turned = Vec::with_capacity(taps.iter().product::<usize>() * c * d);
            for t in (0..taps.iter().product())
                .rev()
                .map(|t: usize| [t / taps[2] / taps[1], t / taps[2] % taps[1], t % taps[2]])
            {
                let a: [usize; 3] = std::array::from_fn(|i| first[i] + s[i] * t[i]);
                let w = &w.data()[((a[0] * k[1] + a[1]) * k[2] + a[2]) * c * d..][..c * d];
                (0..d).for_each(|f| turned.extend((0..c).map(|e| w[e * d + f])));
            }
            let input = std::array::from_fn(|i| cells[i] + taps[i] - 1);
            let shape = Shape { input, kernel: taps, stride: [1; 3], channels: [d, c] };
            let start = std::array::from_fn(|i| shift[i] as isize + 1 - taps[i] as isize);
            let from = gather(g, &sources(m, start, input, [[Boundary::Zero; 2]; 3]));
            let (packed, plain) = (shape.pack(&turned), Finish { bias: None, rectify: false });
            if s == [1; 3] {
                forward(&shape, &from, &packed, plain, x.data_mut());
                break;
            }
            let mut part = vec![0.0; batch * cells.iter().product::<usize>() * c];
            forward(&shape, &from, &packed, plain, &mut part);
            x.data_mut().par_chunks_mut(n[2] * c).enumerate().for_each(|(row, x)| {
                let (b, i, j) = (row / (n[0] * n[1]), row / n[1] % n[0], row % n[1]);
                if i % s[0] != r[0] || j % s[1] != r[1] {
                    return;
                }
                let from = &part[((b * cells[0] + i / s[0]) * cells[1] + j / s[1]) * cells[2] * c..][..cells[2] * c];
                for (x, from) in x.chunks_exact_mut(c).skip(r[2]).step_by(s[2]).zip(from.chunks_exact(c)) {
                    x.copy_from_slice(from);
                }
            });
        }
        x
    }

    fn weights(&self, x: &Tensor, g: &Tensor, w: &Tensor) -> Tensor {
        let (_, n, _) = x.image();
        let shape = self.shape(n, w);
        Tensor::new(w.shape(), weight_gradient(&shape, &self.padded(x, shape.kernel), g.data()))
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
        let mut masked = Cow::Borrowed(g);
        if self.rectify {
            let pairs = masked.to_mut().data_mut().par_iter_mut().zip(y.data());
            pairs.for_each(|(g, y)| *g = if *y > 0.0 { *g } else { 0.0 });
        }
        vec![
            wanted[0].then(|| self.transpose(&masked, w, x.image().1)),
            wanted[1].then(|| self.weights(x, &masked, w)),
            wanted.get(2).is_some_and(|w| *w).then(|| for_bias(&masked)),
        ]
        .into_iter()
        .take(inputs.len())
        .collect()
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// y = w * x + b.
pub fn conv(x: &Var, w: &Var, bias: &Var, how: Conv) -> Var {
    Var::apply(&[x, w, bias], how, |how| {
        let finish = Finish { bias: Some(bias.value().data()), rectify: how.rectify };
        how.convolve(x.value(), w.value(), finish)
    })
}

/// y = w * x.
pub fn conv_linear(x: &Var, w: &Var, how: Conv) -> Var {
    Var::apply(&[x, w], how, |how| how.convolve(x.value(), w.value(), Finish { bias: None, rectify: how.rectify }))
}

/// The transpose of a convolution on images of n cells.
pub(super) struct Transpose {
    pub how: Conv,
    pub n: [usize; 3],
}

impl Op for Transpose {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let [x, w] = [inputs[0], inputs[1]];
        let plain = Finish { bias: None, rectify: false };
        vec![wanted[0].then(|| self.how.convolve(g, w, plain)), wanted[1].then(|| self.how.weights(g, x, w))]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// The transpose of `conv(·, w, 0, how)` on images of `n` cells, applied to `x`: from the D channels of w to its C.
pub fn conv_transpose(x: &Var, w: &Var, how: Conv, n: [usize; 3]) -> Var {
    let transpose = Transpose { how: Conv { rectify: false, ..how }, n };
    Var::apply(&[x, w], transpose, |t| t.how.transpose(x.value(), w.value(), t.n))
}
