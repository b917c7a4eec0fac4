//! Where a plane goes through tetrahedra: triangles and quadrilaterals with the field interpolated on them.

use super::solution::Axis3;
use crate::mesh::Mesh;
use rayon::prelude::*;

/// Cells a block; blocks are cut in parallel and joined in order.
const BLOCK: usize = 1 << 14;

/// The polygons of a cut, as triangles in the plane.
#[derive(Debug, Default, PartialEq)]
pub struct Section {
    /// Vertices in the plane's two coordinates, in the order of x, y, z.
    pub points: Vec<[f64; 2]>,
    pub values: Vec<f32>,
    /// Bit i is set where the edge opposite vertex i lies inside a polygon. Triangle t has vertices 3 t to 3 t + 2.
    pub seams: Vec<u8>,
}

/// Cuts the cells by the plane on which coordinate `axis` is `position`. `values` has one value a point.
pub fn section(mesh: &Mesh, values: &[f32], axis: Axis3, position: f64) -> Section {
    let blocks: Vec<Section> = mesh
        .cells
        .par_chunks(4 * BLOCK)
        .map(|cells| {
            let mut out = Section::default();
            for cell in cells.chunks_exact(4) {
                cut_cell(mesh, values, axis, position, cell, &mut out);
            }
            out
        })
        .collect();
    let mut whole = Section::default();
    for block in blocks {
        whole.points.extend(block.points);
        whole.values.extend(block.values);
        whole.seams.extend(block.seams);
    }
    whole
}

fn cut_cell(mesh: &Mesh, values: &[f32], axis: Axis3, position: f64, cell: &[u32], out: &mut Section) {
    let height = |v: u32| mesh.points[v as usize][axis as usize] - position;
    // Points on the plane count as above, so cells on both sides of a face in the plane agree on who shows it.
    let (mut above, mut below) = (Vec::with_capacity(4), Vec::with_capacity(4));
    for &v in cell {
        if height(v) >= 0.0 { above.push(v) } else { below.push(v) }
    }
    let crossing = |a: u32, b: u32| {
        // From the smaller number to the larger, so that all cells at this edge find the same point.
        let (a, b) = (a.min(b), a.max(b));
        let s = height(a) / (height(a) - height(b));
        let [p, q] = [a, b].map(|v| axis.others().map(|c| mesh.points[v as usize][c]));
        let point = [0, 1].map(|c| p[c] + s * (q[c] - p[c]));
        (point, values[a as usize] + s as f32 * (values[b as usize] - values[a as usize]))
    };
    let mut triangle = |corners: [(u32, u32); 3], seam: u8| {
        for (a, b) in corners {
            let (point, value) = crossing(a, b);
            out.points.push(point);
            out.values.push(value);
        }
        out.seams.push(seam);
    };
    match (above.as_slice(), below.as_slice()) {
        (&[a], &[b, c, d]) | (&[b, c, d], &[a]) => triangle([(a, b), (a, c), (a, d)], 0),
        (&[a, b], &[c, d]) => {
            triangle([(a, c), (a, d), (b, d)], 0b010);
            triangle([(a, c), (b, d), (b, c)], 0b100);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::CellKind;

    fn tetrahedron() -> Mesh {
        Mesh {
            points: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            kind: CellKind::Tetrahedron,
            cells: vec![0, 1, 2, 3],
            groups: Vec::new(),
        }
    }

    fn area(s: &Section) -> f64 {
        let doubled =
            |p: &[[f64; 2]]| (p[1][0] - p[0][0]) * (p[2][1] - p[0][1]) - (p[1][1] - p[0][1]) * (p[2][0] - p[0][0]);
        s.points.chunks_exact(3).map(|t| 0.5 * doubled(t).abs()).sum()
    }

    #[test]
    fn a_cut_near_the_apex_is_a_similar_triangle() {
        let s = section(&tetrahedron(), &[0.0, 0.0, 0.0, 1.0], Axis3::Z, 0.75);
        assert!((area(&s) - 0.5 * 0.25 * 0.25).abs() < 1e-15);
        assert!(s.values.iter().all(|v| (v - 0.75).abs() < 1e-6));
    }

    #[test]
    fn two_above_and_two_below_make_a_quadrilateral() {
        let mut mesh = tetrahedron();
        mesh.points[2] = [0.0, 1.0, 1.0];
        let s = section(&mesh, &[0.0, 1.0, 0.0, 0.0], Axis3::Z, 0.5);
        assert_eq!((s.points.len(), s.seams.len()), (6, 2));
        // corners (0, 0), (1/2, 0), (1/2, 1/2), (0, 1/2)
        assert!((area(&s) - 0.25).abs() < 1e-15);
        for (p, v) in s.points.iter().zip(&s.values) {
            assert!((p[0] - f64::from(*v)).abs() < 1e-6, "the field is x");
        }
    }

    #[test]
    fn a_plane_beside_the_cell_cuts_nothing_and_through_a_face_shows_it_once() {
        assert!(section(&tetrahedron(), &[0.0; 4], Axis3::X, 2.0).points.is_empty());
        let mut mesh = tetrahedron();
        mesh.points.push([0.0, 0.0, -1.0]);
        mesh.cells.extend([0, 2, 1, 4]);
        assert!((area(&section(&mesh, &[0.0; 5], Axis3::Z, 0.0)) - 0.5).abs() < 1e-15);
    }
}
