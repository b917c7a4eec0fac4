use super::*;

fn block(kind: ElementKind, nodes: &[u32], tags: Tags) -> Block {
    Block { kind, nodes: nodes.to_vec(), tags }
}

fn untagged() -> Tags {
    Tags::Block(vec![])
}

fn imported(points: &[[f64; 3]], blocks: Vec<Block>) -> Result<MeshFile> {
    import(Path::new("a.msh"), RawMesh { points: points.to_vec(), blocks, ..Default::default() })
}

const SQUARE: [[f64; 3]; 4] = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]];

#[test]
fn a_quadrilateral_is_cut_through_its_smallest_corner_and_hands_on_its_data() {
    let mut points = vec![[9.0, 9.0, 9.0]];
    points.extend(SQUARE);
    let raw = RawMesh {
        points,
        blocks: vec![
            block(ElementKind::Line, &[3, 4], Tags::Block(vec![7])),
            block(ElementKind::Quad, &[2, 3, 4, 1], Tags::Each(vec![5])),
        ],
        names: vec![(1, 7, "top".into()), (2, 8, "nowhere".into())],
        point_data: vec![Field { name: "u".into(), components: 1, values: vec![9.0, 0.0, 1.0, 2.0, 3.0] }],
        cell_data: vec![Field { name: "k".into(), components: 2, values: vec![0.0, 0.0, 3.0, 4.0] }],
    };
    let file = import(Path::new("a.vtk"), raw).unwrap();
    assert_eq!(file.mesh.points, SQUARE);
    assert_eq!(file.mesh.cells, [0, 1, 2, 0, 2, 3]);
    let group = |name: &str, dimension, tag, members: &[u32]| crate::mesh::Group {
        name: name.into(),
        dimension,
        tag,
        members: members.to_vec(),
    };
    assert_eq!(file.mesh.groups, [group("top", 1, 7, &[2, 3]), group("5", 2, 5, &[0, 1])]);
    assert_eq!(file.point_data[0].values, [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(file.cell_data[0].values, [3.0, 4.0, 3.0, 4.0]);
    assert_eq!(
        file.notes,
        [
            "1 quadrilaterals cut into 2 triangles",
            "1 of 5 points left out: no cell has them as a corner",
            "group \"nowhere\" (dimension 2, tag 8) has no elements and is left out",
        ]
    );
}

#[test]
fn a_repeated_element_is_one_cell_in_several_groups() {
    let tags = Tags::Each(vec![1, 1, 2, 0]);
    let file =
        imported(&SQUARE, vec![block(ElementKind::Triangle, &[0, 1, 2, 0, 2, 3, 2, 0, 1, 3, 2, 0], tags)]).unwrap();
    assert_eq!(file.mesh.cells, [0, 1, 2, 0, 2, 3]);
    let groups: Vec<_> = file.mesh.groups.iter().map(|g| (g.tag, g.members.clone())).collect();
    assert_eq!(groups, [(1, vec![0, 1]), (2, vec![0])]);
    assert_eq!(file.notes, ["2 repeated or collapsed cells merged or left out"]);
}

#[test]
fn cells_are_turned_to_positive_area_and_volume_where_that_has_a_meaning() {
    let clockwise = vec![block(ElementKind::Triangle, &[0, 2, 1], untagged())];
    let file = imported(&SQUARE[..3], clockwise.clone()).unwrap();
    assert_eq!((file.mesh.cells, file.notes.len()), (vec![0, 1, 2], 1));
    let tilted = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 1.0]];
    assert_eq!(imported(&tilted, clockwise).unwrap().mesh.cells, [0, 2, 1]);
    let corners = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let file = imported(&corners, vec![block(ElementKind::Tetrahedron, &[1, 0, 2, 3], untagged())]).unwrap();
    assert_eq!(file.mesh.cells, [1, 0, 3, 2]);
}

