//! Sparse matrices.

mod csr;
mod packed;
mod product;
mod real;
mod rows;
mod vectorise;

pub use csr::Csr;
pub(crate) use packed::{LANES, Packed, WINDOW, inverse, padded, sort_by_key};
pub(crate) use product::product;
pub(crate) use real::Real;
pub(crate) use rows::{BLOCK, RowBuffer, Rows};
