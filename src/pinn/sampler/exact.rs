//! The exact maximiser of AAS over densities on a rectangle, by one Poisson problem, and points drawn from it.
//!
//! max over p of ∫ r² p − β ∫ |∇p|² with ∫ p = 1 has, where p > 0, the solution
//!
//! ```text
//! p* = 1/|Ω| + phi / (2 beta),   -Δ phi = r^2 - mean r^2,   d phi/dn = 0,   mean phi = 0
//! ```
//!
//! (Euler–Lagrange). β = |Ω| max(−φ) / 2 is the smallest for which p* ≥ 0 everywhere: the sharpest such density. Solved
//! on cell middles by cosine transforms, which diagonalise the five-point operator exactly; drawn by the Knothe–Rosenblatt map of
//! the piecewise constant density: a column by its marginal, a row by its conditional, uniform in the cell.
//!
//! 1. The published maximiser is a trained flow; this is what it would find. With smaller β the constraint p ≥ 0 becomes
//!    active, which is not solved here.

use super::{ResidualAt, Sampler};
use crate::pinn::{Cloud, Domain};
use faer::{Mat, MatRef};
use rand::Rng;
use rand_pcg::Pcg64;

/// Cells along a side.
const CELLS: usize = 128;

/// p* on `CELLS`² cells, the first coordinate slowest; the mean over cells is 1.
#[derive(Debug, Clone, Default)]
pub struct AasExact {
    density: Vec<f64>,
}

/// φ of −Δφ = f − mean f with no flux, on n x n cells of sides `h`.
pub fn neumann_poisson(f: &[f64], n: usize, h: [f64; 2]) -> Vec<f64> {
    let norm = |k: usize| if k == 0 { (1.0 / n as f64).sqrt() } else { (2.0 / n as f64).sqrt() };
    let angle = |k: usize, i: usize| std::f64::consts::PI * k as f64 * (i as f64 + 0.5) / n as f64;
    let cosines = Mat::from_fn(n, n, |k, i| norm(k) * angle(k, i).cos());
    let f = MatRef::from_row_major_slice(f, n, n);
    let eigenvalue = |k: usize, h: f64| (2.0 * (0.5 * std::f64::consts::PI * k as f64 / n as f64).sin() / h).powi(2);
    let spectrum = &cosines * f * cosines.transpose();
    let scaled = Mat::from_fn(n, n, |k, l| {
        if k + l == 0 { 0.0 } else { spectrum[(k, l)] / (eigenvalue(k, h[0]) + eigenvalue(l, h[1])) }
    });
    let phi = cosines.transpose() * scaled * &cosines;
    (0..n * n).map(|c| phi[(c / n, c % n)]).collect()
}

/// The middles of the cells.
fn middles(domain: &Domain) -> Vec<f64> {
    let bounds = domain.bounds();
    let at = |i: usize, c: usize| bounds[i][0] + (c as f64 + 0.5) / CELLS as f64 * (bounds[i][1] - bounds[i][0]);
    (0..CELLS * CELLS).flat_map(|c| [at(0, c / CELLS), at(1, c % CELLS)]).collect()
}

impl AasExact {
    /// Solves for p*.
    pub fn fit(&mut self, domain: &Domain, residual: &ResidualAt) {
        let sides: Vec<f64> = domain.bounds().iter().map(|[low, high]| high - low).collect();
        let squares: Vec<f64> = residual(&middles(domain)).iter().map(|r| r * r).collect();
        let phi = neumann_poisson(&squares, CELLS, [sides[0] / CELLS as f64, sides[1] / CELLS as f64]);
        let depth = phi.iter().fold(0.0, |m: f64, p| m.max(-p));
        self.density = phi.iter().map(|p| if depth > 0.0 { (1.0 + p / depth).max(0.0) } else { 1.0 }).collect();
    }

    fn draw(&self, domain: &Domain, n: usize, rng: &mut Pcg64) -> Vec<f64> {
        let bounds = domain.bounds();
        let column: Vec<f64> = self.density.chunks_exact(CELLS).map(|row| row.iter().sum()).collect();
        let pick = |weights: &[f64], u: f64| {
            let mut at = u * weights.iter().sum::<f64>();
            for (i, w) in weights.iter().enumerate() {
                if at < *w {
                    return (i as f64 + at / w) / weights.len() as f64;
                }
                at -= w;
            }
            1.0 - f64::EPSILON
        };
        let mut points = Vec::with_capacity(2 * n);
        for _ in 0..n {
            let x = pick(&column, rng.random());
            let i = (x * CELLS as f64) as usize;
            let y = pick(&self.density[i * CELLS..(i + 1) * CELLS], rng.random());
            points.extend([x, y].iter().zip(&bounds).map(|(x, [low, high])| low + x * (high - low)));
        }
        points
    }
}

impl Sampler for AasExact {
    fn refresh(&mut self, domain: &Domain, cloud: &Cloud, residual: &ResidualAt, rng: &mut Pcg64) -> Cloud {
        self.fit(domain, residual);
        Cloud::even(self.draw(domain, cloud.weights.len(), rng), 2)
    }

    fn density(&self, domain: &Domain, points: &[f64]) -> Option<Vec<f64>> {
        let bounds = domain.bounds();
        let cell = |x: &[f64], i: usize| {
            let unit = (x[i] - bounds[i][0]) / (bounds[i][1] - bounds[i][0]);
            ((unit * CELLS as f64) as usize).min(CELLS - 1)
        };
        let at = |x: &[f64]| self.density[cell(x, 0) * CELLS + cell(x, 1)] / domain.measure();
        (!self.density.is_empty()).then(|| points.chunks_exact(2).map(at).collect())
    }

    fn state(&self) -> Vec<f64> {
        self.density.clone()
    }

    fn restore(&mut self, state: Vec<f64>) {
        self.density = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// r² = 1 + cos πx cos πy on [−1, 1]² has φ = cos πx cos πy / (2π²), p* = (1 + cos πx cos πy) / 4.
    #[test]
    fn the_maximiser_is_that_of_a_manufactured_residual() {
        let domain = Domain::Box(vec![[-1.0, 1.0]; 2]);
        let wave = |x: &[f64]| (std::f64::consts::PI * x[0]).cos() * (std::f64::consts::PI * x[1]).cos();
        let mut sampler = AasExact::default();
        sampler.fit(&domain, &|points| points.chunks_exact(2).map(|x| (1.0 + wave(x)).sqrt()).collect());
        let points = middles(&domain);
        let density = sampler.density(&domain, &points).unwrap();
        for (x, p) in points.chunks_exact(2).zip(&density) {
            assert!((p - 0.25 * (1.0 + wave(x))).abs() < 1e-3, "{x:?}: {p}");
        }
        let cell = 4.0 / density.len() as f64;
        assert!((density.iter().sum::<f64>() * cell - 1.0).abs() < 1e-12);
    }
}
