//! Measures and places: volumes of cells and simplices, centroids, extents.
//!
//! A simplex of dimension d with vertices p_0..p_d has the measure √det(EᵀE) / d!, E = [p_1 − p_0, …, p_d − p_0]
//! (its length, area or volume in whatever space it lies), and in R^d the signed volume det E / d!.

use rayon::prelude::*;

use super::Mesh;

/// A point or a vector.
pub(super) type Vec3 = nalgebra::Vector3<f64>;

/// Cells or points a partial sum; fixed, so that sums do not depend on the number of threads.
const SUM_BLOCK: usize = 4096;

/// Length, area or volume of the simplex with these vertices (one to four); 1 for a point.
pub fn simplex_measure(vertices: &[[f64; 3]]) -> f64 {
    let e = |i: usize| Vec3::from(vertices[i]) - Vec3::from(vertices[0]);
    match vertices.len() {
        0 => 0.0,
        1 => 1.0,
        2 => e(1).norm(),
        3 => e(1).cross(&e(2)).norm() / 2.0,
        _ => e(1).dot(&e(2).cross(&e(3))).abs() / 6.0,
    }
}

/// The mean of these points.
pub fn centroid(vertices: &[[f64; 3]]) -> [f64; 3] {
    let sum: Vec3 = vertices.iter().map(|&p| Vec3::from(p)).sum();
    (sum / vertices.len().max(1) as f64).into()
}

/// The smallest axis-parallel box around a mesh.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Bounds {
    /// Smallest x, y, z.
    pub min: [f64; 3],
    /// Largest x, y, z.
    pub max: [f64; 3],
}

impl Bounds {
    /// The longest side.
    pub fn size(&self) -> f64 {
        (0..3).map(|a| self.max[a] - self.min[a]).fold(0.0, f64::max)
    }
}

impl Mesh {
    /// Coordinates of the vertices of cell `c`; the first `dimension + 1` count.
    #[inline]
    pub fn cell_points(&self, c: usize) -> [[f64; 3]; 4] {
        let mut out = [[0.0; 3]; 4];
        for (p, &v) in out.iter_mut().zip(self.cell(c)) {
            *p = self.points[v as usize];
        }
        out
    }

    /// Length, area or volume of cell `c`, wherever it lies in space; not negative.
    pub fn cell_measure(&self, c: usize) -> f64 {
        simplex_measure(&self.cell_points(c)[..=self.dimension()])
    }

    /// det E / d! of cell `c` in the first d coordinates: positive for a cell that is not inverted, where the mesh
    /// [is planar](Mesh::is_planar).
    #[inline]
    pub fn signed_volume(&self, c: usize) -> f64 {
        let p = self.cell_points(c);
        let e = |i: usize, a: usize| p[i][a] - p[0][a];
        match self.dimension() {
            1 => e(1, 0),
            2 => (e(1, 0) * e(2, 1) - e(1, 1) * e(2, 0)) / 2.0,
            _ => {
                let e = |i: usize| Vec3::from(p[i]) - Vec3::from(p[0]);
                e(1).dot(&e(2).cross(&e(3))) / 6.0
            }
        }
    }

    /// The mean of the vertices of cell `c`.
    pub fn cell_centroid(&self, c: usize) -> [f64; 3] {
        centroid(&self.cell_points(c)[..=self.dimension()])
    }

    /// Whether the coordinates beyond the mesh's own dimension are constant: all z of triangles, all y and z of
    /// intervals. A mesh for which this is false is a curve or a surface in space; its cells have no sign.
    pub fn is_planar(&self) -> bool {
        let Some(first) = self.points.first() else { return true };
        let d = self.dimension();
        self.points.par_iter().all(|p| p[d..] == first[d..])
    }

    /// The extent of the points; zeros where there are none.
    pub fn bounds(&self) -> Bounds {
        let none = Bounds { min: [f64::INFINITY; 3], max: [f64::NEG_INFINITY; 3] };
        let join = |a: Bounds, b: Bounds| Bounds {
            min: std::array::from_fn(|i| a.min[i].min(b.min[i])),
            max: std::array::from_fn(|i| a.max[i].max(b.max[i])),
        };
        let points = self.points.par_chunks(SUM_BLOCK);
        let parts = points.map(|c| c.iter().fold(none, |b, &p| join(b, Bounds { min: p, max: p })));
        if self.points.is_empty() { Bounds { min: [0.0; 3], max: [0.0; 3] } } else { parts.reduce(|| none, join) }
    }

    /// Length, area or volume of the whole mesh.
    pub fn measure(&self) -> f64 {
        blocked_sum(self.cell_count(), |c| self.cell_measure(c))
    }
}

/// Σ f(i) for i below `count`, summed in fixed blocks: the same bits for any number of threads.
pub(super) fn blocked_sum(count: usize, f: impl Fn(usize) -> f64 + Sync) -> f64 {
    let blocks: Vec<f64> = (0..count.div_ceil(SUM_BLOCK))
        .into_par_iter()
        .map(|b| (b * SUM_BLOCK..((b + 1) * SUM_BLOCK).min(count)).map(&f).sum())
        .collect();
    blocks.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::CellKind;

    fn one_cell(kind: CellKind, points: &[[f64; 3]]) -> Mesh {
        Mesh { points: points.to_vec(), kind, cells: (0..points.len() as u32).collect(), groups: vec![] }
    }

    #[test]
    fn volumes_carry_the_sign_of_the_orientation() {
        let p = [[1., 1., 2.], [3., 1., 2.], [1., 4., 2.], [1., 1., 6.]];
        for (kind, volume) in [(CellKind::Interval, 2.0), (CellKind::Triangle, 3.0), (CellKind::Tetrahedron, 4.0)] {
            let mut mesh = one_cell(kind, &p[..=kind.dimension()]);
            assert!(mesh.is_planar());
            assert_eq!((mesh.signed_volume(0), mesh.measure()), (volume, volume));
            mesh.cells.swap(0, 1);
            assert_eq!((mesh.signed_volume(0), mesh.measure()), (-volume, volume));
        }
    }

    #[test]
    fn a_tilted_triangle_has_its_true_area() {
        let mesh = one_cell(CellKind::Triangle, &[[0., 0., 0.], [1., 0., 1.], [0., 1., 0.]]);
        assert!(!mesh.is_planar());
        assert!((mesh.measure() - 0.5f64.sqrt()).abs() < 1e-15);
        assert_eq!(mesh.cell_centroid(0), [1. / 3., 1. / 3., 1. / 3.]);
        assert_eq!(mesh.bounds(), Bounds { min: [0.; 3], max: [1.; 3] });
        assert_eq!(mesh.bounds().size(), 1.0);
    }
}
