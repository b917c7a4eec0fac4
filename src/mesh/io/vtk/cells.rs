//! VTK's cell types, and from lists of cells to the blocks of a [`RawMesh`].
//!
//! Reference: the VTK user's guide, figures "linear" and "non-linear cell types found in VTK" (vtkCellType.h).

use crate::mesh::io::Field;
use crate::mesh::io::import::{Block, ElementKind, RawMesh, Tags};

/// The cells of a file as it lists them: cell `i` has the points `connectivity[ends[i - 1]..ends[i]]`.
#[derive(Debug, Default)]
pub(super) struct Cells {
    pub connectivity: Vec<u32>,
    pub ends: Vec<u64>,
    pub types: Vec<u8>,
}

/// What is wrong with the cells, and what to do about it.
#[derive(Debug)]
pub(super) struct Fault {
    pub what: String,
    pub help: &'static str,
}

const DAMAGED: &str = "the file is damaged: save the mesh again";

/// The element a cell is, and which of its points are the element's nodes (in order; `None` is all).
fn element(vtk_type: u8, points: usize) -> Option<(ElementKind, Option<&'static [u8]>)> {
    use ElementKind::*;
    const FIRST: [u8; 20] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];
    Some(match (vtk_type, points) {
        (1 | 2, 1) => (Point, None),
        (3 | 4, 2) => (Line, None),
        (5..=7, 3) => (Triangle, None),
        (7 | 9, 4) => (Quad, None),
        (8, 4) => (Quad, Some(&[0, 1, 3, 2])),
        (10, 4) => (Tetrahedron, None),
        (11, 8) => (Hexahedron, Some(&[0, 1, 3, 2, 4, 5, 7, 6])),
        (12, 8) => (Hexahedron, None),
        (13, 6) => (Prism, None),
        (14, 5) => (Pyramid, None),
        (21, 3) => (Line3, None),
        (22, 6) => (Triangle6, None),
        (34, 7) => (Triangle6, Some(&FIRST[..6])),
        (23, 8) => (Quad8, None),
        (28, 9) => (Quad9, None),
        (24, 10) => (Tetrahedron10, None),
        (25, 20) => (Hexahedron20, None),
        (33, 24) => (Hexahedron20, Some(&FIRST)),
        (29, 27) => (Hexahedron27, None),
        (26, 15) => (Prism15, None),
        (32, 18) => (Prism18, None),
        (27, 13) => (Pyramid13, None),
        _ => return None,
    })
}

/// The VTK type of an element that is written.
pub(super) fn vtk_type(dimension: usize, quadratic: bool) -> u8 {
    match (dimension, quadratic) {
        (1, false) => 3,
        (1, true) => 21,
        (2, false) => 5,
        (2, true) => 22,
        (_, false) => 10,
        (_, true) => 24,
    }
}

fn fault(vtk_type: u8, points: usize, cell: usize) -> Fault {
    let name = match vtk_type {
        2 => "poly-vertex",
        4 => "poly-line",
        6 => "triangle strip",
        7 => "polygon",
        41 | 42 => "polyhedron",
        35 | 36 | 51..=62 => "higher-order cell",
        68..=74 => "Lagrange cell",
        75..=81 => "Bézier cell",
        _ => "",
    };
    if name.is_empty() && element_points(vtk_type).is_none() {
        return Fault { what: format!("cell {cell} has the unknown type {vtk_type}"), help: DAMAGED };
    }
    if let Some(n) = element_points(vtk_type) {
        return Fault { what: format!("cell {cell} of type {vtk_type} has {points} points, not {n}"), help: DAMAGED };
    }
    Fault {
        what: format!("cell {cell} is a {name} (type {vtk_type}) of {points} points, which is not read"),
        help: "convert the mesh to simplices or to linear or quadratic cells: ParaView's filters Tetrahedralize or Triangulate do it",
    }
}

/// Points of a cell of a type that is read and has a fixed number of them.
fn element_points(vtk_type: u8) -> Option<usize> {
    (vtk_type != 7)
        .then(|| (1..=27).find(|&n| element(vtk_type, n).is_some()))
        .flatten()
        .filter(|_| !matches!(vtk_type, 2 | 4 | 6))
}

/// The cells as blocks, one for each kind, and which cell each element is; `None` where that is the file's own order.
fn blocks(cells: Cells) -> Result<(Vec<Block>, Option<Vec<u32>>), Fault> {
    let Cells { connectivity, ends, types } = cells;
    if types.len() != ends.len() {
        return Err(Fault { what: format!("{} cells have {} types", ends.len(), types.len()), help: DAMAGED });
    }
    if let Some(block) = uniform(&connectivity, &ends, &types) {
        let block = Block { kind: block, nodes: connectivity, tags: Tags::Block(Vec::new()) };
        return Ok((vec![block], None));
    }
    let mut found: Vec<(ElementKind, Vec<u32>, Vec<u32>)> = Vec::new();
    let mut start = 0;
    for (i, (&end, &vtk_type)) in ends.iter().zip(&types).enumerate() {
        let end = usize::try_from(end).unwrap_or(usize::MAX);
        let Some(points) = connectivity.get(start..end) else {
            let what = format!("cell {i} has the points {start} to {end} of a list of {}", connectivity.len());
            return Err(Fault { what, help: DAMAGED });
        };
        start = end;
        if vtk_type == 0 && points.is_empty() {
            continue;
        }
        let Some((kind, order)) = element(vtk_type, points.len()) else { return Err(fault(vtk_type, points.len(), i)) };
        let at = found.iter().position(|(k, ..)| *k == kind).unwrap_or_else(|| {
            found.push((kind, Vec::new(), Vec::new()));
            found.len() - 1
        });
        let (_, nodes, elements) = &mut found[at];
        match order {
            None => nodes.extend_from_slice(points),
            Some(order) => nodes.extend(order.iter().map(|&o| points[o as usize])),
        }
        elements.push(i as u32);
    }
    let mut order = Vec::with_capacity(types.len());
    let mut blocks = Vec::with_capacity(found.len());
    for (kind, nodes, mut elements) in found {
        blocks.push(Block { kind, nodes, tags: Tags::Block(Vec::new()) });
        order.append(&mut elements);
    }
    Ok((blocks, Some(order)))
}

