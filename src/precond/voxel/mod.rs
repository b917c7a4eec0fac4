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
//! algebraic multigrid takes from there (`split`, `bottom`).
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
use crate::error::Result;
use crate::operator::voxel::{Coefficients, FaceWeights, Layout, ScaledFlags, VoxelOperator, Weights};
use crate::voxel::VoxelGrid;
use bottom::Bottom;
use cells::{Cells, Faces};
use coarsen::{Blocks, Coarse, coarsen};
use level::Level;
use parameters::SCALE;
use std::sync::Arc;
use transfer::Transfer;

/// Levels with fewer blocks are left to algebraic multigrid: its work no longer counts.
const BOTTOM: usize = 6000;

/// Largest part of a level's cells that its blocks may lose; see the module's text.
const LOST: f64 = 0.01;
/// The same as a part of the cells in blocks that are not all fluid: a thin wall loses many, a smooth surface few.
const LOST_OF_CUT: f64 = 0.1;
/// [`LOST`] for the level after it: one that would lose more is not made.
const LOST_NEXT: f64 = 0.04;
/// [`LOST`] on the finest level, where losing the way through a channel of one or two cells costs most.
const LOST_FINEST: f64 = 0.0003;

/// One V-cycle as a preconditioner, on all cells of a grid in row-major order; zero outside the fluid.
///
/// Parts of the fluid that touch no air have a constant in their null space; the cycle leaves it to the coarsest level,
/// which gives it no correction.
pub struct VoxelMultigrid {
    operator: VoxelOperator,
    finest: Box<dyn Sweeps>,
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
        let layout = operator.layout.clone();
        let numbers = parameters.on(&layout);
        let weights = match &operator.coefficients {
            Coefficients::Flags(_) => None,
            Coefficients::Weights(w) => Some(&**w),
        };
        let (transfer, coarse, coarser, bottom) =
            coarsen_all(Cells::new(layout.clone(), kind, weights), weights, numbers)?;
        let kernel = numbers.kernel(0);
        let finest: Box<dyn Sweeps> = match &operator.coefficients {
            Coefficients::Flags(s) if numbers.scale_finest == [0.0; 6] => {
                Box::new(Level::new(layout, coarse, kernel, s.clone(), transfer))
            }
            Coefficients::Flags(s) => {
                let scaled = ScaledFlags::new(&layout, kind, s.clone(), numbers.scale_finest, SCALE);
                Box::new(Level::new(layout, coarse, kernel, Arc::new(scaled), transfer))
            }
            Coefficients::Weights(s) => Box::new(Level::new(layout, coarse, kernel, s.clone(), transfer)),
        };
        Ok(VoxelMultigrid { operator, finest, coarser, bottom })
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
        format!("{} grid levels, {} sparse unknowns below", self.grid_levels(), self.sparse_unknowns())
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
            None => self.bottom.descend(&mut *self.finest),
            Some(first) => self.finest.descend(&mut first.r),
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
            None => self.bottom.ascend(&mut *self.finest),
            Some(first) => self.finest.ascend(&first.z),
        }
    }

    /// Bytes a cell of the finest level that one cycle reads and writes, counted from the arrays each sweep uses.
    pub fn traffic_a_cell(&self) -> f64 {
        let cells = |n: usize| n as f64 / self.operator.layout.cells() as f64;
        let [_, descend, ascend, ..] = self.finest.traffic();
        let coarser = self.coarser.iter().map(|level| {
            let [_, descend, ascend, ..] = level.traffic();
            cells(level.layout.cells()) * (descend + ascend)
        });
        descend + ascend + coarser.sum::<f64>() + cells(self.bottom.traffic())
    }

    /// Bytes a cell of the finest level that one iteration of conjugate gradients with this cycle reads and writes.
    pub fn iteration_traffic_a_cell(&self) -> f64 {
        let [.., direction, advance] = self.finest.traffic();
        self.traffic_a_cell() + direction + advance
    }

    /// The finest level: its fields, and the sweeps of conjugate gradients.
    pub(crate) fn finest(&mut self) -> &mut dyn Sweeps {
        &mut *self.finest
    }
}

impl Preconditioner for VoxelMultigrid {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        self.finest.load(r);
        self.cycle();
        self.finest.store(z);
    }

    fn bytes(&self) -> usize {
        self.finest.bytes() + self.coarser.iter().map(Level::bytes).sum::<usize>() + self.bottom.bytes()
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

/// All below the finest level, whose cells are given: the way from it, its blocks' layout, the grid levels, the bottom.
fn coarsen_all(
    cells: Cells,
    weights: Option<&Weights>,
    numbers: &CycleNumbers,
) -> Result<(Transfer, Layout, Vec<Level<Weights>>, Bottom)> {
    // Every grid level waits for its way to the next.
    let mut levels: Vec<(Layout, Option<Arc<Weights>>, Transfer)> = Vec::new();
    let (mut cells, mut own): (Cells, Option<Arc<Weights>>) = (cells, None);
    let mut blocks = Blocks::of(&mut cells);
    // The weight of an open face.
    let mut full = 1.0;
    let (bottom, last, coarse) = loop {
        let faces: &dyn Faces = match (&own, weights) {
            (Some(w), _) => &**w,
            (None, Some(w)) => w,
            (None, None) => &cells,
        };
        let l = levels.len();
        let limit = if l == 0 { LOST_FINEST } else { LOST };
        let kept = blocks.lost() < limit && blocks.lost_of_cut() < LOST_OF_CUT;
        let next = (blocks.fluid > BOTTOM && kept).then(|| {
            let mut next = coarsen(&cells, faces, &blocks, l, full, numbers);
            let blocks = Blocks::of(&mut next.cells);
            (next, blocks)
        });
        let Some((next, next_blocks)) = next.filter(|(_, blocks)| blocks.lost() < LOST_NEXT) else {
            break Bottom::new(split::split(&cells, faces, blocks, l))?;
        };
        let Coarse { cells: next_cells, weights: next_weights, transfer } = next;
        levels.push((cells.layout, own.replace(Arc::new(next_weights)), transfer));
        (cells, blocks) = (next_cells, next_blocks);
        full *= if cells.layout.planar() { 1.0 } else { 2.0 } * numbers.coupling(l).faces[0];
    };
    levels.push((cells.layout, own, last));
    let mut layouts: Vec<Layout> = levels.iter().skip(1).map(|(layout, ..)| layout.clone()).collect();
    layouts.push(coarse);
    let mut levels = levels.into_iter().zip(layouts);
    let ((_, _, transfer), first) = levels.next().expect("the finest level");
    let grids = levels.enumerate().filter_map(|(l, ((layout, w, transfer), coarse))| {
        Some(Level::new(layout, coarse, numbers.kernel(l + 1), w?, transfer))
    });
    Ok((transfer, first, grids.collect(), bottom))
}

#[cfg(test)]
mod tests;
