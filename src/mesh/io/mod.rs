//! Mesh files: one reader a format, chosen by content and extension.

mod gmsh;
pub(crate) mod import;
mod vtk;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::Mesh;
use crate::error::{Error, Place, Result};
pub use gmsh::{MshEncoding, write_msh};
pub use vtk::{Compression, FieldView, GridView, write_vtu};

/// Values on the points or cells of a mesh file.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name in the file.
    pub name: String,
    /// Numbers a point or cell: 1 scalar, 3 vector, ...
    pub components: usize,
    /// `components` numbers for each point or cell.
    pub values: Vec<f64>,
}

/// What a mesh file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct MeshFile {
    /// The mesh, simplicial: quadrilaterals, hexahedra, prisms and pyramids are split, second-order elements keep their vertices.
    pub mesh: Mesh,
    /// Values on the points.
    pub point_data: Vec<Field>,
    /// Values on the cells of `mesh` (a split cell hands its values to its parts).
    pub cell_data: Vec<Field>,
    /// What was changed on the way in, one sentence each ("1 024 quadrilaterals split into 2 048 triangles").
    pub notes: Vec<String>,
}

/// A mesh without fields.
impl From<Mesh> for MeshFile {
    fn from(mesh: Mesh) -> Self {
        MeshFile { mesh, point_data: Vec::new(), cell_data: Vec::new(), notes: Vec::new() }
    }
}

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Format {
    Msh,
    LegacyVtk,
    Vtu,
}

/// Reads a mesh file.
///
/// Errors: no such file, an unknown format, damaged content, with the line or byte and the cure.
pub fn read(path: impl AsRef<Path>) -> Result<MeshFile> {
    let path = path.as_ref();
    let data = content(path).map_err(|source| Error::io(path, "read", source))?;
    read_bytes(path, data)
}

/// Reads a mesh file whose content is `data`; `path` tells the format where the content does not, and stands in messages.
///
/// Errors: as [`read`].
pub fn read_bytes(path: impl AsRef<Path>, data: Vec<u8>) -> Result<MeshFile> {
    let path = path.as_ref();
    // Within the pool, so that small parallel loops do not wake it each time.
    rayon::scope(|_| match format(path, &data)? {
        Format::Msh => gmsh::read(path, &data),
        Format::LegacyVtk => vtk::read_legacy(path, &data),
        Format::Vtu => vtk::read_vtu(path, &data),
    })
}

/// The whole file, read by all threads.
fn content(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let about = file.metadata()?;
    let mut data = Vec::new();
    #[cfg(unix)]
    if about.is_file() {
        use rayon::prelude::*;
        use std::os::unix::fs::FileExt;
        const PIECE: usize = 1 << 22;
        data = vec![0; about.len() as usize];
        let pieces = data.par_chunks_mut(PIECE).enumerate();
        let results: Vec<_> = pieces.map(|(i, p)| file.read_exact_at(p, (i * PIECE) as u64)).collect();
        results.into_iter().collect::<std::io::Result<()>>()?;
        return Ok(data);
    }
    file.read_to_end(&mut data)?;
    Ok(data)
}

/// The format, by how the file begins, else by its extension.
fn format(path: &Path, data: &[u8]) -> Result<Format> {
    if data.is_empty() {
        return Err(Error::file(path, Place::File, "the file is empty", "save or copy the mesh again"));
    }
    let extension = path.extension().map(|e| e.to_ascii_lowercase());
    match data.trim_ascii_start() {
        [b'$', ..] => Ok(Format::Msh),
        [b'#', rest @ ..] if rest.trim_ascii_start().starts_with(b"vtk DataFile") => Ok(Format::LegacyVtk),
        start if start.starts_with(b"<VTKFile") || start.starts_with(b"<?xml") => Ok(Format::Vtu),
        _ => match extension.as_deref().and_then(|e| e.to_str()) {
            Some("msh") => Ok(Format::Msh),
            Some("vtk") => Ok(Format::LegacyVtk),
            Some("vtu") => Ok(Format::Vtu),
            _ => Err(unknown(path, "this is no mesh file of a known format")),
        },
    }
}

fn unknown(path: &Path, what: &str) -> Error {
    Error::file(
        path,
        Place::File,
        what,
        "read are Gmsh .msh (2.2 and 4.1), legacy .vtk and .vtu; gmsh or meshio convert others",
    )
}

/// Writes a mesh, by the ending of the name: .vtu with its fields, or .msh (MSH 4.1, which takes no fields).
///
/// Errors: an ending other than `.vtu` and `.msh`; a path that cannot be written.
pub fn write(path: impl AsRef<Path>, file: &MeshFile) -> Result<()> {
    let path = path.as_ref();
    match path.extension().and_then(|e| e.to_str()) {
        Some("vtu") => {
            let (point_fields, cell_fields) = (views(&file.point_data), views(&file.cell_data));
            write_vtu(path, &GridView { point_fields, cell_fields, ..GridView::of(&file.mesh) }, Compression::None)
        }
        Some("msh") => write_msh(path, &file.mesh, MshEncoding::default()),
        _ => {
            let what = "a mesh is written as .vtu or .msh, and the name ends in neither";
            Err(Error::file(path, Place::File, what, "give the file a name that ends in .vtu or .msh"))
        }
    }
}

fn views(fields: &[Field]) -> Vec<FieldView<'_>> {
    fields.iter().map(|f| FieldView { name: &f.name, components: f.components, values: &f.values }).collect()
}
