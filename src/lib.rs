//! **filet**: Poisson problems on meshes and voxel scenes, solved by multigrid and by conjugate directions that are learned; a mesh
//! mover, neural operators, a neural solver on moved meshes, and PINNs with adaptive sampling.
//!
//! Data flows one way:
//! `Mesh -> assembly(&Poisson) -> System {a, b} -> solver(&dyn LinearOperator, Preconditioner) -> x, Report -> report`.
//!
//! ```
//! use filet::assembly::Poisson;
//! use filet::mesh::shapes::built_in;
//! use filet::solver::{SolverConfig, unobserved};
//!
//! // −Δu = 1 on the unit square, u = 0 on its boundary
//! let mesh = built_in("square:20").expect("a built-in shape")?;
//! let problem = Poisson { source: 1.0.into(), ..Poisson::default() };
//! let system = problem.dirichlet(None, 0.0).assemble(&mesh)?;
//! let mut x = vec![0.0; system.unknowns()];
//! let mut solver = SolverConfig::default().build(&system.a, mesh.dimension())?;
//! solver.solve(&system.a, &system.b, &mut x, &mut unobserved)?.require_converged()?;
//! let highest = system.solution(&x).into_iter().fold(0.0, f64::max);
//! assert!((highest - 0.0737).abs() < 1e-3);
//! # Ok::<(), filet::Error>(())
//! ```
//!
//! | to | read |
//! |---|---|
//! | read, make, refine and judge meshes; voxel scenes | [`mesh`], [`voxel`] |
//! | make systems of equations, or apply operators without a matrix | [`assembly`], [`sparse`], [`operator`] |
//! | solve them | [`solver`], [`precond`] |
//! | solve voxel scenes with learned directions (DCDM) | [`dcdm`] |
//! | move a mesh to where a solution needs it (Monge–Ampère) | [`mover`] |
//! | learn the map from coefficient to solution (MgNO) | [`mgno`] |
//! | learn time steps on the moved mesh (MM-PDE) | [`mmpde`] |
//! | train networks on an equation, with adaptive sampling (PINN, AAS) | [`pinn`] |
//! | build and train nets: layers, gradients, optimisers | [`nn`], [`train`] |
//! | work on an NVIDIA GPU | [`device`] |
//! | write tables, pictures and solution files | [`report`] |
//!
//! Modules stand in tiers (see `tests/layering.rs`): a module uses lower tiers only.
//!
//! Programs that use filet should compile it as one unit, as its own are: in Cargo's sixteen, iterators of generic code stay calls, and
//! set-up of AMG and training take nearly twice the time. In their `Cargo.toml`:
//!
//! ```toml
//! [profile.release.package.filet]
//! codegen-units = 1
//! ```
//!
//! Unsafe code is in thirteen files: vectors of the processor (`simd`, `nn/kernels`), gathers and prefetches of sparse products (`sparse`,
//! `prefetch`), calls of the CUDA driver (`device/cuda`), the counting allocator (`report/heap`). Every block says why it is sound, and
//! clippy refuses one that does not.
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
