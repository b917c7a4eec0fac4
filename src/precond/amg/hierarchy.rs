//! Set-up: from the finest matrix down to one that is small enough to be solved densely.

use super::aggregate::{Strength, aggregate};
use super::coarsest::DenseInverse;
use super::config::AmgConfig;
use super::cycle::{Below, Level, Transfer};
use super::prolongation::prolongation;
use super::smoother::chebyshev;
use super::spectrum::greatest_eigenvalue;
use crate::sparse::{BLOCK, Packed, Real, Rows, WINDOW, inverse, product, sort_by_key};
use rayon::prelude::*;

/// Lanczos steps for λ_max.
const LANCZOS_STEPS: usize = 6;
/// A level that shrinks by less than this factor ends the hierarchy.
const LEAST_COARSENING: f64 = 1.2;
/// Largest coarsest level that is still solved densely when coarsening stalls.
const DENSE_LIMIT: usize = 2000;

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

/// Levels from the finest to the coarsest, the order of the finest unknowns, and the numbers of each level.
pub struct Hierarchy<T> {
    pub levels: Vec<Level<T>>,
    /// Row `order[k]` of the finest matrix is unknown k of the first level.
    pub order: Vec<u32>,
    pub stats: Vec<LevelStats>,
}

/// P and its transpose, waiting for the order of the coarse level.
struct Pending<T> {
    prolong: Rows<T>,
    restrict: Rows<T>,
    /// Scale of each coarse unknown.
    scale: Vec<T>,
    order: Vec<u32>,
    place: Vec<u32>,
}

/// Builds the hierarchy of A = I + `a` with near-null vector `near_null`.
pub fn build<T: Real>(mut a: Rows<T>, mut near_null: Vec<T>, config: &AmgConfig) -> Hierarchy<T> {
    let mut levels = Vec::new();
    let mut stats = Vec::new();
    let mut finest_order = None;
    let mut pending: Option<Pending<T>> = None;
    loop {
        let n = a.len();
        let t0 = std::time::Instant::now();
        let coarse = if n > config.coarsest_size && levels.len() + 1 < config.max_levels {
            coarsen(&a, &near_null, levels.len(), config)
        } else {
            None
        };
        let t1 = std::time::Instant::now();
        let widths = coarse.as_ref().map(|c| &c.prolong);
        let order =
            sort_by_key(n, |i| (a.range(i).len() as u32) << 8 | widths.map_or(0, |p| p.range(i).len().min(255) as u32));
        let place = inverse(&order);
        if let Some(above) = pending.take() {
            set_transfer(&mut levels, &mut stats, above, &order, &place);
        }
        let lambda = coarse.as_ref().map_or_else(|| greatest_eigenvalue(&a, &near_null, LANCZOS_STEPS), |c| c.lambda);
        let matrix = Packed::new(&a, &order, &place, None);
        let steps = chebyshev(config.degree, lambda);
        let nonzeros = a.nnz() + n;
        let below = if coarse.is_none() && n <= DENSE_LIMIT {
            Below::Solve(DenseInverse::new(&a, 200.0 * T::EPSILON))
        } else {
            Below::Smooth
        };
        let ordered_a = a;
        let level = Level::new(n, matrix, steps, below);
        if std::env::var("AMG_T").is_ok() {
            eprintln!(
                "  level {n}: coarsen {:.1} ms, pack {:.1} ms, lambda {lambda:.3} pad A {:.3}",
                (t1 - t0).as_secs_f64() * 1e3,
                t1.elapsed().as_secs_f64() * 1e3,
                level.matrix.stored() as f64 / (nonzeros - n).max(1) as f64
            );
        }
        stats.push(LevelStats { unknowns: n, nonzeros, bytes: level.bytes() });
        levels.push(level);
        finest_order.get_or_insert_with(|| order.clone());
        let Some(c) = coarse else { break };
        drop(ordered_a);
        (a, near_null) = (c.matrix, c.near_null);
        pending = Some(Pending { prolong: c.prolong, restrict: c.restrict, scale: c.scale, order, place });
    }
    Hierarchy { levels, order: finest_order.unwrap_or_default(), stats }
}

