//! Random local features: functions on boxes of which an approximation is a linear combination.
//!
//! ```text
//! N(x) = sum over boxes K, features k of c_Kk φ_k(ξ),   ξ = (x - middle) / (half a side)
//! φ_k(ξ) = w(ξ) sum_r T_rk tanh(a_r·(ξ - s_r)),   w(ξ) = prod_i (1 - (ξ_i/ρ)²)^p where |ξ_i| < ρ, else 0
//! ```
//!
//! a uniform in [−`BAND`, `BAND`]ᵈ, s uniform in the window; T keeps the first of the functions that the singular value decomposition
//! orders by their size in the window and makes them orthonormal there. All boxes have the same φ.
//!
//! J. Chen, X. Chi, W. E and Z. Yang, *Bridging traditional and machine learning-based algorithms for solving PDEs: the random
//! feature method*, J. Mach. Learn. 1 (2022) 268, §2.
//!
//! 1. Published: boxes of one size, windows that sum to 1, features drawn for each box and used as they are.

use super::Form;
use super::boxes::{Boxes, gauss_legendre};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use rand::Rng;
use rand_pcg::Pcg64;
use rayon::prelude::*;

/// ρ and p
const REACH: f64 = 4.0;
const POWER: i32 = 5;
/// Largest |a_i|.
const BAND: f64 = 1.0;
/// Random functions for each that is kept.
const DRAWN: usize = 2;
/// Points in each direction at which T is found.
const GRID: usize = 24;

/// φ in ξ.
#[derive(Debug, Clone)]
pub(super) struct Features {
    /// a and a·s by r.
    slopes: Vec<Vec<f64>>,
    shifts: Vec<f64>,
    /// T
    mix: Mat<f64>,
}

/// w and its derivatives by x at a point: the window's one factor a direction.
struct Window {
    /// Value, first and second derivative of each factor.
    factors: Vec<[f64; 3]>,
}

impl Window {
    fn product(&self, order: impl Fn(usize) -> usize) -> f64 {
        self.factors.iter().enumerate().map(|(i, f)| f[order(i)]).product()
    }

    fn first(&self, i: usize) -> f64 {
        self.product(|k| usize::from(k == i))
    }

    fn second(&self, i: usize, j: usize) -> f64 {
        self.product(|k| usize::from(k == i) + usize::from(k == j))
    }
}

