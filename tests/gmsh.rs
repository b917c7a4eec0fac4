//! Reading and writing Gmsh's MSH files. The small ones were made by `tests/data/make.py`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use filet::mesh::io::{MeshFile, MshEncoding, read, read_bytes, write_msh};
use filet::mesh::{CellKind, Mesh};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn fixture(name: &str) -> MeshFile {
    read(data(name)).unwrap_or_else(|e| panic!("{e}"))
}

/// Corners (in billionths) of the members of a group, each sorted, all sorted: the same whatever the order of cells.
fn members(mesh: &Mesh, name: &str) -> Vec<Vec<[i64; 3]>> {
    let group = mesh.groups.iter().find(|g| g.name == name).unwrap_or_else(|| panic!("no group {name}"));
    let simplices: Vec<&[u32]> = if group.dimension == mesh.dimension() {
        group.members.iter().map(|&c| mesh.cell(c as usize)).collect()
    } else {
        group.members.chunks(group.dimension + 1).collect()
    };
    let corners = |s: &&[u32]| {
        let mut corners: Vec<_> =
            s.iter().map(|&v| mesh.points[v as usize].map(|x| (x * 1e9).round() as i64)).collect();
        corners.sort_unstable();
        corners
    };
    let mut sorted: Vec<_> = simplices.iter().map(corners).collect();
    sorted.sort_unstable();
    sorted
}

fn measure(mesh: &Mesh) -> f64 {
    let at = |v: u32| nalgebra::Vector3::from(mesh.points[v as usize]);
    let one = |c: &[u32]| {
        let normal = (at(c[1]) - at(c[0])).cross(&(at(c[2]) - at(c[0])));
        if let Some(&d) = c.get(3) { normal.dot(&(at(d) - at(c[0]))) / 6.0 } else { normal.z / 2.0 }
    };
    (0..mesh.cell_count()).map(|c| one(mesh.cell(c))).sum()
}

const PLATES: [&str; 6] = [
    "plates_4.1_text.msh",
    "plates_4.1_binary.msh",
    "plates_2.2_text.msh",
    "plates_2.2_binary.msh",
    "plates_order2_4.1_text.msh",
    "plates_order2_2.2_text.msh",
];

#[test]
fn all_versions_hold_the_same_plates() {
    let first = fixture(PLATES[0]).mesh;
    assert_eq!((first.kind, first.points.len()), (CellKind::Triangle, 21));
    for name in PLATES {
        let mesh = fixture(name).mesh;
        assert_eq!((mesh.points.len(), mesh.cell_count()), (first.points.len(), first.cell_count()), "{name}");
        assert!((measure(&mesh) - 2.0).abs() < 1e-12, "{name}");
        let names: Vec<_> = mesh.groups.iter().map(|g| (g.name.as_str(), g.dimension, g.tag)).collect();
        assert_eq!(names, [("corner", 0, 4), ("inlet side", 1, 3), ("left", 2, 1), ("both", 2, 2)], "{name}");
        for (group, ..) in names {
            assert_eq!(members(&mesh, group), members(&first, group), "{name} {group}");
        }
        assert_eq!(members(&mesh, "both").len(), mesh.cell_count());
        assert_eq!(members(&mesh, "left").len(), mesh.cell_count() / 2);
    }
}

/// The mid-edge nodes are all found at the middle of their edges only if the order of nodes is right.
#[test]
fn hexahedra_prisms_and_pyramids_of_both_orders_are_cut() {
    for name in [
        "kinds_4.1_text.msh",
        "kinds_2.2_binary.msh",
        "kinds_order2_complete_4.1_text.msh",
        "kinds_order2_incomplete_4.1_text.msh",
    ] {
        let MeshFile { mesh, notes, .. } = fixture(name);
        assert_eq!((mesh.kind, mesh.points.len(), mesh.cell_count()), (CellKind::Tetrahedron, 11, 11), "{name}");
        assert!((measure(&mesh) - (1.0 + 0.5 + 1.0 / 3.0)).abs() < 1e-12, "{name}");
        assert_eq!((members(&mesh, "body").len(), members(&mesh, "bottom").len()), (11, 2), "{name}");
        let second_order = notes.iter().find(|n| n.contains("second-order"));
        assert_eq!(second_order.is_some(), name.contains("order2"), "{name}: {notes:?}");
        assert!(second_order.is_none_or(|n| n.contains("3 second-order") && n.contains("middle")), "{name}: {notes:?}");
    }
}

