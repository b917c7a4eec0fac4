//! A picture as a list of shapes in pixels, and the file it becomes: PNG or SVG by the name's ending.

use super::colour::{Colour, INK};
use super::text::Anchor;
use super::{png, svg};
use crate::error::{Error, Result};
use crate::file::write_atomic;
use std::path::Path;

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    pub colour: Colour,
    /// Pixels.
    pub width: f64,
    /// Lengths of dashes and gaps in pixels; empty for a solid line.
    pub dash: &'static [f64],
    /// 0 invisible, 1 opaque.
    pub opacity: f64,
}

impl Stroke {
    /// A solid, opaque line.
    pub fn new(colour: Colour, width: f64) -> Self {
        Stroke { colour, width, dash: &[], opacity: 1.0 }
    }
}

/// Text with its baseline's reference point.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    pub at: [f64; 2],
    pub text: String,
    /// Pixels per em.
    pub size: f64,
    pub anchor: Anchor,
    pub colour: Colour,
    /// Reads upwards.
    pub upright: bool,
}

impl Text {
    /// Level text in the default ink.
    pub fn new(at: [f64; 2], text: impl Into<String>, size: f64, anchor: Anchor) -> Self {
        Text { at, text: text.into(), size, anchor, colour: INK, upright: false }
    }

    /// The same in another colour.
    pub fn colour(self, colour: Colour) -> Self {
        Text { colour, ..self }
    }

    /// The same reading upwards.
    pub fn upright(self) -> Self {
        Text { upright: true, ..self }
    }
}

/// Pixels to be laid on the page: red, green, blue, opacity each, rows from the top.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
    pub rgba: Vec<u8>,
}

/// Anything on a page. Coordinates are pixels, (0, 0) the page's upper left corner, y downwards.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    Line { points: Vec<[f64; 2]>, stroke: Stroke },
    Box { corner: [f64; 2], size: [f64; 2], fill: Colour, opacity: f64 },
    Disc { centre: [f64; 2], radius: f64, fill: Colour, rim: Stroke },
    Text(Text),
    Image(Image),
}

/// A white page with shapes on it, the last on top.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub width: u32,
    pub height: u32,
    /// Pixels per em of labels; everything else is in proportion.
    pub text_size: f64,
    pub shapes: Vec<Shape>,
}

/// The smallest and largest width and height of a page in pixels.
const SIZES: std::ops::RangeInclusive<u32> = 120..=6000;

impl Page {
    /// An empty page; refuses sizes outside 120 to 6000 pixels. Without a height it is as high as `natural`, given the
    /// text size, asks for, between a fifth and three quarters of the width.
    pub fn new(width: u32, height: Option<u32>, natural: impl FnOnce(f64) -> f64) -> Result<Page> {
        for (option, value) in [("plot width", Some(width)), ("plot height", height)] {
            if let Some(value) = value.filter(|v| !SIZES.contains(v)) {
                return Err(Error::Option {
                    option: option.into(),
                    value: value.to_string(),
                    what: format!("a picture has between {} and {} pixels a side", SIZES.start(), SIZES.end()),
                });
            }
        }
        let w = f64::from(width);
        let text_size = (w.min(height.map_or(w, |h| f64::from(h) * 1.6)) * 0.0145).max(9.0);
        let height =
            height.unwrap_or_else(|| natural(text_size).clamp((0.2 * w).max(120.0), (0.75 * w).max(120.0)) as u32);
        Ok(Page { width, height, text_size, shapes: Vec::new() })
    }

    /// A line from point to point.
    pub fn line(&mut self, points: impl Into<Vec<[f64; 2]>>, stroke: Stroke) {
        self.shapes.push(Shape::Line { points: points.into(), stroke });
    }

    /// Text.
    pub fn text(&mut self, text: Text) {
        if !text.text.is_empty() {
            self.shapes.push(Shape::Text(text));
        }
    }

    /// Writes the page to `path`, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        let content = match Format::of(path)? {
            Format::Png => png::encode(self),
            Format::Svg => svg::encode(self).into_bytes(),
        };
        write_atomic(path, |file| std::io::Write::write_all(file, &content))
    }
}

/// The file formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Png,
    Svg,
}

impl Format {
    /// The format that a name's ending asks for.
    pub fn of(path: &Path) -> Result<Format> {
        let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("png") => Ok(Format::Png),
            Some("svg") => Ok(Format::Svg),
            other => Err(Error::Option {
                option: "plot file".into(),
                value: path.display().to_string(),
                what: match other {
                    Some(other) => format!("pictures are written as .png or .svg, not .{other}"),
                    None => "the name must end in .png or .svg".into(),
                },
            }),
        }
    }
}
