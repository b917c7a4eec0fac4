//! All solutions of one problem are checked against each other.
//!
//! Two solutions x, y that stopped at relative residuals of ρ and σ differ by d = x − y with A d = (b − A y) − (b − A x), so
//! ‖A d‖₂ ≤ (ρ + σ) ‖b‖₂: whatever the condition of A, a larger A d is a fault of one of the methods. How far apart x and y
//! are themselves, ‖d‖₂ / ‖y‖₂, depends on A and is shown.

use super::case::Case;
use crate::report::format::{counted, significant};
use crate::sparse::vector::norm2;

/// Part of a bound that may be lost to differently rounded norms.
const SLACK: f64 = 1.01;

/// What was seen so far on one problem.
#[derive(Default)]
pub(super) struct Agreement {
    /// The best solution so far, its name, tolerance and residual.
    best: Option<(Vec<f64>, String, f64, f64)>,
    solutions: usize,
    /// The largest relative difference, and between which.
    largest: Option<(f64, String)>,
    faults: Vec<String>,
}

impl Agreement {
    /// Checks a solution that reached `rtol` against the best one before; gives its true relative residual.
    pub fn check(&mut self, case: &Case, name: &str, rtol: f64, x: &[f64]) -> f64 {
        let residual = case.relative_residual(x);
        self.solutions += 1;
        let rounding = case.rounding(x);
        if residual.is_nan() || residual > SLACK * rtol + rounding {
            let found = significant(residual);
            self.faults.push(format!("{name} ends at a residual of {found}, above its tolerance of {rtol:e}"));
        }
        let Some((best, other, tolerance, least)) = &self.best else {
            self.best = Some((x.to_vec(), name.into(), rtol, residual));
            return residual;
        };
        let d: Vec<f64> = x.iter().zip(best).map(|(x, y)| x - y).collect();
        let difference = norm2(&d) / norm2(best).max(f64::MIN_POSITIVE);
        let pair = format!("{name} and {other}");
        let (image, bound) = (case.relative_image(&d), SLACK * (rtol + tolerance) + 2.0 * rounding);
        if image.is_nan() || image > bound {
            let [image, bound] = [image, bound].map(significant);
            self.faults.push(format!("{pair} differ by |A (x - y)| / |b| = {image}; their tolerances explain {bound}"));
        }
        if self.largest.as_ref().is_none_or(|(most, _)| difference > *most) {
            self.largest = Some((difference, pair));
        }
        if residual < *least {
            self.best = Some((x.to_vec(), name.into(), rtol, residual));
        }
        residual
    }

    /// One line on what was found.
    pub fn summary(&self) -> String {
        match &self.largest {
            None => format!("{}, none to compare with", counted(self.solutions as u64, "solution")),
            Some((most, pair)) => {
                let far = significant(*most);
                format!("{} solutions agree; |x - y| / |y| is {far} at most ({pair})", self.solutions)
            }
        }
    }

    /// What the tolerances do not explain.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// The largest relative difference of two solutions.
    pub fn difference(&self) -> Option<f64> {
        self.largest.as_ref().map(|(most, _)| *most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::LinearOperator;
    use crate::sparse::gallery::poisson_2d;

    #[test]
    fn what_the_tolerances_do_not_explain_is_a_fault() {
        let a = poisson_2d(20);
        let exact: Vec<f64> = (0..400).map(|i| f64::from(i).sin()).collect();
        let mut b = vec![0.0; 400];
        a.apply(&exact, &mut b);
        let case = Case::Matrix(a, b);
        let off = |by: f64| exact.iter().enumerate().map(|(i, x)| x + by * (i as f64).cos()).collect::<Vec<_>>();
        let mut agreement = Agreement::default();
        assert!(agreement.check(&case, "exact", 1e-6, &exact) < 1e-14);
        let near = agreement.check(&case, "near", 1e-6, &off(1e-7));
        assert!(near > 1e-9 && near < 1e-6 && agreement.faults().is_empty(), "{near}");
        assert!(agreement.difference().unwrap() > 5e-8);
        agreement.check(&case, "far", 1e-6, &off(1e-4));
        assert_eq!(agreement.faults().len(), 2, "{:?}: its residual, and beside the best", agreement.faults());
        agreement.check(&case, "none", 1e-6, &vec![f64::NAN; 400]);
        assert_eq!(agreement.faults().len(), 4, "{:?}", agreement.faults());
    }
}
