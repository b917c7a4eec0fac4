//! The Fourier neural operator in the plane, a baseline.
//!
//! ```text
//! v <- lift (a, x, y);  v <- gelu(F⁻¹ (R F v) + L v)  for each of the layers, without gelu in the last;  u = Q gelu(P v)
//! ```
//!
//! F is the discrete Fourier transform cut off to wave numbers −m ≤ k₁ < m, 0 ≤ k₂ < m, R a complex matrix of channels a wave
//! number, L, P and Q are pointwise, P to 128 channels. Source: Z. Li et al., *Fourier neural operator for parametric partial
//! differential equations*, ICLR 2021, arXiv:2010.08895, §4 and §5.2.
//!
//! Departure: the transforms are products with the few rows of their matrices that are kept: no padding, any sides.

use crate::nn::multigrid::{POINT, Stencil};
use crate::nn::ops::{add, along, gelu, mix, scale, sub};
use crate::nn::{Layer, Param, Tape, Tensor, Var};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use std::sync::Arc;

/// The shape of a net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FnoConfig {
    /// Channels of a (default 1).
    pub inputs: usize,
    /// Channels of u (default 1).
    pub outputs: usize,
    /// Layers (default 4).
    pub layers: usize,
    /// Channels between them (default 20).
    pub width: usize,
    /// m (default 12).
    pub modes: usize,
}

impl Default for FnoConfig {
    fn default() -> Self {
        FnoConfig { inputs: 1, outputs: 1, layers: 4, width: 20, modes: 12 }
    }
}

#[derive(Debug, Clone)]
struct Block {
    /// Real and imaginary part of R.
    spectral: [Param; 2],
    pointwise: Stencil,
}

/// The net on images `[batch, 1, n1, n2, inputs]`.
#[derive(Debug, Clone)]
pub struct Fno {
    modes: usize,
    lift: Stencil,
    blocks: Vec<Block>,
    project: [Stencil; 2],
}

/// Channels before the last map.
const PROJECTION: usize = 128;

impl Fno {
    /// A net with random weights.
    pub fn new(config: &FnoConfig, seed: u64) -> Self {
        let mut rng = Pcg64::seed_from_u64(seed);
        let (width, modes) = (config.width, config.modes);
        let mut point = |name: &str, c: usize, d: usize| Stencil::new(name, [1; 3], [c, d], true, c, &mut rng);
        let lift = point("lift", config.inputs + 2, width);
        let pointwise: Vec<Stencil> =
            (0..config.layers).map(|k| point(&format!("layer.{k}.pointwise"), width, width)).collect();
        let project = [point("project.0", width, PROJECTION), point("project.1", PROJECTION, config.outputs)];
        let bound = 1.0 / (width * width) as f32;
        let mut part = |k: usize, part: &str| {
            let noise = Tensor::uniform(&[2 * modes * modes, width, width], 0.5 * bound, &mut rng);
            // From 0 to 1 / width², as published.
            let value = Tensor::new(noise.shape(), noise.data().iter().map(|v| v + 0.5 * bound).collect());
            Param { name: format!("layer.{k}.spectral.{part}"), value }
        };
        let blocks = pointwise.into_iter().enumerate();
        let blocks =
            blocks.map(|(k, pointwise)| Block { spectral: [part(k, "re"), part(k, "im")], pointwise }).collect();
        Fno { modes, lift, blocks, project }
    }
}

/// cos and sin of 2π k i / n for wave numbers k = `first`, ...: two matrices `[count, n]`.
fn waves(first: isize, count: usize, n: usize) -> [Tensor; 2] {
    let angle = |q: usize| TAU * ((first + (q / n) as isize) * (q % n) as isize) as f64 / n as f64;
    [f64::cos, f64::sin].map(|f| Tensor::new(&[count, n], (0..count * n).map(|q| f(angle(q)) as f32).collect()))
}

