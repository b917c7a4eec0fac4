//! Products of sparse matrices by rows (Gustavson 1978, doi:10.1145/355791.355796): row i of A B is Σⱼ aᵢⱼ bⱼ,
//! gathered with a table of where each column of the current row is.

use super::{Real, RowBuffer, Rows};

/// The position of each column in the row being built.
pub struct Accumulator {
    position: Vec<u32>,
}

impl Accumulator {
    /// For rows of `columns` columns.
    pub fn new(columns: usize) -> Self {
        Accumulator { position: vec![0; columns] }
    }

    /// Adds `value` at `column` of the row that began at entry `first` of `out`.
    #[inline(always)]
    pub fn add<T: Real>(&mut self, out: &mut RowBuffer<T>, first: usize, column: usize, value: T) {
        let at = (self.position[column] as usize).wrapping_sub(1);
        if at >= first && at < out.columns.len() && out.columns[at] as usize == column {
            out.values[at] += value;
        } else {
            out.columns.push(column as u32);
            out.values.push(value);
            self.position[column] = out.columns.len() as u32;
        }
    }
}

/// A B; with `unit_diagonal`, (I + A) B. `columns` is the number of columns of B.
pub fn product<T: Real>(a: &Rows<T>, b: &Rows<T>, columns: usize, unit_diagonal: bool) -> Rows<T> {
    Rows::build(
        a.len(),
        || Accumulator::new(columns),
        |accumulator, block, out| {
            for i in block {
                let first = out.columns.len();
                if unit_diagonal {
                    for (k, w) in b.row(i) {
                        accumulator.add(out, first, k, w);
                    }
                }
                for (j, v) in a.row(i) {
                    for (k, w) in b.row(j) {
                        accumulator.add(out, first, k, v * w);
                    }
                }
                out.finish_row();
            }
        },
    )
}
