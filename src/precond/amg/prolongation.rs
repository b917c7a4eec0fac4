//! Smoothed prolongation P = (I − ω D_F⁻¹ A_F) P₀ (Vaněk, Mandel, Brezina 1996, doi:10.1007/BF02238511, §3).
//!
//! P₀ takes the near-null vector b apart into its parts on the aggregates, each of unit 2-norm. A_F is A with the weak
//! couplings dropped and the diagonal D_F changed so that A_F b = A b.

use super::aggregate::{Aggregates, NONE, Strength};
use crate::sparse::{BLOCK, Real, RowBuffer, Rows};
use rayon::prelude::*;

/// The least D_F allowed, as a part of the diagonal of A.
const LEAST_DIAGONAL: f64 = 0.1;

/// P, and the near-null vector of the coarse level.
pub struct Prolongation<T> {
    /// P by rows.
    pub matrix: Rows<T>,
    /// ‖b on the aggregate‖₂ for each aggregate.
    pub near_null: Vec<T>,
}

/// Smoothed prolongation of A = I + `a` with near-null vector `near_null`.
pub fn prolongation<T: Real>(
    a: &Rows<T>,
    strength: &Strength<'_, T>,
    aggregates: &Aggregates,
    near_null: &[T],
    omega: f64,
) -> Prolongation<T> {
    let mut squares = vec![0.0; aggregates.count];
    for (&k, &b) in aggregates.of.iter().zip(near_null) {
        if k != NONE {
            squares[k as usize] += b.wide() * b.wide();
        }
    }
    let norms: Vec<T> = squares.iter().map(|s| T::of(s.sqrt())).collect();
    let tentative: Vec<T> = aggregates
        .of
        .par_iter()
        .with_min_len(BLOCK)
        .zip(near_null)
        .map(|(&k, &b)| if k == NONE { T::ZERO } else { b / norms[k as usize] })
        .collect();
    let omega = T::of(omega);
    let matrix = Rows::build(
        a.len(),
        BLOCK,
        || (),
        |(), block, out| {
            for i in block {
                let first = out.columns.len();
                let own = aggregates.of[i];
                if own != NONE {
                    out.columns.push(own);
                    out.values.push(T::ZERO);
                }
                let mut diagonal = T::ONE;
                for (j, v) in a.row(i) {
                    if !strength.holds(i, j, v) {
                        diagonal += v * near_null[j] / near_null[i];
                    } else if aggregates.of[j] != NONE {
                        add(out, first, aggregates.of[j], v * tentative[j]);
                    }
                }
                let least = T::of(LEAST_DIAGONAL);
                let factor = -omega / if diagonal > least { diagonal } else { least };
                for v in &mut out.values[first..] {
                    *v = *v * factor;
                }
                if own != NONE {
                    out.values[first] += (T::ONE - omega) * tentative[i];
                }
                out.finish_row();
            }
        },
    );
    Prolongation { matrix, near_null: norms }
}

/// Adds to the entry of `column` in the row that began at `first`.
#[inline(always)]
fn add<T: Real>(out: &mut RowBuffer<T>, first: usize, column: u32, value: T) {
    match out.columns[first..].iter().position(|&c| c == column) {
        Some(k) => out.values[first + k] += value,
        None => {
            out.columns.push(column);
            out.values.push(value);
        }
    }
}
