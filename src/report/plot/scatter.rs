//! Points in a rectangle of the plane.

use super::axes::{Axis, Frame, bottom_margin, left_margin};
use super::colour::{PALETTE, WHITE};
use super::header;
use super::page::{Page, Shape, Stroke};
use super::ticks::Scale;
use crate::error::{Error, Result};
use std::path::Path;

/// Draws points as discs in a frame with equal scales and writes them to `path`: PNG, or SVG where the name ends in `.svg`.
///
/// # Errors
/// For bounds without extent, an ending other than `.png` and `.svg`, a path that cannot be written. Nothing is written then.
pub fn scatter(path: &Path, points: &[[f64; 2]], bounds: [[f64; 2]; 2], names: [&str; 2], title: &str) -> Result<()> {
    let extent = bounds.map(|[low, high]| high - low);
    if !extent.iter().all(|e| e.is_finite() && *e > 0.0) {
        let what = format!("points to draw in a frame over {bounds:?}");
        return Err(Error::Problem { what, help: "give lower bounds below upper ones".into() });
    }
    let axis = |i: usize| Axis { scale: Scale::linear(bounds[i][0], bounds[i][1]), label: names[i].into() };
    let mut page = Page::new(900, None, |em| 900.0 * extent[1] / extent[0] + 4.0 * em)?;
    let em = page.text_size;
    let top = header::height(title, em);
    let room = [f64::from(page.width) - left_margin(&axis(1), 500.0, em) - 3.0 * em, {
        f64::from(page.height) - top - bottom_margin(em)
    }];
    let scale = (room[0] / extent[0]).min(room[1] / extent[1]);
    let size = extent.map(|e| e * scale);
    let left = 0.5 * (f64::from(page.width) - size[0]);
    let frame = Frame { corner: [left, top], size, x: axis(0), y: axis(1) };
    header::draw(&mut page, title, &format!("{} points", points.len()));
    // Discs that would cover a tenth of the frame between them, within what can be seen and told apart.
    let radius = (0.1 * size[0] * size[1] / (3.0 * points.len().max(1) as f64)).sqrt().clamp(1.2, 0.4 * em);
    for point in points {
        let rim = Stroke { opacity: 0.5, ..Stroke::new(WHITE, 0.3) };
        page.shapes.push(Shape::Disc { centre: frame.place(*point), radius, fill: PALETTE[0], rim });
    }
    frame.draw(&mut page);
    page.save(path)
}
