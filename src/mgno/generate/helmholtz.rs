//! Helmholtz' equation −Δu − (ω / c)² u = 0 in the unit square, ∂u/∂n = 1 on the middle of its upper side (|x − ½| ≤ 0.15), else 0,
//! by bilinear elements.
//!
//! c = 20 + tanh g, g = Σ_l (π² |l|² + 9)⁻¹ ξ_l φ_l over the 100 lowest cosine modes without the mean, ω = 1000: some 12 nodes a
//! wavelength on 101 × 101. There is no damping, so the matrix is indefinite; a sparse LU factorization solves it.
//! Source: D. Z. Huang et al., *The cost-accuracy trade-off in operator learning with neural networks*, J. Machine Learning 1 (2022),
//! and its program.
//!
//! Departures: c is interpolated bilinearly from the nodes, and integrals are of 2 × 2 Gauss points instead of 3 × 3.

use super::Pair;
use crate::error::{Error, Result};
use crate::nn::Tensor;
use faer::linalg::solvers::Solve;
use faer::sparse::{SparseColMat, Triplet};
use rand_pcg::Pcg64;
use std::f64::consts::PI;

/// The distribution of problems on one grid.
#[derive(Debug)]
pub struct Helmholtz {
    cells: usize,
    /// Wave numbers and (π² |l|² + 9)⁻¹ of the modes.
    modes: Vec<([usize; 2], f64)>,
}

impl Helmholtz {
    /// ω.
    pub const OMEGA: f64 = 1000.0;

    /// On `cells` × `cells` elements.
    ///
    /// Errors: fewer than two.
    pub fn new(cells: usize) -> Result<Self> {
        if cells < 2 {
            return Err(Error::Problem { what: format!("{cells} elements a side"), help: "give at least 2".into() });
        }
        let mut waves: Vec<[usize; 2]> = (0..400).map(|q| [q / 20, q % 20]).filter(|l| *l != [0, 0]).collect();
        waves.sort_by_key(|[k, l]| (k * k + l * l, *k));
        let value = |[k, l]: [usize; 2]| 1.0 / (PI * PI * (k * k + l * l) as f64 + 9.0);
        Ok(Helmholtz { cells, modes: waves.into_iter().take(100).map(|w| (w, value(w))).collect() })
    }

    /// c and u at the nodes, rows from below.
    pub(super) fn sample(&self, rng: &mut Pcg64) -> Result<Pair> {
        let deviates = Tensor::normal(&[self.modes.len()], rng);
        let phi = |k: usize, x: f64| if k == 0 { 1.0 } else { 2f64.sqrt() * (PI * k as f64 * x).cos() };
        let at = |i: usize| i as f64 / self.cells as f64;
        let side = self.cells + 1;
        let speed = |q: usize| {
            let (y, x) = (at(q / side), at(q % side));
            let terms = self.modes.iter().zip(deviates.data());
            let g: f64 = terms.map(|(([k, l], value), xi)| value * f64::from(*xi) * phi(*k, y) * phi(*l, x)).sum();
            20.0 + g.tanh()
        };
        let c: Vec<f64> = (0..side * side).map(speed).collect();
        let wave: Vec<f64> = c.iter().map(|c| Self::OMEGA / c).collect();
        let u = solve_helmholtz(&wave, self.cells, |x| f64::from(u8::from((x - 0.5).abs() <= 0.15)))?;
        Ok((c, u))
    }
}

/// u at the nodes for the wave number `wave` at the nodes and ∂u/∂n = `flux(x)` on the upper side.
///
/// Errors: a wave number at which the matrix is singular.
pub fn solve_helmholtz(wave: &[f64], cells: usize, flux: impl Fn(f64) -> f64) -> Result<Vec<f64>> {
    let (side, h) = (cells + 1, 1.0 / cells as f64);
    let gauss = [0.5 - 0.5 / 3f64.sqrt(), 0.5 + 0.5 / 3f64.sqrt()];
    let mut entries = Vec::with_capacity(16 * cells * cells);
    for (i, j) in (0..cells * cells).map(|e| (e / cells, e % cells)) {
        let nodes = [i * side + j, i * side + j + 1, (i + 1) * side + j, (i + 1) * side + j + 1];
        for (y, x) in gauss.into_iter().flat_map(|y| gauss.map(|x| (y, x))) {
            let n = [(1.0 - y) * (1.0 - x), (1.0 - y) * x, y * (1.0 - x), y * x];
            let dx = [y - 1.0, 1.0 - y, -y, y];
            let dy = [x - 1.0, -x, 1.0 - x, x];
            let k: f64 = (0..4).map(|a| n[a] * wave[nodes[a]]).sum();
            for (a, b) in (0..16).map(|q| (q / 4, q % 4)) {
                let value = 0.25 * (dx[a] * dx[b] + dy[a] * dy[b] - k * k * h * h * n[a] * n[b]);
                entries.push(Triplet::new(nodes[a], nodes[b], value));
            }
        }
    }
    let mut u = faer::Mat::<f64>::zeros(side * side, 1);
    for j in 0..cells {
        for x in gauss {
            let g = 0.5 * h * flux((j as f64 + x) * h);
            u[(cells * side + j, 0)] += g * (1.0 - x);
            u[(cells * side + j + 1, 0)] += g * x;
        }
    }
    let failed = || Error::Matrix {
        what: "Helmholtz' matrix is singular".into(),
        help: "the wave number is an eigenvalue of the grid: change it".into(),
    };
    let matrix =
        SparseColMat::<usize, f64>::try_new_from_triplets(side * side, side * side, &entries).map_err(|_| failed())?;
    matrix.sp_lu().map_err(|_| failed())?.solve_in_place(&mut u);
    let u: Vec<f64> = (0..side * side).map(|q| u[(q, 0)]).collect();
    if u.iter().all(|u| u.is_finite()) { Ok(u) } else { Err(failed()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_wave_number_gives_the_standing_wave_with_second_order() {
        let k = 5.0f64;
        let off = |cells: usize| {
            let u = solve_helmholtz(&vec![k; (cells + 1) * (cells + 1)], cells, |_| 1.0).unwrap();
            // u'' + k² u = 0, u'(0) = 0, u'(1) = 1.
            let exact = |q: usize| -(k * (q / (cells + 1)) as f64 / cells as f64).cos() / (k * k.sin());
            (0..u.len()).fold(0.0f64, |m, q| m.max((u[q] - exact(q)).abs()))
        };
        let errors = [off(8), off(16), off(32)];
        let orders = [(errors[0] / errors[1]).log2(), (errors[1] / errors[2]).log2()];
        assert!((orders[1] - 2.0).abs() < 0.1 && errors[2] < 2e-3, "{errors:?} {orders:?}");
    }
}
