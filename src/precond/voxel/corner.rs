//! The cubes of 2 × 2 × 2 cells around the corners of blocks, one cell from each of eight blocks: what interpolation takes
//! from where.

use super::cells::{Cells, DRY, EMPTY, WHOLE};
use super::cube::{Cube, seen_from};
use super::transfer::{Transfer, weight};
use crate::operator::voxel::{Layout, Rows};
use rayon::prelude::*;

/// Makes the interpolation from the blocks' largest components to the cells in `rows` again, and to those they share a cube with.
pub(super) fn links(fine: &Cells, rows: &Rows, transfer: &mut Transfer) {
    let layout = &fine.layout;
    // Planes 2a − 1 and 2a.
    let start = layout.at(0, 0) - layout.plane;
    let Transfer { links, total } = transfer;
    let pairs = links[start..].par_chunks_mut(2 * layout.plane).zip(total[start..].par_chunks_mut(2 * layout.plane));
    pairs.take(layout.n[0] / 2 + 1).enumerate().for_each_init(
        || vec![0; layout.n[2] + 1],
        |sorted, (a, (links, total))| {
            let base = start + 2 * a * layout.plane;
            let whole = if layout.planar() { 0b0011_0011 } else { 255 };
            let sum = sum_of_weights(whole);
            for b in 0..corner_rows(layout) {
                let cube_rows = rows_of_corner(layout, a, b);
                if !cube_rows.clone().any(|row| rows.has(row)) {
                    continue;
                }
                for [i, j] in cube_rows {
                    let row = layout.at(i, j) - base..layout.at(i, j) + layout.n[2] - base;
                    links[row.clone()].fill(0);
                    total[row].fill(64);
                }
                let first = first(layout, a, b);
                fine.sort_cubes(first, sorted);
                let mut sorts = sorted.iter().step_by(2).copied().enumerate().peekable();
                while let Some((c, sort)) = sorts.next() {
                    let at = first + 2 * c;
                    match sort {
                        EMPTY | DRY => {}
                        WHOLE => {
                            let mut n = 2;
                            while sorts.next_if(|(_, sort)| *sort == WHOLE).is_some() {
                                n += 2;
                            }
                            for row in fine.rows(at).into_iter().flatten() {
                                links[row - base..row - base + n].fill(whole);
                                total[row - base..row - base + n].fill(sum);
                            }
                        }
                        _ => link(&fine.cube(at), |cell, bits, sum| {
                            links[at + fine.offset(cell) - base] = bits;
                            total[at + fine.offset(cell) - base] = sum;
                        }),
                    }
                }
            }
        },
    );
}

/// The rows of cells in the cubes of row (a, b) of corners that lie in the grid.
fn rows_of_corner(layout: &Layout, a: usize, b: usize) -> impl Iterator<Item = [usize; 2]> + Clone + use<> {
    let [n0, n1, _] = layout.n;
    let pair = |c: usize, n: usize| (2 * c).saturating_sub(1)..(2 * c + 1).min(n);
    let (planes, rows) = (pair(a, n0), pair(b, n1));
    planes.flat_map(move |i| rows.clone().map(move |j| [i, j]))
}

/// Rows of corners in a plane.
pub(super) fn corner_rows(layout: &Layout) -> usize {
    if layout.planar() { 1 } else { layout.n[1] / 2 + 1 }
}

/// The first cell of the first cube in row (a, b) of corners: cells 2a − 1 and 2a, and so on.
pub(super) fn first(layout: &Layout, a: usize, b: usize) -> usize {
    layout.at(2 * a, 2 * b) - layout.steps().iter().sum::<usize>()
}

/// Calls `set(cell, links, total)` for each fluid cell of the cube.
fn link(cube: &Cube, mut set: impl FnMut(usize, u8, u8)) {
    for component in cube.components() {
        let given = component & cube.belongs;
        let counted = given | cube.air_beside(component);
        for b in (0..8).filter(|b| component >> b & 1 != 0) {
            set(b, seen_from(given, b as u8), sum_of_weights(seen_from(counted, b as u8)));
        }
    }
}

/// Σ weights in 64ths of the corners in `bits`; 64 where there is none.
fn sum_of_weights(bits: u8) -> u8 {
    match (0..8).filter(|b| bits >> b & 1 != 0).map(|b| weight(b) as u8).sum() {
        0 => 64,
        sum => sum,
    }
}
