//! Conjugate gradients with a voxel grid behind the mesh, beside algebraic multigrid, which takes over where the grid does
//! not serve: its numbers are learned on other problems, and how well a grid follows a matrix cannot be known before.

use super::guard::Guard;
use super::method::levels;
use super::{Cg, Observer, Report, StopRule};
use crate::error::Result;
use crate::precond::Preconditioner;
use crate::precond::amg::{Amg, AmgConfig};
use crate::precond::auxiliary::AuxiliaryGrid;
use crate::sparse::Csr;
use either::Either;

const GUARD: Guard = Guard { steps: 8, fall: 4.0 };

/// The grid, and multigrid once it is needed.
pub(super) struct Guarded {
    grid: AuxiliaryGrid,
    config: AmgConfig,
    amg: Option<Amg>,
}

impl Guarded {
    pub fn new(grid: AuxiliaryGrid, config: &AmgConfig) -> Self {
        Guarded { grid, config: config.clone(), amg: None }
    }

    /// As [`Cg::solve`].
    pub fn solve(
        &mut self,
        cg: &mut Cg,
        a: &Csr,
        b: &[f64],
        x: &mut [f64],
        stop: &StopRule,
        watch: &mut Observer,
    ) -> Result<Report> {
        let Guarded { grid, config, amg } = self;
        GUARD.solve(
            grid,
            amg,
            || config.build(a),
            stop,
            watch,
            |either, stop, watch| {
                let m: &mut dyn Preconditioner = match either {
                    Either::Left(grid) => grid,
                    Either::Right(amg) => amg,
                };
                cg.solve(a, m, b, x, stop, watch).cloned()
            },
        )
    }

    /// Whether a solve had to go on with multigrid. From then on all do.
    pub fn fell_back(&self) -> bool {
        self.amg.is_some()
    }

    pub fn bytes(&self) -> usize {
        self.grid.bytes() + self.amg.as_ref().map_or(0, Preconditioner::bytes)
    }

    /// Of the cycle in use.
    pub fn traffic(&self) -> usize {
        self.amg.as_ref().map_or_else(|| self.grid.traffic(), Preconditioner::traffic)
    }

    pub fn summary(&self) -> String {
        let sides: Vec<String> = self.grid.shape().iter().map(usize::to_string).collect();
        let grid = format!("a grid of {} cells behind the mesh", sides.join(" x "));
        self.amg.as_ref().map_or(grid, levels)
    }
}
