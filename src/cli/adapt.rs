//! `filet solve --adapt N`: solve and move in turn until the estimated error settles.

use super::problem::Given;
use super::progress::Progress;
use super::{input, say};
use crate::device::Device;
use crate::error::Result;
use crate::mesh::Mesh;
use crate::mover::{FieldMonitor, Form, MoveConfig, Mover, estimated_error};
use crate::report::format::significant;
use crate::solver::{SolverConfig, unobserved};

/// Cells over which the monitor of a computed solution is smoothed, squared.
const SMOOTHING: f64 = 4.0;
/// Residual at which a move ends: its mesh is only a step on the way.
const TOLERANCE: f64 = 1e-4;
/// The error has settled where a round brings less than this part of it.
const SETTLED: f64 = 0.02;

/// The mesh, moved up to `rounds` times to where the solution bends; the one of the least estimated error.
pub(super) fn adapt(
    mesh: &Mesh,
    given: &Given,
    config: &SolverConfig,
    rounds: usize,
    (progress, quiet): (&Progress, bool),
) -> Result<Mesh> {
    progress.phase("adapting");
    let mut mover = MoveConfig { rtol: TOLERANCE, smoothing: SMOOTHING, ..MoveConfig::default() };
    let mut at = mesh.clone();
    let mut u = solve(&at, given, config)?;
    let mut error = estimated_error(&at, &u);
    progress.say(|| say(quiet, "adapt", format!("mesh as given: estimated H1 error {}", significant(error))));
    for round in 1..=rounds {
        let monitor = FieldMonitor::of_function(&at, &u, Form::Optimal, Form::Optimal.usual_amount())?;
        let moved = mover.move_mesh(mesh, &monitor)?;
        let next_u = solve(&moved.mesh, given, config)?;
        let next = estimated_error(&moved.mesh, &next_u);
        let report = &moved.report;
        let text = format!(
            "round {round}: estimated H1 error {}, variation {} after {} steps, {}",
            significant(next),
            significant(report.after.variation),
            report.iterations,
            report.outcome
        );
        progress.say(|| say(quiet, "adapt", text));
        let gain = 1.0 - next / error;
        if gain > 0.0 {
            (at, u, error) = (moved.mesh, next_u, next);
        }
        if gain < SETTLED {
            break;
        }
    }
    Ok(at)
}

/// The solution at the points of the mesh.
fn solve(mesh: &Mesh, given: &Given, config: &SolverConfig) -> Result<Vec<f64>> {
    let system = given.problem.assemble(mesh)?;
    let mut x = vec![0.0; system.unknowns()];
    input::mesh_solver(config, &system, None, Device::Cpu)?.solve(&system.a, &system.b, &mut x, &mut unobserved)?;
    let mut u = system.solution(&x);
    u.truncate(mesh.points.len());
    Ok(u)
}
