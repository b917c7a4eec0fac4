//! A U-Net, a baseline: pairs of convolutions on lattices of half the sides each, and the way back beside what was there before.
//!
//! ```text
//! down  v <- g(v); v₊ <- gelu(D v)            g two convolutions of 3 × 3, each followed by GELU; D of stride 2, twice the channels
//! up    v <- g'(v, U v₊)                      U the transpose of a convolution of 4 × 4 with stride 2
//! ```
//!
//! Source: O. Ronneberger, P. Fischer and T. Brox, *U-Net*, MICCAI 2015, arXiv:1505.04597, figure 1. Departures: zeros around
//! images, strides instead of maxima over blocks, GELU, no normalisation, any sides.

use crate::nn::multigrid::{Lattice, POINT, Stencil, sides, sides_of};
use crate::nn::ops::{add, gelu};
use crate::nn::{Boundary, Layer, Param, Tape, Var};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

/// The shape of a net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UNetConfig {
    /// Directions: 1, 2 or 3 (default 2).
    pub dimension: usize,
    /// Channels of a (default 1).
    pub inputs: usize,
    /// Channels of u (default 1).
    pub outputs: usize,
    /// Lattices (default 4).
    pub levels: usize,
    /// Channels on the finest (default 12).
    pub width: usize,
}

impl Default for UNetConfig {
    fn default() -> Self {
        UNetConfig { dimension: 2, inputs: 1, outputs: 1, levels: 4, width: 12 }
    }
}

#[derive(Debug, Clone)]
struct Level {
    before: [Stencil; 2],
    below: Option<Below>,
}

#[derive(Debug, Clone)]
struct Below {
    down: Stencil,
    up: Stencil,
    /// Of v, of U v₊, and of their sum: a convolution of both together.
    after: [Stencil; 3],
}

/// The net on images `[batch, n0, n1, n2, inputs]`.
#[derive(Debug, Clone)]
pub struct UNet {
    lattice: Lattice,
    levels: Vec<Level>,
    head: Stencil,
}

impl UNet {
    /// A net with random weights.
    pub fn new(config: &UNetConfig, seed: u64) -> Self {
        let mut rng = Pcg64::seed_from_u64(seed);
        let k = sides(config.dimension, 3);
        let mut levels = Vec::new();
        for l in 0..config.levels {
            let width = config.width << l;
            let mut conv = |part: &str, k: [usize; 3], c: usize, d: usize| {
                // One bias for the sum of two convolutions, none for a transpose.
                let bias = !["after.u", "up"].contains(&part);
                let fan = if part == "up" { width } else { c };
                Stencil::new(&format!("level.{l}.{part}"), k, [c, d], bias, fan, &mut rng)
            };
            let before = [
                conv("before.0", k, if l == 0 { config.inputs } else { width }, width),
                conv("before.1", k, width, width),
            ];
            let below = (l + 1 < config.levels).then(|| {
                let after = ["after.v", "after.u", "after.1"].map(|part| conv(part, k, width, width));
                let down = conv("down", k, width, 2 * width);
                Below { down, up: conv("up", sides(config.dimension, 4), width, 2 * width), after }
            });
            levels.push(Level { before, below });
        }
        let head = Stencil::new("head", [1; 3], [config.width, config.outputs], true, config.width, &mut rng);
        let lattice = Lattice { dimension: config.dimension, boundary: [[Boundary::Zero; 2]; 3], margin: 1 };
        UNet { lattice, levels, head }
    }

    fn through(&self, tape: &Tape, l: usize, v: &Var) -> Var {
        let (level, same, n) = (&self.levels[l], self.lattice.same(), sides_of(v));
        let mut v = v.clone();
        for conv in &level.before {
            v = gelu(&conv.apply(tape, &v, same));
        }
        let Some(below) = &level.below else { return v };
        let down = below.down.apply(tape, &v, self.lattice.down());
        let coarse = self.through(tape, l + 1, &gelu(&down));
        let up = below.up.transpose(tape, &coarse, self.lattice.up(4, n), n);
        let [of_v, of_up, last] = &below.after;
        let both = add(&of_v.apply(tape, &v, same), &of_up.apply(tape, &up, same));
        gelu(&last.apply(tape, &gelu(&both), same))
    }
}

impl Layer for UNet {
    fn forward(&self, tape: &Tape, a: &Var) -> Var {
        self.head.apply(tape, &self.through(tape, 0, a), POINT)
    }

    fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        for level in &mut self.levels {
            level.before.iter_mut().for_each(|s| s.visit(see));
            let Some(below) = &mut level.below else { continue };
            [&mut below.down, &mut below.up].into_iter().chain(&mut below.after).for_each(|s| s.visit(see));
        }
        self.head.visit(see);
    }
}
