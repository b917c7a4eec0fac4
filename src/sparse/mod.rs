//! Sparse matrices and the vector kernels that go with them.

mod check;
mod cholesky;
mod csr;
pub mod gallery;
pub mod matrix_market;
pub mod vector;

pub use check::{asymmetric_entry, check_symmetric, entry, positive_diagonal};
pub use cholesky::Cholesky;
pub use csr::Csr;
