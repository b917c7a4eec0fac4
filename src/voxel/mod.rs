//! Voxel domains: boxes of equal cells that are solid, fluid or air.
//!
//! The pressure problem on them is the unscaled 7-point one (5-point in the plane): for a fluid cell c,
//!
//! (A p)_c = Σ_{n not solid} p_c − Σ_{n fluid} p_n over its face neighbours n,
//!
//! so a solid neighbour, and everything outside the box, is a Neumann wall, and air holds p = 0 at its centre.
//!
//! A scene is a grid with a right-hand side; families of scenes are made from a seed ([`built_in`]), others come from HDF5 files
//! ([`read`]) or closed meshes ([`Voxelize`]):
//!
//! ```
//! use filet::solver::{StopRule, VoxelSolver, unobserved};
//! use filet::voxel::{AIR, FLUID, Scene, VoxelGrid, built_in};
//!
//! // A channel of five fluid cells between a wall and air; b pushes in its first cell.
//! let grid = VoxelGrid::new(&[1, 6], vec![FLUID, FLUID, FLUID, FLUID, FLUID, AIR])?;
//! let scene = Scene::new(grid, vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0])?;
//! let mut p = vec![0.0; 6];
//! VoxelSolver::new(&scene.grid)?.solve(&scene.rhs, &mut p, &StopRule::default(), &mut unobserved)?;
//! assert!(p.iter().zip([5.0, 4.0, 3.0, 2.0, 1.0, 0.0]).all(|(p, exact)| (p - exact).abs() < 1e-6), "{p:?}");
//!
//! let smoke = built_in("smoke:16", 3).expect("a family")?;
//! assert_eq!((smoke.grid.dimension(), smoke.grid.cells()), (3, 4096));
//! # Ok::<(), filet::Error>(())
//! ```
//!
//! Reference: R. Bridson, *Fluid Simulation for Computer Graphics*, 2nd ed. (CRC Press, 2015), §5.1–5.3, doi:10.1201/9781315266008.

mod components;
mod dcdm;
mod generate;
mod io;
mod scene;
mod voxelize;

pub use components::{COMPATIBLE, Component, Components};
pub use generate::{Family, built_in, generate};
pub use io::{read, read_pressure, write_pressure};
pub use scene::Scene;
pub use voxelize::Voxelize;

use crate::error::{Error, Result};

/// A wall: ∂p/∂n = 0 on its faces.
pub const SOLID: u8 = 0;
/// A cell with an unknown pressure.
pub const FLUID: u8 = 1;
/// A cell with p = 0 at its centre.
pub const AIR: u8 = 2;

/// A box of cells, each [`SOLID`], [`FLUID`] or [`AIR`]; outside the box all is solid.
#[derive(Debug, Clone, PartialEq)]
pub struct VoxelGrid {
    dimension: usize,
    shape: [usize; 3],
    flags: Vec<u8>,
    /// Side of a cell, in the scene's unit of length (default 1).
    pub spacing: f64,
}

impl VoxelGrid {
    /// A grid of `shape` cells, two or three numbers, from flags in row-major order, the last direction fastest.
    ///
    /// Errors: a shape that is not two or three positive numbers, another count of flags, a flag above 2 (with its place).
    pub fn new(shape: &[usize], flags: Vec<u8>) -> Result<Self> {
        let fault = |what: String, help: &str| Err(Error::Problem { what, help: help.into() });
        let cells = shape.iter().try_fold(1usize, |n, &side| n.checked_mul(side));
        let full = match *shape {
            [n0, n1] => [1, n0, n1],
            [n0, n1, n2] => [n0, n1, n2],
            _ => return fault(format!("a voxel grid of shape {shape:?}"), "give two or three side lengths"),
        };
        if cells.is_none_or(|n| n == 0 || n > u32::MAX as usize) {
            return fault(
                format!("a voxel grid of shape {shape:?}"),
                "sides are positive and have fewer than 2^32 cells",
            );
        }
        if cells != Some(flags.len()) {
            return fault(
                format!("{} flags for a voxel grid of shape {shape:?}", flags.len()),
                "give one flag a cell: 0 solid, 1 fluid, 2 air",
            );
        }
        let grid = VoxelGrid { dimension: shape.len(), shape: full, flags, spacing: 1.0 };
        match grid.flags.iter().position(|&f| f > AIR) {
            None => Ok(grid),
            Some(c) => fault(
                format!("the flag {} in cell {:?}", grid.flags[c], grid.place(c)),
                "flags are 0 solid, 1 fluid, 2 air",
            ),
        }
    }

    /// 2 or 3.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Cells in each direction, slowest first; a grid in the plane is one layer: [1, n0, n1].
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The side lengths as given: two or three.
    pub fn sides(&self) -> &[usize] {
        &self.shape[3 - self.dimension..]
    }

    /// The flags, row-major.
    pub fn flags(&self) -> &[u8] {
        &self.flags
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.flags.len()
    }

    /// Number of fluid cells: the unknowns.
    pub fn fluid_cells(&self) -> usize {
        self.flags.iter().filter(|f| **f == FLUID).count()
    }

    /// An error unless there is a fluid cell.
    pub fn require_fluid(&self) -> Result<()> {
        if self.flags.contains(&FLUID) {
            return Ok(());
        }
        Err(Error::Problem {
            what: format!("a voxel grid of shape {:?} without fluid", self.sides()),
            help: "there is nothing to solve: mark cells with an unknown pressure as 1".into(),
        })
    }

    /// The number of the cell at (i, j, k).
    #[inline]
    pub fn index(&self, i: usize, j: usize, k: usize) -> usize {
        (i * self.shape[1] + j) * self.shape[2] + k
    }

    /// Where cell `c` lies: two or three numbers.
    pub fn place(&self, c: usize) -> Vec<usize> {
        let [_, n1, n2] = self.shape;
        [c / (n1 * n2), c / n2 % n1, c % n2][3 - self.dimension..].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named() {
        let text = |shape: &[usize], flags: Vec<u8>| VoxelGrid::new(shape, flags).unwrap_err().to_string();
        assert!(text(&[2], vec![1, 1]).contains("shape [2]"));
        assert!(text(&[2, 0], vec![]).contains("shape [2, 0]"));
        assert!(text(&[2, 2], vec![1; 3]).contains("3 flags"));
        assert!(text(&[2, 2, 2], [vec![1; 6], vec![7, 0]].concat()).contains("7 in cell [1, 1, 0]"));
        assert!(text(&[usize::MAX, 2, 2], vec![1; 6]).contains("shape"));
    }

    #[test]
    fn a_grid_in_the_plane_is_one_layer() {
        let grid = VoxelGrid::new(&[2, 3], vec![1, 0, 1, 2, 1, 1]).unwrap();
        assert_eq!((grid.dimension(), grid.shape(), grid.sides()), (2, [1, 2, 3], &[2, 3][..]));
        assert_eq!((grid.fluid_cells(), grid.index(0, 1, 2), grid.place(5)), (4, 5, vec![1, 2]));
    }
}
