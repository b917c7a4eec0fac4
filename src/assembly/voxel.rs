//! The pressure problem of a voxel grid as a sparse matrix over its fluid cells, for the methods that need one.

use crate::error::Result;
use crate::operator::voxel::VoxelOperator;
use crate::sparse::Csr;
use crate::voxel::{Components, VoxelGrid};

/// A p = b over the fluid cells, symmetric positive definite: on every component that touches no air the first cell is left
/// out, as p = 0, and the mean is removed from the solution instead.
#[derive(Debug, Clone)]
pub struct VoxelSystem {
    /// The matrix.
    pub a: Csr,
    /// Unknown -> cell.
    pub free: Vec<u32>,
    components: Components,
    cells: usize,
}

impl VoxelSystem {
    /// Assembles the operator's rows.
    ///
    /// Errors: no fluid cell.
    pub fn new(grid: &VoxelGrid, operator: &VoxelOperator) -> Result<Self> {
        grid.require_fluid()?;
        let components = Components::of(grid);
        let mut unknown: Vec<u32> = vec![u32::MAX; grid.cells()];
        let mut free = Vec::new();
        let labels = components.labels();
        for (c, label) in labels.iter().enumerate() {
            let Some(component) = label.map(|l| &components.list()[l as usize]) else { continue };
            if component.touches_air || component.first != c {
                unknown[c] = free.len() as u32;
                free.push(c as u32);
            }
        }
        let (mut indptr, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
        for &c in &free {
            let c = c as usize;
            let begin = columns.len();
            let neighbours = operator.neighbours(c).filter(|(n, _)| unknown[*n] != u32::MAX);
            let mut row: Vec<(u32, f64)> = neighbours.map(|(n, w)| (unknown[n], -w)).collect();
            let place = row.partition_point(|(u, _)| *u < unknown[c]);
            row.insert(place, (unknown[c], operator.diagonal(c)));
            columns.extend(row.iter().map(|e| e.0));
            values.extend(row.iter().map(|e| e.1));
            indptr.push(begin + row.len());
        }
        let a = Csr::new(free.len(), free.len(), indptr, columns, values);
        Ok(VoxelSystem { a, free, components, cells: grid.cells() })
    }

    /// The right-hand side over the unknowns, from one over all cells.
    ///
    /// Errors: as [`Components::check`].
    pub fn right_hand_side(&self, b: &[f64]) -> Result<Vec<f64>> {
        self.components.check(b)?;
        let projected = self.components.compatible(b);
        let b = projected.as_deref().unwrap_or(b);
        Ok(self.free.iter().map(|c| b[*c as usize]).collect())
    }

    /// The solution over all cells: 0 outside the fluid, mean 0 where a component touches no air.
    pub fn pressure(&self, x: &[f64]) -> Vec<f64> {
        let mut pressure = vec![0.0; self.cells];
        for (c, x) in self.free.iter().zip(x) {
            pressure[*c as usize] = *x;
        }
        self.components.remove_mean(&mut pressure);
        pressure
    }
}
