//! The colour bar: which colour is which value.

use super::axes::{crisp, horizontal_ticks, line_width};
use super::colour::{GREY, INK, viridis_table};
use super::page::{Image, Page, Shape, Stroke, Text};
use super::shade::colour_of;
use super::text::{self, Anchor};
use super::ticks::{Scale, Ticks};

/// The bar of a scale with its name.
#[derive(Debug, Clone, Copy)]
pub struct Bar<'a> {
    pub scale: Scale,
    pub label: &'a str,
}

impl Bar<'_> {
    /// Ticks of a bar; a field's iso-lines are at these.
    pub fn ticks(&self, length: f64, text_size: f64, upright: bool) -> Ticks {
        if upright {
            self.scale.ticks((length / (3.2 * text_size)).clamp(3.0, 11.0) as usize)
        } else {
            horizontal_ticks(self.scale, length, text_size)
        }
    }

    /// Room needed right of a frame for an upright bar of this length.
    pub fn width(&self, length: f64, text_size: f64) -> f64 {
        let label = if self.is_short(text_size) { 0.0 } else { 1.6 };
        (3.2 + label) * text_size + self.widest(&self.ticks(length, text_size, true), text_size)
    }

    /// Room needed below a frame's axis for a level bar.
    pub fn height(&self, text_size: f64) -> f64 {
        4.6 * text_size
    }

    fn widest(&self, ticks: &Ticks, text_size: f64) -> f64 {
        ticks.labels.iter().map(|l| text::width(l, 0.9 * text_size)).fold(0.0, f64::max)
    }

    /// Whether the label fits above the bar.
    fn is_short(&self, text_size: f64) -> bool {
        text::width(self.label, text_size) < 3.0 * text_size
    }

    /// Draws the bar upright, its frame's right edge at `x`, from `top` over `length` pixels.
    pub fn draw_upright(&self, page: &mut Page, x: f64, top: f64, length: f64) {
        let size = page.text_size;
        let [left, width] = [x + 1.4 * size, 1.1 * size];
        gradient(page, [left, top], [width, length], true);
        let ticks = self.ticks(length, size, true);
        let right = crisp(left + width);
        for (&v, label) in ticks.at.iter().zip(&ticks.labels) {
            let y = crisp(top + (1.0 - self.scale.unit(v)) * length);
            page.line([[right, y], [right + 0.35 * size, y]], Stroke::new(INK, line_width(size)));
            page.text(Text::new([right + 0.6 * size, y + 0.33 * size], label, 0.9 * size, Anchor::Start));
        }
        let above = [left, top - 0.55 * size];
        let mut note = above;
        if self.is_short(size) {
            page.text(Text::new(above, self.label, size, Anchor::Start));
            note[0] += text::width(self.label, size) + 0.6 * size;
        } else {
            let at = [right + self.widest(&ticks, size) + 1.8 * size, top + 0.5 * length];
            page.text(Text::new(at, text::fit(self.label, size, length), size, Anchor::Middle).upright());
        }
        // A note too long for the margin stands a line higher, at the page's edge.
        if note[0] + text::width(&ticks.note, 0.85 * size) > f64::from(page.width) {
            note = [f64::from(page.width) - 0.3 * size, above[1] - 1.1 * size];
            page.text(Text::new(note, &ticks.note, 0.85 * size, Anchor::End).colour(GREY));
        } else {
            page.text(Text::new(note, &ticks.note, 0.85 * size, Anchor::Start).colour(GREY));
        }
    }

    /// Draws the bar level, from `left` over `length` pixels, its upper edge at `top`.
    pub fn draw_level(&self, page: &mut Page, left: f64, top: f64, length: f64) {
        let size = page.text_size;
        gradient(page, [left, top], [length, size], false);
        let ticks = self.ticks(length, size, false);
        let bottom = crisp(top + size);
        for (&v, label) in ticks.at.iter().zip(&ticks.labels) {
            let x = crisp(left + self.scale.unit(v) * length);
            page.line([[x, bottom], [x, bottom + 0.35 * size]], Stroke::new(INK, line_width(size)));
            page.text(Text::new([x, bottom + 1.35 * size], label, 0.9 * size, Anchor::Middle));
        }
        let below = bottom + 2.7 * size;
        let label = text::fit(self.label, size, length);
        page.text(Text::new([left + 0.5 * length, below], label, size, Anchor::Middle));
        page.text(Text::new([left + length, below], &ticks.note, 0.85 * size, Anchor::End).colour(GREY));
    }
}

/// The colours from low to high in a thin frame.
fn gradient(page: &mut Page, corner: [f64; 2], size: [f64; 2], upright: bool) {
    let [x, y] = corner.map(|c| c.floor() as usize);
    let [width, height] = size.map(|s| s.round().max(1.0) as usize);
    let colours = viridis_table(1024);
    let mut rgba = Vec::with_capacity(width * height * 4);
    for row in 0..height {
        for column in 0..width {
            let t =
                if upright { 1.0 - (row as f32 + 0.5) / height as f32 } else { (column as f32 + 0.5) / width as f32 };
            let [r, g, b] = colour_of(t, &colours);
            rgba.extend([r, g, b, 255]);
        }
    }
    page.shapes.push(Shape::Image(Image { x, y, width, height, rgba }));
    let [left, top] = [x as f64 + 0.5, y as f64 + 0.5];
    let [right, bottom] = [left + width as f64 - 1.0, top + height as f64 - 1.0];
    let frame = [[left, bottom], [left, top], [right, top], [right, bottom], [left, bottom], [left, top]];
    page.line(frame, Stroke::new(INK, line_width(page.text_size)));
}
