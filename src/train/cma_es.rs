//! CMA-ES: minimises a function of some ten to a hundred numbers of which only values are known.
//!
//! | symbol | name here | what |
//! |---|---|---|
//! | m, σ, C | `mean`, `sigma`, `covariance` | candidates are m + σ N(0, C) |
//! | p_σ, p_c | `path_sigma`, `path` | evolution paths: sums of the steps of m |
//! | λ, μ, w | `population`, `weights` | candidates a generation; the best half with logarithmic weights |
//!
//! Source: N. Hansen, *The CMA evolution strategy: a tutorial*, arXiv:1604.00772, figure 6 and table 1, with positive weights
//! only. The draws of a generation depend on the seed and its number alone, so a state that was stored goes on with the same bits.

use crate::nn::Tensor;
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use rand::SeedableRng;
use rand_pcg::Pcg64;

/// The state of a search.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CmaEs {
    mean: Vec<f64>,
    sigma: f64,
    /// Row by row.
    covariance: Vec<f64>,
    path_sigma: Vec<f64>,
    path: Vec<f64>,
    population: usize,
    generation: usize,
    seed: u64,
}

impl CmaEs {
    /// Begins at `start` with steps of `sigma` in every number, `population` candidates a generation.
    pub fn new(start: &[f64], sigma: f64, population: usize, seed: u64) -> Self {
        let n = start.len();
        let covariance = DMatrix::<f64>::identity(n, n).as_slice().to_vec();
        let (path_sigma, path) = (vec![0.0; n], vec![0.0; n]);
        let population = population.max(4);
        CmaEs { mean: start.to_vec(), sigma, covariance, path_sigma, path, population, generation: 0, seed }
    }

    /// m: where the search is.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Generations done.
    pub fn generation(&self) -> usize {
        self.generation
    }

    /// C = B D² Bᵀ.
    fn eigen(&self) -> (DMatrix<f64>, DVector<f64>) {
        let n = self.mean.len();
        let eigen = SymmetricEigen::new(DMatrix::from_row_slice(n, n, &self.covariance));
        (eigen.eigenvectors, eigen.eigenvalues.map(|v| v.max(1e-20).sqrt()))
    }

    /// The steps y = B D z of this generation's candidates.
    fn steps(&self) -> Vec<DVector<f64>> {
        let (b, d) = self.eigen();
        let mut rng = Pcg64::seed_from_u64(self.seed.wrapping_mul(1 << 32).wrapping_add(self.generation as u64));
        let draws = Tensor::normal(&[self.population, self.mean.len()], &mut rng);
        let step = |z: &[f32]| &b * DVector::from_iterator(z.len(), z.iter().map(|v| f64::from(*v))).component_mul(&d);
        draws.data().chunks_exact(self.mean.len()).map(step).collect()
    }

    /// The candidates of this generation.
    pub fn candidates(&self) -> Vec<Vec<f64>> {
        let at = |y: DVector<f64>| self.mean.iter().zip(y.iter()).map(|(m, y)| m + self.sigma * y).collect();
        self.steps().into_iter().map(at).collect()
    }

