//! The self-scaled Broyden method: quasi-Newton steps with a dense inverse Hessian H, scaled and updated by
//!
//! ```text
//! H <- (H - H y (H y)^T / y·Hy + phi v v^T) / tau + s s^T / y·s,     v = sqrt(y·Hy) (s / y·s - H y / y·Hy)
//! b = s·Bs / y·s = -t s·g / y·s,   h = y·Hy / y·s,   a = b h - 1
//! rho = min(1, h (1 - sqrt(a / (1 + a)))),   theta = max((rho - 1) / a, min(1 / rho, (1 - b) / b))
//! sigma = 1 + a theta,   phi = (1 - theta) / sigma,   tau1 = min(1, 1 / b)
//! tau = tau1 min(sigma^(-1/(n-1)), 1 / theta) for theta > 0, else min(tau1 sigma^(-1/(n-1)), sigma)
//! ```
//!
//! M. Al-Baali, *Comput. Optim. Appl.* 9 (1998) 191; J. F. Urbán, P. Stefanou and J. A. Pons, *J. Comput. Phys.* 523 (2025)
//! 113656, §3, where it takes PINNs orders of magnitude below BFGS.

use super::minimise::dot;
use super::quasi_newton::{Curvature, Known, step};
use super::{LeastSquares, Minimiser, Step};
use rayon::prelude::*;

/// Self-scaled Broyden; n² numbers.
#[derive(Debug, Clone, Default)]
pub struct Broyden {
    inverse: Inverse,
    known: Known,
}

/// H by rows; empty for the identity.
#[derive(Debug, Clone, Default)]
struct Inverse {
    h: Vec<f64>,
}

impl Inverse {
    /// H v
    fn times(&self, v: &[f64]) -> Vec<f64> {
        if self.h.is_empty() { v.to_vec() } else { self.h.par_chunks(v.len()).map(|row| dot(row, v)).collect() }
    }
}

impl Curvature for Inverse {
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        self.times(gradient).iter().map(|d| -d).collect()
    }

    fn update(&mut self, t: f64, s: Vec<f64>, y: Vec<f64>, gradient: &[f64]) {
        let n = s.len();
        let ys = dot(&y, &s);
        if ys <= 0.0 {
            return;
        }
        let hy = self.times(&y);
        let yhy = dot(&y, &hy);
        let b = -t * dot(&s, gradient) / ys;
        let h = yhy / ys;
        let a = (b * h - 1.0).max(1e-12);
        let rho = (h * (1.0 - (a / (1.0 + a)).sqrt())).min(1.0);
        let theta = ((rho - 1.0) / a).max((1.0 / rho).min((1.0 - b) / b));
        let sigma = 1.0 + a * theta;
        let phi = (1.0 - theta) / sigma;
        let tau1 = (1.0 / b).min(1.0);
        let power = sigma.powf(-1.0 / (n as f64 - 1.0).max(1.0));
        let tau = if theta > 0.0 { tau1 * power.min(1.0 / theta) } else { (tau1 * power).min(sigma) };
        if ![tau, phi, yhy].iter().all(|v| v.is_finite()) || tau <= 0.0 {
            return;
        }
        let v: Vec<f64> = s.iter().zip(&hy).map(|(s, hy)| yhy.sqrt() * (s / ys - hy / yhy)).collect();
        if self.h.is_empty() {
            self.h = vec![0.0; n * n];
            self.h.iter_mut().step_by(n + 1).for_each(|d| *d = 1.0);
        }
        self.h.par_chunks_mut(n).enumerate().for_each(|(i, row)| {
            let [from_hy, from_v, from_s] = [-hy[i] / yhy / tau, phi * v[i] / tau, s[i] / ys];
            for j in 0..n {
                row[j] = row[j] / tau + from_hy * hy[j] + from_v * v[j] + from_s * s[j];
            }
        });
    }
    fn is_empty(&self) -> bool {
        self.h.is_empty()
    }

    fn clear(&mut self) {
        self.h.clear();
    }
}

impl Minimiser for Broyden {
    fn step(&mut self, f: &dyn LeastSquares, x: &mut [f64]) -> Step {
        step(&mut self.inverse, &mut self.known, f, x)
    }

    /// H is kept: the curvature of a loss on new points is much the same.
    fn forget(&mut self) {
        self.known = Known::default();
    }

    fn state(&self) -> Vec<Vec<f64>> {
        vec![vec![self.known.value], self.known.gradient.clone(), self.inverse.h.clone()]
    }

    fn restore(&mut self, state: Vec<Vec<f64>>) {
        if let Ok([value, gradient, h]) = <[Vec<f64>; 3]>::try_from(state) {
            self.known = Known { value: value.first().copied().unwrap_or_default(), gradient };
            self.inverse = Inverse { h };
        }
    }
}
