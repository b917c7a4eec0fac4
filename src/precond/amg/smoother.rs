//! Chebyshev smoothing of the fourth kind (Lottes 2023, doi:10.1002/nla.2518, algorithm 1): for A with unit diagonal and
//! eigenvalues in [0, λ], step j = 1..k is
//!
//! d <- (2j−3)/(2j+1) d + (8j−4)/((2j+1) λ) r,  x <- x + d,  r <- r − A d.
//!
//! k steps multiply the error by p(A) with |p| < 1 on (0, λ] and a little beyond. They are self-adjoint, so the same
//! steps before and after the coarse-level correction give a symmetric cycle. One step is Jacobi's method with weight
//! 4/(3λ).

use crate::sparse::Real;

/// The two factors of a step: d <- `keep` d + `take` r.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step<T> {
    pub keep: T,
    pub take: T,
}

/// The factors of `degree` steps for greatest eigenvalue `lambda`.
pub fn chebyshev<T: Real>(degree: usize, lambda: f64) -> Vec<Step<T>> {
    (1..=degree)
        .map(|j| {
            let j = j as f64;
            let keep = if j > 1.0 { (2.0 * j - 3.0) / (2.0 * j + 1.0) } else { 0.0 };
            Step { keep: T::of(keep), take: T::of((8.0 * j - 4.0) / ((2.0 * j + 1.0) * lambda)) }
        })
        .collect()
}

/// The a > 1 up to which |p(a λ)| < 1: no eigenvalue may be above a λ, or the cycle would not be positive definite.
///
/// p(x) = W(1 − 2x/λ) / (2k+1) with W(cosh t) = ±cosh((k+½)t) / cosh(t/2) beyond λ, where 2x/λ − 1 = cosh t.
pub fn reach(degree: usize) -> f64 {
    let k = degree as f64;
    let (mut low, mut high) = (0.0, 3.0);
    for _ in 0..50 {
        let t: f64 = 0.5 * (low + high);
        if ((k + 0.5) * t).cosh() / (0.5 * t).cosh() < 2.0 * k + 1.0 { low = t } else { high = t }
    }
    0.5 * (1.0 + low.cosh()) * (1.0 - 1e-3)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// p(λ) of the steps, from their recurrence on a scalar.
    fn error_factor(steps: &[Step<f64>], lambda: f64) -> f64 {
        let (mut error, mut d) = (1.0, 0.0);
        for step in steps {
            d = step.keep * d + step.take * lambda * error;
            error -= d;
        }
        error
    }

    #[test]
    fn steps_contract_up_to_the_bound_and_not_beyond() {
        for degree in 1..6 {
            let steps = chebyshev(degree, 3.0 / reach(degree));
            for k in 1..=300 {
                let lambda = 0.01 * f64::from(k);
                assert!(error_factor(&steps, lambda).abs() < 1.0, "degree {degree}, eigenvalue {lambda}");
            }
            assert!(error_factor(&steps, 3.1).abs() > 1.0, "degree {degree}: more cautious than it need be");
        }
    }

    #[test]
    fn one_step_is_damped_jacobi() {
        assert_eq!(chebyshev::<f64>(1, 1.5), vec![Step { keep: 0.0, take: 4.0 / 3.0 / 1.5 }]);
    }
}
