//! A page as PNG: anti-aliased vectors over the shaded field.

use super::colour::Colour;
use super::page::{Image, Page, Shape, Stroke};
use super::text;
use tiny_skia::{FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, StrokeDash, Transform};

/// The page as a PNG file with 8 bits each of red, green and blue.
pub fn encode(page: &Page) -> Vec<u8> {
    let pixels = paint(page);
    let rgb: Vec<u8> = pixels.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    compress(pixels.width(), pixels.height(), png::ColorType::Rgb, &rgb)
}

/// Pixels of red, green, blue, opacity as a PNG file.
pub fn encode_rgba(width: usize, height: usize, rgba: &[u8]) -> Vec<u8> {
    compress(width as u32, height as u32, png::ColorType::Rgba, rgba)
}

fn compress(width: u32, height: u32, colour: png::ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    // Writing to memory fails only where sizes and pixels disagree, and both come from one image.
    let mut writer = encoder.write_header().expect("the size of a page is valid");
    writer.write_image_data(pixels).expect("as many pixels as the header says");
    writer.finish().expect("memory takes every byte");
    out
}

/// Paints the shapes on white.
fn paint(page: &Page) -> Pixmap {
    let mut pixels = Pixmap::new(page.width, page.height).expect("page sizes are limited on construction");
    pixels.fill(tiny_skia::Color::WHITE);
    for shape in &page.shapes {
        match shape {
            Shape::Line { points, stroke: s } => {
                if let Some(path) = polyline(points) {
                    stroke(&mut pixels, &path, s);
                }
            }
            Shape::Box { corner: [x, y], size: [w, h], fill, opacity } => {
                if let Some(rect) = Rect::from_xywh(*x as f32, *y as f32, *w as f32, *h as f32) {
                    fill_path(&mut pixels, &PathBuilder::from_rect(rect), *fill, *opacity);
                }
            }
            Shape::Disc { centre: [x, y], radius, fill, rim } => {
                if let Some(path) = PathBuilder::from_circle(*x as f32, *y as f32, *radius as f32) {
                    fill_path(&mut pixels, &path, *fill, 1.0);
                    stroke(&mut pixels, &path, rim);
                }
            }
            Shape::Text(t) => {
                if let Some(path) = text::outline(&t.text, t.size, t.anchor, t.at, t.upright) {
                    fill_path(&mut pixels, &path, t.colour, 1.0);
                }
            }
            Shape::Image(image) => lay(&mut pixels, image),
        }
    }
    pixels
}

fn paint_of([r, g, b]: Colour, opacity: f64) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(r, g, b, (opacity.clamp(0.0, 1.0) * 255.0).round() as u8);
    paint
}

fn polyline(points: &[[f64; 2]]) -> Option<Path> {
    let mut builder = PathBuilder::with_capacity(points.len(), points.len());
    let (first, rest) = points.split_first()?;
    builder.move_to(first[0] as f32, first[1] as f32);
    for p in rest {
        builder.line_to(p[0] as f32, p[1] as f32);
    }
    builder.finish()
}

fn fill_path(pixels: &mut Pixmap, path: &Path, colour: Colour, opacity: f64) {
    pixels.fill_path(path, &paint_of(colour, opacity), FillRule::Winding, Transform::identity(), None);
}

fn stroke(pixels: &mut Pixmap, path: &Path, s: &Stroke) {
    let stroke = tiny_skia::Stroke {
        width: s.width as f32,
        line_cap: LineCap::Butt,
        line_join: LineJoin::Round,
        dash: StrokeDash::new(s.dash.iter().map(|&d| d as f32).collect(), 0.0),
        ..Default::default()
    };
    pixels.stroke_path(path, &paint_of(s.colour, s.opacity), &stroke, Transform::identity(), None);
}

/// Blends an image over the page; what lies outside the page is left out.
fn lay(pixels: &mut Pixmap, image: &Image) {
    let (page_width, page_height) = (pixels.width() as usize, pixels.height() as usize);
    let columns = image.width.min(page_width.saturating_sub(image.x));
    let rows = image.height.min(page_height.saturating_sub(image.y));
    let data = pixels.data_mut();
    for row in 0..rows {
        let from = &image.rgba[row * image.width * 4..][..columns * 4];
        let to = &mut data[((image.y + row) * page_width + image.x) * 4..][..columns * 4];
        for (from, to) in from.chunks_exact(4).zip(to.chunks_exact_mut(4)) {
            let alpha = u32::from(from[3]);
            for c in 0..3 {
                to[c] = ((u32::from(from[c]) * alpha + u32::from(to[c]) * (255 - alpha) + 127) / 255) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_covers_its_pixels_and_no_other() {
        let mut page = Page::new(120, Some(120), |_| 0.0).unwrap();
        page.shapes.push(Shape::Box { corner: [10.0, 20.0], size: [5.0, 6.0], fill: [1, 2, 3], opacity: 1.0 });
        let pixels = paint(&page);
        let at = |x, y| pixels.pixel(x, y).map(|p| [p.red(), p.green(), p.blue()]);
        assert_eq!(at(10, 20), Some([1, 2, 3]));
        assert_eq!(at(14, 25), Some([1, 2, 3]));
        assert_eq!(at(15, 25), Some([255; 3]));
        assert_eq!(at(14, 26), Some([255; 3]));
    }

    #[test]
    fn images_are_clipped_at_the_page() {
        let mut page = Page::new(120, Some(120), |_| 0.0).unwrap();
        let rgba = [[9, 9, 9, 255]; 16].concat();
        page.shapes.push(Shape::Image(Image { x: 118, y: 119, width: 4, height: 4, rgba }));
        assert_eq!(paint(&page).pixel(119, 119).map(|p| p.red()), Some(9));
    }
}
