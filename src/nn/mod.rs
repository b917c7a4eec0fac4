//! Nets: tensors, reverse-mode differentiation, layers with named parameters, weight files.
//!
//! ```text
//! Tensor -> Var (a value and how it came about) -> ops -> Var -> backward -> Gradients
//! ```
//!
//! | symbol | here | what |
//! |---|---|---|
//! | x | [`Tensor`] | single-precision numbers of a shape, row-major, channels last: images are `[batch, n0, n1, n2, channels]`, n0 = 1 in the plane |
//! | ∂L/∂x | [`Gradients`] | by reverse accumulation over the graph of [`Var`]s |
//! | θ | [`Param`] | a named tensor of a [`Layer`]; a [`Tape`] hands it out as a variable |
//!
//! Source: A. Griewank and A. Walther, *Evaluating Derivatives*, 2nd ed. (SIAM, 2008), §3.2, on reverse accumulation. Shapes that do
//! not fit are errors of the program and panic with both shapes; what comes from files and users is checked where it is read.

mod images;
pub(crate) mod kernels;
pub mod layers;
pub mod ops;
mod tape;
mod tensor;
mod weights;

pub use images::Images;
pub use ops::conv::{Conv, Padding};
pub use ops::pad::Boundary;
pub use tape::{Gradients, Layer, Op, Param, Tape, Var};
pub use tensor::Tensor;
pub use weights::{Weights, parse_weights, read_weights, write_weights};
