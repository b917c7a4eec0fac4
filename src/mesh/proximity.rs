//! Points where they should not be: twice at the same place, or inside another cell's edge or face.

use rayon::prelude::*;

use super::Mesh;
use super::defects::Defects;
use super::geometry::Vec3;

/// Points with the coordinates of another one up to `tolerance`; the first defect is the pair with the smallest
/// numbers.
///
/// The points are sorted along x and cut where neighbours are further apart than the tolerance, then each piece along
/// y, then along z; what is still together is one place.
pub(super) fn duplicates(mesh: &Mesh, tolerance: f64) -> Defects {
    let mut numbers: Vec<u32> = (0..mesh.points.len() as u32).collect();
    let places = cut_along(mesh, &mut numbers, 0, tolerance);
    let mut pairs: Vec<[u32; 2]> = Vec::new();
    for mut place in places {
        place.sort_unstable();
        pairs.extend(place[1..].iter().map(|&twin| [place[0], twin]));
    }
    pairs.sort_unstable();
    let mut out = Defects::default();
    for pair in pairs {
        out.add(mesh, || (vec![], pair.to_vec()));
    }
    out
}

/// The places of two points or more among `points`, which coincide along the axes before `axis`.
fn cut_along(mesh: &Mesh, points: &mut [u32], axis: usize, tolerance: f64) -> Vec<Vec<u32>> {
    if points.len() < 2 || axis == 3 {
        return if points.len() < 2 { vec![] } else { vec![points.to_vec()] };
    }
    let at = |p: u32| mesh.points[p as usize][axis];
    let mut keyed: Vec<(f64, u32)> = points.iter().map(|&p| (at(p), p)).collect();
    keyed.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    for (p, k) in points.iter_mut().zip(&keyed) {
        *p = k.1;
    }
    let pieces: Vec<&mut [u32]> = points.chunk_by_mut(|&a, &b| at(b) - at(a) <= tolerance).collect();
    pieces.into_par_iter().flat_map_iter(|piece| cut_along(mesh, piece, axis + 1, tolerance)).collect()
}

/// How near to a facet a point must be to lie in it, in parts of the facet's longest edge.
const TOUCHING: f64 = 1e-8;

/// Points of `boundary` (the facets of one cell only) that lie in a facet of it without being its vertex: the marks of
/// a mesh whose neighbours do not match. The first point of a defect is the hanging one, the others are the facet's.
pub(super) fn hanging_nodes(mesh: &Mesh, boundary: &[u32]) -> Defects {
    let per_facet = mesh.dimension();
    let mut out = Defects::default();
    if per_facet < 2 {
        return out;
    }
    let mut vertices = boundary.to_vec();
    vertices.sort_unstable();
    vertices.dedup();
    let tree = KdTree::new(&mesh.points, vertices, if mesh.is_planar() { mesh.dimension() } else { 3 });
    let mut found: Vec<(u32, &[u32])> = boundary
        .par_chunks_exact(per_facet)
        .flat_map_iter(|facet| {
            let p: Vec<Vec3> = facet.iter().map(|&v| mesh.points[v as usize].into()).collect();
            let tolerance = TOUCHING * p.iter().flat_map(|a| p.iter().map(move |b| (a - b).norm())).fold(0.0, f64::max);
            let min = p.iter().fold(p[0], |m, q| m.inf(q)).add_scalar(-tolerance);
            let max = p.iter().fold(p[0], |m, q| m.sup(q)).add_scalar(tolerance);
            let mut inside = Vec::new();
            tree.visit_box(min.into(), max.into(), &mut |v| {
                if !facet.contains(&v) && lies_in(mesh.points[v as usize].into(), &p, tolerance) {
                    inside.push((v, facet));
                }
            });
            inside
        })
        .collect();
    found.sort_unstable();
    found.dedup_by_key(|f| f.0);
    for (point, facet) in found {
        out.add(mesh, || (vec![], [&[point], facet].concat()));
    }
    out
}

/// Whether `q` lies in the segment or triangle with the vertices `p`, up to `tolerance`, and at none of its vertices.
fn lies_in(q: Vec3, p: &[Vec3], tolerance: f64) -> bool {
    if p.iter().any(|v| (q - v).norm() <= tolerance) {
        return false;
    }
    let in_segment = |a: Vec3, b: Vec3| {
        let along = (b - a).normalize();
        let s = (q - a).dot(&along);
        s > 0.0 && s < (b - a).norm() && (q - a - s * along).norm() <= tolerance
    };
    match p {
        [a, b] => in_segment(*a, *b),
        [a, b, c] => {
            let normal = (b - a).cross(&(c - a)).normalize();
            let left_of = |u: &Vec3, v: &Vec3| (v - u).cross(&(q - u)).dot(&normal) > 0.0;
            let over = left_of(a, b) && left_of(b, c) && left_of(c, a);
            let near = (q - a).dot(&normal).abs() <= tolerance;
            over && near || in_segment(*a, *b) || in_segment(*b, *c) || in_segment(*c, *a)
        }
        _ => false,
    }
}

/// Points sorted for box queries: each slice is cut in the middle, along x, y (and z) in turn.
struct KdTree<'a> {
    points: &'a [[f64; 3]],
    order: Vec<u32>,
    axes: usize,
}

/// The slices that are searched one by one.
const LEAF: usize = 8;

impl<'a> KdTree<'a> {
    fn new(points: &'a [[f64; 3]], mut order: Vec<u32>, axes: usize) -> Self {
        split(points, &mut order, 0, axes);
        KdTree { points, order, axes }
    }

    /// Calls `visit` on every point of the box.
    fn visit_box(&self, min: [f64; 3], max: [f64; 3], visit: &mut dyn FnMut(u32)) {
        let inside = |p: &[f64; 3]| (0..self.axes).all(|a| p[a] >= min[a] && p[a] <= max[a]);
        let mut pending = vec![(0, self.order.len(), 0)];
        while let Some((start, end, axis)) = pending.pop() {
            if end - start <= LEAF {
                let leaf = &self.order[start..end];
                leaf.iter().filter(|&&v| inside(&self.points[v as usize])).for_each(|&v| visit(v));
                continue;
            }
            let middle = start + (end - start) / 2;
            let next = (axis + 1) % self.axes;
            let at = self.points[self.order[middle] as usize][axis];
            if min[axis] <= at {
                pending.push((start, middle, next));
            }
            if max[axis] >= at {
                pending.push((middle, end, next));
            }
        }
    }
}

fn split(points: &[[f64; 3]], order: &mut [u32], axis: usize, axes: usize) {
    if order.len() <= LEAF {
        return;
    }
    let at = |v: &u32| points[*v as usize][axis];
    let middle = order.len() / 2;
    order.select_nth_unstable_by(middle, |a, b| at(a).total_cmp(&at(b)).then(a.cmp(b)));
    let (low, high) = order.split_at_mut(middle);
    rayon::join(|| split(points, low, (axis + 1) % axes, axes), || split(points, high, (axis + 1) % axes, axes));
}
