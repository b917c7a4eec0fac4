//! VTK's mesh files: legacy `.vtk` and VTU, VTK's XML files of unstructured grids.

mod array;
mod cells;
mod groups;
mod legacy;
mod scan;
mod vtu;
mod write;
mod xml;

pub(crate) use legacy::read_legacy;
pub(crate) use vtu::read_vtu;
pub use write::{Compression, FieldView, GridView, write_vtu};
