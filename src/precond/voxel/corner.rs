//! The cubes of 2 × 2 × 2 cells around the corners of blocks, one cell from each of eight blocks: what interpolation takes
//! from where.

use super::cells::Cells;
use super::cube::{Cube, seen_from};
use super::transfer::{Transfer, weight};
use crate::operator::voxel::Layout;
use rayon::prelude::*;

/// The interpolation from the blocks' largest components.
pub(super) fn links(fine: &Cells) -> Transfer {
    let layout = &fine.layout;
    let mut transfer = Transfer { links: vec![0; layout.len()], total: vec![64; layout.len()] };
    // Planes 2a − 1 and 2a.
    let start = layout.at(0, 0) - layout.plane;
    let Transfer { links, total } = &mut transfer;
    let pairs = links[start..].par_chunks_mut(2 * layout.plane).zip(total[start..].par_chunks_mut(2 * layout.plane));
    pairs.take(layout.n[0] / 2 + 1).enumerate().for_each_init(
        || vec![0; layout.n[2] + 1],
        |sorted, (a, (links, total))| {
            let base = start + 2 * a * layout.plane;
            let whole = if layout.planar() { 0b0011_0011 } else { 255 };
            let sum = sum_of_weights(whole);
            for b in 0..corner_rows(layout) {
                let first = first(layout, a, b);
                fine.sort_cubes(first, sorted);
                for (c, kind) in sorted.iter().step_by(2).enumerate() {
                    let at = first + 2 * c;
                    match kind {
                        0 => {}
                        255 => {
                            for row in fine.rows(at).into_iter().flatten() {
                                links[row - base..row - base + 2].fill(whole);
                                total[row - base..row - base + 2].fill(sum);
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
    transfer
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
