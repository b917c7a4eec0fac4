//! Multigrid layers on the lattice of the nodes' numbers: u(x(ξ)), pulled back from the moved mesh, is an image, as optimal transport of a
//! square keeps every node's place in the lattice.
//!
//! h <- h + gelu(W h + L h) for each of the layers, W a multigrid cycle with learned kernels, L a matrix
//!
//! Reference: J. He, X. Liu and J. Xu, *MgNO*, ICLR 2024, arXiv:2310.19809, §3. Departure: h stays in the sum.

use super::branch::Dense;
use crate::error::Result;
use crate::nn::multigrid::{CycleConfig, MgConv};
use crate::nn::ops::{add, gelu, reshape};
use crate::nn::{Layer, Param, Tape, Var};
use rand::Rng;

/// Levels of a cycle: the coarsest has about 6 nodes along a side at 24 cells.
const LEVELS: usize = 3;

/// Some layers on lattices of `side` nodes along a side.
#[derive(Debug, Clone)]
pub(super) struct Multigrid {
    side: usize,
    layers: Vec<(MgConv, Dense)>,
}

impl Multigrid {
    pub fn new(name: &str, width: usize, layers: usize, side: usize, rng: &mut impl Rng) -> Result<Self> {
        let config = CycleConfig::levels(2, LEVELS);
        let mut layer = |k: usize| {
            let cycle = MgConv::new(&format!("{name}.{k}.cycle"), &config, [width; 2], rng)?;
            Ok((cycle, Dense::new(&format!("{name}.{k}.pointwise"), [width; 2], 1.0, rng)))
        };
        let layers: Result<Vec<(MgConv, Dense)>> = (0..layers).map(&mut layer).collect();
        Ok(Multigrid { side, layers: layers? })
    }

    /// From h `[batch side², C]`.
    pub fn forward(&self, tape: &Tape, mut h: Var) -> Var {
        let rows = h.shape().to_vec();
        let image = [rows[0] / (self.side * self.side), 1, self.side, self.side, rows[1]];
        for (cycle, pointwise) in &self.layers {
            let around = reshape(&cycle.forward(tape, &reshape(&h, &image)), &rows);
            h = add(&h, &gelu(&add(&around, &pointwise.apply(tape, &h))));
        }
        h
    }

    pub fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        for (cycle, pointwise) in &mut self.layers {
            cycle.visit(see);
            pointwise.visit(see);
        }
    }
}
