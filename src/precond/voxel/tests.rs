use super::coarsen::{Blocks, Coarsening};
use super::transfer::{Shares, Spread, Transfer};
use crate::operator::voxel::{Field, Layout, Rows};
use crate::voxel::{FLUID, VoxelGrid};

/// Numbers in [0, 1) that look random.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A grid where every cell is solid, fluid or air by chance.
fn random_grid(sides: &[usize], seed: u64) -> VoxelGrid {
    let mut next = noise(seed);
    let flags = (0..sides.iter().product()).map(|_| [0, 1, 1, 1, 1, 2][(next() * 6.0) as usize]).collect();
    VoxelGrid::new(sides, flags).unwrap()
}

/// The way from a grid to its blocks.
fn coarsening(grid: &VoxelGrid) -> Coarsening {
    let fine = Layout::of(grid);
    let mut coarsening = Coarsening::empty(fine.clone());
    coarsening.update(&fine.pad(grid.flags()), None, &Rows::all(&fine));
    coarsening
}

/// P e on all planes.
fn prolong(transfer: &Transfer, fine: &Layout, blocks: &Blocks, e: &[f32]) -> Field {
    let (mut out, zero) = (Field::new(fine.len()), Field::new(fine.len()));
    let mut spread = Spread::new(&blocks.layout, fine.width());
    for i in 0..fine.n[0] {
        spread.reach(blocks, i, e);
        for j in 0..fine.n[1] {
            let at = fine.at(i, j);
            let sources = spread.sources(fine, [i, j]);
            transfer.prolong_row(at, &zero, sources, &mut out[at..at + fine.width()]);
        }
    }
    out
}

/// Pᵀ t on all planes.
fn restrict(transfer: &Transfer, fine: &Layout, coarse: &Layout, t: &[f32]) -> Field {
    let mut shared = Field::new(fine.len() + 4 * fine.plane);
    shared[..t.len()].copy_from_slice(t);
    for (i, j) in (0..fine.n[0]).flat_map(|i| (0..fine.n[1]).map(move |j| (i, j))) {
        let at = fine.at(i, j);
        transfer.share_row(at, &mut shared[at..at + fine.width()]);
    }
    let (mut out, mut shares) = (Field::new(coarse.len()), Shares::new(fine.width()));
    for (i, j) in (0..coarse.n[0]).flat_map(|i| (0..coarse.n[1]).map(move |j| (i, j))) {
        let windows = std::array::from_fn(|plane| &shared[fine.window(2 * i + plane)]);
        let at = coarse.at(i, j);
        transfer.restrict_row(fine, [i, j], windows, &mut shares, &mut out[at..at + coarse.n[2]]);
    }
    out
}

#[test]
fn restriction_is_the_transpose_of_interpolation() {
    for (seed, sides) in
        [&[7usize, 6, 19][..], &[8, 5, 33], &[4, 4, 4], &[9, 14], &[1, 5, 6], &[5, 1, 6]].into_iter().enumerate()
    {
        let grid = random_grid(sides, seed as u64 + 1);
        let Coarsening { cells, blocks, transfer } = coarsening(&grid);
        let (fine, coarse) = (cells.layout, &blocks.layout);
        let mut next = noise(99);
        let (mut t, mut e) = (Field::new(fine.len()), Field::new(coarse.len()));
        for (c, _) in grid.flags().iter().enumerate().filter(|(_, f)| **f == FLUID) {
            t[fine.place(c)] = next() as f32 - 0.5;
        }
        for c in 0..coarse.cells() {
            let at = coarse.place(c);
            e[at] = if blocks.largest[at] != 0 { next() as f32 - 0.5 } else { 0.0 };
        }
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let (left, right) =
            (dot(&prolong(&transfer, &fine, &blocks, &e), &t), dot(&e, &restrict(&transfer, &fine, coarse, &t)));
        assert!((left - right).abs() < 1e-5 * dot(&e, &e), "{sides:?}: {left} {right}");
    }
}

#[test]
fn interpolation_keeps_constants() {
    let grid = VoxelGrid::new(&[8, 8, 8], vec![FLUID; 512]).unwrap();
    let Coarsening { cells, blocks, transfer } = coarsening(&grid);
    let fine = cells.layout;
    let mut ones = Field::new(blocks.layout.len());
    (0..64).for_each(|c| ones[blocks.layout.place(c)] = 1.0);
    let out = prolong(&transfer, &fine, &blocks, &ones);
    assert!((0..512).all(|c| (out[fine.place(c)] - 1.0).abs() < 1e-6));
}
