//! Many steps in a row, the mesh moved to each state, and their relative errors ‖u − u*‖ / ‖u*‖.
//!
//! The norm is over the points of the lattice the truth is given on, u the piecewise linear function with the net's values at its
//! nodes. Where that lattice is the net's own these are the errors at the nodes; on a finer one, what the nodes cannot hold counts.

use super::objective::{Path, first_nodes, next_nodes};
use super::{MeshMover, MmPde, State, Trajectories};
use crate::error::{Error, Result};
use crate::mesh::Locator;
use crate::nn::{Layer, Tape};
use rayon::prelude::*;

/// What a net makes of a start.
#[derive(Debug, Clone, PartialEq)]
pub struct RollOut {
    /// u at every frame, the start first.
    pub states: Vec<Vec<f32>>,
    /// The nodes each state is on.
    pub home: Vec<Vec<[f32; 2]>>,
    /// The moved nodes of every step.
    pub next: Vec<Vec<[f32; 2]>>,
    /// How many of these meshes were tangled.
    pub tangled: usize,
}

/// Makes `steps` steps from the values `start` gives at points.
///
/// Errors: a state that is not finite, with its step.
pub fn roll_out(net: &MmPde, start: &dyn Fn(&[[f32; 2]]) -> Vec<f32>, viscosity: f64, steps: usize) -> Result<RollOut> {
    let mut mover = MeshMover::new(net.mesh(), net.config().mover)?;
    let carried = net.config().carries();
    let first = first_nodes(net, &mut mover, start)?;
    let mut out = RollOut { states: vec![start(&first)], home: vec![first], next: Vec::new(), tangled: 0 };
    for step in 0..steps {
        let (u, home) = (&out.states[step], &out.home[step]);
        if let Some(bad) = u.iter().find(|u| !u.is_finite()) {
            return Err(Error::Problem {
                what: format!("the net's state after step {step} holds {bad}"),
                help: "make fewer steps, or train with longer roll-outs (--push)".into(),
            });
        }
        let next = next_nodes(net, &mut mover, u, home, &out.next)?;
        let made = advance(net, State { u, home, next: &next, viscosity });
        let home = if carried { next.clone() } else { home.clone() };
        out.states.push(made);
        out.home.push(home);
        out.next.push(next);
    }
    out.tangled = mover.tangled();
    Ok(out)
}

/// u after one step.
fn advance(net: &MmPde, state: State) -> Vec<f32> {
    net.forward(&Tape::inference(), &net.input(std::iter::once(state))).value().data().to_vec()
}

/// Mean errors of trajectories of one viscosity.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Errors {
    /// ν.
    pub viscosity: f64,
    /// Trajectories.
    pub trajectories: usize,
    /// After one step, over steps from every true frame.
    pub one_step: f64,
    /// After 1, 2, ... steps from the first frame.
    pub roll_out: Vec<f64>,
    /// Tangled meshes in all roll-outs and steps.
    pub tangled: usize,
}

/// Scores a net: by viscosity, the largest first.
///
/// Errors: trajectories on another lattice; as [`roll_out`].
pub fn errors(net: &MmPde, trajectories: &Trajectories) -> Result<Vec<Errors>> {
    net.check(trajectories)?;
    let steps = trajectories.frames - 1;
    let one = |i: usize| -> Result<Errors> {
        let viscosity = trajectories.viscosities[i];
        let long = roll_out(net, &|points| trajectories.at(i, 0, points), viscosity, steps)?;
        let off = |u: &[f32], home: &[[f32; 2]], frame: usize| {
            relative_error(&on_lattice(net, u, home, trajectories), trajectories.frame(i, frame))
        };
        let mut mover = MeshMover::new(net.mesh(), net.config().mover)?;
        let truth = Path::new(net, trajectories, i, &mut mover)?;
        let step = |frame: usize| {
            let made = advance(net, truth.state(frame, &truth.u[frame], viscosity));
            off(&made, &truth.home[frame + 1], frame + 1)
        };
        let one_step = (0..steps).map(step).sum::<f64>() / steps as f64;
        let roll_out = (1..=steps).map(|k| off(&long.states[k], &long.home[k], k)).collect();
        let tangled = long.tangled + mover.tangled();
        Ok(Errors { viscosity, trajectories: 1, one_step, roll_out, tangled })
    };
    let all: Result<Vec<Errors>> = (0..trajectories.len()).into_par_iter().map(one).collect();
    let mut out: Vec<Errors> = Vec::new();
    for e in all? {
        match out.iter_mut().find(|o| o.viscosity == e.viscosity) {
            None => out.push(e),
            Some(sum) => {
                sum.trajectories += 1;
                sum.one_step += e.one_step;
                sum.roll_out.iter_mut().zip(&e.roll_out).for_each(|(s, e)| *s += e);
                sum.tangled += e.tangled;
            }
        }
    }
    for sum in &mut out {
        let count = sum.trajectories as f64;
        sum.one_step /= count;
        sum.roll_out.iter_mut().for_each(|e| *e /= count);
    }
    out.sort_by(|a, b| b.viscosity.total_cmp(&a.viscosity));
    Ok(out)
}

/// The linear function with the values u at the nodes `home`, at the points of the data's lattice.
fn on_lattice(net: &MmPde, u: &[f32], home: &[[f32; 2]], data: &Trajectories) -> Vec<f32> {
    let n = data.cells;
    let coordinate = |i: usize| i as f64 / n as f64;
    let points: Vec<[f64; 3]> =
        (0..data.nodes()).map(|q| [coordinate(q % (n + 1)), coordinate(q / (n + 1)), 0.0]).collect();
    let values: Vec<f64> = u.iter().map(|u| f64::from(*u)).collect();
    let mut out = vec![0.0; points.len()];
    Locator::new(net.mesh_at(home)).interpolate(&values, &points, &mut out);
    out.into_iter().map(|u| u as f32).collect()
}

/// ‖u − v‖ / ‖v‖.
fn relative_error(u: &[f32], v: &[f32]) -> f64 {
    let square = |x: f32| f64::from(x) * f64::from(x);
    let off: f64 = u.iter().zip(v).map(|(u, v)| square(u - v)).sum();
    (off / v.iter().map(|v| square(*v)).sum::<f64>()).sqrt()
}
