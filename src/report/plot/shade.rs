//! Samples to pixels: colours of values, iso-lines, mesh lines and outlines, averaged over each pixel's samples.

use super::colour::{Colour, INK, WHITE, viridis_table};
use super::page::Image;
use super::raster::{SAMPLES, Sample};
use rayon::prelude::*;

/// Entries of the colour table.
const COLOURS: usize = 1024;
/// An iso-line's half width in samples.
const ISO_HALF_WIDTH: f32 = 0.75;
/// A change of light from one sample to the next that is drawn as an edge.
const RIDGE_LIGHT: u8 = 18;
/// A step in depth, in pixels, that is drawn as an edge.
const RIDGE_DEPTH: f32 = 5.0;
/// Slopes per sample below this are flat: no iso-line crosses there.
const FLAT: f32 = 1e-5;

/// Turns the samples of a picture of `width` x `height` pixels into an image at (0, 0). `levels` are the values of the
/// iso-lines.
pub fn image(samples: &[Sample], width: usize, height: usize, levels: &[f32]) -> Image {
    let colours = viridis_table(COLOURS);
    let view = View { samples, columns: width * SAMPLES, rows: height * SAMPLES, colours: &colours, levels };
    let mut rgba = vec![0u8; width * height * 4];
    rgba.par_chunks_mut((width * 4).max(1)).enumerate().for_each(|(y, row)| {
        for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
            pixel.copy_from_slice(&view.pixel(x, y));
        }
    });
    Image { x: 0, y: 0, width, height, rgba }
}

/// The colour of a value in [0, 1].
pub fn colour_of(value: f32, colours: &[Colour]) -> Colour {
    colours[(value.clamp(0.0, 1.0) * (colours.len() - 1) as f32).round() as usize]
}

struct View<'a> {
    samples: &'a [Sample],
    columns: usize,
    rows: usize,
    colours: &'a [Colour],
    levels: &'a [f32],
}

impl View<'_> {
    fn pixel(&self, x: usize, y: usize) -> [u8; 4] {
        let mut sum = [0.0f32; 3];
        let mut covered = 0;
        for j in 0..SAMPLES {
            for i in 0..SAMPLES {
                if let Some(colour) = self.colour(x * SAMPLES + i, y * SAMPLES + j) {
                    covered += 1;
                    (0..3).for_each(|c| sum[c] += colour[c]);
                }
            }
        }
        if covered == 0 {
            return [0; 4];
        }
        let [r, g, b] = sum.map(|s| (s / covered as f32).round() as u8);
        [r, g, b, (covered * 255 / (SAMPLES * SAMPLES)) as u8]
    }

    fn value(&self, column: usize, row: usize) -> f32 {
        if column < self.columns && row < self.rows {
            self.samples[row * self.columns + column].value
        } else {
            f32::NAN
        }
    }

    fn colour(&self, column: usize, row: usize) -> Option<[f32; 3]> {
        let sample = self.samples[row * self.columns + column];
        if sample.value.is_nan() {
            return None;
        }
        let light = f32::from(sample.shade) / 255.0;
        let mut colour = colour_of(sample.value, self.colours).map(|c| f32::from(c) * light);
        blend(&mut colour, WHITE, 0.35 * f32::from(sample.line) / 255.0);
        // wrapping: left of column 0 is outside like right of the last one
        let [left, right] = [self.value(column.wrapping_sub(1), row), self.value(column + 1, row)];
        let [up, down] = [self.value(column, row.wrapping_sub(1)), self.value(column, row + 1)];
        if let Some((level, cover)) =
            self.iso_line(sample.value, slope(left, sample.value, right), slope(up, sample.value, down))
        {
            blend(&mut colour, if level > 0.55 { INK } else { WHITE }, 0.75 * cover);
        }
        if [left, right, up, down].iter().any(|v| v.is_nan()) {
            blend(&mut colour, INK, 0.7);
        } else if self.is_ridge(column, row) {
            blend(&mut colour, INK, 0.35);
        }
        Some(colour)
    }

    /// Whether a surface has an edge here, or hides another: light or depth jump. Inside the picture only.
    fn is_ridge(&self, column: usize, row: usize) -> bool {
        let at = |c: usize, r: usize| self.samples[r * self.columns + c];
        let here = at(column, row);
        let jumps = |before: Sample, after: Sample| {
            let bend = before.depth + after.depth - 2.0 * here.depth;
            here.shade.abs_diff(after.shade) > RIDGE_LIGHT || bend > RIDGE_DEPTH
        };
        jumps(at(column - 1, row), at(column + 1, row)) || jumps(at(column, row - 1), at(column, row + 1))
    }

    /// The iso-line nearest to a sample with this value and slopes, and how much of the sample it covers.
    fn iso_line(&self, value: f32, dx: f32, dy: f32) -> Option<(f32, f32)> {
        let nearest = self.levels.iter().copied().min_by(|a, b| (a - value).abs().total_cmp(&(b - value).abs()))?;
        let steepness = dx.hypot(dy);
        let cover = ISO_HALF_WIDTH + 0.5 - (nearest - value).abs() / steepness;
        (steepness > FLAT && cover > 0.0).then_some((nearest, cover.min(1.0)))
    }
}

/// The slope per sample from those neighbours that there are.
fn slope(before: f32, here: f32, after: f32) -> f32 {
    match (before.is_nan(), after.is_nan()) {
        (false, false) => 0.5 * (after - before),
        (false, true) => here - before,
        (true, false) => after - here,
        (true, true) => 0.0,
    }
}

fn blend(colour: &mut [f32; 3], over: Colour, opacity: f32) {
    for (c, over) in colour.iter_mut().zip(over) {
        *c += (f32::from(over) - *c) * opacity;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plot::colour::viridis;

    fn samples(width: usize, height: usize, value: impl Fn(usize, usize) -> f32) -> Vec<Sample> {
        let at = |i: usize| value(i % (2 * width), i / (2 * width));
        (0..4 * width * height).map(|i| Sample { value: at(i), depth: 0.0, shade: 255, line: 0 }).collect()
    }

    #[test]
    fn an_even_field_has_its_colour() {
        let image = image(&samples(9, 9, |_, _| 0.5), 9, 9, &[0.5]);
        let middle = &image.rgba[(4 * 9 + 4) * 4..][..4];
        let expected = viridis(0.5);
        assert!((0..3).all(|c| middle[c].abs_diff(expected[c]) <= 1) && middle[3] == 255, "{middle:?}");
    }

    #[test]
    fn half_covered_pixels_are_half_opaque() {
        let image = image(&samples(3, 3, |x, _| if x < 3 { 0.2 } else { f32::NAN }), 3, 3, &[]);
        let alpha: Vec<u8> = image.rgba[12..24].chunks_exact(4).map(|p| p[3]).collect();
        assert_eq!(alpha, [255, 127, 0]);
    }

    #[test]
    fn iso_lines_are_where_the_value_is() {
        let draw = |levels: &[f32]| image(&samples(40, 5, |x, _| x as f32 / 80.0), 40, 5, levels).rgba;
        let (plain, lined) = (draw(&[]), draw(&[0.25]));
        let differs = |x: &usize| plain[(80 + x) * 4..][..4] != lined[(80 + x) * 4..][..4];
        assert_eq!((0..40).filter(differs).collect::<Vec<_>>(), [9, 10]);
    }
}
