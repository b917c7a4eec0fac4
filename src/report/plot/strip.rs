//! A table of fields on meshes of triangles in the plane, in the same colours: moments across, what is compared below each other.

use super::bar::Bar;
use super::colour::INK;
use super::header;
use super::page::{Format, Image, Page, Shape, Text};
use super::raster::{Soup, rasterise};
use super::shade;
use super::text::{self, Anchor};
use super::ticks::Scale;
use crate::error::{Error, Result};
use crate::mesh::{CellKind, Mesh};
use std::borrow::Cow;
use std::path::Path;

/// Pixels across.
const WIDTH: u32 = 1400;

/// One row of the table.
#[derive(Debug, Clone)]
pub struct StripRow<'a> {
    /// What stands left of it.
    pub name: &'a str,
    /// A mesh and its values at the points, for every column.
    pub fields: Vec<(Cow<'a, Mesh>, Vec<f64>)>,
    /// Whether the edges are drawn.
    pub mesh_lines: bool,
}

/// Draws rows of fields, the columns' names above, and writes them to `path` (PNG, or SVG where the name ends in `.svg`).
///
/// # Errors
/// No field, rows of other lengths, meshes that are not of triangles, values that are not finite or not one a point, an ending other
/// than `.png` and `.svg`, a path that cannot be written. Nothing is written then.
pub fn strip(path: &Path, columns: &[String], rows: &[StripRow], title: &str, label: &str) -> Result<()> {
    Format::of(path)?;
    check(columns, rows)?;
    let values = || rows.iter().flat_map(|r| &r.fields).flat_map(|f| &f.1);
    let low = values().fold(f64::INFINITY, |m, v| m.min(*v));
    let scale = Scale::linear(low, values().fold(f64::NEG_INFINITY, |m, v| m.max(*v)));
    let bar = Bar { scale, label };
    let size = |em: f64| {
        let left = 0.6 * em + rows.iter().map(|r| text::width(r.name, em)).fold(0.0, f64::max);
        let room = f64::from(WIDTH) - left - 0.6 * em - bar.width(20.0 * em, em);
        (left + 0.6 * em, (room / columns.len() as f64 - 0.6 * em).max(8.0).floor())
    };
    let top = |em: f64| header::height(title, em) + 1.2 * em;
    let pitch = |em: f64| size(em).1 + 0.6 * em;
    let mut page = Page::new(WIDTH, None, |em| top(em) + rows.len() as f64 * pitch(em) + 0.8 * em)?;
    let em = page.text_size;
    let (left, side) = size(em);
    header::draw(&mut page, title, "");
    let place = |column: usize, row: usize| {
        [left + column as f64 * pitch(em), top(em) + row as f64 * pitch(em)].map(f64::floor)
    };
    for (k, name) in columns.iter().enumerate() {
        let [x, y] = place(k, 0);
        page.text(Text::new([x + 0.5 * side, y - 0.5 * em], text::fit(name, em, side), em, Anchor::Middle));
    }
    for (r, row) in rows.iter().enumerate() {
        let [x, y] = place(0, r);
        page.text(Text::new([x - 0.6 * em, y + 0.5 * side + 0.3 * em], row.name, em, Anchor::End));
        for (k, (mesh, values)) in row.fields.iter().enumerate() {
            let [x, y] = place(k, r);
            let image = picture(mesh, values, scale, side, row.mesh_lines);
            let corner = [x - 1.0, y - 1.0];
            page.shapes.push(Shape::Box { corner, size: [side + 2.0; 2], fill: INK, opacity: 1.0 });
            page.shapes.push(Shape::Image(Image { x: x as usize, y: y as usize, ..image }));
        }
    }
    let height = rows.len() as f64 * pitch(em) - 0.6 * em;
    bar.draw_upright(&mut page, left + columns.len() as f64 * pitch(em) - 0.6 * em, top(em).floor(), height);
    page.save(path)
}

/// The field in a square of `side` pixels.
fn picture(mesh: &Mesh, values: &[f64], scale: Scale, side: f64, mesh_lines: bool) -> Image {
    let bounds = mesh.bounds();
    let extent = (0..2).map(|k| bounds.max[k] - bounds.min[k]).fold(0.0, f64::max);
    let place = |p: &[f64; 3]| {
        let [x, y] = [0, 1].map(|k| (p[k] - bounds.min[k]) / extent * side);
        [x as f32, (side - y) as f32]
    };
    let soup = Soup {
        xy: mesh.points.iter().map(place).collect(),
        value: values.iter().map(|v| scale.unit(*v) as f32).collect(),
        triangles: Cow::Borrowed(&mesh.cells),
        ..Soup::default()
    };
    let pixels = side as usize;
    shade::image(&rasterise(&soup, pixels, pixels, mesh_lines), pixels, pixels, &[])
}

fn check(columns: &[String], rows: &[StripRow]) -> Result<()> {
    let refuse = |what: String| {
        let help = "give every column of every row triangles with one finite value a point".into();
        Err(Error::Problem { what, help })
    };
    if columns.is_empty() || rows.is_empty() {
        return refuse("a table of no fields cannot be drawn".into());
    }
    for row in rows {
        if row.fields.len() != columns.len() {
            return refuse(format!("{} fields in {} columns of \"{}\"", row.fields.len(), columns.len(), row.name));
        }
        for (mesh, values) in &row.fields {
            let triangles = mesh.kind == CellKind::Triangle && mesh.is_planar() && mesh.cell_count() > 0;
            if !triangles || values.len() != mesh.points.len() || values.iter().any(|v| !v.is_finite()) {
                return refuse(format!("{} values to draw on {} points", values.len(), mesh.points.len()));
            }
        }
    }
    Ok(())
}
