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
pub mod vector;
mod vectorise;

pub use check::{asymmetric_entry, check_symmetric, entry, positive_diagonal};
pub use cholesky::Cholesky;
pub use csr::Csr;
pub(crate) use packed::{LANES, Packed, WINDOW, inverse, padded, sort_by_key};
pub(crate) use product::product;
pub(crate) use real::Real;
pub(crate) use rows::{BLOCK, RowBuffer, Rows};
