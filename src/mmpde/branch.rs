//! A branch of the net: what it makes of u and of what is known at the nodes of one mesh.
//!
//! ```text
//! h <- W₀ (u, known, log d; on the lattice x − ξ, J⁻¹ − I, h ∇u, h ν Δu) + h of the branch before, if any
//! h <- the body's layers: messages along the edges, or multigrid on the lattice
//! δ = D h
//! ```
//!
//! d is the mean length of the edges at a node and x − ξ how far it was moved, both in units of h, the root of the area a node has on
//! the fixed mesh; J = ∂x/∂ξ. Messages see differences of places themselves; a convolution over the nodes' numbers sees derivatives in ξ
//! only, so it gets those in x, as what transport and diffusion do in the time h.

use super::config::{BranchKind, MmPdeConfig};
use super::graph::MessagePassing;
use super::interpolation::{Stencils, apply};
use super::lattice::Multigrid;
use super::metric::Metric;
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
    lattice: Option<OnLattice>,
}

/// What a lattice's nodes know of the map x(ξ).
struct OnLattice {
    /// `[nodes, 4]`: J⁻¹ − I.
    inverse: Tensor,
    /// h ∂/∂x, h ∂/∂y, h ν Δ.
    derivatives: [Arc<Stencils>; 3],
}

impl OnLattice {
    /// Of the nodes `points` of lattices of `side` nodes along a side, with ν of each.
    fn new(points: &[[f32; 2]], side: usize, viscosities: &[f64]) -> Self {
        let nodes = side * side;
        let (mut inverse, mut parts) = (Vec::with_capacity(4 * points.len()), [const { Vec::new() }; 3]);
        for (points, viscosity) in points.chunks_exact(nodes).zip(viscosities) {
            let metric = Metric::new(points, side);
            inverse.extend(metric.inverse.iter().flat_map(|[a, b, c, d]| [a - 1.0, *b, *c, d - 1.0].map(|x| x as f32)));
            let made = metric.derivatives(viscosity * (side - 1) as f64);
            parts.iter_mut().zip(made).for_each(|(parts, made)| parts.push(made));
        }
        OnLattice {
            inverse: Tensor::new(&[points.len(), 4], inverse),
            derivatives: parts.map(|parts| Arc::new(Stencils::together(&parts, nodes))),
        }
    }
}

impl Places {
    /// Of the nodes `points` of meshes that have them at `fixed` where nothing moves, lengths in the unit `h`.
    /// `lattice`: nodes along a side and ν of each mesh, where branches work on lattices.
    pub fn new(
        neighbours: &Arc<Neighbours>,
        points: &[[f32; 2]],
        fixed: &[[f64; 3]],
        h: f64,
        lattice: Option<(usize, &[f64])>,
    ) -> Self {
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
            lattice: lattice.map(|(side, viscosities)| OnLattice::new(points, side, viscosities)),
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
        // u and log d; x − ξ, J⁻¹ − I, three derivatives.
        let places = if branch == BranchKind::Mgno { 11 } else { 2 };
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
        let mut h = match &places.lattice {
            None => self.encoder.apply(tape, &join(&[u, known, &spacing])),
            Some(OnLattice { inverse, derivatives }) => {
                let [x, y, diffusion] = derivatives.each_ref().map(|d| apply(u, d));
                let inverse = Var::constant(inverse.clone());
                self.encoder.apply(tape, &join(&[u, known, &spacing, &shift, &inverse, &x, &y, &diffusion]))
            }
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
