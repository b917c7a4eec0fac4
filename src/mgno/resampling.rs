//! Samples of other sides than a net's: averaged to its lattice, and what it gives interpolated back.
//!
//! N' a = Π N(R a), R the mean over the part of cells that overlap, Π cubic interpolation between the centres of cells, direction by
//! direction. With twice the sides these are one more level of a cycle around the whole net. Kernels of a net are stencils of its
//! own width: on other lattices they would be those of another operator.

use crate::lagrange::cubic;
use crate::nn::ops::along;
use crate::nn::{Tensor, Var};
use std::sync::Arc;

/// Between the lattice of a net and that of samples.
pub(super) struct Resampling {
    /// R and Π for each direction that differs, with its place among the sides of a tensor.
    directions: Vec<(usize, [Arc<Tensor>; 2])>,
}

impl Resampling {
    /// Between those sides.
    pub fn new(net: [usize; 3], samples: [usize; 3]) -> Self {
        let differ = (0..3).filter(|d| net[*d] != samples[*d]);
        let both = |d: usize| [average(samples[d], net[d]), interpolation(net[d], samples[d])].map(Arc::new);
        Resampling { directions: differ.map(|d| (d + 1, both(d))).collect() }
    }

    /// R a.
    pub fn down(&self, a: &Var) -> Var {
        self.directions.iter().fold(a.clone(), |a, (axis, [r, _])| along(&a, r, *axis))
    }

    /// Π u.
    pub fn up(&self, u: &Var) -> Var {
        self.directions.iter().fold(u.clone(), |u, (axis, [_, p])| along(&u, p, *axis))
    }
}

/// The means over `to` equal parts of what is constant on each of `from`: `[to, from]`.
fn average(from: usize, to: usize) -> Tensor {
    let mut matrix = Tensor::zeros(&[to, from]);
    let overlap = |i: usize, j: usize| {
        // In units of 1 / (from · to).
        let (low, high) = ((i * from).max(j * to), ((i + 1) * from).min((j + 1) * to));
        high.saturating_sub(low) as f32 / from as f32
    };
    let entries = matrix.data_mut().iter_mut().enumerate();
    entries.for_each(|(k, m)| *m = overlap(k / from, k % from));
    matrix
}

/// The cubic through the nearest four of `from` centres, at each of `to`: `[to, from]`. Of fewer than four all are taken.
fn interpolation(from: usize, to: usize) -> Tensor {
    let mut matrix = Tensor::zeros(&[to, from]);
    for (i, row) in matrix.data_mut().chunks_exact_mut(from).enumerate() {
        let (first, weights) = cubic((i as f64 + 0.5) * from as f64 / to as f64 - 0.5, from);
        row[first..].iter_mut().zip(weights).for_each(|(m, w)| *m = w as f32);
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(matrix: &Tensor, x: &[f64]) -> Vec<f64> {
        let rows = matrix.data().chunks_exact(x.len());
        rows.map(|row| row.iter().zip(x).map(|(m, x)| f64::from(*m) * x).sum()).collect()
    }

    fn centres(n: usize, f: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..n).map(|i| f((i as f64 + 0.5) / n as f64)).collect()
    }

    #[test]
    fn averages_keep_the_integral_and_interpolation_cubics() {
        for (from, to) in [(8, 4), (9, 6), (5, 10), (7, 13)] {
            let x = centres(from, |x| 1.0 + x * x);
            let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
            assert!((mean(&times(&average(from, to), &x)) - mean(&x)).abs() < 1e-6, "{from} {to}");
            let cubic = |x: f64| 2.0 - x + 3.0 * x.powi(3);
            let off = times(&interpolation(from, to), &centres(from, cubic));
            let off = off.iter().zip(centres(to, cubic)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off < 1e-5, "{from} {to}: {off:e}");
        }
        assert_eq!(times(&average(4, 2), &[1.0, 3.0, 5.0, 9.0]), [2.0, 7.0]);
        assert_eq!(times(&interpolation(1, 3), &[2.0]), [2.0; 3]);
    }
}
