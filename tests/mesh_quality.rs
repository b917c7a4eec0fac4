//! Built-in meshes, refinement and mesh quality against formulas, invariants and hand-made bad meshes.

use std::f64::consts::PI;

use filet::mesh::quality::{Quality, check, quality};
use filet::mesh::topology::{boundary_facets, cells_around, connected_parts, edges};
use filet::mesh::{CellKind, Group, Mesh, refine, shapes};
use proptest::prelude::*;

fn shape(spec: &str) -> Mesh {
    shapes::built_in(spec).expect("a shape").expect("a good size")
}

fn triangles(points: &[[f64; 2]], cells: &[[u32; 3]]) -> Mesh {
    Mesh {
        points: points.iter().map(|p| [p[0], p[1], 0.0]).collect(),
        kind: CellKind::Triangle,
        cells: cells.concat(),
        groups: vec![],
    }
}

/// Vertices − edges + triangles − tetrahedra.
fn euler(mesh: &Mesh) -> i64 {
    let (points, cells) = (mesh.points.len() as i64, mesh.cell_count() as i64);
    let lines = edges(mesh).vertices.len() as i64;
    match mesh.kind {
        CellKind::Interval => points - cells,
        CellKind::Triangle => points - lines + cells,
        CellKind::Tetrahedron => {
            let facets = (4 * cells + boundary_facets(mesh).len() as i64 / 3) / 2;
            points - lines + facets - cells
        }
    }
}

/// Gauss: ∮ x·n / d over the facets, which is the measure of what they enclose if they are outward.
fn enclosed(mesh: &Mesh, facets: &[u32]) -> f64 {
    let p = |v: u32| nalgebra::Vector3::from(mesh.points[v as usize]);
    match mesh.kind {
        CellKind::Interval => p(facets[1]).x - p(facets[0]).x,
        CellKind::Triangle => facets.chunks(2).map(|f| p(f[0]).cross(&p(f[1])).z / 2.0).sum(),
        CellKind::Tetrahedron => facets.chunks(3).map(|f| p(f[0]).dot(&p(f[1]).cross(&p(f[2]))) / 6.0).sum(),
    }
}

fn assert_sound(mesh: &Mesh, what: &str) -> Quality {
    check(mesh).unwrap_or_else(|e| panic!("{what}: {e}"));
    let q = quality(mesh);
    for (defects, name) in [
        (&q.flat_cells, "flat"),
        (&q.reversed_cells, "reversed"),
        (&q.folded_facets, "folded"),
        (&q.branching_facets, "branching"),
        (&q.duplicate_points, "duplicate"),
        (&q.hanging_nodes, "hanging"),
    ] {
        assert_eq!(defects.count, 0, "{what}: {name} {:?}", defects.first);
    }
    assert_eq!((q.parts, q.loose_points, q.ungrouped_boundary_facets), (1, 0, 0), "{what}");
    assert!((enclosed(mesh, &boundary_facets(mesh)) - q.measure).abs() < 1e-12 * q.measure, "{what}");
    let boundary: f64 = q.groups.iter().filter(|g| g.dimension + 1 == q.dimension).map(|g| g.members as f64).sum();
    assert_eq!(boundary as usize, q.boundary_facets, "{what}: groups cover the boundary once");
    q
}

#[test]
fn shapes_are_sound_and_have_the_measures_of_the_formulas() {
    let regular = |sides: f64, r: f64| 0.5 * sides * r * r * (2.0 * PI / sides).sin();
    // spec, cells, Euler characteristic, measure, smallest angle
    let m = 63.0; // points a ring of annulus:8
    let table = [
        ("interval:7", 7, 1, 1.0, None),
        ("square:8", 128, 1, 1.0, Some(45.0)),
        ("square:4x6", 48, 1, 1.0, Some(33.69)),
        ("graded_square:8", 128, 1, 1.0, Some(3.81)),
        ("l_shape:4", 96, 1, 3.0, Some(45.0)),
        ("disc:1", 6, 1, regular(6.0, 1.0), Some(60.0)),
        ("disc:12", 864, 1, regular(72.0, 1.0), Some(44.0)),
        ("annulus:1", 16, 0, regular(8.0, 1.0) - regular(8.0, 0.5), Some(39.0)),
        ("annulus:8", 1008, 0, regular(m, 1.0) - regular(m, 0.5), Some(57.0)),
        ("cube:3", 162, 1, 1.0, Some(45.0)),
        ("ball:1", 8, 1, 4.0 / 3.0, Some(54.73)),
        ("ball:8", 4096, 1, 8.0 * 4.0911 / 8.0, Some(28.9)),
    ];
    for (spec, cells, characteristic, measure, angle) in table {
        let mesh = shape(spec);
        let q = assert_sound(&mesh, spec);
        assert_eq!((q.cells, euler(&mesh)), (cells, characteristic), "{spec}");
        let tolerance = if spec == "ball:8" { 1e-4 } else { 1e-12 };
        assert!((q.measure - measure).abs() < tolerance, "{spec}: {} against {measure}", q.measure);
        match (q.min_angle, angle) {
            (Some(got), Some(least)) => assert!(got > least - 1e-9 && got < least + 1.0, "{spec}: {got}"),
            (got, least) => assert_eq!(got, least),
        }
    }
}

