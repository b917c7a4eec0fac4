//! A scene: a voxel grid and the right-hand side of its pressure problem.

use super::VoxelGrid;
use crate::error::{Error, Result};

/// A pressure problem A p = b.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Where the unknowns are.
    pub grid: VoxelGrid,
    /// b for every cell, row-major: − h² ∇·u / Δt for a velocity u and p in units of density, as A is unscaled. Not looked at
    /// outside the fluid.
    pub rhs: Vec<f64>,
}

impl Scene {
    /// Puts the two together.
    ///
    /// Errors: another number of values than of cells; a value in a fluid cell that is not finite (with its place); no
    /// fluid cell.
    pub fn new(grid: VoxelGrid, rhs: Vec<f64>) -> Result<Self> {
        grid.require_fluid()?;
        if rhs.len() != grid.cells() {
            return Err(Error::Problem {
                what: format!("a right-hand side of {} values on a grid of {} cells", rhs.len(), grid.cells()),
                help: "give one value a cell".into(),
            });
        }
        let bad = (0..grid.cells()).find(|c| grid.flags()[*c] == super::FLUID && !rhs[*c].is_finite());
        match bad {
            None => Ok(Scene { grid, rhs }),
            Some(c) => Err(Error::Problem {
                what: format!("the right-hand side is {} in fluid cell {:?}", rhs[c], grid.place(c)),
                help: "every fluid cell needs a finite number".into(),
            }),
        }
    }
}
