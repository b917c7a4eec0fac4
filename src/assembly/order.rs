//! The order of the unknowns: along a Hilbert curve where the mesh's own numbering scatters neighbours.

use super::space::Space;
use crate::mesh::Bounds;
use rayon::prelude::*;

/// Unknowns fewer than this fit a cache in any order.
const SMALL: usize = 1 << 14;

/// Mean distance of neighbours' numbers, relative to n^((d-1)/d), above which the order is changed: a lattice row by row has 1.
const SCATTERED: f64 = 4.0;

/// `free` in an order that keeps neighbours close.
pub(super) fn locality_order(space: &Space, free: Vec<u32>) -> Vec<u32> {
    if free.len() < SMALL || !scattered(space) {
        return free;
    }
    let Bounds { min, max } = space.mesh.bounds();
    let size = (0..3).map(|i| max[i] - min[i]).fold(f64::MIN_POSITIVE, f64::max);
    let flat = min[2] == max[2];
    let bits = if flat { bits::<2>() } else { bits::<3>() };
    let scale = f64::from((1u32 << bits) - 1) / size;
    // The place on the curve above, the degree of freedom below.
    let mut keys: Vec<u64> = free
        .par_iter()
        .map(|&dof| {
            let p = space.point(dof as usize);
            let cell: [u32; 3] = std::array::from_fn(|i| ((p[i] - min[i]) * scale) as u32);
            let place = if flat { hilbert([cell[0], cell[1]]) } else { hilbert(cell) };
            u64::from(place) << 32 | u64::from(dof)
        })
        .collect();
    keys.par_sort_unstable();
    keys.into_iter().map(|key| key as u32).collect()
}

/// Bits of the curve's coordinates in each of `D` directions: together they fit 32.
const fn bits<const D: usize>() -> u32 {
    32 / D as u32
}

/// Whether neighbours' numbers lie far apart, judged on a sample of cells.
fn scattered(space: &Space) -> bool {
    let cells = space.cell_dofs.len() / space.per_cell;
    let step = (cells / 4096).max(1);
    let (mut sum, mut count) = (0.0, 0usize);
    for c in (0..cells).step_by(step) {
        let dofs = &space.cell_dofs[c * space.per_cell..(c + 1) * space.per_cell];
        for pair in dofs.windows(2) {
            sum += f64::from(pair[0].abs_diff(pair[1]));
            count += 1;
        }
    }
    let dimension = space.mesh.dimension() as f64;
    sum / count.max(1) as f64 > SCATTERED * (space.len() as f64).powf((dimension - 1.0) / dimension)
}

/// The place of a lattice point on the Hilbert curve (Skilling 2004, doi:10.1063/1.1751381).
fn hilbert<const D: usize>(mut x: [u32; D]) -> u32 {
    let top = 1u32 << (bits::<D>() - 1);
    let mut q = top;
    while q > 1 {
        let p = q - 1;
        for i in 0..D {
            if x[i] & q != 0 {
                x[0] ^= p;
            } else {
                let t = (x[0] ^ x[i]) & p;
                x[0] ^= t;
                x[i] ^= t;
            }
        }
        q >>= 1;
    }
    for i in 1..D {
        x[i] ^= x[i - 1];
    }
    let mut t = 0;
    let mut q = top;
    while q > 1 {
        if x[D - 1] & q != 0 {
            t ^= q - 1;
        }
        q >>= 1;
    }
    let mut key = 0;
    for bit in (0..bits::<D>()).rev() {
        for xi in x {
            key = key << 1 | (xi ^ t) >> bit & 1;
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Along the curve every step goes to a neighbour.
    fn check<const D: usize>(side: u32) {
        let shift = bits::<D>() - side.trailing_zeros();
        let count = side.pow(D as u32);
        let mut cells: Vec<(u32, [u32; D])> = (0..count)
            .map(|i| {
                let x: [u32; D] = std::array::from_fn(|k| i / side.pow(k as u32) % side);
                (hilbert(x.map(|v| v << shift)), x)
            })
            .collect();
        cells.sort();
        for pair in cells.windows(2) {
            let steps: u32 = (0..D).map(|k| pair[0].1[k].abs_diff(pair[1].1[k])).sum();
            assert_eq!(steps, 1, "{:?} -> {:?}", pair[0].1, pair[1].1);
        }
    }

    #[test]
    fn the_curve_is_continuous() {
        check::<2>(16);
        check::<3>(8);
    }
}
