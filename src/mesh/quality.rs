//! How good a mesh is: angles, aspect ratios, lengths, and every defect that can be found by looking.
//!
//! Aspect ratio of a simplex in dimension d: R / (d r), R the circumradius and r the inradius; 1 for the regular one.
//! - Triangle with sides a, b, c and area A: R = abc / 4A, r = 2A / (a + b + c).
//! - Tetrahedron with volume V, faces of total area S and the products p, q, s of opposite edges' lengths:
//!   R = √(σ(σ − p)(σ − q)(σ − s)) / 6V with σ = (p + q + s) / 2 (Crelle), r = 3V / S.
//!
//! Angles are those at the vertices of a triangle and the dihedral ones at the edges of a tetrahedron.

use rayon::prelude::*;
use serde::Serialize;

use super::defects::{FacetDefects, cell_signs, cells_of_sign, facet_defects};
use super::geometry::{Bounds, Vec3, blocked_sum, simplex_measure};
use super::incidence::local_facets;
use super::proximity::{duplicates, hanging_nodes};
use super::topology::{Parts, boundary_facets, connected_parts, edges};
use super::{CellKind, Mesh};

pub use super::defects::{Defect, Defects, check};

/// The size of a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupQuality {
    /// Its name.
    pub name: String,
    /// 0 points, 1 edges, 2 triangles, 3 tetrahedra.
    pub dimension: usize,
    /// Number of its points, edges, triangles or tetrahedra.
    pub members: usize,
    /// Their total length, area or volume; their number for points.
    pub measure: f64,
}

/// All that `filet mesh info` says about a mesh. Lengths are in the mesh's unit, angles in degrees.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// Topological dimension.
    pub dimension: usize,
    /// Number of cells.
    pub cells: usize,
    /// Number of points.
    pub points: usize,
    /// Number of edges.
    pub edges: usize,
    /// Number of facets of one cell only.
    pub boundary_facets: usize,
    /// Extent.
    pub bounds: Bounds,
    /// Total length, area or volume.
    pub measure: f64,
    /// Smallest angle; none in one dimension.
    pub min_angle: Option<f64>,
    /// Median over the cells of the cell's smallest angle.
    pub median_angle: Option<f64>,
    /// Largest aspect ratio; infinite (`null` in JSON) where a cell is flat.
    pub max_aspect: Option<f64>,
    /// Median aspect ratio.
    pub median_aspect: Option<f64>,
    /// Length of the shortest edge.
    pub min_edge: f64,
    /// Length of the longest edge.
    pub max_edge: f64,
    /// Mean length of an edge.
    pub mean_edge: f64,
    /// Cells without volume (1e-12 of the longest edge to the power of the dimension, or less).
    pub flat_cells: Defects,
    /// Cells of negative volume: triangles listed clockwise.
    pub reversed_cells: Defects,
    /// Facets whose two cells lie on the same side of it, whatever the order of their vertices: one of them is inverted
    /// or they overlap.
    pub folded_facets: Defects,
    /// Facets of more than two cells.
    pub branching_facets: Defects,
    /// Points with the coordinates of another one, up to 1e-12 of the mesh's size.
    pub duplicate_points: Defects,
    /// Points inside an edge or face of a cell they do not belong to.
    pub hanging_nodes: Defects,
    /// Points of no cell.
    pub loose_points: usize,
    /// Pieces that share no point.
    pub parts: usize,
    /// The groups.
    pub groups: Vec<GroupQuality>,
    /// Boundary facets in no group.
    pub ungrouped_boundary_facets: usize,
}

/// Looks at everything. Vertex numbers must be below the number of points, as readers and [`check`] see to.
pub fn quality(mesh: &Mesh) -> Quality {
    let signs = cell_signs(mesh);
    let FacetDefects { folded, branching } = facet_defects(mesh, &signs);
    let boundary = boundary_facets(mesh);
    let Parts { count: parts, of_points } = connected_parts(mesh);
    let lengths = EdgeLengths::new(mesh);
    let bounds = mesh.bounds();
    let (angles, aspects) = cell_shapes(mesh);
    Quality {
        dimension: mesh.dimension(),
        cells: mesh.cell_count(),
        points: mesh.points.len(),
        edges: lengths.count,
        boundary_facets: boundary.len() / mesh.dimension(),
        bounds,
        measure: mesh.measure(),
        min_angle: angles.iter().copied().reduce(f64::min).map(f64::to_degrees),
        median_angle: median(angles).map(f64::to_degrees),
        max_aspect: aspects.iter().copied().reduce(f64::max),
        median_aspect: median(aspects),
        min_edge: lengths.min,
        max_edge: lengths.max,
        mean_edge: lengths.mean,
        flat_cells: cells_of_sign(mesh, &signs, 0),
        reversed_cells: cells_of_sign(mesh, &signs, -1),
        folded_facets: folded,
        branching_facets: branching,
        duplicate_points: duplicates(mesh, 1e-12 * bounds.size()),
        hanging_nodes: hanging_nodes(mesh, &boundary),
        loose_points: of_points.iter().filter(|&&p| p == Parts::NONE).count(),
        parts,
        groups: mesh.groups.iter().map(|g| group_quality(mesh, g)).collect(),
        ungrouped_boundary_facets: ungrouped(mesh, &boundary),
    }
}

/// Smallest angle in degrees; none in one dimension.
pub fn min_angle(mesh: &Mesh) -> Option<f64> {
    cell_shapes(mesh).0.into_iter().reduce(f64::min).map(f64::to_degrees)
}

