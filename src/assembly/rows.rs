//! Row-parallel assembly: each row of the matrix gathers from the cells around its degree of freedom.
//!
//! No two threads write the same row, so there are no locks, and each row adds its cells in ascending order, so the result
//! has the same bits with any number of threads. Fixed degrees of freedom are eliminated on the way: their columns go to
//! the right-hand side and the matrix stays symmetric positive definite.

use super::local::LocalForm;
use super::space::Space;
use crate::prefetch::prefetch;
use rayon::prelude::*;

/// Rows assembled by one task.
const ROWS: usize = 2048;

/// Tasks between two times that finished rows are put in place.
const WAVE: usize = 64;

/// How many rows ahead to fetch what they need.
const AHEAD: usize = 4;

/// Marks a fixed degree of freedom in [`Numbering::unknown`].
pub(super) const FIXED: u32 = u32::MAX;

/// Which degrees of freedom are unknowns, and the values of the others.
pub(super) struct Numbering {
    /// Unknown -> degree of freedom.
    pub free: Vec<u32>,
    /// Degree of freedom -> unknown, or [`FIXED`].
    pub unknown: Vec<u32>,
    /// Degree of freedom -> its value where fixed.
    pub fixed: Vec<f64>,
}

/// A matrix over the unknowns that still takes boundary terms.
pub(super) struct Matrix {
    pub indptr: Vec<usize>,
    pub columns: Vec<u32>,
    pub values: Vec<f64>,
}

impl Matrix {
    /// A_ij += value; the entry must be in the pattern (facets couple what their cell couples).
    pub fn add(&mut self, i: u32, j: u32, value: f64) {
        let row = self.indptr[i as usize]..self.indptr[i as usize + 1];
        if let Ok(at) = self.columns[row.clone()].binary_search(&j) {
            self.values[row.start + at] += value;
        }
    }
}

/// The assembled rows of one task.
struct Rows {
    lengths: Vec<u32>,
    columns: Vec<u32>,
    values: Vec<f64>,
    source: Vec<f64>,
    lift: Vec<f64>,
}

/// The right-hand side: ∫ f φ_i, and what eliminated columns bring.
pub(super) struct Load {
    pub source: Vec<f64>,
    pub lift: Vec<f64>,
}

/// The matrix over the unknowns and the right-hand side, domain terms only; `around`: the cells around each degree of freedom.
pub(super) fn assemble<const V: usize, const N: usize>(
    form: &LocalForm<V, N>,
    space: &Space,
    around: &(Vec<u32>, Vec<u32>),
    numbering: &Numbering,
) -> (Matrix, Load) {
    let scattered = !numbering.free.is_sorted();
    let mut matrix = Matrix { indptr: vec![0], columns: vec![], values: vec![] };
    let mut load = Load { source: vec![], lift: vec![] };
    // Rows of one wave are put in place while the next is assembled, in memory that an earlier one has left.
    let mut finished: Vec<Rows> = Vec::new();
    for wave in numbering.free.chunks(ROWS * WAVE) {
        let tasks = wave.par_chunks(ROWS);
        let next = || tasks.map(|dofs| Rows::new(form, space, numbering, around, scattered, dofs)).collect();
        (finished, ()) = rayon::join(next, || append(&mut matrix, &mut load, &finished));
    }
    append(&mut matrix, &mut load, &finished);
    (matrix, load)
}

/// Puts finished rows below the others.
fn append(matrix: &mut Matrix, load: &mut Load, parts: &[Rows]) {
    for part in parts {
        let mut end = matrix.columns.len();
        matrix.indptr.extend(part.lengths.iter().map(|&length| {
            end += length as usize;
            end
        }));
        matrix.columns.extend_from_slice(&part.columns);
        matrix.values.extend_from_slice(&part.values);
        load.source.extend_from_slice(&part.source);
        load.lift.extend_from_slice(&part.lift);
    }
}

