//! Linear maps of images as multigrid cycles with learned kernels, for nets on lattices of any side.
//!
//! Source: J. He, X. Liu and J. Xu, *MgNO: efficient parameterization of linear operators via multigrid*, ICLR 2024, arXiv:2310.19809.

mod cycle;
mod lattice;
mod stencil;

pub(crate) use cycle::norm_parameters;
pub use cycle::{CycleConfig, Form, MgConv};
pub(crate) use lattice::{Lattice, POINT, sides};
pub(crate) use stencil::{Stencil, normalise, sides_of};
