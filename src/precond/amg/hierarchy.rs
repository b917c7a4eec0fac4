//! Set-up: from the finest matrix down to one that is small enough to be solved densely.

use super::aggregate::{Strength, aggregate};
use super::coarsest::DenseInverse;
use super::config::AmgConfig;
use super::cycle::{Below, Level, Sorted, Transfer};
use super::prolongation::prolongation;
use super::smoother::{chebyshev, reach};
use super::spectrum::{eigenvalue_bound, greatest_eigenvalue};
use crate::sparse::{BLOCK, Packed, Real, Rows, galerkin, inverse, sort_by_length};
use rayon::prelude::*;

/// A level that shrinks by less than this factor ends the hierarchy.
const LEAST_COARSENING: f64 = 1.2;
/// Largest coarsest level that is still solved densely when coarsening stalls.
const DENSE_LIMIT: usize = 2000;
/// Pivots of the coarsest level below this many round-offs count as zero.
const PIVOT_ROUNDOFFS: f64 = 200.0;

/// The numbers of one level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelStats {
    /// Unknowns.
    pub unknowns: usize,
    /// Entries of the level's matrix, the diagonal counted.
    pub nonzeros: usize,
    /// Bytes of its matrix, transfers and vectors.
    pub bytes: usize,
}

/// Levels from the finest to the coarsest.
#[derive(Debug)]
pub struct Hierarchy<T> {
    pub levels: Vec<Level<T>>,
    /// Row `order[k]` of the finest matrix is unknown k of the first level.
    pub order: Vec<u32>,
    pub stats: Vec<LevelStats>,
}

/// A step of coarsening: the coarse matrix less its unit diagonal, its near-null vector, and how to get there.
struct Coarsening<T> {
    matrix: Rows<T>,
    near_null: Vec<T>,
    transfer: UnpackedTransfer<T>,
}

/// P and Pᵀ by rows, to be packed once the order of the coarse level is known.
struct UnpackedTransfer<T> {
    prolong: Rows<T>,
    restrict: Rows<T>,
    /// Scale of each coarse unknown.
    scale: Vec<T>,
}

/// A level with nothing below it yet.
pub struct Smoothed<T> {
    pub level: Level<T>,
    /// Row `order[k]` of the matrix is unknown k of the level.
    pub order: Vec<u32>,
    /// The inverse of `order`.
    column: Vec<u32>,
    /// Estimate of A's greatest eigenvalue.
    lambda: f64,
}

impl<T: Real> Smoothed<T> {
    /// The level of A = I + `a`, smoothed by `degree` steps.
    pub fn new(a: &Rows<T>, near_null: &[T], degree: usize) -> Self {
        let n = a.len();
        let order = sort_by_length(n, |i| a.range(i).len());
        let column = inverse(&order);
        let matrix = Packed::new(a, &order, &column, |_, _, v| v);
        let enough = eigenvalue_bound(a, near_null) / reach(degree);
        let lambda = greatest_eigenvalue(&matrix, n, enough);
        let level = Level::new(n, matrix, chebyshev(degree, lambda));
        Smoothed { level, order, column, lambda }
    }
}

/// Builds the hierarchy of A = I + `a` with near-null vector `near_null`.
pub fn build<T: Real>(mut a: Rows<T>, mut near_null: Vec<T>, config: &AmgConfig) -> Hierarchy<T> {
    let mut hierarchy = Hierarchy { levels: Vec::new(), order: Vec::new(), stats: Vec::new() };
    let mut above: Option<(UnpackedTransfer<T>, Vec<u32>, Vec<u32>)> = None;
    loop {
        let n = a.len();
        let Smoothed { level, order, column, lambda } = Smoothed::new(&a, &near_null, config.degree);
        if let Some((transfer, fine_order, fine_column)) = above.take() {
            let UnpackedTransfer { prolong, restrict, scale } = transfer;
            let prolong = Sorted::new(&prolong, &fine_order, &column, |_, j, v| v * scale[j]);
            let restrict = Sorted::new(&restrict, &order, &fine_column, |i, _, v| v * scale[i]);
            hierarchy.set_below(Below::Transfer(Transfer { prolong, restrict }));
        }
        if hierarchy.order.is_empty() {
            hierarchy.order.clone_from(&order);
        }
        hierarchy.push(n, a.nnz() + n, level);
        let level = hierarchy.levels.len();
        let wanted = n > config.coarsest_size && level < config.max_levels;
        let theta = config.theta * config.theta_decay.powi(level as i32 - 1);
        let Some(coarsening) = wanted.then(|| coarsen(&a, &near_null, theta, config.damping / lambda)).flatten() else {
            if n <= DENSE_LIMIT {
                hierarchy.set_below(Below::Solve(DenseInverse::new(&a, &order, PIVOT_ROUNDOFFS * T::EPSILON)));
            }
            return hierarchy;
        };
        let Coarsening { matrix, near_null: coarse_null, transfer } = coarsening;
        (a, near_null) = (matrix, coarse_null);
        above = Some((transfer, order, column));
    }
}

impl<T: Real> Hierarchy<T> {
    fn push(&mut self, unknowns: usize, nonzeros: usize, level: Level<T>) {
        self.stats.push(LevelStats { unknowns, nonzeros, bytes: level.bytes() });
        self.levels.push(level);
    }

    /// Sets what comes below the last level.
    fn set_below(&mut self, below: Below<T>) {
        if let (Some(level), Some(stats)) = (self.levels.last_mut(), self.stats.last_mut()) {
            level.below = below;
            stats.bytes = level.bytes();
        }
    }
}

/// Aggregates, smooths the prolongation and forms the coarse matrix; `None` where that would not shrink the problem.
fn coarsen<T: Real>(a: &Rows<T>, near_null: &[T], theta: f64, omega: f64) -> Option<Coarsening<T>> {
    let strength = Strength::new(a, theta);
    let aggregates = aggregate(&strength);
    if aggregates.count == 0 || a.len() as f64 <= LEAST_COARSENING * aggregates.count as f64 {
        return None;
    }
    let prolongation = prolongation(a, &strength, &aggregates, near_null, omega);
    let prolong = prolongation.matrix;
    let restrict = prolong.transpose(aggregates.count);
    let (matrix, scale) = scale_to_unit_diagonal(&galerkin(a, &prolong, &restrict));
    let near_null = prolongation.near_null.iter().zip(&scale).map(|(&b, &s)| b / s).collect();
    Some(Coarsening { matrix, near_null, transfer: UnpackedTransfer { prolong, restrict, scale } })
}

/// S A S − I with S = diag(A)^(−1/2), which is returned too; the diagonal is not stored any more.
fn scale_to_unit_diagonal<T: Real>(a: &Rows<T>) -> (Rows<T>, Vec<T>) {
    let diagonal = |i: usize| a.row(i).find(|&(j, _)| j == i).map(|(_, v)| v);
    let scale: Vec<T> = (0..a.len())
        .into_par_iter()
        .with_min_len(BLOCK)
        .map(|i| match diagonal(i) {
            Some(d) if d > T::ZERO => T::ONE / d.root(),
            _ => T::ONE,
        })
        .collect();
    let length = |i: usize| a.range(i).len() - usize::from(diagonal(i).is_some());
    let scaled = Rows::fill(a.len(), length, |i, columns, values| {
        for ((j, v), (c, w)) in a.row(i).filter(|&(j, _)| j != i).zip(columns.iter_mut().zip(values)) {
            *c = j as u32;
            *w = v * scale[i] * scale[j];
        }
    });
    (scaled, scale)
}