#[test]
fn boundary_groups_are_where_they_say_and_outward() {
    for (spec, sides) in [
        ("interval:5", vec![("left", 0, 0.0), ("right", 0, 1.0)]),
        ("square:3x5", vec![("left", 0, 0.0), ("right", 0, 1.0), ("bottom", 1, 0.0), ("top", 1, 1.0)]),
        (
            "cube:3",
            vec![
                ("left", 0, 0.0),
                ("right", 0, 1.0),
                ("front", 1, 0.0),
                ("back", 1, 1.0),
                ("bottom", 2, 0.0),
                ("top", 2, 1.0),
            ],
        ),
    ] {
        let mesh = shape(spec);
        for (group, (name, axis, at)) in mesh.groups.iter().zip(&sides) {
            assert_eq!(group.name, *name);
            assert!(group.members.iter().all(|&v| mesh.points[v as usize][*axis] == *at), "{spec} {name}");
            let area = quality(&mesh).groups.iter().find(|g| g.name == *name).map(|g| g.measure);
            assert!((area.expect("the group") - 1.0).abs() < 1e-14, "{spec} {name}");
        }
        assert_eq!(mesh.groups.last().map(|g| (g.name.as_str(), g.members.len())), Some(("domain", mesh.cell_count())));
        let all: Vec<u32> = mesh.groups[..sides.len()].iter().flat_map(|g| g.members.clone()).collect();
        assert!((enclosed(&mesh, &all) - 1.0).abs() < 1e-14, "{spec}");
    }
    let annulus = shape("annulus:4");
    let radius = |g: &Group| g.members.iter().map(|&v| annulus.points[v as usize]).map(|p| p[0].hypot(p[1])).collect();
    for (group, r) in annulus.groups.iter().zip([0.5, 1.0]) {
        let radii: Vec<f64> = radius(group);
        assert!(radii.iter().all(|x| (x - r).abs() < 1e-15), "{}", group.name);
    }
    let all = [annulus.groups[0].members.clone(), annulus.groups[1].members.clone()].concat();
    assert!((enclosed(&annulus, &all) - annulus.measure()).abs() < 1e-14);
}

#[test]
fn angles_of_large_round_meshes_stay_good() {
    for (spec, least) in [("disc:100", 43.0), ("annulus:40", 59.0), ("ball:16", 28.0)] {
        let q = quality(&shape(spec));
        assert!(q.min_angle.expect("angles") > least, "{spec}: {:?}", q.min_angle);
        assert!(q.max_aspect.expect("aspects") < 2.1, "{spec}: {:?}", q.max_aspect);
    }
}

#[test]
fn texts_that_are_no_shape_are_left_alone_and_bad_sizes_refused() {
    for path in ["plate.msh", "C:\\mesh.msh", "square", "a/b:3", "disc:3.msh", "disc:sub/file", ":4"] {
        assert!(shapes::built_in(path).is_none(), "{path}");
    }
    for (spec, sentence) in [
        ("sphere:3", "there is no shape \"sphere\""),
        ("disc:0", "not a whole number from 1"),
        ("disc:", "not a whole number from 1"),
        ("disc:+3", "not a whole number from 1"),
        ("disc:3x4", "not a whole number from 1"),
        ("square:3x0", "not a whole number from 1"),
        ("square:99999999999", "not a whole number from 1"),
        ("square:4000000000", "that would be 3.2e19 cells"),
        ("cube:4000000000", "that would be 3.8e29 cells"),
        ("interval:4000000000", "that would be 4.0e9 cells"),
    ] {
        let error = shapes::built_in(spec).expect("a shape").expect_err(spec).to_string();
        assert!(error.contains(sentence) && error.contains(spec), "{spec}: {error}");
    }
}

