//! Anderson acceleration of the iteration φ <- φ + d(φ): the next iterate mixes the last few so that their steps cancel best.
//!
//! φ₊ = φ + λ d − Σ γ_j (Δφ_j + λ Δd_j), γ = argmin ‖d − Σ γ_j Δd_j‖₂, Δ the changes from iterate to iterate.
//!
//! Reference: H. F. Walker and P. Ni, *Anderson acceleration for fixed-point iterations*, SIAM J. Numer. Anal. 49 (2011), §2,
//! doi:10.1137/10078356X. Departures: 1. the least squares by Gram-Schmidt from the newest change back, leaving out
//! changes that earlier ones nearly span.

use crate::sparse::vector::{axpy, dot, norm2};
use std::collections::VecDeque;

/// Changes that keep less than this part of their length beside the newer ones are left out.
const DEPENDENT: f64 = 1e-6;

/// The memory.
#[derive(Debug, Default)]
pub(super) struct Anderson {
    depth: usize,
    /// (Δφ, Δd), the newest first.
    changes: VecDeque<(Vec<f64>, Vec<f64>)>,
    last: Option<(Vec<f64>, Vec<f64>)>,
}

impl Anderson {
    /// Remembers `depth` changes.
    pub fn new(depth: usize) -> Self {
        Anderson { depth, ..Anderson::default() }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.changes.clear();
        self.last = None;
    }

    /// Whether the next iterate is a mix.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Learns the iterate φ and its step d.
    pub fn learn(&mut self, phi: &[f64], d: &[f64]) {
        if let Some((old_phi, old_d)) = self.last.take() {
            let minus = |a: &[f64], mut b: Vec<f64>| {
                b.iter_mut().zip(a).for_each(|(b, a)| *b = a - *b);
                b
            };
            self.changes.push_front((minus(phi, old_phi), minus(d, old_d)));
            self.changes.truncate(self.depth);
        }
        self.last = Some((phi.to_vec(), d.to_vec()));
    }

    /// The next iterate from the last one learnt, with the step damped by λ.
    pub fn next(&self, lambda: f64) -> Vec<f64> {
        let Some((phi, d)) = &self.last else { return Vec::new() };
        // Δd_j = Σ_i r_ij q_i; γ solves R γ = Qᵀ d.
        let mut basis: Vec<Vec<f64>> = Vec::new();
        let (mut upper, mut used): (Vec<Vec<f64>>, Vec<usize>) = (Vec::new(), Vec::new());
        for (j, (_, change)) in self.changes.iter().enumerate() {
            let mut q = change.clone();
            let mut column: Vec<f64> = Vec::new();
            for earlier in &basis {
                let along = dot(earlier, &q);
                axpy(-along, earlier, &mut q);
                column.push(along);
            }
            let rest = norm2(&q);
            if rest > DEPENDENT * norm2(change) && rest > 0.0 {
                q.iter_mut().for_each(|v| *v /= rest);
                column.push(rest);
                basis.push(q);
                upper.push(column);
                used.push(j);
            }
        }
        let mut gamma: Vec<f64> = basis.iter().map(|q| dot(q, d)).collect();
        for k in (0..gamma.len()).rev() {
            gamma[k] /= upper[k][k];
            for i in 0..k {
                gamma[i] -= upper[k][i] * gamma[k];
            }
        }
        let mut next = phi.clone();
        axpy(lambda, d, &mut next);
        for (&j, gamma) in used.iter().zip(gamma) {
            let (change_phi, change_d) = &self.changes[j];
            axpy(-gamma, change_phi, &mut next);
            axpy(-gamma * lambda, change_d, &mut next);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a linear iteration in n dimensions, n changes reach the fixed point.
    #[test]
    fn a_linear_iteration_ends_after_as_many_changes_as_unknowns() {
        let a = [[0.9, 0.1, 0.0], [0.1, 0.5, 0.2], [0.0, 0.2, -1.4]];
        let target = [1.0, -2.0, 0.5];
        let step = |phi: &[f64]| -> Vec<f64> {
            (0..3).map(|i| (0..3).map(|j| a[i][j] * (target[j] - phi[j])).sum()).collect()
        };
        let mut anderson = Anderson::new(5);
        let mut phi = vec![0.0; 3];
        for _ in 0..5 {
            anderson.learn(&phi, &step(&phi));
            phi = anderson.next(1.0);
        }
        assert!((0..3).all(|i| (phi[i] - target[i]).abs() < 1e-9), "{phi:?}");
    }
}
