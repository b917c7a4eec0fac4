//! Uniform refinement: every edge is halved, an interval becomes 2, a triangle 4, a tetrahedron 8 cells.
//!
//! A triangle's children are similar to it. A tetrahedron is cut by Bey's rule: four corners and the inner octahedron
//! cut along the diagonal between the midpoints of its edges (0,2) and (1,3); however often it is repeated, the
//! descendants of one tetrahedron belong to at most three classes of similarity
//! (J. Bey, Tetrahedral grid refinement, Computing 55 (1995) 355-378, doi:10.1007/BF02238487).
//!
//! Departure from Bey: children 6 and 8 have their vertices 0 and 2 swapped, which makes all volumes positive. The cut
//! depends on the pairs {0,2} and {1,3} only, so that the children of children stay Bey's.

use crate::error::{Error, Result};

use super::topology::{Edges, edges};
use super::{CellKind, Group, Mesh};

/// Children of a simplex by its own vertices 0..=d, then the midpoints of its edges in the order of [`Edges`].
const INTERVAL_CHILDREN: &[&[usize]] = &[&[0, 2], &[2, 1]];
const TRIANGLE_CHILDREN: &[&[usize]] = &[&[0, 3, 5], &[3, 1, 4], &[5, 4, 2], &[3, 4, 5]];
const TETRAHEDRON_CHILDREN: &[&[usize]] = &[
    &[0, 4, 6, 7],
    &[4, 1, 5, 8],
    &[6, 5, 2, 9],
    &[7, 8, 9, 3],
    &[4, 6, 7, 8],
    &[5, 6, 4, 8],
    &[6, 7, 8, 9],
    &[8, 5, 6, 9],
];

fn children(kind: CellKind) -> &'static [&'static [usize]] {
    match kind {
        CellKind::Interval => INTERVAL_CHILDREN,
        CellKind::Triangle => TRIANGLE_CHILDREN,
        CellKind::Tetrahedron => TETRAHEDRON_CHILDREN,
    }
}

/// Refines a mesh once. The points keep their numbers, the midpoint of edge e becomes point `points + e`, the
/// children of cell c are numbered from `c · 2^d`, and groups follow their parents.
///
/// Errors: more cells or points than 32 bits count.
pub fn refine(mesh: &Mesh) -> Result<Mesh> {
    let table = children(mesh.kind);
    let too_many = |what: &str, count: usize| Error::Mesh {
        what: format!("refined, it would have {count} {what}; the most is {}", u32::MAX),
        help: "refine fewer times".into(),
    };
    let cell_count = mesh.cell_count().saturating_mul(table.len());
    if u32::try_from(cell_count).is_err() {
        return Err(too_many("cells", cell_count));
    }
    let edges = edges(mesh);
    let point_count = mesh.points.len().saturating_add(edges.vertices.len());
    if u32::try_from(point_count).is_err() {
        return Err(too_many("points", point_count));
    }
    let first = mesh.points.len() as u32;
    let mut points = mesh.points.clone();
    points.extend(edges.vertices.iter().map(|&[a, b]| midpoint(mesh.points[a as usize], mesh.points[b as usize])));
    let mut cells = Vec::with_capacity(cell_count * mesh.kind.vertices());
    for c in 0..mesh.cell_count() {
        let (own, halves) = (mesh.cell(c), edges.of_cell(mesh.kind, c));
        let number = |&i: &usize| own.get(i).copied().unwrap_or_else(|| first + halves[i - own.len()]);
        cells.extend(table.iter().flat_map(|child| child.iter().map(number)));
    }
    let groups = mesh.groups.iter().map(|g| refine_group(mesh, &edges, g)).collect::<Result<_>>()?;
    Ok(Mesh { points, kind: mesh.kind, cells, groups })
}

fn midpoint(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| 0.5 * (a[i] + b[i]))
}

fn refine_group(mesh: &Mesh, edges: &Edges, group: &Group) -> Result<Group> {
    let members = match group.dimension {
        d if d == mesh.dimension() => {
            let n = children(mesh.kind).len() as u32;
            group.members.iter().flat_map(|&c| c * n..(c + 1) * n).collect()
        }
        1 => refine_simplices(mesh, edges, group, CellKind::Interval)?,
        2 => refine_simplices(mesh, edges, group, CellKind::Triangle)?,
        _ => group.members.clone(),
    };
    Ok(Group { members, ..group.clone() })
}

/// Refines the edges or triangles of a group of lower dimension than the mesh.
fn refine_simplices(mesh: &Mesh, edges: &Edges, group: &Group, kind: CellKind) -> Result<Vec<u32>> {
    let pairs: &[[usize; 2]] = if kind == CellKind::Interval { &[[0, 1]] } else { &[[0, 1], [1, 2], [2, 0]] };
    let first = mesh.points.len() as u32;
    let mut members = Vec::with_capacity(group.members.len() * children(kind).len());
    for simplex in group.members.chunks_exact(kind.vertices()) {
        let mut numbers = simplex.to_vec();
        for &[i, j] in pairs {
            let (a, b) = (simplex[i], simplex[j]);
            let half = edges.find(a, b).ok_or_else(|| Error::Mesh {
                what: format!("group \"{}\" has the edge of points {a} and {b}, which no cell has", group.name),
                help: "make the group of edges and faces of the mesh's cells".into(),
            })?;
            numbers.push(first + half);
        }
        members.extend(children(kind).iter().flat_map(|child| child.iter().map(|&i| numbers[i])));
    }
    Ok(members)
}
