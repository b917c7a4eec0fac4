//! A neural solver of time-dependent equations on a moved mesh.
//!
//! | part | here |
//! |---|---|
//! | Burgers' equation, trajectories of it | [`Burgers`], [`Recipe`], [`Trajectories`] |
//! | moved meshes along a solution | [`MeshMover`] |
//! | a step of time on the fixed and the moved mesh | [`MmPde`] |
//! | training by steps and short roll-outs | [`RollOutLoss`] |
//! | many steps, and how far they are off | [`roll_out`], [`Errors`] |
//!
//! Source: P. Hu, Y. Wang and Z.-M. Ma, *Better neural PDE solvers through data-free mesh movers*, ICLR 2024, arXiv:2312.05583.
//!
//! Moved meshes come from [`mover`](crate::mover): the one system this one stands on.

mod branch;
mod burgers;
mod interpolation;
mod meshes;
mod net;
mod objective;
mod roll_out;
mod trajectories;

pub use burgers::{Burgers, Start};
pub use interpolation::{Interpolation, Stencils, interpolate};
pub use meshes::MeshMover;
pub use net::{MmPde, MmPdeConfig, Nodes, SHIPPED, State, Transfer};
pub use objective::RollOutLoss;
pub use roll_out::{Errors, RollOut, errors, roll_out};
pub use trajectories::{Recipe, Trajectories};
