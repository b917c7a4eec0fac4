//! From a level to the next: blocks of 2 × 2 × 2 cells.
//!
//! The coarse unknown of a block is the largest connected component of its fluid; smaller ones ("orphans", behind a thin
//! wall inside the block) have none and interpolate from the blocks they are connected to. The coarse weight of a face
//! between blocks is half the sum of the fine weights across it, the finite-volume value: four times the area at twice
//! the distance in space. Air lies at the centre of a *fine* cell, so what couples to it is scaled by the distance instead.

use super::CycleNumbers;
use super::cells::{BELONGS, Cells, DRY, EMPTY, Faces, WHOLE};
use super::corner::links;
use super::parameters::{FACTOR, SCALE};
use super::transfer::Transfer;
use crate::operator::voxel::{Field, Layout, Rows, Scaling, Weights};
use crate::simd::vectorised;
use crate::voxel::{AIR, FLUID};
use rayon::prelude::*;

/// Distance from a cell's centre to air beside it, in its sides, on level `l`: air lies half a finest cell outside.
fn air_distance(l: usize) -> f32 {
    0.5 + 0.5 / (1u64 << l) as f32
}

/// What a coarse cell's coupling to air is of the sum of its fine cells', from level `l` to the next. A face is four
/// times (twice, in the plane) as large, and the distance to air grows less than twofold.
pub(super) fn air_factor(l: usize) -> f32 {
    0.5 * air_distance(l) / air_distance(l + 1)
}

/// The blocks of a level.
pub(super) struct Blocks {
    pub layout: Layout,
    /// The cells of each block's largest component, as bits.
    pub largest: Vec<u8>,
    /// What the block is: fluid, else air if any of its cells is, else solid.
    pub kind: Vec<u8>,
    /// By row of blocks.
    counts: Vec<Counts>,
}

/// What some blocks hold.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    /// Blocks with an unknown.
    pub fluid: usize,
    /// Fluid cells.
    cells: usize,
    /// Fluid cells of blocks that are not all fluid.
    cut: usize,
    /// Cells outside their block's largest component.
    orphans: usize,
}

impl Counts {
    /// The part of the fluid's cells that is outside its block's largest component.
    pub fn lost(&self) -> f64 {
        self.orphans as f64 / self.cells.max(1) as f64
    }

    /// The same as a part of the cells in blocks that are not all fluid: thin walls lose many even where they are few.
    pub fn lost_of_cut(&self) -> f64 {
        self.orphans as f64 / self.cut.max(1) as f64
    }
}

impl Blocks {
    /// No blocks yet, of cells with this layout.
    fn empty(fine: &Layout) -> Self {
        let layout = fine.coarse();
        let cells = || vec![0; layout.len()];
        Blocks { largest: cells(), kind: cells(), counts: vec![Counts::default(); layout.n[0] * layout.n[1]], layout }
    }

    /// Of all blocks.
    pub fn counts(&self) -> Counts {
        self.counts.iter().fold(Counts::default(), |a, b| Counts {
            fluid: a.fluid + b.fluid,
            cells: a.cells + b.cells,
            cut: a.cut + b.cut,
            orphans: a.orphans + b.orphans,
        })
    }

    /// The rows of blocks with an unknown.
    pub fn wet(&self) -> Rows {
        let [_, n1, _] = self.layout.n;
        let counts = &self.counts;
        Rows::from_fn(&self.layout, |[i, j]| counts[i * n1 + j].fluid > 0)
    }

    /// Whether a row of blocks has an unknown.
    #[inline]
    pub fn has_unknowns(&self, [i, j]: [usize; 2]) -> bool {
        i < self.layout.n[0] && j < self.layout.n[1] && self.counts[i * self.layout.n[1] + j].fluid > 0
    }

    /// Finds the largest components in `rows` of blocks, all of whose cells are taken to belong to their blocks; those that do
    /// not are marked.
    fn update(&mut self, cells: &mut Cells, rows: &Rows) {
        let Blocks { layout, largest, kind, counts } = self;
        let start = layout.at(0, 0);
        let this = &*cells;
        let planes = largest[start..]
            .par_chunks_mut(layout.plane)
            .zip(kind[start..].par_chunks_mut(layout.plane))
            .zip(counts.par_chunks_mut(layout.n[1]));
        let found: Vec<Vec<usize>> = planes
            .take(layout.n[0])
            .enumerate()
            .map_init(
                || vec![0; this.layout.width()],
                |sorted, (i, ((largest, kind), counts))| {
                    let mut orphans = Vec::new();
                    for j in rows.of(i) {
                        let row = j * layout.row..j * layout.row + layout.n[2];
                        let from = this.layout.at(2 * i, 2 * j);
                        let (largest, kind) = (&mut largest[row.clone()], &mut kind[row]);
                        counts[j] = row_of_blocks(this, from, sorted, largest, kind, &mut orphans);
                    }
                    orphans
                },
            )
            .collect();
        for at in found.into_iter().flatten() {
            cells.state[at] &= !BELONGS;
        }
    }
}

