//! Element kinds of mesh files and the faces by which they are cut into simplices.

/// The kind of the elements of a block. Nodes stand in VTK's order (Gmsh's differs for Tetrahedron10, Hexahedron20/27,
/// Prism15/18 and Pyramid13/14): corners, then one node for each of [`ElementKind::edges`], then the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ElementKind {
    Point,
    Line,
    Line3,
    Triangle,
    Triangle6,
    Quad,
    Quad8,
    Quad9,
    Tetrahedron,
    Tetrahedron10,
    Hexahedron,
    Hexahedron20,
    Hexahedron27,
    Prism,
    Prism15,
    Prism18,
    Pyramid,
    Pyramid13,
    Pyramid14,
}

impl ElementKind {
    /// Nodes of an element.
    pub fn nodes(self) -> usize {
        match self {
            Self::Point => 1,
            Self::Line => 2,
            Self::Line3 | Self::Triangle => 3,
            Self::Quad | Self::Tetrahedron => 4,
            Self::Pyramid => 5,
            Self::Triangle6 | Self::Prism => 6,
            Self::Quad8 | Self::Hexahedron => 8,
            Self::Quad9 => 9,
            Self::Tetrahedron10 => 10,
            Self::Pyramid13 => 13,
            Self::Pyramid14 => 14,
            Self::Prism15 => 15,
            Self::Prism18 => 18,
            Self::Hexahedron20 => 20,
            Self::Hexahedron27 => 27,
        }
    }

    /// The first-order element with the same corners.
    pub fn linear(self) -> ElementKind {
        match self {
            Self::Point => Self::Point,
            Self::Line | Self::Line3 => Self::Line,
            Self::Triangle | Self::Triangle6 => Self::Triangle,
            Self::Quad | Self::Quad8 | Self::Quad9 => Self::Quad,
            Self::Tetrahedron | Self::Tetrahedron10 => Self::Tetrahedron,
            Self::Hexahedron | Self::Hexahedron20 | Self::Hexahedron27 => Self::Hexahedron,
            Self::Prism | Self::Prism15 | Self::Prism18 => Self::Prism,
            Self::Pyramid | Self::Pyramid13 | Self::Pyramid14 => Self::Pyramid,
        }
    }

    /// Corners of an element; they come first among its nodes.
    pub fn corners(self) -> usize {
        self.linear().nodes()
    }

    /// Topological dimension: 0, 1, 2 or 3.
    pub fn dimension(self) -> usize {
        match self.linear() {
            Self::Point => 0,
            Self::Line => 1,
            Self::Triangle | Self::Quad => 2,
            _ => 3,
        }
    }

    /// Simplices an element is cut into: one for a simplex.
    pub fn parts(self) -> usize {
        match self.linear() {
            Self::Quad | Self::Pyramid => 2,
            Self::Prism => 3,
            Self::Hexahedron => 6,
            _ => 1,
        }
    }

    /// The plural of its name.
    pub fn plural(self) -> &'static str {
        match self.linear() {
            Self::Point => "points",
            Self::Line => "lines",
            Self::Triangle => "triangles",
            Self::Quad => "quadrilaterals",
            Self::Tetrahedron => "tetrahedra",
            Self::Hexahedron => "hexahedra",
            Self::Prism => "prisms",
            _ => "pyramids",
        }
    }

    /// Ends of the edges of a second-order element in the order of its mid-edge nodes; empty for a first-order one.
    pub fn edges(self) -> &'static [[u8; 2]] {
        if self == self.linear() {
            return &[];
        }
        match self.linear() {
            Self::Line => &[[0, 1]],
            Self::Triangle => &[[0, 1], [1, 2], [2, 0]],
            Self::Quad => &[[0, 1], [1, 2], [2, 3], [3, 0]],
            Self::Tetrahedron => &[[0, 1], [1, 2], [2, 0], [0, 3], [1, 3], [2, 3]],
            Self::Prism => &[[0, 1], [1, 2], [2, 0], [3, 4], [4, 5], [5, 3], [0, 3], [1, 4], [2, 5]],
            Self::Pyramid => &[[0, 1], [1, 2], [2, 3], [3, 0], [0, 4], [1, 4], [2, 4], [3, 4]],
            _ => &[[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]],
        }
    }

    /// Faces of the elements that are cut, seen counter-clockwise from outside (edges of a quadrilateral, along it).
    pub fn faces(self) -> &'static [&'static [u8]] {
        match self.linear() {
            Self::Quad => &[&[0, 1], &[1, 2], &[2, 3], &[3, 0]],
            Self::Pyramid => &[&[0, 3, 2, 1], &[0, 1, 4], &[1, 2, 4], &[2, 3, 4], &[3, 0, 4]],
            Self::Prism => &[&[0, 2, 1], &[3, 4, 5], &[0, 1, 4, 3], &[1, 2, 5, 4], &[2, 0, 3, 5]],
            Self::Hexahedron => {
                &[&[0, 3, 2, 1], &[4, 5, 6, 7], &[0, 1, 5, 4], &[1, 2, 6, 5], &[2, 3, 7, 6], &[3, 0, 4, 7]]
            }
            _ => &[],
        }
    }
}