impl Rows {
    /// The rows of `dofs`; `offsets` and `cells` tell the cells around each degree of freedom.
    fn new<const V: usize, const N: usize>(
        form: &LocalForm<V, N>,
        space: &Space,
        numbering: &Numbering,
        (offsets, cells): &(Vec<u32>, Vec<u32>),
        scattered: bool,
        dofs: &[u32],
    ) -> Self {
        let around = |dof: u32| &cells[offsets[dof as usize] as usize..offsets[dof as usize + 1] as usize];
        let mut rows = Rows { lengths: vec![], columns: vec![], values: vec![], source: vec![], lift: vec![] };
        let mut gather = Gather::new();
        for (i, &dof) in dofs.iter().enumerate() {
            // What lies scattered is fetched for a later row, one step of the chain after the other.
            let later = |steps: usize| dofs.get(i + steps * AHEAD).copied().filter(|_| scattered);
            later(4).into_iter().for_each(|d| prefetch(offsets.as_ptr(), d as usize));
            later(3).into_iter().for_each(|d| prefetch(cells.as_ptr(), offsets[d as usize] as usize));
            later(2).into_iter().flat_map(around).for_each(|&c| {
                prefetch(space.cell_dofs.as_ptr(), c as usize * N);
                form.prefetch(c as usize);
            });
            later(1).into_iter().flat_map(around).for_each(|&c| {
                let of_cell = &space.cell_dofs[c as usize * N..(c as usize + 1) * N];
                of_cell.iter().for_each(|&d| prefetch(numbering.unknown.as_ptr(), d as usize));
            });
            gather.row(form, space, numbering, dof, around(dof));
            rows.lengths.push(gather.entries.len() as u32);
            rows.columns.extend(gather.entries.iter().map(|e| e.0));
            rows.values.extend(gather.entries.iter().map(|e| e.1));
            rows.source.push(gather.source);
            rows.lift.push(gather.lift);
        }
        rows
    }
}

/// Slots of the table that finds a column's entry, a power of two.
const SLOTS: usize = 512;

/// Entries found by the table, so that it stays half empty.
const TABLED: usize = SLOTS / 2;

/// The work space of one row: its entries, found by an open-addressed table of their columns.
struct Gather {
    entries: Vec<(u32, f64)>,
    /// Place in `entries`, or [`EMPTY`](Self::EMPTY).
    slots: [u16; SLOTS],
    source: f64,
    lift: f64,
}

impl Gather {
    const EMPTY: u16 = u16::MAX;

    fn new() -> Self {
        Gather { entries: vec![], slots: [Self::EMPTY; SLOTS], source: 0.0, lift: 0.0 }
    }

    fn row<const V: usize, const N: usize>(
        &mut self,
        form: &LocalForm<V, N>,
        space: &Space,
        numbering: &Numbering,
        dof: u32,
        cells: &[u32],
    ) {
        self.entries.clear();
        (self.source, self.lift) = (0.0, 0.0);
        let mut local = [0.0; N];
        for &c in cells {
            let dofs = &space.cell_dofs[c as usize * N..(c as usize + 1) * N];
            let a = dofs.iter().position(|&d| d == dof).unwrap_or_default();
            self.source += form.row(c as usize, a, &mut local);
            for (&d, &value) in dofs.iter().zip(&local) {
                match numbering.unknown[d as usize] {
                    FIXED => self.lift -= value * numbering.fixed[d as usize],
                    column => self.add(column, value),
                }
            }
        }
        self.finish();
    }

    /// The slot of a column: where it is, or where it would be.
    #[inline]
    fn slot(&self, column: u32) -> usize {
        let mut slot = column as usize % SLOTS;
        while self.slots[slot] != Self::EMPTY && self.entries[self.slots[slot] as usize].0 != column {
            slot = (slot + 1) % SLOTS;
        }
        slot
    }

    #[inline]
    fn add(&mut self, column: u32, value: f64) {
        let slot = self.slot(column);
        match self.slots[slot] {
            Self::EMPTY => {
                // A row longer than the table takes has entries more than once, which are merged at the end.
                if self.entries.len() < TABLED {
                    self.slots[slot] = self.entries.len() as u16;
                }
                self.entries.push((column, value));
            }
            place => self.entries[place as usize].1 += value,
        }
    }

    /// Empties the table and sorts by column; adds up what is there twice (stable, so in the order of the cells).
    fn finish(&mut self) {
        if self.entries.len() > TABLED {
            self.slots.fill(Self::EMPTY);
        } else {
            // The last one in is the first one out, so that every column is still found where it was put.
            for i in (0..self.entries.len()).rev() {
                let slot = self.slot(self.entries[i].0);
                self.slots[slot] = Self::EMPTY;
            }
        }
        self.entries.sort_by_key(|e| e.0);
        self.entries.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 += later.1;
            }
            same
        });
    }
}
