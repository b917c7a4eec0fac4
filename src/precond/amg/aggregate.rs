//! Coarsening by aggregation (Vaněk, Mandel, Brezina 1996, doi:10.1007/BF02238511, §4): every unknown with all its
//! strongly coupled neighbours makes an aggregate where none of them is taken yet; what is left over joins the
//! aggregate it is coupled to most strongly.
//!
//! i and j are strongly coupled where −aᵢⱼ ≥ θ min(maxₖ −aᵢₖ, maxₖ −aⱼₖ) > 0; positive couplings are weak.
//!
//! Departure: the greedy passes run apart in each of a few blocks of consecutive unknowns, so that they run in parallel
//! and do not depend on the number of threads.

use crate::sparse::{BLOCK, Real, Rows};
use rayon::prelude::*;
use std::ops::Range;

/// Blocks that the unknowns are aggregated in, and the least size of one: their seams make somewhat worse aggregates.
const BLOCKS: usize = 4;
const LEAST_BLOCK: usize = 32_768;

/// Marks an unknown of no aggregate: it has no strong coupling and is left to the smoother.
pub const NONE: u32 = u32::MAX;

/// Which aggregate each unknown belongs to.
#[derive(Debug, PartialEq)]
pub struct Aggregates {
    /// Aggregate of each unknown, or [`NONE`].
    pub of: Vec<u32>,
    /// Number of aggregates.
    pub count: usize,
}

/// The strength-of-connection test.
pub struct Strength<'a, T> {
    matrix: &'a Rows<T>,
    /// θ maxₖ −aᵢₖ of each row.
    bound: Vec<T>,
}

impl<'a, T: Real> Strength<'a, T> {
    /// With threshold `theta`.
    pub fn new(matrix: &'a Rows<T>, theta: f64) -> Self {
        let theta = T::of(theta);
        let bound = (0..matrix.len())
            .into_par_iter()
            .with_min_len(BLOCK)
            .map(|i| {
                let most = matrix.row(i).fold(T::ZERO, |most, (_, v)| if -v > most { -v } else { most });
                theta * most
            })
            .collect();
        Strength { matrix, bound }
    }

    /// Whether i and j, coupled by `value`, are strongly coupled.
    #[inline(always)]
    pub fn holds(&self, i: usize, j: usize, value: T) -> bool {
        let (a, b) = (self.bound[i], self.bound[j]);
        value < T::ZERO && -value >= if a < b { a } else { b }
    }

    /// The strongly coupled neighbours of i within `block`, with the strength.
    #[inline(always)]
    fn neighbours(&self, i: usize, block: &Range<usize>) -> impl Iterator<Item = (usize, T)> {
        let block = block.clone();
        self.matrix.row(i).filter(move |&(j, v)| self.holds(i, j, v) && block.contains(&j)).map(|(j, v)| (j, -v))
    }
}

/// Aggregates the unknowns of `strength`'s matrix.
pub fn aggregate<T: Real>(strength: &Strength<'_, T>) -> Aggregates {
    let n = strength.matrix.len();
    let block = n.div_ceil(BLOCKS).max(LEAST_BLOCK);
    let mut of = vec![NONE; n];
    let counts: Vec<u32> = of
        .par_chunks_mut(block)
        .enumerate()
        .map(|(k, of)| aggregate_block(strength, k * block..(k * block + of.len()), of))
        .collect();
    let mut first = Vec::with_capacity(counts.len());
    let mut total = 0;
    for count in counts {
        first.push(total);
        total += count;
    }
    of.par_chunks_mut(block).zip(first).for_each(|(of, first)| {
        for a in of.iter_mut().filter(|a| **a != NONE) {
            *a += first;
        }
    });
    Aggregates { of, count: total as usize }
}

fn aggregate_block<T: Real>(strength: &Strength<'_, T>, block: Range<usize>, of: &mut [u32]) -> u32 {
    let base = block.start;
    let mut count = 0;
    // Pass 1: whole neighbourhoods.
    for i in block.clone() {
        if of[i - base] != NONE || strength.neighbours(i, &block).any(|(j, _)| of[j - base] != NONE) {
            continue;
        }
        let mut alone = true;
        for (j, _) in strength.neighbours(i, &block) {
            of[j - base] = count;
            alone = false;
        }
        if !alone {
            of[i - base] = count;
            count += 1;
        }
    }
    // Pass 2: what is left joins the strongest neighbour of pass 1.
    let mut joined = Vec::new();
    for i in block.clone().filter(|&i| of[i - base] == NONE) {
        let best =
            strength.neighbours(i, &block).filter(|&(j, _)| of[j - base] != NONE).fold(
                None,
                |best, (j, v)| match best {
                    Some((_, most)) if most >= v => best,
                    _ => Some((j, v)),
                },
            );
        if let Some((j, _)) = best {
            joined.push((i - base, of[j - base]));
        }
    }
    for (i, a) in joined {
        of[i] = a;
    }
    // Pass 3: the rest forms aggregates of its own.
    for i in block.clone() {
        if of[i - base] != NONE {
            continue;
        }
        let coupled_outside = strength.matrix.row(i).any(|(j, v)| strength.holds(i, j, v));
        let mut alone = true;
        for (j, _) in strength.neighbours(i, &block) {
            if of[j - base] == NONE {
                of[j - base] = count;
                alone = false;
            }
        }
        if !alone || coupled_outside {
            of[i - base] = count;
            count += 1;
        }
    }
    count
}
