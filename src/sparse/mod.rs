//! Sparse matrices.

mod csr;
mod packed;
mod product;
mod real;
mod rows;
mod spmv;
mod vectorise;

pub use csr::Csr;
pub(crate) use packed::{Packed, SLICES, Vector, WINDOW, inverse, sort_by_length, zeros};
pub(crate) use product::galerkin;
pub(crate) use real::{LANES, Real};
pub(crate) use rows::{BLOCK, RowBuffer, Rows};
pub(crate) use spmv::multiply;
