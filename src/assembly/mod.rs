//! Finite elements for −∇·(k ∇u) + c u = f: Lagrange elements of degree 1 and 2 on intervals, triangles and tetrahedra.
//!
//! With the elements' functions φᵢ, u_h = Σ uⱼ φⱼ and conditions u = g, k ∂u/∂n = g or k ∂u/∂n + α u = g on parts of the boundary,
//!
//! Aᵢⱼ = ∫ ∇φᵢ·k ∇φⱼ + c φᵢ φⱼ dx + ∫ α φᵢ φⱼ ds,  bᵢ = ∫ f φᵢ dx + ∫ g φᵢ ds,
//!
//! over the unknowns, which are the degrees of freedom without a Dirichlet value: A is symmetric positive definite. [`Poisson`] is the
//! problem, [`System`] the matrix; the error falls as h² for degree 1 and h³ for degree 2:
//!
//! ```
//! use filet::assembly::{Errors, Poisson};
//! use filet::expression::Expression;
//! use filet::mesh::shapes;
//! use filet::solver::{SolverConfig, unobserved};
//!
//! let exact = Expression::parse("sin(pi*x)*sin(pi*y)")?;
//! let mut errors = Vec::new();
//! for shape in ["square:8", "square:16"] {
//!     let mesh = shapes::built_in(shape).expect("a shape")?;
//!     let problem = Poisson { degree: 2, ..Default::default() }.dirichlet(None, 0.0);
//!     let source = problem.manufactured_source(&exact, 2).expect("a smooth one");
//!     let system = Poisson { source, ..problem }.assemble(&mesh)?;
//!     let mut x = vec![0.0; system.unknowns()];
//!     let mut solver = SolverConfig::default().build(&system.a, 2)?;
//!     solver.solve(&system.a, &system.b, &mut x, &mut unobserved)?.require_converged()?;
//!     errors.push(Errors::of(&system.space, &system.solution(&x), &exact).l2);
//! }
//! assert!((errors[0] / errors[1]).log2() > 2.9, "{errors:?}");
//! # Ok::<(), filet::Error>(())
//! ```
//!
//! [`VoxelSystem`] is the matrix of a voxel grid's pressure problem.
//!
//! Reference: S. C. Brenner and L. R. Scott, *The Mathematical Theory of Finite Element Methods*, 3rd ed. (Springer, 2008), ch. 0, 3 and 5,
//! doi:10.1007/978-0-387-75934-0.

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
