//! **filet**: Poisson problems on meshes, from file to picture.
//!
//! Data flows one way:
//! `Mesh -> assembly(&Poisson) -> System {a, b} -> solver(&dyn LinearOperator, Preconditioner) -> x, Report -> report`.
//!
//! Modules stand in tiers (see `tests/layering.rs`): a module uses lower tiers only.
#![deny(missing_docs)]

pub mod assembly;
pub mod cli;
pub mod dcdm;
pub mod device;
pub mod error;
pub mod expression;
pub mod file;
pub mod hdf5;
mod lagrange;
pub mod mesh;
pub mod mgno;
pub mod mmpde;
pub mod mover;
pub mod nn;
pub mod operator;
pub mod pinn;
pub mod precond;
mod prefetch;
pub mod report;
pub mod simd;
pub mod solver;
pub mod sparse;
pub mod train;
pub mod voxel;
mod words;

pub use error::{Error, Result};