#[test]
fn second_order_elements_keep_their_corners_and_tell_their_bend() {
    let middle = |a: [f64; 3], b: [f64; 3]| [0, 1, 2].map(|i| 0.5 * (a[i] + b[i]));
    let [a, b, c, _] = SQUARE;
    let mut points = vec![a, b, c, middle(a, b), middle(b, c), middle(c, a)];
    let triangle = vec![block(ElementKind::Triangle6, &[0, 1, 2, 3, 4, 5], untagged())];
    let file = imported(&points, triangle.clone()).unwrap();
    assert_eq!((file.mesh.points.as_slice(), file.mesh.cells.as_slice()), (&SQUARE[..3], &[0, 1, 2][..]));
    assert!(file.notes[0].contains("1 second-order elements") && file.notes[0].contains("straight edges"));
    points[3][1] = -0.15;
    assert!(imported(&points, triangle).unwrap().notes[0].contains("up to 1.5e-1 edge lengths"));
}

/// A quadrilateral on the boundary is cut as the face of the hexahedron that it lies on.
#[test]
fn boundary_quadrilaterals_match_the_faces_of_the_cut_hexahedra() {
    let order = [6, 2, 0, 5, 3, 7, 1, 4];
    let mut points = vec![[0.0; 3]; 8];
    for (corner, &number) in order.iter().enumerate() {
        let bit = |b| f64::from(u8::from(b));
        points[number as usize] = [bit(matches!(corner % 4, 1 | 2)), bit(corner % 4 > 1), bit(corner > 3)];
    }
    let faces: Vec<u32> =
        ElementKind::Hexahedron.faces().iter().flat_map(|f| f.iter().map(|&i| order[i as usize])).collect();
    let blocks = vec![
        block(ElementKind::Quad, &faces, Tags::Block(vec![1])),
        block(ElementKind::Hexahedron, &order, untagged()),
    ];
    let file = imported(&points, blocks).unwrap();
    assert_eq!(file.mesh.cell_count(), 6);
    let boundary = &file.mesh.groups[0];
    assert_eq!((boundary.dimension, boundary.members.len()), (2, 36));
    for face in boundary.members.chunks(3) {
        assert!((0..6).any(|c| face.iter().all(|v| file.mesh.cell(c).contains(v))), "{face:?}");
    }
}

#[test]
fn collapsed_hexahedra_give_fewer_tetrahedra() {
    // A prism written as a hexahedron with two edges of no length.
    let points = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 1.0, 1.0]];
    let file = imported(&points, vec![block(ElementKind::Hexahedron, &[0, 1, 2, 2, 3, 4, 5, 5], untagged())]).unwrap();
    let mesh = file.mesh;
    let volume = |c: usize| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| nalgebra::Vector3::from(mesh.points[mesh.cell(c)[i] as usize]));
        (b - a).cross(&(c - a)).dot(&(d - a)) / 6.0
    };
    assert!((0..mesh.cell_count()).all(|c| volume(c) > 0.1), "{:?}", mesh.cells);
    assert!(((0..mesh.cell_count()).map(volume).sum::<f64>() - 0.5).abs() < 1e-12);
}

#[test]
fn what_is_wrong_is_said() {
    let triangle = |nodes: &[u32]| vec![block(ElementKind::Triangle, nodes, untagged())];
    let text = |result: Result<MeshFile>| result.unwrap_err().to_string();
    let mut points = SQUARE;
    assert!(text(imported(&points, vec![])).contains("4 points but no elements"));
    let point = vec![block(ElementKind::Point, &[0], untagged())];
    assert!(text(imported(&points, point)).contains("only point elements"));
    assert!(
        text(imported(&points, triangle(&[0, 1, 2, 0, 2, 4])))
            .contains("element 2 of the triangles uses point number 4")
    );
    let collapsed = vec![block(ElementKind::Quad, &[0, 0, 1, 1], untagged())];
    assert!(text(imported(&points, collapsed)).contains("collapsed"));
    points[2][1] = f64::NAN;
    assert!(text(imported(&points, triangle(&[0, 1, 2]))).contains("point 3 of 4 has the coordinates (1, NaN, 0)"));
}
