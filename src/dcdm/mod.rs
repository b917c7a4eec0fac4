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
//!
//! With r = b − A x, the published method takes d <- N(r/‖r‖), makes it A-orthogonal to the last two directions, d <- d − Σ (d·A dᵢ / dᵢ·A dᵢ) dᵢ,
//! and steps x <- x + (r·d / d·A d) d. The learned cycle is linear in r, symmetric and positive definite, so it is a preconditioner for
//! plain conjugate gradients, and takes fewer iterations than the same cycle with the numbers of analysis:
//!
//! ```
//! use filet::dcdm::shipped_cycle;
//! use filet::solver::{LearnedSolver, StopRule, VoxelSolver, unobserved};
//! use filet::voxel::built_in;
//!
//! let scene = built_in("smoke:32", 5).expect("a family")?;
//! let mut p = vec![0.0; scene.rhs.len()];
//! let mut learned = LearnedSolver::new(&scene.grid, &shipped_cycle())?; // once a geometry ...
//! let report = learned.solve(&scene.rhs, &mut p, &StopRule::default(), &mut unobserved)?.require_converged()?;
//!
//! p.fill(0.0); // ... and every time step
//! let classical = VoxelSolver::new(&scene.grid)?.solve(&scene.rhs, &mut p, &StopRule::default(), &mut unobserved)?;
//! assert!(report.iterations <= classical.iterations && !learned.fell_back());
//! # Ok::<(), filet::Error>(())
//! ```

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
