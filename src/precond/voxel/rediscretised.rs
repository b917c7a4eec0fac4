//! Textbook geometric multigrid on voxel grids, the yardstick for [`VoxelMultigrid`](super::VoxelMultigrid): the operator is
//! discretised anew on every grid, from coarse flags alone.
//!
//! | part | choice |
//! |---|---|
//! | coarse cell | air if any of its 2 × 2 × 2 cells is, else fluid if any is, else solid |
//! | A_c | the voxel operator of the coarse flags, times 2 in space (twice the distance, four times the area), 1 in the plane |
//! | P | trilinear, weights renormalised over the coarse cells that are not solid; R = Pᵀ |
//! | smoother | two sweeps of damped Jacobi before and after, ω = 6/7 in space, 4/5 in the plane |
//! | coarsest grid | [`BOTTOM_SWEEPS`] sweeps |
//!
//! Sources: A. McAdams, E. Sifakis, J. Teran, A parallel multigrid Poisson solver for fluids simulation on large grids (SCA
//! 2010), §3 on coarse flags; U. Trottenberg, C. W. Oosterlee, A. Schüller, Multigrid (Academic Press, 2001), §2.1 and §2.9 on ω.

use crate::error::Result;
use crate::operator::{LinearOperator, voxel::VoxelOperator};
use crate::precond::Preconditioner;
use crate::voxel::{AIR, FLUID, SOLID, VoxelGrid};
use rayon::prelude::*;

/// Grids of fewer cells are not coarsened.
const COARSEST: usize = 64;
/// Jacobi sweeps on the coarsest grid.
pub(super) const BOTTOM_SWEEPS: usize = 30;
/// Jacobi sweeps before and after the coarse correction.
const SWEEPS: usize = 2;

/// One V(2,2)-cycle as a preconditioner, on all cells of a grid in row-major order; zero outside the fluid. Symmetric positive
/// definite where every part of the fluid touches air, and semi-definite else.
pub struct RediscretisedMultigrid {
    pub(super) levels: Vec<Level>,
}

pub(super) struct Level {
    pub(super) grid: VoxelGrid,
    pub(super) operator: VoxelOperator,
    /// ω over the diagonal; 0 outside the fluid.
    damped_inverse: Vec<f64>,
    /// One over the sum of a cell's weights in P; 0 outside the fluid. Empty on the coarsest grid.
    pub(super) normaliser: Vec<f64>,
    r: Vec<f64>,
    z: Vec<f64>,
    t: Vec<f64>,
}

impl RediscretisedMultigrid {
    /// Sets up for the unscaled operator on `grid`.
    ///
    /// Errors: no fluid cell.
    pub fn new(grid: &VoxelGrid) -> Result<Self> {
        grid.require_fluid()?;
        let mut levels = vec![Level::new(grid.clone())];
        while let Some(last) = levels.last_mut()
            && last.grid.cells() > COARSEST
        {
            let coarse = coarse_grid(&last.grid)?;
            if coarse.require_fluid().is_err() {
                break;
            }
            last.normaliser = normaliser(&last.grid, &coarse);
            levels.push(Level::new(coarse));
        }
        Ok(RediscretisedMultigrid { levels })
    }

    /// Number of grids.
    pub fn grid_levels(&self) -> usize {
        self.levels.len()
    }
}

impl Preconditioner for RediscretisedMultigrid {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        self.levels[0].r.copy_from_slice(r);
        cycle(&mut self.levels);
        z.copy_from_slice(&self.levels[0].z);
    }

    fn bytes(&self) -> usize {
        let level = |l: &Level| 8 * (4 * l.r.len() + l.normaliser.len()) + l.grid.cells() + l.operator.bytes();
        self.levels.iter().map(level).sum()
    }

    fn traffic(&self) -> usize {
        let count = |i: usize| if i + 1 == self.levels.len() { BOTTOM_SWEEPS } else { 2 * SWEEPS + 1 };
        let between: usize = self.levels.iter().map(|l| 4 * size_of_val(&l.normaliser[..])).sum();
        between + self.levels.iter().enumerate().map(|(i, l)| sweeps(l, count(i))).sum::<usize>()
    }
}

/// Bytes that sweeps of a smoother and the residual read and write on a level: the operator, and eight values a cell.
fn sweeps(l: &Level, count: usize) -> usize {
    count * (l.operator.bytes() + 8 * size_of::<f64>() * l.r.len())
}

fn cycle(levels: &mut [Level]) {
    let Some((fine, rest)) = levels.split_first_mut() else { return };
    fine.z.fill(0.0);
    let Some(coarse) = rest.first_mut() else {
        return fine.smooth(BOTTOM_SWEEPS);
    };
    fine.smooth(SWEEPS);
    fine.residual();
    fine.restrict(coarse);
    cycle(rest);
    fine.prolong(&rest[0]);
    fine.smooth(SWEEPS);
}

impl Level {
    fn new(grid: VoxelGrid) -> Self {
        let operator = VoxelOperator::new(&grid);
        let omega = damping(&grid);
        let inverse = |c| match operator.diagonal(c) {
            0.0 => 0.0,
            d => omega / d,
        };
        let damped_inverse = (0..grid.cells()).into_par_iter().map(inverse).collect();
        let zero = || vec![0.0; grid.cells()];
        Level { damped_inverse, normaliser: Vec::new(), r: zero(), z: zero(), t: zero(), operator, grid }
    }