/// Packs the transfer between the last of `levels` and the level whose order is given.
fn set_transfer<T: Real>(
    levels: &mut [Level<T>],
    stats: &mut [LevelStats],
    above: Pending<T>,
    order: &[u32],
    place: &[u32],
) {
    let prolong = Packed::new(&above.prolong, &above.order, place, Some(&above.scale));
    let by_length = sort_by_key(order.len(), |k| above.restrict.range(order[k] as usize).len() as u32);
    let rows: Vec<u32> = by_length.iter().map(|&k| order[k as usize]).collect();
    let restrict = Packed::with_row_scale(&above.restrict, &rows, &above.place, &above.scale);
    if std::env::var("AMG_T").is_ok() {
        eprintln!(
            "  pad P {:.3} R {:.3} nnzP/n {:.2}",
            prolong.stored() as f64 / above.prolong.nnz() as f64,
            restrict.stored() as f64 / above.prolong.nnz() as f64,
            above.prolong.nnz() as f64 / above.order.len() as f64
        );
    }
    let local = by_length.iter().map(|&k| (k as usize % WINDOW) as u16).collect();
    if let (Some(level), Some(stats)) = (levels.last_mut(), stats.last_mut()) {
        level.below = Below::Transfer(Transfer { prolong, restrict, place: local });
        stats.bytes = level.bytes();
    }
}

/// One step of coarsening.
struct Coarse<T> {
    matrix: Rows<T>,
    near_null: Vec<T>,
    prolong: Rows<T>,
    restrict: Rows<T>,
    scale: Vec<T>,
    lambda: f64,
}

/// Aggregates, smooths the prolongation and forms the coarse matrix; `None` where that would not shrink the problem.
fn coarsen<T: Real>(a: &Rows<T>, near_null: &[T], level: usize, config: &AmgConfig) -> Option<Coarse<T>> {
    let t = std::time::Instant::now();
    let strength = Strength::new(a, config.theta * config.theta_decay.powi(level as i32));
    let t1 = t.elapsed().as_secs_f64();
    let aggregates = aggregate(&strength);
    let t2 = t.elapsed().as_secs_f64();
    if aggregates.count == 0 || a.len() as f64 <= LEAST_COARSENING * aggregates.count as f64 {
        return None;
    }
    let lambda = greatest_eigenvalue(a, near_null, LANCZOS_STEPS);
    let t3 = t.elapsed().as_secs_f64();
    let prolong = prolongation(a, &strength, &aggregates, near_null, config.damping / lambda);
    let t4 = t.elapsed().as_secs_f64();
    let restrict = prolong.matrix.transpose(aggregates.count);
    let t5 = t.elapsed().as_secs_f64();
    let ap = product(a, &prolong.matrix, aggregates.count, true);
    let t6 = t.elapsed().as_secs_f64();
    let mut matrix = product(&restrict, &ap, aggregates.count, false);
    let t7 = t.elapsed().as_secs_f64();
    let nap = ap.nnz();
    drop(ap);
    let scale = scale_to_unit_diagonal(&mut matrix);
    let t8 = t.elapsed().as_secs_f64();
    if std::env::var("AMG_T").is_ok() {
        eprintln!(
            "  strength {:.1} agg {:.1} lam {:.1} P {:.1} R {:.1} AP {:.1} ({:.2}/row) RAP {:.1} scale {:.1}",
            t1 * 1e3,
            (t2 - t1) * 1e3,
            (t3 - t2) * 1e3,
            (t4 - t3) * 1e3,
            (t5 - t4) * 1e3,
            (t6 - t5) * 1e3,
            nap as f64 / a.len() as f64,
            (t7 - t6) * 1e3,
            (t8 - t7) * 1e3
        );
    }
    let near_null = prolong.near_null.iter().zip(&scale).map(|(&b, &s)| b / s).collect();
    Some(Coarse { matrix, near_null, prolong: prolong.matrix, restrict, scale, lambda })
}

/// Replaces A by S A S − I with S = diag(A)^(−1/2), which is returned; the diagonal is not stored any more.
fn scale_to_unit_diagonal<T: Real>(a: &mut Rows<T>) -> Vec<T> {
    let scale: Vec<T> = (0..a.len())
        .into_par_iter()
        .with_min_len(BLOCK)
        .map(|i| {
            let diagonal = a.row(i).find(|&(j, _)| j == i).map_or(T::ZERO, |(_, v)| v);
            if diagonal > T::ZERO { T::ONE / diagonal.root() } else { T::ZERO }
        })
        .collect();
    let old = std::mem::take(a);
    *a = Rows::build(
        old.len(),
        || (),
        |(), block, out| {
            for i in block {
                for (j, v) in old.row(i).filter(|&(j, _)| j != i) {
                    out.columns.push(j as u32);
                    out.values.push(v * scale[i] * scale[j]);
                }
                out.finish_row();
            }
        },
    );
    scale
}
