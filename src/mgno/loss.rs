//! Relative errors of functions on a lattice, as losses and as scores.
//!
//! L2 = ‖e‖ / ‖u‖ and H1 = ‖w ê‖ / ‖w û‖ with e = v − u, ^ the discrete Fourier transform over all directions and
//! w² = 1 + Σ_d k_d² [|k_d| < 20], k integer wave numbers of the box, no 2π. Since w² is a sum over directions, and by Parseval,
//!
//! ‖w ê‖² / N = ‖e‖² + Σ_d ‖M e‖², M along direction d the circulant matrix with eigenvalues |k| [|k| < 20]:
//!
//! the same functional without a transform. Source: the authors' program of He, Liu and Xu, ICLR 2024 (its `HsLoss`).

use crate::nn::ops::{add, along, div, dot_samples, mean, sqrt, sub};
use crate::nn::{Backend, Tensor, Var};
use std::f64::consts::TAU;
use std::sync::Arc;

/// Wave numbers from here on have no weight.
const CUT: usize = 20;

/// Which norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// ‖e‖ / ‖u‖.
    L2,
    /// ‖w ê‖ / ‖w û‖.
    #[default]
    H1,
}

/// Relative errors on images of fixed sides.
#[derive(Debug, Clone)]
pub struct RelativeError {
    norm: Norm,
    /// M by direction with more than one cell, and the side of the shape it belongs to.
    derivatives: Vec<(usize, Arc<Tensor>)>,
}

impl RelativeError {
    /// In that norm, on images of `n` cells.
    pub fn new(norm: Norm, n: [usize; 3]) -> Self {
        let derivatives = match norm {
            Norm::L2 => Vec::new(),
            Norm::H1 => (0..3).filter(|d| n[*d] > 1).map(|d| (d + 1, Arc::new(derivative(n[d])))).collect(),
        };
        RelativeError { norm, derivatives }
    }

    /// Goes to where the images are: M, too, is copied there once.
    pub fn move_to(&mut self, backend: &Backend) {
        for (_, matrix) in &mut self.derivatives {
            if matrix.backend() != *backend {
                *matrix = Arc::new(backend.put(derivative(matrix.shape()[0])));
            }
        }
    }

    /// The norm.
    pub fn norm(&self) -> Norm {
        self.norm
    }

    /// ‖·‖² of every sample.
    fn square(&self, e: &Var) -> Var {
        self.derivatives.iter().fold(dot_samples(e, e), |sum, (axis, matrix)| {
            let d = along(e, matrix, *axis);
            add(&sum, &dot_samples(&d, &d))
        })
    }

    /// The error of every sample.
    pub fn samples(&self, v: &Var, u: &Var) -> Var {
        sqrt(&div(&self.square(&sub(v, u)), &self.square(u)))
    }

    /// The mean over samples.
    pub fn mean(&self, v: &Var, u: &Var) -> Var {
        mean(&self.samples(v, u))
    }
}

/// `M[i, j] = Σ_k |k| cos(2π k (i − j) / n) / n` over |k| < 20 of the n wave numbers.
fn derivative(n: usize) -> Tensor {
    let row: Vec<f32> = (0..n)
        .map(|q| {
            let term = |k: usize| {
                let frequency = k.min(n - k);
                let weight = if frequency < CUT { frequency as f64 } else { 0.0 };
                weight * (TAU * (k * q % n) as f64 / n as f64).cos()
            };
            ((0..n).map(term).sum::<f64>() / n as f64) as f32
        })
        .collect();
    Tensor::new(&[n, n], (0..n * n).map(|q| row[(q / n + n - q % n) % n]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_h1_norm_is_the_weighted_sum_over_fourier_coefficients() {
        let n = [1, 6, 50];
        let u = Tensor::normal(&[1, 1, 6, 50, 1], &mut <rand_pcg::Pcg64 as rand::SeedableRng>::seed_from_u64(1));
        let mut direct = 0.0;
        for (k, l) in (0..300).map(|q| (q / 50, q % 50)) {
            let (mut re, mut im) = (0.0, 0.0);
            for (i, j) in (0..300).map(|q| (q / 50, q % 50)) {
                let angle = TAU * (k as f64 * i as f64 / 6.0 + l as f64 * j as f64 / 50.0);
                re += f64::from(u.data()[i * 50 + j]) * angle.cos();
                im -= f64::from(u.data()[i * 50 + j]) * angle.sin();
            }
            let square = |k: usize, n: usize| {
                let k = k.min(n - k);
                if k < 20 { (k * k) as f64 } else { 0.0 }
            };
            direct += (1.0 + square(k, 6) + square(l, 50)) * (re * re + im * im) / 300.0;
        }
        let here = f64::from(RelativeError::new(Norm::H1, n).square(&Var::constant(u)).value().item());
        assert!((here - direct).abs() < 1e-5 * direct, "{here} {direct}");
    }
}
