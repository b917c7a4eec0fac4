//! Who touches whom: boundary facets, edges, cells around a vertex, connected parts.
//!
//! Every function is linear in the mesh (up to sorting the few facets around one vertex), takes vertex numbers below
//! `mesh.points.len()` for granted, and gives the same answer for any number of threads.

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

pub use super::around::cells_around;
use super::incidence::{local_edges, local_facets, sum_up, visit_ranges};
use super::{CellKind, Mesh};

/// The facets that belong to exactly one cell: points of an interval mesh, edges, triangles. Flat, `mesh.dimension()`
/// vertices each, in ascending order of their sorted vertices.
///
/// They are oriented outward for cells of positive volume: edges run counter-clockwise around their cell, so
/// (t_y, −t_x) points outward for the edge vector t; triangles are counter-clockwise seen from outside.
pub fn boundary_facets(mesh: &Mesh) -> Vec<u32> {
    boundary_facets_among(mesh, &cells_around(&mesh.cells, mesh.kind.vertices(), mesh.points.len()))
}

/// [`boundary_facets`] where the cells around each vertex, as [`cells_around`] gives them, are known.
pub fn boundary_facets_among(mesh: &Mesh, around: &(Vec<u32>, Vec<u32>)) -> Vec<u32> {
    match mesh.kind {
        CellKind::Interval => lone_facets::<0>(mesh, around),
        CellKind::Triangle => lone_facets::<1>(mesh, around),
        CellKind::Tetrahedron => lone_facets::<2>(mesh, around),
    }
}

/// Vertices whose facets one task compares.
const VERTICES: usize = 4096;

/// Compares the facets around each vertex that is the smallest of theirs.
fn lone_facets<const R: usize>(mesh: &Mesh, (offsets, cells): &(Vec<u32>, Vec<u32>)) -> Vec<u32> {
    let table = local_facets(mesh.kind);
    let tasks = mesh.points.len().div_ceil(VERTICES);
    let parts: Vec<Vec<u32>> = (0..tasks)
        .into_par_iter()
        .map(|task| {
            let (mut out, mut facets) = (Vec::new(), Vec::new());
            for v in task * VERTICES..((task + 1) * VERTICES).min(mesh.points.len()) {
                facets.clear();
                for &c in &cells[offsets[v] as usize..offsets[v + 1] as usize] {
                    facets_above::<R>(mesh.cell(c as usize), v as u32, |rest, opposite| {
                        facets.push((rest, c, opposite))
                    });
                }
                facets.sort_unstable_by_key(|(rest, ..)| *rest);
                for facet in facets.chunk_by(|a, b| a.0 == b.0) {
                    if let [(_, c, opposite)] = facet {
                        let cell = mesh.cell(*c as usize);
                        let local = table.iter().find(|local| !local[..=R].contains(opposite));
                        out.extend(local.iter().flat_map(|local| &local[..=R]).map(|&i| cell[i as usize]));
                    }
                }
            }
            out
        })
        .collect();
    parts.concat()
}

/// Visits the facets of a cell whose smallest vertex is `v`: their other vertices, ascending, and the local number of the
/// cell's vertex that is not theirs.
#[inline]
fn facets_above<const R: usize>(cell: &[u32], v: u32, mut visit: impl FnMut([u32; R], u8)) {
    for opposite in 0..R + 2 {
        if cell[opposite] == v {
            continue;
        }
        let (mut rest, mut found) = ([0; R], 0);
        for (i, &w) in cell.iter().enumerate() {
            if i != opposite && w != v {
                rest[found] = w;
                found += 1;
            }
        }
        if R == 2 && rest[0] > rest[R - 1] {
            rest.swap(0, R - 1);
        }
        if rest.first().is_none_or(|&low| low > v) {
            visit(rest, opposite as u8);
        }
    }
}

/// All edges of a mesh, numbered in ascending order of their vertices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edges {
    /// The two vertices of each edge, the smaller first; in ascending order.
    pub vertices: Vec<[u32; 2]>,
    /// The edges of each cell, flat. Local order: interval (0,1); triangle (0,1) (1,2) (2,0); tetrahedron (0,1) (1,2)
    /// (2,0) (0,3) (1,3) (2,3), as in VTK's quadratic cells.
    pub of_cells: Vec<u32>,
    /// The edges whose smaller vertex is v are `starts[v]..starts[v + 1]`.
    starts: Vec<u32>,
}

