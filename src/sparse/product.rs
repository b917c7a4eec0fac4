//! The Galerkin product Pᵀ (I + A) P as two products by rows (Gustavson 1978, doi:10.1145/355791.355796): row i of X Y
//! is Σⱼ xᵢⱼ yⱼ, gathered with a table of where each column of the current row is.

use super::{Real, RowBuffer, Rows};

/// Rows of a product made as one unit of work.
const BLOCK: usize = 2048;

/// Where each column of the row being built is. Positions count on through all rows this table has served, so that
/// those of earlier rows are told by being too small.
struct Accumulator {
    position: Vec<u32>,
    /// Position of the first entry of the current block.
    base: usize,
}

impl Accumulator {
    fn new(columns: usize) -> Self {
        Accumulator { position: vec![0; columns], base: 1 }
    }

    /// Adds `value` at `column` of the row that began at entry `first` of `out`.
    #[inline(always)]
    fn add<T: Real>(&mut self, out: &mut RowBuffer<T>, first: usize, column: usize, value: T) {
        let position = &mut self.position[column];
        let at = *position as usize;
        if at >= self.base + first {
            out.values[at - self.base] += value;
        } else {
            *position = (self.base + out.columns.len()) as u32;
            out.columns.push(column as u32);
            out.values.push(value);
        }
    }

    /// Ends the block, of `entries` entries.
    fn finish_block(&mut self, entries: usize) {
        self.base += entries;
        if self.base > u32::MAX as usize / 2 {
            *self = Accumulator::new(self.position.len());
        }
    }
}

/// Pᵀ (I + A) P, with `restrict` = Pᵀ.
pub fn galerkin<T: Real>(a: &Rows<T>, prolong: &Rows<T>, restrict: &Rows<T>) -> Rows<T> {
    let width = restrict.len();
    let product = Rows::build(
        a.len(),
        BLOCK,
        || Accumulator::new(width),
        |accumulator, block, out| {
            for i in block {
                let first = out.columns.len();
                for (k, w) in prolong.row(i) {
                    accumulator.add(out, first, k, w);
                }
                for (j, v) in a.row(i) {
                    for (k, w) in prolong.row(j) {
                        accumulator.add(out, first, k, v * w);
                    }
                }
                out.finish_row();
            }
            accumulator.finish_block(out.columns.len());
        },
    );
    Rows::build(
        width,
        BLOCK,
        || Accumulator::new(width),
        |accumulator, block, out| {
            for c in block {
                let first = out.columns.len();
                for (i, r) in restrict.row(c) {
                    for (k, v) in product.row(i) {
                        accumulator.add(out, first, k, r * v);
                    }
                }
                out.finish_row();
            }
            accumulator.finish_block(out.columns.len());
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The product of dense matrices of a few rows, against the definition.
    #[test]
    fn galerkin_product_is_p_transposed_a_p() {
        let (fine, coarse) = (40, 7);
        let entry = |i: usize, j: usize| ((i * 7 + j * 7 + i * j) % 11) as f64 - 5.0;
        let weight = |i: usize, c: usize| if (i + c).is_multiple_of(3) { 0.5 + (i % 5) as f64 } else { 0.0 };
        let columns = |i: usize| (0..fine).filter(move |&j| j != i && (i + j) % 4 != 1);
        let a = Rows::fill(
            fine,
            |i| columns(i).count(),
            |i, c, v| {
                for ((j, c), v) in columns(i).zip(c).zip(v) {
                    (*c, *v) = (j as u32, entry(i, j));
                }
            },
        );
        let support = |i: usize| (0..coarse).filter(move |&c| weight(i, c) != 0.0);
        let p = Rows::fill(
            fine,
            |i| support(i).count(),
            |i, c, v| {
                for ((k, c), v) in support(i).zip(c).zip(v) {
                    (*c, *v) = (k as u32, weight(i, k));
                }
            },
        );
        let product = galerkin(&a, &p, &p.transpose(coarse));
        for c in 0..coarse {
            for d in 0..coarse {
                let mut expected = 0.0;
                for i in 0..fine {
                    expected += weight(i, c) * weight(i, d);
                    expected += columns(i).map(|j| weight(i, c) * entry(i, j) * weight(j, d)).sum::<f64>();
                }
                let found: f64 = product.row(c).filter(|&(k, _)| k == d).map(|(_, v)| v).sum();
                assert!((found - expected).abs() < 1e-9, "entry ({c}, {d}): {found} for {expected}");
            }
        }
    }
}
