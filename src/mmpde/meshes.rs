//! The moved mesh of a state: optimal transport for the monitor of u.

use super::config::Movement;
use crate::error::Result;
use crate::mesh::Mesh;
use crate::mover::{FieldMonitor, Form, LearnedMover, MongeAmpere, MoveConfig, MoveMethod, Mover};

/// Relative residual of the Monge-Ampère equation: a mesh need not be exact.
const TOLERANCE: f64 = 1e-2;
/// Steps of Newton's method at most.
const STEPS: usize = 20;

/// Moves the nodes of one mesh along with a solution.
pub struct MeshMover<'m> {
    mesh: &'m Mesh,
    kind: Kind<'m>,
    tangled: usize,
}

enum Kind<'m> {
    None,
    Newton(Box<MongeAmpere<'m>>),
    Learned(LearnedMover),
}

impl<'m> MeshMover<'m> {
    /// On `mesh`.
    ///
    /// Errors: a mesh that cannot be moved.
    pub fn new(mesh: &'m Mesh, movement: Movement) -> Result<Self> {
        // The monitor is recovered from u by second differences: smoothed over two cells.
        let config = MoveConfig {
            method: MoveMethod::MongeAmpere,
            rtol: TOLERANCE,
            max_iterations: STEPS,
            smoothing: 4.0,
            ..MoveConfig::default()
        };
        let kind = match movement {
            Movement::None => Kind::None,
            Movement::Newton => Kind::Newton(Box::new(MongeAmpere::new(mesh, &config.monge_ampere())?)),
            Movement::Learned => Kind::Learned(LearnedMover::shipped(&config)),
        };
        Ok(MeshMover { mesh, kind, tangled: 0 })
    }

    /// The nodes where u, given at the nodes `home` of the mesh, is interpolated best.
    ///
    /// Errors: u that is not finite.
    pub fn nodes(&mut self, u: &[f32], home: &[[f32; 2]]) -> Result<Vec<[f32; 2]>> {
        let monitor = || {
            let u: Vec<f64> = u.iter().map(|u| f64::from(*u)).collect();
            FieldMonitor::of_function(&with_nodes(self.mesh, home), &u, Form::Optimal, 1.0)
        };
        let moved = match &mut self.kind {
            Kind::None => return Ok(home.to_vec()),
            Kind::Newton(mover) => mover.solve(&monitor()?)?,
            Kind::Learned(mover) => mover.move_mesh(self.mesh, &monitor()?)?,
        };
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

/// The area each node of a mesh has: a third of the triangles around it.
pub(super) fn areas(mesh: &Mesh) -> Vec<f32> {
    let mut out = vec![0.0; mesh.points.len()];
    for c in 0..mesh.cell_count() {
        let share = (mesh.cell_measure(c) / 3.0) as f32;
        mesh.cell(c).iter().for_each(|v| out[*v as usize] += share);
    }
    out
}

/// The mesh with its nodes elsewhere.
pub(super) fn with_nodes(mesh: &Mesh, nodes: &[[f32; 2]]) -> Mesh {
    let points = nodes.iter().map(|[x, y]| [f64::from(*x), f64::from(*y), 0.0]).collect();
    Mesh { points, groups: Vec::new(), ..mesh.clone() }
}
