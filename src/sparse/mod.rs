//! Sparse matrices and the vector kernels that go with them.

mod csr;
pub mod gallery;
pub mod vector;

pub use csr::Csr;
