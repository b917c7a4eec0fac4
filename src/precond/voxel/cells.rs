//! What coarsening sees of a level: which cells are fluid or air, which faces are open, and their weights.

use super::cube::Cube;
use crate::operator::voxel::{Layout, Rows, Weights};
use crate::simd::vectorised;
use crate::voxel::{AIR, FLUID};
use rayon::prelude::*;

/// Bits of a cell's state besides what it is: whether the face to the next cell in direction i, j, k is open: fluid on both sides, or fluid and air,
const OPEN: [u8; 3] = [1 << 2, 1 << 3, 1 << 4];
/// and whether the cell belongs to the unknown of its block.
pub(super) const BELONGS: u8 = 1 << 5;
/// A cell in the midst of the fluid.
const MIDST: u8 = FLUID | OPEN[0] | OPEN[1] | OPEN[2] | BELONGS;

/// Sorts of cubes.
pub(super) const EMPTY: u8 = 0;
pub(super) const DRY: u8 = 1;
pub(super) const MIXED: u8 = 2;
pub(super) const WHOLE: u8 = 255;

/// The cells of a level.
pub(super) struct Cells {
    pub layout: Layout,
    /// States; margins are solid and closed.
    pub state: Vec<u8>,
    /// The rows with fluid.
    pub wet: Rows,
}

impl Cells {
    /// No cells yet.
    pub fn empty(layout: Layout) -> Self {
        Cells { state: vec![0; layout.len()], wet: Rows::none(&layout), layout }
    }

    /// Takes cells of these kinds in `rows`, with the faces between fluid cells open that have a weight, or all.
    pub fn update(&mut self, kind: &[u8], weights: Option<&Weights>, rows: &Rows) {
        let Cells { layout, state, wet } = self;
        let start = layout.at(0, 0);
        let planes = state[start..].par_chunks_mut(layout.plane).take(layout.n[0]).zip(wet.planes_mut());
        planes.enumerate().for_each(|(i, (state, wet))| {
            for run in rows.runs(i) {
                for j in run.clone() {
                    wet[j] = has_fluid(&kind[layout.at(i, j)..][..layout.n[2]]);
                }
                let at = layout.at(i, run.start);
                let state = &mut state[run.start * layout.row..run.end * layout.row];
                for (state, kind) in state.iter_mut().zip(&kind[at..]) {
                    *state = kind | ((kind & FLUID) * BELONGS);
                }
                for (d, step) in layout.steps().into_iter().enumerate().filter(|(_, step)| *step > 0) {
                    let weights = weights.map(|w| &w.faces[d][at..at + state.len()]);
                    open_faces(OPEN[d], &kind[at..], &kind[at + step..], weights, state);
                }
            }
        });
    }

    /// The faces with these weights, or all 1.
    pub fn faces<'a>(&'a self, weights: Option<&'a Weights>) -> &'a dyn Faces {
        match weights {
            Some(weights) => weights,
            None => self,
        }
    }

    /// The rows with a cell that is of another kind.
    pub fn rows_unlike(&self, kind: &[u8]) -> Rows {
        Rows::with(&self.layout, |at| differ(&self.state[at.clone()], &kind[at]))
    }

    /// The rows of 2 × 2 × 2 cells that begin at `at`: four, or two in the plane.
    #[inline(always)]
    pub fn rows(&self, at: usize) -> [Option<usize>; 4] {
        let [i, j, _] = self.layout.steps();
        let beside = (j > 0).then_some(j);
        [Some(at), beside.map(|j| at + j), Some(at + i), beside.map(|j| at + i + j)]
    }

