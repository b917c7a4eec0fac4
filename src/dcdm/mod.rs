//! Deep conjugate directions: search directions that are learned, for pressure problems on voxel grids.
//!
//! | part | here |
//! |---|---|
//! | the published net N | [`DirectionNet`] |
//! | its data: right-hand sides made of Ritz vectors | [`RitzVectors`] |
//! | its loss | [`ResidualLoss`] |
//! | the learned cycle: numbers in voxel multigrid, and their training | [`shipped_cycle`], [`CycleTraining`] |
//! | the direction d = N(r / ‖r‖) for [`conjugate_direction`](crate::solver::conjugate_direction) with memory 2 | [`NetDirection`] |
//!
//! Source: A. Kaneda, O. Akar, J. Chen, V. A. T. Kala, D. Hyde and J. Teran, *A deep conjugate direction method for iteratively
//! solving linear systems*, ICML 2023, arXiv:2205.10763.

#[cfg(feature = "cuda")]
mod cuda;
mod cycle;
mod direction;
mod loss;
mod net;
mod ritz;

#[cfg(feature = "cuda")]
pub use cuda::CudaNetDirection;
pub use cycle::{CycleTraining, cycle_parameters, cycle_weights, shipped_cycle};
pub use direction::{NetDirection, SHIPPED};
pub use loss::ResidualLoss;
pub use net::{DirectionNet, NetSize};
pub use ritz::RitzVectors;
