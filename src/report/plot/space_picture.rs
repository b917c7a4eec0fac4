//! A field in space: its surface, and beside it a cut, since a surface says little of what is inside.

use super::axes::bottom_margin;
use super::bar::Bar;
use super::cut::section;
use super::field::Field;
use super::flat::Flat;
use super::header;
use super::page::{Page, Text};
use super::solution::{Axis3, Cut, NAMES, SolutionPlot};
use super::space::{Camera, Surface, draw_triad};
use super::text::Anchor;
use super::ticks::short;
use crate::error::{Error, Result};
use std::borrow::Cow;

/// A cut and its caption.
pub struct CutPanel {
    flat: Flat<'static>,
    caption: String,
}

/// Cuts the tetrahedra, by default halfway along y; none where the default plane happens to lie between parts of the
/// mesh.
pub fn cut(field: &Field<'_>, asked: Option<Cut>) -> Result<Option<CutPanel>> {
    let [lo, hi] = field.bounds[1];
    let cut = asked.unwrap_or(Cut { axis: Axis3::Y, position: 0.5 * (lo + hi) });
    let [lo, hi] = field.bounds[cut.axis as usize];
    let name = NAMES[cut.axis as usize];
    // Just inside, so that a plane at the very end shows the cells there.
    let margin = 1e-9 * (hi - lo);
    let inside = cut.position.min(hi - margin).max(lo + margin);
    let position = if (lo..=hi).contains(&cut.position) { inside } else { cut.position };
    let section = section(field.mesh, &field.unit, cut.axis, position);
    if section.points.is_empty() && asked.is_none() {
        return Ok(None);
    }
    if section.points.is_empty() {
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
    let caption = format!("cut at {name} = {}{}", short(cut.position), flat.stretch_note());
    Ok(Some(CutPanel { flat, caption }))
}

/// Draws triangles in space, alone or beside a cut.
pub fn draw(field: &Field<'_>, triangles: Cow<'_, [u32]>, cut: Option<CutPanel>, plot: &SolutionPlot) -> Result<Page> {
    let surface = Surface::new(&field.mesh.points, &field.unit, triangles, Camera::standard());
    if !surface.extent().iter().all(|&e| e > 0.0) {
        return Err(header::nothing_to_see("its surface has no area"));
    }
    let bar = Bar { scale: field.scale, label: &plot.label };
    let width = f64::from(plot.width);
    // The same width for both panels, beside what axes and bar need.
    let beside_cut = |em: f64| cut.as_ref().map_or(0.0, |c| c.flat.left_margin(0.4 * width, em) + 3.0 * em);
    let panel = |em: f64| {
        let rest = width - bar.width(0.4 * width, em) - beside_cut(em) - 2.0 * em;
        (if cut.is_some() { 0.5 * rest } else { rest }).max(10.0)
    };
    let top = |em: f64| header::height(&plot.title, em) + if cut.is_some() { 2.7 * em } else { 0.0 };
    let mut page = Page::new(plot.width, plot.height, |em| {
        let room = [panel(em), f64::INFINITY];
        let section = cut.as_ref().map_or(0.0, |c| c.flat.fit(room)[1]);
        top(em) + surface.fit(room)[1].max(section) + bottom_margin(em) + 0.5 * em
    })?;
    let em = page.text_size;
    let (top, bottom) = (top(em), f64::from(page.height) - bottom_margin(em) - 0.5 * em);
    let room = [panel(em), (bottom - top).max(10.0)];
    header::draw(&mut page, &plot.title, &field.summary(3));
    // Panels narrower than their room move together; captions keep them apart.
    let drawn = surface.fit(room);
    let used = [drawn[0], cut.as_ref().map_or(0.0, |c| c.flat.fit(room)[0])].map(|w| w.max(9.0 * em).min(room[0]));
    let slack = room[0] - used[0] + cut.as_ref().map_or(0.0, |_| room[0] - used[1]);
    let left = em + 0.5 * slack;
    surface.draw(
        &mut page,
        [left + 0.5 * (used[0] - drawn[0]), top + 0.5 * (room[1] - drawn[1])],
        room,
        plot.mesh_lines,
    );
    draw_triad(&mut page, surface.camera, [left.max(2.5 * em), bottom + 2.2 * em]);
    let mut bar_at = [left + used[0], top, room[1]];
    if let Some(CutPanel { flat, caption }) = &cut {
        let size = flat.fit(room);
        let middle = left + used[0] + beside_cut(em) + 0.5 * used[1];
        let corner = [middle - 0.5 * size[0], top + 0.5 * (room[1] - size[1])].map(f64::floor);
        bar_at = [corner[0] + size[0], corner[1], size[1]];
        let least = (14.0 * em).min(room[1]);
        if size[1] < least {
            bar_at = [bar_at[0], top + 0.5 * (room[1] - least), least];
        }
        let captions =
            [(left + 0.5 * used[0], top + 0.5 * (room[1] - drawn[1]), "surface"), (middle, corner[1], caption)];
        for (x, y, caption) in captions {
            page.text(Text::new([x, y - 1.6 * em], caption, em, Anchor::Middle));
        }
        let levels = if plot.iso_lines { field.levels(&bar.ticks(bar_at[2], em, true).at) } else { Vec::new() };
        flat.draw(&mut page, corner, size, &levels, plot.mesh_lines);
    }
    bar.draw_upright(&mut page, bar_at[0], bar_at[1], bar_at[2]);
    Ok(page)
}