    /// z <- z + ω D⁻¹ (r − A z), `sweeps` times.
    fn smooth(&mut self, sweeps: usize) {
        for _ in 0..sweeps {
            self.residual();
            let update = |((z, t), d): ((&mut f64, &f64), &f64)| *z += d * t;
            self.z.par_iter_mut().zip(&self.t).zip(&self.damped_inverse).for_each(update);
        }
    }

    /// t <- r − A z.
    fn residual(&mut self) {
        self.operator.apply(&self.z, &mut self.t);
        self.t.par_iter_mut().zip(&self.r).for_each(|(t, r)| *t = r - *t);
    }

    /// coarse r <- Pᵀ t over the scale of A_c.
    fn restrict(&self, coarse: &mut Level) {
        let scale = inverse_scale(&self.grid);
        let grid = &coarse.grid;
        coarse.r.par_iter_mut().enumerate().for_each(|(c, r)| {
            *r = if grid.flags()[c] == FLUID { scale * self.gather(place(grid, c)) } else { 0.0 };
        });
    }

    /// (Pᵀ t) of one coarse cell: over the cells of its block and those around it.
    fn gather(&self, block: [usize; 3]) -> f64 {
        let ranges: [Vec<(usize, f64)>; 3] = std::array::from_fn(|d| {
            let n = self.grid.shape()[d];
            let around = (2 * block[d]).saturating_sub(1)..(2 * block[d] + 3).min(n);
            let weight = |i: usize| axis(i, n).into_iter().filter(|(b, _)| *b == block[d]).map(|(_, w)| w).sum();
            around.map(|i| (i, weight(i))).collect()
        });
        let mut sum = 0.0;
        for (i, wi) in &ranges[0] {
            for (j, wj) in &ranges[1] {
                for (k, wk) in &ranges[2] {
                    let c = self.grid.index(*i, *j, *k);
                    sum += wi * wj * wk * self.normaliser[c] * self.t[c];
                }
            }
        }
        sum
    }

    /// z <- z + P (coarse z).
    fn prolong(&mut self, coarse: &Level) {
        let (grid, normaliser) = (&self.grid, &self.normaliser);
        self.z.par_iter_mut().enumerate().for_each(|(c, z)| {
            if normaliser[c] != 0.0 {
                let (shape, coarse_shape) = (grid.shape(), &coarse.grid);
                *z += normaliser[c] * weighted_sum(place(grid, c), shape, coarse_shape, |b| coarse.z[b]);
            }
        });
    }
}

/// ω.
pub(super) fn damping(grid: &VoxelGrid) -> f64 {
    if grid.dimension() == 3 { 6.0 / 7.0 } else { 4.0 / 5.0 }
}

/// One over the scale of A_c.
pub(super) fn inverse_scale(grid: &VoxelGrid) -> f64 {
    if grid.dimension() == 3 { 0.5 } else { 1.0 }
}

fn place(grid: &VoxelGrid, c: usize) -> [usize; 3] {
    let [_, n1, n2] = grid.shape();
    [c / (n1 * n2), c / n2 % n1, c % n2]
}

/// The one or two blocks cell `i` of `n` interpolates from in one direction, and their weights; those outside the box are
/// solid.
fn axis(i: usize, n: usize) -> [(usize, f64); 2] {
    if n == 1 {
        return [(0, 1.0), (usize::MAX, 0.0)];
    }
    let beside =
        if i.is_multiple_of(2) { (i / 2).checked_sub(1) } else { Some(i / 2 + 1).filter(|b| *b < n.div_ceil(2)) };
    [(i / 2, 0.75), beside.map_or((usize::MAX, 0.0), |b| (b, 0.25))]
}

/// Σ weight × value over the blocks a cell interpolates from.
fn weighted_sum(cell: [usize; 3], shape: [usize; 3], coarse: &VoxelGrid, value: impl Fn(usize) -> f64) -> f64 {
    let [i, j, k] = std::array::from_fn(|d| axis(cell[d], shape[d]));
    let mut sum = 0.0;
    for (i, wi) in i {
        for (j, wj) in j {
            for (k, wk) in k {
                let weight = wi * wj * wk;
                if weight != 0.0 {
                    sum += weight * value(coarse.index(i, j, k));
                }
            }
        }
    }
    sum
}

fn normaliser(fine: &VoxelGrid, coarse: &VoxelGrid) -> Vec<f64> {
    let open = |b: usize| f64::from(u8::from(coarse.flags()[b] != SOLID));
    let one = |c: usize| match fine.flags()[c] {
        FLUID => 1.0 / weighted_sum(place(fine, c), fine.shape(), coarse, open),
        _ => 0.0,
    };
    (0..fine.cells()).into_par_iter().map(one).collect()
}

fn coarse_grid(fine: &VoxelGrid) -> Result<VoxelGrid> {
    let shape = fine.shape().map(|n| n.div_ceil(2));
    let mut flags = vec![SOLID; shape.iter().product()];
    for (c, flag) in fine.flags().iter().enumerate() {
        let [i, j, k] = place(fine, c).map(|i| i / 2);
        let block = &mut flags[(i * shape[1] + j) * shape[2] + k];
        *block = match (*flag, *block) {
            (AIR, _) | (_, AIR) => AIR,
            (a, b) => a.max(b),
        };
    }
    VoxelGrid::new(&shape[3 - fine.dimension()..], flags)
}