#[test]
fn both_orders_of_bytes_are_read() {
    let mut four = b"$MeshFormat\n4.1 1 8\n".to_vec();
    let (ints, words) = (|v: &[i32]| v.to_vec(), |v: &[u64]| v.to_vec());
    let swapped = cfg!(target_endian = "little");
    let put_ints = |out: &mut Vec<u8>, v: Vec<i32>| {
        out.extend(v.iter().flat_map(|x| if swapped { x.to_be_bytes() } else { x.to_le_bytes() }));
    };
    let put_words = |out: &mut Vec<u8>, v: Vec<u64>| {
        out.extend(v.iter().flat_map(|x| if swapped { x.to_be_bytes() } else { x.to_le_bytes() }));
    };
    let corners = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0_f64].map(f64::to_bits);
    put_ints(&mut four, ints(&[1]));
    let mut two = four.clone();
    two[12..19].copy_from_slice(b"2.2 1 8");
    four.extend(b"\n$EndMeshFormat\n$Nodes\n");
    put_words(&mut four, words(&[1, 3, 1, 3]));
    put_ints(&mut four, ints(&[2, 1, 0]));
    put_words(&mut four, words(&[3, 1, 2, 3]));
    put_words(&mut four, words(&corners));
    four.extend(b"\n$EndNodes\n$Elements\n");
    put_words(&mut four, words(&[1, 1, 1, 1]));
    put_ints(&mut four, ints(&[2, 1, 2]));
    put_words(&mut four, words(&[1, 1, 1, 2, 3]));
    four.extend(b"\n$EndElements\n");
    two.extend(b"\n$EndMeshFormat\n$Nodes\n3\n");
    for (i, point) in (1..).zip(corners.chunks(3)) {
        put_ints(&mut two, ints(&[i]));
        put_words(&mut two, words(point));
    }
    two.extend(b"\n$EndNodes\n$Elements\n1\n");
    put_ints(&mut two, ints(&[2, 1, 2, 1, 7, 1, 1, 2, 3]));
    two.extend(b"\n$EndElements\n");
    for data in [four, two] {
        let mesh = read_bytes("swapped.msh", data).unwrap_or_else(|e| panic!("{e}")).mesh;
        assert_eq!((mesh.points[1], mesh.cells), ([1.0, 0.0, 0.0], vec![0, 1, 2]));
    }
}

#[test]
fn what_is_written_reads_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.msh");
    for name in ["plates_4.1_text.msh", "kinds_4.1_text.msh", "plates_2.2_binary.msh"] {
        let mut mesh = fixture(name).mesh;
        mesh.points[0] = mesh.points[0].map(|x| x + 1e-17 / 3.0);
        for encoding in [MshEncoding::Text, MshEncoding::Binary] {
            write_msh(&path, &mesh, encoding).expect("written");
            let back = read(&path).unwrap_or_else(|e| panic!("{name} {encoding:?}: {e}"));
            assert!(back.notes.is_empty(), "{:?}", back.notes);
            assert_eq!((back.mesh.kind, &back.mesh.points), (mesh.kind, &mesh.points));
            assert_eq!(back.mesh.groups.len(), mesh.groups.len());
            for (back_group, group) in back.mesh.groups.iter().zip(&mesh.groups) {
                assert_eq!((&back_group.name, back_group.tag), (&group.name, group.tag));
                assert_eq!(members(&back.mesh, &group.name), members(&mesh, &group.name), "{name} {encoding:?}");
            }
            if name.starts_with("kinds") {
                assert_eq!(back.mesh, mesh, "with one group of cells their order stays");
            }
        }
    }
}

