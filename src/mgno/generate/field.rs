//! Gaussian random fields in a box: N(0, (−Δ + τ²)^−α) with ∂/∂n = 0 on the boundary, at the centres of cells.
//!
//! g(x) = Σ_k λ_k ξ_k Π_d φ(k_d, x_d), ξ ~ N(0, 1), λ_k = τ^(α − 1) (π² |k|² + τ²)^(−α/2), φ(k, x) = √2 cos(π k x), φ(0, x) = 1,
//!
//! over as many wave numbers as cells in every direction, without the mean k = 0. On n cells that is n^(d/2) times the orthonormal
//! inverse cosine transform of the coefficients. Source: Z. Li et al., ICLR 2021, appendix A.3, and its program `GRF.m`.
//!
//! Departure: the deviates are drawn in the order of the largest wave number, so that a seed gives nearly the same field on every
//! lattice: a finer one adds waves.

use crate::nn::Tensor;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rand::Rng;
use std::f64::consts::PI;

/// The distribution on one lattice.
#[derive(Debug)]
pub struct GaussianField {
    n: [usize; 3],
    /// φ(k, xᵢ) by direction, `[n, n]` with rows k.
    waves: [Vec<f64>; 3],
    /// λ and the place of every wave number, in the order in which deviates are drawn.
    modes: Vec<(f64, usize)>,
}

impl GaussianField {
    /// On `n` cells of the unit box.
    pub fn new(n: [usize; 3], alpha: f64, tau: f64) -> Self {
        let waves = n.map(|n| {
            let phi = |k: usize, i: usize| match k {
                0 => 1.0,
                _ => 2f64.sqrt() * (PI * k as f64 * (i as f64 + 0.5) / n as f64).cos(),
            };
            (0..n * n).map(|q| phi(q / n, q % n)).collect()
        });
        let mut order: Vec<[usize; 3]> =
            (0..n[0] * n[1] * n[2]).map(|q| [q / n[2] / n[1], q / n[2] % n[1], q % n[2]]).collect();
        order.sort_by_key(|k| (k.iter().copied().max(), *k));
        let eigenvalue = |k: [usize; 3]| {
            let square: usize = k.iter().map(|k| k * k).sum();
            if square == 0 {
                0.0
            } else {
                tau.powf(alpha - 1.0) * (PI * PI * square as f64 + tau * tau).powf(-0.5 * alpha)
            }
        };
        let modes = order.into_iter().map(|k| (eigenvalue(k), (k[0] * n[1] + k[1]) * n[2] + k[2])).collect();
        GaussianField { n, waves, modes }
    }

    /// A field, row-major.
    pub fn sample(&self, rng: &mut impl Rng) -> Vec<f64> {
        let deviates = Tensor::normal(&[self.modes.len()], rng);
        let mut x = vec![0.0; self.modes.len()];
        for ((lambda, place), xi) in self.modes.iter().zip(deviates.data()) {
            x[*place] = lambda * f64::from(*xi);
        }
        for d in 0..3 {
            let (n, inner) = (self.n[d], self.n[d + 1..].iter().product::<usize>());
            if n == 1 {
                continue;
            }
            // x <- φᵀ x along d.
            let phi = MatRef::from_row_major_slice(&self.waves[d], n, n);
            let mut y = vec![0.0; x.len()];
            for (y, x) in y.chunks_exact_mut(n * inner).zip(x.chunks_exact(n * inner)) {
                let x = MatRef::from_row_major_slice(x, n, inner);
                matmul(
                    MatMut::from_row_major_slice_mut(y, n, inner),
                    Accum::Replace,
                    phi.transpose(),
                    x,
                    1.0,
                    Par::Seq,
                );
            }
            x = y;
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    #[test]
    fn the_variance_is_the_sum_of_eigenvalues_and_the_mean_is_zero() {
        let field = GaussianField::new([1, 8, 8], 2.0, 3.0);
        let mut rng = Pcg64::seed_from_u64(1);
        let (mut square, draws) = (0.0, 2000);
        for _ in 0..draws {
            let g = field.sample(&mut rng);
            assert!(g.iter().sum::<f64>().abs() < 1e-9);
            square += g.iter().map(|g| g * g).sum::<f64>() / 64.0 / draws as f64;
        }
        let expected: f64 = field.modes.iter().map(|(lambda, _)| lambda * lambda).sum();
        assert!((square / expected - 1.0).abs() < 0.05, "{square} {expected}");
    }

    #[test]
    fn a_finer_lattice_shows_the_same_field() {
        let at = |n: usize| GaussianField::new([1, n, n], 3.0, 3.0).sample(&mut Pcg64::seed_from_u64(4));
        let (coarse, fine) = (at(16), at(32));
        let mean = |i: usize, j: usize| {
            let corner = |a: usize, b: usize| fine[(2 * i + a) * 32 + 2 * j + b];
            0.25 * (corner(0, 0) + corner(0, 1) + corner(1, 0) + corner(1, 1))
        };
        let size = coarse.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        let off = (0..256).fold(0.0f64, |m, q| m.max((coarse[q] - mean(q / 16, q % 16)).abs()));
        assert!(off < 0.05 * size, "{off} {size}");
    }
}
