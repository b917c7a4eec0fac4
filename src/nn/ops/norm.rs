//! Layer normalisation: J. L. Ba, J. R. Kiros and G. E. Hinton, *Layer normalization*, 2016, arXiv:1607.06450, over all of a sample.

#[cfg(feature = "cuda")]
use super::cuda::CudaOp;
use crate::nn::{Op, Tensor, Var};
use rayon::prelude::*;

/// Added to a sample's variance.
const EPSILON: f64 = 1e-5;

fn mean(x: impl Iterator<Item = f64>, count: usize) -> f64 {
    x.sum::<f64>() / count as f64
}

pub(super) struct Standardise;

/// Mean and 1 / √(variance + ε).
fn moments(x: &[f32]) -> (f64, f64) {
    let m = mean(x.iter().map(|x| f64::from(*x)), x.len());
    let variance = mean(x.iter().map(|x| (f64::from(*x) - m).powi(2)), x.len());
    (m, 1.0 / (variance + EPSILON).sqrt())
}

impl Op for Standardise {
    fn backward(&self, inputs: &[&Tensor], y: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        let sample = y.len() / y.shape()[0];
        let mut out = g.clone();
        let parts = out.data_mut().par_chunks_mut(sample).zip(y.data().par_chunks(sample));
        parts.zip(inputs[0].data().par_chunks(sample)).for_each(|((g, y), x)| {
            let (_, r) = moments(x);
            let along_one = mean(g.iter().map(|g| f64::from(*g)), sample);
            let along_y = mean(g.iter().zip(y).map(|(g, y)| f64::from(*g) * f64::from(*y)), sample);
            for (g, y) in g.iter_mut().zip(y) {
                *g = (r * (f64::from(*g) - along_one - along_y * f64::from(*y))) as f32;
            }
        });
        vec![Some(out)]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// Every sample less its mean, over its standard deviation.
pub fn standardise(x: &Var) -> Var {
    Var::apply(&[x], Standardise, |_| {
        let sample = x.value().len() / x.shape()[0];
        let mut y = x.value().clone();
        y.data_mut().par_chunks_mut(sample).for_each(|x| {
            let (m, r) = moments(x);
            x.iter_mut().for_each(|x| *x = ((f64::from(*x) - m) * r) as f32);
        });
        y
    })
}

pub(super) struct ScaleShift;

impl Op for ScaleShift {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let [x, factor, shift] = [inputs[0], inputs[1], inputs[2]];
        let n = factor.len();
        let for_x = || {
            let mut out = g.clone();
            out.data_mut().par_chunks_mut(n).for_each(|g| g.iter_mut().zip(factor.data()).for_each(|(g, f)| *g *= f));
            out
        };
        let summed = |term: &dyn Fn(usize, usize) -> f32| {
            let mut out = Tensor::zeros(factor.shape());
            let samples = g.len() / n;
            out.data_mut()
                .iter_mut()
                .enumerate()
                .for_each(|(i, out)| *out = (0..samples).map(|s| term(s * n, i)).sum());
            out
        };
        vec![
            wanted[0].then(for_x),
            wanted[1].then(|| summed(&|s, i| g.data()[s + i] * x.data()[s + i])),
            wanted[2].then(|| summed(&|s, i| g.data()[s + i]).reshaped(shift.shape())),
        ]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// factor · x + shift, number by number, the same for all samples; both are of the shape of one sample.
pub fn scale_shift(x: &Var, factor: &Var, shift: &Var) -> Var {
    assert_eq!((&x.shape()[1..], factor.shape()), (factor.shape(), shift.shape()), "a factor and a shift a number");
    Var::apply(&[x, factor, shift], ScaleShift, |_| {
        let mut y = x.value().clone();
        let (by, plus) = (factor.value().data(), shift.value().data());
        y.data_mut().par_chunks_mut(by.len()).for_each(|x| {
            let numbers = x.iter_mut().zip(by).zip(plus);
            numbers.for_each(|((x, factor), shift)| *x = factor * *x + shift);
        });
        y
    })
}
