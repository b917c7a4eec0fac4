//! Chebyshev smoothing of the fourth kind (Lottes 2023, doi:10.1002/nla.2518, algorithm 1): for A with unit diagonal and
//! eigenvalues in [0, λ], step j = 1..k is
//!
//! d <- (2j−3)/(2j+1) d + (8j−4)/((2j+1) λ) r,  x <- x + d,  r <- r − A d.
//!
//! k steps are a polynomial in A, hence self-adjoint, so the same steps before and after the coarse-level correction
//! give a symmetric cycle. One step is Jacobi's method with weight 4/(3λ).

/// The two factors of each step: d <- `keep` d + `take` r.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step<T> {
    pub keep: T,
    pub take: T,
}

/// The factors of `degree` steps for greatest eigenvalue `lambda`.
pub fn chebyshev<T: crate::sparse::Real>(degree: usize, lambda: f64) -> Vec<Step<T>> {
    (1..=degree)
        .map(|j| {
            let j = j as f64;
            let keep = if j > 1.0 { (2.0 * j - 3.0) / (2.0 * j + 1.0) } else { 0.0 };
            Step { keep: T::of(keep), take: T::of((8.0 * j - 4.0) / ((2.0 * j + 1.0) * lambda)) }
        })
        .collect()
}