impl Edges {
    /// Number of the edge between vertices `a` and `b`.
    pub fn find(&self, a: u32, b: u32) -> Option<u32> {
        let (low, high) = (a.min(b) as usize, a.max(b));
        let start = *self.starts.get(low)?;
        let end = *self.starts.get(low + 1)?;
        let among = &self.vertices[start as usize..end as usize];
        among.binary_search_by_key(&high, |e| e[1]).ok().map(|i| start + i as u32)
    }

    /// Edges of cell `c` of a mesh of this kind.
    pub fn of_cell(&self, kind: CellKind, c: usize) -> &[u32] {
        let n = local_edges(kind).len();
        &self.of_cells[c * n..(c + 1) * n]
    }
}

/// Numbers the edges of a mesh.
pub fn edges(mesh: &Mesh) -> Edges {
    let table = local_edges(mesh.kind);
    let ranks: Vec<AtomicU32> = (0..mesh.cell_count() * table.len()).map(|_| AtomicU32::new(0)).collect();
    // First the rank of each edge among those of its smaller vertex, then, with `starts` known, its number.
    let parts = visit_ranges::<1, _>(mesh, table, |range| {
        let mut vertices: Vec<[u32; 2]> = Vec::with_capacity(range.incidences.len() / 2 + 1);
        let (mut low, mut rank) = (u32::MAX, 0);
        for edge in range.shared() {
            rank = if edge[0].low() == low { rank + 1 } else { 0 };
            low = edge[0].low();
            for x in edge {
                ranks[x.cell as usize * table.len() + x.local()].store(rank, Ordering::Relaxed);
            }
            vertices.push([range.first + low, edge[0].rest[0]]);
        }
        vertices
    });
    let vertices = parts.concat();
    let mut starts = vec![0u32; mesh.points.len() + 1];
    for e in &vertices {
        starts[e[0] as usize + 1] += 1;
    }
    sum_up(&mut starts);
    let mut of_cells: Vec<u32> = ranks.into_iter().map(AtomicU32::into_inner).collect();
    let n = mesh.kind.vertices();
    of_cells.par_chunks_exact_mut(table.len()).zip(mesh.cells.par_chunks_exact(n)).for_each(|(numbers, cell)| {
        for (number, local) in numbers.iter_mut().zip(table) {
            *number += starts[cell[local[0] as usize].min(cell[local[1] as usize]) as usize];
        }
    });
    Edges { vertices, of_cells, starts }
}

/// The pieces of a mesh that share no vertex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// How many there are, points of no cell not counted.
    pub count: usize,
    /// The part of each point, numbered in the order of their first points; [`Parts::NONE`] for a point of no cell.
    pub of_points: Vec<u32>,
}

impl Parts {
    /// The part number of a point that belongs to no cell.
    pub const NONE: u32 = u32::MAX;
}

/// Finds the connected parts of a mesh.
pub fn connected_parts(mesh: &Mesh) -> Parts {
    // Every point follows the smallest vertex of its cells, and that one its own, down to a root: few sets are left, which
    // the cells across them unite. Parents never lie above their children, so one ascending sweep finds all roots.
    let vertices = mesh.kind.vertices();
    let mut parents: Vec<u32> = (0..mesh.points.len() as u32).collect();
    let mut used = vec![false; mesh.points.len()];
    for cell in mesh.cells.chunks_exact(vertices) {
        let low = cell.iter().fold(u32::MAX, |low, &v| low.min(v));
        for &v in cell {
            let parent = &mut parents[v as usize];
            *parent = low.min(*parent);
            used[v as usize] = true;
        }
    }
    follow(&mut parents);
    let across: Vec<[u32; 2]> = mesh
        .cells
        .par_chunks_exact(vertices)
        .with_min_len(4096)
        .flat_map_iter(|cell| {
            let root = parents[cell[0] as usize];
            let others = cell[1..].iter().map(|&v| parents[v as usize]);
            others.filter_map(move |other| (other != root).then_some([root, other]))
        })
        .collect();
    for [a, b] in across {
        unite(&mut parents, a, b);
    }
    follow(&mut parents);
    let mut count = 0;
    for (v, used) in used.into_iter().enumerate() {
        let parent = parents[v] as usize;
        parents[v] = match (used, parent == v) {
            (false, _) => Parts::NONE,
            (true, false) => parents[parent],
            (true, true) => {
                count += 1;
                count as u32 - 1
            }
        };
    }
    Parts { count, of_points: parents }
}

