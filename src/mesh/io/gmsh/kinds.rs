//! Gmsh's element types: <https://gmsh.info/doc/texinfo/gmsh.html#MSH-file-format>, "Node ordering".

use super::super::import::ElementKind;
use super::{Fault, Parsed};

/// The kind of an element type as MSH files number them; the fault stands at byte `at`.
pub(super) fn kind(element_type: i32, at: usize) -> Parsed<ElementKind> {
    Ok(match element_type {
        1 => ElementKind::Line,
        2 => ElementKind::Triangle,
        3 => ElementKind::Quad,
        4 => ElementKind::Tetrahedron,
        5 => ElementKind::Hexahedron,
        6 => ElementKind::Prism,
        7 => ElementKind::Pyramid,
        8 => ElementKind::Line3,
        9 => ElementKind::Triangle6,
        10 => ElementKind::Quad9,
        11 => ElementKind::Tetrahedron10,
        12 => ElementKind::Hexahedron27,
        13 => ElementKind::Prism18,
        14 => ElementKind::Pyramid14,
        15 => ElementKind::Point,
        16 => ElementKind::Quad8,
        17 => ElementKind::Hexahedron20,
        18 => ElementKind::Prism15,
        19 => ElementKind::Pyramid13,
        other => {
            let what =
                format!("elements of type {other} are not known here; types 1 to 19 (first and second order) are");
            return Err(Fault::new(at, what).help("save the mesh with first-order elements: gmsh -order 1"));
        }
    })
}

/// The type that MSH files give a simplex of a dimension.
pub(super) fn simplex_type(dimension: usize) -> i32 {
    [15, 1, 2, 4][dimension]
}

/// Where each node of our order (VTK's) stands in Gmsh's; `None` where the orders agree.
pub(super) fn order(kind: ElementKind) -> Option<&'static [u8]> {
    Some(match kind {
        ElementKind::Tetrahedron10 => &[0, 1, 2, 3, 4, 5, 6, 7, 9, 8],
        ElementKind::Hexahedron20 => &[0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 9, 16, 18, 19, 17, 10, 12, 14, 15],
        ElementKind::Hexahedron27 => {
            &[0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 9, 16, 18, 19, 17, 10, 12, 14, 15, 22, 23, 21, 24, 20, 25, 26]
        }
        ElementKind::Prism15 => &[0, 1, 2, 3, 4, 5, 6, 9, 7, 12, 14, 13, 8, 10, 11],
        ElementKind::Prism18 => &[0, 1, 2, 3, 4, 5, 6, 9, 7, 12, 14, 13, 8, 10, 11, 15, 17, 16],
        ElementKind::Pyramid13 => &[0, 1, 2, 3, 4, 5, 8, 10, 6, 7, 9, 11, 12],
        ElementKind::Pyramid14 => &[0, 1, 2, 3, 4, 5, 8, 10, 6, 7, 9, 11, 12, 13],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_permutations_and_types_are_known() {
        for element_type in 1..=19 {
            let kind = kind(element_type, 0).unwrap();
            if let Some(order) = order(kind) {
                let mut sorted = order.to_vec();
                sorted.sort_unstable();
                assert!(sorted.iter().copied().eq(0..kind.nodes() as u8), "{kind:?}");
            }
        }
        assert!(kind(0, 0).is_err());
        assert!(kind(20, 0).unwrap_err().what.contains("type 20"));
    }
}
