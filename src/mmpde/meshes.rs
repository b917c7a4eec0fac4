//! The moved mesh of a state: optimal transport for the monitor of u, each move begun with the one before.

use super::net::Nodes;
use crate::error::Result;
use crate::mesh::Mesh;
use crate::mover::{FieldMonitor, Form, MongeAmpere, MongeAmpereConfig};

/// Relative residual of the Monge-Ampère equation: a mesh need not be exact.
const TOLERANCE: f64 = 1e-2;
/// Steps of Newton's method at most.
const STEPS: usize = 20;

/// Moves the nodes of one mesh along with a solution.
pub struct MeshMover<'m> {
    mesh: &'m Mesh,
    mover: Option<MongeAmpere<'m>>,
    tangled: usize,
}

impl<'m> MeshMover<'m> {
    /// On `mesh`; with [`Nodes::Fixed`] nothing moves.
    ///
    /// Errors: a mesh that cannot be moved.
    pub fn new(mesh: &'m Mesh, nodes: Nodes) -> Result<Self> {
        // The monitor is recovered from u by second differences: smoothed over two cells.
        let config = MongeAmpereConfig {
            rtol: TOLERANCE,
            max_iterations: STEPS,
            smoothing: 4.0,
            ..MongeAmpereConfig::default()
        };
        let mover = match nodes {
            Nodes::Moved | Nodes::Carried => Some(MongeAmpere::new(mesh, &config)?),
            Nodes::Fixed => None,
        };
        Ok(MeshMover { mesh, mover, tangled: 0 })
    }

    /// The nodes where u, given at the nodes `home` of the mesh, is interpolated best.
    ///
    /// Errors: u that is not finite.
    pub fn nodes(&mut self, u: &[f32], home: &[[f32; 2]]) -> Result<Vec<[f32; 2]>> {
        let Some(mover) = &mut self.mover else { return Ok(home.to_vec()) };
        let u: Vec<f64> = u.iter().map(|u| f64::from(*u)).collect();
        let monitor = FieldMonitor::of_function(&with_nodes(self.mesh, home), &u, Form::Optimal, 1.0)?;
        let moved = mover.solve(&monitor)?;
        self.tangled += usize::from(moved.report.after.tangled > 0);
        Ok(flat(&moved.mesh))
    }

    /// Tangled meshes so far.
    pub fn tangled(&self) -> usize {
        self.tangled
    }
}

/// The nodes of a mesh in the plane.
pub(super) fn flat(mesh: &Mesh) -> Vec<[f32; 2]> {
    mesh.points.iter().map(|p| [p[0] as f32, p[1] as f32]).collect()
}

/// The mesh with its nodes elsewhere.
pub(super) fn with_nodes(mesh: &Mesh, nodes: &[[f32; 2]]) -> Mesh {
    let points = nodes.iter().map(|[x, y]| [f64::from(*x), f64::from(*y), 0.0]).collect();
    Mesh { points, groups: Vec::new(), ..mesh.clone() }
}
