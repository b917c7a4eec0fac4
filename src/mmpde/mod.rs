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
//!
//! û = u + G₁(u; X), X' = nodes for û, u(t + Δt) = I û + G₂(I û; X') inside, u on the boundary: u lives on the moved nodes X, I interpolates
//! from them to the next ones, exactly for linear functions.
//!
//! ```
//! use filet::mmpde::{MmPde, Recipe, SHIPPED, roll_out};
//! use filet::nn::parse_weights;
//!
//! let net = MmPde::from_weights(&parse_weights("the shipped net", SHIPPED)?)?;
//! let data = Recipe { trajectories: 1, steps: 1, seed: 1, ..Recipe::default() }.make(&|_| {})?;
//! let steps = roll_out(&net, &|points| data.at(0, 0, points), data.viscosities[0], 1)?;
//!
//! let (u, truth) = (&steps.states[1], data.at(0, 1, &steps.home[1])); // on the moved nodes
//! let norm = |v: &mut dyn Iterator<Item = f32>| v.map(|v| v * v).sum::<f32>().sqrt();
//! let off = norm(&mut u.iter().zip(&truth).map(|(u, v)| u - v)) / norm(&mut truth.iter().copied());
//! assert!(off < 0.2 && steps.tangled == 0, "{off}");
//! # Ok::<(), filet::Error>(())
//! ```

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
