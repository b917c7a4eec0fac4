//! Finite elements for −∇·(k ∇u) + c u = f: Lagrange elements of degree 1 and 2 on intervals, triangles and tetrahedra.

mod boundary;
mod coefficient;
mod element;
mod floating;
mod local;
mod norms;
mod order;
mod problem;
pub mod quadrature;
mod rows;
mod space;
mod system;
mod voxel;

pub use coefficient::Coefficient;
pub(crate) use element::Geometry;
pub use norms::{Errors, cell_fluxes, cell_gradients};
pub use problem::{BoundaryCondition, Condition, Conductivity, Poisson};
pub use space::Space;
pub use system::System;
pub use voxel::VoxelSystem;
