//! Pictures of a field on a mesh.

use super::axes::{Axis, Frame, bottom_margin, left_margin};
use super::bar::Bar;
use super::colour::{GREY, PALETTE};
use super::cut::section;
use super::field::Field;
use super::flat::Flat;
use super::lines::{draw_curve, join};
use super::page::{Format, Page, Stroke, Text};
use super::space::{Camera, Surface, draw_triad};
use super::text::{self, Anchor};
use super::ticks::{Scale, short};
use crate::error::{Error, Result};
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

const NAMES: [&str; 3] = ["x", "y", "z"];

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
    let picture = Picture { field: &field, plot, bar: Bar { scale: field.scale, label: &plot.label } };
    let page = match mesh.kind {
        CellKind::Interval => picture.curve(values)?,
        CellKind::Triangle if field.extent(2) == 0.0 => picture.plane()?,
        CellKind::Triangle => picture.space(Cow::Borrowed(&mesh.cells), None)?,
        CellKind::Tetrahedron => {
            let cut = picture.section()?;
            picture.space(Cow::Owned(boundary_facets(mesh)), cut)?
        }
    };
    page.save(path)
}

/// A cut and its caption.
struct CutPanel {
    flat: Flat<'static>,
    caption: String,
}

struct Picture<'a> {
    field: &'a Field<'a>,
    plot: &'a SolutionPlot,
    bar: Bar<'a>,
}

