//! The last coarsening, from a grid level to a sparse matrix: every connected component of a block's fluid is an unknown,
//! so that walls thinner than a block keep their two sides apart.

use super::cells::{Cells, Faces};
use super::coarsen::{Blocks, Coarsening, air_factor};
use super::corner::{corner_rows, first};
use super::transfer::{Transfer, weight};
use crate::operator::voxel::Weights;
use crate::sparse::Csr;
use rayon::prelude::*;

/// No unknown.
pub(super) const NONE: u32 = u32::MAX;

/// The sparse level, and the way to it that is not interpolation from blocks.
pub(super) struct Split {
    /// The unknown of each block's largest component, or [`NONE`].
    pub of_blocks: Vec<u32>,
    /// The matrix over all unknowns.
    pub matrix: Csr,
    /// Interpolation to the cells that take from smaller components.
    pub special: Vec<Special>,
}

/// A cell that takes from a smaller component: its place and weights.
pub(super) struct Special {
    pub cell: u32,
    pub weights: Vec<(u32, f32)>,
}

/// Coarsens level number `l` with the weights `faces` for the last time. Cells that take from smaller components no longer take
/// from blocks.
pub(super) fn split(fine: &mut Coarsening, faces: Option<&Weights>, l: usize) -> Split {
    let Coarsening { cells, blocks, transfer } = fine;
    let (of_blocks, of_cells, n) = number(cells, blocks);
    let matrix = matrix(cells, cells.faces(faces), &of_cells, n, air_factor(l));
    let special = special(cells, &of_cells, transfer);
    Split { of_blocks, matrix, special }
}

/// The unknowns of blocks' largest components and of every cell, numbered block by block, and how many there are.
fn number(fine: &Cells, blocks: &Blocks) -> (Vec<u32>, Vec<u32>, usize) {
    let layout = &blocks.layout;
    let of_plane = || (0..layout.n[1]).flat_map(move |j| (0..layout.n[2]).map(move |k| (j, k)));
    let place = |i: usize, j: usize, k: usize| (layout.at(i, j) + k, fine.layout.at(2 * i, 2 * j) + 2 * k);
    let count = |i: usize| -> u32 {
        let components = |(j, k): (usize, usize)| {
            let (block, at) = place(i, j, k);
            if blocks.largest[block] == 0 { 0 } else { fine.cube(at).components().count() as u32 }
        };
        of_plane().map(components).sum()
    };
    let counts: Vec<u32> = (0..layout.n[0]).into_par_iter().map(count).collect();
    let firsts = counts.iter().scan(0, |next, n| Some(std::mem::replace(next, *next + n)));
    let (mut of_blocks, mut of_cells) = (vec![NONE; layout.len()], vec![NONE; fine.layout.len()]);
    let (start, fine_start) = (layout.at(0, 0), fine.layout.at(0, 0));
    of_blocks[start..]
        .par_chunks_mut(layout.plane)
        .zip(of_cells[fine_start..].par_chunks_mut(2 * fine.layout.plane))
        .zip(firsts.collect::<Vec<u32>>())
        .enumerate()
        .for_each(|(i, ((of_blocks, of_cells), first))| {
            let mut n = first;
            for (j, k) in of_plane() {
                let (block, at) = place(i, j, k);
                let largest = blocks.largest[block];
                let components = (largest != 0).then(|| fine.cube(at).components()).into_iter().flatten();
                for component in components {
                    if component == largest {
                        of_blocks[block - start - i * layout.plane] = n;
                    }
                    let cells = (0..8).filter(|b| component >> b & 1 != 0).map(|b| at + fine.offset(b));
                    cells.for_each(|cell| of_cells[cell - fine_start - 2 * i * fine.layout.plane] = n);
                    n += 1;
                }
            }
        });
    (of_blocks, of_cells, counts.iter().sum::<u32>() as usize)
}

/// Half the fine weights between different unknowns, and what couples to air.
fn matrix(fine: &Cells, faces: &dyn Faces, of_cells: &[u32], n: usize, air: f32) -> Csr {
    let planes: Vec<Rows> = (0..fine.layout.n[0].div_ceil(2))
        .into_par_iter()
        .map(|i| Rows::of_plane(fine, faces, of_cells, i, air))
        .collect();
    let mut indptr = Vec::with_capacity(n + 1);
    indptr.push(0);
    for length in planes.iter().flat_map(|p| &p.lengths) {
        indptr.push(indptr[indptr.len() - 1] + *length as usize);
    }
    let columns: Vec<u32> = planes.iter().flat_map(|p| &p.columns).copied().collect();
    let mut values: Vec<f64> = planes.iter().flat_map(|p| &p.values).copied().collect();
    let to_air: Vec<bool> = planes.iter().flat_map(|p| &p.to_air).copied().collect();
    pin(&indptr, &columns, &mut values, &to_air);
    Csr::new(n, n, indptr, columns, values)
}

/// Doubles the diagonal of one unknown in each part of the graph that has nothing to do with air. That makes the matrix
/// definite and gives the same solution where the right-hand side sums to zero on the part, 0 at that unknown.
fn pin(indptr: &[usize], columns: &[u32], values: &mut [f64], to_air: &[bool]) {
    let mut seen = vec![false; to_air.len()];
    let mut part = Vec::new();
    for first in 0..to_air.len() {
        if seen[first] {
            continue;
        }
        seen[first] = true;
        part.clear();
        part.push(first);
        let mut next = 0;
        while let Some(&u) = part.get(next) {
            for &v in &columns[indptr[u]..indptr[u + 1]] {
                if !std::mem::replace(&mut seen[v as usize], true) {
                    part.push(v as usize);
                }
            }
            next += 1;
        }
        if !part.iter().any(|u| to_air[*u]) {
            let row = indptr[first]..indptr[first + 1];
            let diagonal = row.start + columns[row].partition_point(|v| (*v as usize) < first);
            values[diagonal] = if values[diagonal] > 0.0 { 2.0 * values[diagonal] } else { 1.0 };
        }
    }
}

