//! Text as outlines of one embedded font, DejaVu Sans (Bitstream Vera licence), so pictures look the same everywhere
//! and need no font of the system.

use std::sync::LazyLock;
use tiny_skia::{Path, PathBuilder, Transform};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// The font's name, for formats that leave text to the viewer.
pub const FONT_FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

// The bytes are a constant of the program, so a parse failure is a mistake in it and not in any input.
static FACE: LazyLock<Face<'static>> =
    LazyLock::new(|| Face::parse(dejavu::sans::regular(), 0).expect("the embedded font is well formed"));

/// Where a text's reference point lies along it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// At its left end.
    Start,
    /// In its middle.
    Middle,
    /// At its right end.
    End,
}

impl Anchor {
    /// The fraction of the text's width to the left of the reference point.
    fn fraction(self) -> f64 {
        match self {
            Anchor::Start => 0.0,
            Anchor::Middle => 0.5,
            Anchor::End => 1.0,
        }
    }
}

/// The width in pixels of `text` at `size` pixels per em.
pub fn width(text: &str, size: f64) -> f64 {
    let units: f64 = text.chars().map(|c| advance(glyph(c))).sum();
    units * size / f64::from(FACE.units_per_em())
}

/// Shortens `text` with an ellipsis until it is at most `limit` pixels wide.
pub fn fit(text: &str, size: f64, limit: f64) -> String {
    if width(text, size) <= limit {
        return text.to_string();
    }
    let mut short: Vec<char> = text.chars().collect();
    while short.pop().is_some() {
        let candidate: String = short.iter().collect::<String>().trim_end().to_string() + "…";
        if width(&candidate, size) <= limit {
            return candidate;
        }
    }
    String::new()
}

/// The outlines of `text` with its baseline's reference point at `at`; `upright` turns it a quarter to the left.
pub fn outline(text: &str, size: f64, anchor: Anchor, at: [f64; 2], upright: bool) -> Option<Path> {
    let scale = size / f64::from(FACE.units_per_em());
    let mut pen = Pen { builder: PathBuilder::new(), x: -anchor.fraction() * width(text, size) / scale };
    for c in text.chars() {
        let id = glyph(c);
        FACE.outline_glyph(id, &mut pen);
        pen.x += advance(id);
    }
    let s = scale as f32;
    let [x, y] = at.map(|c| c as f32);
    let place =
        if upright { Transform::from_row(0.0, -s, -s, 0.0, x, y) } else { Transform::from_row(s, 0.0, 0.0, -s, x, y) };
    pen.builder.finish()?.transform(place)
}

fn glyph(c: char) -> GlyphId {
    FACE.glyph_index(c).unwrap_or_default()
}

fn advance(id: GlyphId) -> f64 {
    f64::from(FACE.glyph_hor_advance(id).unwrap_or_default())
}

/// Collects glyph outlines side by side, in font units, y upwards.
struct Pen {
    builder: PathBuilder,
    x: f64,
}

impl Pen {
    fn shift(&self, x: f32) -> f32 {
        x + self.x as f32
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.builder.move_to(self.shift(x), y);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.builder.line_to(self.shift(x), y);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.builder.quad_to(self.shift(x1), y1, self.shift(x), y);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.builder.cubic_to(self.shift(x1), y1, self.shift(x2), y2, self.shift(x), y);
    }
    fn close(&mut self) {
        self.builder.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_has_the_signs_of_the_trade() {
        for c in "‖∇²³⁰¹⁴⁵⁶⁷⁸⁹⁻×·−∞≤∂∫√π°…".chars() {
            assert!(FACE.glyph_index(c).is_some(), "{c}");
        }
    }

    #[test]
    fn text_is_placed_by_its_anchor() {
        let bounds = |anchor| outline("HHH", 100.0, anchor, [50.0, 80.0], false).unwrap().bounds();
        let w = width("HHH", 100.0) as f32;
        assert!((bounds(Anchor::Start).left() - bounds(Anchor::End).left() - w).abs() < 0.01);
        let middle = bounds(Anchor::Middle);
        assert!((middle.left() + middle.right() - 100.0).abs() < 0.01);
        assert!((middle.bottom() - 80.0).abs() < 0.01 && middle.top() < 10.0);
    }

    #[test]
    fn long_text_is_cut_to_fit() {
        let short = fit("a title that is much too long", 20.0, 120.0);
        assert!(short.ends_with('…') && width(&short, 20.0) <= 120.0, "{short}");
        assert_eq!(fit("short", 20.0, 120.0), "short");
        assert_eq!(fit("short", 20.0, 1.0), "");
    }
}
