//! A framed region with ticks, labels and, for curves, a grid.

use super::colour::{GREY, INK, LIGHT};
use super::page::{Page, Stroke, Text};
use super::text::{self, Anchor};
use super::ticks::{Scale, Ticks};

/// A scale and what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    pub scale: Scale,
    pub label: String,
}

/// A rectangle of the page that shows data.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Upper left corner, pixels.
    pub corner: [f64; 2],
    /// Width and height, pixels.
    pub size: [f64; 2],
    pub x: Axis,
    pub y: Axis,
}

/// Room needed left of a frame of this height for the ticks and label of its vertical axis.
pub fn left_margin(y: &Axis, height: f64, text_size: f64) -> f64 {
    let size = text_size * 0.9;
    let widest = vertical_ticks(y, height, text_size).labels.iter().map(|l| text::width(l, size)).fold(0.0, f64::max);
    widest + text_size * if y.label.is_empty() { 1.0 } else { 2.5 }
}

/// Room needed below a frame for the ticks and label of its horizontal axis.
pub fn bottom_margin(text_size: f64) -> f64 {
    3.3 * text_size
}

fn vertical_ticks(y: &Axis, height: f64, text_size: f64) -> Ticks {
    y.scale.ticks((height / (2.6 * text_size)).clamp(2.0, 12.0) as usize)
}

/// Ticks of a horizontal axis, as many as fit side by side.
pub fn horizontal_ticks(scale: Scale, width: f64, text_size: f64) -> Ticks {
    let fits = |ticks: &Ticks| {
        let widest = ticks.labels.iter().map(|l| text::width(l, text_size * 0.9)).fold(0.0, f64::max);
        ticks.at.windows(2).all(|w| (scale.unit(w[1]) - scale.unit(w[0])) * width >= widest + 0.8 * text_size)
    };
    (1..=10).rev().map(|most| scale.ticks(most)).find(fits).unwrap_or_else(|| {
        let mut ticks = scale.ticks(1);
        ticks.at.truncate(1);
        ticks.labels.truncate(1);
        ticks
    })
}

impl Frame {
    /// The pixel of a data point.
    pub fn place(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [x, y] = [self.x.scale.unit(x), 1.0 - self.y.scale.unit(y)];
        [self.corner[0] + x * self.size[0], self.corner[1] + y * self.size[1]]
    }

    /// Draws grid lines at the labelled ticks.
    pub fn draw_grid(&self, page: &mut Page) {
        let size = page.text_size;
        let ([left, top], [w, h]) = (self.corner, self.size);
        let stroke = Stroke::new(LIGHT, line_width(size));
        for &v in &horizontal_ticks(self.x.scale, w, size).at {
            let x = crisp(self.place([v, self.y.scale.lo])[0]);
            page.line([[x, top], [x, top + h]], stroke);
        }
        for &v in &vertical_ticks(&self.y, h, size).at {
            let y = crisp(self.place([self.x.scale.lo, v])[1]);
            page.line([[left, y], [left + w, y]], stroke);
        }
    }

    /// Draws the box, its ticks and its labels.
    pub fn draw(&self, page: &mut Page) {
        let size = page.text_size;
        let [left, top] = self.corner.map(crisp);
        let [right, bottom] = [crisp(self.corner[0] + self.size[0]), crisp(self.corner[1] + self.size[1])];
        let stroke = Stroke::new(INK, line_width(size));
        page.line([[left, bottom], [left, top], [right, top], [right, bottom], [left, bottom], [left, top]], stroke);
        self.draw_horizontal(page, size, bottom, stroke);
        self.draw_vertical(page, size, left, stroke);
    }

    fn draw_horizontal(&self, page: &mut Page, size: f64, bottom: f64, stroke: Stroke) {
        let ticks = horizontal_ticks(self.x.scale, self.size[0], size);
        let at = |v: f64| crisp(self.place([v, self.y.scale.lo])[0]);
        for &v in &ticks.minor {
            page.line([[at(v), bottom], [at(v), bottom + 0.18 * size]], stroke);
        }
        for (&v, label) in ticks.at.iter().zip(&ticks.labels) {
            page.line([[at(v), bottom], [at(v), bottom + 0.35 * size]], stroke);
            page.text(Text::new([at(v), bottom + 1.35 * size], label, 0.9 * size, Anchor::Middle));
        }
        let [left, width] = [self.corner[0], self.size[0]];
        page.text(Text::new([left + 0.5 * width, bottom + 2.7 * size], &self.x.label, size, Anchor::Middle));
        if !ticks.note.is_empty() {
            let at = [left + width, bottom + 2.6 * size];
            page.text(Text::new(at, &ticks.note, 0.85 * size, Anchor::End).colour(GREY));
        }
    }

    fn draw_vertical(&self, page: &mut Page, size: f64, left: f64, stroke: Stroke) {
        let ticks = vertical_ticks(&self.y, self.size[1], size);
        let at = |v: f64| crisp(self.place([self.x.scale.lo, v])[1]);
        for &v in &ticks.minor {
            page.line([[left - 0.18 * size, at(v)], [left, at(v)]], stroke);
        }
        for (&v, label) in ticks.at.iter().zip(&ticks.labels) {
            page.line([[left - 0.35 * size, at(v)], [left, at(v)]], stroke);
            page.text(Text::new([left - 0.55 * size, at(v) + 0.33 * size], label, 0.9 * size, Anchor::End));
        }
        let widest = ticks.labels.iter().map(|l| text::width(l, 0.9 * size)).fold(0.0, f64::max);
        let middle = [left - widest - 1.3 * size, self.corner[1] + 0.5 * self.size[1]];
        page.text(Text::new(middle, &self.y.label, size, Anchor::Middle).upright());
        if !ticks.note.is_empty() {
            let at = [left, self.corner[1] - 0.4 * size];
            page.text(Text::new(at, &ticks.note, 0.85 * size, Anchor::Start).colour(GREY));
        }
    }
}

/// The width of axis lines for a text size.
pub fn line_width(text_size: f64) -> f64 {
    (text_size / 16.0).max(0.8)
}

/// The middle of the pixel at `v`, where a line one pixel wide is sharp.
pub fn crisp(v: f64) -> f64 {
    v.floor() + 0.5
}