impl Picture<'_> {
    fn header_height(&self, em: f64) -> f64 {
        if self.plot.title.is_empty() { 3.4 * em } else { 5.0 * em }
    }

    fn draw_header(&self, page: &mut Page, subtitle: &str) {
        let em = page.text_size;
        let (middle, room) = (0.5 * f64::from(page.width), f64::from(page.width) - 2.0 * em);
        let mut baseline = 1.7 * em;
        if !self.plot.title.is_empty() {
            let size = 1.2 * em;
            page.text(Text::new([middle, baseline], text::fit(&self.plot.title, size, room), size, Anchor::Middle));
            baseline += 1.5 * em;
        }
        let size = 0.85 * em;
        page.text(Text::new([middle, baseline], text::fit(subtitle, size, room), size, Anchor::Middle).colour(GREY));
    }

    fn levels(&self, bar_length: f64, em: f64) -> Vec<f32> {
        let ticks = if self.plot.iso_lines { self.bar.ticks(bar_length, em).at } else { Vec::new() };
        let on_scale = ticks.iter().map(|&v| self.field.scale.unit(v));
        on_scale.filter(|t| (1e-6..=1.0 - 1e-6).contains(t)).map(|t| t as f32).collect()
    }

    /// u over x.
    fn curve(&self, values: &[f64]) -> Result<Page> {
        let field = self.field;
        let axis = (0..3).fold(0, |a, b| if field.extent(b) > field.extent(a) { b } else { a });
        if field.extent(axis) == 0.0 {
            return Err(nothing_to_see("all points are the same"));
        }
        let mut page = Page::new(self.plot.width, self.plot.height, |_| 0.6 * f64::from(self.plot.width))?;
        let em = page.text_size;
        let [lo, hi] = field.bounds[axis];
        let x = Axis { scale: Scale::linear(lo, hi), label: NAMES[axis].into() };
        let y = Axis { scale: field.scale.widened(0.04), label: self.plot.label.clone() };
        let top = self.header_height(em);
        let height = f64::from(page.height) - top - bottom_margin(em);
        let left = left_margin(&y, height, em) + em;
        let frame = Frame { corner: [left, top], size: [f64::from(page.width) - left - 2.0 * em, height], x, y };
        self.draw_header(&mut page, &field.summary(1));
        frame.draw_grid(&mut page);
        let at = |v: u32| frame.place([field.mesh.points[v as usize][axis], values[v as usize]]);
        for chain in join(field.mesh.cells.chunks_exact(2).map(|c| [c[0], c[1]]), |v| at(v)[0]) {
            let points: Vec<[f64; 2]> = chain.iter().map(|&v| at(v)).collect();
            draw_curve(&mut page, points, Stroke::new(PALETTE[0], 0.13 * em), chain.len() <= 33);
        }
        frame.draw(&mut page);
        Ok(page)
    }

    /// Triangles in the plane.
    fn plane(&self) -> Result<Page> {
        let field = self.field;
        let mesh = field.mesh;
        let points: Vec<[f64; 2]> = mesh.points.iter().map(|p| [p[0], p[1]]).collect();
        let size = field.extent(0).max(field.extent(1));
        let is_seen = |t: &[u32]| {
            let [a, b, c] = [t[0], t[1], t[2]].map(|v| points[v as usize].map(|x| x / size));
            ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).abs() > 1e-14
        };
        if !mesh.cells.chunks_exact(3).any(is_seen) {
            return Err(nothing_to_see("no triangle has an area, all points lie on a line"));
        }
        let marks = [(field.min, "▼"), (field.max, "▲")].into_iter();
        let flat = Flat {
            marks: marks.filter(|(e, _)| e.is_lone).map(|(e, sign)| (points[e.point], sign)).collect(),
            points,
            value: Cow::Borrowed(&field.unit),
            triangles: Cow::Borrowed(&mesh.cells),
            seams: Vec::new(),
            bounds: [field.bounds[0], field.bounds[1]],
            names: ["x", "y"],
        };
        let level_bar = {
            let (shape, _) = flat.shape();
            shape[0] > 2.2 * shape[1]
        };
        let room = |w: f64, h: f64, em: f64| {
            let bar = if level_bar { [2.0 * em, self.bar.height(em)] } else { [self.bar.width(0.6 * w, em) + em, 0.0] };
            let left = flat.left_margin(0.6 * w, em) + em;
            let top = self.header_height(em);
            (left, top, [w - left - bar[0], h - top - bottom_margin(em) - bar[1]])
        };
        let width = f64::from(self.plot.width);
        let mut page = Page::new(self.plot.width, self.plot.height, |em| {
            let (_, _, [w, h]) = room(width, width, em);
            width - h + flat.fit([w, f64::INFINITY])[1]
        })?;
        let em = page.text_size;
        let (left, top, space) = room(width, f64::from(page.height), em);
        let size = flat.fit(space.map(|s| s.max(10.0)));
        let corner = [left + 0.5 * (space[0] - size[0]), top + 0.5 * (space[1] - size[1])].map(|c| c.max(0.0).floor());
        self.draw_header(&mut page, &field.summary(2));
        let bar_length = if level_bar { 0.6 * size[0] } else { size[1] };
        flat.draw(&mut page, corner, size, &self.levels(bar_length, em), self.plot.mesh_lines);
        if level_bar {
            let below = corner[1] + size[1] + bottom_margin(em) + 0.6 * em;
            self.bar.draw_level(&mut page, corner[0] + 0.2 * size[0], below, bar_length);
        } else {
            self.bar.draw_upright(&mut page, corner[0] + size[0], corner[1], bar_length);
        }
        Ok(page)
    }

    /// The cut through tetrahedra; none where the default plane happens to lie between parts of the mesh.
    fn section(&self) -> Result<Option<CutPanel>> {
        let [lo, hi] = self.field.bounds[1];
        let cut = self.plot.cut.unwrap_or(Cut { axis: Axis3::Y, position: 0.5 * (lo + hi) });
        let [lo, hi] = self.field.bounds[cut.axis as usize];
        let name = NAMES[cut.axis as usize];
        // Just inside, so that a plane at the very end shows the cells there.
        let margin = 1e-9 * (hi - lo);
        let position =
            if (lo..=hi).contains(&cut.position) { cut.position.clamp(lo + margin, hi - margin) } else { cut.position };
        let section = section(self.field.mesh, &self.field.unit, cut.axis, position);
        if section.points.is_empty() {
            if self.plot.cut.is_none() {
                return Ok(None);
            }
            return Err(Error::Option {
                option: "cut".into(),
                value: format!("{name} = {}", cut.position),
                what: format!("the plane meets no cell; the mesh has {name} from {lo} to {hi}"),
            });
        }
        let mut bounds = [[f64::INFINITY, f64::NEG_INFINITY]; 2];
        for p in &section.points {
            (0..2).for_each(|c| bounds[c] = [bounds[c][0].min(p[c]), bounds[c][1].max(p[c])]);
        }
        let flat = Flat {
            triangles: (0..section.points.len() as u32).collect(),
            points: section.points,
            value: section.values.into(),
            seams: section.seams,
            bounds,
            names: cut.axis.others().map(|c| NAMES[c]),
            marks: Vec::new(),
        };
        Ok(Some(CutPanel { flat, caption: format!("cut at {name} = {}", short(cut.position)) }))
    }

    /// A surface, alone or beside a cut.
    fn space(&self, triangles: Cow<'_, [u32]>, cut: Option<CutPanel>) -> Result<Page> {
        let field = self.field;
        let surface = Surface { points: &field.mesh.points, value: &field.unit, triangles, camera: Camera::standard() };
        let [across, up] = surface.bounds().map(|[lo, hi]| hi - lo);
        if !(across > 0.0 && up > 0.0) {
            return Err(nothing_to_see("its surface has no area"));
        }
        let width = f64::from(self.plot.width);
        let panels = if cut.is_some() { 2.0 } else { 1.0 };
        // Width of one panel, room inside the cut's axes.
        let split = |em: f64| {
            let panel = (width - self.bar.width(0.4 * width, em) - 2.0 * em) / panels;
            (panel, panel - cut.as_ref().map_or(0.0, |c| c.flat.left_margin(0.4 * width, em) + em))
        };
        let top = |em: f64| self.header_height(em) + 1.6 * em;
        let mut page = Page::new(self.plot.width, self.plot.height, |em| {
            let (panel, inner) = split(em);
            let surface = (panel - em) * up / across;
            let section = cut.as_ref().map_or(0.0, |c| c.flat.fit([inner, f64::INFINITY])[1]);
            top(em) + surface.max(section) + bottom_margin(em) + 0.5 * em
        })?;
        let em = page.text_size;
        let (panel, inner) = split(em);
        let (top, height) = (top(em), (f64::from(page.height) - top(em) - bottom_margin(em) - 0.5 * em).max(10.0));
        self.draw_header(&mut page, &field.summary(3));
        surface.draw(&mut page, [em, top], [(panel - em).max(10.0), height], self.plot.mesh_lines);
        let origin = [2.8 * em, f64::from(page.height) - 1.6 * em];
        draw_triad(&mut page, surface.camera, origin);
        let mut bar = [width - self.bar.width(0.4 * width, em) - em, top, height];
        if let Some(CutPanel { flat, caption }) = &cut {
            let size = flat.fit([inner.max(10.0), height]);
            let corner = [em + 2.0 * panel - 0.5 * (inner + size[0]), top + 0.5 * (height - size[1])].map(f64::floor);
            let captions = [(em + 0.5 * panel, "surface"), (corner[0] + 0.5 * size[0], caption.as_str())];
            for (x, caption) in captions {
                page.text(Text::new([x, top - 0.7 * em], caption, em, Anchor::Middle));
            }
            flat.draw(&mut page, corner, size, &self.levels(size[1], em), self.plot.mesh_lines);
            bar = [corner[0] + size[0], corner[1], size[1]];
        }
        self.bar.draw_upright(&mut page, bar[0], bar[1], bar[2]);
        Ok(page)
    }
}

fn nothing_to_see(what: &str) -> Error {
    Error::Mesh { what: what.into(), help: "a picture needs cells that are not degenerate".into() }
}