    /// The 2 × 2 × 2 cells from `at` on.
    #[inline]
    pub fn cube(&self, at: usize) -> Cube {
        let [i, j, _] = self.layout.steps();
        let pair = |at: usize| u64::from(u16::from_le_bytes([self.state[at], self.state[at + 1]]));
        let mut states = pair(at) | pair(at + i) << 32;
        if j > 0 {
            states |= pair(at + j) << 16 | pair(at + i + j) << 48;
        }
        // Bit 0 of byte b goes to bit b of the highest byte.
        let bits = |mask: u8| {
            let low = states >> mask.trailing_zeros() & 0x0101_0101_0101_0101;
            (low.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
        };
        let open = [bits(OPEN[0]), bits(OPEN[1]), bits(OPEN[2])];
        Cube { fluid: bits(FLUID), air: bits(AIR), open, belongs: bits(BELONGS) }
    }

    /// For the cubes from `first` on: whether all their cells lie in the midst of the fluid ([`WHOLE`]), in nothing
    /// ([`EMPTY`]), some in air and none in fluid ([`DRY`]), or must be looked at. `out[c]` is for the cells c and c + 1.
    pub fn sort_cubes(&self, first: usize, out: &mut [u8]) {
        let rows = self.rows(first).map(|at| at.map(|at| &self.state[at..]));
        match rows {
            [Some(a), Some(b), Some(c), Some(d)] => sort_cubes(MIDST, [a, b, c, d], out),
            [Some(a), _, Some(c), _] => sort_cubes(MIDST & !OPEN[1], [a, a, c, c], out),
            _ => unreachable!("rows are two or four"),
        }
    }

    /// Distance from the first cell of a cube to its cell `b`.
    #[inline]
    pub fn offset(&self, b: usize) -> usize {
        let [i, j, _] = self.layout.steps();
        (b >> 2) * i + (b >> 1 & 1) * j + (b & 1)
    }
}

fn has_fluid(kind: &[u8]) -> bool {
    memchr::memchr(FLUID, kind).is_some()
}

/// The rows with fluid among cells of these kinds.
pub(super) fn wet_rows(layout: &Layout, kind: &[u8]) -> Rows {
    Rows::with(layout, |at| has_fluid(&kind[at]))
}

vectorised! {
    fn differ(state: &[u8], kind: &[u8]) -> bool {
        state.iter().zip(kind).fold(0, |differ, (state, kind)| differ | (state & (FLUID | AIR) ^ kind)) != 0
    }
}

vectorised! {
    /// Sets bit `open` where the face from a cell of `kind` to that of `next` is open.
    fn open_faces(open: u8, kind: &[u8], next: &[u8], weights: Option<&[f32]>, state: &mut [u8]) {
        let n = state.len();
        let (kind, next) = (&kind[..n], &next[..n]);
        for x in 0..n {
            let (a, b) = (kind[x], next[x]);
            let wet = (a | a >> 1) & (b | b >> 1) & (a | b) & 1;
            state[x] |= wet * open;
        }
        if let Some(weights) = weights {
            for x in 0..n {
                let closed = kind[x] & next[x] & FLUID != 0 && weights[x] == 0.0;
                state[x] &= if closed { !open } else { 255 };
            }
        }
    }
}

vectorised! {
    fn sort_cubes(midst: u8, rows: [&[u8]; 4], out: &mut [u8]) {
        let n = out.len();
        let [a, b, c, d] = rows;
        let (a0, b0, c0, d0) = (&a[..n], &b[..n], &c[..n], &d[..n]);
        let (a1, b1, c1, d1) = (&a[1..n + 1], &b[1..n + 1], &c[1..n + 1], &d[1..n + 1]);
        for x in 0..n {
            let all = (a0[x] & b0[x]) & (c0[x] & d0[x]) & ((a1[x] & b1[x]) & (c1[x] & d1[x]));
            let any = (a0[x] | b0[x]) | (c0[x] | d0[x]) | ((a1[x] | b1[x]) | (c1[x] | d1[x]));
            let sort = if any & FLUID == 0 { DRY } else { MIXED };
            let sort = if any == 0 { EMPTY } else { sort };
            out[x] = if all & midst == midst { WHOLE } else { sort };
        }
    }
}

/// Weights of faces, and what couples a cell to air.
pub(super) trait Faces: Sync {
    /// The weights of the faces between cells from `at` on and the next fluid ones in `direction`.
    fn faces(&self, direction: usize, at: usize, out: &mut [f32]);

    /// What couples the cells from `at` on to air.
    fn to_air(&self, at: usize, out: &mut [f32]);
}

/// All weights 1.
impl Faces for Cells {
    fn faces(&self, direction: usize, at: usize, out: &mut [f32]) {
        let next = at + self.layout.steps()[direction];
        unit_faces(OPEN[direction], &self.state[at..], &self.state[next..], out);
    }

    fn to_air(&self, at: usize, out: &mut [f32]) {
        out.fill(0.0);
        for step in self.layout.steps().into_iter().filter(|step| *step > 0) {
            count_air(&self.state[at..], &self.state[at - step..], &self.state[at + step..], out);
        }
    }
}

vectorised! {
    fn unit_faces(open: u8, state: &[u8], next: &[u8], out: &mut [f32]) {
        let n = out.len();
        let (state, next) = (&state[..n], &next[..n]);
        for x in 0..n {
            let joined = state[x] & open != 0 && state[x] & next[x] & FLUID != 0;
            out[x] = if joined { 1.0 } else { 0.0 };
        }
    }
}

vectorised! {
    fn count_air(state: &[u8], before: &[u8], after: &[u8], out: &mut [f32]) {
        let n = out.len();
        let (state, before, after) = (&state[..n], &before[..n], &after[..n]);
        for x in 0..n {
            let count = (before[x] >> 1 & 1) + (after[x] >> 1 & 1);
            out[x] += f32::from(count * (state[x] & FLUID));
        }
    }
}

impl Faces for Weights {
    fn faces(&self, direction: usize, at: usize, out: &mut [f32]) {
        out.copy_from_slice(&self.faces[direction][at..at + out.len()]);
    }

    fn to_air(&self, at: usize, out: &mut [f32]) {
        out.copy_from_slice(&self.air[at..at + out.len()]);
    }
}
