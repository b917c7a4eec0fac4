//! The solution as a file for ParaView: u at all nodes; |∇u|, ∇u and the flux −k ∇u on the cells.

use crate::assembly::Space;
use crate::error::Result;
use crate::mesh::io::{Compression, FieldView, GridView, write_vtu};
use rayon::prelude::*;
use std::path::Path;

/// Writes a VTU file of `u` (all degrees of freedom; those of degree 2 go to quadratic cells), the gradients and the fluxes
/// (three numbers a cell).
pub fn write(path: &Path, space: &Space, u: &[f64], gradients: &[f64], fluxes: &[f64]) -> Result<()> {
    let points = space.points();
    let magnitude: Vec<f64> = gradients.par_chunks(3).map(|g| g.iter().map(|v| v * v).sum::<f64>().sqrt()).collect();
    let field = |name, components, values| FieldView { name, components, values };
    let grid = GridView {
        points: &points,
        kind: space.mesh.kind,
        quadratic: space.degree == 2,
        cells: &space.cell_dofs,
        point_fields: vec![field("u", 1, u)],
        cell_fields: vec![field("|grad u|", 1, &magnitude), field("grad u", 3, gradients), field("flux", 3, fluxes)],
        groups: &space.mesh.groups,
    };
    write_vtu(path, &grid, Compression::None)
}
