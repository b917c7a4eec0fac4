//! A field in a plane: shaded triangles in a frame with equal scales.

use super::axes::{self, Axis, Frame};
use super::colour::{INK, WHITE};
use super::page::{Image, Page, Shape, Text};
use super::raster::{Soup, rasterise};
use super::shade;
use super::text::Anchor;
use super::ticks::Scale;
use std::borrow::Cow;

/// Domains longer than this times their width are stretched, so that there is something to see.
const LONGEST: f64 = 20.0;

/// Triangles in a plane with a field in [0, 1].
#[derive(Debug)]
pub struct Flat<'a> {
    pub points: Vec<[f64; 2]>,
    pub value: Cow<'a, [f32]>,
    pub triangles: Cow<'a, [u32]>,
    pub seams: Vec<u8>,
    /// Smallest and largest of both coordinates.
    pub bounds: [[f64; 2]; 2],
    /// The coordinates' names.
    pub names: [&'a str; 2],
    /// Signs at places of note.
    pub marks: Vec<([f64; 2], &'static str)>,
}

impl Flat<'_> {
    /// Width and height in proportion, and how often the shorter one is stretched.
    pub fn shape(&self) -> ([f64; 2], [f64; 2]) {
        let extent = self.bounds.map(|[lo, hi]| hi - lo);
        let least = extent[0].max(extent[1]) / LONGEST;
        let shape = extent.map(|e| if e > least { e } else { least });
        (shape, [0, 1].map(|c| shape[c] / extent[c]))
    }

    /// The largest size within `room` that keeps the proportions, in whole pixels.
    pub fn fit(&self, room: [f64; 2]) -> [f64; 2] {
        let (shape, _) = self.shape();
        let scale = (room[0] / shape[0]).min(room[1] / shape[1]);
        shape.map(|s| (s * scale).round().max(1.0))
    }

    /// The axis of a coordinate.
    pub fn axis(&self, c: usize) -> Axis {
        Axis { scale: Scale::linear(self.bounds[c][0], self.bounds[c][1]), label: self.names[c].into() }
    }

    /// `",   y stretched ×5.0"` where scales are not equal.
    pub fn stretch_note(&self) -> String {
        let stretched = self.shape().1.into_iter().zip(self.names).find(|(s, _)| *s > 1.05 && s.is_finite());
        stretched.map_or(String::new(), |(s, name)| {
            format!(",   {name} stretched ×{}", if s < 10.0 { format!("{s:.1}") } else { format!("{s:.0}") })
        })
    }

    /// Room needed left of the frame.
    pub fn left_margin(&self, height: f64, text_size: f64) -> f64 {
        axes::left_margin(&self.axis(1), height, text_size)
    }

    /// Draws the field, its iso-lines and its axes; `corner` and `size` in whole pixels.
    pub fn draw(&self, page: &mut Page, corner: [f64; 2], size: [f64; 2], levels: &[f32], mesh_lines: bool) {
        let frame = Frame { corner, size, x: self.axis(0), y: self.axis(1) };
        let local = Frame { corner: [0.0; 2], ..frame.clone() };
        let [width, height] = size.map(|s| s as usize);
        let soup = Soup {
            xy: self.points.iter().map(|&p| local.place(p).map(|c| c as f32)).collect(),
            value: Cow::Borrowed(&self.value),
            triangles: Cow::Borrowed(&self.triangles),
            seams: self.seams.clone(),
            ..Soup::default()
        };
        let image = shade::image(&rasterise(&soup, width, height, mesh_lines), width, height, levels);
        page.shapes.push(Shape::Image(Image { x: corner[0] as usize, y: corner[1] as usize, ..image }));
        frame.draw(page);
        let em = page.text_size;
        for &(at, sign) in &self.marks {
            let [x, y] = frame.place(at);
            for (colour, size) in [(WHITE, 1.25 * em), (INK, 0.85 * em)] {
                page.text(Text::new([x, y + 0.36 * size], sign, size, Anchor::Middle).colour(colour));
            }
        }
    }
}
