//! The multigrid neural operator: layers of a multigrid cycle, a pointwise map and GELU.
//!
//! ```text
//! v <- a;   v <- gelu(W v + L v)  for each of the layers;   u = H v  (+ a)
//! ```
//!
//! W is [`MgConv`], L a 1 × 1 convolution with bias (the paper's "bias function"), H a 1 × 1 convolution without, or one more
//! cycle. Source: He, Liu and Xu, ICLR 2024, §3; the variants are those of the authors' program.
//!
//! Departures: GELU is the tanh approximation (at most 5e-4 from the exact one that the authors use); scaling to and from
//! mean 0 and variance 1 is [`Operator`](super::Operator)'s.

use crate::error::Result;
use crate::nn::multigrid::{CycleConfig, MgConv, POINT, Stencil, norm_parameters, normalise};
use crate::nn::ops::{add, gelu};
use crate::nn::{Boundary, Layer, Param, Tape, Var};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

/// The shape of a net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MgNoConfig {
    /// Channels of a (default 1).
    pub inputs: usize,
    /// Channels of u (default 1).
    pub outputs: usize,
    /// Layers (default 4).
    pub layers: usize,
    /// n: channels between them (default 16).
    pub width: usize,
    /// The cycles.
    pub cycle: CycleConfig,
    /// Whether there is an L (default yes).
    pub pointwise: bool,
    /// The sides for a layer normalisation before every GELU (default none).
    pub norm: Option<[usize; 3]>,
    /// Whether H is a cycle (default no).
    pub cycle_head: bool,
    /// Whether a is added to the result; then there are as many channels in as out (default no).
    pub skip: bool,
}

impl Default for MgNoConfig {
    fn default() -> Self {
        MgNoConfig {
            inputs: 1,
            outputs: 1,
            layers: 4,
            width: 16,
            cycle: CycleConfig::default(),
            pointwise: true,
            norm: None,
            cycle_head: false,
            skip: false,
        }
    }
}

/// The nets of the paper's table.
impl MgNoConfig {
    /// Darcy flow of a rough coefficient, and the multiscale one: 572 661 numbers.
    pub fn darcy_rough() -> Self {
        MgNoConfig { width: 24, cycle: CycleConfig::levels(2, 6), ..MgNoConfig::default() }
    }

    /// Darcy flow of a smooth coefficient on 211 × 211 points: 678 093 numbers.
    pub fn darcy_smooth() -> Self {
        let mut net = MgNoConfig { layers: 5, ..MgNoConfig::darcy_rough() };
        net.cycle.prolongation = vec![3, 4, 3, 3, 4];
        net
    }

    /// Flow through a pipe, from the mesh's coordinates: 783 876 numbers.
    pub fn pipe() -> Self {
        let mut net = MgNoConfig { inputs: 2, layers: 5, ..MgNoConfig::darcy_rough() };
        net.cycle.smoothing[4] = [1, 1];
        net
    }

    /// One step of periodic Navier-Stokes flow on 64 × 64: 2 885 194 numbers.
    pub fn navier_stokes() -> Self {
        let smoothing = [1, 1, 1, 2, 2].map(|pre| [pre, 0]).to_vec();
        let cycle = CycleConfig { smoothing, bias: true, norm: Some([1, 64, 64]), ..CycleConfig::levels(2, 5) };
        let cycle = cycle.within(Boundary::Periodic);
        MgNoConfig { layers: 5, width: 32, cycle, pointwise: false, skip: true, ..MgNoConfig::default() }
    }

    /// Helmholtz' equation on 101 × 101 points: 5 340 565 numbers, and 11 241 more in the authors' program that take no part.
    pub fn helmholtz() -> Self {
        let cycle = CycleConfig {
            prolongation: vec![3, 4, 4, 3],
            margin: 0,
            bias: true,
            widening: true,
            ..CycleConfig::levels(2, 5).within(Boundary::Reflect)
        };
        let norm = Some([1, 101, 101]);
        MgNoConfig { width: 20, cycle, pointwise: false, norm, cycle_head: true, ..MgNoConfig::default() }
    }
}

#[derive(Debug, Clone)]
struct Block {
    cycle: MgConv,
    pointwise: Option<Stencil>,
    norm: Option<[Param; 2]>,
}

#[derive(Debug, Clone)]
enum Head {
    Pointwise(Stencil),
    Cycle(Box<MgConv>),
}

/// The net on images `[batch, n0, n1, n2, inputs]`.
#[derive(Debug, Clone)]
pub struct MgNo {
    blocks: Vec<Block>,
    head: Head,
    skip: bool,
}

impl MgNo {
    /// A net with random weights.
    ///
    /// Errors: as [`CycleConfig::check`].
    pub fn new(config: &MgNoConfig, seed: u64) -> Result<Self> {
        let mut rng = Pcg64::seed_from_u64(seed);
        let mut blocks = Vec::new();
        for k in 0..config.layers {
            let channels = [if k == 0 { config.inputs } else { config.width }, config.width];
            let cycle = MgConv::new(&format!("layer.{k}.cycle"), &config.cycle, channels, &mut rng)?;
            let pointwise = config
                .pointwise
                .then(|| Stencil::new(&format!("layer.{k}.pointwise"), [1; 3], channels, true, channels[0], &mut rng));
            let norm = config.norm.map(|n| norm_parameters(&format!("layer.{k}.norm"), n, config.width));
            blocks.push(Block { cycle, pointwise, norm });
        }
        let channels = [if config.layers == 0 { config.inputs } else { config.width }, config.outputs];
        let head = match config.cycle_head {
            true => Head::Cycle(Box::new(MgConv::new("head", &config.cycle, channels, &mut rng)?)),
            false => Head::Pointwise(Stencil::new("head", [1; 3], channels, false, channels[0], &mut rng)),
        };
        Ok(MgNo { blocks, head, skip: config.skip })
    }
}

impl Layer for MgNo {
    fn forward(&self, tape: &Tape, x: &Var) -> Var {
        let mut v = x.clone();
        for block in &self.blocks {
            let mut y = block.cycle.forward(tape, &v);
            if let Some(pointwise) = &block.pointwise {
                y = add(&y, &pointwise.apply(tape, &v, POINT));
            }
            if let Some(norm) = &block.norm {
                y = normalise(tape, &y, norm);
            }
            v = gelu(&y);
        }
        let u = match &self.head {
            Head::Pointwise(head) => head.apply(tape, &v, POINT),
            Head::Cycle(head) => head.forward(tape, &v),
        };
        if self.skip { add(&u, x) } else { u }
    }

    fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        for block in &mut self.blocks {
            block.cycle.visit(see);
            block.pointwise.iter_mut().for_each(|p| p.visit(see));
            block.norm.iter_mut().flatten().for_each(&mut *see);
        }
        match &mut self.head {
            Head::Pointwise(head) => head.visit(see),
            Head::Cycle(head) => head.visit(see),
        }
    }
}
