//! Random local features: functions on boxes of which an approximation is a linear combination.
//!
//! ```text
//! N(x) = sum over boxes K, features k of c_Kk φ_k(ξ),   ξ = (x - middle) / (half a side)
//! φ_k(ξ) = w(ξ) sum_r T_rk tanh(a_r·(ξ - s_r)),   w(ξ) = exp(-|ξ|²/2s²) where |ξ_i| < ρ, else 0
//! ```
//!
//! a uniform in [−`BAND`, `BAND`]ᵈ, their shifts uniform in three widths s of the window; T keeps the first of the functions that the singular value decomposition
//! orders by their size in the window and makes them orthonormal there. All boxes have the same φ.
//!
//! J. Chen, X. Chi, W. E and Z. Yang, *Bridging traditional and machine learning-based algorithms for solving PDEs: the random
//! feature method*, J. Mach. Learn. 1 (2022) 268, §2.
//!
//! 1. Published: boxes of one size, windows that sum to 1, features drawn for each box and used as they are.

use super::activation::Derivatives;
use super::boxes::{Boxes, gauss_legendre};
use super::{Activation, Form};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use rand::Rng;
use rand_pcg::Pcg64;
use rayon::prelude::*;

/// s and ρ. Where it is cut off the window is 2e-11.
const WIDTH: f64 = 2.0;
const REACH: f64 = 14.0;
/// Half the side of the box, in ξ, that shifts are drawn from and T is found in.
const RANGE: f64 = 3.0 * WIDTH;
/// Largest |a_i|.
const BAND: f64 = 0.6;
/// Random functions for each that is kept.
const DRAWN: usize = 2;
/// Points in each direction at which T is found.
const GRID: usize = 24;
/// Points of one task.
const BLOCK: usize = 64;

/// φ in ξ.
#[derive(Debug, Clone)]
pub(super) struct Features {
    /// a and a·s by r.
    slopes: Vec<Vec<f64>>,
    shifts: Vec<f64>,
    /// T
    mix: Mat<f64>,
}

/// The channels at one point, and room for what they are made of.
#[derive(Debug, Clone, Default)]
struct Scratch {
    xi: Vec<f64>,
    /// Value, first and second derivative of the window's factor in each direction.
    factors: Vec<[f64; 3]>,
    /// Of the window: derivatives, forms.
    gradient: Vec<f64>,
    bent: Vec<f64>,
    /// a by x
    slope: Vec<f64>,
    z: Vec<f64>,
    tanh: Derivatives<f64>,
    /// `[channel][r]`
    out: Vec<f64>,
}

/// The product of a window's factors, each in its order of derivative.
fn product(factors: &[[f64; 3]], order: impl Fn(usize) -> usize) -> f64 {
    factors.iter().enumerate().map(|(i, f)| f[order(i)]).product()
}

impl Features {
    /// At most `n` features in d dimensions.
    pub fn new(n: usize, d: usize, rng: &mut Pcg64) -> Self {
        let drawn = DRAWN * n;
        let mut uniform = |most: f64| most * (2.0 * rng.random::<f64>() - 1.0);
        let slopes: Vec<Vec<f64>> = (0..drawn).map(|_| (0..d).map(|_| uniform(BAND)).collect()).collect();
        let shifts = slopes.iter().map(|a| a.iter().map(|a| a * uniform(RANGE)).sum()).collect();
        let mut features = Features { slopes, shifts, mix: Mat::identity(drawn, drawn) };
        let rule = gauss_legendre(if d > 2 { GRID / 2 } else { GRID });
        let points = rule.len().pow(d as u32);
        let mut values = Mat::zeros(points, drawn);
        let mut scratch = features.scratch(d, &[], false);
        for k in 0..points {
            let node = |i: usize| rule[k / rule.len().pow(i as u32) % rule.len()];
            (0..d).for_each(|i| scratch.xi[i] = RANGE * node(i).0);
            let weight: f64 = (0..d).map(|i| node(i).1).product();
            features.channels(&vec![1.0; d], &[], &mut scratch);
            scratch.out.iter().enumerate().for_each(|(r, v)| values[(k, r)] = weight.sqrt() * v);
        }
        if let Ok(svd) = values.thin_svd() {
            let size = |k: usize| svd.S().column_vector()[k];
            features.mix = Mat::from_fn(drawn, n, |r, k| svd.V()[(r, k)] / size(k));
        }
        features
    }

