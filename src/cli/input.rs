//! Where a mesh comes from: a file, or a built-in shape such as `square:20`.

use crate::error::Result;
use crate::mesh::io::{self, MeshFile};
use crate::mesh::shapes;

/// What `--help` says of every MESH argument.
pub(super) const MESH_HELP: &str = "Mesh file (.msh, .vtk, .vtu) or built-in shape (interval:N, square:N, cube:N, disc:N, annulus:N, l_shape:N, ball:N, graded_square:N)";

/// Reads or makes the mesh, refined `refine` times.
pub(super) fn load(mesh: &str, refine: u32) -> Result<MeshFile> {
    let mut file = match shapes::built_in(mesh) {
        Some(made) => MeshFile { mesh: made?, point_data: Vec::new(), cell_data: Vec::new(), notes: Vec::new() },
        None => io::read(mesh)?,
    };
    for _ in 0..refine {
        file.mesh = crate::mesh::refine(&file.mesh)?;
        // Fields belong to the mesh as read.
        file.point_data.clear();
        file.cell_data.clear();
    }
    Ok(file)
}
