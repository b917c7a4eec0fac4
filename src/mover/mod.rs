//! Mesh movers: a fixed number of nodes where a monitor wants them.
//!
//! [`MongeAmpere`] moves by optimal transport. What comes back has the cells of what went in and is never tangled: every step keeps all
//! signed sizes positive.
//!
//! Equidistribution of a monitor m > 0 by optimal transport: x(ξ) = ξ + ∇φ with
//!
//! m(ξ + ∇φ) det(I + D²φ) = θ, θ constant, and ∂φ/∂n = 0,
//!
//! so every cell gets the same share of ∫ m. Where there is no such mesh, a variational mover keeps cells from folding. [`MoveConfig`]
//! chooses; [`MongeAmpere`] keeps its set-up for many monitors.
//!
//! ```
//! use filet::mesh::shapes;
//! use filet::mover::{MoveConfig, Mover};
//!
//! let mesh = shapes::built_in("square:16").expect("a shape")?;
//! let peak = |p: [f64; 3]| 1.0 + 20.0 * (-50.0 * ((p[0] - 0.5).powi(2) + (p[1] - 0.5).powi(2))).exp();
//! let moved = MoveConfig::default().move_mesh(&mesh, &peak)?;
//! assert!(moved.report.after.variation < 0.5 * moved.report.before.variation);
//! assert_eq!((moved.report.after.tangled, moved.mesh.cells.len()), (0, mesh.cells.len()));
//! # Ok::<(), filet::Error>(())
//! ```
//!
//! References: C. Budd, W. Huang and R. Russell, Acta Numerica 18 (2009), doi:10.1017/S0962492906400015; A. McRae, C. Cotter and C. Budd, SIAM J.
//! Sci. Comput. 40 (2018), doi:10.1137/16M1109515; learned: P. Hu, Y. Wang and Z.-M. Ma, ICLR 2024, arXiv:2312.05583.

mod anderson;
mod boundary;
mod classical;
mod derivatives;
mod displace;
mod elements;
mod learned;
mod mass;
mod monge_ampere;
mod monitor;
mod potential;
mod spread;
mod variational;

pub use boundary::BoundaryConfig;
pub use classical::{MoveConfig, MoveMethod};
pub use derivatives::{ExactMonitor, FieldMonitor, Form, estimated_error};
pub use displace::displace;
pub use learned::{DmmLoss, DmmNet, LearnedMover, LogMonitor, Potential, PotentialLoss, PotentialNet, Synthetic};
pub use monge_ampere::{MongeAmpere, MongeAmpereConfig};
pub use monitor::{Monitor, Ring};
pub use spread::{Spread, cell_densities};
pub use variational::VariationalConfig;

use crate::error::{Error, Result};
use crate::mesh::Mesh;
use crate::solver::Outcome;
use elements::Elements;

/// A mesh that was moved.
#[derive(Debug, Clone)]
pub struct Moved {
    /// The same cells and groups, points moved.
    pub mesh: Mesh,
    /// What was done.
    pub report: MoveReport,
}

/// What a mover did.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct MoveReport {
    /// The method whose mesh it is.
    pub method: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// Steps made.
    pub iterations: usize,
    /// Iterations of the linear solver in all steps.
    pub linear_iterations: usize,
    /// The relative residual before the first step and after each; going back to the best mesh of a move that failed is a step.
    pub residuals: Vec<f64>,
    /// The mesh as it came.
    pub before: Spread,
    /// The mesh as it went.
    pub after: Spread,
    /// Wall-clock seconds, set-up not counted.
    pub seconds: f64,
    /// What was decided on the way, one sentence each.
    pub notes: Vec<String>,
}

/// Anything that moves meshes.
pub trait Mover {
    /// Moves the points of `mesh`, never tangling it.
    ///
    /// Errors: bad input. Not converging is an outcome in the report.
    fn move_mesh(&mut self, mesh: &Mesh, monitor: &dyn Monitor) -> Result<Moved>;
}

impl Mover for MongeAmpereConfig {
    fn move_mesh(&mut self, mesh: &Mesh, monitor: &dyn Monitor) -> Result<Moved> {
        MongeAmpere::new(mesh, self)?.solve(monitor)
    }
}

/// The values of a monitor at the points of a mesh, checked.
///
/// Errors: a value that is not positive and finite, with its place.
pub fn monitor_values(monitor: &dyn Monitor, mesh: &Mesh) -> Result<Vec<f64>> {
    monitor::evaluate(monitor, &mesh.points)
}

/// m at the degrees of freedom of the moved `mesh`; places beyond a periodic side of `reference` are brought back first.
fn monitor_at_dofs(
    reference: &Mesh,
    mesh: &Mesh,
    elements: &Elements,
    periodic: [bool; 3],
    monitor: &dyn Monitor,
) -> Result<Vec<f64>> {
    let mut at = vec![[0.0; 3]; elements.len()];
    for (p, &i) in mesh.points.iter().zip(&elements.of_points).rev() {
        at[i as usize] = *p;
    }
    let bounds = reference.bounds();
    for k in (0..3).filter(|&k| periodic[k]) {
        let length = bounds.max[k] - bounds.min[k];
        at.iter_mut().for_each(|p| p[k] = bounds.min[k] + (p[k] - bounds.min[k]).rem_euclid(length));
    }
    monitor::evaluate(monitor, &at)
}

/// An error where the mesh cannot be moved: tangled, or a curve or surface in space.
fn check_mesh(mesh: &Mesh) -> Result<()> {
    if mesh.cell_count() == 0 || !mesh.is_planar() {
        return Err(Error::Mesh {
            what: "a mesh that is moved has cells, and its intervals lie on the x axis, its triangles in a plane z = const".into(),
            help: "surfaces and curves in space cannot be moved".into(),
        });
    }
    let tangled: Vec<usize> =
        (0..mesh.cell_count()).filter(|&c| mesh.signed_volume(c).is_nan() || mesh.signed_volume(c) <= 0.0).collect();
    if tangled.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = tangled.iter().take(8).map(usize::to_string).collect();
    let dots = if tangled.len() > 8 { ", ..." } else { "" };
    Err(Error::Mesh {
        what: format!(
            "{} tangled {} (not of positive size): {}{dots}",
            tangled.len(),
            if tangled.len() == 1 { "cell" } else { "cells" },
            shown.join(", ")
        ),
        help: "repair the mesh first; filet mesh info tells where it is folded".into(),
    })
}

fn check_tolerance(rtol: f64) -> Result<()> {
    if rtol > 0.0 && rtol < 1.0 {
        return Ok(());
    }
    let what = "a relative tolerance lies between 0 and 1".into();
    Err(Error::Option { option: "rtol".into(), value: rtol.to_string(), what })
}

fn check_smoothing(n: f64) -> Result<()> {
    if (0.0..=1e4).contains(&n) {
        return Ok(());
    }
    let what = "is the square of a number of cells, from 0 to 10000".into();
    Err(Error::Option { option: "smoothing".into(), value: n.to_string(), what })
}
