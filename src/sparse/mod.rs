//! Sparse matrices and the vector kernels that go with them.

mod check;
mod cholesky;
mod csr;
pub mod gallery;
pub mod matrix_market;
mod packed;
mod product;
mod real;
mod rows;
mod spmv;
pub mod vector;
mod vectorise;

pub use check::{asymmetric_entry, check_symmetric, entry, positive_diagonal};
pub use cholesky::Cholesky;
pub use csr::Csr;
pub(crate) use packed::{Packed, SLICES, Vector, WINDOW, inverse, sort_by_length, zeros};
pub(crate) use product::galerkin;
pub(crate) use real::{LANES, Real};
pub(crate) use rows::{BLOCK, RowBuffer, Rows};
pub(crate) use spmv::multiply;
