//! Voxel grids of meshes: a cell is inside where its centre is.
//!
//! Triangles in a plane z = const and tetrahedra are filled one by one. Triangles in space must be a closed surface: a
//! centre is inside where a ray along the last direction crosses it an odd number of times. Edges are looked at from their lower
//! vertex, so a ray through an edge crosses exactly one of its two triangles.

use super::{Scene, VoxelGrid};
use crate::error::{Error, Result};
use crate::mesh::{Mesh, topology::boundary_facets};
use rayon::prelude::*;

/// How a mesh becomes a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Voxelize {
    /// Cells along the mesh's longest side (default 64).
    pub cells: usize,
    /// Layers of cells around it (default 1).
    pub padding: usize,
    /// What cells inside are (default [`FLUID`](super::FLUID)).
    pub inside: u8,
    /// What cells outside are (default [`AIR`](super::AIR)).
    pub outside: u8,
}

impl Default for Voxelize {
    fn default() -> Self {
        Voxelize { cells: 64, padding: 1, inside: super::FLUID, outside: super::AIR }
    }
}

/// Where the cells' centres lie.
struct Frame {
    corner: [f64; 3],
    side: f64,
    n: [usize; 3],
}

impl Frame {
    fn centre(&self, d: usize, i: usize) -> f64 {
        self.corner[d] + (i as f64 + 0.5) * self.side
    }

    /// The cells whose centres lie between `low` and `high`.
    fn range(&self, d: usize, low: f64, high: f64) -> std::ops::Range<usize> {
        let cell = |x: f64| (x - self.corner[d]) / self.side - 0.5;
        let first = cell(low).ceil().max(0.0) as usize;
        first.min(self.n[d])..((cell(high).floor() + 1.0).max(0.0) as usize).min(self.n[d])
    }
}

impl Voxelize {
    /// The grid of `mesh`, whose directions are x, y and z, with b = h² in fluid that touches air (−Δp = 1) and 0 elsewhere.
    ///
    /// Errors: intervals; a surface that is not closed; no extent; too many cells; no fluid.
    pub fn scene(&self, mesh: &Mesh) -> Result<Scene> {
        let (frame, flat) = self.frame(mesh)?;
        let inside = match (mesh.dimension(), flat) {
            (3, _) => fill(mesh, &frame, 3),
            (2, true) => fill(mesh, &frame, 2),
            _ => cast_rays(mesh, &frame)?,
        };
        let flags = inside.into_iter().map(|inside| if inside { self.inside } else { self.outside }).collect();
        let sides = if flat { &frame.n[..2] } else { &frame.n[..] };
        let mut grid = VoxelGrid::new(sides, flags)?;
        grid.spacing = frame.side;
        let components = super::Components::of(&grid);
        let open = |label: &Option<u32>| label.is_some_and(|l| components.list()[l as usize].touches_air);
        let rhs = components.labels().iter().map(|l| if open(l) { frame.side * frame.side } else { 0.0 }).collect();
        Scene::new(grid, rhs)
    }

    /// Where the cells lie, and whether the mesh is in a plane z = const.
    fn frame(&self, mesh: &Mesh) -> Result<(Frame, bool)> {
        let refuse = |what: &str, help: &str| Err(Error::Mesh { what: what.into(), help: help.into() });
        if mesh.dimension() < 2 || mesh.cells.is_empty() {
            return refuse("a mesh of intervals or without cells has no inside", "give triangles or tetrahedra");
        }
        let mut bounds = [[f64::INFINITY, f64::NEG_INFINITY]; 3];
        for p in mesh.cells.iter().map(|v| &mesh.points[*v as usize]) {
            (0..3).for_each(|d| bounds[d] = [bounds[d][0].min(p[d]), bounds[d][1].max(p[d])]);
        }
        let extent = bounds.map(|[low, high]| high - low);
        let longest = extent.iter().copied().fold(0.0, f64::max);
        if !(longest > 0.0 && longest.is_finite()) || self.cells == 0 {
            return refuse("a mesh without extent, or no cells asked for", "check the coordinates and --cells");
        }
        let flat = mesh.dimension() == 2 && extent[2] == 0.0;
        let side = longest / self.cells as f64;
        let directions = if flat { 2 } else { 3 };
        let n = std::array::from_fn(|d| match d < directions {
            true => ((extent[d] / side).ceil() as usize).max(1) + 2 * self.padding,
            false => 1,
        });
        let cells = n.iter().try_fold(1usize, |c, n| c.checked_mul(*n)).filter(|c| *c < u32::MAX as usize);
        if cells.is_none() {
            return refuse("more than 2^32 cells", "ask for fewer along the longest side");
        }
        let corner = std::array::from_fn(|d| {
            let slack = n[d] as f64 * side - extent[d];
            if d < directions { bounds[d][0] - 0.5 * slack } else { bounds[d][0] - 0.5 * side }
        });
        Ok((Frame { corner, side, n }, flat))
    }
}

