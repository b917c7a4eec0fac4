//! Levenberg–Marquardt: d minimises |ρ + J d|² + λ |d|². For the residual of a differential equation and λ -> 0 this is the
//! Gauss–Newton step, the natural gradient of the residual's energy (J. Müller and M. Zeinhofer, ICML 2023, §3).
//!
//! λ is chosen by the true loss: from the last one it goes down while the loss does, and up until it does; the step with the
//! smallest loss is taken. One Jacobian serves all trials.
//!
//! | how d is found | when |
//! |---|---|
//! | Cholesky of JᵀJ + λ I, or of J Jᵀ + λ I with d = −Jᵀ w where there are fewer residuals than unknowns | λ ≥ 1e-11 max diag JᵀJ |
//! | QR of J once, then of R above √λ I: the condition number is not squared | below that |
//!
//! Departures from K. Levenberg (1944) and D. W. Marquardt (1963): the damping is the identity, which on peaked solutions beats
//! the diagonal of JᵀJ, and the search for λ goes on as long as it pays.

use super::minimise::{along, dot};
use super::{LeastSquares, Minimiser, Step, Stuck};
use faer::linalg::matmul::triangular::{BlockStructure, matmul as product};
use faer::linalg::solvers::Solve;
use faer::{Accum, Mat, MatRef, Par, Side};

/// From one trial of λ to the next.
const FACTOR: f64 = 8.0;
/// λ over max diag JᵀJ below which JᵀJ does not resolve it.
const RESOLVED: f64 = 1e-11;
/// λ over max diag JᵀJ: the first, and the ends of the search.
const FIRST: f64 = 1e-3;
const LEAST: f64 = 1e-22;
const MOST: f64 = 1e8;

/// Levenberg–Marquardt.
#[derive(Debug, Clone, PartialEq)]
pub struct LevenbergMarquardt {
    /// λ over max diag JᵀJ.
    damping: f64,
}

impl Default for LevenbergMarquardt {
    fn default() -> Self {
        LevenbergMarquardt { damping: FIRST }
    }
}

/// The linear least-squares problem of one step.
struct Linearised<'a> {
    j: MatRef<'a, f64>,
    rho: &'a [f64],
    /// Jᵀρ
    gradient: Vec<f64>,
    /// JᵀJ or J Jᵀ, lower triangle; made when first needed.
    gram: Option<Mat<f64>>,
    /// R and Qᵀρ beside it.
    triangle: Option<Mat<f64>>,
}

impl Linearised<'_> {
    fn is_wide(&self) -> bool {
        self.j.nrows() < self.j.ncols()
    }

    /// The step with damping λ; `None` where a factorisation breaks down.
    fn step(&mut self, lambda: f64, resolved: bool) -> Option<Vec<f64>> {
        if resolved || self.is_wide() { self.by_cholesky(lambda) } else { Some(self.by_qr(lambda)) }
    }

    fn by_cholesky(&mut self, lambda: f64) -> Option<Vec<f64>> {
        let wide = self.is_wide();
        let gram = self.gram.get_or_insert_with(|| {
            let (a, b) = if wide { (self.j, self.j.transpose()) } else { (self.j.transpose(), self.j) };
            let mut gram = Mat::zeros(a.nrows(), a.nrows());
            let [lower, whole] = [BlockStructure::TriangularLower, BlockStructure::Rectangular];
            product(gram.as_mut(), lower, Accum::Replace, a, whole, b, whole, 1.0, Par::rayon(0));
            gram
        });
        let mut damped = gram.clone();
        (0..damped.nrows()).for_each(|i| damped[(i, i)] += lambda);
        let factor = damped.llt(Side::Lower).ok()?;
        let right = if wide { self.rho } else { &self.gradient };
        let w = factor.solve(Mat::from_fn(right.len(), 1, |i, _| -right[i]));
        let d = if wide { self.j.transpose() * &w } else { w };
        Some(d.col_as_slice(0).to_vec())
    }

    fn by_qr(&mut self, lambda: f64) -> Vec<f64> {
        let (m, n) = (self.j.nrows(), self.j.ncols());
        // R of [J ρ] is [R Qᵀρ; 0 ·].
        let (j, rho) = (self.j, self.rho);
        let triangle = self.triangle.get_or_insert_with(|| {
            let both = Mat::from_fn(m, n + 1, |i, k| if k < n { j[(i, k)] } else { rho[i] });
            both.qr().thin_R().to_owned()
        });
        let root = lambda.sqrt();
        let stacked = Mat::from_fn(2 * n, n + 1, |i, k| match i {
            i if i < n => {
                if k >= i {
                    triangle[(i, k)]
                } else {
                    0.0
                }
            }
            i => {
                if k == i - n {
                    root
                } else {
                    0.0
                }
            }
        });
        let r = stacked.qr().thin_R().to_owned();
        let mut d = vec![0.0; n];
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| r[(i, k)] * d[k]).sum();
            d[i] = (-r[(i, n)] - known) / r[(i, i)];
        }
        d
    }
}

impl Minimiser for LevenbergMarquardt {
    fn step(&mut self, f: &dyn LeastSquares, x: &mut [f64]) -> Step {
        let (m, n) = (f.rows(), x.len());
        let (mut rho, mut jacobian) = (vec![0.0; m], vec![0.0; m * n]);
        f.jacobian(x, &mut rho, &mut jacobian);
        let value = 0.5 * dot(&rho, &rho);
        let mut squares = vec![0.0; n];
        let mut gradient = vec![0.0; n];
        for (row, rho) in jacobian.chunks_exact(n).zip(&rho) {
            for ((s, g), j) in squares.iter_mut().zip(&mut gradient).zip(row) {
                *s += j * j;
                *g += j * rho;
            }
        }
        let scale = squares.iter().copied().fold(0.0, f64::max);
        if !value.is_finite() || !scale.is_finite() {
            return Step::Stuck(value, Stuck::NotFinite);
        }
        if scale == 0.0 || gradient.iter().all(|g| *g == 0.0) {
            return Step::Stuck(value, Stuck::Stationary);
        }
        let j = MatRef::from_row_major_slice(&jacobian, m, n);
        let mut linear = Linearised { j, rho: &rho, gradient, gram: None, triangle: None };
        let mut trial = |damping: f64| {
            let d = linear.step(damping * scale, damping >= RESOLVED)?;
            let moved = along(x, 1.0, &d);
            let value = f.value(&moved);
            value.is_finite().then_some((value, moved))
        };
        let mut best = trial(self.damping).filter(|(v, _)| *v < value);
        let factor = if best.is_some() { 1.0 / FACTOR } else { FACTOR };
        let mut damping = self.damping;
        loop {
            damping *= factor;
            if !(LEAST..=MOST).contains(&damping) {
                break;
            }
            let next = trial(damping).filter(|(v, _)| *v < best.as_ref().map_or(value, |b| b.0));
            match next {
                Some(next) => (best, self.damping) = (Some(next), damping),
                None if best.is_some() => break,
                None => {}
            }
        }
        match best {
            Some((value, moved)) => {
                x.copy_from_slice(&moved);
                Step::Moved(value)
            }
            None => {
                self.damping = FIRST;
                Step::Stuck(value, Stuck::Damping)
            }
        }
    }

    fn state(&self) -> Vec<Vec<f64>> {
        vec![vec![self.damping]]
    }

    fn restore(&mut self, state: Vec<Vec<f64>>) {
        self.damping = state.first().and_then(|s| s.first().copied()).unwrap_or(FIRST);
    }
}