/// Rows of the matrix, one after the other.
#[derive(Default)]
struct Rows {
    lengths: Vec<u32>,
    /// Whether the unknown is coupled to air.
    to_air: Vec<bool>,
    columns: Vec<u32>,
    values: Vec<f64>,
}

impl Rows {
    /// The rows of plane `i` of blocks.
    fn of_plane(fine: &Cells, faces: &dyn Faces, of_cells: &[u32], i: usize, air: f32) -> Self {
        let layout = &fine.layout;
        let steps = layout.steps();
        let mut rows = Rows::default();
        let line = || vec![0.0f32; layout.width()];
        // For each of the block's four rows of cells: what couples to air, and the faces before and after in each direction.
        let mut lines: [[Vec<f32>; 7]; 4] = std::array::from_fn(|_| std::array::from_fn(|_| line()));
        let mut row: Vec<(u32, f64)> = Vec::new();
        for j in 0..layout.n[1].div_ceil(2) {
            let first = layout.at(2 * i, 2 * j);
            for (at, lines) in fine.rows(first).into_iter().zip(&mut lines) {
                let Some(at) = at else { continue };
                faces.to_air(at, &mut lines[6]);
                for (d, step) in steps.into_iter().enumerate().filter(|(_, step)| *step > 0) {
                    faces.faces(d, at - step, &mut lines[2 * d]);
                    faces.faces(d, at, &mut lines[2 * d + 1]);
                }
            }
            for k in (0..layout.n[2]).step_by(2) {
                let mut left = fine.cube(first + k).fluid;
                while left != 0 {
                    let own = of_cells[first + k + fine.offset(left.trailing_zeros() as usize)];
                    row.clear();
                    row.push((own, 0.0));
                    let mut to_air = false;
                    let candidates = left;
                    for b in (0..8).filter(|b| candidates >> b & 1 != 0) {
                        let at = first + k + fine.offset(b);
                        if of_cells[at] != own {
                            continue;
                        }
                        left &= !(1 << b);
                        let lines = &lines[b >> 1];
                        let x = k + (b & 1);
                        row[0].1 += f64::from(air * lines[6][x]);
                        to_air |= lines[6][x] > 0.0;
                        for (d, step) in steps.into_iter().enumerate().filter(|(_, step)| *step > 0) {
                            add(&mut row, of_cells[at - step], lines[2 * d][x]);
                            add(&mut row, of_cells[at + step], lines[2 * d + 1][x]);
                        }
                    }
                    rows.push(&mut row, to_air);
                }
            }
        }
        rows
    }

    fn push(&mut self, row: &mut [(u32, f64)], to_air: bool) {
        self.to_air.push(to_air);
        row.sort_unstable_by_key(|e| e.0);
        self.lengths.push(row.len() as u32);
        self.columns.extend(row.iter().map(|e| e.0));
        self.values.extend(row.iter().map(|e| e.1));
    }
}

/// Couples the unknown of a row, which is its first entry, with `to` across a face of weight `w`.
fn add(row: &mut Vec<(u32, f64)>, to: u32, w: f32) {
    if w == 0.0 || to == NONE || to == row[0].0 {
        return;
    }
    let w = 0.5 * f64::from(w);
    row[0].1 += w;
    match row.iter_mut().find(|e| e.0 == to) {
        Some(entry) => entry.1 -= w,
        None => row.push((to, -w)),
    }
}

/// Takes the cells connected to smaller components out of `transfer` and gives their weights one by one.
fn special(fine: &Cells, of_cells: &[u32], transfer: &mut Transfer) -> Vec<Special> {
    let layout = &fine.layout;
    let plane = |a: usize| {
        let mut found = Vec::new();
        let corners = (0..corner_rows(layout)).flat_map(|b| (0..=layout.n[2] / 2).map(move |c| (b, c)));
        for (b, c) in corners {
            let first = first(layout, a, b) + 2 * c;
            let cube = fine.cube(first);
            let orphans = cube.fluid & !cube.belongs;
            if orphans == 0 {
                continue;
            }
            for component in cube.components().filter(|c| c & orphans != 0) {
                let counted = component | cube.air_beside(component);
                for cell in (0..8).filter(|b| component >> b & 1 != 0) {
                    let w = |b: usize| weight(b ^ cell);
                    let sum: f32 = (0..8).filter(|b| counted >> b & 1 != 0).map(w).sum();
                    let from = (0..8).filter(|b| component >> b & 1 != 0);
                    let weights = from.map(|b| (of_cells[first + fine.offset(b)], w(b) / sum)).collect();
                    found.push(Special { cell: (first + fine.offset(cell)) as u32, weights });
                }
            }
        }
        found
    };
    let special: Vec<Special> = (0..=layout.n[0] / 2).into_par_iter().flat_map_iter(plane).collect();
    for s in &special {
        (transfer.links[s.cell as usize], transfer.total[s.cell as usize]) = (0, 64);
    }
    special
}
