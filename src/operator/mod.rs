//! What a Krylov method asks of a matrix: [`LinearOperator`].

pub mod voxel;

use crate::sparse::Csr;

/// A linear map R^ncols -> R^nrows that can be applied without allocating.
pub trait LinearOperator: Sync {
    /// Number of rows.
    fn nrows(&self) -> usize;

    /// Number of columns.
    fn ncols(&self) -> usize {
        self.nrows()
    }

    /// y <- A x; overwrites y.
    fn apply(&self, x: &[f64], y: &mut [f64]);

    /// r <- b - A x.
    fn residual(&self, b: &[f64], x: &[f64], r: &mut [f64]) {
        self.apply(x, r);
        for (r, b) in r.iter_mut().zip(b) {
            *r = b - *r;
        }
    }
}

impl LinearOperator for Csr {
    fn nrows(&self) -> usize {
        Csr::nrows(self)
    }

    fn ncols(&self) -> usize {
        Csr::ncols(self)
    }

    fn apply(&self, x: &[f64], y: &mut [f64]) {
        crate::sparse::multiply(self, x, y);
    }
}
