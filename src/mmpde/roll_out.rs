//! Many steps in a row, the mesh moved to each state, and their relative errors ‖u − u*‖ / ‖u*‖ over the nodes.

use super::{MeshMover, MmPde, Trajectories};
use crate::error::{Error, Result};
use crate::nn::{Layer, Tape};
use rayon::prelude::*;

/// What a net makes of a start.
#[derive(Debug, Clone, PartialEq)]
pub struct RollOut {
    /// u at every frame, the start first.
    pub states: Vec<Vec<f32>>,
    /// The moved nodes of every frame but the last.
    pub nodes: Vec<Vec<[f32; 2]>>,
    /// How many of these meshes were tangled.
    pub tangled: usize,
}

/// Makes `steps` steps from `start`.
///
/// Errors: a start on another mesh than the net's; a state that is not finite, with its step.
pub fn roll_out(net: &MmPde, start: &[f32], viscosity: f64, steps: usize) -> Result<RollOut> {
    if start.len() != net.mesh().points.len() {
        return Err(Error::Problem {
            what: format!("a start of {} values on a mesh of {} nodes", start.len(), net.mesh().points.len()),
            help: "give one value for each node".into(),
        });
    }
    let mut mover = MeshMover::new(net.mesh(), net.config().nodes)?;
    let mut out = RollOut { states: vec![start.to_vec()], nodes: Vec::new(), tangled: 0 };
    for step in 0..steps {
        let u = &out.states[step];
        if let Some(bad) = u.iter().find(|u| !u.is_finite()) {
            return Err(Error::Problem {
                what: format!("the net's state after step {step} holds {bad}"),
                help: "make fewer steps, or train with longer roll-outs (--push)".into(),
            });
        }
        let nodes = mover.nodes(u)?;
        let next = net.forward(&Tape::inference(), &net.input(std::iter::once((&u[..], &nodes[..], viscosity))));
        out.states.push(next.value().data().to_vec());
        out.nodes.push(nodes);
    }
    out.tangled = mover.tangled();
    Ok(out)
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
        let long = roll_out(net, trajectories.frame(i, 0), viscosity, steps)?;
        let off = |u: &[f32], frame: usize| relative_error(u, trajectories.frame(i, frame));
        let mut mover = MeshMover::new(net.mesh(), net.config().nodes)?;
        let mut one_step = 0.0;
        for frame in 0..steps {
            let u = trajectories.frame(i, frame);
            let nodes = mover.nodes(u)?;
            let next = net.forward(&Tape::inference(), &net.input(std::iter::once((u, &nodes[..], viscosity))));
            one_step += off(next.value().data(), frame + 1) / steps as f64;
        }
        let roll_out = (1..=steps).map(|k| off(&long.states[k], k)).collect();
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

/// ‖u − v‖ / ‖v‖.
fn relative_error(u: &[f32], v: &[f32]) -> f64 {
    let square = |x: f32| f64::from(x) * f64::from(x);
    let off: f64 = u.iter().zip(v).map(|(u, v)| square(u - v)).sum();
    (off / v.iter().map(|v| square(*v)).sum::<f64>()).sqrt()
}
