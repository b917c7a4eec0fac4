//! A surface in space, seen from above and the side without perspective, lit from the upper left.

use super::colour::GREY;
use super::page::{Image, Page, Shape, Stroke, Text};
use super::raster::{Soup, rasterise};
use super::shade;
use super::text::Anchor;
use std::borrow::Cow;

/// Directions of the picture in space: right, up, towards the viewer.
#[derive(Debug, Clone, Copy)]
pub struct Camera {
    axes: [[f64; 3]; 3],
}

impl Camera {
    /// From azimuth −60° and 25° above the xy plane.
    pub fn standard() -> Camera {
        let (sin_a, cos_a) = (-60f64).to_radians().sin_cos();
        let (sin_e, cos_e) = 25f64.to_radians().sin_cos();
        let toward = [cos_e * cos_a, cos_e * sin_a, sin_e];
        Camera { axes: [[-sin_a, cos_a, 0.0], [-sin_e * cos_a, -sin_e * sin_a, cos_e], toward] }
    }

    /// Coordinates to the right, upwards and towards the viewer.
    fn view(&self, p: [f64; 3]) -> [f64; 3] {
        self.axes.map(|a| dot(a, p))
    }
}

/// Triangles in space with a field in [0, 1].
#[derive(Debug)]
pub struct Surface<'a> {
    pub points: &'a [[f64; 3]],
    pub value: &'a [f32],
    pub triangles: Cow<'a, [u32]>,
    pub camera: Camera,
}

impl Surface<'_> {
    /// Smallest and largest coordinates to the right and upwards.
    pub fn bounds(&self) -> [[f64; 2]; 2] {
        let mut bounds = [[f64::INFINITY, f64::NEG_INFINITY]; 2];
        for &v in self.triangles.iter() {
            let seen = self.camera.view(self.points[v as usize]);
            (0..2).for_each(|c| bounds[c] = [bounds[c][0].min(seen[c]), bounds[c][1].max(seen[c])]);
        }
        bounds
    }

    /// Draws the surface as large as fits into the room at `corner`, centred.
    pub fn draw(&self, page: &mut Page, corner: [f64; 2], room: [f64; 2], mesh_lines: bool) {
        let bounds = self.bounds();
        let extent = bounds.map(|[lo, hi]| hi - lo);
        let scale = (room[0] / extent[0]).min(room[1] / extent[1]);
        // A pixel of margin keeps the outline whole.
        let [width, height] = extent.map(|e| (e * scale).ceil() as usize + 2);
        let view = |p: &[f64; 3]| self.camera.view(*p);
        let soup = Soup {
            xy: self
                .points
                .iter()
                .map(view)
                .map(|p| [1.0 + (p[0] - bounds[0][0]) * scale, 1.0 + (bounds[1][1] - p[1]) * scale].map(|c| c as f32))
                .collect(),
            depth: self.points.iter().map(view).map(|p| (p[2] * scale) as f32).collect(),
            value: Cow::Borrowed(self.value),
            triangles: Cow::Borrowed(&self.triangles),
            shade: self.triangles.chunks_exact(3).map(|t| self.light(t)).collect(),
            seams: Vec::new(),
        };
        let image = shade::image(&rasterise(&soup, width, height, mesh_lines), width, height, &[]);
        let place = |c: usize, size: usize| (corner[c] + 0.5 * (room[c] - size as f64)).max(0.0) as usize;
        page.shapes.push(Shape::Image(Image { x: place(0, width), y: place(1, height), ..image }));
    }

    /// Lambert's law with both sides lit alike, over a floor that keeps colours readable.
    fn light(&self, triangle: &[u32]) -> u8 {
        let [a, b, c] = [triangle[0], triangle[1], triangle[2]].map(|v| self.points[v as usize]);
        let minus = |p: [f64; 3], q: [f64; 3]| [p[0] - q[0], p[1] - q[1], p[2] - q[2]];
        let (u, v) = (minus(b, a), minus(c, a));
        let normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        let [right, up, toward] = self.camera.axes;
        let lamp = [0, 1, 2].map(|i| toward[i] + 0.7 * up[i] - 0.4 * right[i]);
        let length = (dot(normal, normal) * dot(lamp, lamp)).sqrt();
        let cosine = if length > 0.0 { dot(normal, lamp).abs() / length } else { 1.0 };
        (255.0 * (0.58 + 0.42 * cosine)) as u8
    }
}

/// Draws the directions of x, y and z around `origin`.
pub fn draw_triad(page: &mut Page, camera: Camera, origin: [f64; 2]) {
    let em = page.text_size;
    for (c, name) in ["x", "y", "z"].into_iter().enumerate() {
        let [right, up, _] = camera.axes.map(|a| a[c]);
        let along = |length: f64| [origin[0] + right * length * em, origin[1] - up * length * em];
        page.line([origin, along(1.9)], Stroke::new(GREY, 0.09 * em));
        let [x, y] = along(2.4);
        page.text(Text::new([x, y + 0.28 * em], name, 0.85 * em, Anchor::Middle));
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