#[test]
fn refinement_keeps_measures_groups_and_shapes() {
    for spec in ["interval:3", "square:2x3", "l_shape:1", "disc:2", "annulus:2", "cube:1", "ball:1"] {
        let mut mesh = shape(spec);
        let before = assert_sound(&mesh, spec);
        for _ in 0..3 {
            mesh = refine(&mesh).expect("small enough");
        }
        let after = assert_sound(&mesh, spec);
        assert_eq!(after.cells, before.cells << (3 * before.dimension), "{spec}");
        assert!((after.measure - before.measure).abs() < 1e-13, "{spec}");
        for (a, b) in after.groups.iter().zip(&before.groups) {
            assert_eq!((&a.name, a.dimension), (&b.name, b.dimension));
            let points = if b.dimension == 0 { 1.0 } else { 0.0 } * (a.members as f64 - b.members as f64);
            assert!((a.measure - b.measure).abs() < 1e-13 && points == 0.0, "{spec} {}", a.name);
        }
        assert_eq!(euler(&mesh), euler(&shape(spec)), "{spec}");
        if before.dimension == 2 {
            assert!((after.min_angle.expect("angles") - before.min_angle.expect("angles")).abs() < 1e-9, "{spec}");
        }
        assert!((after.max_edge - before.max_edge / 8.0).abs() < 0.3 * after.max_edge, "{spec}");
    }
}

#[test]
fn descendants_of_one_tetrahedron_fall_into_three_classes() {
    let points = vec![[0.0, 0.0, 0.0], [1.0, 0.1, 0.0], [0.3, 0.9, 0.2], [0.2, 0.4, 1.1]];
    let mut mesh = Mesh { points, kind: CellKind::Tetrahedron, cells: vec![0, 1, 2, 3], groups: vec![] };
    let mut classes = std::collections::BTreeSet::new();
    for level in 0..5 {
        check(&mesh).expect("positive volumes");
        for c in 0..mesh.cell_count() {
            let p = mesh.cell_points(c).map(nalgebra::Vector3::from);
            let mut lengths: Vec<f64> = (0..4).flat_map(|i| (0..i).map(move |j| (p[i] - p[j]).norm())).collect();
            lengths.sort_by(f64::total_cmp);
            let scale = f64::from(1 << level);
            classes.insert(lengths.iter().map(|l| (l * scale * 1e6).round() as i64).collect::<Vec<_>>());
        }
        if level < 4 {
            mesh = refine(&mesh).expect("small enough");
        }
    }
    assert_eq!(classes.len(), 3, "Bey 1995, theorem 2");
}

#[test]
fn a_group_that_is_not_of_the_mesh_cannot_be_refined() {
    let mut mesh = triangles(&[[0., 0.], [1., 0.], [1., 1.], [0., 1.]], &[[0, 1, 2], [0, 2, 3]]);
    mesh.groups.push(Group { name: "cut".into(), dimension: 1, tag: 1, members: vec![1, 3] });
    let error = refine(&mesh).expect_err("no such edge").to_string();
    assert!(error.contains("\"cut\"") && error.contains("points 1 and 3"), "{error}");
}

#[test]
fn flat_cells_are_found_and_refused() {
    let mesh = triangles(&[[0., 0.], [1., 0.], [2., 0.], [1., 1.], [1., 1e-13]], &[[0, 1, 3], [0, 1, 2], [0, 2, 4]]);
    let q = quality(&mesh);
    assert_eq!(q.flat_cells.count, 2);
    assert_eq!((q.flat_cells.first[0].cells[0], q.flat_cells.first[0].at), (1, [1., 0., 0.]));
    assert_eq!(q.max_aspect, Some(f64::INFINITY));
    let error = check(&mesh).expect_err("flat");
    assert_eq!(error.to_string(), "mesh: cell 1 with the vertices (0, 0) (1, 0) (2, 0) has no volume (2 such cells)");
    assert!(error.help().is_some());
}

#[test]
fn reversed_and_folded_cells_are_told_apart() {
    // The middle point of a fan of four is dragged out of the square: two cells turn over.
    let square = [[0., 0.], [1., 0.], [1., 1.], [0., 1.], [1.5, 0.5]];
    let fan = [[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]];
    let tangled = triangles(&square, &fan);
    let q = quality(&tangled);
    assert_eq!((q.reversed_cells.count, q.folded_facets.count), (1, 2));
    let error = check(&tangled).expect_err("tangled").to_string();
    assert!(
        error.starts_with("mesh: cell 1 with the vertices (1, 0) (1, 1) (1.5, 0.5) is inverted (1 such cell"),
        "{error}"
    );
    // Listed counter-clockwise it is still folded.
    let mut turned = fan;
    turned[1] = [2, 1, 4];
    let q = quality(&triangles(&square, &turned));
    assert_eq!((q.reversed_cells.count, q.folded_facets.count), (0, 2));
    assert_eq!(q.folded_facets.first[0].cells, [0, 1]);
    let error = check(&triangles(&square, &turned)).expect_err("folded").to_string();
    assert!(
        error.contains("cells 0 and 1 with") && error.contains("the same side") && error.contains("(2 such"),
        "{error}"
    );
    // All clockwise: reversed everywhere, folded nowhere.
    let clockwise = triangles(&[[0., 0.], [1., 0.], [1., 1.], [0., 1.]], &[[0, 2, 1], [0, 3, 2]]);
    let q = quality(&clockwise);
    assert_eq!((q.reversed_cells.count, q.folded_facets.count), (2, 0));
}

