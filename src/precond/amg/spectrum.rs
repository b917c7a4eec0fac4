//! Greatest eigenvalue of a symmetric matrix by the Lanczos process (Golub, Van Loan, Matrix Computations, §10.1).

use crate::sparse::{BLOCK, Real, Rows};
use rayon::prelude::*;

/// Added to the Lanczos estimate, which comes from below.
const SAFETY: f64 = 1.05;

/// Estimate of λ_max of I + `a` from `steps` Lanczos steps, with a little added, and never above the bound
/// max (|A| w)ᵢ / wᵢ, which holds for every w > 0.
pub fn greatest_eigenvalue<T: Real>(a: &Rows<T>, w: &[T], steps: usize) -> f64 {
    let n = a.len();
    let bound = (0..n)
        .into_par_iter()
        .with_min_len(BLOCK)
        .map(|i| 1.0 + a.row(i).map(|(j, v)| v.wide().abs() * w[j].wide()).sum::<f64>() / w[i].wide())
        .reduce(|| 1.0, f64::max);
    let mut v: Vec<T> = (0..n as u64).map(|i| T::of(noise(i))).collect();
    let length = norm(&v);
    scale(&mut v, 1.0 / length);
    let mut before = vec![T::ZERO; n];
    let (mut diagonal, mut off): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    for step in 0..steps.min(n) {
        let beta = if step == 0 { 0.0 } else { off[step - 1] };
        // u <- A v − β v₋₁
        let b = T::of(beta);
        before.par_chunks_mut(BLOCK).enumerate().for_each(|(k, u)| {
            for (i, u) in (k * BLOCK..).zip(u) {
                *u = v[i] + a.row(i).fold(T::ZERO, |s, (j, c)| s + c * v[j]) - b * *u;
            }
        });
        let alpha = dot(&before, &v);
        let m = T::of(alpha);
        before.par_iter_mut().with_min_len(BLOCK).zip(&v).for_each(|(u, v)| *u -= m * *v);
        diagonal.push(alpha);
        let beta = norm(&before);
        if beta <= 1e-6 * alpha.abs() {
            break;
        }
        off.push(beta);
        scale(&mut before, 1.0 / beta);
        std::mem::swap(&mut before, &mut v);
    }
    (SAFETY * tridiagonal_maximum(&diagonal, &off, bound)).min(bound)
}

/// Greatest eigenvalue of a symmetric tridiagonal matrix in [0, `high`] by bisection on the signs of its pivots.
fn tridiagonal_maximum(diagonal: &[f64], off: &[f64], high: f64) -> f64 {
    let (mut low, mut high) = (0.0, high);
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        let mut pivot = 1.0;
        let all_below = diagonal.iter().enumerate().all(|(k, d)| {
            let b = if k == 0 { 0.0 } else { off[k - 1] };
            pivot = d - middle - b * b / pivot;
            pivot < 0.0
        });
        if all_below { high = middle } else { low = middle }
    }
    high
}

/// A fixed number in (−1, 1) for each i (SplitMix64).
fn noise(i: u64) -> f64 {
    let mut z = (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn dot<T: Real>(a: &[T], b: &[T]) -> f64 {
    let sums: Vec<f64> = a
        .par_chunks(BLOCK)
        .zip(b.par_chunks(BLOCK))
        .map(|(a, b)| a.iter().zip(b).fold(T::ZERO, |s, (&a, &b)| s + a * b).wide())
        .collect();
    sums.iter().sum()
}

fn norm<T: Real>(a: &[T]) -> f64 {
    dot(a, a).sqrt()
}

fn scale<T: Real>(a: &mut [T], by: f64) {
    let by = T::of(by);
    a.par_iter_mut().with_min_len(BLOCK).for_each(|a| *a = *a * by);
}
