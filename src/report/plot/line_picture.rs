//! A field on intervals: its graph.

use super::axes::{Axis, Frame, bottom_margin, left_margin};
use super::colour::PALETTE;
use super::field::Field;
use super::header;
use super::lines::{draw_curve, join};
use super::page::{Page, Stroke};
use super::solution::{NAMES, SolutionPlot};
use super::ticks::Scale;
use crate::error::Result;

/// Graphs of up to this many points have discs at them.
const MARKERS: usize = 33;

/// Draws the field over the longest axis.
pub fn draw(field: &Field<'_>, values: &[f64], plot: &SolutionPlot) -> Result<Page> {
    let axis = (0..3).fold(0, |a, b| if field.extent(b) > field.extent(a) { b } else { a });
    if field.extent(axis) == 0.0 {
        return Err(header::nothing_to_see("all points are the same"));
    }
    let mut page = Page::new(plot.width, plot.height, |_| 0.6 * f64::from(plot.width))?;
    let em = page.text_size;
    let [lo, hi] = field.bounds[axis];
    let x = Axis { scale: Scale::linear(lo, hi).widened(0.02), label: NAMES[axis].into() };
    let y = Axis { scale: field.scale.widened(0.04), label: plot.label.clone() };
    let top = header::height(&plot.title, em);
    let height = f64::from(page.height) - top - bottom_margin(em);
    let left = left_margin(&y, height, em) + em;
    let frame = Frame { corner: [left, top], size: [f64::from(page.width) - left - 2.0 * em, height], x, y };
    header::draw(&mut page, &plot.title, &field.summary(1));
    frame.draw_grid(&mut page);
    let at = |v: u32| frame.place([field.mesh.points[v as usize][axis], values[v as usize]]);
    for chain in join(field.mesh.cells.chunks_exact(2).map(|c| [c[0], c[1]]), |v| at(v)[0]) {
        let points: Vec<[f64; 2]> = chain.iter().map(|&v| at(v)).collect();
        draw_curve(&mut page, points, Stroke::new(PALETTE[0], 0.13 * em), chain.len() <= MARKERS);
    }
    frame.draw(&mut page);
    Ok(page)
}