/// The smallest angle (radians) and the aspect ratio of every cell; none in one dimension.
fn cell_shapes(mesh: &Mesh) -> (Vec<f64>, Vec<f64>) {
    match mesh.kind {
        CellKind::Interval => Default::default(),
        CellKind::Triangle => (0..mesh.cell_count()).into_par_iter().map(|c| triangle_shape(&corners(mesh, c))).unzip(),
        CellKind::Tetrahedron => {
            (0..mesh.cell_count()).into_par_iter().map(|c| tetrahedron_shape(&corners(mesh, c))).unzip()
        }
    }
}

fn corners(mesh: &Mesh, c: usize) -> [Vec3; 4] {
    mesh.cell_points(c).map(Vec3::from)
}

/// Smallest angle (radians) and aspect ratio of a triangle.
fn triangle_shape(p: &[Vec3; 4]) -> (f64, f64) {
    let twice_area = (p[1] - p[0]).cross(&(p[2] - p[0])).norm();
    let mut angle = f64::INFINITY;
    for i in 0..3 {
        let cosine = (p[(i + 1) % 3] - p[i]).dot(&(p[(i + 2) % 3] - p[i]));
        angle = angle.min(twice_area.atan2(cosine));
    }
    let [a, b, c] = [(1, 2), (2, 0), (0, 1)].map(|(i, j)| (p[j] - p[i]).norm());
    // R / 2r = (abc / 4A) / (4A / (a + b + c))
    (angle, finite_or_infinite(a * b * c * (a + b + c) / (4.0 * twice_area.powi(2))))
}

/// Smallest dihedral angle (radians) and aspect ratio of a tetrahedron.
fn tetrahedron_shape(p: &[Vec3; 4]) -> (f64, f64) {
    let normals: Vec<Vec3> = local_facets(CellKind::Tetrahedron)
        .iter()
        .map(|f| f.map(|i| p[i as usize]))
        .map(|[a, b, c]| (b - a).cross(&(c - a)) / 2.0)
        .collect();
    let mut angle = f64::INFINITY;
    for (i, u) in normals.iter().enumerate() {
        // The angle inside is π less the one between the outward normals.
        angle = normals[..i].iter().map(|v| u.cross(v).norm().atan2(-u.dot(v))).fold(angle, f64::min);
    }
    let length = |i: usize, j: usize| (p[j] - p[i]).norm();
    let [a, b, c] = [length(0, 1) * length(2, 3), length(0, 2) * length(1, 3), length(0, 3) * length(1, 2)];
    let s = (a + b + c) / 2.0;
    let volume = (p[1] - p[0]).dot(&(p[2] - p[0]).cross(&(p[3] - p[0]))).abs() / 6.0;
    let surface: f64 = normals.iter().map(Vec3::norm).sum();
    let circumradius = (s * (s - a) * (s - b) * (s - c)).max(0.0).sqrt() / (6.0 * volume);
    (angle, finite_or_infinite(circumradius * surface / (9.0 * volume)))
}

/// 0/0 of a cell shrunk to a point is as bad as x/0.
fn finite_or_infinite(x: f64) -> f64 {
    if x.is_nan() { f64::INFINITY } else { x }
}

/// The middle value, the upper one of two.
fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

struct EdgeLengths {
    count: usize,
    min: f64,
    max: f64,
    mean: f64,
}

impl EdgeLengths {
    fn new(mesh: &Mesh) -> Self {
        let edges = edges(mesh).vertices;
        let length = |&[a, b]: &[u32; 2]| simplex_measure(&[mesh.points[a as usize], mesh.points[b as usize]]);
        EdgeLengths {
            count: edges.len(),
            min: edges.par_iter().map(length).reduce_with(f64::min).unwrap_or(0.0),
            max: edges.par_iter().map(length).reduce_with(f64::max).unwrap_or(0.0),
            mean: blocked_sum(edges.len(), |e| length(&edges[e])) / edges.len().max(1) as f64,
        }
    }
}

fn group_quality(mesh: &Mesh, group: &super::Group) -> GroupQuality {
    let (members, measure) = if group.dimension == mesh.dimension() {
        let cells = &group.members;
        (cells.len(), blocked_sum(cells.len(), |i| mesh.cell_measure(cells[i] as usize)))
    } else {
        let n = group.dimension + 1;
        let members = group.members.len() / n;
        let simplex = |i: usize| {
            let places: Vec<_> = group.members[i * n..(i + 1) * n].iter().map(|&v| mesh.points[v as usize]).collect();
            simplex_measure(&places)
        };
        (members, blocked_sum(members, simplex))
    };
    GroupQuality { name: group.name.clone(), dimension: group.dimension, members, measure }
}

/// Number of boundary facets in no group.
fn ungrouped(mesh: &Mesh, boundary: &[u32]) -> usize {
    let n = mesh.dimension();
    let key = |facet: &[u32]| {
        let mut key = [0; 3];
        key[..n].copy_from_slice(facet);
        key[..n].sort_unstable();
        key
    };
    let of_facets = mesh.groups.iter().filter(|g| g.dimension + 1 == n);
    let mut grouped: Vec<[u32; 3]> = of_facets.flat_map(|g| g.members.chunks_exact(n)).map(key).collect();
    grouped.par_sort_unstable();
    boundary.par_chunks_exact(n).filter(|f| grouped.binary_search(&key(f)).is_err()).count()
}
