//! Triangles to samples: edge functions in fixed point, so neighbours share no sample and leave no gap, two samples a
//! pixel in each direction, values interpolated linearly in each triangle, nearest surface kept.
//!
//! J. Pineda, "A parallel algorithm for polygon rasterization", SIGGRAPH 1988, doi:10.1145/54852.378457.
//! The picture is cut into bands of rows; each band draws its triangles in their order, so that the result does not
//! depend on the number of threads.

use rayon::prelude::*;
use std::borrow::Cow;

/// Samples a pixel in each direction.
pub const SAMPLES: usize = 2;
/// Fixed-point units a sample.
const UNIT: i64 = 256;
/// Rows of samples a band.
const BAND: usize = 32;
/// A mesh line's half width in samples.
const LINE_HALF_WIDTH: f32 = 0.8;

/// Triangles on the picture.
#[derive(Debug, Default)]
pub struct Soup<'a> {
    /// Vertices in pixels from the picture's upper left corner.
    pub xy: Vec<[f32; 2]>,
    /// Towards the viewer; empty where nothing covers anything.
    pub depth: Vec<f32>,
    /// The field in [0, 1] at the vertices.
    pub value: Cow<'a, [f32]>,
    /// Three vertices each.
    pub triangles: Cow<'a, [u32]>,
    /// Light on each triangle, 255 full; empty for full light everywhere.
    pub shade: Vec<u8>,
    /// Bit i is set where the edge opposite vertex i is no edge of the mesh; empty where all are.
    pub seams: Vec<u8>,
}

/// What is seen at one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The field in [0, 1]; NaN where nothing is.
    pub value: f32,
    /// Towards the viewer.
    pub depth: f32,
    /// Light, 255 full.
    pub shade: u8,
    /// Opacity of the mesh line here.
    pub line: u8,
}

const NOTHING: Sample = Sample { value: f32::NAN, depth: f32::NEG_INFINITY, shade: 255, line: 0 };

/// The samples of a picture of `width` x `height` pixels, rows from the top.
pub fn rasterise(soup: &Soup<'_>, width: usize, height: usize, mesh_lines: bool) -> Vec<Sample> {
    let (columns, rows) = (width * SAMPLES, height * SAMPLES);
    let fixed: Vec<[i32; 2]> =
        soup.xy.par_iter().map(|p| p.map(|c| (c * (SAMPLES as f32 * UNIT as f32)).round() as i32)).collect();
    let bands = sort_into_bands(&fixed, &soup.triangles, rows);
    let mut samples = vec![NOTHING; columns * rows];
    samples.par_chunks_mut((columns * BAND).max(1)).zip(&bands.starts[..]).enumerate().for_each(
        |(b, (out, &start))| {
            let mut band = Band { out, columns, first_row: b * BAND };
            for &t in &bands.triangles[start..bands.starts[b + 1]] {
                if let Some(triangle) = Triangle::new(soup, &fixed, t as usize, mesh_lines) {
                    band.draw(&triangle);
                }
            }
        },
    );
    samples
}

/// The triangles that touch each band: those of band b are `triangles[starts[b]..starts[b + 1]]`, in order.
struct Bands {
    starts: Vec<usize>,
    triangles: Vec<u32>,
}

fn sort_into_bands(fixed: &[[i32; 2]], triangles: &[u32], rows: usize) -> Bands {
    let count = rows.div_ceil(BAND);
    let last_row = rows as i64 - 1;
    let touched = |t: &[u32]| -> [u16; 2] {
        let [a, b, c] = [t[0], t[1], t[2]].map(|v| i64::from(fixed[v as usize][1]));
        let (first, last) = rows_of(a.min(b).min(c), a.max(b).max(c));
        let (first, last) = (first.max(0), last.min(last_row));
        if first > last { [1, 0] } else { [first, last].map(|row| (row as usize / BAND) as u16) }
    };
    let touched: Vec<[u16; 2]> = triangles.par_chunks_exact(3).map(touched).collect();
    let mut starts = vec![0usize; count + 1];
    for &[first, last] in &touched {
        for b in first..=last {
            starts[usize::from(b) + 1] += 1;
        }
    }
    for b in 0..count {
        starts[b + 1] += starts[b];
    }
    let mut next = starts.clone();
    let mut sorted = vec![0u32; starts[count]];
    for (t, &[first, last]) in touched.iter().enumerate() {
        for b in first..=last {
            sorted[next[usize::from(b)]] = t as u32;
            next[usize::from(b)] += 1;
        }
    }
    Bands { starts, triangles: sorted }
}

/// The first and last row whose middle lies between two fixed-point heights.
fn rows_of(low: i64, high: i64) -> (i64, i64) {
    ((low + UNIT / 2 - 1).div_euclid(UNIT), (high - UNIT / 2).div_euclid(UNIT))
}

