//! Sparse matrices and the vector kernels that go with them.
//!
//! ```
//! use filet::operator::LinearOperator;
//! use filet::sparse::{Cholesky, Csr, check_symmetric};
//!
//! // A = [2 -1 0; -1 2 -1; 0 -1 2] by rows: where rows begin, columns, values
//! let values = vec![2.0, -1.0, -1.0, 2.0, -1.0, -1.0, 2.0];
//! let a = Csr::new(3, 3, vec![0, 2, 5, 7], vec![0, 1, 0, 1, 2, 1, 2], values);
//! check_symmetric(&a)?;
//! let mut x = [1.0, 0.0, 1.0];
//! Cholesky::new(&a)?.solve_in_place(&mut x); // x <- A⁻¹ x
//! let mut b = [0.0; 3];
//! a.apply(&x, &mut b);
//! assert!(b.iter().zip([1.0, 0.0, 1.0]).all(|(b, given)| (b - given).abs() < 1e-14));
//! # Ok::<(), filet::Error>(())
//! ```

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