/// A row of blocks, whose cells begin at `from`; places of orphans are added to `orphans`.
fn row_of_blocks(
    cells: &Cells,
    from: usize,
    sorted: &mut [u8],
    largest: &mut [u8],
    kind: &mut [u8],
    orphans: &mut Vec<usize>,
) -> Counts {
    let whole: u8 = if cells.layout.planar() { 0b0011_0011 } else { 255 };
    let (mut counts, before) = (Counts::default(), orphans.len());
    cells.sort_cubes(from, sorted);
    for (k, (largest, kind)) in largest.iter_mut().zip(kind).enumerate() {
        match sorted[2 * k] {
            EMPTY => (*largest, *kind) = (0, 0),
            DRY => (*largest, *kind) = (0, AIR),
            WHOLE => {
                (*largest, *kind) = (whole, FLUID);
                counts.cells += whole.count_ones() as usize;
            }
            _ => {
                let cube = cells.cube(from + 2 * k);
                *largest = cube.largest();
                *kind = FLUID;
                let count = cube.fluid.count_ones() as usize;
                counts.cells += count;
                counts.cut += if cube.fluid == whole { 0 } else { count };
                let lost = cube.fluid & !*largest;
                orphans.extend((0..8).filter(|b| lost >> b & 1 != 0).map(|b| from + 2 * k + cells.offset(b)));
            }
        }
        counts.fluid += usize::from(*kind & FLUID);
    }
    counts.orphans = orphans.len() - before;
    counts
}

#[inline(always)]
fn count_bits(byte: u8) -> f32 {
    let pairs = byte - (byte >> 1 & 0x55);
    let fours = (pairs & 0x33) + (pairs >> 2 & 0x33);
    f32::from((fours + (fours >> 4)) & 15)
}

/// The cells of a level, their blocks, and the interpolation between both.
pub(super) struct Coarsening {
    pub cells: Cells,
    pub blocks: Blocks,
    pub transfer: Transfer,
}

impl Coarsening {
    /// No cells yet.
    pub fn empty(layout: Layout) -> Self {
        let (transfer, blocks) = (Transfer::none(&layout), Blocks::empty(&layout));
        Coarsening { cells: Cells::empty(layout), blocks, transfer }
    }

    /// Takes cells that are of another kind or have other weights in `rows`; gives the rows of blocks that were made again.
    pub fn update(&mut self, kind: &[u8], weights: Option<&Weights>, rows: &Rows) -> Rows {
        let blocks = rows.coarse();
        let rows = blocks.fine(&self.cells.layout);
        self.cells.update(kind, weights, &rows);
        self.blocks.update(&mut self.cells, &blocks);
        links(&self.cells, &rows, &mut self.transfer);
        blocks
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.cells.state.len() + 2 * self.blocks.kind.len() + self.transfer.bytes()
    }

