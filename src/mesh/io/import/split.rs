//! Cutting quadrilaterals, hexahedra, prisms and pyramids into simplices whose faces match across elements.
//!
//! An element is the cone from its corner with the smallest number over its faces that do not touch that corner; a
//! quadrilateral face is cut by the diagonal through its own smallest corner. The cut of a face depends on the face's
//! numbers only, so that neighbours agree. This is the diagonal rule of J. Dompierre, P. Labbé, M.-G. Vallet and
//! R. Camarero, "How to subdivide pyramids, prisms, and hexahedra into tetrahedra", 8th International Meshing
//! Roundtable (1999), with one difference: a hexahedron always gives six tetrahedra, never five.

use rayon::prelude::*;

use super::Block;

/// Elements cut by one task.
const PIECE: usize = 1 << 13;

/// Vertices of the simplices of a block's elements, flat, `kind.parts()` simplices for each element. First-order simplices
/// are moved out of the block.
pub(super) fn simplices(block: &mut Block) -> Vec<u32> {
    let kind = block.kind;
    let (nodes, corners, parts) = (kind.nodes(), kind.corners(), kind.parts());
    if parts == 1 && nodes == corners {
        return std::mem::take(&mut block.nodes);
    }
    let vertices = parts * (kind.dimension() + 1);
    let mut out = vec![0; block.nodes.len() / nodes * vertices];
    out.par_chunks_mut(PIECE * vertices).zip(block.nodes.par_chunks(PIECE * nodes)).for_each(|(out, elements)| {
        for (out, element) in out.chunks_exact_mut(vertices).zip(elements.chunks_exact(nodes)) {
            if parts == 1 {
                out.copy_from_slice(&element[..corners]);
            } else {
                cone(&element[..corners], kind.faces(), out);
            }
        }
    });
    out
}

/// Cuts one element. Where it is collapsed (a corner repeated) there are fewer simplices than room for them; the room left is
/// filled with simplices that have a repeated vertex too.
fn cone(corners: &[u32], faces: &[&[u8]], out: &mut [u32]) {
    let apex = *corners.iter().min().expect("an element has corners");
    let dimension = if faces[0].len() == 2 { 2 } else { 3 };
    let mut simplices = out.chunks_exact_mut(dimension + 1);
    let mut put = |base: &[u32]| {
        if let Some(simplex) = simplices.next() {
            simplex[0] = apex;
            simplex[1..].copy_from_slice(base);
        }
    };
    for face in faces {
        let mut f = [0; 4];
        for (f, &local) in f.iter_mut().zip(face.iter()) {
            *f = corners[local as usize];
        }
        let f = &mut f[..face.len()];
        if f.contains(&apex) {
            continue;
        }
        if f.len() < 4 {
            put(f);
        } else {
            let lowest = (0..4).min_by_key(|&i| f[i]).expect("a face has corners");
            f.rotate_left(lowest);
            put(&f[..3]);
            put(&[f[0], f[2], f[3]]);
        }
    }
    for simplex in simplices {
        simplex.fill(apex);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ElementKind, Tags};
    use super::*;

    fn volume(p: &[[f64; 3]], t: &[u32]) -> f64 {
        let at = |i: usize| nalgebra::Vector3::from(p[t[i] as usize]);
        (at(1) - at(0)).cross(&(at(2) - at(0))).dot(&(at(3) - at(0))) / 6.0
    }

    /// Reference elements, whose volumes are known.
    fn reference(kind: ElementKind) -> (Vec<[f64; 3]>, f64) {
        let cube: [[f64; 3]; 8] = std::array::from_fn(|i| {
            [f64::from(u8::from(matches!(i % 4, 1 | 2))), f64::from(u8::from(i % 4 > 1)), f64::from(u8::from(i > 3))]
        });
        match kind {
            ElementKind::Hexahedron => (cube.to_vec(), 1.0),
            ElementKind::Prism => ([0, 1, 3, 4, 5, 7].map(|i| cube[i]).to_vec(), 0.5),
            _ => ([&cube[..4], &[[0.5, 0.5, 1.0]]].concat(), 1.0 / 3.0),
        }
    }

    /// Whatever the numbers of the corners, the parts have positive volumes that add up to the element's, and every
    /// quadrilateral face is cut through its smallest corner.
    #[test]
    fn parts_fill_the_element_and_obey_the_diagonal_rule() {
        for kind in [ElementKind::Hexahedron, ElementKind::Prism, ElementKind::Pyramid] {
            let (points, whole) = reference(kind);
            let n = points.len();
            let mut order: Vec<u32> = (0..n as u32).collect();
            for round in 0..200_u64 {
                for i in (1..n).rev() {
                    let at = (round * 7919 + i as u64 * 104_729).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
                    order.swap(i, at as usize % (i + 1));
                }
                let mut placed = vec![[0.0; 3]; n];
                for (corner, &number) in order.iter().enumerate() {
                    placed[number as usize] = points[corner];
                }
                let mut block = Block { kind, nodes: order.clone(), tags: Tags::Block(vec![]) };
                let parts = simplices(&mut block);
                assert_eq!(parts.len(), 4 * kind.parts());
                let volumes: Vec<f64> = parts.chunks(4).map(|t| volume(&placed, t)).collect();
                assert!(volumes.iter().all(|&v| v > 1e-3), "{kind:?} {order:?}: {volumes:?}");
                assert!((volumes.iter().sum::<f64>() - whole).abs() < 1e-12);
                for face in kind.faces().iter().filter(|f| f.len() == 4) {
                    let f: Vec<u32> = face.iter().map(|&i| order[i as usize]).collect();
                    let low = (0..4).min_by_key(|&i| f[i]).unwrap();
                    let together = |a: u32, b: u32| parts.chunks(4).any(|t| t.contains(&a) && t.contains(&b));
                    assert!(together(f[low], f[(low + 2) % 4]), "{kind:?} {order:?} face {f:?}");
                    assert!(!together(f[(low + 1) % 4], f[(low + 3) % 4]), "{kind:?} {order:?} face {f:?}");
                }
            }
        }
    }
}
