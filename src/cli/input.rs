//! Where a mesh comes from: a file, or a built-in shape such as `square:20`.

use crate::error::Result;
use crate::mesh::io::{self, MeshFile};
use crate::mesh::shapes;
use crate::voxel::{self, Family, Scene};
use std::path::Path;

/// What `--help` says of every MESH argument.
pub(super) const MESH_HELP: &str = "Mesh file (.msh, .vtk, .vtu) or built-in shape (interval:N, square:N, cube:N, disc:N, annulus:N, l_shape:N, ball:N, graded_square:N)";

/// What `--help` says of scenes.
pub(super) const SCENE_HELP: &str = ".h5, DCDM's .bin, or built-in smoke:N, dam:N, splash:N, walls:N, pockets:N, channels:N, box:N, empty:N; N, N0xN1xN2 or N0xN1 cells";

/// Whether the name is a voxel scene's: a file, or a built-in one.
pub(super) fn is_scene(name: &str) -> bool {
    let ending = Path::new(name).extension().is_some_and(|e| e == "h5" || e == "hdf5" || e == "bin");
    ending || Family::ALL.iter().any(|f| name.split_once(':').is_some_and(|(family, _)| family == f.name()))
}

/// Reads or makes the scene.
pub(super) fn load_scene(name: &str, seed: u64) -> Result<Scene> {
    voxel::built_in(name, seed).unwrap_or_else(|| voxel::read(name))
}

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