#[test]
fn folded_intervals_and_tetrahedra_are_found() {
    let points = vec![[0., 0., 0.], [2., 0., 0.], [1., 0., 0.]];
    let line = Mesh { points, kind: CellKind::Interval, cells: vec![0, 1, 2, 1], groups: vec![] };
    assert_eq!(quality(&line).folded_facets.count, 1);
    assert!(check(&line).is_err());
    let points = vec![[0., 0., 0.], [1., 0., 0.], [0., 1., 0.], [0., 0., 1.], [0.1, 0.1, 2.]];
    let pair = Mesh { points, kind: CellKind::Tetrahedron, cells: vec![0, 1, 2, 3, 0, 1, 2, 4], groups: vec![] };
    assert_eq!(quality(&pair).folded_facets.count, 1);
    let error = check(&pair).expect_err("overlap").to_string();
    assert!(error.contains("(0.1, 0.1, 2)"), "{error}");
}

#[test]
fn facets_of_three_cells_are_refused_in_the_plane_only() {
    let mut mesh = triangles(&[[0., 0.], [1., 0.], [0., 1.], [0., -1.], [1., 1.]], &[[0, 1, 2], [1, 0, 3], [0, 1, 4]]);
    let q = quality(&mesh);
    assert_eq!((q.branching_facets.count, q.branching_facets.first[0].at), (1, [0.5, 0., 0.]));
    assert_eq!(q.branching_facets.first[0].cells, [0, 1, 2]);
    let error = check(&mesh).expect_err("three").to_string();
    assert!(error.contains("facet with the vertices (0, 0) (1, 0): cells [0, 1, 2] (1 such facet)"), "{error}");
    mesh.points[4][2] = 1.0; // three sheets that meet in an edge are a surface
    check(&mesh).expect("a surface");
}

#[test]
fn numbers_that_are_none_are_refused() {
    let good = triangles(&[[0., 0.], [1., 0.], [0., 1.]], &[[0, 1, 2]]);
    check(&good).expect("good");
    for (spoil, sentence) in [
        (
            Box::new(|m: &mut Mesh| m.cells[1] = 3) as Box<dyn Fn(&mut Mesh)>,
            "cell 0 has the points [0, 3, 2], but there are 3 points",
        ),
        (
            Box::new(|m| m.points[1][0] = f64::NAN),
            "cell 0 has the vertices (0, 0) (NaN, 0) (0, 1), not all of them finite",
        ),
        (Box::new(|m| m.cells.clear()), "there are no cells"),
        (Box::new(|m| m.cells.truncate(2)), "2 vertices do not make cells of 3"),
    ] {
        let mut mesh = good.clone();
        spoil(&mut mesh);
        let error = check(&mesh).expect_err(sentence).to_string();
        assert!(error.contains(sentence), "{error}");
    }
}

#[test]
fn duplicate_points_are_found() {
    let mut mesh = shape("square:6");
    let copy = mesh.points[17];
    mesh.points.push([copy[0], copy[1] + 1e-14, 0.0]);
    mesh.points.push(copy);
    mesh.points.push(mesh.points[3]);
    let d = quality(&mesh).duplicate_points;
    assert_eq!(d.count, 3);
    assert_eq!(d.first.iter().map(|d| d.points.clone()).collect::<Vec<_>>(), [[3, 51], [17, 49], [17, 50]]);
    assert_eq!(quality(&mesh).loose_points, 3);
}