/// A square of `n` by `n` quadrilaterals as text of MSH 2.2, its nodes numbered by `tag`.
fn square(n: usize, tag: impl Fn(usize) -> usize) -> String {
    let mut text = format!("$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\n{}\n", (n + 1) * (n + 1));
    for i in 0..(n + 1) * (n + 1) {
        writeln!(text, "{} {} {:e} 0", tag(i), i % (n + 1), (i / (n + 1)) as f64 / 3.0).unwrap();
    }
    writeln!(text, "$EndNodes\n$Elements\n{}", n * n).unwrap();
    for i in 0..n * n {
        let low = i / n * (n + 1) + i % n;
        let [a, b, c, d] = [low, low + 1, low + n + 2, low + n + 1].map(&tag);
        writeln!(text, "{} 3 2 {} 1 {a} {b} {c} {d}", i + 1, i % 3).unwrap();
    }
    text + "$EndElements\n$NodeData\n1\n\"u\"\n1\n0\n3\n0\n1\n1\n1 2.5\n$EndNodeData\n"
}

/// Long enough for many pieces: the same numbers whatever the threads, the numbering and the line ends.
#[test]
fn threads_and_numbering_do_not_matter() {
    let n = 150;
    let plain = read_bytes("a.msh", square(n, |i| i + 1).into_bytes()).unwrap().mesh;
    assert_eq!((plain.points.len(), plain.cell_count()), ((n + 1) * (n + 1), 2 * n * n));
    assert_eq!(plain.points[n + 2], [1.0, 1.0 / 3.0, 0.0]);
    assert_eq!(plain.groups.iter().map(|g| g.members.len()).sum::<usize>(), 2 * n * n * 2 / 3);
    for tag in [|i| 30_000 - i, |i| 7 * i + 1, |i| 1_000_000_007 * (i + 1)] {
        let text = square(n, tag);
        for text in [text.replace('\n', "\r\n"), text] {
            for threads in [1, 4] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                // The field is given on one node only (or on none that there is) and so is left out or refused.
                let text = text.split("$NodeData").next().unwrap_or_default().to_string().into_bytes();
                let mesh = pool.install(|| read_bytes("a.msh", text)).unwrap_or_else(|e| panic!("{e}")).mesh;
                assert_eq!(mesh, plain);
            }
        }
    }
}

#[test]
fn fields_on_nodes_are_read() {
    let text = square(1, |i| 4 - i).replace("\n1\n1 2.5\n", "\n4\n1 10\n2 20\n3 30\n4 40\n");
    let file = read_bytes("a.msh", text.into_bytes()).unwrap();
    assert_eq!((file.point_data[0].name.as_str(), file.point_data[0].components), ("u", 1));
    assert_eq!(file.point_data[0].values, [40.0, 30.0, 20.0, 10.0]);
    assert!(read_bytes("a.msh", square(1, |i| i + 1).into_bytes()).unwrap().point_data.is_empty());

    let mut binary = std::fs::read(data("plates_4.1_binary.msh")).unwrap();
    binary.extend(b"$NodeData\n1\n\"v\"\n1\n0.0\n3\n0\n3\n21\n");
    for tag in (1..=21_i32).rev() {
        binary.extend(tag.to_le_bytes());
        binary.extend([1.0, 2.0, 3.0].map(|x| x * f64::from(tag)).into_iter().flat_map(f64::to_le_bytes));
    }
    binary.extend(b"\n$EndNodeData\n");
    let field = read_bytes("a.msh", binary).unwrap_or_else(|e| panic!("{e}")).point_data.remove(0);
    assert_eq!((field.components, &field.values[60..]), (3, &[21.0, 42.0, 63.0][..]));
}

