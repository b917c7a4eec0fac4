//! Greatest eigenvalue of a level's matrix A = I + O by the Lanczos process (Golub, Van Loan, Matrix Computations,
//! §10.1), which estimates it from below, and by a bound from above.

use crate::sparse::{BLOCK, LANES, Packed, Real, Rows, SLICES, Vector, zeros};
use rayon::prelude::*;

/// Least and greatest number of Lanczos steps.
const STEPS: (usize, usize) = (5, 12);
/// Added to the Lanczos estimate, which comes from below.
const SAFETY: f64 = 1.05;

/// Estimate of λ_max of I + `o`, of `n` rows. It is made no sharper than to be above `enough`, from where on nothing
/// depends on its being right.
pub fn greatest_eigenvalue<T: Real>(o: &Packed<T>, n: usize, enough: f64) -> f64 {
    let mut v: Vector<T> = zeros(n);
    v.as_flattened_mut()[..n].par_chunks_mut(BLOCK).enumerate().for_each(|(k, v)| {
        for (i, v) in ((k * BLOCK) as u64..).zip(v) {
            *v = T::of(noise(i));
        }
    });
    let mut before: Vector<T> = zeros(n);
    let (mut diagonal, mut off) = (Vec::new(), vec![0.0]);
    let mut length = dot(&v, &v).sqrt();
    let mut estimate = 0.0;
    for step in 1..=STEPS.1.min(n) {
        // v is `length` times the unit Lanczos vector; before <- A v − β v₋₁
        let (unit, beta) = (T::of(1.0 / length), T::of(off[off.len() - 1]));
        let parts = (v.par_chunks(SLICES), before.par_chunks_mut(SLICES)).into_par_iter();
        o.sweep(v.as_flattened(), parts, |(v, u), s, sum| {
            for l in 0..LANES {
                u[s][l] = unit * (v[s][l] + sum[l]) - beta * u[s][l];
            }
        });
        let alpha = dot(&before, &v) / length;
        let factor = T::of(alpha / length);
        before.par_chunks_mut(SLICES).zip(v.par_chunks_mut(SLICES)).for_each(|(u, v)| {
            for (u, v) in u.as_flattened_mut().iter_mut().zip(v.as_flattened_mut()) {
                *u -= factor * *v;
                *v = unit * *v;
            }
        });
        diagonal.push(alpha);
        std::mem::swap(&mut before, &mut v);
        length = dot(&v, &v).sqrt();
        estimate = SAFETY * tridiagonal_maximum(&diagonal, &off);
        if length <= 1e-6 * alpha.abs() || step >= STEPS.0 && estimate >= enough {
            break;
        }
        off.push(length);
    }
    estimate
}

/// max (|A| w)ᵢ / wᵢ of A = I + `o`: no eigenvalue is greater, whatever w > 0 is.
pub fn eigenvalue_bound<T: Real>(o: &Rows<T>, w: &[T]) -> f64 {
    let ratio = |i: usize| {
        let sum = o.row(i).fold(T::ZERO, |s, (j, v)| s + if v < T::ZERO { -v * w[j] } else { v * w[j] });
        1.0 + sum.wide() / w[i].wide()
    };
    (0..o.len()).into_par_iter().with_min_len(BLOCK).map(ratio).reduce(|| 1.0, f64::max)
}

/// Greatest eigenvalue of the symmetric tridiagonal matrix with this diagonal and with `off`\[k\] left of `diagonal`\[k\],
/// by bisection on the signs of its pivots.
fn tridiagonal_maximum(diagonal: &[f64], off: &[f64]) -> f64 {
    let (mut low, mut high) = (0.0, diagonal.iter().zip(off).map(|(d, b)| d + 2.0 * b).fold(1.0, f64::max) * 2.0);
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        let mut pivot = 1.0;
        let all_below = diagonal.iter().zip(off).all(|(d, b)| {
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

/// a · b, summed lane by lane within a window and then in order.
fn dot<T: Real>(a: &Vector<T>, b: &Vector<T>) -> f64 {
    let window = |(a, b): (&[[T; LANES]], &[[T; LANES]])| {
        let mut sums = [T::ZERO; LANES];
        for (a, b) in a.iter().zip(b) {
            for l in 0..LANES {
                sums[l] += a[l] * b[l];
            }
        }
        sums.iter().map(|s| s.wide()).sum::<f64>()
    };
    let sums: Vec<f64> = a.par_chunks(SLICES).zip(b.par_chunks(SLICES)).map(window).collect();
    sums.iter().sum()
}