#[test]
fn hanging_nodes_are_found_in_the_plane_and_in_space() {
    // The right half of a square refined, the left one not.
    let mesh = triangles(
        &[[0., 0.], [1., 0.], [1., 1.], [0., 1.], [2., 0.], [2., 1.], [1., 0.5]],
        &[[0, 1, 2], [0, 2, 3], [1, 4, 6], [4, 5, 6], [5, 2, 6]],
    );
    let h = quality(&mesh).hanging_nodes;
    assert_eq!(h.count, 1);
    assert_eq!(h.first[0].points[0], 6);
    check(&mesh).expect("hanging nodes are reported, not refused");
    // Two tetrahedra over one face, the upper one cut in two by a node on an edge of the face.
    let points = vec![[0., 0., 0.], [1., 0., 0.], [0., 1., 0.], [0., 0., -1.], [0.2, 0.2, 1.], [0.5, 0., 0.]];
    let cells = vec![0, 2, 1, 3, 0, 5, 2, 4, 5, 1, 2, 4];
    let mesh = Mesh { points, kind: CellKind::Tetrahedron, cells, groups: vec![] };
    check(&mesh).expect("positive volumes");
    let h = quality(&mesh).hanging_nodes;
    assert_eq!((h.count, h.first[0].points[0]), (1, 5));
    // A face of a refined cube against an unrefined one: an inner node and four on the edges and the diagonal.
    let (coarse, mut fine) = (shape("cube:1"), shape("cube:2"));
    fine.points.iter_mut().for_each(|p| p[0] += 1.0);
    let offset = coarse.points.len() as u32;
    let points = [coarse.points, fine.points].concat();
    let cells = coarse.cells.iter().copied().chain(fine.cells.iter().map(|v| v + offset)).collect();
    let both = Mesh { points, kind: CellKind::Tetrahedron, cells, groups: vec![] };
    let q = quality(&both);
    assert_eq!((q.hanging_nodes.count, q.duplicate_points.count, q.parts), (5, 4, 2));
}

#[test]
fn parts_and_ungrouped_facets_are_counted() {
    let mut mesh = shape("square:3");
    let copy = mesh.clone();
    let offset = mesh.points.len() as u32;
    mesh.points.extend(copy.points.iter().map(|p| [p[0] + 2.0, p[1], 0.0]));
    mesh.cells.extend(copy.cells.iter().map(|v| v + offset));
    let q = quality(&mesh);
    assert_eq!((q.parts, q.boundary_facets, q.ungrouped_boundary_facets), (2, 24, 12));
    assert_eq!(connected_parts(&mesh).of_points[offset as usize], 1);
}

#[test]
fn quality_is_serialized_with_null_for_what_is_not() {
    let json = serde_json::to_value(quality(&shape("interval:2"))).expect("JSON");
    assert!(json["min_angle"].is_null());
    assert_eq!(json["groups"][2]["name"], "domain");
    assert_eq!(json["min_edge"], 0.5);
}

#[test]
fn thread_counts_do_not_change_a_bit() {
    for spec in ["graded_square:130", "ball:10"] {
        let results = [1, 4].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| {
                let mesh = refine(&shape(spec)).expect("small enough");
                let around = cells_around(&mesh.cells, mesh.dimension() + 1, mesh.points.len());
                let found = (boundary_facets(&mesh), edges(&mesh), around, connected_parts(&mesh));
                (quality(&mesh), found, mesh)
            })
        });
        assert!(results[0] == results[1], "{spec}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn shape_numbers_do_not_change_under_similarity(
        axis in prop::array::uniform3(-1.0..1.0f64), angle in 0.0..6.0f64, scale in 0.01..100.0f64,
        shift in prop::array::uniform3(-5.0..5.0f64), stretch in prop::array::uniform3(0.2..3.0f64), which in 0..2usize,
    ) {
        let mut mesh = shape(["disc:3", "ball:2"][which]);
        for p in &mut mesh.points { for a in 0..3 { p[a] *= stretch[a]; } }
        let before = quality(&mesh);
        let axis = nalgebra::Unit::new_normalize(nalgebra::Vector3::from(axis).add_scalar(1.5));
        let turn = nalgebra::Rotation3::from_axis_angle(&axis, angle);
        for p in &mut mesh.points {
            *p = (turn * nalgebra::Vector3::from(*p) * scale + nalgebra::Vector3::from(shift) * scale).into();
        }
        check(&mesh).expect("sound");
        let after = quality(&mesh);
        let close = |a: Option<f64>, b: Option<f64>| (a.unwrap() - b.unwrap()).abs() < 1e-9 * a.unwrap();
        prop_assert!(close(before.min_angle, after.min_angle) && close(before.median_angle, after.median_angle));
        prop_assert!(close(before.max_aspect, after.max_aspect) && close(before.median_aspect, after.median_aspect));
        let factor = scale.powi(before.dimension as i32);
        prop_assert!((after.measure - before.measure * factor).abs() < 1e-12 * after.measure);
        prop_assert!((after.mean_edge - before.mean_edge * scale).abs() < 1e-12 * after.mean_edge);
        prop_assert!(before.max_aspect.unwrap() >= 1.0 - 1e-12);
    }
}