/// Cells whose centres lie in a simplex of the mesh, in `d` dimensions.
fn fill(mesh: &Mesh, frame: &Frame, d: usize) -> Vec<bool> {
    let [_, n1, n2] = frame.n;
    let mut inside = vec![false; frame.n.iter().product()];
    for simplex in mesh.cells.chunks_exact(d + 1) {
        let p: Vec<[f64; 3]> = simplex.iter().map(|v| mesh.points[*v as usize]).collect();
        let range = |e: usize| {
            let bound = |pick: fn(f64, f64) -> f64, start: f64| p.iter().map(|p| p[e]).fold(start, pick);
            frame.range(e, bound(f64::min, f64::INFINITY), bound(f64::max, f64::NEG_INFINITY))
        };
        let m = nalgebra::Matrix3::from_fn(|r, c| match (r < d, c < d) {
            (true, true) => p[c + 1][r] - p[0][r],
            _ => f64::from(u8::from(r == c)),
        });
        let Some(inverse) = m.try_inverse() else { continue };
        let ranges = [range(0), range(1), if d == 3 { range(2) } else { 0..1 }];
        for (i, j) in ranges[0].clone().flat_map(|i| ranges[1].clone().map(move |j| (i, j))) {
            for k in ranges[2].clone() {
                let x = [frame.centre(0, i), frame.centre(1, j), frame.centre(2, k)];
                let away = nalgebra::Vector3::from_fn(|r, _| if r < d { x[r] - p[0][r] } else { 0.0 });
                let w = inverse * away;
                let rest = 1.0 - (0..d).map(|r| w[r]).sum::<f64>();
                // A centre on a face between two simplices is in one of them, whatever rounding says.
                inside[(i * n1 + j) * n2 + k] |= rest >= -1e-12 && (0..d).all(|r| w[r] >= -1e-12);
            }
        }
    }
    inside
}

/// Cells whose centres lie within a closed surface.
fn cast_rays(mesh: &Mesh, frame: &Frame) -> Result<Vec<bool>> {
    let open = boundary_facets(mesh).len() / 2;
    if open > 0 {
        return Err(Error::Mesh {
            what: format!("a surface with {open} edges that belong to one triangle only: it is not closed"),
            help: "close the surface, or give a volume mesh".into(),
        });
    }
    let [n0, n1, n2] = frame.n;
    // Crossings of the ray through each column of cells.
    let mut crossings: Vec<Vec<f64>> = vec![Vec::new(); n0 * n1];
    for t in mesh.cells.chunks_exact(3) {
        let p = [0, 1, 2].map(|v| mesh.points[t[v] as usize]);
        let range = |d: usize| frame.range(d, p[0][d].min(p[1][d]).min(p[2][d]), p[0][d].max(p[1][d]).max(p[2][d]));
        for (i, j) in range(0).flat_map(|i| range(1).map(move |j| (i, j))) {
            let x = [frame.centre(0, i), frame.centre(1, j)];
            let sides = [0, 1, 2].map(|e| left_of(x, [t[e], t[(e + 1) % 3]], [p[e], p[(e + 1) % 3]]));
            if sides[0] == sides[1] && sides[1] == sides[2] {
                crossings[i * n1 + j].push(height(x, p));
            }
        }
    }
    let column = |crossings: &mut Vec<f64>| -> Vec<bool> {
        crossings.sort_by(f64::total_cmp);
        (0..n2).map(|k| crossings.partition_point(|z| *z < frame.centre(2, k)) % 2 == 1).collect()
    };
    Ok(crossings.par_iter_mut().flat_map_iter(column).collect())
}

/// Whether `x` lies left of the edge, seen from above; on it, left of the edge from its lower vertex to its higher.
fn left_of(x: [f64; 2], vertices: [u32; 2], p: [[f64; 3]; 2]) -> bool {
    let upwards = vertices[0] < vertices[1];
    let [a, b] = if upwards { p } else { [p[1], p[0]] };
    let left = (b[0] - a[0]) * (x[1] - a[1]) - (b[1] - a[1]) * (x[0] - a[0]) >= 0.0;
    left == upwards
}

/// z of the triangle's plane above `x`.
fn height(x: [f64; 2], [a, b, c]: [[f64; 3]; 3]) -> f64 {
    let cross = |p: [f64; 3], q: [f64; 3]| (p[0] - x[0]) * (q[1] - x[1]) - (p[1] - x[1]) * (q[0] - x[0]);
    let w = [cross(b, c), cross(c, a), cross(a, b)];
    let sum = w[0] + w[1] + w[2];
    if sum == 0.0 { a[2] } else { (w[0] * a[2] + w[1] * b[2] + w[2] * c[2]) / sum }
}