    /// Features of a box.
    pub fn len(&self) -> usize {
        self.mix.ncols()
    }

    /// Room for the channels of all r, the value alone or with all derivatives.
    fn scratch(&self, d: usize, forms: &[Form], derivatives: bool) -> Scratch {
        let n = self.slopes.len();
        let channels = if derivatives { 1 + d + forms.len() } else { 1 };
        let (tanh, out) = (Derivatives::new(n), vec![0.0; channels * n]);
        Scratch { xi: vec![0.0; d], slope: vec![0.0; d], tanh, out, ..Scratch::default() }
    }

    /// w tanh of every r at `scratch.xi`, before T, into `scratch.out`, and all derivatives by x if there is room for them. `halves`: of the
    /// box's sides.
    fn channels(&self, halves: &[f64], forms: &[Form], scratch: &mut Scratch) {
        let Scratch { xi, factors, gradient, bent, slope, z, tanh, out } = scratch;
        let (n, d) = (self.slopes.len(), xi.len());
        factors.clear();
        factors.extend(xi.iter().zip(halves).map(|(xi, half)| {
            let s = xi / WIDTH;
            let w = (-0.5 * s * s).exp();
            let h = WIDTH * half;
            [w, -s * w / h, (s * s - 1.0) * w / (h * h)]
        }));
        z.clear();
        z.extend(
            self.slopes
                .iter()
                .zip(&self.shifts)
                .map(|(slope, shift)| slope.iter().zip(&*xi).map(|(a, xi)| a * xi).sum::<f64>() - shift),
        );
        Activation::Tanh.evaluate(z, tanh, 0);
        let [t, s1, s2, _] = &tanh.orders;
        let w = product(factors, |_| 0);
        out.iter_mut().zip(t).for_each(|(out, t)| *out = w * t);
        if out.len() == n {
            return;
        }
        gradient.clear();
        gradient.extend((0..d).map(|i| product(factors, |k| usize::from(k == i))));
        bent.clear();
        let second = |i: usize, j: usize| product(factors, |k| usize::from(k == i) + usize::from(k == j));
        bent.extend(forms.iter().map(|form| form.0.iter().map(|&(i, j, q)| q * second(i, j)).sum::<f64>()));
        for r in 0..n {
            let [t, s1, s2] = [t[r], s1[r], s2[r]];
            slope.iter_mut().zip(&self.slopes[r]).zip(halves).for_each(|((a, slope), half)| *a = slope / half);
            for i in 0..d {
                out[(1 + i) * n + r] = gradient[i] * t + w * s1 * slope[i];
            }
            for (q, form) in forms.iter().enumerate() {
                let cross = 2.0 * s1 * form.mixed(gradient, slope);
                out[(1 + d + q) * n + r] = bent[q] * t + cross + w * s2 * form.mixed(slope, slope);
            }
        }
    }
}

/// N: boxes, their features, coefficients.
#[derive(Debug, Clone)]
pub(super) struct Local {
    pub boxes: Boxes,
    pub features: Features,
    /// Whether N repeats along each coordinate.
    pub periodic: Vec<bool>,
    /// c, box by box.
    pub coefficients: Vec<f64>,
}

impl Local {
    /// ξ_i of a leaf, by the shorter way round along periodic coordinates.
    fn along(&self, leaf: usize, x: &[f64], i: usize) -> f64 {
        let leaf = &self.boxes.leaves[leaf];
        let mut apart = x[i] - leaf.middle[i];
        if self.periodic[i] {
            let period = self.boxes.bounds[i][1] - self.boxes.bounds[i][0];
            apart -= period * (apart / period).round();
        }
        apart / self.boxes.half(leaf.level, i)
    }

