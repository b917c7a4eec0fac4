//! Sums, over everything or sample by sample: the first side of a shape counts samples. Sums are taken in double precision.

#[cfg(feature = "cuda")]
use super::cuda::CudaOp;
use crate::nn::{Op, Tensor, Var};
use rayon::prelude::*;

/// The sum times a factor.
pub(super) struct Sum(pub f32);

impl Op for Sum {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        vec![Some(Tensor::new(inputs[0].shape(), vec![self.0 * g.item(); inputs[0].len()]))]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// factor Σ x.
fn times_sum(x: &Var, factor: f32) -> Var {
    Var::apply(&[x], Sum(factor), |_| {
        let sum: f64 = x.value().data().iter().map(|x| f64::from(*x)).sum();
        Tensor::scalar(sum as f32 * factor)
    })
}

/// Σ x.
pub fn sum(x: &Var) -> Var {
    times_sum(x, 1.0)
}

/// The mean of x.
pub fn mean(x: &Var) -> Var {
    times_sum(x, 1.0 / x.value().len() as f32)
}

/// Numbers of a sample.
fn sample(x: &Tensor) -> usize {
    x.len() / x.shape().first().copied().unwrap_or(1).max(1)
}

/// x times a number a sample.
fn scaled(x: &Tensor, factors: &[f32]) -> Tensor {
    let mut out = x.clone();
    let samples = out.data_mut().par_chunks_mut(sample(x).max(1)).zip(factors);
    samples.for_each(|(x, factor)| x.iter_mut().for_each(|x| *x *= factor));
    out
}

fn dots(x: &Tensor, y: &Tensor) -> Tensor {
    assert_eq!(x.shape(), y.shape(), "scalar products");
    let length = sample(x).max(1);
    let dot =
        |(x, y): (&[f32], &[f32])| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>() as f32;
    let dots: Vec<f32> = x.data().par_chunks(length).zip(y.data().par_chunks(length)).map(dot).collect();
    Tensor::new(&[dots.len()], dots)
}

pub(super) struct DotSamples;

impl Op for DotSamples {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let of = |other: usize| wanted[1 - other].then(|| scaled(inputs[other], g.data()));
        vec![of(1), of(0)]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// x · y of every sample: a shape of `[samples]`.
pub fn dot_samples(x: &Var, y: &Var) -> Var {
    Var::apply(&[x, y], DotSamples, |_| dots(x.value(), y.value()))
}

pub(super) struct ScaleSamples;

impl Op for ScaleSamples {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let [x, factors] = [inputs[0], inputs[1]];
        vec![wanted[0].then(|| scaled(g, factors.data())), wanted[1].then(|| dots(x, g))]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// Every sample of x times its number of `factors`, of the shape `[samples]`.
pub fn scale_samples(x: &Var, factors: &Var) -> Var {
    assert_eq!(x.shape().first(), factors.shape().first(), "one factor a sample");
    Var::apply(&[x, factors], ScaleSamples, |_| scaled(x.value(), factors.value().data()))
}

pub(super) struct Known;

impl Op for Known {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        let [values, slopes] = [inputs[1], inputs[2]];
        let factor = g.item() / values.len() as f32;
        let scaled = slopes.data().iter().map(|s| factor * s).collect();
        vec![Some(Tensor::new(slopes.shape(), scaled)), None, None]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// The mean of numbers, one of each sample of x, that were computed together with their slopes: `values` of the shape `[samples]`, and
/// `slopes` of that of x.
pub fn known(x: &Var, values: Tensor, slopes: Tensor) -> Var {
    assert_eq!((x.shape(), x.shape()[0]), (slopes.shape(), values.len()), "a slope a number, a value a sample");
    let [values, slopes] = [values, slopes].map(Var::constant);
    Var::apply(&[x, &values, &slopes], Known, |_| {
        let sum: f64 = values.value().data().iter().map(|v| f64::from(*v)).sum();
        Tensor::scalar((sum / values.value().len() as f64) as f32)
    })
}
