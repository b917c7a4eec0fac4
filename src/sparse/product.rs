//! The Galerkin product Pᵀ (I + A) P by rows (Gustavson 1978, doi:10.1145/355791.355796): row i of a product X Y is
//! Σⱼ xᵢⱼ yⱼ, gathered with a table of where each column of the current row is.
//!
//! (I + A) P is never stored: the rows of it that a block of coarse rows needs are made for that block alone.

use super::{Real, RowBuffer, Rows};

/// Coarse rows in a block: enough blocks for many threads, few enough that little is computed twice.
const BLOCKS: usize = 16;
const BLOCK_SIZES: std::ops::RangeInclusive<usize> = 1024..=8192;

/// The position of each column in the row being built; entries of other rows do no harm.
struct Accumulator {
    position: Vec<u32>,
}

impl Accumulator {
    fn new(columns: usize) -> Self {
        Accumulator { position: vec![0; columns] }
    }

    /// Adds `value` at `column` of the row that began at entry `first` of `out`.
    #[inline(always)]
    fn add<T: Real>(&mut self, out: &mut RowBuffer<T>, first: usize, column: u32, value: T) {
        let position = &mut self.position[column as usize];
        let at = *position as usize;
        if at >= first && out.columns.get(at) == Some(&column) {
            out.values[at] += value;
        } else {
            *position = out.columns.len() as u32;
            out.columns.push(column);
            out.values.push(value);
        }
    }
}

/// What a block needs: the rows of (I + A) P made so far, and where they are.
struct Scratch<T> {
    coarse: Accumulator,
    fine: Accumulator,
    /// Number in `product` of each row of A.
    slot: Vec<u32>,
    /// Row of A of each row of `product`.
    made: Vec<u32>,
    product: RowBuffer<T>,
}

/// Pᵀ (I + A) P, with `restrict` = Pᵀ.
pub fn galerkin<T: Real>(a: &Rows<T>, prolong: &Rows<T>, restrict: &Rows<T>) -> Rows<T> {
    let (fine, coarse) = (a.len(), restrict.len());
    let scratch = || Scratch {
        coarse: Accumulator::new(coarse),
        fine: Accumulator::new(coarse),
        slot: vec![0; fine],
        made: Vec::new(),
        product: RowBuffer::default(),
    };
    let block = coarse.div_ceil(BLOCKS).clamp(*BLOCK_SIZES.start(), *BLOCK_SIZES.end());
    Rows::build(coarse, block, scratch, |s, range, out| {
        s.made.clear();
        s.product.clear();
        for c in range {
            let first = out.columns.len();
            for (i, r) in restrict.row(c) {
                let mut slot = s.slot[i] as usize;
                if s.made.get(slot) != Some(&(i as u32)) {
                    slot = s.made.len();
                    s.slot[i] = slot as u32;
                    s.made.push(i as u32);
                    product_row(a, prolong, i, &mut s.fine, &mut s.product);
                }
                for (k, v) in s.product.row(slot) {
                    s.coarse.add(out, first, k, r * v);
                }
            }
            out.finish_row();
        }
    })
}

/// Pushes row i of (I + A) P.
#[inline(always)]
fn product_row<T: Real>(a: &Rows<T>, p: &Rows<T>, i: usize, accumulator: &mut Accumulator, out: &mut RowBuffer<T>) {
    let first = out.columns.len();
    for (k, w) in p.row(i) {
        accumulator.add(out, first, k as u32, w);
    }
    for (j, v) in a.row(i) {
        for (k, w) in p.row(j) {
            accumulator.add(out, first, k as u32, v * w);
        }
    }
    out.finish_row();
}