    /// Makes the weights in `rows` of the next level, for level number `l` with the weights `faces`, of which an open face has `full`.
    pub fn weights(
        &self,
        faces: &dyn Faces,
        l: usize,
        full: f32,
        numbers: &CycleNumbers,
        rows: &Rows,
        out: &mut Weights,
    ) {
        let Coarsening { cells: fine, blocks, .. } = self;
        let layout = &blocks.layout;
        let [di, dj, _] = layout.steps();
        let count = if layout.planar() { 2.0 } else { 4.0 };
        let across = Factor { numbers: numbers.coupling(l).faces, open: count * full, cells: 4.0 * count };
        let [air, air_empty] = numbers.coupling(l).air;
        let to_air = Factor { numbers: [air, 0.0, air_empty], open: f32::INFINITY, cells: 4.0 * count };
        let air_factor = air_factor(l);
        let start = layout.at(0, 0);
        let at = |i: usize, j: usize| layout.at(i, j);
        let [wi, wj, wk] = &mut out.faces;
        let planes = wi[start..]
            .par_chunks_mut(layout.plane)
            .zip(wj[start..].par_chunks_mut(layout.plane))
            .zip(wk[start..].par_chunks_mut(layout.plane))
            .zip(out.air[start..].par_chunks_mut(layout.plane))
            .take(layout.n[0])
            .enumerate();
        let [si, sj, sk] = fine.layout.steps();
        planes.for_each_init(
            || Sum::new(fine),
            |sum, (i, (((wi, wj), wk), air))| {
                for j in rows.of(i) {
                    let fine_rows = fine.rows(fine.layout.at(2 * i, 2 * j));
                    let row = j * layout.row..j * layout.row + layout.n[2];
                    let give = |d| move |at, out: &mut [f32]| faces.faces(d, at, out);
                    let cells = |step: usize| [at(i, j), at(i, j) + step].map(|at| &blocks.largest[at..]);
                    pairs([0.5, 0.5], sum.of(&fine_rows[2..], si, give(0)), &across, cells(di), &mut wi[row.clone()]);
                    pairs(
                        [0.5, 0.5],
                        sum.of(&[fine_rows[1], fine_rows[3]], sj, give(1)),
                        &across,
                        cells(dj),
                        &mut wj[row.clone()],
                    );
                    pairs([0.0, 0.5], sum.of(&fine_rows, sk, give(2)), &across, cells(1), &mut wk[row.clone()]);
                    let air_sums = sum.of(&fine_rows, 0, |at, out| faces.to_air(at, out));
                    pairs([air_factor; 2], air_sums, &to_air, cells(0), &mut air[row]);
                }
            },
        );
        let [missing, air] = numbers.scale_coarse(l + 1);
        let sides = if layout.planar() { 4.0 } else { 6.0 };
        let open = sides * 0.5 * count * full * across.numbers[0];
        out.finish(layout, &Scaling { open, missing, air, bounds: SCALE }, &rows.grown());
    }
}

/// A factor of coarse weights: c + w₁ · closed part of the face + w₂ · empty part of the blocks on its sides.
struct Factor {
    numbers: [f32; 3],
    /// What the fine weights of an open face sum to.
    open: f32,
    /// Cells of two blocks.
    cells: f32,
}

/// Sums over the rows of a row of blocks.
struct Sum<'a> {
    cells: &'a Cells,
    values: Field,
    sums: Field,
}

impl<'a> Sum<'a> {
    fn new(cells: &'a Cells) -> Self {
        let row = || Field::new(cells.layout.width());
        Sum { cells, values: row(), sums: row() }
    }

    /// What `give` says of the cells on `rows` that, like the cells a `step` on, belong to their blocks' unknowns.
    fn of(&mut self, rows: &[Option<usize>], step: usize, give: impl Fn(usize, &mut [f32])) -> &[f32] {
        self.sums.fill(0.0);
        for at in rows.iter().flatten() {
            give(*at, &mut self.values);
            let state = &self.cells.state;
            add_belonging(&state[*at..], &state[*at + step..], &self.values, &mut self.sums);
        }
        &self.sums
    }
}

vectorised! {
    fn add_belonging(state: &[u8], next: &[u8], values: &[f32], sums: &mut [f32]) {
        let n = sums.len();
        let (state, next, values) = (&state[..n], &next[..n], &values[..n]);
        for x in 0..n {
            sums[x] += if state[x] & next[x] & BELONGS != 0 { values[x] } else { 0.0 };
        }
    }
}

vectorised! {
    /// out <- the sum of each two values, times the parts taken of both and the factor, for blocks of `cells`.
    fn pairs(parts: [f32; 2], values: &[f32], factor: &Factor, cells: [&[u8]; 2], out: &mut [f32]) {
        let n = out.len();
        let (values, own, next) = (&values.as_chunks::<2>().0[..n], &cells[0][..n], &cells[1][..n]);
        let [c, closed, empty] = factor.numbers;
        for x in 0..n {
            let [a, b] = values[x];
            let sum = parts[0] * a + parts[1] * b;
            let open = if parts[0] > 0.0 { a + b } else { b } / factor.open;
            let filled = (count_bits(own[x]) + count_bits(next[x])) / factor.cells;
            out[x] = sum * (c + closed * (1.0 - open) + empty * (1.0 - filled)).clamp(FACTOR[0], FACTOR[1]);
        }
    }
}
