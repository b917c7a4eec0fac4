//! What a Krylov method asks of a matrix: [`LinearOperator`], y <- A x.
//!
//! A [`Csr`] is one, and so is the pressure operator of a voxel grid, (A p)_c = Σ_{n not solid} p_c − Σ_{n fluid} p_n over the neighbours n of a
//! fluid cell c, which [`voxel`] applies from two bytes a cell without a matrix. Anything else can be:
//!
//! ```
//! use filet::operator::LinearOperator;
//! use filet::precond::Identity;
//! use filet::solver::{StopRule, cg, unobserved};
//!
//! /// A = 2 I + v vᵀ, never formed.
//! struct RankOne(Vec<f64>);
//! impl LinearOperator for RankOne {
//!     fn nrows(&self) -> usize {
//!         self.0.len()
//!     }
//!     fn apply(&self, x: &[f64], y: &mut [f64]) {
//!         let product: f64 = self.0.iter().zip(x).map(|(v, x)| v * x).sum();
//!         y.iter_mut().zip(x).zip(&self.0).for_each(|((y, x), v)| *y = 2.0 * x + product * v);
//!     }
//! }
//!
//! let a = RankOne((0..100).map(|i| f64::from(i).sin()).collect());
//! let mut x = vec![0.0; 100];
//! let report = cg(&a, &mut Identity, &vec![1.0; 100], &mut x, &StopRule::default(), &mut unobserved)?;
//! assert!(report.iterations <= 2, "two different eigenvalues");
//! # Ok::<(), filet::Error>(())
//! ```
//!
//! Reference: Y. Saad, *Iterative Methods for Sparse Linear Systems*, 2nd ed. (SIAM, 2003), §6.7, doi:10.1137/1.9780898718003.

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
