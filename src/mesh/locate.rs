//! Which cell a point lies in, and values of a linear field there.

use super::Mesh;
use super::geometry::Vec3;
use rayon::prelude::*;

/// Barycentric coordinates down to this count as inside: rounding.
const TOUCHING: f64 = -1e-10;

/// A mesh with its cells sorted into buckets: a lattice of boxes over the mesh, about one a cell.
#[derive(Debug, Clone)]
pub struct Locator {
    mesh: Mesh,
    low: [f64; 3],
    /// Buckets a unit of length, and their numbers.
    per_length: f64,
    counts: [usize; 3],
    /// The cells that reach into bucket b: `cells[starts[b]..starts[b + 1]]`.
    starts: Vec<u32>,
    cells: Vec<u32>,
}

impl Locator {
    /// Sorts the cells of a mesh that [is planar](Mesh::is_planar) and not empty.
    pub fn new(mesh: Mesh) -> Self {
        let (bounds, d) = (mesh.bounds(), mesh.dimension());
        let extent: [f64; 3] = std::array::from_fn(|k| bounds.max[k] - bounds.min[k]);
        let box_size: f64 = extent[..d].iter().product();
        let per_length = (mesh.cell_count() as f64 / box_size).powf(1.0 / d as f64);
        let counts = std::array::from_fn(|k| if k < d { ((extent[k] * per_length).ceil() as usize).max(1) } else { 1 });
        let mut out = Locator { low: bounds.min, per_length, counts, starts: Vec::new(), cells: Vec::new(), mesh };
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for c in 0..out.mesh.cell_count() {
            let corners = out.mesh.cell_points(c);
            let corners = &corners[..=d];
            let reach = |k: usize, f: fn(f64, f64) -> f64| corners.iter().map(|p| p[k]).reduce(f).unwrap_or(0.0);
            let from = out.bucket(std::array::from_fn(|k| reach(k, f64::min)));
            let to = out.bucket(std::array::from_fn(|k| reach(k, f64::max)));
            out.each_bucket(from, to, |b| pairs.push((b as u32, c as u32)));
        }
        pairs.sort_unstable();
        let mut starts = vec![0u32; counts.iter().product::<usize>() + 1];
        pairs.iter().for_each(|p| starts[p.0 as usize + 1] += 1);
        super::incidence::sum_up(&mut starts);
        out.starts = starts;
        out.cells = pairs.into_iter().map(|p| p.1).collect();
        out
    }

    /// The mesh.
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// The cell at a point and the point's barycentric coordinates in it, none negative, of sum 1. For a point outside: those of a
    /// cell nearby, the negative ones cut off.
    pub fn find(&self, point: [f64; 3]) -> (usize, [f64; 4]) {
        let at = self.bucket(point);
        let most = self.counts.into_iter().max().unwrap_or(1);
        let mut best = (0, [0.0; 4], f64::NEG_INFINITY);
        for ring in 0..=most {
            let from = at.map(|i| i.saturating_sub(ring));
            let to = std::array::from_fn(|k| (at[k] + ring).min(self.counts[k] - 1));
            self.each_bucket(from, to, |b| {
                for &c in &self.cells[self.starts[b] as usize..self.starts[b + 1] as usize] {
                    let lambda = self.barycentric(c as usize, point);
                    let least = lambda[..=self.mesh.dimension()].iter().fold(f64::INFINITY, |m, &l| m.min(l));
                    if least > best.2 {
                        best = (c as usize, lambda, least);
                    }
                }
            });
            // A bucket further out may hold a nearer cell than the first one found.
            if best.2 >= TOUCHING || (best.2 > f64::NEG_INFINITY && ring > 0) {
                break;
            }
        }
        let lambda = best.1.map(|l| l.max(0.0));
        let sum: f64 = lambda.iter().sum();
        (best.0, lambda.map(|l| l / sum))
    }

    /// The linear field of these values at the mesh's points, at `point`.
    pub fn value(&self, values: &[f64], point: [f64; 3]) -> f64 {
        let (c, lambda) = self.find(point);
        self.mesh.cell(c).iter().zip(lambda).map(|(&v, l)| l * values[v as usize]).sum()
    }

    /// `out[i] <-` [`Self::value`] at `points[i]`.
    pub fn interpolate(&self, values: &[f64], points: &[[f64; 3]], out: &mut [f64]) {
        out.par_iter_mut().zip(points).with_min_len(256).for_each(|(out, &p)| *out = self.value(values, p));
    }

    fn bucket(&self, p: [f64; 3]) -> [usize; 3] {
        // `as` brings what is below the lattice, or NaN, to 0.
        std::array::from_fn(|k| (((p[k] - self.low[k]) * self.per_length) as usize).min(self.counts[k] - 1))
    }

    fn each_bucket(&self, from: [usize; 3], to: [usize; 3], mut visit: impl FnMut(usize)) {
        for z in from[2]..=to[2] {
            for y in from[1]..=to[1] {
                for x in from[0]..=to[0] {
                    visit((z * self.counts[1] + y) * self.counts[0] + x);
                }
            }
        }
    }

    fn barycentric(&self, c: usize, point: [f64; 3]) -> [f64; 4] {
        let p = self.mesh.cell_points(c).map(Vec3::from);
        let (r, e) = (Vec3::from(point) - p[0], |i: usize| p[i] - p[0]);
        let l: [f64; 3] = match self.mesh.dimension() {
            1 => [r.x / e(1).x, 0.0, 0.0],
            2 => {
                let cross = |a: Vec3, b: Vec3| a.x * b.y - a.y * b.x;
                let det = cross(e(1), e(2));
                [cross(r, e(2)) / det, cross(e(1), r) / det, 0.0]
            }
            _ => {
                let det = e(1).dot(&e(2).cross(&e(3)));
                [r.dot(&e(2).cross(&e(3))) / det, e(1).dot(&r.cross(&e(3))) / det, e(1).dot(&e(2).cross(&r)) / det]
            }
        };
        [1.0 - l[0] - l[1] - l[2], l[0], l[1], l[2]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::shapes::built_in;

    /// Linear fields are reproduced inside; outside values stay within those of the field.
    #[test]
    fn linear_fields_are_reproduced() {
        for name in ["interval:7", "graded_square:9", "l_shape:5", "cube:3", "ball:3"] {
            let mesh = built_in(name).unwrap().unwrap();
            let field = |p: &[f64; 3]| 1.0 + 2.0 * p[0] - p[1] + 0.5 * p[2];
            let values: Vec<f64> = mesh.points.iter().map(field).collect();
            let inside: Vec<[f64; 3]> = (0..mesh.cell_count()).map(|c| mesh.cell_centroid(c)).collect();
            let locator = Locator::new(mesh.clone());
            for points in [&inside, &mesh.points] {
                let mut out = vec![0.0; points.len()];
                locator.interpolate(&values, points, &mut out);
                assert!(points.iter().zip(&out).all(|(p, v)| (field(p) - v).abs() < 1e-9), "{name}");
            }
            let mut out = [0.0];
            locator.interpolate(&values, &[[9.0, 9.0, 9.0]], &mut out);
            let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
            assert!((low..=high).contains(&out[0]));
        }
    }
}
