//! A slice of a voxel scene: walls dark, air white, the fluid coloured by a field.

use super::bar::Bar;
use super::colour::{Colour, INK, WHITE, viridis_table};
use super::header;
use super::page::{Image, Page, Shape};
use super::shade::colour_of;
use super::ticks::{Scale, short};
use crate::error::{Error, Result};
use crate::voxel::{AIR, FLUID, VoxelGrid};
use std::path::Path;

/// Colour of walls.
const WALL: Colour = [70, 74, 82];

/// Entries of the colour table.
const COLOURS: usize = 1024;

/// Draws the field, one value a cell, on the middle slice across the second direction (all of a grid in the plane), the
/// first direction upwards.
///
/// Errors: another number of values than of cells; a value in the fluid that is not finite; an unwritable path.
pub fn slice(path: &Path, grid: &VoxelGrid, values: &[f64], title: &str, label: &str) -> Result<()> {
    let [n0, n1, n2] = grid.shape();
    if values.len() != grid.cells() {
        return Err(Error::Problem {
            what: format!("{} values to draw on a grid of {} cells", values.len(), grid.cells()),
            help: "give one value a cell".into(),
        });
    }
    let (rows, middle) = if grid.dimension() == 2 { (n1, None) } else { (n0, Some(n1 / 2)) };
    let cell = |row: usize, column: usize| match middle {
        None => grid.index(0, rows - 1 - row, column),
        Some(j) => grid.index(rows - 1 - row, j, column),
    };
    let fluid = || (0..grid.cells()).filter(|c| grid.flags()[*c] == FLUID);
    if let Some(c) = fluid().find(|c| !values[*c].is_finite()) {
        return Err(Error::Problem {
            what: format!("the value to draw in cell {:?} is {}", grid.place(c), values[c]),
            help: "check the right-hand side and how the solve ended".into(),
        });
    }
    let shown = || (0..rows).flat_map(|r| (0..n2).map(move |c| cell(r, c))).filter(|c| grid.flags()[*c] == FLUID);
    let (low, high) =
        shown().map(|c| values[c]).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let (low, high) = if low <= high { (low, high) } else { (0.0, 0.0) };
    let scale = Scale::linear(low, high);
    let bar = Bar { scale, label };
    let width = 900;
    let side = |room: [f64; 2]| (room[0] / n2 as f64).min(room[1] / rows as f64);
    let room_beside = |height: f64, em: f64| f64::from(width) - 3.0 * em - bar.width(height, em);
    let mut page = Page::new(width, None, |em| {
        header::height(title, em) + 1.5 * em + rows as f64 * side([room_beside(600.0, em), f64::INFINITY])
    })?;
    let em = page.text_size;
    let top = header::height(title, em);
    let height = f64::from(page.height) - top - 1.5 * em;
    let room = [room_beside(height, em), height];
    let size = [n2, rows].map(|n| ((n as f64 * side(room)).floor() as usize).max(1));
    let corner = [(1.5 * em + 0.5 * (room[0] - size[0] as f64)).max(0.0) as usize, top as usize];
    let colours = viridis_table(COLOURS);
    let mut rgba = Vec::with_capacity(4 * size[0] * size[1]);
    for (y, x) in (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| (y, x))) {
        let c = cell(y * rows / size[1], x * n2 / size[0]);
        let colour = match grid.flags()[c] {
            FLUID => colour_of(scale.unit(values[c]) as f32, &colours),
            AIR => WHITE,
            _ => WALL,
        };
        rgba.extend(colour);
        rgba.push(255);
    }
    let place = middle.map_or(String::new(), |j| format!(", slice {j} of the second direction"));
    header::draw(&mut page, title, &format!("{} to {}{place}; walls dark, air white", short(low), short(high)));
    let frame = corner.map(|c| c as f64 - 1.0);
    page.shapes.push(Shape::Box { corner: frame, size: size.map(|s| s as f64 + 2.0), fill: INK, opacity: 1.0 });
    page.shapes.push(Shape::Image(Image { x: corner[0], y: corner[1], width: size[0], height: size[1], rgba }));
    bar.draw_upright(&mut page, (corner[0] + size[0]) as f64, corner[1] as f64, size[1] as f64);
    page.save(path)
}
