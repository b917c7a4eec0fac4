//! The loss of training: the relative error after one step from the truth, later also from states the net itself has stepped to.
//!
//! A batch begins at random frames. Its first k steps are made without gradient, k from 0 to `push` at random, and the loss is that of
//! step k + 1: the push-forward of J. Brandstetter, D. Worrall and M. Welling, ICLR 2022, arXiv:2202.03376, §3.1.
//!
//! Departure: on the way meshes are those of the true frames, moved once before training; roll-outs move to the net's own states.

use super::{MeshMover, MmPde, Trajectories};
use crate::error::{Error, Result};
use crate::nn::ops::{div, dot_samples, mean, sqrt, sub};
use crate::nn::{Layer, Tape, Tensor, Var};
use crate::train::Objective;
use rand::Rng;
use rand_pcg::Pcg64;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Mean relative L2 error of a batch.
pub struct RollOutLoss<'a> {
    trajectories: &'a Trajectories,
    /// Moved nodes of every frame but the last ones.
    nodes: Vec<Vec<[f32; 2]>>,
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
            let mut mover = MeshMover::new(net.mesh(), net.config().nodes)?;
            let all = (0..trajectories.frames - 1).map(|frame| mover.nodes(trajectories.frame(i, frame)));
            let all = all.collect::<Result<Vec<_>>>()?;
            moved(count.fetch_add(1, Ordering::Relaxed) + 1);
            Ok(all)
        };
        let nodes: Result<Vec<Vec<_>>> = (0..trajectories.len()).into_par_iter().map(one).collect();
        let nodes = nodes?.into_iter().flatten().collect();
        Ok(RollOutLoss { trajectories, nodes, batch, push, after, seed })
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
        let mut u: Vec<f32> = starts.iter().flat_map(|&[i, t]| data.frame(i, t)).copied().collect();
        let n = data.nodes();
        let step_by = |tape: &Tape, u: &[f32], k: usize| {
            let states = starts
                .iter()
                .zip(u.chunks_exact(n))
                .map(|(&[i, t], u)| (u, &self.nodes[i * (data.frames - 1) + t + k][..], data.viscosities[i]));
            net.forward(tape, &super::net::input(n, states))
        };
        for k in 0..pushed {
            u = step_by(&Tape::inference(), &u, k).value().data().to_vec();
        }
        let v = step_by(tape, &u, pushed);
        let truth = starts.iter().flat_map(|&[i, t]| data.frame(i, t + pushed + 1)).copied().collect();
        let truth = Var::constant(Tensor::new(v.shape(), truth));
        let e = sub(&v, &truth);
        Ok(mean(&sqrt(&div(&dot_samples(&e, &e), &dot_samples(&truth, &truth)))))
    }
}
