//! Pictures: a field on a mesh, curves of a solve. PNG, or SVG where the file's name ends in `.svg`.
//!
//! Text is drawn with an embedded font, fields with a rasteriser of our own (several million triangles a second), and
//! the same input gives the same file for any number of threads.

mod axes;
mod bar;
mod before_after;
mod charts;
mod colour;
mod curves;
mod cut;
mod field;
mod flat;
mod header;
mod line_picture;
mod lines;
mod page;
mod panels;
mod plane_picture;
mod png;
mod raster;
mod scatter;
mod shade;
mod slice;
mod solution;
mod space;
mod space_picture;
mod strip;
mod svg;
mod text;
mod ticks;

pub use before_after::{MeshPanel, before_after};
pub use charts::{Chart, charts};
pub use curves::{Curve, CurvesPlot, curves};
pub use panels::{Panel, panels};
pub use scatter::scatter;
pub use slice::slice;
pub use solution::{Axis3, Cut, SolutionPlot, solution};
pub use strip::{StripRow, strip};
