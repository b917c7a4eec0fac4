//! Disc, annulus and ball: rings and shells, not squares bent round, so that no angle gets small.

use std::f64::consts::{LN_2, TAU};

use super::assemble;
use super::boxes::KUHN;
use crate::mesh::topology::boundary_facets;
use crate::mesh::{CellKind, Mesh};

/// The unit disc: a centre and rings k = 1..=n of 6k points at radius k/n, joined sector by sector as in the
/// hexagonal lattice: 6n² triangles, no angle below 43°.
pub(super) fn disc(n: u32) -> Mesh {
    let ring = |k: u32, j: u32| if k == 0 { 0 } else { 1 + 3 * k * (k - 1) + j % (6 * k) };
    let mut points = vec![[0.0; 3]];
    for k in 1..=n {
        points.extend((0..6 * k).map(|j| polar(f64::from(k) / f64::from(n), f64::from(j) / f64::from(6 * k))));
    }
    let mut cells = Vec::with_capacity(18 * n as usize * n as usize);
    for k in 1..=n {
        for sector in 0..6 {
            let outer = |j: u32| ring(k, sector * k + j);
            let inner = |j: u32| ring(k - 1, sector * (k - 1) + j);
            for j in 0..k {
                cells.extend([outer(j), outer(j + 1), inner(j)]);
                if j + 1 < k {
                    cells.extend([inner(j), outer(j + 1), inner(j + 1)]);
                }
            }
        }
    }
    let boundary = (0..6 * n).flat_map(|j| [ring(n, j), ring(n, j + 1)]).collect();
    assemble(points, CellKind::Triangle, cells, vec![("boundary", boundary)])
}

/// The annulus between radii 1/2 and 1: rings i = 0..=n at radius 2^(i/n) / 2, each turned by half a step against the
/// last, so that all triangles are similar and, with m = 2π n (√3/2) / ln 2 points a ring, nearly equilateral.
pub(super) fn annulus(n: u32) -> Mesh {
    let m = (TAU * f64::from(n) * 0.75f64.sqrt() / LN_2).round() as u32;
    let ring = |i: u32, j: u32| i * m + j % m;
    let place = |i: u32, j: u32| {
        let angle = (f64::from(j) + f64::from(i) / 2.0) / f64::from(m);
        polar((f64::from(i) / f64::from(n)).exp2() / 2.0, angle)
    };
    let points = (0..=n).flat_map(|i| (0..m).map(move |j| place(i, j))).collect();
    let mut cells = Vec::with_capacity(6 * n as usize * m as usize);
    for i in 0..n {
        for j in 0..m {
            cells.extend([ring(i, j), ring(i + 1, j), ring(i, j + 1)]);
            cells.extend([ring(i, j + 1), ring(i + 1, j), ring(i + 1, j + 1)]);
        }
    }
    let inner = (0..m).flat_map(|j| [ring(0, j + 1), ring(0, j)]).collect();
    let outer = (0..m).flat_map(|j| [ring(n, j), ring(n, j + 1)]).collect();
    assemble(points, CellKind::Triangle, cells, vec![("inner", inner), ("outer", outer)])
}

/// The point at this radius and part of the full turn.
fn polar(radius: f64, turn: f64) -> [f64; 3] {
    let (sin, cos) = (TAU * turn).sin_cos();
    [radius * cos, radius * sin, 0.0]
}

/// The unit ball: the octahedron |x| + |y| + |z| <= n of the integer lattice in 8n³ tetrahedra, each shell moved
/// radially onto the sphere of radius (|x| + |y| + |z|) / n. No dihedral angle is below 28°.
///
/// In an octant the partial sums s = (x, x + y, x + y + z) turn the corner into 0 <= s1 <= s2 <= s3 <= n, which Kuhn's
/// cut of the unit cubes triangulates without cutting a tetrahedron; the cuts of neighbouring octants mirror each other.
pub(super) fn ball(n: u32) -> Mesh {
    let n = n as i32;
    let width = 2 * n + 1;
    let mut points = Vec::new();
    let mut middles = vec![0i32; (width * width) as usize]; // the point with x = 0 in row (y, z)
    let row = |y: i32, z: i32| ((z + n) * width + y + n) as usize;
    for z in -n..=n {
        for y in z.abs() - n..=n - z.abs() {
            let half = n - z.abs() - y.abs();
            middles[row(y, z)] = points.len() as i32 + half;
            points.extend((-half..=half).map(|x| onto_sphere([x, y, z], n)));
        }
    }
    let vertex = |[x, y, z]: [i32; 3]| (middles[row(y, z)] + x) as u32;
    let mut cells = Vec::with_capacity(32 * (n as usize).pow(3));
    for s3 in 0..n {
        for s2 in 0..=s3 {
            for s1 in 0..=s2 {
                for path in KUHN {
                    let corners = path.map(|b| [s1 + (b & 1) as i32, s2 + (b >> 1 & 1) as i32, s3 + (b >> 2) as i32]);
                    if corners.iter().all(|s| s.is_sorted()) {
                        cells.extend((0..8).flat_map(|octant| in_octant(&corners, octant).map(vertex)));
                    }
                }
            }
        }
    }
    let mut mesh = assemble(points, CellKind::Tetrahedron, cells, vec![("boundary", vec![])]);
    mesh.groups[0].members = boundary_facets(&mesh);
    mesh
}

/// Lattice points of a tetrahedron from its partial sums, mirrored into an octant (bits: x, y, z negative), with
/// positive volume.
fn in_octant(sums: &[[i32; 3]; 4], octant: i32) -> [[i32; 3]; 4] {
    let sign = |axis: i32| 1 - 2 * (octant >> axis & 1);
    let mut lattice = sums.map(|[a, b, c]| [sign(0) * a, sign(1) * (b - a), sign(2) * (c - b)]);
    if sign(0) * sign(1) * sign(2) < 0 {
        lattice.swap(2, 3);
    }
    lattice
}

/// The lattice point moved along its ray to the radius (|x| + |y| + |z|) / n.
fn onto_sphere(lattice: [i32; 3], n: i32) -> [f64; 3] {
    let x = lattice.map(f64::from);
    let radius = x.iter().map(|c| c.abs()).sum::<f64>() / f64::from(n);
    let length = x.iter().map(|c| c * c).sum::<f64>().sqrt();
    if length == 0.0 { [0.0; 3] } else { x.map(|c| c * (radius / length)) }
}
