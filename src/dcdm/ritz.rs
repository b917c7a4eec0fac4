//! Right-hand sides with all of a matrix's frequencies in them: random sums of its Ritz vectors.
//!
//! m Lanczos steps on A from A g, g normally distributed, with full re-orthogonalisation, give V (n × m) and a tridiagonal T
//! with eigenpairs (θᵢ, yᵢ); the Ritz vectors are V yᵢ. A right-hand side is b = Σ cᵢ V yᵢ / ‖·‖ with normally distributed cᵢ, nine times
//! as large for the lowest 55 of 100. Ritz values below [`NULL`] are left out: the null space of pure Neumann problems.
//!
//! Sources: Kaneda et al. 2023, §4.2 and algorithm 3; C. Lanczos, J. Res. Nat. Bur. Standards 45 (1950).

use crate::error::{Error, Result};
use crate::operator::LinearOperator;
use crate::sparse::vector::{axpy, dot, norm2};
use faer::Side;
use rand::SeedableRng;
use rand_pcg::Pcg64;
use rayon::prelude::*;

use crate::nn::Tensor;

/// Ritz values below are zero.
const NULL: f64 = 1e-8;
/// Weight of the lowest part of the spectrum, and which part that is.
const EMPHASIS: f64 = 9.0;
const LOWEST: f64 = 0.55;

/// Lanczos vectors, and the eigenvectors of the projected matrix.
pub struct RitzVectors {
    /// V, vector by vector.
    lanczos: Vec<Vec<f32>>,
    /// Eigenvectors of T, by ascending Ritz value.
    eigenvectors: Vec<Vec<f64>>,
    /// Ritz values, ascending.
    values: Vec<f64>,
}

impl RitzVectors {
    /// Makes `count` Lanczos steps on A.
    ///
    /// Errors: an operator without any vector in its range.
    pub fn new(a: &dyn LinearOperator, count: usize, seed: u64) -> Result<Self> {
        let n = a.nrows();
        let noise = Tensor::normal(&[n], &mut Pcg64::seed_from_u64(seed));
        let noise: Vec<f64> = noise.data().iter().map(|v| f64::from(*v)).collect();
        let mut v = vec![0.0; n];
        a.apply(&noise, &mut v);
        let mut basis: Vec<Vec<f64>> = Vec::new();
        let (mut alphas, mut betas) = (Vec::new(), Vec::new());
        let mut norm = norm2(&v);
        while basis.len() < count && norm > 1e-10 {
            v.iter_mut().for_each(|v| *v /= norm);
            let mut w = vec![0.0; n];
            a.apply(&v, &mut w);
            alphas.push(dot(&v, &w));
            basis.push(std::mem::take(&mut v));
            // Twice is enough (B. N. Parlett, The Symmetric Eigenvalue Problem, §6.9).
            for _ in 0..2 {
                let products: Vec<f64> = basis.par_iter().map(|b| dot(b, &w)).collect();
                basis.iter().zip(products).for_each(|(b, c)| axpy(-c, b, &mut w));
            }
            norm = norm2(&w);
            betas.push(norm);
            v = w;
        }
        let m = basis.len();
        let t = faer::Mat::<f64>::from_fn(m, m, |i, j| match i.abs_diff(j) {
            0 => alphas[i],
            1 => betas[i.min(j)],
            _ => 0.0,
        });
        let failed = || Error::Matrix {
            what: "no Ritz vectors could be found".into(),
            help: "is the operator symmetric, and not zero?".into(),
        };
        let eigen = t.self_adjoint_eigen(Side::Lower).map_err(|_| failed())?;
        let all: Vec<f64> = eigen.S().column_vector().iter().copied().collect();
        let kept: Vec<usize> = (0..m).filter(|i| all[*i] > NULL).collect();
        if kept.is_empty() {
            return Err(failed());
        }
        let vector = |i: &usize| eigen.U().col(*i).iter().copied().collect();
        Ok(RitzVectors {
            lanczos: basis.iter().map(|b| b.iter().map(|v| *v as f32).collect()).collect(),
            eigenvectors: kept.iter().map(vector).collect(),
            values: kept.iter().map(|i| all[*i]).collect(),
        })
    }

    /// The Ritz values, ascending.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// `batch` right-hand sides of norm 1, one after the other.
    pub fn right_hand_sides(&self, batch: usize, seed: u64) -> Vec<f32> {
        let (n, m) = (self.lanczos[0].len(), self.values.len());
        let draws = Tensor::normal(&[batch, m], &mut Pcg64::seed_from_u64(seed));
        let mut out = vec![0.0; batch * n];
        for (b, draws) in out.chunks_exact_mut(n).zip(draws.data().chunks_exact(m)) {
            // c in the basis of Ritz vectors, then in that of Lanczos vectors.
            let mut coefficients = vec![0.0; self.lanczos.len()];
            for (i, (draw, y)) in draws.iter().zip(&self.eigenvectors).enumerate() {
                let weight = if (i as f64) < LOWEST * m as f64 { EMPHASIS } else { 1.0 };
                axpy(weight * f64::from(*draw), y, &mut coefficients);
            }
            b.par_chunks_mut(4096).enumerate().for_each(|(chunk, b)| {
                for (c, v) in coefficients.iter().zip(&self.lanczos) {
                    b.iter_mut().zip(&v[chunk * 4096..]).for_each(|(b, v)| *b += *c as f32 * v);
                }
            });
            let norm = b.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt() as f32;
            b.iter_mut().for_each(|b| *b /= norm);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::voxel::VoxelOperator;
    use crate::voxel::{Family, generate};

    #[test]
    fn a_full_run_finds_the_spectrum_of_a_box() {
        let grid = generate(Family::Box, &[3, 4, 5], 0).unwrap().grid;
        let ritz = RitzVectors::new(&VoxelOperator::new(&grid), 100, 1).unwrap();
        // Σ over directions of 2 − 2 cos(π k / n), without the constant.
        let mut exact: Vec<f64> = (0..60)
            .map(|q| {
                let part = |k: usize, n: usize| 2.0 - 2.0 * (std::f64::consts::PI * k as f64 / n as f64).cos();
                part(q / 20, 3) + part(q / 5 % 4, 4) + part(q % 5, 5)
            })
            .skip(1)
            .collect();
        exact.sort_by(f64::total_cmp);
        exact.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
        // Once the space is exhausted rounding begins anew, and finds values a second time.
        let mut found = ritz.values().to_vec();
        found.dedup_by(|a, b| (*a - *b).abs() < 1e-8);
        assert_eq!(found.len(), exact.len());
        assert!(found.iter().zip(&exact).all(|(a, b)| (a - b).abs() < 1e-8));
        let b = ritz.right_hand_sides(2, 5);
        assert_eq!(b, ritz.right_hand_sides(2, 5));
        assert!(b.chunks_exact(60).all(|b| b.iter().sum::<f32>().abs() < 1e-4), "no constant in them");
    }
}
