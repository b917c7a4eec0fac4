//! Interpolation P from blocks of 2 × 2 × 2 cells to their cells, and its transpose.
//!
//! The weights are those of trilinear interpolation between block centres: ¾ in each direction for the cell's own block,
//! ¼ for the next. A cell takes only what it is connected to: the cells of the cube of 2 × 2 × 2 cells *between* blocks,
//! one from each of eight blocks, say by the faces open between them which blocks belong to the same water. Weights of
//! the others are dropped and the rest divided by their sum, air counting as a block with the value 0.
//!
//! | symbol | name here | what |
//! |---|---|---|
//! | cube corner b | bit of `links` | bit (bi bj bk): whether the block at that offset gives a value; own block 0 |
//! | Σ weights | `total` | in 64ths, air included |

use super::coarsen::Blocks;
use crate::operator::voxel::{Field, Layout};

/// Weights in 64ths by the number of directions in which the block is the next one.
const WEIGHT: [f32; 4] = [27.0, 9.0, 3.0, 1.0];

/// Weight of corner `b`.
pub(super) const fn weight(b: usize) -> f32 {
    WEIGHT[b.count_ones() as usize]
}

/// Interpolation to the cells of one level.
#[derive(Debug)]
pub(super) struct Transfer {
    /// For each cell, which of its eight blocks it takes from.
    pub links: Vec<u8>,
    /// For each cell, the sum of its weights in 64ths; 64 where it takes nothing.
    pub total: Vec<u8>,
}

/// Planes of a coarse field spread to fine length, two cells at a time: the own block of each cell, and the next. Of the
/// planes that are [reached](Self::reach) one after the other, the last three are held, as Pe needs them.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    own: [Vec<u64>; 3],
    next: [Vec<u64>; 3],
    /// Planes from −1 to before this one, plus one, were filled.
    filled: usize,
    /// Rows' length in pairs.
    pairs: usize,
}

impl Spread {
    /// For planes of the `coarse` layout and fine rows of `n` cells, an even number.
    pub fn new(coarse: &Layout, n: usize) -> Self {
        let pairs = n / 2;
        let planes = || std::array::from_fn(|_| vec![0; (coarse.n[1] + 2) * pairs]);
        Spread { own: planes(), next: planes(), filled: 0, pairs }
    }

    /// Forgets the planes held.
    pub fn restart(&mut self) {
        self.filled = 0;
    }

    /// Spreads the planes of `e` that fine plane `i` takes from.
    #[inline(always)]
    pub fn reach(&mut self, blocks: &Blocks, i: usize, e: &[f32]) {
        let coarse = &blocks.layout;
        // Planes are counted from 1 here: 0 is the one before the domain.
        let last = i / 2 + 1 + i % 2;
        for plane in self.filled.max(last - 1)..=last {
            for j in 0..coarse.n[1] + 2 {
                // Nothing takes from rows without unknowns.
                let row = if coarse.planar() { 0 } else { j.wrapping_sub(1) };
                if !blocks.has_unknowns([plane.wrapping_sub(1), row]) {
                    continue;
                }
                let to = j * self.pairs..(j + 1) * self.pairs;
                let from =
                    if coarse.planar() { coarse.at(0, 0) } else { coarse.at(0, 0) + j * coarse.row - coarse.row };
                let e = &e[from + plane * coarse.plane - coarse.plane - 1..];
                spread_row(e, &mut self.own[plane % 3][to.clone()], &mut self.next[plane % 3][to]);
            }
            self.filled = plane + 1;
        }
    }

    /// The rows fine row (i, j) takes from, at block corners 0 to 7.
    #[inline(always)]
    pub fn sources(&self, fine: &Layout, [i, j]: [usize; 2]) -> [&[f32]; 8] {
        let near = i / 2 + 1;
        let planes = [near, near - 1 + i % 2 * 2];
        let row = j / 2 + 1;
        let rows = [row, if fine.planar() { row } else { row - 1 + j % 2 * 2 }];
        std::array::from_fn(|b| {
            let plane = planes[b >> 2] % 3;
            let values = if b & 1 == 0 { &self.own[plane] } else { &self.next[plane] };
            bytemuck::cast_slice(&values[rows[b >> 1 & 1] * self.pairs..][..self.pairs])
        })
    }
}

/// Spreads one row of blocks, `e` from the one before.
#[inline(always)]
fn spread_row(e: &[f32], own: &mut [u64], next: &mut [u64]) {
    let pair = |first: f32, second: f32| (u64::from(first.to_bits()) | u64::from(second.to_bits()) << 32).to_le();
    let n = own.len();
    let (before, block, after) = (&e[..n], &e[1..n + 1], &e[2..n + 2]);
    for x in 0..n {
        own[x] = pair(block[x], block[x]);
        next[x] = pair(before[x], after[x]);
    }
}

/// Sums of shares at fine length, before they are added up to blocks: to the own block of each cell, and to the next.
#[derive(Debug)]
pub(super) struct Shares {
    own: Field,
    next: Field,
}

/// Where rows of shares begin: on a cache line, with cells before.
const LEAD: usize = 16;

impl Shares {
    /// For rows of `n` cells.
    pub fn new(n: usize) -> Self {
        Shares { own: Field::new(n + 2 * LEAD), next: Field::new(n + 2 * LEAD) }
    }
}

impl Transfer {
    /// Nothing taken from anywhere, by cells with this layout.
    pub fn none(layout: &Layout) -> Self {
        Transfer { links: vec![0; layout.len()], total: vec![64; layout.len()] }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.links.len() + self.total.len()
    }

