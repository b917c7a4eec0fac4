//! Operator learning with multigrid layers: from coefficients to solutions of a differential equation.
//!
//! | part | here |
//! |---|---|
//! | W, one multigrid cycle with learned kernels | [`MgConv`] |
//! | the net, v <- gelu(W v + L v) | [`MgNo`] |
//! | baselines | [`Fno`], [`UNet`] |
//! | a net with its scaling, trained, saved and applied | [`Operator`] |
//! | inputs and outputs | [`Samples`] |
//! | relative L2 and H1 errors, training on them | [`RelativeError`], [`SampleLoss`] |
//!
//! Source: J. He, X. Liu and J. Xu, *MgNO: efficient parameterization of linear operators via multigrid*, ICLR 2024,
//! arXiv:2310.19809.
//!
//! W f is a V-cycle, with convolutions for A, S, R and P: u <- u + S (f − A u) from u = 0, the same with R (f − A u) on the coarser level for u₊, and
//! u <- u + P u₊ (`cycle.rs` has all forms). The shipped net maps a coefficient a of −∇·(a ∇u) = 1 to u:
//!
//! ```
//! use filet::mgno::generate::{Problem, Recipe};
//! use filet::mgno::{Norm, Operator, RelativeError, SHIPPED};
//! use filet::nn::{Var, parse_weights};
//!
//! let recipe = Recipe { problem: Problem::DarcyRough, size: 32, dimension: 2, samples: 2, seed: 777, refine: 1 };
//! let samples = recipe.make(&|_| ())?;
//! let operator = Operator::from_weights(&parse_weights("the shipped operator", SHIPPED)?)?;
//! operator.check(&samples)?;
//! let u = samples.predict(&operator);
//! let error = RelativeError::new(Norm::L2, samples.sides());
//! let error = error.mean(&Var::constant(u), &Var::constant(samples.outputs.clone())).value().item();
//! assert!(error < 0.2, "{error}");
//! # Ok::<(), filet::Error>(())
//! ```

mod files;
mod fno;
pub mod generate;
mod loss;
mod net;
mod objective;
mod operator;
mod resampling;
mod samples;
mod unet;

pub use crate::nn::multigrid::{CycleConfig, Form, MgConv};
pub use files::{Selection, read_samples, write_samples};
pub use fno::{Fno, FnoConfig};
pub use loss::{Norm, RelativeError};
pub use net::{MgNo, MgNoConfig};
pub use objective::SampleLoss;
pub use operator::{NetConfig, Operator, SHIPPED, Scaling};
pub use samples::Samples;
pub use unet::{UNet, UNetConfig};