impl Features {
    /// At most `n` features in d dimensions.
    pub fn new(n: usize, d: usize, rng: &mut Pcg64) -> Self {
        let drawn = DRAWN * n;
        let mut uniform = |most: f64| most * (2.0 * rng.random::<f64>() - 1.0);
        let slopes: Vec<Vec<f64>> = (0..drawn).map(|_| (0..d).map(|_| uniform(BAND)).collect()).collect();
        let shifts = slopes.iter().map(|a| a.iter().map(|a| a * uniform(REACH)).sum()).collect();
        let mut features = Features { slopes, shifts, mix: Mat::identity(drawn, drawn) };
        let rule = gauss_legendre(if d > 2 { GRID / 2 } else { GRID });
        let points = rule.len().pow(d as u32);
        let mut values = Mat::zeros(points, drawn);
        for k in 0..points {
            let node = |i: usize| rule[k / rule.len().pow(i as u32) % rule.len()];
            let xi: Vec<f64> = (0..d).map(|i| REACH * node(i).0).collect();
            let weight: f64 = (0..d).map(|i| node(i).1).product();
            let row = features.channels(&xi, &vec![1.0; d], &[], false);
            row.iter().enumerate().for_each(|(r, v)| values[(k, r)] = weight.sqrt() * v);
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

    /// w tanh of every r at ξ, before T: `[channel][r]`, the value alone or with all derivatives by x. `halves`: of the box's sides.
    fn channels(&self, xi: &[f64], halves: &[f64], forms: &[Form], derivatives: bool) -> Vec<f64> {
        let d = xi.len();
        let factor = |(xi, half): (&f64, &f64)| {
            let [s, p] = [xi / REACH, f64::from(POWER)];
            let (h, one) = (REACH * half, 1.0 - s * s);
            let low = one.powi(POWER - 2);
            [
                low * one * one,
                -2.0 * p * s * low * one / h,
                (4.0 * p * (p - 1.0) * s * s - 2.0 * p * one) * low / (h * h),
            ]
        };
        let window = Window { factors: xi.iter().zip(halves).map(factor).collect() };
        let n = self.slopes.len();
        let channels = if derivatives { 1 + d + forms.len() } else { 1 };
        let mut out = vec![0.0; channels * n];
        let w = window.product(|_| 0);
        let gradient: Vec<f64> = (0..d).map(|i| window.first(i)).collect();
        let bent: Vec<f64> =
            forms.iter().map(|form| form.0.iter().map(|&(i, j, q)| q * window.second(i, j)).sum()).collect();
        let mut a = vec![0.0; d];
        for r in 0..n {
            let z = self.slopes[r].iter().zip(xi).map(|(a, xi)| a * xi).sum::<f64>() - self.shifts[r];
            let t = z.tanh();
            out[r] = w * t;
            if !derivatives {
                continue;
            }
            let s1 = 1.0 - t * t;
            let s2 = -2.0 * t * s1;
            a.iter_mut().zip(&self.slopes[r]).zip(halves).for_each(|((a, slope), half)| *a = slope / half);
            for i in 0..d {
                out[(1 + i) * n + r] = gradient[i] * t + w * s1 * a[i];
            }
            for (q, form) in forms.iter().enumerate() {
                let cross = 2.0 * s1 * form.mixed(&gradient, &a);
                out[(1 + d + q) * n + r] = bent[q] * t + cross + w * s2 * form.mixed(&a, &a);
            }
        }
        out
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

    fn local(&self, leaf: usize, x: &[f64]) -> Vec<f64> {
        (0..x.len()).map(|i| self.along(leaf, x, i)).collect()
    }

    /// Whether a leaf's window reaches x.
    fn covers(&self, leaf: usize, x: &[f64]) -> bool {
        (0..x.len()).all(|i| self.along(leaf, x, i).abs() < REACH)
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
        for (i, (x, seeds)) in points.chunks_exact(d).zip(seeds).enumerate().filter(|(_, (x, _))| self.covers(leaf, x))
        {
            let values = self.features.channels(&self.local(leaf, x), &halves, forms, true);
            for r in 0..drawn {
                rows[(i, r)] = seeds.iter().enumerate().map(|(c, s)| s * values[c * drawn + r]).sum();
            }
        }
        let mut mixed = Mat::zeros(rows.nrows(), self.features.len());
        matmul(mixed.as_mut(), Accum::Replace, rows.as_ref(), self.features.mix.as_ref(), 1.0, Par::Seq);
        mixed
    }

    /// The channels of N at points, or its values alone: `[point][channel]`.
    pub fn evaluate(&self, points: &[f64], forms: &[Form], derivatives: bool) -> Vec<f64> {
        let (d, n, drawn) = (self.periodic.len(), self.features.len(), self.features.slopes.len());
        // T c of every box.
        let mixed: Vec<Vec<f64>> = (0..self.boxes.leaves.len())
            .map(|leaf| {
                let c = &self.coefficients[leaf * n..(leaf + 1) * n];
                (0..drawn).map(|r| (0..n).map(|k| self.features.mix[(r, k)] * c[k]).sum()).collect()
            })
            .collect();
        let channels = if derivatives { 1 + d + forms.len() } else { 1 };
        let at = |x: &[f64]| {
            let mut out = vec![0.0; channels];
            for (leaf, mixed) in mixed.iter().enumerate() {
                if self.covers(leaf, x) {
                    let xi = self.local(leaf, x);
                    let values = self.features.channels(&xi, &self.halves(leaf), forms, derivatives);
                    for (out, values) in out.iter_mut().zip(values.chunks_exact(drawn)) {
                        *out += values.iter().zip(mixed).map(|(v, c)| v * c).sum::<f64>();
                    }
                }
            }
            out
        };
        points.par_chunks(d).flat_map_iter(at).collect()
    }
}
