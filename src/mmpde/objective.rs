//! The loss of training: the relative error after one step from the truth, later also from states the net itself has stepped to.
//!
//! A batch begins at random frames. Its first k steps are made without gradient, k from 0 to `push` at random, and the loss is that of
//! step k + 1: the push-forward of J. Brandstetter, D. Worrall and M. Welling, ICLR 2022, arXiv:2202.03376, §3.1.
//!
//! Departure: on the way meshes are those of the true frames, moved once before training; roll-outs move to the net's own states.

use super::meshes::{areas, flat};
use super::{MeshMover, MmPde, State, Trajectories};
use crate::error::{Error, Result};
use crate::nn::ops::{div, dot_samples, mean, mul, sqrt, sub};
use crate::nn::{Layer, Tape, Tensor, Var};
use crate::train::Objective;
use rand::Rng;
use rand_pcg::Pcg64;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where a trajectory's values are at its frames.
pub(super) struct Path {
    /// The nodes u is on, at every frame.
    pub home: Vec<Vec<[f32; 2]>>,
    /// The moved nodes of the steps from all frames but the last.
    pub next: Vec<Vec<[f32; 2]>>,
    /// u there, at every frame.
    pub u: Vec<Vec<f32>>,
    /// The roots of the areas of the nodes there.
    roots: Vec<Vec<f32>>,
}

impl Path {
    /// Moves the meshes of a trajectory's true frames.
    ///
    /// Errors: the mover's.
    pub fn new(net: &MmPde, data: &Trajectories, i: usize, mover: &mut MeshMover) -> Result<Self> {
        let carried = net.config().carries();
        let first = first_nodes(net, mover, &|points| data.at(i, 0, points))?;
        let roots = |nodes: &[[f32; 2]]| areas(&net.mesh_at(nodes)).into_iter().map(f32::sqrt).collect::<Vec<f32>>();
        let mut path =
            Path { u: vec![data.at(i, 0, &first)], roots: vec![roots(&first)], home: vec![first], next: Vec::new() };
        for frame in 0..data.frames - 1 {
            let home = &path.home[frame];
            let next = next_nodes(net, mover, &path.u[frame], home, &path.next)?;
            let home = if carried { next.clone() } else { home.clone() };
            path.u.push(data.at(i, frame + 1, &home));
            path.roots.push(if carried { roots(&home) } else { path.roots[0].clone() });
            path.home.push(home);
            path.next.push(next);
        }
        Ok(path)
    }

    /// What the step from a frame begins with, u in place of the truth.
    pub fn state<'a>(&'a self, frame: usize, u: &'a [f32], viscosity: f64) -> State<'a> {
        State { u, home: &self.home[frame], next: &self.next[frame], viscosity }
    }
}

/// The nodes a start is on: where they are carried, those moved for its values on the lattice, then for those on the nodes that came of it.
pub(super) fn first_nodes(
    net: &MmPde,
    mover: &mut MeshMover,
    start: &dyn Fn(&[[f32; 2]]) -> Vec<f32>,
) -> Result<Vec<[f32; 2]>> {
    let lattice = flat(net.mesh());
    if !net.config().carries() {
        return Ok(lattice);
    }
    let once = mover.nodes(&start(&lattice), &lattice)?;
    mover.nodes(&start(&once), &once)
}

/// The moved nodes of a step from u at the nodes `home`, after those of the steps before it.
pub(super) fn next_nodes(
    net: &MmPde,
    mover: &mut MeshMover,
    u: &[f32],
    home: &[[f32; 2]],
    before: &[Vec<[f32; 2]>],
) -> Result<Vec<[f32; 2]>> {
    match before.last() {
        Some(last) if !before.len().is_multiple_of(net.config().move_every) => Ok(last.clone()),
        _ => mover.nodes(u, home),
    }
}

/// Mean relative L2 error of a batch, every node with its area: where nodes are dense they count no more for it.
pub struct RollOutLoss<'a> {
    trajectories: &'a Trajectories,
    paths: Vec<Path>,
    batch: usize,
    /// Steps made before the one that counts, at most.
    push: usize,
    /// The first step of training that makes any.
    after: usize,
    seed: u64,
}

impl<'a> RollOutLoss<'a> {
    /// Moves the meshes of all frames for `net`; `moved` is told how many trajectories are done.
    ///
    /// Errors: trajectories on another lattice than the net's or shorter than a roll-out, a batch of none, the mover's.
    pub fn new(
        net: &MmPde,
        trajectories: &'a Trajectories,
        batch: usize,
        [push, after]: [usize; 2],
        seed: u64,
        moved: &(dyn Fn(usize) + Sync),
    ) -> Result<Self> {
        net.check(trajectories)?;
        let refuse = |option: &str, value: usize, what: String| {
            Err(Error::Option { option: option.into(), value: value.to_string(), what })
        };
        if batch == 0 {
            return refuse("--batch", batch, "give a positive number".into());
        }
        if push + 2 > trajectories.frames {
            return refuse("--push", push, format!("trajectories have {} frames", trajectories.frames));
        }
        let count = AtomicUsize::new(0);
        let one = |i: usize| {
            let mut mover = MeshMover::new(net.mesh(), net.config().mover)?;
            let path = Path::new(net, trajectories, i, &mut mover)?;
            moved(count.fetch_add(1, Ordering::Relaxed) + 1);
            Ok(path)
        };
        let paths: Result<Vec<Path>> = (0..trajectories.len()).into_par_iter().map(one).collect();
        Ok(RollOutLoss { trajectories, paths: paths?, batch, push, after, seed })
    }
}

impl Objective for RollOutLoss<'_> {
    fn loss(&mut self, net: &dyn Layer, tape: &Tape, step: usize) -> Result<Var> {
        let data = self.trajectories;
        let mut rng = Pcg64::new(u128::from(self.seed), step as u128);
        let pushed = if step < self.after { 0 } else { rng.random_range(0..=self.push) };
        let starts: Vec<[usize; 2]> = (0..self.batch)
            .map(|_| [rng.random_range(0..data.len()), rng.random_range(0..data.frames - 1 - pushed)])
            .collect();
        let paths = &self.paths;
        let all = |of: &dyn Fn(&Path) -> &[Vec<f32>], k: usize| -> Vec<f32> {
            starts.iter().flat_map(|&[i, t]| &of(&paths[i])[t + k]).copied().collect()
        };
        let truth = |k: usize| all(&|path| &path.u, k);
        let mut u = truth(0);
        let n = u.len() / self.batch;
        let step_by = |tape: &Tape, u: &[f32], k: usize| {
            let pairs = starts.iter().zip(u.chunks_exact(n));
            let states = pairs.map(|(&[i, t], u)| paths[i].state(t + k, u, data.viscosities[i]));
            net.forward(tape, &super::net::input(n, states))
        };
        for k in 0..pushed {
            u = step_by(&Tape::inference(), &u, k).value().data().to_vec();
        }
        let v = step_by(tape, &u, pushed);
        let [truth, roots] =
            [truth(pushed + 1), all(&|path| &path.roots, pushed + 1)].map(|x| Var::constant(Tensor::new(v.shape(), x)));
        let square = |u: &Var| {
            let weighted = mul(u, &roots);
            dot_samples(&weighted, &weighted)
        };
        Ok(mean(&sqrt(&div(&square(&sub(&v, &truth)), &square(&truth)))))
    }
}
