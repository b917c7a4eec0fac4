//! One V-cycle for A x = b from x = 0: smooth, restrict the residual, correct from the coarse level, smooth.
//!
//! All matrices have unit diagonal, which is not stored: A = I + O. Every sweep over O is fused with the vector
//! updates that follow from it.

use super::coarsest::DenseInverse;
use super::smoother::Step;
use crate::sparse::{LANES, Packed, Real, Rows, SLICES, Vector, WINDOW, sort_by_length, zeros};
use rayon::prelude::*;

/// How a level is left.
#[derive(Debug)]
pub enum Below<T> {
    /// There is a coarser level.
    Transfer(Transfer<T>),
    /// A correction that is no level of its own.
    Correct(Box<dyn Correction<T>>),
    /// This is the coarsest: solved.
    Solve(DenseInverse<T>),
    /// This is the coarsest: smoothing is enough, as no unknown is strongly coupled to another.
    Smooth,
}

/// x <- x + C r, C symmetric and positive semi-definite, on the unknowns of a level in its order.
pub trait Correction<T>: std::fmt::Debug + Send + Sync {
    /// Adds to `x` what `r` calls for.
    fn correct(&mut self, r: &[T], x: &mut [T]);

    /// Bytes held.
    fn bytes(&self) -> usize;

    /// Bytes that a correction reads and writes besides r and x.
    fn traffic(&self) -> usize;
}

/// Between a level and the next coarser one.
#[derive(Debug)]
pub struct Transfer<T> {
    /// P.
    pub prolong: Sorted<T>,
    /// Pᵀ.
    pub restrict: Sorted<T>,
}

/// A matrix with its rows sorted by length within each window, and where they belong.
#[derive(Debug)]
pub struct Sorted<T> {
    pub(super) matrix: Packed<T>,
    /// Place within its window of each row.
    pub(super) place: Vec<u16>,
}

impl<T: Real> Sorted<T> {
    /// Row `order[k]` of `rows` becomes row k, column j becomes `column[j]`, values become `value(i, j, v)`.
    pub fn new(rows: &Rows<T>, order: &[u32], column: &[u32], value: impl Fn(usize, usize, T) -> T + Sync) -> Self {
        let by_length = sort_by_length(order.len(), |k| rows.range(order[k] as usize).len());
        let sorted: Vec<u32> = by_length.iter().map(|&k| order[k as usize]).collect();
        let place = by_length.iter().map(|&k| (k as usize % WINDOW) as u16).collect();
        Sorted { matrix: Packed::new(rows, &sorted, column, value), place }
    }

    /// `put(yᵢ, Σⱼ aᵢⱼ xⱼ)` for every row i.
    fn apply(&self, x: &Vector<T>, y: &mut Vector<T>, put: impl Fn(&mut T, T) + Sync + Send) {
        let parts = (y.as_flattened_mut().par_chunks_mut(WINDOW), self.place.par_chunks(WINDOW)).into_par_iter();
        self.matrix.sweep(x.as_flattened(), parts, |(y, place), s, sum| {
            for (&k, &v) in place[s * LANES..].iter().zip(sum) {
                put(&mut y[k as usize], v);
            }
        });
    }

    fn bytes(&self) -> usize {
        self.matrix.bytes() + size_of_val(self.place.as_slice())
    }
}

/// One level and its vectors.
#[derive(Debug)]
pub struct Level<T> {
    /// O = A − I.
    pub matrix: Packed<T>,
    /// The smoother's steps.
    pub steps: Vec<Step<T>>,
    /// What comes below.
    pub below: Below<T>,
    /// Right-hand side.
    pub b: Vector<T>,
    /// Solution.
    pub x: Vector<T>,
    /// Residual.
    r: Vector<T>,
    /// Direction, new direction.
    d: Vector<T>,
    e: Vector<T>,
}

macro_rules! lanes {
    (|$l:ident| $body:block) => {
        for $l in 0..LANES $body
    };
}

impl<T: Real> Level<T> {
    /// A coarsest level of `n` unknowns.
    pub fn new(n: usize, matrix: Packed<T>, steps: Vec<Step<T>>) -> Self {
        let more = if steps.len() > 1 { n } else { 0 };
        let (d, e) = (zeros(more), zeros(more));
        Level { matrix, steps, below: Below::Smooth, b: zeros(n), x: zeros(n), r: zeros(n), d, e }
    }

    /// Bytes held, vectors counted.
    pub fn bytes(&self) -> usize {
        let below = match &self.below {
            Below::Transfer(t) => t.prolong.bytes() + t.restrict.bytes(),
            Below::Correct(correction) => correction.bytes(),
            Below::Solve(inverse) => inverse.bytes(),
            Below::Smooth => 0,
        };
        let vectors: usize =
            [&self.b, &self.x, &self.r, &self.d, &self.e].iter().map(|v| size_of_val(v.as_slice())).sum();
        self.matrix.bytes() + below + vectors
    }

    /// Bytes that a cycle reads and writes here: as many sweeps over the matrix before as after the correction, each with some five
    /// vectors, and P and Pᵀ with one of each level.
    pub fn traffic(&self) -> usize {
        let vector = size_of_val(self.b.as_slice());
        let sweeps = 2 * self.steps.len() * (self.matrix.bytes() + 5 * vector);
        match &self.below {
            Below::Transfer(t) => sweeps + t.prolong.bytes() + t.restrict.bytes() + 3 * vector,
            Below::Correct(correction) => sweeps + correction.traffic() + 3 * vector,
            Below::Solve(inverse) => inverse.bytes() + 2 * vector,
            Below::Smooth => sweeps,
        }
    }

