//! The lattice of [`SIDE`]² middles of the unit square on which the equation is looked at, and what is left of it there:
//!
//! r = log m(ξ + ∇φ) + log det J less its mean,   J = I + D²φ
//!
//! L = mean r² + b mean(max(0, c − λ_min(J))²),   b = [`BARRIER`], c = [`CONVEX`]
//!
//! The first term of the loss L vanishes where m det J is constant, which is the Monge-Ampère equation; the second keeps J positive
//! definite. Below [`LEAST_DET`] the logarithm goes on along its tangent.

use super::cosine::{Derivatives, Table, derivatives};
use super::net::INPUTS;
use crate::nn::Tensor;

/// Points of the lattice in each direction.
pub const SIDE: usize = 32;
const LEAST_DET: f64 = 0.03;
const CONVEX: f64 = 0.05;
const BARRIER: f64 = 10.0;

/// The places along one direction.
pub fn table() -> Table {
    Table::new((0..SIDE).map(place))
}

fn place(q: usize) -> f64 {
    (q as f64 + 0.5) / SIDE as f64
}

/// The equation on the lattice, at one potential.
pub struct Remainder {
    derivatives: Vec<Derivatives>,
    /// ∂log det J / ∂det J.
    by_det: Vec<f64>,
    /// r
    pub values: Vec<f64>,
    /// L
    pub loss: f64,
}

/// Derivatives on the lattice of the series with these coefficients, and where its points go.
pub fn moved(c: &[f64], table: &Table) -> (Vec<Derivatives>, Vec<[f64; 2]>) {
    let all = derivatives(c, table, table);
    let to = all.iter().enumerate().map(|(k, d)| [place(k / SIDE) + d[0], place(k % SIDE) + d[1]]);
    let to = to.collect();
    (all, to)
}

/// The smallest eigenvalue of J, and its derivatives by φ_xx, φ_yy and φ_xy.
pub fn smallest(d: &Derivatives) -> (f64, [f64; 3]) {
    // λ_min = 1 + (xx + yy)/2 − s, s = √(((xx − yy)/2)² + xy²)
    let [_, _, xx, yy, xy] = *d;
    let half = 0.5 * (xx - yy);
    let s = half.hypot(xy).max(1e-12);
    (1.0 + 0.5 * (xx + yy) - s, [0.5 - 0.5 * half / s, 0.5 + 0.5 * half / s, -xy / s])
}

impl Remainder {
    /// From log m where the points went.
    pub fn new(derivatives: Vec<Derivatives>, log_m: impl Iterator<Item = f64>) -> Self {
        let log_det = |d: &Derivatives| {
            let det = (1.0 + d[2]) * (1.0 + d[3]) - d[4] * d[4];
            match det > LEAST_DET {
                true => (det.ln(), 1.0 / det),
                false => (LEAST_DET.ln() + det / LEAST_DET - 1.0, 1.0 / LEAST_DET),
            }
        };
        let at = |(log_m, d): (f64, &Derivatives)| {
            let (log_det, by_det) = log_det(d);
            (log_m + log_det, by_det)
        };
        let (mut values, by_det): (Vec<f64>, Vec<f64>) = log_m.zip(&derivatives).map(at).unzip();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        values.iter_mut().for_each(|v| *v -= mean);
        let short = |d: &Derivatives| (CONVEX - smallest(d).0).max(0.0).powi(2);
        let squares = values.iter().map(|v| v * v).sum::<f64>();
        let loss = (squares + BARRIER * derivatives.iter().map(short).sum::<f64>()) / count;
        Remainder { derivatives, by_det, values, loss }
    }

    /// The gradient of L for the derivatives of φ, with the slopes of log m where the points went.
    pub fn gradient(&self, slopes: &[[f64; 2]]) -> Vec<Derivatives> {
        let count = self.values.len() as f64;
        let at = |k: usize| {
            let (d, slope) = (&self.derivatives[k], slopes[k]);
            // The mean has no part: Σ r = 0.
            let g = 2.0 * self.values[k] / count;
            let by_det = g * self.by_det[k];
            let mut out =
                [g * slope[0], g * slope[1], by_det * (1.0 + d[3]), by_det * (1.0 + d[2]), -2.0 * by_det * d[4]];
            let (lambda, by) = smallest(d);
            let short = -2.0 * BARRIER * (CONVEX - lambda).max(0.0) / count;
            (0..3).for_each(|i| out[2 + i] += short * by[i]);
            out
        };
        (0..self.values.len()).map(at).collect()
    }

    /// What the net sees, `SIDE² × INPUTS` numbers: r, φ_xx, φ_yy, φ_xy.
    pub fn image(&self) -> impl Iterator<Item = f32> {
        self.values.iter().zip(&self.derivatives).flat_map(|(r, d)| [*r, d[2], d[3], d[4]].map(|v| v as f32))
    }
}

/// Images as one batch.
pub fn batch<'a>(remainders: impl Iterator<Item = &'a Remainder>) -> Tensor {
    let data: Vec<f32> = remainders.flat_map(Remainder::image).collect();
    Tensor::new(&[data.len() / (SIDE * SIDE * INPUTS), 1, SIDE, SIDE, INPUTS], data)
}
