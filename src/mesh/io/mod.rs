//! Mesh files: one reader a format, chosen by content and extension.

pub(crate) mod import;

use super::Mesh;

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
    /// What was changed on the way in, one sentence each ("1,024 quadrilaterals split into 2,048 triangles").
    pub notes: Vec<String>,
}
