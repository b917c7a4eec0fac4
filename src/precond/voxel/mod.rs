//! Multigrid for the pressure problem on voxel grids: one V-cycle, symmetric positive definite, at the memory's speed.
//!
//! | symbol | name here | what |
//! |---|---|---|
//! | A | [`VoxelOperator`] | the 7-point operator, from flags or face weights |
//! | S = H K H | `kernel`, `scale_row` | smoother: a constant 3 × 3 × 3 kernel K between diagonal scalings H |
//! | P, R = Pᵀ | `transfer` | trilinear interpolation from blocks of 2 × 2 × 2 cells, only along open faces |
//! | A_c | `coarsen` | finite volumes on the blocks: half the fine weights across each face |
//!
//! A cycle is z <- S r; z <- z + P B_c Pᵀ (r − A z); z <- z + S (r − A z), each level in two sweeps over memory. Pre- and
//! post-smoother are the same symmetric S, so B is symmetric, and positive definite as long as ‖S A‖ < 2.
//!
//! A block's unknown is the largest connected part of its fluid. That is all of it in nearly every block of a free surface
//! or of smooth obstacles. Walls thinner than a block cut blocks into parts, and losing the smaller ones loses the ways
//! around the wall. So where blocks start to lose cells, grids end: every part becomes an unknown of a sparse matrix, which
//! algebraic multigrid takes from there (`split`, `bottom`). Where flags change, levels follow row by row (`levels`).
//!
//! Sources: U. Trottenberg, C. W. Oosterlee, A. Schüller, Multigrid (Academic Press, 2001), §2.8 and §4.6 on smoothing
//! analysis; A. McAdams, E. Sifakis, J. Teran, A parallel multigrid Poisson solver for fluids simulation on large grids
//! (SCA 2010), for multigrid-preconditioned CG on voxels; F. Losasso, F. Gibou, R. Fedkiw (2004) and M. Lentine, W. Zheng,
//! R. Fedkiw (2010) for finite volumes on coarse cells.

mod bottom;
mod cells;
mod coarsen;
mod corner;
mod cube;
#[cfg(feature = "cuda")]
mod cuda;
mod kernel;
mod krylov;
mod level;
mod levels;
mod parameters;
mod rediscretised;
mod split;
mod transfer;

#[cfg(feature = "cuda")]
pub use cuda::{CudaCycle, CudaMultigrid};
pub(crate) use krylov::Sweeps;
pub use parameters::{Coupling, CycleNumbers, CycleParameters};
pub use rediscretised::RediscretisedMultigrid;

use super::Preconditioner;
use crate::error::{Error, Result};
use crate::operator::voxel::{Coefficients, FaceWeights, Layout, Rows, VoxelOperator, Weights};
use crate::voxel::VoxelGrid;
use crate::words::counted;
use bottom::Bottom;
use cells::wet_rows;
use level::Level;
use levels::{Finest, follow};
use std::sync::Arc;

/// One V-cycle as a preconditioner, on all cells of a grid in row-major order; zero outside the fluid.
///
/// Parts of the fluid that touch no air have a constant in their null space; the cycle leaves it to the coarsest level,
/// which gives it no correction.
pub struct VoxelMultigrid {
    operator: VoxelOperator,
    numbers: CycleNumbers,
    finest: Finest,
    coarser: Vec<Level<Weights>>,
    bottom: Bottom,
}

impl VoxelMultigrid {
    /// Sets up for the unscaled operator on `grid`.
    ///
    /// Errors: no fluid cell.
    pub fn new(grid: &VoxelGrid) -> Result<Self> {
        Self::on(grid, VoxelOperator::new(grid), &CycleParameters::default())
    }

    /// As [`VoxelMultigrid::new`] with other numbers in the cycle.
    ///
    /// Errors: no fluid cell.
    pub fn tuned(grid: &VoxelGrid, parameters: &CycleParameters) -> Result<Self> {
        Self::on(grid, VoxelOperator::new(grid), parameters)
    }

    /// Sets up for the operator with weights on the faces.
    ///
    /// Errors: weights that do not fit the grid; no fluid cell.
    pub fn weighted(grid: &VoxelGrid, weights: &FaceWeights) -> Result<Self> {
        Self::on(grid, VoxelOperator::weighted(grid, weights)?, &CycleParameters::default())
    }

    fn on(grid: &VoxelGrid, operator: VoxelOperator, parameters: &CycleParameters) -> Result<Self> {
        grid.require_fluid()?;
        let kind = operator.layout.pad(grid.flags());
        Self::of(&kind, operator, parameters)
    }

    /// Sets up for weights in fields, on cells of these kinds, with other numbers in the cycle.
    pub(crate) fn of_weights(
        layout: Layout,
        kind: &[u8],
        weights: Weights,
        parameters: &CycleParameters,
    ) -> Result<Self> {
        let coefficients = Coefficients::Weights(Arc::new(weights));
        Self::of(kind, VoxelOperator { layout, coefficients }, parameters)
    }

    fn of(kind: &[u8], operator: VoxelOperator, parameters: &CycleParameters) -> Result<Self> {
        let numbers = *parameters.on(&operator.layout);
        let (mut finest, mut coarser) = (Finest::empty(&operator, kind, &numbers), Vec::new());
        let bottom = follow(&mut finest, &mut coarser, kind, Rows::all(&operator.layout), &numbers)?;
        Ok(VoxelMultigrid { operator, numbers, finest, coarser, bottom })
    }

