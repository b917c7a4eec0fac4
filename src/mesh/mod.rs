//! Simplicial meshes: points, cells of one kind, named groups.
//!
//! ```
//! use filet::mesh::{io, quality::quality, refine, shapes::built_in};
//!
//! let mesh = built_in("l_shape:8").expect("a built-in shape")?;
//! let finer = refine(&mesh)?; // every triangle into four, groups kept
//! let found = quality(&finer);
//! assert_eq!((found.cells, found.parts), (4 * mesh.cell_count(), 1));
//!
//! let path = std::env::temp_dir().join("filet_l_shape.msh");
//! io::write(&path, &finer.into())?;
//! assert_eq!(io::read(&path)?.mesh.cell_count(), found.cells); // MSH, VTK or VTU, by what is in the file
//! # Ok::<(), filet::Error>(())
//! ```

mod around;
mod defects;
mod geometry;
mod incidence;
pub mod io;
mod locate;
mod proximity;
pub mod quality;
mod refine;
pub mod shapes;
pub mod topology;

pub use geometry::{Bounds, centroid, simplex_measure};
pub use locate::Locator;
pub use refine::refine;

use crate::prefetch::prefetch;

/// The kind of every cell of a [`Mesh`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CellKind {
    /// Two vertices.
    Interval,
    /// Three vertices; counter-clockwise in the plane.
    Triangle,
    /// Four vertices, positive volume det[p1-p0, p2-p0, p3-p0] / 6.
    Tetrahedron,
}

impl CellKind {
    /// Topological dimension: 1, 2 or 3.
    pub fn dimension(self) -> usize {
        match self {
            CellKind::Interval => 1,
            CellKind::Triangle => 2,
            CellKind::Tetrahedron => 3,
        }
    }

    /// What several are called.
    pub fn plural(self) -> &'static str {
        match self {
            CellKind::Interval => "intervals",
            CellKind::Triangle => "triangles",
            CellKind::Tetrahedron => "tetrahedra",
        }
    }

    /// Vertices of a cell: dimension + 1.
    pub fn vertices(self) -> usize {
        self.dimension() + 1
    }
}

/// A named part of the mesh or of its boundary: Gmsh's physical group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its name; `"1"`, `"2"`, ... (the tag) where the file gives none.
    pub name: String,
    /// 0 points, 1 edges, 2 triangles, 3 tetrahedra.
    pub dimension: usize,
    /// The file's number for it.
    pub tag: i32,
    /// Where `dimension` is the mesh's own: the cells' numbers. Below: the vertices of its simplices, flat,
    /// `dimension + 1` each.
    pub members: Vec<u32>,
}

/// A simplicial mesh. Coordinates are always three numbers; unused ones are 0. Lengths are in the file's unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh {
    /// Coordinates of the vertices.
    pub points: Vec<[f64; 3]>,
    /// The kind of every cell.
    pub kind: CellKind,
    /// Vertices of the cells, flat, `kind.vertices()` each.
    pub cells: Vec<u32>,
    /// Named parts.
    pub groups: Vec<Group>,
}

impl Mesh {
    /// Topological dimension: 1, 2 or 3.
    pub fn dimension(&self) -> usize {
        self.kind.dimension()
    }

    /// Number of cells.
    pub fn cell_count(&self) -> usize {
        self.cells.len() / self.kind.vertices()
    }

    /// Fetches the points of a cell some way after cell `c`, for loops over all cells: points may lie scattered.
    #[inline]
    pub(crate) fn prefetch_after(&self, c: usize) {
        const AHEAD: usize = 16;
        let n = self.kind.vertices();
        let later = self.cells.get((c + AHEAD) * n..(c + AHEAD + 1) * n).unwrap_or_default();
        later.iter().for_each(|&v| prefetch(self.points.as_ptr(), v as usize));
    }

    /// Vertices of cell `c`.
    pub fn cell(&self, c: usize) -> &[u32] {
        let n = self.kind.vertices();
        &self.cells[c * n..(c + 1) * n]
    }
}
