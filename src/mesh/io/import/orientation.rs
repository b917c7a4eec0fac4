//! Which cells have negative area or volume.

use rayon::prelude::*;

use crate::mesh::CellKind;

/// Cells looked at by one task.
const PIECE: usize = 1 << 14;

/// The cells with negative area or volume. Triangles have a sign only where all their vertices have the same z, intervals none.
pub(super) fn negative(points: &[[f64; 3]], kind: CellKind, cells: &[u32]) -> Vec<u32> {
    match kind {
        CellKind::Triangle if flat(points, cells) => select(cells, |&[a, b, c]: &[u32; 3]| {
            let (a, b, c) = (&points[a as usize], &points[b as usize], &points[c as usize]);
            (b[0] - a[0]) * (c[1] - a[1]) < (c[0] - a[0]) * (b[1] - a[1])
        }),
        CellKind::Tetrahedron => select(cells, |&[a, b, c, d]: &[u32; 4]| {
            let at = |v: u32| nalgebra::Vector3::from(points[v as usize]);
            let a = at(a);
            (at(b) - a).cross(&(at(c) - a)).dot(&(at(d) - a)) < 0.0
        }),
        _ => Vec::new(),
    }
}

/// Whether all vertices of cells have the same z.
fn flat(points: &[[f64; 3]], cells: &[u32]) -> bool {
    let z = points[cells[0] as usize][2];
    points.par_iter().with_min_len(PIECE).all(|p| p[2] == z)
        || cells.par_iter().with_min_len(PIECE).all(|&v| points[v as usize][2] == z)
}

/// Numbers of the cells for which `is` holds.
fn select<const N: usize>(cells: &[u32], is: impl Fn(&[u32; N]) -> bool + Sync) -> Vec<u32> {
    let numbered = |(p, piece): (usize, &[[u32; N]])| {
        let mut found = Vec::new();
        for (i, cell) in piece.iter().enumerate() {
            if is(cell) {
                found.push((p * PIECE + i) as u32);
            }
        }
        found
    };
    cells.as_chunks().0.par_chunks(PIECE).enumerate().flat_map_iter(numbered).collect()
}