    /// x <- smoothing of A x = b from x = 0; r <- b − A x.
    fn smooth_from_zero(&mut self) {
        let Level { matrix, steps, b, x, r, d, e, .. } = self;
        let first = steps[0].take;
        let parts = (b.par_chunks(SLICES), x.par_chunks_mut(SLICES), r.par_chunks_mut(SLICES)).into_par_iter();
        if steps.len() == 1 {
            matrix.sweep(b.as_flattened(), parts, |(b, x, r), s, sum| {
                lanes!(|l| {
                    x[s][l] = first * b[s][l];
                    r[s][l] = b[s][l] - first * (b[s][l] + sum[l]);
                });
            });
            return;
        }
        let Step { keep, take } = steps[1];
        let parts = (parts, d.par_chunks_mut(SLICES)).into_par_iter();
        matrix.sweep(b.as_flattened(), parts, |((b, x, r), d), s, sum| {
            lanes!(|l| {
                let start = first * b[s][l];
                r[s][l] = b[s][l] - first * (b[s][l] + sum[l]);
                d[s][l] = keep * start + take * r[s][l];
                x[s][l] = start + d[s][l];
            });
        });
        for step in &steps[2..] {
            advance(matrix, *step, d, r, e, x);
            std::mem::swap(d, e);
        }
        let parts = (d.par_chunks(SLICES), r.par_chunks_mut(SLICES)).into_par_iter();
        matrix.sweep(d.as_flattened(), parts, |(d, r), s, sum| {
            lanes!(|l| {
                r[s][l] -= d[s][l] + sum[l];
            });
        });
    }

    /// x <- smoothing of A x = b from x.
    fn smooth(&mut self) {
        let Level { matrix, steps, b, x, r, d, e, .. } = self;
        let first = steps[0].take;
        let parts = (b.par_chunks(SLICES), x.par_chunks(SLICES), r.par_chunks_mut(SLICES)).into_par_iter();
        if steps.len() == 1 {
            matrix.sweep(x.as_flattened(), parts, |(b, x, y), s, sum| {
                lanes!(|l| {
                    y[s][l] = x[s][l] + first * (b[s][l] - x[s][l] - sum[l]);
                });
            });
            std::mem::swap(x, r);
            return;
        }
        let parts = (parts, d.par_chunks_mut(SLICES)).into_par_iter();
        matrix.sweep(x.as_flattened(), parts, |((b, x, r), d), s, sum| {
            lanes!(|l| {
                r[s][l] = b[s][l] - x[s][l] - sum[l];
                d[s][l] = first * r[s][l];
            });
        });
        let Step { keep, take } = steps[1];
        let last = steps.len() == 2;
        let parts =
            (d.par_chunks(SLICES), r.par_chunks_mut(SLICES), e.par_chunks_mut(SLICES), x.par_chunks_mut(SLICES));
        matrix.sweep(d.as_flattened(), parts.into_par_iter(), |(d, r, e, x), s, sum| {
            lanes!(|l| {
                let left = r[s][l] - d[s][l] - sum[l];
                let next = keep * d[s][l] + take * left;
                x[s][l] += d[s][l] + next;
                if !last {
                    r[s][l] = left;
                    e[s][l] = next;
                }
            });
        });
        for step in &steps[2..] {
            std::mem::swap(d, e);
            advance(matrix, *step, d, r, e, x);
        }
    }
}

/// r <- r − A d; e <- keep d + take r; x <- x + e.
fn advance<T: Real>(
    a: &Packed<T>,
    step: Step<T>,
    d: &[[T; LANES]],
    r: &mut Vector<T>,
    e: &mut Vector<T>,
    x: &mut Vector<T>,
) {
    let parts = (d.par_chunks(SLICES), r.par_chunks_mut(SLICES), e.par_chunks_mut(SLICES), x.par_chunks_mut(SLICES));
    a.sweep(d.as_flattened(), parts.into_par_iter(), |(d, r, e, x), s, sum| {
        lanes!(|l| {
            r[s][l] -= d[s][l] + sum[l];
            e[s][l] = step.keep * d[s][l] + step.take * r[s][l];
            x[s][l] += e[s][l];
        });
    });
}

/// x <- B b on the first of `levels`, with B the V-cycle over all of them.
pub fn v_cycle<T: Real>(levels: &mut [Level<T>]) {
    let Some((level, coarser)) = levels.split_first_mut() else { return };
    if let Below::Solve(inverse) = &level.below {
        inverse.apply(level.b.as_flattened(), level.x.as_flattened_mut());
        return;
    }
    level.smooth_from_zero();
    match (&mut level.below, coarser.first_mut()) {
        (Below::Transfer(transfer), Some(next)) => {
            transfer.restrict.apply(&level.r, &mut next.b, |b, v| *b = v);
            v_cycle(coarser);
            transfer.prolong.apply(&coarser[0].x, &mut level.x, |x, v| *x += v);
        }
        (Below::Correct(correction), _) => correction.correct(level.r.as_flattened(), level.x.as_flattened_mut()),
        _ => {}
    }
    level.smooth();
}
