//! Levenberg–Marquardt with geodesic acceleration. For the residual of a differential equation and λ -> 0 a step is that of
//! Gauss and Newton, the natural gradient of the residual's energy (J. Müller and M. Zeinhofer, ICML 2023, §3).
//!
//! ```text
//! v = -(J^T J + λ I)^-1 J^T ρ(θ)                       minimises |ρ + J v|² + λ |v|²
//! b = 2/h ((ρ(θ + h v) - ρ(θ)) / h - J v)              second derivative of ρ along v, h = 0.1
//! a = -(J^T J + λ I)^-1 J^T b / 2                      bends the step along the valley
//! θ <- θ + v + a  where 2 |a| <= 3/4 |v|, else θ + v
//! ```
//!
//! λ is chosen by the true loss, with one Jacobian for all trials: from the last one it goes up until the loss falls by a small
//! share (`RATIO`) of what the linear model says, then down, to longer steps, as long as it does. The longest such step is taken
//! though a shorter one may have a smaller loss: steps of smallest loss stall in narrow valleys.
//!
//! | how (JᵀJ + λ I)⁻¹Jᵀ is applied | when |
//! |---|---|
//! | Cholesky of JᵀJ + λ I, or of J Jᵀ + λ I from the left where there are fewer residuals than unknowns | λ ≥ 1e-11 max diag JᵀJ |
//! | singular values of J: JᵀJ, which squares the condition number, is not formed | below that |
//!
//! M. K. Transtrum and J. P. Sethna, *Improvements to the Levenberg–Marquardt algorithm*, arXiv:1201.5885 (2012), §3 and §5.
//!
//! 1. The damping is the identity, which on peaked solutions beats the diagonal of JᵀJ.
//! 2. A step whose acceleration is too large is taken without it; published, λ goes up.
//! 3. The published step is accepted by its cost alone; the ratio and the longest step are those of trust regions with a low bar.

use super::minimise::{along, dot};
use super::{LeastSquares, Minimiser, Step, Stuck};
use faer::linalg::matmul::triangular::{BlockStructure, matmul as product};
use faer::linalg::solvers::{Llt, Solve, Svd};
use faer::{Accum, Mat, MatRef, Par, Side};
use std::cell::OnceCell;

/// From one trial of λ to the next.
const FACTOR: f64 = 4.0;
/// Actual over predicted decrease of the loss that a step must have.
const RATIO: f64 = 0.075;
/// Longer steps tried at most.
const LONGER: usize = 12;
/// h
const STEP: f64 = 0.1;
/// Largest 2 |a| / |v|.
const BEND: f64 = 0.75;
/// λ over max diag JᵀJ below which JᵀJ does not resolve it.
const RESOLVED: f64 = 1e-11;
/// λ over max diag JᵀJ: the first, and the ends of the search.
const FIRST: f64 = 1e-3;
const LEAST: f64 = 1e-30;
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

/// ρ + J v, made small with many λ.
struct Linearised<'a> {
    j: MatRef<'a, f64>,
    rho: &'a [f64],
    /// JᵀJ or J Jᵀ, lower triangle.
    gram: OnceCell<Mat<f64>>,
    /// Of J; `None` where it does not converge.
    svd: OnceCell<Option<Svd<f64>>>,
}

/// (JᵀJ + λ I)⁻¹Jᵀ
enum Damped<'a> {
    Cholesky(Llt<f64>),
    Singular(&'a Svd<f64>, f64),
}

fn column(x: &[f64]) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(x, x.len(), 1)
}

impl Linearised<'_> {
    fn is_wide(&self) -> bool {
        self.j.nrows() < self.j.ncols()
    }

    fn gram(&self) -> Mat<f64> {
        let (a, b) = if self.is_wide() { (self.j, self.j.transpose()) } else { (self.j.transpose(), self.j) };
        let mut gram = Mat::zeros(a.nrows(), a.nrows());
        let [lower, whole] = [BlockStructure::TriangularLower, BlockStructure::Rectangular];
        product(gram.as_mut(), lower, Accum::Replace, a, whole, b, whole, 1.0, Par::rayon(0));
        gram
    }

    /// `None` where a factorisation breaks down.
    fn damped(&self, lambda: f64, resolved: bool) -> Option<Damped<'_>> {
        if resolved {
            let mut damped = self.gram.get_or_init(|| self.gram()).clone();
            (0..damped.nrows()).for_each(|i| damped[(i, i)] += lambda);
            Some(Damped::Cholesky(damped.llt(Side::Lower).ok()?))
        } else {
            let svd = self.svd.get_or_init(|| self.j.thin_svd().ok());
            svd.as_ref().map(|svd| Damped::Singular(svd, lambda))
        }
    }

    /// −(JᵀJ + λ I)⁻¹Jᵀ b
    fn against(&self, damped: &Damped, b: &[f64]) -> Vec<f64> {
        let d = match damped {
            Damped::Cholesky(factor) if self.is_wide() => self.j.transpose() * factor.solve(column(b)),
            Damped::Cholesky(factor) => factor.solve(self.j.transpose() * column(b)),
            Damped::Singular(svd, lambda) => {
                let mut y = svd.U().transpose() * column(b);
                for i in 0..y.nrows() {
                    let s = svd.S().column_vector()[i];
                    y[(i, 0)] *= s / (s * s + lambda);
                }
                svd.V() * y
            }
        };
        d.col_as_slice(0).iter().map(|d| -d).collect()
    }

    /// The loss and the point after a step from x with damping λ, and the decrease of the loss that the linear model says.
    fn step(&self, f: &dyn LeastSquares, x: &[f64], lambda: f64, resolved: bool) -> Option<Trial> {
        let damped = self.damped(lambda, resolved)?;
        let v = self.against(&damped, self.rho);
        let slope = self.j * column(&v);
        let slope = slope.col_as_slice(0);
        let predicted = -dot(self.rho, slope) - 0.5 * dot(slope, slope);
        let mut ahead = vec![0.0; self.rho.len()];
        f.residuals(&along(x, STEP, &v), &mut ahead);
        let second = |((ahead, rho), slope): ((&f64, &f64), &f64)| 2.0 / STEP * ((ahead - rho) / STEP - slope);
        let bend: Vec<f64> = ahead.iter().zip(self.rho).zip(slope).map(second).collect();
        // 2 a
        let a = self.against(&damped, &bend);
        let is_small = dot(&a, &a) <= BEND * BEND * dot(&v, &v);
        let moved = along(x, 1.0, &if is_small { along(&v, 0.5, &a) } else { v });
        let value = f.value(&moved);
        value.is_finite().then_some(Trial { value, moved, predicted })
    }
}

struct Trial {
    value: f64,
    moved: Vec<f64>,
    predicted: f64,
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
        let linear = Linearised { j, rho: &rho, gram: OnceCell::new(), svd: OnceCell::new() };
        let trial = |damping: f64| {
            let trial = linear.step(f, x, damping * scale, damping >= RESOLVED)?;
            (trial.value < value && value - trial.value >= RATIO * trial.predicted).then_some(trial)
        };
        let mut best = trial(self.damping);
        if best.is_some() {
            for _ in 0..LONGER {
                let damping = self.damping / FACTOR;
                match trial(damping).filter(|_| damping >= LEAST) {
                    Some(longer) => (best, self.damping) = (Some(longer), damping),
                    None => break,
                }
            }
        } else {
            while best.is_none() && self.damping < MOST {
                self.damping *= FACTOR;
                best = trial(self.damping);
            }
        }
        match best {
            Some(best) => {
                x.copy_from_slice(&best.moved);
                Step::Moved(best.value)
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
