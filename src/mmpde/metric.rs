//! Derivatives in x of a function on a moved lattice, by differences along the lattice and the map's Jacobian J = ∂x/∂ξ:
//!
//! ```text
//! ∇u  = J⁻ᵀ ∇_ξ u
//! Δu  = 1/|J| ∇_ξ · (|J| J⁻¹ J⁻ᵀ ∇_ξ u)      inside, 0 on the sides
//! ```
//!
//! Central differences, one-sided of second order on the sides; fluxes of Δ on the middles between nodes, so that its stencil is the nine
//! nodes around. Of second order; Δ beside the sides of first.

use super::interpolation::Stencils;

/// Where the nodes of one lattice are, with what of J belongs to each node.
pub(super) struct Metric {
    side: usize,
    /// J⁻¹ at the nodes: ∂ξ₁/∂x, ∂ξ₁/∂y, ∂ξ₂/∂x, ∂ξ₂/∂y, for ξ in nodes and x in units of the spacing at rest.
    pub inverse: Vec<[f64; 4]>,
    /// |J|.
    det: Vec<f64>,
}

/// Weights of nodes.
type Row = Vec<(usize, f64)>;

impl Metric {
    /// Of a lattice of `side` nodes along a side at `points`.
    pub fn new(points: &[[f32; 2]], side: usize) -> Self {
        let spacing = 1.0 / (side - 1) as f64;
        let mut out = Metric { side, inverse: Vec::new(), det: Vec::new() };
        for q in 0..points.len() {
            let along = |axis: usize| {
                let difference = |k: usize| {
                    out.difference(q, axis).iter().map(|(v, w)| w * f64::from(points[*v][k])).sum::<f64>() / spacing
                };
                [difference(0), difference(1)]
            };
            let ([a, c], [b, d]) = (along(0), along(1));
            let det = a * d - b * c;
            out.inverse.push([d / det, -b / det, -c / det, a / det]);
            out.det.push(det);
        }
        out
    }

    /// ∂/∂ξ at a node, along the lattice's axis 0 or 1.
    fn difference(&self, q: usize, axis: usize) -> Row {
        let (at, stride) = if axis == 0 { (q % self.side, 1) } else { (q / self.side, self.side) };
        match at {
            0 => vec![(q, -1.5), (q + stride, 2.0), (q + 2 * stride, -0.5)],
            k if k == self.side - 1 => vec![(q, 1.5), (q - stride, -2.0), (q - 2 * stride, 0.5)],
            _ => vec![(q + stride, 0.5), (q - stride, -0.5)],
        }
    }

    /// h ∂/∂x, h ∂/∂y and `factor` h² Δ at every node, h the spacing at rest.
    pub fn derivatives(&self, factor: f64) -> [Stencils; 3] {
        let rows = |row: &dyn Fn(usize) -> Row| Stencils::from_rows((0..self.det.len()).map(row));
        let gradient = |k: usize| {
            rows(&|q| {
                let part = |axis: usize| {
                    let factor = self.inverse[q][2 * axis + k];
                    self.difference(q, axis).into_iter().map(move |(v, w)| (v, factor * w))
                };
                part(0).chain(part(1)).collect()
            })
        };
        [gradient(0), gradient(1), rows(&|q| self.laplacian(q, factor))]
    }

    /// `factor` h² Δ at a node.
    fn laplacian(&self, q: usize, factor: f64) -> Row {
        let n = self.side;
        if [q % n, q / n].iter().any(|k| *k == 0 || *k == n - 1) {
            return Vec::new();
        }
        let mut out = Vec::new();
        for (axis, stride) in [(0, 1), (1, n)] {
            for (sign, next) in [(1.0, q + stride), (-1.0, q - stride)] {
                // |J| J⁻¹ J⁻ᵀ between the two nodes: the row of this axis.
                let tensor = |p: usize, j: usize| {
                    let [mine, other] = [axis, j].map(|i| [self.inverse[p][2 * i], self.inverse[p][2 * i + 1]]);
                    self.det[p] * (mine[0] * other[0] + mine[1] * other[1])
                };
                let between = |j: usize| 0.5 * (tensor(q, j) + tensor(next, j)) / self.det[q] * factor;
                let (straight, cross) = (between(axis), sign * between(1 - axis));
                out.extend([(next, straight), (q, -straight)]);
                for p in [q, next] {
                    out.extend(self.difference(p, 1 - axis).into_iter().map(|(v, w)| (v, 0.5 * cross * w)));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mmpde::interpolation::apply;
    use crate::nn::{Tensor, Var};
    use std::f64::consts::PI;
    use std::sync::Arc;

    /// Errors of ∂u/∂x, ∂u/∂y and Δu of sin(2x) cos(3y) on a moved lattice of n cells.
    fn errors(n: usize) -> [f64; 3] {
        let spacing = 1.0 / n as f64;
        let points: Vec<[f32; 2]> = (0..(n + 1) * (n + 1))
            .map(|q| {
                let [x, y] = [q % (n + 1), q / (n + 1)].map(|k| k as f64 * spacing);
                let bump = (PI * x).sin() * (PI * y).sin();
                [(x + 0.1 * bump) as f32, (y - 0.07 * bump) as f32]
            })
            .collect();
        let all: Vec<[f64; 2]> = points.iter().map(|p| p.map(f64::from)).collect();
        let u = all.iter().map(|[x, y]| ((2.0 * x).sin() * (3.0 * y).cos()) as f32).collect();
        let u = Var::constant(Tensor::new(&[all.len(), 1], u));
        let metric = Metric::new(&points, n + 1);
        let inside = |q: usize| [q % (n + 1), q / (n + 1)].iter().all(|k| *k > 1 && *k < n - 1);
        let mut of = 0;
        metric.derivatives(1.0).map(|stencils| {
            let made = apply(&u, &Arc::new(stencils));
            let off = made.value().data().iter().zip(&all).enumerate().map(|(q, (made, [x, y]))| {
                let (s, c) = ((2.0 * x).sin() * (3.0 * y).cos(), (2.0 * x).cos());
                let truth = match of {
                    0 => 2.0 * c * (3.0 * y).cos() * spacing,
                    1 => -3.0 * (2.0 * x).sin() * (3.0 * y).sin() * spacing,
                    _ if inside(q) => -13.0 * s * spacing * spacing,
                    _ => f64::from(*made),
                };
                (f64::from(*made) - truth).abs()
            });
            let largest = off.fold(0.0, f64::max);
            of += 1;
            largest / spacing.powi(if of == 3 { 2 } else { 1 })
        })
    }

    #[test]
    fn derivatives_on_a_moved_lattice_are_of_second_order() {
        let all = [8, 16, 32].map(errors);
        for k in 0..3 {
            let orders: Vec<f64> = all.windows(2).map(|e| (e[0][k] / e[1][k]).log2()).collect();
            assert!(orders.iter().all(|o| *o > 1.6), "{k}: {all:?} {orders:?}");
        }
    }
}
