//! The order of the unknowns: along a Hilbert curve where the mesh's own numbering scatters neighbours.

use super::space::Space;
use rayon::prelude::*;

/// Bits of the curve's coordinates in each direction.
const BITS: u32 = 20;

/// Unknowns fewer than this fit a cache in any order.
const SMALL: usize = 1 << 14;

/// Mean distance of neighbours' numbers, relative to n^((d-1)/d), above which the order is changed: a lattice row by row has 1.
const SCATTERED: f64 = 4.0;

/// `free` in an order that keeps neighbours close.
pub(super) fn locality_order(space: &Space, free: Vec<u32>) -> Vec<u32> {
    if free.len() < SMALL || !scattered(space) {
        return free;
    }
    let (low, high) = bounds(space);
    let size = (0..3).map(|i| high[i] - low[i]).fold(f64::MIN_POSITIVE, f64::max);
    let scale = f64::from((1u32 << BITS) - 1) / size;
    let flat = low[2] == high[2];
    let mut keyed: Vec<(u64, u32)> = free
        .par_iter()
        .map(|&dof| {
            let p = space.point(dof as usize);
            let cell: [u32; 3] = std::array::from_fn(|i| ((p[i] - low[i]) * scale) as u32);
            let key = if flat { hilbert([cell[0], cell[1]]) } else { hilbert(cell) };
            (key, dof)
        })
        .collect();
    keyed.par_sort_unstable();
    keyed.into_iter().map(|(_, dof)| dof).collect()
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

fn bounds(space: &Space) -> ([f64; 3], [f64; 3]) {
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for p in &space.mesh.points {
        for i in 0..3 {
            low[i] = low[i].min(p[i]);
            high[i] = high[i].max(p[i]);
        }
    }
    (low, high)
}

/// The place of a lattice point on the Hilbert curve (Skilling 2004, doi:10.1063/1.1751381).
fn hilbert<const D: usize>(mut x: [u32; D]) -> u64 {
    let mut q = 1u32 << (BITS - 1);
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
    let mut q = 1u32 << (BITS - 1);
    while q > 1 {
        if x[D - 1] & q != 0 {
            t ^= q - 1;
        }
        q >>= 1;
    }
    let mut key = 0u64;
    for bit in (0..BITS).rev() {
        for xi in x {
            key = key << 1 | u64::from((xi ^ t) >> bit & 1);
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Along the curve every step goes to a neighbour.
    fn check<const D: usize>(side: u32) {
        let shift = BITS - side.trailing_zeros();
        let count = side.pow(D as u32);
        let mut cells: Vec<(u64, [u32; D])> = (0..count)
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
