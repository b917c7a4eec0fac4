//! A neural solver of time-dependent equations on a moved mesh.
//!
//! | part | here |
//! |---|---|
//! | Burgers' equation, flow past a cylinder | [`Burgers`], [`Cylinder`] |
//! | trajectories of them | [`Recipe`], [`Trajectories`] |
//! | moved meshes along a solution | [`MeshMover`] |
//! | a step of time on the fixed and the moved mesh | [`MmPde`] |
//! | training by steps and short roll-outs | [`RollOutLoss`] |
//! | many steps, and how far they are off | [`roll_out`], [`Errors`] |
//!
//! Source: P. Hu, Y. Wang and Z.-M. Ma, *Better neural PDE solvers through data-free mesh movers*, ICLR 2024, arXiv:2312.05583.
//!
//! Moved meshes come from [`mover`](crate::mover): the one system this one stands on.
//!
//! X' = nodes for u, v = I u, u(t + Δt) = v + D G₂(v, u − v, G₁(u; X); X') inside, u on the boundary: u lives on the moved nodes X, I interpolates
//! from them to the next ones, exactly for linear functions, and what G₁ finds out goes with the nodes.
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
mod config;
mod cubic;
mod cylinder;
mod graph;
mod interpolation;
mod lattice;
mod meshes;
mod metric;
mod net;
mod objective;
mod roll_out;
mod trajectories;

pub use burgers::{Burgers, Start};
pub use config::{BranchKind, MmPdeConfig, Movement, Scheme, Transfer};
pub use cylinder::{Cylinder, DISC};
pub use interpolation::{Interpolation, Stencils, interpolate};
pub use meshes::MeshMover;
pub use net::{MmPde, SHIPPED, State};
pub use objective::RollOutLoss;
pub use roll_out::{Errors, RollOut, errors, roll_out};
pub use trajectories::{Problem, Recipe, Trajectories};
