//! A branch of the net: what it makes of u and of what is known at the nodes of one mesh.
//!
//! ```text
//! h <- W₀ (u, known, log d, x − ξ) + h of the branch before, if any
//! h <- the body's layers: messages along the edges, or multigrid on the lattice
//! δ = D h
//! ```
//!
//! d is the mean length of the edges at a node and x − ξ how far it was moved, both in units of h, the root of the area a node has on
//! the fixed mesh. Messages see differences of places themselves, so they get no x − ξ.

use super::config::{BranchKind, MmPdeConfig};
use super::graph::MessagePassing;
use super::lattice::Multigrid;
use crate::error::Result;
use crate::nn::ops::{Neighbours, add, join, linear};
use crate::nn::{Param, Tape, Tensor, Var};
use rand::Rng;
use std::sync::Arc;

/// The geometry of a batch of equal meshes with their nodes where they are now.
pub(super) struct Places {
    pub neighbours: Arc<Neighbours>,
    pub receivers: Arc<[u32]>,
    pub senders: Arc<[u32]>,
    /// `[edges, 3]`: x_j − x_i and its length.
    pub offsets: Tensor,
    /// 1 / |x_j − x_i|.
    pub inverse: Tensor,
    /// `[nodes, 1]`: log d.
    spacing: Tensor,
    /// `[nodes, 2]`: x − ξ.
    shift: Tensor,
}

impl Places {
    /// Of the nodes `points` of meshes that have them at `fixed` where nothing moves, lengths in the unit `h`.
    pub fn new(neighbours: &Arc<Neighbours>, points: &[[f32; 2]], fixed: &[[f64; 3]], h: f64) -> Self {
        let [receivers, senders] = neighbours.ends(points.len() / fixed.len());
        let (mut offsets, mut inverse) = (Vec::with_capacity(3 * senders.len()), Vec::with_capacity(senders.len()));
        let mut spacing = vec![0.0f32; points.len()];
        for (&i, &j) in receivers.iter().zip(&*senders) {
            let [x, y] = std::array::from_fn(|k| f64::from(points[j as usize][k] - points[i as usize][k]) / h);
            let length = x.hypot(y);
            offsets.extend([x as f32, y as f32, length as f32]);
            inverse.push((1.0 / length) as f32);
            spacing[i as usize] += length as f32 / neighbours.of(i as usize % neighbours.nodes()).len() as f32;
        }
        spacing.iter_mut().for_each(|d| *d = d.ln());
        let shift = points.iter().zip(fixed.iter().cycle());
        let shift = shift.flat_map(|(x, xi)| [0, 1].map(|k| ((f64::from(x[k]) - xi[k]) / h) as f32)).collect();
        Places {
            offsets: Tensor::new(&[senders.len(), 3], offsets),
            inverse: Tensor::new(&[senders.len()], inverse),
            spacing: Tensor::new(&[points.len(), 1], spacing),
            shift: Tensor::new(&[points.len(), 2], shift),
            neighbours: neighbours.clone(),
            receivers,
            senders,
        }
    }
}

/// x W + b.
#[derive(Debug, Clone)]
pub(super) struct Dense([Param; 2]);

impl Dense {
    /// Weights evenly distributed within ±√(6 / (from + to)) times `scale`, biases 0.
    pub fn new(name: &str, [from, to]: [usize; 2], scale: f32, rng: &mut impl Rng) -> Self {
        let bound = scale * (6.0 / (from + to) as f32).sqrt();
        let param = |part: &str, value| Param { name: format!("{name}.{part}"), value };
        Dense([param("weight", Tensor::uniform(&[from, to], bound, rng)), param("bias", Tensor::zeros(&[to]))])
    }

    pub fn apply(&self, tape: &Tape, x: &Var) -> Var {
        linear(x, &tape.parameter(&self.0[0]), &tape.parameter(&self.0[1]))
    }

    pub fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        self.0.iter_mut().for_each(see);
    }
}

#[derive(Debug, Clone)]
enum Body {
    Graph(MessagePassing),
    Lattice(Multigrid),
}

/// The net of one branch.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    encoder: Dense,
    body: Body,
}

impl Branch {
    /// For so many `known` numbers of a node.
    ///
    /// Errors: none for sizes that were checked.
    pub fn new(name: &str, config: &MmPdeConfig, known: usize, rng: &mut impl Rng) -> Result<Self> {
        let MmPdeConfig { width, layers, cells, branch, .. } = *config;
        // u and log d; x − ξ.
        let places = if branch == BranchKind::Mgno { 4 } else { 2 };
        let encoder = Dense::new(&format!("{name}.encoder"), [known + places, width], 1.0, rng);
        let body = match branch {
            BranchKind::Graph => Body::Graph(MessagePassing::new(name, width, layers, rng)),
            BranchKind::Mgno => Body::Lattice(Multigrid::new(name, width, layers, cells + 1, rng)?),
        };
        Ok(Branch { encoder, body })
    }

    /// h `[nodes, C]` from u `[nodes, 1]`, what is known of the nodes, and h of the branch before.
    pub fn forward(&self, tape: &Tape, u: &Var, known: &Var, places: &Places, before: Option<&Var>) -> Var {
        let [spacing, shift] = [&places.spacing, &places.shift].map(|t| Var::constant(t.clone()));
        let mut h = match self.body {
            Body::Graph(_) => self.encoder.apply(tape, &join(&[u, known, &spacing])),
            Body::Lattice(_) => self.encoder.apply(tape, &join(&[u, known, &spacing, &shift])),
        };
        if let Some(before) = before {
            h = add(&h, before);
        }
        match &self.body {
            Body::Graph(graph) => graph.forward(tape, h, u, places),
            Body::Lattice(lattice) => lattice.forward(tape, h),
        }
    }

    pub fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        self.encoder.visit(see);
        match &mut self.body {
            Body::Graph(graph) => graph.visit(see),
            Body::Lattice(lattice) => lattice.visit(see),
        }
    }
}
