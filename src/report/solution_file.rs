//! The solution as a file for ParaView: u at all nodes; |∇u|, ∇u and the flux −k ∇u on the cells.

use super::write_xdmf;
use crate::assembly::Space;
use crate::error::Result;
use crate::hdf5::Layout;
use crate::mesh::io::{Compression, FieldView, GridView, write_vtu};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Writes `u` (all degrees of freedom; those of degree 2 go to quadratic cells), the gradients and the fluxes (three numbers
/// a cell) to a VTU file, or to an XDMF file with its HDF5 file beside it. Gives the names of the files.
///
/// Errors: an ending other than `.vtu` and `.xdmf`; a path that cannot be written.
pub fn write(path: &Path, space: &Space, u: &[f64], gradients: &[f64], fluxes: &[f64]) -> Result<Vec<PathBuf>> {
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
    if path.extension().is_some_and(|e| e == "xdmf") {
        write_xdmf(path, &grid, Layout::Contiguous)?;
        return Ok(vec![path.to_path_buf(), path.with_extension("h5")]);
    }
    write_vtu(path, &grid, Compression::None)?;
    Ok(vec![path.to_path_buf()])
}
