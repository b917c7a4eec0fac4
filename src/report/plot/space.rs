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
    points: &'a [[f64; 3]],
    value: &'a [f32],
    triangles: Cow<'a, [u32]>,
    pub camera: Camera,
    /// Smallest and largest coordinates to the right and upwards.
    bounds: [[f64; 2]; 2],
}

impl<'a> Surface<'a> {
    /// Looks at the triangles.
    pub fn new(points: &'a [[f64; 3]], value: &'a [f32], triangles: Cow<'a, [u32]>, camera: Camera) -> Self {
        let mut bounds = [[f64::INFINITY, f64::NEG_INFINITY]; 2];
        for &v in triangles.iter() {
            let seen = camera.view(points[v as usize]);
            (0..2).for_each(|c| bounds[c] = [bounds[c][0].min(seen[c]), bounds[c][1].max(seen[c])]);
        }
        Surface { points, value, triangles, camera, bounds }
    }

    /// Width and height in the mesh's unit of length.
    pub fn extent(&self) -> [f64; 2] {
        self.bounds.map(|[lo, hi]| hi - lo)
    }

    /// The largest size in pixels within `room`.
    pub fn fit(&self, room: [f64; 2]) -> [f64; 2] {
        self.extent().map(|e| e * self.scale(room))
    }

    fn scale(&self, room: [f64; 2]) -> f64 {
        let [across, up] = self.extent();
        (room[0] / across).min(room[1] / up)
    }

    /// Draws the surface as large as fits into the room at `corner`.
    pub fn draw(&self, page: &mut Page, corner: [f64; 2], room: [f64; 2], mesh_lines: bool) {
        let scale = self.scale(room);
        // A pixel of margin keeps the outline whole.
        let [width, height] = self.fit(room).map(|s| s.ceil() as usize + 2);
        let [[left, _], [_, top]] = self.bounds;
        let seen: Vec<[f64; 3]> = self.points.iter().map(|p| self.camera.view(*p)).collect();
        let soup = Soup {
            xy: seen
                .iter()
                .map(|p| [(p[0] - left) * scale + 1.0, (top - p[1]) * scale + 1.0].map(|c| c as f32))
                .collect(),
            depth: seen.iter().map(|p| (p[2] * scale) as f32).collect(),
            value: Cow::Borrowed(self.value),
            triangles: Cow::Borrowed(&self.triangles),
            shade: self.triangles.chunks_exact(3).map(|t| self.light(t)).collect(),
            seams: Vec::new(),
        };
        let image = shade::image(&rasterise(&soup, width, height, mesh_lines), width, height, &[]);
        let [x, y] = corner.map(|c| (c - 1.0).max(0.0) as usize);
        page.shapes.push(Shape::Image(Image { x, y, ..image }));
    }

    /// Lambert's law with both sides lit alike, over a floor that keeps colours readable.
    fn light(&self, triangle: &[u32]) -> u8 {
        let [a, b, c] = [triangle[0], triangle[1], triangle[2]].map(|v| self.points[v as usize]);
        let minus = |p: [f64; 3], q: [f64; 3]| [p[0] - q[0], p[1] - q[1], p[2] - q[2]];
        let (u, v) = (minus(b, a), minus(c, a));
        let normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        let [right, up, toward] = self.camera.axes;
        let lamp = [0, 1, 2].map(|i| toward[i] + 0.5 * up[i] - 0.15 * right[i]);
        let length = (dot(normal, normal) * dot(lamp, lamp)).sqrt();
        let cosine = if length > 0.0 { dot(normal, lamp).abs() / length } else { 1.0 };
        (255.0 * (0.5 + 0.5 * cosine)) as u8
    }
}

/// Draws the directions of x, y and z around `origin`.
pub fn draw_triad(page: &mut Page, camera: Camera, origin: [f64; 2]) {
    let em = page.text_size;
    for (c, name) in ["x", "y", "z"].into_iter().enumerate() {
        let [right, up, _] = camera.axes.map(|a| a[c]);
        let along = |length: f64| [origin[0] + right * length * em, origin[1] - up * length * em];
        page.line([origin, along(2.3)], Stroke::new(GREY, 0.09 * em));
        let [x, y] = along(2.85);
        page.text(Text::new([x, y + 0.28 * em], name, 0.85 * em, Anchor::Middle));
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