    /// Takes other flags: as a new set-up, to the bit, but only what depends on rows with a change is computed, in the memory
    /// that is there. Gives whether any flag is another.
    ///
    /// Errors, with nothing changed: weights on the faces; a grid of another shape; no fluid cell.
    pub fn update(&mut self, grid: &VoxelGrid) -> Result<bool> {
        Ok(self.follow(grid)?.is_some())
    }

    /// As [`Self::update`], but gives the rows that have fluid no longer, where any flag is another.
    pub(crate) fn follow(&mut self, grid: &VoxelGrid) -> Result<Option<Rows>> {
        let VoxelMultigrid { operator: VoxelOperator { layout, coefficients }, numbers, finest, coarser, bottom } =
            self;
        let Coefficients::Flags(flags) = coefficients else {
            return Err(Error::Problem {
                what: "other flags for an operator with weights on the faces".into(),
                help: "set up anew, with the weights that belong to them".into(),
            });
        };
        if Layout::of(grid) != *layout {
            return Err(Error::Problem {
                what: format!("flags of a grid of shape {:?} for one of shape {:?}", grid.sides(), layout.n),
                help: "set up anew where the shape changes".into(),
            });
        }
        grid.require_fluid()?;
        let kind = layout.pad(grid.flags());
        let changed = finest.cells().0.cells.rows_unlike(&kind);
        if changed.is_empty() {
            return Ok(None);
        }
        let (around, before) = (changed.grown(), finest.cells().0.cells.wet.clone());
        let touched = around.both(&before.either(&wet_rows(layout, &kind)));
        Arc::make_mut(flags).update(layout, &kind, &touched);
        finest.take_flags(flags, &kind, &touched);
        *bottom = follow(finest, coarser, &kind, around, numbers)?;
        Ok(Some(before.less(&finest.cells().0.cells.wet)))
    }

    /// The operator it was set up for.
    pub fn operator(&self) -> &VoxelOperator {
        &self.operator
    }

    /// Number of grid levels; below them is algebraic multigrid.
    pub fn grid_levels(&self) -> usize {
        1 + self.coarser.len()
    }

    /// Unknowns of the sparse level below the grids.
    pub fn sparse_unknowns(&self) -> usize {
        self.bottom.unknowns()
    }

    /// One line: levels, and what is below them.
    pub fn summary(&self) -> String {
        let [levels, below] = [(self.grid_levels(), "grid level"), (self.sparse_unknowns(), "sparse unknown")]
            .map(|(n, thing)| counted(n as u64, thing));
        format!("{levels}, {below} below")
    }

    /// z <- B r in the finest level's fields; returns r·z.
    pub(crate) fn cycle(&mut self) -> f64 {
        self.descend();
        self.below();
        self.ascend()
    }

    /// The first half of the cycle on the finest level.
    pub(crate) fn descend(&mut self) {
        match self.coarser.first_mut() {
            None => self.bottom.descend(self.finest.sweeps_mut()),
            Some(first) => self.finest.sweeps_mut().descend(&mut first.r),
        }
    }

    /// The cycle below the finest level.
    pub(crate) fn below(&mut self) {
        match self.coarser.split_first_mut() {
            None => self.bottom.solve(),
            Some((first, rest)) => cycle(first, rest, &mut self.bottom),
        }
    }

    /// The second half of the cycle on the finest level; returns r·z.
    pub(crate) fn ascend(&mut self) -> f64 {
        match self.coarser.first() {
            None => self.bottom.ascend(self.finest.sweeps_mut()),
            Some(first) => self.finest.sweeps_mut().ascend(&first.z),
        }
    }

    /// Bytes a cell of the finest level that one cycle reads and writes, counted from the arrays each sweep uses.
    pub fn traffic_a_cell(&self) -> f64 {
        let cells = |n: usize| n as f64 / self.operator.layout.cells() as f64;
        let [_, descend, ascend, ..] = self.finest.sweeps().traffic();
        let coarser = self.coarser.iter().map(|level| {
            let [_, descend, ascend, ..] = level.traffic();
            cells(level.layout.cells()) * (descend + ascend)
        });
        descend + ascend + coarser.sum::<f64>() + cells(self.bottom.traffic())
    }

    /// Bytes a cell of the finest level that one iteration of conjugate gradients with this cycle reads and writes.
    pub fn iteration_traffic_a_cell(&self) -> f64 {
        let [.., direction, advance] = self.finest.sweeps().traffic();
        self.traffic_a_cell() + direction + advance
    }

    /// The finest level: its fields, and the sweeps of conjugate gradients.
    pub(crate) fn finest(&mut self) -> &mut dyn Sweeps {
        self.finest.sweeps_mut()
    }
}

impl Preconditioner for VoxelMultigrid {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        self.finest.sweeps_mut().load(r);
        self.cycle();
        self.finest.sweeps().store(z);
    }

    fn bytes(&self) -> usize {
        self.finest.sweeps().bytes() + self.coarser.iter().map(Level::bytes).sum::<usize>() + self.bottom.bytes()
    }

    fn traffic(&self) -> usize {
        (self.traffic_a_cell() * self.operator.layout.cells() as f64) as usize
    }
}

fn cycle(level: &mut Level<Weights>, rest: &mut [Level<Weights>], bottom: &mut Bottom) {
    match rest.split_first_mut() {
        None => {
            bottom.cycle(level);
        }
        Some((first, rest)) => {
            level.descend(&mut first.r);
            cycle(first, rest, bottom);
            level.ascend(&first.z);
        }
    }
}

#[cfg(test)]
mod tests;
