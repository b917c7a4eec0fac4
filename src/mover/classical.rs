//! One entry to the movers that learn nothing: by name, or the one that suits the domain.

use super::monge_ampere::{MongeAmpere, MongeAmpereConfig};
use super::variational::{VariationalConfig, minimise};
use super::{BoundaryConfig, Monitor, Moved, Mover};
use crate::error::Result;
use crate::mesh::Mesh;
use crate::solver::Outcome;

/// How a mesh is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoveMethod {
    /// Monge-Ampère, and the variational mover where that finds no mesh or nodes inside are held.
    #[default]
    Auto,
    /// Optimal transport by Newton's method.
    MongeAmpere,
    /// Optimal transport by relaxation.
    Relaxation,
    /// A functional that keeps cells from folding.
    Variational,
}

impl MoveMethod {
    /// Every method with its name on the command line.
    pub const ALL: [(MoveMethod, &'static str); 4] = [
        (MoveMethod::Auto, "auto"),
        (MoveMethod::MongeAmpere, "monge-ampere"),
        (MoveMethod::Relaxation, "relaxation"),
        (MoveMethod::Variational, "variational"),
    ];
}

/// Relative residual of the Monge-Ampère equation above which another method may do better.
const FAR: f64 = 1e-3;

/// A mesh whose cells shrank to less than this part is no place to go on from.
const SOUND: f64 = 0.01;

/// Settings of a move.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MoveConfig {
    /// The method (default auto).
    pub method: MoveMethod,
    /// Relative residual of the Monge-Ampère equation to stop at (default 1e-8). The variational mover stops at its own.
    pub rtol: f64,
    /// Steps at most (default 200).
    pub max_iterations: usize,
    /// N ≥ 0: the monitor is smoothed over about √N cells (default 0); Monge-Ampère only.
    pub smoothing: f64,
    /// What may move on the boundary.
    pub boundary: BoundaryConfig,
}

impl Default for MoveConfig {
    fn default() -> Self {
        let MongeAmpereConfig { rtol, max_iterations, smoothing, boundary, .. } = MongeAmpereConfig::default();
        MoveConfig { method: MoveMethod::Auto, rtol, max_iterations, smoothing, boundary }
    }
}

impl MoveConfig {
    /// Those of the Monge-Ampère mover among them.
    pub fn monge_ampere(&self) -> MongeAmpereConfig {
        MongeAmpereConfig {
            rtol: self.rtol,
            max_iterations: self.max_iterations,
            smoothing: self.smoothing,
            relaxation: self.method == MoveMethod::Relaxation,
            boundary: self.boundary.clone(),
        }
    }

    fn variational(&self) -> VariationalConfig {
        VariationalConfig {
            max_iterations: self.max_iterations,
            boundary: self.boundary.clone(),
            ..VariationalConfig::default()
        }
    }
}

impl Mover for MoveConfig {
    fn move_mesh(&mut self, mesh: &Mesh, monitor: &dyn Monitor) -> Result<Moved> {
        self.move_from(mesh, monitor, None)
    }
}

impl MoveConfig {
    /// Moves the mesh; the Monge-Ampère mover begins with this potential.
    pub(super) fn move_from(&self, mesh: &Mesh, monitor: &dyn Monitor, potential: Option<&[f64]>) -> Result<Moved> {
        if self.method == MoveMethod::Variational {
            return self.variational().move_mesh(mesh, monitor);
        }
        let mut mover = MongeAmpere::new(mesh, &self.monge_ampere())?;
        let is_auto = self.method == MoveMethod::Auto;
        if is_auto && mover.holds_inside() {
            let mut moved = self.variational().move_mesh(mesh, monitor)?;
            moved.report.notes.push("nodes inside the domain are held: the variational mover is used".into());
            return Ok(moved);
        }
        if let Some(phi) = potential {
            mover.set_potential(phi);
        }
        let transported = mover.solve(monitor)?;
        let residual = transported.report.residuals.last().copied().unwrap_or(0.0);
        if !is_auto || transported.report.outcome != Outcome::Stagnated || residual <= FAR {
            return Ok(transported);
        }
        let Moved { mesh: reached, report } = transported;
        let (start, place) = match report.after.min_det > SOUND {
            true => (reached, "went on from there"),
            false => (mesh.clone(), "began anew"),
        };
        let mut moved = minimise(&self.variational(), mesh, start, monitor)?;
        moved.report.notes.push(format!(
            "Monge-Ampère found no further step after {}, at the relative residual {residual:.1e}; the variational mover {place}",
            report.iterations
        ));
        Ok(moved)
    }
}