fn transposed(m: &Tensor) -> Tensor {
    let [rows, columns] = [m.shape()[0], m.shape()[1]];
    Tensor::new(&[columns, rows], (0..rows * columns).map(|q| m.data()[q % rows * columns + q / rows]).collect())
}

/// The transforms along both directions and back.
struct Transform {
    /// cos and sin along direction 1, and transposed.
    slow: [Arc<Tensor>; 4],
    /// Along direction 2.
    fast: [Arc<Tensor>; 4],
}

impl Transform {
    fn new(modes: usize, [_, n1, n2]: [usize; 3]) -> Self {
        let four = |[c, s]: [Tensor; 2]| [transposed(&c), transposed(&s), c, s].map(Arc::new);
        let [slow_ct, slow_st, slow_c, slow_s] = four(waves(-(modes as isize), 2 * modes, n1));
        let [fast_ct, fast_st, fast_c, fast_s] = four(waves(0, modes, n2));
        Transform { slow: [slow_c, slow_s, slow_ct, slow_st], fast: [fast_c, fast_s, fast_ct, fast_st] }
    }

    fn forth(&self, v: &Var) -> [Var; 2] {
        let [c, s, ..] = &self.fast;
        let (re, im) = (along(v, c, 3), scale(&along(v, s, 3), -1.0));
        let [c, s, ..] = &self.slow;
        [add(&along(&re, c, 2), &along(&im, s, 2)), sub(&along(&im, c, 2), &along(&re, s, 2))]
    }

    /// 2 Re F⁻¹, where k₂ = 0 counts half: its factor is learned with R.
    fn back(&self, [re, im]: [Var; 2], cells: usize) -> Var {
        let [.., c, s] = &self.slow;
        let (zr, zi) = (sub(&along(&re, c, 2), &along(&im, s, 2)), add(&along(&im, c, 2), &along(&re, s, 2)));
        let [.., c, s] = &self.fast;
        scale(&sub(&along(&zr, c, 3), &along(&zi, s, 3)), 2.0 / cells as f32)
    }
}

/// a with the coordinates of the cells' centres as two more channels.
fn with_coordinates(a: &Var) -> Var {
    let (_, [n0, n1, n2], channels) = a.value().image();
    let mut out = Vec::with_capacity(a.value().len() / channels * (channels + 2));
    for (cell, a) in a.value().data().chunks_exact(channels).enumerate() {
        let (i, j) = (cell / n2 % n1, cell % n2);
        out.extend_from_slice(a);
        out.extend([(i as f32 + 0.5) / n1 as f32, (j as f32 + 0.5) / n2 as f32]);
    }
    Var::constant(Tensor::new(&[a.shape()[0], n0, n1, n2, channels + 2], out))
}

impl Layer for Fno {
    fn forward(&self, tape: &Tape, a: &Var) -> Var {
        let (_, n, _) = a.value().image();
        let transform = Transform::new(self.modes, n);
        let point = |stencil: &Stencil, v: &Var| stencil.apply(tape, v, POINT);
        let mut v = point(&self.lift, &with_coordinates(a));
        for (k, block) in self.blocks.iter().enumerate() {
            let [re, im] = transform.forth(&v);
            let [rr, ri] = block.spectral.each_ref().map(|p| tape.parameter(p));
            let (xr, xi) = (sub(&mix(&re, &rr), &mix(&im, &ri)), add(&mix(&re, &ri), &mix(&im, &rr)));
            let y = add(&transform.back([xr, xi], n.iter().product()), &point(&block.pointwise, &v));
            v = if k + 1 < self.blocks.len() { gelu(&y) } else { y };
        }
        point(&self.project[1], &gelu(&point(&self.project[0], &v)))
    }

    fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        self.lift.visit(see);
        for block in &mut self.blocks {
            block.spectral.iter_mut().for_each(&mut *see);
            block.pointwise.visit(see);
        }
        self.project.iter_mut().for_each(|p| p.visit(see));
    }
}
