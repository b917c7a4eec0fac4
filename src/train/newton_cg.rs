//! Gauss–Newton steps by conjugate gradients, without a matrix: for more unknowns than [`LevenbergMarquardt`](super::LevenbergMarquardt)
//! can factor.
//!
//! ```text
//! (J^T J + lambda I) v = -J^T rho        CGLS: J p by a central difference of rho along p, J^T q by one reverse pass
//! theta <- theta + t v,  t = 1, 1/2, 1/4  the first by which the loss falls by a share of what the linear model says
//! ```
//!
//! λ falls after a step of full length and rises after a shorter one or none (J. Martens, *Deep learning via Hessian-free optimization*,
//! ICML 2010, §4, with Gauss and Newton's matrix). CGLS: Å. Björck, *Numerical Methods for Least Squares Problems* (SIAM, 1996), §7.4.

use super::minimise::{along, dot};
use super::{LeastSquares, Minimiser, Step, Stuck};

/// λ over |ρ|², at first and at the ends.
const FIRST: f64 = 1e-3;
const LEAST: f64 = 1e-14;
const MOST: f64 = 1e8;
/// λ from step to step.
const FACTOR: f64 = 4.0;
/// Iterations of a step at most, and the gradient of the linear model over the first at which they end.
const ITERATIONS: usize = 200;
const TOLERANCE: f64 = 1e-3;
/// Length of the difference, over the sizes of θ and p.
const DIFFERENCE: f64 = 1e-5;
/// Actual over predicted decrease of the loss that a step must have, and halvings of it.
const RATIO: f64 = 0.1;
const HALVINGS: i32 = 3;

/// Gauss–Newton with conjugate gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct NewtonCg {
    /// λ over |ρ|².
    damping: f64,
}

impl Default for NewtonCg {
    fn default() -> Self {
        NewtonCg { damping: FIRST }
    }
}

/// J p
fn forward(f: &dyn LeastSquares, x: &[f64], p: &[f64]) -> Vec<f64> {
    let size = |x: &[f64]| dot(x, x).sqrt();
    let h = DIFFERENCE * (1.0 + size(x)) / size(p).max(f64::MIN_POSITIVE);
    let mut ends = [vec![0.0; f.rows()], vec![0.0; f.rows()]];
    f.residuals(&along(x, h, p), &mut ends[0]);
    f.residuals(&along(x, -h, p), &mut ends[1]);
    ends[0].iter().zip(&ends[1]).map(|(a, b)| (a - b) / (2.0 * h)).collect()
}

/// v that makes |ρ + J v|² + λ |v|² small, and J v.
fn solve(f: &dyn LeastSquares, x: &[f64], rho: &[f64], downhill: &[f64], lambda: f64) -> (Vec<f64>, Vec<f64>) {
    let (mut v, mut jv) = (vec![0.0; x.len()], vec![0.0; rho.len()]);
    let mut s = downhill.to_vec(); // −Jᵀ(ρ + J v) − λ v
    let mut p = s.clone();
    let mut gamma = dot(&s, &s);
    let first = gamma;
    let mut back = vec![0.0; x.len()];
    for _ in 0..ITERATIONS {
        let q = forward(f, x, &p);
        let alpha = gamma / (dot(&q, &q) + lambda * dot(&p, &p));
        if !alpha.is_finite() {
            break;
        }
        v.iter_mut().zip(&p).for_each(|(v, p)| *v += alpha * p);
        jv.iter_mut().zip(&q).for_each(|(j, q)| *j += alpha * q);
        let left: Vec<f64> = rho.iter().zip(&jv).map(|(r, j)| r + j).collect();
        f.transposed(x, &left, &mut back);
        s.iter_mut().zip(&back).zip(&v).for_each(|((s, b), v)| *s = -b - lambda * v);
        let next = dot(&s, &s);
        if next <= TOLERANCE * TOLERANCE * first {
            break;
        }
        p.iter_mut().zip(&s).for_each(|(p, s)| *p = s + next / gamma * *p);
        gamma = next;
    }
    (v, jv)
}

impl Minimiser for NewtonCg {
    fn step(&mut self, f: &dyn LeastSquares, x: &mut [f64]) -> Step {
        let mut rho = vec![0.0; f.rows()];
        f.residuals(x, &mut rho);
        let square = dot(&rho, &rho);
        let value = 0.5 * square;
        let mut gradient = vec![0.0; x.len()];
        f.transposed(x, &rho, &mut gradient);
        if !value.is_finite() || gradient.iter().any(|g| !g.is_finite()) {
            return Step::Stuck(value, Stuck::NotFinite);
        }
        if gradient.iter().all(|g| *g == 0.0) {
            return Step::Stuck(value, Stuck::Stationary);
        }
        let downhill: Vec<f64> = gradient.iter().map(|g| -g).collect();
        while self.damping < MOST {
            let (v, jv) = solve(f, x, &rho, &downhill, self.damping * square);
            for k in 0..=HALVINGS {
                let t = 0.5f64.powi(k);
                let moved = along(x, t, &v);
                let now = f.value(&moved);
                let predicted = -t * dot(&rho, &jv) - 0.5 * t * t * dot(&jv, &jv);
                if now < value && value - now >= RATIO * predicted {
                    self.damping = if k == 0 { (self.damping / FACTOR).max(LEAST) } else { self.damping * FACTOR };
                    x.copy_from_slice(&moved);
                    return Step::Moved(now);
                }
            }
            self.damping *= FACTOR * FACTOR;
        }
        self.damping = FIRST;
        Step::Stuck(value, Stuck::Damping)
    }

    fn state(&self) -> Vec<Vec<f64>> {
        vec![vec![self.damping]]
    }

    fn restore(&mut self, state: Vec<Vec<f64>>) {
        self.damping = state.first().and_then(|s| s.first().copied()).unwrap_or(FIRST);
    }
}
