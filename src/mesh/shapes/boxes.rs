//! Interval, square, L-shape and cube: lattices of boxes, each cut into simplices the same way.

use rayon::prelude::*;

use super::assemble;
use crate::mesh::topology::boundary_facets;
use crate::mesh::{CellKind, Mesh};

/// (0,1) in `n` cells.
pub(super) fn interval(n: u32) -> Mesh {
    let points = (0..=n).map(|i| [f64::from(i) / f64::from(n), 0.0, 0.0]).collect();
    let cells = (0..n).flat_map(|i| [i, i + 1]).collect();
    assemble(points, CellKind::Interval, cells, vec![("left", vec![0]), ("right", vec![n])])
}

/// The unit square in `n` times `m` squares.
pub(super) fn square(n: u32, m: u32) -> Mesh {
    lattice(n, m, |i, j| [f64::from(i) / f64::from(n), f64::from(j) / f64::from(m)])
}

/// The unit square with lattice coordinates (i/n)²: cells grow linearly with the distance from the sides x = 0 and
/// y = 0, from 1/n² to (2n − 1)/n², so that the largest aspect ratio is about n.
pub(super) fn graded_square(n: u32) -> Mesh {
    let at = |i: u32| (f64::from(i) / f64::from(n)).powi(2);
    lattice(n, n, |i, j| [at(i), at(j)])
}

/// `n` times `m` quadrilaterals with corners `at(i, j)`, each cut along its rising diagonal.
fn lattice(n: u32, m: u32, at: impl Fn(u32, u32) -> [f64; 2] + Sync) -> Mesh {
    let row = n as usize + 1;
    let mut points = vec![[0.0; 3]; row * (m as usize + 1)];
    points.par_chunks_exact_mut(row).zip(0..m + 1).for_each(|(line, j)| {
        for (p, i) in line.iter_mut().zip(0..) {
            let [x, y] = at(i, j);
            *p = [x, y, 0.0];
        }
    });
    let vertex = |i: u32, j: u32| j * (n + 1) + i;
    let mut cells = vec![0u32; 6 * n as usize * m as usize];
    cells.par_chunks_exact_mut(6 * n as usize).zip(0..m).for_each(|(line, j)| {
        for (two, i) in line.chunks_exact_mut(6).zip(0..) {
            two.copy_from_slice(&cut(vertex(i, j), vertex(i + 1, j), vertex(i + 1, j + 1), vertex(i, j + 1)));
        }
    });
    let sides = vec![
        ("left", (0..m).flat_map(|j| [vertex(0, j + 1), vertex(0, j)]).collect()),
        ("right", (0..m).flat_map(|j| [vertex(n, j), vertex(n, j + 1)]).collect()),
        ("bottom", (0..n).flat_map(|i| [vertex(i, 0), vertex(i + 1, 0)]).collect()),
        ("top", (0..n).flat_map(|i| [vertex(i + 1, m), vertex(i, m)]).collect()),
    ];
    assemble(points, CellKind::Triangle, cells, sides)
}

/// A quadrilateral, counter-clockwise, as two triangles along the diagonal from its first corner.
fn cut(a: u32, b: u32, c: u32, d: u32) -> [u32; 6] {
    [a, b, c, a, c, d]
}

/// (−1,1)² without [0,1] × [−1,0], `n` squares along a unit of length: the re-entrant corner is the origin.
pub(super) fn l_shape(n: u32) -> Mesh {
    // The lower half has columns 0..=n, the line y = 0 and all above have 0..=2n.
    let vertex = |i: u32, j: u32| if j < n { j * (n + 1) + i } else { n * (n + 1) + (j - n) * (2 * n + 1) + i };
    let last = |j: u32| if j < n { n } else { 2 * n };
    let at = |i: u32| (f64::from(i) - f64::from(n)) / f64::from(n);
    let points = (0..=2 * n).flat_map(|j| (0..=last(j)).map(move |i| [at(i), at(j), 0.0])).collect();
    let squares = (0..2 * n).flat_map(|j| (0..last(j)).map(move |i| (i, j)));
    let cells = squares.flat_map(|(i, j)| cut(vertex(i, j), vertex(i + 1, j), vertex(i + 1, j + 1), vertex(i, j + 1)));
    let mut mesh = assemble(points, CellKind::Triangle, cells.collect(), vec![("boundary", vec![])]);
    mesh.groups[0].members = boundary_facets(&mesh);
    mesh
}

/// Corners of Kuhn's six tetrahedra of a cube, as bits (x, y, z); all of positive volume, all share the diagonal from
/// corner 0 to corner 7 (H. W. Kuhn, IBM J. Res. Dev. 4 (1960) 518).
pub(super) const KUHN: [[u32; 4]; 6] =
    [[0, 1, 3, 7], [0, 3, 2, 7], [0, 2, 6, 7], [0, 6, 4, 7], [0, 4, 5, 7], [0, 5, 1, 7]];

/// The unit cube in n³ cubes.
pub(super) fn cube(n: u32) -> Mesh {
    let row = n + 1;
    let vertex = |i: u32, j: u32, k: u32| (k * row + j) * row + i;
    let at = |i: u32| f64::from(i) / f64::from(n);
    let layer = (row * row) as usize;
    let mut points = vec![[0.0; 3]; layer * row as usize];
    points.par_chunks_exact_mut(layer).zip(0..n + 1).for_each(|(points, k)| {
        for (p, v) in points.iter_mut().zip(0..) {
            *p = [at(v % row), at(v / row), at(k)];
        }
    });
    let squares = n as usize * n as usize;
    let mut cells = vec![0u32; 24 * squares * n as usize];
    cells.par_chunks_exact_mut(24 * squares).zip(0..n).for_each(|(cells, k)| {
        for (six, s) in cells.chunks_exact_mut(24).zip(0..) {
            for (v, corner) in six.iter_mut().zip(KUHN.as_flattened()) {
                *v = vertex(s % n + (corner & 1), s / n + (corner >> 1 & 1), k + (corner >> 2));
            }
        }
    });
    // `flip` keeps the order of corners counter-clockwise from outside: (u, v) right-handed there or not.
    let side = |flip: bool, corner: &dyn Fn(u32, u32) -> u32| -> Vec<u32> {
        let squares = (0..n).flat_map(|v| (0..n).map(move |u| (u, v)));
        let quadrilateral = |(u, v)| (corner(u, v), corner(u + 1, v), corner(u + 1, v + 1), corner(u, v + 1));
        squares
            .map(quadrilateral)
            .flat_map(|(a, b, c, d)| if flip { cut(a, d, c, b) } else { cut(a, b, c, d) })
            .collect()
    };
    let sides = vec![
        ("left", side(true, &|u, v| vertex(0, u, v))),
        ("right", side(false, &|u, v| vertex(n, u, v))),
        ("front", side(false, &|u, v| vertex(u, 0, v))),
        ("back", side(true, &|u, v| vertex(u, n, v))),
        ("bottom", side(true, &|u, v| vertex(u, v, 0))),
        ("top", side(false, &|u, v| vertex(u, v, n))),
    ];
    assemble(points, CellKind::Tetrahedron, cells, sides)
}