    /// out <- z + P e on the row at `at`, with e's `sources` by block corner.
    #[inline(always)]
    pub fn prolong_row(&self, at: usize, z: &[f32], sources: [&[f32]; 8], out: &mut [f32]) {
        let n = out.len();
        let (links, total, z) = (&self.links[at..][..n], &self.total[at..][..n], &z[at..][..n]);
        let [s0, s1, s2, s3, s4, s5, s6, s7] = sources;
        let (s0, s1, s2, s3) = (&s0[..n], &s1[..n], &s2[..n], &s3[..n]);
        let (s4, s5, s6, s7) = (&s4[..n], &s5[..n], &s6[..n], &s7[..n]);
        for x in 0..n {
            let bits = links[x];
            let on = |b: usize, value: f32| if bits & (1 << b) != 0 { value } else { 0.0 };
            let sum = WEIGHT[0] * on(0, s0[x])
                + WEIGHT[1] * (on(1, s1[x]) + on(2, s2[x]) + on(4, s4[x]))
                + WEIGHT[2] * (on(3, s3[x]) + on(5, s5[x]) + on(6, s6[x]))
                + WEIGHT[3] * on(7, s7[x]);
            out[x] = z[x] + sum / f32::from(total[x]);
        }
    }

    /// t <- t / Σ weights on the row at `at`: what [`Self::restrict_row`] takes.
    #[inline(always)]
    pub fn share_row(&self, at: usize, t: &mut [f32]) {
        for (t, total) in t.iter_mut().zip(&self.total[at..]) {
            *t /= f32::from(*total);
        }
    }

    /// Row (i, j) of Pᵀ t on the coarse level, of t that was [shared](Self::share_row) out; `t` are the windows of fine planes 2i − 1 to 2i + 2.
    #[inline(always)]
    pub fn restrict_row(
        &self,
        fine: &Layout,
        [i, j]: [usize; 2],
        t: [&[f32]; 4],
        shares: &mut Shares,
        out: &mut [f32],
    ) {
        let n = fine.width();
        let Shares { own, next } = shares;
        own.fill(0.0);
        next.fill(0.0);
        let (own_cells, next_cells) = (&mut own[LEAD..][..n], &mut next[LEAD..][..n]);
        for (plane, t) in t.iter().enumerate() {
            let Some(fi) = (2 * i + plane).checked_sub(1).filter(|fi| *fi < fine.n[0]) else { continue };
            let row = |fj: usize| {
                let x = fine.lead() + fj * fine.row;
                (&self.links[fine.at(fi, fj)..][..n], &t[x..][..n])
            };
            match (plane == 0 || plane == 3, fine.planar()) {
                (false, true) => gather::<0>(row(0), own_cells, next_cells),
                (true, true) => gather::<4>(row(0), own_cells, next_cells),
                (false, false) => gather_four::<0>(fine, row, j, own_cells, next_cells),
                (true, false) => gather_four::<4>(fine, row, j, own_cells, next_cells),
            }
        }
        // Own cells 2x and 2x + 1; 2x − 1 and 2x + 2 have this block as their next.
        let (own, next) = (&own[LEAD..], &next[LEAD - 1..]);
        for (x, out) in out.iter_mut().enumerate() {
            *out = own[2 * x] + own[2 * x + 1] + (next[2 * x] + next[2 * x + 3]);
        }
    }
}

/// A cell's share for the block at corner `b`.
#[inline(always)]
fn share(b: usize, links: u8, t: f32) -> f32 {
    if links & (1 << b) != 0 { weight(b) * t } else { 0.0 }
}

/// Adds the shares of a fine row's cells, given as links and values, that go to block corner `B` and, one on in the row's
/// direction, `B` + 1.
#[inline(always)]
fn gather<const B: usize>((links, t): (&[u8], &[f32]), own: &mut [f32], next: &mut [f32]) {
    let n = own.len();
    let (links, t, next) = (&links[..n], &t[..n], &mut next[..n]);
    for x in 0..n {
        own[x] += share(B, links[x], t[x]);
        next[x] += share(B + 1, links[x], t[x]);
    }
}

/// As [`gather`] for the four fine rows that take from coarse row `j`; the outer two at the next corner in j.
#[inline(always)]
fn gather_four<'a, const B: usize>(
    fine: &Layout,
    row: impl Fn(usize) -> (&'a [u8], &'a [f32]),
    j: usize,
    own: &mut [f32],
    next: &mut [f32],
) {
    let n = own.len();
    // The row after the last one is zero, the row before the first as well.
    let before = if j == 0 { fine.n[1] } else { 2 * j - 1 };
    let ((l0, t0), (l1, t1)) = (row(before), row(2 * j));
    let ((l2, t2), (l3, t3)) = (row(2 * j + 1), row((2 * j + 2).min(fine.n[1])));
    let (l0, l1, l2, l3) = (&l0[..n], &l1[..n], &l2[..n], &l3[..n]);
    let (t0, t1, t2, t3) = (&t0[..n], &t1[..n], &t2[..n], &t3[..n]);
    let (next, own) = (&mut next[..n], &mut own[..n]);
    for x in 0..n {
        own[x] += (share(B + 2, l0[x], t0[x]) + share(B, l1[x], t1[x]))
            + (share(B, l2[x], t2[x]) + share(B + 2, l3[x], t3[x]));
        next[x] += (share(B + 3, l0[x], t0[x]) + share(B + 1, l1[x], t1[x]))
            + (share(B + 1, l2[x], t2[x]) + share(B + 3, l3[x], t3[x]));
    }
}
