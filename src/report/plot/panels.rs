//! Fields on a lattice side by side: what went in, the truth, the prediction, the error.

use super::bar::Bar;
use super::colour::{INK, viridis_table};
use super::header;
use super::page::{Image, Page, Shape, Text};
use super::shade::colour_of;
use super::text::{self, Anchor};
use super::ticks::Scale;
use crate::error::{Error, Result};
use std::path::Path;

/// Pixels across.
const WIDTH: u32 = 1200;
/// Entries of the colour table.
const COLOURS: usize = 1024;

/// One field.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// Values in rows, the first at the bottom.
    pub values: Vec<f64>,
    /// The smallest and largest value of the colours (default: the field's own).
    pub range: Option<[f64; 2]>,
}

impl Panel {
    /// A field with colours of its own.
    pub fn new(title: impl Into<String>, values: Vec<f64>) -> Self {
        Panel { title: title.into(), values, range: None }
    }

    /// Its smallest and largest value.
    pub fn bounds(&self) -> [f64; 2] {
        self.values.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[l, h], v| [l.min(*v), h.max(*v)])
    }
}

/// Draws fields of `rows` × `columns` values beside each other.
///
/// Errors: no field, another number of values, a value that is not finite, an ending other than `.png` and `.svg`, a path that
/// cannot be written.
pub fn panels(path: &Path, panels: &[Panel], [rows, columns]: [usize; 2], title: &str) -> Result<()> {
    let bad = panels.iter().find(|p| p.values.len() != rows * columns || p.values.iter().any(|v| !v.is_finite()));
    if panels.is_empty() || rows * columns == 0 || bad.is_some() {
        let name = bad.map_or("nothing", |p| p.title.as_str());
        return Err(Error::Problem {
            what: format!("\"{name}\" to draw on {rows} x {columns} places"),
            help: "give fields of one finite value a place".into(),
        });
    }
    let count = panels.len();
    // Between panels there is room for the numbers at the ends of their bars.
    let cell = |em: f64| (f64::from(WIDTH) - 2.0 * em) / count as f64;
    let picture = |em: f64| {
        let room = cell(em) - 3.0 * em;
        let scale = (room / columns as f64).min(0.6 * f64::from(WIDTH) / rows as f64);
        [columns, rows].map(|n| ((n as f64 * scale).round() as usize).max(1))
    };
    let mut page = Page::new(WIDTH, None, |em| header::height(title, em) + picture(em)[1] as f64 + 6.4 * em)?;
    let em = page.text_size;
    let top = header::height(title, em) + 1.2 * em;
    header::draw(&mut page, title, "");
    let [width, height] = picture(em);
    let colours = viridis_table(COLOURS);
    for (i, panel) in panels.iter().enumerate() {
        let [low, high] = panel.range.unwrap_or(panel.bounds());
        let scale = Scale::linear(low, high);
        let left = (em + cell(em) * (i as f64 + 0.5) - 0.5 * width as f64).round();
        let middle = left + 0.5 * width as f64;
        page.text(Text::new([middle, top - 0.5 * em], text::fit(&panel.title, em, cell(em)), em, Anchor::Middle));
        let mut rgba = Vec::with_capacity(4 * width * height);
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let value = panel.values[(rows - 1 - y * rows / height) * columns + x * columns / width];
            rgba.extend(colour_of(scale.unit(value) as f32, &colours));
            rgba.push(255);
        }
        let frame = [left - 1.0, top - 1.0];
        let size = [width, height].map(|n| n as f64 + 2.0);
        page.shapes.push(Shape::Box { corner: frame, size, fill: INK, opacity: 1.0 });
        page.shapes.push(Shape::Image(Image { x: left as usize, y: top as usize, width, height, rgba }));
        Bar { scale, label: "" }.draw_level(&mut page, left, top + height as f64 + 0.8 * em, width as f64);
    }
    page.save(path)
}