    /// Takes the candidates' values, in their order, and goes to the next generation.
    ///
    /// # Panics
    ///
    /// Where there are more or fewer values than candidates.
    pub fn update(&mut self, values: &[f64]) {
        assert_eq!(values.len(), self.population, "a value for every candidate");
        let n = self.mean.len() as f64;
        let steps = self.steps();
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
        let mu = self.population / 2;
        let raw: Vec<f64> = (1..=mu).map(|i| ((self.population as f64 + 1.0) / 2.0).ln() - (i as f64).ln()).collect();
        let sum: f64 = raw.iter().sum();
        let weights: Vec<f64> = raw.iter().map(|w| w / sum).collect();
        let mu_eff = 1.0 / weights.iter().map(|w| w * w).sum::<f64>();

        let c_sigma = (mu_eff + 2.0) / (n + mu_eff + 5.0);
        let damping = 1.0 + 2.0 * (((mu_eff - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0) + c_sigma;
        let c_path = (4.0 + mu_eff / n) / (n + 4.0 + 2.0 * mu_eff / n);
        let c_one = 2.0 / ((n + 1.3).powi(2) + mu_eff);
        let c_mu = (1.0 - c_one).min(2.0 * (mu_eff - 2.0 + 1.0 / mu_eff) / ((n + 2.0).powi(2) + mu_eff));
        let expected = n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));

        // ⟨y⟩ = Σ w y of the best; m <- m + σ ⟨y⟩
        let best = || weights.iter().zip(&order).map(|(w, k)| (*w, &steps[*k]));
        let mean_step = best().fold(DVector::zeros(self.mean.len()), |sum, (w, y)| sum + y * w);
        self.mean.iter_mut().zip(mean_step.iter()).for_each(|(m, y)| *m += self.sigma * y);

        // p_σ <- (1 − c_σ) p_σ + √(c_σ (2 − c_σ) μ_eff) C^{−1/2} ⟨y⟩
        let (b, d) = self.eigen();
        let whitened = &b * (b.transpose() * &mean_step).component_div(&d);
        let gain = (c_sigma * (2.0 - c_sigma) * mu_eff).sqrt();
        decay_add(&mut self.path_sigma, 1.0 - c_sigma, gain, &whitened);
        let length = self.path_sigma.iter().map(|v| v * v).sum::<f64>().sqrt();
        let age = 2.0 * (self.generation as f64 + 1.0);
        let moving = length / (1.0 - (1.0 - c_sigma).powf(age)).sqrt() < (1.4 + 2.0 / (n + 1.0)) * expected;

        // p_c <- (1 − c_c) p_c + h √(c_c (2 − c_c) μ_eff) ⟨y⟩
        let gain = if moving { (c_path * (2.0 - c_path) * mu_eff).sqrt() } else { 0.0 };
        decay_add(&mut self.path, 1.0 - c_path, gain, &mean_step);

        // C <- (1 − c₁ − c_μ + (1 − h) c₁ c_c (2 − c_c)) C + c₁ p_c p_cᵀ + c_μ Σ w y yᵀ
        let lost = if moving { 0.0 } else { c_one * c_path * (2.0 - c_path) };
        let keep = 1.0 - c_one - c_mu + lost;
        for (i, row) in self.covariance.chunks_exact_mut(self.mean.len()).enumerate() {
            for (j, c) in row.iter_mut().enumerate() {
                let rank_mu: f64 = best().map(|(w, y)| w * (y[i] * y[j])).sum();
                *c = keep * *c + c_one * self.path[i] * self.path[j] + c_mu * rank_mu;
            }
        }
        self.sigma *= ((c_sigma / damping) * (length / expected - 1.0)).exp();
        self.generation += 1;
    }
}

/// path <- keep · path + gain · step
fn decay_add(path: &mut [f64], keep: f64, gain: f64, step: &DVector<f64>) {
    path.iter_mut().zip(step.iter()).for_each(|(p, y)| *p = keep * *p + gain * y);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ellipsoid with axes a hundred times as long as others, turned, its minimum at (1, …, 1).
    fn ellipsoid(x: &[f64]) -> f64 {
        let sum: f64 = x.iter().map(|v| v - 1.0).sum::<f64>().powi(2);
        sum + x.windows(2).enumerate().map(|(i, w)| 10f64.powf(i as f64 * 0.5) * (w[0] - w[1]).powi(2)).sum::<f64>()
    }

    #[test]
    fn it_finds_the_minimum_of_a_turned_ellipsoid() {
        let mut search = CmaEs::new(&[0.0; 8], 0.5, 12, 1);
        for _ in 0..400 {
            let values: Vec<f64> = search.candidates().iter().map(|x| ellipsoid(x)).collect();
            search.update(&values);
        }
        assert!(ellipsoid(search.mean()) < 1e-12, "{}", ellipsoid(search.mean()));
    }

    #[test]
    fn a_stored_state_goes_on_with_the_same_bits() {
        let step = |search: &mut CmaEs| {
            let values: Vec<f64> = search.candidates().iter().map(|x| ellipsoid(x)).collect();
            search.update(&values);
        };
        let mut search = CmaEs::new(&[0.3; 5], 0.5, 8, 2);
        (0..20).for_each(|_| step(&mut search));
        let text = serde_json::to_string(&search).unwrap();
        let mut other: CmaEs = serde_json::from_str(&text).unwrap();
        assert_eq!(other, search);
        (0..20).for_each(|_| step(&mut search));
        (0..20).for_each(|_| step(&mut other));
        assert_eq!(other, search);
    }
}
