//! Two meshes side by side in the same colours: before and after moving. Cells have one value each; tetrahedra are cut
//! halfway along y.

use super::axes::bottom_margin;
use super::bar::Bar;
use super::cut::section;
use super::flat::Flat;
use super::header;
use super::page::{Format, Page, Text};
use super::solution::{Axis3, NAMES};
use super::text::Anchor;
use super::ticks::Scale;
use crate::error::{Error, Result};
use crate::mesh::{CellKind, Mesh};
use std::path::Path;

/// Pixels across.
const WIDTH: u32 = 1400;

/// A mesh, one value a cell, and the line above it.
#[derive(Debug, Clone, Copy)]
pub struct MeshPanel<'a> {
    /// The mesh: triangles in a plane, or tetrahedra.
    pub mesh: &'a Mesh,
    /// One value a cell.
    pub values: &'a [f64],
    /// The line above.
    pub caption: &'a str,
}

/// Draws the two panels and writes them to `path` (PNG, or SVG where the name ends in `.svg`).
///
/// # Errors
/// For intervals and surfaces in space, values that are not finite or not one a cell, an ending other than `.png` and `.svg`, a
/// path that cannot be written. Nothing is written then.
pub fn before_after(path: &Path, panels: [MeshPanel<'_>; 2], title: &str, label: &str) -> Result<()> {
    Format::of(path)?;
    for panel in &panels {
        check(panel)?;
    }
    let all = || panels.iter().flat_map(|p| p.values.iter().copied());
    let scale = Scale::linear(all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let flats = panels.map(|p| flat(p.mesh, p.values, scale));
    if flats.iter().any(|f| f.points.is_empty()) {
        return Err(header::nothing_to_see("the cut meets no cell"));
    }
    let bar = Bar { scale, label };
    let width = f64::from(WIDTH);
    let margin = |em: f64| flats[0].left_margin(0.4 * width, em) + 1.5 * em;
    let panel = |em: f64| (0.5 * (width - bar.width(0.4 * width, em)) - margin(em)).max(10.0);
    let top = |em: f64| header::height(title, em) + 1.8 * em;
    let mut page = Page::new(WIDTH, None, |em| {
        let highest = flats.iter().map(|f| f.fit([panel(em), f64::INFINITY])[1]).fold(0.0, f64::max);
        top(em) + highest + bottom_margin(em) + 0.5 * em
    })?;
    let em = page.text_size;
    let room = [panel(em), (f64::from(page.height) - top(em) - bottom_margin(em) - 0.5 * em).max(10.0)];
    header::draw(&mut page, title, &cut_note(panels[0].mesh));
    let mut right = 0.0;
    let mut size = [0.0; 2];
    for (flat, panel) in flats.iter().zip(&panels) {
        size = flat.fit(room);
        let corner = [right + margin(em), top(em)].map(f64::floor);
        let middle = corner[0] + 0.5 * size[0];
        page.text(Text::new([middle, corner[1] - 0.8 * em], panel.caption, em, Anchor::Middle));
        flat.draw(&mut page, corner, size, &[], true);
        right = corner[0] + size[0];
    }
    bar.draw_upright(&mut page, right, top(em).floor(), size[1]);
    page.save(path)
}

/// What a section shows of cells in space.
fn cut_note(mesh: &Mesh) -> String {
    match mesh.kind {
        CellKind::Tetrahedron => format!("cut at y = {}", super::ticks::short(halfway(mesh))),
        _ => String::new(),
    }
}

fn halfway(mesh: &Mesh) -> f64 {
    let bounds = mesh.bounds();
    // Just beside the middle, where nodes like to lie.
    0.5 * (bounds.min[1] + bounds.max[1]) + 1e-9 * (bounds.max[1] - bounds.min[1])
}

/// The cells apart from each other, so that each has its own colour.
fn flat(mesh: &Mesh, values: &[f64], scale: Scale) -> Flat<'static> {
    let n = mesh.kind.vertices();
    let apart = Mesh {
        points: mesh.cells.iter().map(|&v| mesh.points[v as usize]).collect(),
        kind: mesh.kind,
        cells: (0..mesh.cells.len() as u32).collect(),
        groups: Vec::new(),
    };
    let unit: Vec<f32> = values.iter().flat_map(|&v| std::iter::repeat_n(scale.unit(v) as f32, n)).collect();
    let (points, value, seams, names) = match mesh.kind {
        CellKind::Tetrahedron => {
            let cut = section(&apart, &unit, Axis3::Y, halfway(mesh));
            (cut.points, cut.values, cut.seams, [NAMES[0], NAMES[2]])
        }
        _ => (apart.points.iter().map(|p| [p[0], p[1]]).collect(), unit, Vec::new(), [NAMES[0], NAMES[1]]),
    };
    let mut bounds = [[f64::INFINITY, f64::NEG_INFINITY]; 2];
    for p in &points {
        (0..2).for_each(|c| bounds[c] = [bounds[c][0].min(p[c]), bounds[c][1].max(p[c])]);
    }
    let triangles = (0..points.len() as u32).collect();
    Flat { points, value: value.into(), triangles, seams, bounds, names, marks: Vec::new() }
}

fn check(panel: &MeshPanel<'_>) -> Result<()> {
    let MeshPanel { mesh, values, .. } = panel;
    if mesh.kind == CellKind::Interval || !mesh.is_planar() {
        let help = "triangles in the plane and tetrahedra can be shown side by side".into();
        return Err(Error::Mesh { what: format!("no picture of {} beside each other", mesh.kind.plural()), help });
    }
    if mesh.cell_count() == 0 || values.len() != mesh.cell_count() {
        let what = format!("{} values to draw on {} cells", values.len(), mesh.cell_count());
        return Err(Error::Problem { what, help: "give one value for each cell".into() });
    }
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(c) => Err(Error::Problem {
            what: format!("the value to draw on cell {c} is {}", values[c]),
            help: "only finite values can be drawn".into(),
        }),
    }
}
