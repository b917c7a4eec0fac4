//! Operator learning with multigrid layers: from coefficients to solutions of a differential equation.
//!
//! | part | here |
//! |---|---|
//! | W, one multigrid cycle with learned kernels | [`MgConv`] |
//! | the net, v <- gelu(W v + L v) | [`MgNo`] |
//! | baselines | [`Fno`], [`UNet`] |
//! | a net with its scaling, trained, saved and applied | [`Operator`]; on a GPU `CudaOperator` |
//! | inputs and outputs | [`Samples`] |
//! | relative L2 and H1 errors, training on them | [`RelativeError`], [`SampleLoss`] |
//!
//! Source: J. He, X. Liu and J. Xu, *MgNO: efficient parameterization of linear operators via multigrid*, ICLR 2024,
//! arXiv:2310.19809.

#[cfg(feature = "cuda")]
mod cuda;
mod cycle;
mod files;
mod fno;
pub mod generate;
mod lattice;
mod loss;
mod net;
mod objective;
mod operator;
mod samples;
mod stencil;
mod unet;

#[cfg(feature = "cuda")]
pub use cuda::CudaOperator;
pub use cycle::{CycleConfig, Form, MgConv};
pub use files::{Selection, read_samples, write_samples};
pub use fno::{Fno, FnoConfig};
pub use loss::{Norm, RelativeError};
pub use net::{MgNo, MgNoConfig};
pub use objective::SampleLoss;
pub use operator::{NetConfig, Operator, SHIPPED, Scaling};
pub use samples::Samples;
pub use unet::{UNet, UNetConfig};