    /// ξ of a leaf; whether its window reaches x.
    fn local(&self, leaf: usize, x: &[f64], xi: &mut [f64]) -> bool {
        xi.iter_mut().enumerate().for_each(|(i, xi)| *xi = self.along(leaf, x, i));
        xi.iter().all(|xi| xi.abs() < REACH)
    }

    fn halves(&self, leaf: usize) -> Vec<f64> {
        (0..self.periodic.len()).map(|i| self.boxes.half(self.boxes.leaves[leaf].level, i)).collect()
    }

    /// The leaves whose windows reach into a box around `middle`.
    pub fn reaching(&self, middle: &[f64], halves: &[f64]) -> Vec<usize> {
        let reaches = |leaf: &usize| {
            let beyond = |i: usize| halves[i] / self.boxes.half(self.boxes.leaves[*leaf].level, i);
            (0..middle.len()).all(|i| self.along(*leaf, middle, i).abs() < REACH + beyond(i))
        };
        (0..self.boxes.leaves.len()).filter(reaches).collect()
    }

    /// Σ over channels of `seeds` (`[point][channel]`) times those of a leaf's features at points: `[point][feature]`.
    pub fn rows(&self, leaf: usize, points: &[f64], forms: &[Form], seeds: &[f64]) -> Mat<f64> {
        let (d, drawn, halves) = (self.periodic.len(), self.features.slopes.len(), self.halves(leaf));
        let mut rows: Mat<f64> = Mat::zeros(points.len() / d, drawn);
        let seeds = seeds.chunks_exact(1 + d + forms.len());
        let mut scratch = self.features.scratch(d, forms, true);
        for (i, (x, seeds)) in points.chunks_exact(d).zip(seeds).enumerate() {
            if self.local(leaf, x, &mut scratch.xi) {
                self.features.channels(&halves, forms, &mut scratch);
                for r in 0..drawn {
                    rows[(i, r)] = seeds.iter().enumerate().map(|(c, s)| s * scratch.out[c * drawn + r]).sum();
                }
            }
        }
        let mut mixed = Mat::zeros(rows.nrows(), self.features.len());
        matmul(mixed.as_mut(), Accum::Replace, rows.as_ref(), self.features.mix.as_ref(), 1.0, Par::Seq);
        mixed
    }

    /// The channels of N at points, or its values alone: `[point][channel]`.
    pub fn evaluate(&self, points: &[f64], forms: &[Form], derivatives: bool) -> Vec<f64> {
        let (d, n, drawn) = (self.periodic.len(), self.features.len(), self.features.slopes.len());
        // T c of every box that has a part in N.
        let of = |(leaf, c): (usize, &[f64])| {
            let mixed = |r: usize| (0..n).map(|k| self.features.mix[(r, k)] * c[k]).sum();
            (leaf, self.halves(leaf), (0..drawn).map(mixed).collect::<Vec<f64>>())
        };
        let parts = self.coefficients.chunks_exact(n).enumerate().filter(|(_, c)| c.iter().any(|c| *c != 0.0));
        let parts: Vec<_> = parts.map(of).collect();
        let channels = if derivatives { 1 + d + forms.len() } else { 1 };
        let block = |points: &[f64]| {
            let mut scratch = self.features.scratch(d, forms, derivatives);
            let mut out = vec![0.0; points.len() / d * channels];
            for (x, out) in points.chunks_exact(d).zip(out.chunks_exact_mut(channels)) {
                for (leaf, halves, mixed) in &parts {
                    if self.local(*leaf, x, &mut scratch.xi) {
                        self.features.channels(halves, forms, &mut scratch);
                        for (out, values) in out.iter_mut().zip(scratch.out.chunks_exact(drawn)) {
                            *out += values.iter().zip(mixed).map(|(v, c)| v * c).sum::<f64>();
                        }
                    }
                }
            }
            out
        };
        points.par_chunks(BLOCK * d).flat_map_iter(block).collect()
    }
}
