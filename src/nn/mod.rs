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
//!
//! For y = f(x) with Jacobian J an operation gives x̄ = Jᵀ ȳ; from L̄ = 1 that is ∂L/∂x for everything before L.
//!
//! ```
//! use filet::nn::{Tensor, Var, ops};
//!
//! // L = mean (x w + b)², one row of two
//! let x = Var::constant(Tensor::new(&[1, 2], vec![1.0, 2.0]));
//! let w = Var::leaf(Tensor::new(&[2, 1], vec![0.5, -1.0]));
//! let b = Var::leaf(Tensor::new(&[1], vec![0.25]));
//! let y = ops::linear(&x, &w, &b);
//! let loss = ops::mean(&ops::mul(&y, &y));
//! let gradients = loss.backward();
//! assert_eq!(y.value().data(), [-1.25]);
//! assert_eq!(gradients.of(&w).expect("a part in L").data(), [-2.5, -5.0]); // 2 y x
//! assert_eq!(gradients.of(&b).expect("a part in L").data(), [-2.5]);
//! ```

mod backend;
pub(crate) mod kernels;
pub mod layers;
pub mod multigrid;
pub mod ops;
mod tape;
mod tensor;
mod weights;

pub use backend::Backend;
pub use ops::conv::{Conv, Padding};
pub use ops::pad::Boundary;
pub use tape::{Gradients, Layer, Op, Param, Tape, Var, move_parameters};
pub use tensor::Tensor;
pub use weights::{Weights, parse_weights, read_weights, write_weights};
