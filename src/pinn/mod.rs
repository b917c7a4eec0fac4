//! Physics-informed networks: the network u(x; θ) that makes a differential equation's residual small, with the points the
//! residual is taken at chosen as it learns.
//!
//! ```text
//! Problem + Mlp + Cloud (points) -> Objective -> Run: a Minimiser moves θ, a Sampler moves the points -> u, its error
//! Problem + Local (features on boxes) -> FeatureRun: least squares, boxes are halved -> u, its error
//! ```
//!
//! L(θ) = ½ Σ_k γ_k Σ_i w_i r_k(x_i)² over points in the domain, k = 0 the equation and k ≥ 1 soft conditions; hard ones are built into u.
//! Derivatives of u by x are carried forward as jets, those by θ backward.
//!
//! ```
//! use filet::pinn::{Approximation, MlpConfig, Run, RunConfig, parse_problem};
//! use std::ops::ControlFlow;
//! use std::path::Path;
//!
//! let text = r#"
//!     coordinates = ["x"]
//!     residual = "u_xx + pi^2*sin(pi*x)"
//!     domain = { box = [[0, 1]] }
//!     exact = "sin(pi*x)"
//!     hard = { value = "0", distance = "x*(1 - x)" }
//! "#;
//! let problem = parse_problem("sine", Path::new("sine.toml"), text)?;
//! let net = MlpConfig { depth: 1, width: 8, ..Default::default() };
//! let mut run = Run::new(&problem, RunConfig { net, points: 64, steps: 30, ..Default::default() })?;
//! run.advance(&mut |_| Ok(ControlFlow::Continue(())))?;
//! let score = run.score().expect("the solution is known");
//! assert!(score.relative_l2 < 1e-3, "{score:?}");
//! # Ok::<(), filet::Error>(())
//! ```
//!
//! References: M. Raissi, P. Perdikaris and G. Karniadakis, J. Comput. Phys. 378 (2019), doi:10.1016/j.jcp.2018.10.045; sampling: K. Tang, J. Zhai, X.
//! Wan and C. Yang, *Adversarial adaptive sampling*, ICLR 2024, arXiv:2305.18702 (AAS); C. Wu et al., Comput. Methods Appl. Mech. Eng. 403 (2023),
//! doi:10.1016/j.cma.2022.115671 (RAD, RAR).

mod activation;
mod approximation;
mod boxes;
mod cloud;
mod domain;
mod features;
mod file;
mod flow;
mod grid;
mod jet;
mod least_squares;
mod lift;
mod local;
mod mlp;
mod objective;
mod problem;
pub mod problems;
mod reference;
mod run;
pub mod sampler;
mod score;
mod spline;

pub use activation::{Activation, Precision};
pub use approximation::Approximation;
pub use cloud::Cloud;
pub use domain::{Domain, Part};
pub use features::{FeatureConfig, FeatureRun};
pub use file::{parse_problem, read_problem};
pub use flow::Flow;
pub use jet::{Form, LANES, Sweep};
pub use mlp::{Mlp, MlpConfig};
pub use objective::{Objective, residual_at, solution_at};
pub use problem::{Condition, Function, Lift, Problem, Residual, Site};
pub use reference::{REFERENCE_CELLS, finite_element_solution};
pub use run::{Ending, OptimizerKind, Run, RunConfig};
pub use sampler::{Sampler, SamplerKind};
pub use score::{Score, referee, score};

use rand::Rng;
use rand_pcg::Pcg64;

/// A normal number (Box and Muller 1958).
fn normal(rng: &mut Pcg64) -> f64 {
    let [u, v]: [f64; 2] = [1.0 - rng.random::<f64>(), rng.random()];
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