/// One edit of a good file each, and what the message must say.
#[test]
fn what_is_wrong_is_said_with_its_place() {
    let good = std::fs::read_to_string(data("plates_4.1_text.msh")).unwrap();
    let old = std::fs::read_to_string(data("plates_2.2_text.msh")).unwrap();
    let node_count = |count: &str| good.replace("$Nodes\n15 21 1 21", &format!("$Nodes\n15 {count} 1 21"));
    let cases = [
        (String::new(), "the file is empty"),
        (good.replace("4.1 0 8", "4 0 8"), "line 2: MSH version 4 is not read"),
        (good.replace("4.1 0 8", "1 0 8"), "line 2: MSH version 1 is not read"),
        (good.replace("4.1 0 8", "4.1 0 4"), "data size 4"),
        (good.replace("4.1 0 8", "4.1 1 8"), "four bytes"),
        (good.replace("4.1 0 8", "x 0 8"), "line 2: expected a version, found \"x\""),
        (node_count("1000000000000"), "the number of nodes is 1000000000000, but the rest of the file has room for"),
        (node_count("99999999999999999999"), "line 30: expected the number of nodes, found \"99999999999999999999\""),
        (node_count("22"), "the number of nodes is 22 at the head of the section, but its blocks hold 21"),
        (node_count("20"), "the number of nodes is 20 at the head of the section, but its blocks hold 21"),
        (good.replace("0 1 0 1\n1\n0 0 0\n", "0 1 0 1\n1\n0 nan 0\n"), "point 1 of 21 has the coordinates (0, NaN, 0)"),
        (good.replace("0 1 0 1\n1\n0 0 0\n", "0 1 0 1\n1\n0 1,5 0\n"), "line 33: expected a coordinate, found \"1,5\""),
        (good.replace("0 1 0 1\n1\n", "0 1 0 1\n2\n"), "line 29: node 2 is there twice"),
        (good.replace("0 1 0 1\n1\n", "0 1 0 1\n77\n"), "an element has node 1, which is not in $Nodes"),
        (good.replace("$EndNodes", "$EndNods"), "expected $EndNodes, found \"$EndNods\""),
        (good.replace("$Nodes", "$Nods"), "$Nods has no end"),
        (good.replace("$Elements", "$Things").replace("$EndElements", "$EndThings"), "21 points but no elements"),
        (
            good.replace("2 \"both\"", "2 both"),
            "line 9: expected a dimension from 0 to 3, a tag and a name between quotes",
        ),
        (good[..good.len() - 20].to_string(), "found"),
        ("$NOD\n1\n1 0 0 0\n$ENDNOD\n".to_string(), "line 1: $NOD stands before $MeshFormat"),
        ("hello".to_string(), "line 1: expected a section such as $Nodes, found \"hello\""),
        (
            "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Elements\n0\n$EndElements\n".to_string(),
            "$Elements stands before $Nodes",
        ),
        (old.replace("\n1 15 2 ", "\n1 26 2 "), "elements of type 26 are not known"),
        (
            old.replace("\n1 15 2 4 6 6\n", "\n1 15 2 4 6\n"),
            "line 37: expected a node's number, found the end of the line",
        ),
        (old.replace("\n1 15 2 4 6 6\n", "\n1 15 2 4 6 6 6\n"), "line 37: expected the end of the line"),
        (old.replace("\n1 15 2 4 6 6\n", "\n"), "but it holds"),
    ];
    for (i, (text, expected)) in cases.into_iter().enumerate() {
        assert!(text != good && text != old, "case {i} ({expected}) changes nothing");
        let error = read_bytes("dir/bad.msh", text.into_bytes()).map(|f| f.mesh.points.len()).expect_err(expected);
        let message = error.to_string();
        assert!(
            message.starts_with("dir/bad.msh") && message.contains(expected),
            "case {i}: {message}\nnot: {expected}"
        );
        assert!(error.help().is_some(), "{message}");
    }
    let error = read(data("plates_4.0_text.msh")).unwrap_err();
    assert!(error.to_string().contains("MSH version 4 ") && error.help().is_some_and(|h| h.contains("-format msh41")));
    assert!(read(data("none.msh")).unwrap_err().to_string().contains("cannot read"));
    assert!(read(data("")).is_err());
    assert!(read_bytes("a.stl", b"solid".to_vec()).unwrap_err().to_string().contains("no mesh file of a known format"));
}

#[test]
fn truncated_and_damaged_files_are_errors_or_meshes_but_no_panics() {
    for name in PLATES.into_iter().chain(["kinds_2.2_binary.msh", "kinds_order2_complete_4.1_text.msh"]) {
        let good = std::fs::read(data(name)).unwrap();
        for length in (0..good.len() - 2).step_by(5) {
            assert!(read_bytes(name, good[..length].to_vec()).is_err(), "{name} cut after {length} bytes");
        }
        for at in (0..good.len()).step_by(3) {
            for value in [0, b' ', b'9', b'-', 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                let _ = read_bytes(name, bad);
            }
        }
    }
}

/// Small cases that fuzzing found worth keeping: meshes or errors, but no panics.
#[test]
fn the_corpus_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/msh");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let path = entry.expect("an entry of the corpus").path();
        if let Err(error) = read(&path) {
            assert!(error.to_string().contains(": "), "{error}");
        }
        count += 1;
    }
    assert!(count > 0);
}
