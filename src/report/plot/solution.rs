//! Pictures of a field on a mesh.

use super::field::Field;
use super::page::Format;
use super::{line_picture, plane_picture, space_picture};
use crate::error::Result;
use crate::mesh::topology::boundary_facets;
use crate::mesh::{CellKind, Mesh};
use std::borrow::Cow;
use std::path::Path;

/// A coordinate axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis3 {
    /// The first coordinate.
    X = 0,
    /// The second coordinate.
    Y = 1,
    /// The third coordinate.
    Z = 2,
}

/// The axes' names.
pub(super) const NAMES: [&str; 3] = ["x", "y", "z"];

impl Axis3 {
    /// The other two axes in order.
    pub(super) fn others(self) -> [usize; 2] {
        [[1, 2], [0, 2], [0, 1]][self as usize]
    }
}

/// A plane through a mesh: the points whose coordinate `axis` is `position`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// The axis that the plane is normal to.
    pub axis: Axis3,
    /// Where on it, in the mesh's unit of length.
    pub position: f64,
}

/// How to draw a field.
#[derive(Debug, Clone, PartialEq)]
pub struct SolutionPlot {
    /// A line above the picture (default none).
    pub title: String,
    /// The field's name at the colour bar (default `"u"`).
    pub label: String,
    /// What the coordinates in the plane are called (default `"x"`, `"y"`).
    pub axes: [String; 2],
    /// Pixels, 120 to 6000 (default 1200).
    pub width: u32,
    /// Pixels, 120 to 6000; by default as the domain's shape asks, three quarters of the width at most.
    pub height: Option<u32>,
    /// Mesh lines; they fade where cells are only a few pixels wide (default on).
    pub mesh_lines: bool,
    /// Iso-lines at the ticks of the colour bar, in flat pictures and cuts (default on).
    pub iso_lines: bool,
    /// Where tetrahedra are cut open (default: halfway along y).
    pub cut: Option<Cut>,
}

impl Default for SolutionPlot {
    fn default() -> Self {
        SolutionPlot {
            title: String::new(),
            label: "u".into(),
            axes: ["x", "y"].map(String::from),
            width: 1200,
            height: None,
            mesh_lines: true,
            iso_lines: true,
            cut: None,
        }
    }
}

/// Draws a field with one value a point of `mesh` and writes it to `path`: PNG, or SVG where the name ends in `.svg`.
///
/// Intervals give a curve over their longest axis, triangles in a plane z = const a shaded map with equal scales,
/// other triangles a lit surface, tetrahedra their boundary beside a cut. The field is interpolated linearly in each
/// cell; its colour is that of the interpolated value.
///
/// # Errors
/// For values that are not finite (the point is named), a mesh with nothing to see, a cut beside the mesh, an ending
/// other than `.png` and `.svg`, a path that cannot be written. Nothing is written then.
pub fn solution(path: &Path, mesh: &Mesh, values: &[f64], plot: &SolutionPlot) -> Result<()> {
    Format::of(path)?;
    let field = Field::new(mesh, values)?;
    let page = match mesh.kind {
        CellKind::Interval => line_picture::draw(&field, values, plot)?,
        CellKind::Triangle if field.extent(2) == 0.0 => plane_picture::draw(&field, plot)?,
        CellKind::Triangle => space_picture::draw(&field, Cow::Borrowed(&mesh.cells), None, plot)?,
        CellKind::Tetrahedron => {
            let cut = space_picture::cut(&field, plot.cut)?;
            space_picture::draw(&field, Cow::Owned(boundary_facets(mesh)), cut, plot)?
        }
    };
    page.save(path)
}
