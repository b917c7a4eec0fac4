//! B = diag(A)⁻¹.

use super::Preconditioner;
use crate::error::{Error, Result};
use crate::sparse::vector::multiply;
use crate::sparse::{Csr, positive_diagonal};

/// z <- diag(A)⁻¹ r. Cures bad scaling of the unknowns and nothing else.
#[derive(Debug, Clone)]
pub struct Jacobi {
    inverse: Vec<f64>,
}

impl Jacobi {
    /// From the diagonal of `a`, which must be positive.
    ///
    /// Errors: a diagonal entry that is not positive.
    pub fn new(a: &Csr) -> Result<Self> {
        let mut inverse = positive_diagonal(a)?;
        for (row, d) in inverse.iter_mut().enumerate() {
            *d = 1.0 / *d;
            if !d.is_finite() {
                return Err(Error::Matrix {
                    what: format!("the diagonal entry of row {row} is too small to be inverted"),
                    help: "scale the problem: use larger units".into(),
                });
            }
        }
        Ok(Jacobi { inverse })
    }
}

impl Preconditioner for Jacobi {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        multiply(&self.inverse, r, z);
    }

    fn bytes(&self) -> usize {
        self.inverse.len() * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagonal_that_is_not_positive_is_named_by_row() {
        let a = Csr::new(2, 2, vec![0, 1, 2], vec![0, 1], vec![1.0, -3.0]);
        let error = Jacobi::new(&a).unwrap_err().to_string();
        assert_eq!(error, "matrix: the diagonal entry of row 1 is -3, not positive");
    }
}
