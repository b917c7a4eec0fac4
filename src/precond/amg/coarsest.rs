//! The coarsest level: a dense inverse from a Cholesky factorization A = L Lᵀ that leaves out the unknowns whose pivot vanishes, so
//! that a semi-definite A (one null vector for each component without Dirichlet data) gets a symmetric generalized
//! inverse.

use crate::sparse::{Real, Rows, inverse};

/// Dense symmetric (generalized) inverse, by rows.
#[derive(Debug, Clone)]
pub struct DenseInverse<T> {
    pub(super) n: usize,
    pub(super) values: Vec<T>,
}

impl<T: Real> DenseInverse<T> {
    /// Of I + `a`, unknown k being row `order[k]` of `a`. A pivot below `tolerance` counts as zero.
    pub fn new(a: &Rows<T>, order: &[u32], tolerance: f64) -> Self {
        let n = a.len();
        let column = inverse(order);
        let mut l = vec![0.0; n * n];
        for (i, &row) in order.iter().enumerate() {
            l[i * n + i] = 1.0;
            for (j, v) in a.row(row as usize) {
                l[i * n + column[j] as usize] += v.wide();
            }
        }
        let kept = cholesky(&mut l, n, tolerance);
        let mut values = vec![T::ZERO; n * n];
        let mut x = vec![0.0; n];
        for k in (0..n).filter(|&k| kept[k]) {
            // L y = e_k, Lᵀ x = y; only x[k..] is wanted, the rest follows by symmetry.
            x.fill(0.0);
            x[k] = 1.0;
            for i in k..n {
                let s: f64 = (k..i).map(|j| l[i * n + j] * x[j]).sum();
                x[i] = if kept[i] { (x[i] - s) / l[i * n + i] } else { 0.0 };
            }
            for i in (k..n).rev() {
                let v = if kept[i] { x[i] / l[i * n + i] } else { 0.0 };
                x[i] = v;
                for j in k..i {
                    x[j] -= l[i * n + j] * v;
                }
                values[i * n + k] = T::of(v);
                values[k * n + i] = T::of(v);
            }
        }
        DenseInverse { n, values }
    }

    /// x <- A⁻¹ b.
    pub fn apply(&self, b: &[T], x: &mut [T]) {
        x[..self.n].fill(T::ZERO);
        for (row, &b) in self.values.chunks_exact(self.n.max(1)).zip(b) {
            for (x, &v) in x.iter_mut().zip(row) {
                *x += v * b;
            }
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        size_of_val(self.values.as_slice())
    }
}

/// Overwrites the lower triangle of `l` by its Cholesky factor; returns which unknowns had a pivot above `tolerance`.
fn cholesky(l: &mut [f64], n: usize, tolerance: f64) -> Vec<bool> {
    let mut kept = vec![true; n];
    for i in 0..n {
        let (above, row) = l.split_at_mut(i * n);
        for j in 0..i {
            let other = &above[j * n..j * n + j + 1];
            let s: f64 = other[..j].iter().zip(&row[..j]).map(|(a, b)| a * b).sum();
            row[j] = if kept[j] { (row[j] - s) / other[j] } else { 0.0 };
        }
        let pivot = row[i] - row[..i].iter().map(|v| v * v).sum::<f64>();
        kept[i] = pivot > tolerance;
        row[i] = if kept[i] { pivot.sqrt() } else { 0.0 };
    }
    kept
}