/// A triangle ready to draw: edge functions e_i = c_i + x_i px + y_i py, positive inside, e_i zero on the edge opposite
/// vertex i, with e_0 + e_1 + e_2 = twice the area.
struct Triangle {
    edge: [[i64; 3]; 3],
    /// Subtracted so that a sample on a shared edge belongs to one side only.
    bias: [i64; 3],
    box_low: [i64; 2],
    box_high: [i64; 2],
    inverse_area: f32,
    value: [f32; 3],
    depth: Option<[f32; 3]>,
    shade: u8,
    /// For each edge, its opacity as a mesh line and samples per unit of e_i.
    lines: Option<[[f32; 2]; 3]>,
}

impl Triangle {
    fn new(soup: &Soup<'_>, fixed: &[[i32; 2]], t: usize, mesh_lines: bool) -> Option<Triangle> {
        let mut v = [0, 1, 2].map(|i| soup.triangles[3 * t + i] as usize);
        let mut seams = soup.seams.get(t).copied().unwrap_or(0);
        let point = |v: usize| fixed[v].map(i64::from);
        let twice_area = |[a, b, c]: [[i64; 2]; 3]| (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        let mut area = twice_area(v.map(point));
        if area < 0 {
            v.swap(1, 2);
            seams = (seams & 1) | (seams & 2) << 1 | (seams & 4) >> 1;
            area = -area;
        }
        if area == 0 {
            return None;
        }
        let p = v.map(point);
        let side = |i: usize| (p[(i + 1) % 3], p[(i + 2) % 3]);
        let edge = [0, 1, 2].map(|i| {
            let (a, b) = side(i);
            let [dx, dy] = [b[0] - a[0], b[1] - a[1]];
            [dy * a[0] - dx * a[1], -dy, dx]
        });
        let bias = edge.map(|[_, x, y]| i64::from(!(x < 0 || (x == 0 && y > 0))));
        let lengths = edge.map(|[_, x, y]| ((x * x + y * y) as f32).sqrt());
        let height = area as f32 / lengths[0].max(lengths[1]).max(lengths[2]);
        let lines = mesh_lines.then(|| {
            [0, 1, 2].map(|i| {
                let seam = seams >> i & 1 == 1;
                [if seam { 0.0 } else { line_opacity(lengths[i], height) }, 1.0 / (lengths[i] * UNIT as f32)]
            })
        });
        let low = |axis: usize| p[0][axis].min(p[1][axis]).min(p[2][axis]);
        let high = |axis: usize| p[0][axis].max(p[1][axis]).max(p[2][axis]);
        Some(Triangle {
            edge,
            bias,
            box_low: [low(0), low(1)],
            box_high: [high(0), high(1)],
            inverse_area: 1.0 / area as f32,
            value: v.map(|v| soup.value[v]),
            depth: (!soup.depth.is_empty()).then(|| v.map(|v| soup.depth[v])),
            shade: soup.shade.get(t).copied().unwrap_or(255),
            lines: lines.filter(|l| l.iter().any(|[opacity, _]| *opacity > 0.0)),
        })
    }

    /// The samples of the row at height `py` (fixed point) inside all edges, as a range of columns.
    fn span(&self, py: i64, columns: usize) -> (i64, i64) {
        let (mut first, mut last) = rows_of(self.box_low[0], self.box_high[0]);
        (first, last) = (first.max(0), last.min(columns as i64 - 1));
        for ([c, x, y], bias) in self.edge.iter().zip(self.bias) {
            // e(column) = at_zero + slope * column >= 0
            let at_zero = c + x * (UNIT / 2) + y * py - bias;
            let slope = x * UNIT;
            if slope > 0 {
                first = first.max((-at_zero + slope - 1).div_euclid(slope));
            } else if slope < 0 {
                last = last.min(at_zero.div_euclid(-slope));
            } else if at_zero < 0 {
                return (1, 0);
            }
        }
        (first, last)
    }
}

/// Mesh lines fade where cells are only a few pixels wide. Both in fixed-point units.
fn line_opacity(length: f32, height: f32) -> f32 {
    let [length, height] = [length, height].map(|l| l / (UNIT as usize * SAMPLES) as f32);
    ((length - 6.0) / 16.0).clamp(0.0, 1.0) * ((height - 2.0) / 5.0).clamp(0.0, 1.0)
}

struct Band<'a> {
    out: &'a mut [Sample],
    columns: usize,
    first_row: usize,
}