/// The kind of all cells, where they are all of one whose points stand in order.
fn uniform(connectivity: &[u32], ends: &[u64], types: &[u8]) -> Option<ElementKind> {
    let (&vtk_type, &n) = (types.first()?, ends.first()?);
    let (kind, order) = element(vtk_type, usize::try_from(n).ok()?)?;
    let regular = types.iter().all(|&t| t == vtk_type)
        && ends.iter().zip(1..).all(|(&end, i)| end == n * i)
        && connectivity.len() as u64 == n * ends.len() as u64;
    (order.is_none() && regular).then_some(kind)
}

/// A mesh of these points and cells. Fields are one value (of their components) for each point and for each cell; the cell
/// field `gmsh:physical` becomes the cells' tags.
pub(super) fn raw_mesh(
    points: Vec<[f64; 3]>,
    cells: Cells,
    point_data: Vec<Field>,
    mut cell_data: Vec<Field>,
) -> Result<RawMesh, Fault> {
    let (mut blocks, order) = blocks(cells)?;
    if let Some(order) = order {
        for field in &mut cell_data {
            let n = field.components;
            let values = order.iter().flat_map(|&i| &field.values[i as usize * n..(i as usize + 1) * n]).copied();
            field.values = values.collect();
        }
    }
    let is_tag =
        |f: &Field| f.name == TAG_FIELD && f.components == 1 && f.values.iter().all(|&t| f64::from(t as i32) == t);
    if let Some(at) = cell_data.iter().position(is_tag) {
        let tags: Vec<i32> = cell_data.remove(at).values.iter().map(|&t| t as i32).collect();
        let mut first = 0;
        for block in &mut blocks {
            let n = block.nodes.len() / block.kind.nodes();
            block.tags = Tags::Each(tags[first..first + n].to_vec());
            first += n;
        }
    }
    Ok(RawMesh { points, blocks, names: Vec::new(), point_data, cell_data })
}

/// The integer cell field that holds Gmsh's physical tags: meshio's convention.
pub(super) const TAG_FIELD: &str = "gmsh:physical";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_one_kind_keep_their_list() {
        let cells = Cells { connectivity: vec![0, 1, 2, 1, 2, 3], ends: vec![3, 6], types: vec![5, 5] };
        let (blocks, order) = blocks(cells).unwrap();
        assert!(order.is_none());
        assert_eq!((blocks[0].kind, &blocks[0].nodes[..]), (ElementKind::Triangle, &[0, 1, 2, 1, 2, 3][..]));
    }

    #[test]
    fn mixed_cells_are_gathered_by_kind_with_their_values() {
        let cells = Cells {
            connectivity: vec![0, 1, 2, 0, 1, 2, 3, 7, 8, 2, 3, 4],
            ends: vec![3, 7, 7, 9, 12],
            types: vec![5, 8, 0, 3, 5],
        };
        let field = |name: &str| Field { name: name.into(), components: 1, values: vec![1.0, 2.0, 3.0, 4.0, 5.0] };
        let raw = raw_mesh(vec![[0.0; 3]; 9], cells, Vec::new(), vec![field("a"), field(TAG_FIELD)]).unwrap();
        let kinds: Vec<_> = raw.blocks.iter().map(|b| (b.kind, b.nodes.len(), b.tags.clone())).collect();
        use ElementKind::*;
        assert_eq!(kinds[0], (Triangle, 6, Tags::Each(vec![1, 5])));
        assert_eq!(kinds[1], (Quad, 4, Tags::Each(vec![2])));
        assert_eq!(kinds[2], (Line, 2, Tags::Each(vec![4])));
        assert_eq!(raw.blocks[1].nodes, [0, 1, 3, 2]);
        assert_eq!(raw.cell_data.len(), 1);
        assert_eq!(raw.cell_data[0].values, [1.0, 5.0, 2.0, 4.0]);
    }

    #[test]
    fn wrong_cells_are_named() {
        let what = |connectivity: Vec<u32>, ends: Vec<u64>, types: Vec<u8>| {
            blocks(Cells { connectivity, ends, types }).unwrap_err().what
        };
        assert_eq!(what(vec![0; 6], vec![3, 2], vec![5, 5]), "cell 1 has the points 3 to 2 of a list of 6");
        assert_eq!(what(vec![0; 6], vec![3, 7], vec![5, 5]), "cell 1 has the points 3 to 7 of a list of 6");
        assert_eq!(what(vec![0; 6], vec![u64::MAX], vec![5]).split(" of a").nth(1), Some(" list of 6"));
        assert_eq!(what(vec![0; 6], vec![3, 6], vec![5, 250]), "cell 1 has the unknown type 250");
        assert_eq!(what(vec![0; 6], vec![3, 6], vec![5, 10]), "cell 1 of type 10 has 3 points, not 4");
        assert_eq!(what(vec![0; 6], vec![3, 6], vec![5]), "2 cells have 1 types");
        assert!(what(vec![0; 6], vec![6], vec![7]).starts_with("cell 0 is a polygon (type 7) of 6 points"));
    }
}
