//! A field on triangles in the plane: a map with equal scales beside its colour bar.

use super::axes::bottom_margin;
use super::bar::Bar;
use super::field::Field;
use super::flat::Flat;
use super::header;
use super::page::Page;
use super::solution::SolutionPlot;
use crate::error::Result;
use std::borrow::Cow;

/// Domains at least this many times as wide as high have the bar below.
const WIDE: f64 = 2.2;

/// Draws the map.
pub fn draw(field: &Field<'_>, plot: &SolutionPlot) -> Result<Page> {
    let flat = map(field, plot)?;
    let layout = Layout::new(&flat, Bar { scale: field.scale, label: &plot.label }, plot);
    let width = f64::from(plot.width);
    let mut page = Page::new(plot.width, plot.height, |em| {
        let [w, h] = layout.room(width, em).1;
        width - h + flat.fit([w, f64::INFINITY])[1]
    })?;
    let em = page.text_size;
    let (corner, room) = layout.room(f64::from(page.height), em);
    let size = flat.fit(room.map(|r| r.max(10.0)));
    let corner = [0, 1].map(|c| (corner[c] + 0.5 * (room[c] - size[c])).max(0.0).floor());
    header::draw(&mut page, &plot.title, &(field.summary(2) + &flat.stretch_note()));
    let bar_length = if layout.bar_below { 0.6 * size[0] } else { size[1] };
    let ticks = layout.bar.ticks(bar_length, em, !layout.bar_below);
    let levels = if plot.iso_lines { field.levels(&ticks.at) } else { Vec::new() };
    flat.draw(&mut page, corner, size, &levels, plot.mesh_lines);
    if layout.bar_below {
        let below = corner[1] + size[1] + bottom_margin(em) + 0.6 * em;
        layout.bar.draw_level(&mut page, corner[0] + 0.2 * size[0], below, bar_length);
    } else {
        layout.bar.draw_upright(&mut page, corner[0] + size[0], corner[1], bar_length);
    }
    Ok(page)
}

/// The triangles, with signs at extremes that only one point has.
fn map<'a>(field: &'a Field<'_>, plot: &'a SolutionPlot) -> Result<Flat<'a>> {
    let mesh = field.mesh;
    let points: Vec<[f64; 2]> = mesh.points.iter().map(|p| [p[0], p[1]]).collect();
    let size = field.extent(0).max(field.extent(1));
    let has_area = |t: &[u32]| {
        let [a, b, c] = [t[0], t[1], t[2]].map(|v| points[v as usize].map(|x| x / size));
        ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).abs() > 1e-14
    };
    if !mesh.cells.chunks_exact(3).any(has_area) {
        return Err(header::nothing_to_see("no triangle has an area, all points lie on a line"));
    }
    let extremes = [(field.min, "▼"), (field.max, "▲")].into_iter();
    Ok(Flat {
        marks: extremes.filter(|(e, _)| e.is_lone).map(|(e, sign)| (points[e.point], sign)).collect(),
        points,
        value: Cow::Borrowed(&field.unit),
        triangles: Cow::Borrowed(&mesh.cells),
        seams: Vec::new(),
        bounds: [field.bounds[0], field.bounds[1]],
        names: plot.axes.each_ref().map(String::as_str),
    })
}

/// Where things go.
struct Layout<'a> {
    flat: &'a Flat<'a>,
    bar: Bar<'a>,
    bar_below: bool,
    title: &'a str,
    width: f64,
}

impl<'a> Layout<'a> {
    fn new(flat: &'a Flat<'a>, bar: Bar<'a>, plot: &'a SolutionPlot) -> Self {
        let (shape, _) = flat.shape();
        Layout { flat, bar, bar_below: shape[0] > WIDE * shape[1], title: &plot.title, width: f64::from(plot.width) }
    }

    /// Upper left corner and size of what a page of this height leaves for the map.
    fn room(&self, height: f64, em: f64) -> ([f64; 2], [f64; 2]) {
        let [right, below] =
            if self.bar_below { [2.0 * em, self.bar.height(em)] } else { [self.bar.width(height, em) + em, 0.0] };
        let left = self.flat.left_margin(0.6 * self.width, em) + em;
        let top = header::height(self.title, em);
        ([left, top], [self.width - left - right, height - top - bottom_margin(em) - below])
    }
}