impl Band<'_> {
    fn draw(&mut self, t: &Triangle) {
        let rows = self.out.len() / self.columns;
        let (first, last) = rows_of(t.box_low[1], t.box_high[1]);
        let first = first.max(self.first_row as i64);
        let last = last.min((self.first_row + rows) as i64 - 1);
        for row in first..=last {
            let py = row * UNIT + UNIT / 2;
            let (from, to) = t.span(py, self.columns);
            let start = (row as usize - self.first_row) * self.columns;
            for column in from..=to {
                let px = column * UNIT + UNIT / 2;
                let e = t.edge.map(|[c, x, y]| (c + x * px + y * py) as f32);
                let mix = |v: [f32; 3]| (e[0] * v[0] + e[1] * v[1] + e[2] * v[2]) * t.inverse_area;
                let sample = &mut self.out[start + column as usize];
                let depth = t.depth.map_or(0.0, mix);
                if depth > sample.depth || t.depth.is_none() {
                    let line = t.lines.map_or(0, |lines| line_at(&lines, e));
                    *sample = Sample { value: mix(t.value), depth, shade: t.shade, line };
                }
            }
        }
    }
}

/// Opacity of the mesh lines at a sample with edge functions `e`.
fn line_at(lines: &[[f32; 2]; 3], e: [f32; 3]) -> u8 {
    let cover = |i: usize| lines[i][0] * (LINE_HALF_WIDTH + 0.5 - e[i] * lines[i][1]).clamp(0.0, 1.0);
    (cover(0).max(cover(1)).max(cover(2)) * 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fan of triangles around a point that covers the square [1, 9]² exactly.
    fn fan(n: usize) -> Soup<'static> {
        let mut xy = vec![[4.3, 5.9]];
        let corner = [[1.0, 1.0], [9.0, 1.0], [9.0, 9.0], [1.0, 9.0f32], [1.0, 1.0]];
        for side in 0..4 {
            for i in 0..n {
                let s = i as f32 / n as f32;
                xy.push([0, 1].map(|c| corner[side][c] * (1.0 - s) + corner[side + 1][c] * s));
            }
        }
        let rim = 4 * n as u32;
        let triangles: Vec<u32> = (0..rim).flat_map(|i| [0, 1 + i, 1 + (i + 1) % rim]).collect();
        let value = xy.iter().map(|p| p[0] / 10.0).collect::<Vec<f32>>().into();
        Soup { xy, value, triangles: triangles.into(), ..Soup::default() }
    }

    #[test]
    fn neighbours_leave_no_gap_and_share_no_sample() {
        let whole = fan(31);
        let mut hits = vec![0; 400];
        for t in whole.triangles.chunks_exact(3) {
            let one = Soup {
                triangles: t.to_vec().into(),
                xy: whole.xy.clone(),
                value: whole.value.clone(),
                ..Soup::default()
            };
            for (hit, sample) in hits.iter_mut().zip(rasterise(&one, 10, 10, false)) {
                *hit += usize::from(!sample.value.is_nan());
            }
        }
        for (i, hit) in hits.iter().enumerate() {
            let inside = (2..18).contains(&(i % 20)) && (2..18).contains(&(i / 20));
            assert_eq!(*hit, usize::from(inside), "sample {i}");
        }
    }

    #[test]
    fn values_are_linear_across_triangles() {
        for (i, s) in rasterise(&fan(5), 10, 10, false).iter().enumerate().filter(|(_, s)| !s.value.is_nan()) {
            let x = (i % 20) as f32 / 2.0 + 0.25;
            assert!((s.value - x / 10.0).abs() < 1e-3, "{i}: {}", s.value);
        }
    }

    #[test]
    fn the_nearest_surface_is_seen_in_any_order() {
        let mut soup = Soup {
            xy: vec![[0.0, 0.0], [20.0, 0.0], [0.0, 20.0], [0.0, 0.0], [20.0, 0.0], [0.0, 20.0]],
            depth: vec![1.0, 1.0, 1.0, 2.0, 2.0, 2.0],
            value: vec![0.1, 0.1, 0.1, 0.9, 0.9, 0.9].into(),
            triangles: vec![0, 1, 2, 3, 4, 5].into(),
            ..Soup::default()
        };
        assert!((rasterise(&soup, 4, 4, false)[9].value - 0.9).abs() < 1e-6);
        soup.triangles = vec![3, 5, 4, 0, 1, 2].into();
        assert!((rasterise(&soup, 4, 4, false)[9].value - 0.9).abs() < 1e-6);
    }

    #[test]
    fn triangles_off_the_picture_are_cut() {
        let soup = Soup {
            xy: vec![[-50.0, -70.0], [500.0, -70.0], [-50.0, 400.0]],
            value: vec![0.5; 3].into(),
            triangles: vec![0, 1, 2].into(),
            ..Soup::default()
        };
        assert!(rasterise(&soup, 7, 35, true).iter().all(|s| (s.value - 0.5).abs() < 1e-6));
    }

    #[test]
    fn threads_do_not_change_a_sample() {
        let soup = fan(400);
        let with = |n| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            pool.install(|| rasterise(&soup, 10, 100, true))
        };
        let bits = |samples: Vec<Sample>| samples.iter().map(|s| (s.value.to_bits(), s.line)).collect::<Vec<_>>();
        assert_eq!(bits(with(1)), bits(with(4)));
    }
}