/// Makes every point's root its parent; no parent lies above its child.
fn follow(parents: &mut [u32]) {
    for v in 0..parents.len() {
        parents[v] = parents[parents[v] as usize];
    }
}

/// Puts the sets of `a` and `b` together; the smaller root stays one.
fn unite(parents: &mut [u32], mut a: u32, mut b: u32) {
    for v in [&mut a, &mut b] {
        while parents[*v as usize] != *v {
            let grandparent = parents[parents[*v as usize] as usize];
            parents[*v as usize] = grandparent;
            *v = grandparent;
        }
    }
    parents[a.max(b) as usize] = a.min(b);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The unit square as two triangles and, apart from it, one more triangle with a loose point before it.
    fn triangles() -> Mesh {
        let xy = [[0., 0.], [1., 0.], [1., 1.], [0., 1.], [9., 9.], [2., 0.], [3., 0.], [2., 1.]];
        Mesh {
            points: xy.iter().map(|p| [p[0], p[1], 0.0]).collect(),
            kind: CellKind::Triangle,
            cells: vec![0, 1, 2, 0, 2, 3, 5, 6, 7],
            groups: vec![],
        }
    }

    fn tetrahedra() -> Mesh {
        Mesh {
            points: vec![[0., 0., 0.], [1., 0., 0.], [0., 1., 0.], [0., 0., 1.], [1., 1., 1.]],
            kind: CellKind::Tetrahedron,
            cells: vec![0, 1, 2, 3, 1, 4, 2, 3],
            groups: vec![],
        }
    }

    #[test]
    fn boundary_edges_run_counter_clockwise() {
        assert_eq!(boundary_facets(&triangles()), [0, 1, 3, 0, 1, 2, 2, 3, 5, 6, 7, 5, 6, 7]);
    }

    #[test]
    fn boundary_triangles_face_outward() {
        let mesh = tetrahedra();
        let facets = boundary_facets(&mesh);
        assert_eq!(facets.len(), 6 * 3);
        let mut volume = 0.0; // Gauss: the volume is the sum of det[a, b, c] / 6 over outward facets
        for f in facets.chunks(3) {
            let p = |i: usize| nalgebra::Vector3::from(mesh.points[f[i] as usize]);
            volume += p(0).dot(&p(1).cross(&p(2))) / 6.0;
        }
        assert!((volume - 0.5).abs() < 1e-15, "{volume}");
    }

    #[test]
    fn an_interval_mesh_ends_in_points() {
        let points = (0..4).map(|i| [f64::from(i), 0., 0.]).collect();
        let mesh = Mesh { points, kind: CellKind::Interval, cells: vec![2, 3, 0, 1, 1, 2], groups: vec![] };
        assert_eq!(boundary_facets(&mesh), [0, 3]);
        assert_eq!(edges(&mesh).of_cells, [2, 0, 1]);
    }

    #[test]
    fn edges_come_in_the_order_of_quadratic_cells() {
        for (mesh, local) in [
            (triangles(), vec![[0, 1], [1, 2], [2, 0]]),
            (tetrahedra(), vec![[0, 1], [1, 2], [2, 0], [0, 3], [1, 3], [2, 3]]),
        ] {
            let edges = edges(&mesh);
            assert!(edges.vertices.is_sorted() && edges.vertices.windows(2).all(|w| w[0] != w[1]));
            for c in 0..mesh.cell_count() {
                let cell = mesh.cell(c);
                for (&e, [i, j]) in edges.of_cell(mesh.kind, c).iter().zip(&local) {
                    assert_eq!(edges.find(cell[*j], cell[*i]), Some(e));
                    let ends = [cell[*i].min(cell[*j]), cell[*i].max(cell[*j])];
                    assert_eq!(edges.vertices[e as usize], ends);
                }
            }
            assert_eq!((edges.find(0, 4), edges.find(0, 99), edges.find(99, 100)), (None, None, None));
        }
        assert_eq!(edges(&triangles()).vertices.len(), 8);
        assert_eq!(edges(&tetrahedra()).vertices.len(), 9);
    }

    #[test]
    fn parts_are_numbered_by_their_first_points() {
        let parts = connected_parts(&triangles());
        assert_eq!(parts.count, 2);
        assert_eq!(parts.of_points, [0, 0, 0, 0, Parts::NONE, 1, 1, 1]);
    }
}
