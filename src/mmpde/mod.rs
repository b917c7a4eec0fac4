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
//! u(t + Δt) = u + G₁(u) + I₂ G₂(I₁ u) inside, u on the boundary: G₁ sees u on the fixed mesh, G₂ on the moved one, to which I₁ and from
//! which I₂ interpolates, exactly for linear functions.
//!
//! ```
//! use filet::mmpde::{Burgers, MmPde, SHIPPED, Start, roll_out};
//! use filet::nn::parse_weights;
//! use rand::SeedableRng;
//!
//! let net = MmPde::from_weights(&parse_weights("the shipped net", SHIPPED)?)?;
//! let (cells, viscosity) = (24, 0.03);
//! let mut u = Start::random(&mut rand_pcg::Pcg64::seed_from_u64(1)).on(cells);
//! let start: Vec<f32> = u.iter().map(|u| *u as f32).collect();
//! let steps = roll_out(&net, &start, viscosity, 1)?;
//!
//! Burgers { cells, viscosity }.advance(&mut u, 0.05); // the time of a step
//! let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
//! let off = norm(&mut u.iter().zip(&steps.states[1]).map(|(u, v)| u - f64::from(*v))) / norm(&mut u.iter().copied());
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
