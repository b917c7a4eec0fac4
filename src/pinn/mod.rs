//! Physics-informed networks: the network u(x; θ) that makes a differential equation's residual small, with the points the
//! residual is taken at chosen as it learns.
//!
//! ```text
//! Problem + Mlp + Cloud (points) -> Objective -> Run: a Minimiser moves θ, a Sampler moves the points -> u, its error
//! Problem + Local (features on boxes) -> FeatureRun: least squares, boxes are halved -> u, its error
//! ```

mod activation;
mod approximation;
mod boxes;
mod cloud;
mod domain;
mod features;
mod file;
mod flow;
mod jet;
mod least_squares;
mod lift;
mod local;
mod mlp;
mod objective;
mod problem;
pub mod problems;
mod run;
pub mod sampler;
mod score;
mod spline;

pub use activation::Activation;
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
