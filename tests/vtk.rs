//! Legacy VTK and VTU: files of VTK and meshio, round trips, wrong and corrupted files.

use std::path::{Path, PathBuf};

use filet::mesh::io::{Compression, Field, FieldView, GridView, MeshFile, read, read_bytes, write_vtu};
use filet::mesh::{CellKind, Group, Mesh};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vtk").join(name)
}

fn message(e: filet::Error) -> String {
    format!("{e}; {}", e.help().unwrap_or_default())
}

fn field<'a>(fields: &'a [Field], name: &str) -> &'a Field {
    fields.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("no field {name}"))
}

#[test]
fn every_encoding_gives_the_same_mesh() {
    let names = [
        "ascii.vtu",
        "inline.vtu",
        "inline_zlib_big.vtu",
        "raw.vtu",
        "raw_zlib.vtu",
        "raw_big.vtu",
        "base64.vtu",
        "base64_zlib.vtu",
        "meshio.vtu",
        "ascii_42.vtk",
        "ascii_51.vtk",
        "binary_42.vtk",
        "binary_51.vtk",
        "meshio.vtk",
    ];
    for name in names {
        let MeshFile { mesh, point_data, cell_data, notes } =
            read(data(name)).unwrap_or_else(|e| panic!("{}", message(e)));
        assert_eq!((mesh.kind, mesh.cell_count(), mesh.points.len()), (CellKind::Tetrahedron, 7, 9), "{name}");
        assert_eq!((mesh.points[6], mesh.points[8]), ([1.0, 1.0, 1.0], [2.0, 0.0, 0.0]), "{name}");
        let u = field(&point_data, "u");
        let flux = field(&point_data, "flux");
        let rounded = point_data.iter().find(|f| f.name.replace('_', " ") == "u float").unwrap();
        for (i, [x, y, z]) in mesh.points.iter().enumerate() {
            let expected = x + 10.0 * y + 100.0 * z;
            assert_eq!((u.values[i], rounded.values[i]), (expected, expected), "{name}");
            assert_eq!(flux.values[3 * i..3 * i + 3], [expected, 2.0 * expected, -expected], "{name}");
        }
        assert_eq!(cell_data.len(), 1, "{name}");
        assert_eq!(field(&cell_data, "number").values, [3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 4.0], "{name}");
        let mut groups: Vec<_> = mesh.groups.iter().map(|g| (g.dimension, g.tag, g.members.len())).collect();
        groups.sort();
        assert_eq!(groups, [(1, 3, 2), (1, 4, 2), (2, 7, 3), (3, 1, 6), (3, 2, 1)], "{name}");
        assert!(notes.iter().any(|n| n.contains("hexahedra")), "{name}: {notes:?}");
    }
}

#[test]
fn other_compressors_are_named() {
    let e = message(read(data("lz4.vtu")).unwrap_err());
    assert!(e.contains("vtkLZ4DataCompressor") && e.contains("zlib or none"), "{e}");
}

/// A square of two triangles with groups of every dimension, two of them overlapping.
fn square() -> Mesh {
    let group = |name: &str, dimension, tag, members: &[u32]| Group {
        name: name.into(),
        dimension,
        tag,
        members: members.into(),
    };
    Mesh {
        points: vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.1]],
        kind: CellKind::Triangle,
        cells: vec![0, 1, 2, 0, 2, 3],
        groups: vec![
            group("corner", 0, 3, &[2]),
            group("left & <right>", 1, 1, &[1, 2, 3, 0]),
            group("bottom", 1, 2, &[0, 1]),
            group("copper", 2, 5, &[1]),
        ],
    }
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vtu");
    let mesh = square();
    let (u, flux) = ([0.1, f64::MIN_POSITIVE, -3.0, 1e300], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    for compression in [Compression::None, Compression::Zlib] {
        let mut grid = GridView::of(&mesh);
        grid.point_fields.push(FieldView { name: "u \"quoted\" >", components: 1, values: &u });
        grid.cell_fields.push(FieldView { name: "flux", components: 3, values: &flux });
        write_vtu(&path, &grid, compression).unwrap();
        let file = read(&path).unwrap();
        assert_eq!(file.mesh.points, mesh.points);
        assert_eq!(file.mesh.cells, mesh.cells);
        let mut groups = file.mesh.groups.clone();
        groups.sort_by_key(|g| (g.dimension, g.tag));
        assert_eq!(groups, mesh.groups);
        assert_eq!(file.point_data, [Field { name: "u \"quoted\" >".into(), components: 1, values: u.to_vec() }]);
        assert_eq!(file.cell_data, [Field { name: "flux".into(), components: 3, values: flux.to_vec() }]);
        assert!(file.notes.is_empty(), "{:?}", file.notes);
    }
}

#[test]
fn a_large_compressed_file_has_many_blocks() {
    let n = 60_000;
    let points: Vec<[f64; 3]> = (0..n).map(|i| [i as f64, (i as f64).sin(), 0.0]).collect();
    let cells: Vec<u32> = (0..n as u32 - 1).flat_map(|i| [i, i + 1]).collect();
    let mesh = Mesh { points, kind: CellKind::Interval, cells, groups: Vec::new() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vtu");
    for compression in [Compression::None, Compression::Zlib] {
        write_vtu(&path, &GridView::of(&mesh), compression).unwrap();
        assert_eq!(read(&path).unwrap().mesh, mesh);
    }
}

#[test]
fn quadratic_cells_keep_their_vertices() {
    let points: Vec<[f64; 3]> =
        vec![[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]];
    let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let mut grid = GridView {
        points: &points,
        kind: CellKind::Triangle,
        quadratic: true,
        cells: &[0, 1, 2, 3, 4, 5],
        point_fields: vec![FieldView { name: "u", components: 1, values: &values }],
        cell_fields: Vec::new(),
        groups: &[],
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vtu");
    write_vtu(&path, &grid, Compression::None).unwrap();
    let file = read(&path).unwrap();
    assert_eq!((file.mesh.cells, file.mesh.points.len()), (vec![0, 1, 2], 3));
    assert_eq!(file.point_data[0].values, [1.0, 2.0, 3.0]);
    grid.cells = &[0, 1, 2, 3, 4, 6];
    assert!(message(write_vtu(&path, &grid, Compression::None).unwrap_err()).contains("the point 6 of 6"));
    grid.cells = &[0, 1, 2, 3];
    assert!(write_vtu(&path, &grid, Compression::None).is_err());
    grid.cells = &[];
    grid.point_fields[0].values = &values[..5];
    assert!(
        message(write_vtu(&path, &grid, Compression::None).unwrap_err()).contains("\"u\" has 5 numbers for 6 points")
    );
}

#[test]
fn groups_of_another_mesh_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.vtu");
    write_vtu(&path, &GridView::of(&square()), Compression::None).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let cells: Vec<u8> = [0u32, 1, 2, 0, 2, 3].iter().flat_map(|v| v.to_le_bytes()).collect();
    let at = bytes.windows(cells.len()).position(|w| w == cells).unwrap();
    let mut other = bytes;
    other[at + 12..at + 24].copy_from_slice(&[2u32, 3, 0].iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
    let file = read_bytes("a.vtu", other).unwrap();
    assert!(file.mesh.groups.iter().all(|g| g.dimension == 2), "{:?}", file.mesh.groups);
    assert!(file.notes.iter().any(|n| n.contains("another mesh")));
}

#[test]
fn several_pieces_are_one_mesh() {
    let piece = |z: f64, u: f64| {
        format!(
            "<Piece NumberOfPoints='3' NumberOfCells='1'><PointData><DataArray type='Float32' Name='u'>{u} 0 0</DataArray></PointData>
             <Points><DataArray type='Float64' NumberOfComponents='3'>0 0 {z} 1 0 {z} 0 1 {z}</DataArray></Points>
             <Cells><DataArray type='Int64' Name='connectivity'>0 1 2</DataArray><DataArray type='Int64' Name='offsets'>3</DataArray>
             <DataArray type='UInt8' Name='types'>5</DataArray></Cells></Piece>"
        )
    };
    let empty = "<Piece NumberOfPoints='0' NumberOfCells='0'/>";
    let file = |pieces: &str| {
        format!("<VTKFile type='UnstructuredGrid'><UnstructuredGrid>{pieces}</UnstructuredGrid></VTKFile>")
    };
    let text = file(&[empty, &piece(0.0, 1.0), empty, &piece(1.0, 2.0)].concat());
    let read = read_bytes("a.vtu", text.into_bytes()).unwrap();
    assert_eq!(read.mesh.cells, [0, 1, 2, 3, 4, 5]);
    assert_eq!(read.point_data[0].values, [1.0, 0.0, 0.0, 2.0, 0.0, 0.0]);
    let text = file(&[piece(0.0, 1.0), piece(1.0, 2.0).replace("'u'", "'v'")].concat());
    assert!(message(read_bytes("a.vtu", text.into_bytes()).unwrap_err()).contains("not in all"));
}

/// A legacy file of one triangle, with something else instead of a part of it.
fn legacy(from: &str, to: &str) -> Vec<u8> {
    let text = "# vtk DataFile Version 3.0\ntitle\nASCII\nDATASET UNSTRUCTURED_GRID\nPOINTS 3 float\n0 0 0\n1 0 0\n0 1 0\n\
                CELLS 1 4\n3 0 1 2\nCELL_TYPES 1\n5\nPOINT_DATA 3\nSCALARS u float 1\nLOOKUP_TABLE default\n1 2 3\n\
                VECTORS v double\n1 0 0 2 0 0 3 0 0\nCELL_DATA 1\nSCALARS k int\n7\n";
    assert!(text.contains(from));
    text.replacen(from, to, 1).into_bytes()
}

#[test]
fn legacy_attributes_are_read() {
    let file = read_bytes("a.vtk", legacy("3.0", "2.0")).unwrap();
    assert_eq!(file.mesh.cells, [0, 1, 2]);
    assert_eq!(field(&file.point_data, "u").values, [1.0, 2.0, 3.0]);
    assert_eq!(field(&file.point_data, "v").components, 3);
    assert_eq!(field(&file.cell_data, "k").values, [7.0]);
    let polygons = legacy("UNSTRUCTURED_GRID", "POLYDATA");
    let polygons = String::from_utf8(polygons).unwrap().replace("CELLS", "POLYGONS").replace("CELL_TYPES 1\n5\n", "");
    assert_eq!(read_bytes("a.vtk", polygons.into_bytes()).unwrap().mesh.cells, [0, 1, 2]);
    let more =
        legacy("SCALARS k", "COLOR_SCALARS c 3\n0 0.5 1\nLOOKUP_TABLE t 1\n0 0 0 1\nNORMALS n float\n0 0 1\nSCALARS k");
    assert_eq!(read_bytes("a.vtk", more).unwrap().cell_data.len(), 3);
    let metadata = legacy("CELLS", "METADATA\nINFORMATION 1\nNAME L2 LOCATION vtk\nDATA 2 0 1\n\nCELLS");
    assert_eq!(read_bytes("a.vtk", metadata).unwrap().mesh.points.len(), 3);
}

#[test]
fn wrong_legacy_files_are_told_where_and_why() {
    let cases = [
        ("# vtk Data", "# xtk Data", "line 2: the first line is not"),
        ("ASCII", "ASKII", "line 3: \"ASKII\" stands where ASCII or BINARY"),
        ("UNSTRUCTURED_GRID", "STRUCTURED_POINTS", "a lattice without cells"),
        ("POINTS 3", "POINTS 30000000000", "line 5: the points should have 90000000000 numbers"),
        ("POINTS 3", "POINTS 9999999999999999999", "are too many"),
        ("POINTS 3 float", "POINTS 3 string", "the array \"points\" holds string"),
        ("1 0 0\n", "1 zero 0\n", "line 7: number 4 of the points is \"zero\""),
        ("1 0 0\n", "1 nan 0\n", "point 2 of 3 has the coordinates"),
        ("CELLS 1 4", "CELLS 1 5", "number 4 of the list of cells is \"CELL_TYPES\""),
        ("CELLS 1 4", "CELLS 2 4", "ends within cell 1 of 2"),
        ("3 0 1 2", "4 0 1 2", "ends within cell 0 of 1"),
        ("3 0 1 2", "2 0 1 2", "1 numbers follow the 1 cells"),
        ("3 0 1 2", "3 0 1 3", "uses point number 3"),
        ("3 0 1 2", "3 0 1 -2", "number 3 of the list of cells is \"-2\""),
        ("CELL_TYPES 1\n5", "CELL_TYPES 1\n99", "cell 0 has the unknown type 99"),
        ("CELL_TYPES 1\n5", "CELL_TYPES 1\n42", "cell 0 is a polyhedron"),
        ("CELL_TYPES 1\n5\n", "", "1 cells have 0 types"),
        ("POINT_DATA 3", "POINT_DATA 4", "values for 4 points follow, there are 3"),
        ("SCALARS u", "SCALERS u", "\"SCALERS\" is no keyword"),
        (
            "CELL_DATA 1\nSCALARS k int\n7\n",
            "CELL_DATA 1\nSCALARS k int\n",
            "the file ends at number 0 of 1 of the array \"k\"",
        ),
        (
            "CELLS 1 4\n3 0 1 2",
            "CELLS 2 3\nOFFSETS vtktypeint64\n0 4\nCONNECTIVITY vtktypeint64\n0 1 2",
            "the points 0 to 4 of a list of 3",
        ),
        (
            "CELLS 1 4\n3 0 1 2",
            "CELLS 2 3\nOFFSETS vtktypeint64\n1 3\nCONNECTIVITY vtktypeint64\n0 1 2",
            "begin with 1, not 0",
        ),
    ];
    for (from, to, expected) in cases {
        let e = message(read_bytes("a.vtk", legacy(from, to)).unwrap_err());
        assert!(e.contains(expected), "{to}: {e}");
    }
}

#[test]
fn wrong_vtu_files_are_told_where_and_why() {
    let ascii = std::fs::read_to_string(data("ascii.vtu")).unwrap();
    let cases = [
        ("type=\"UnstructuredGrid\"", "type=\"PolyData\"", "holds PolyData"),
        ("byte_order=\"LittleEndian\"", "byte_order=\"Middle\"", "byte_order \"Middle\""),
        ("header_type=\"UInt32\"", "header_type=\"UInt7\"", "header_type \"UInt7\""),
        ("NumberOfPoints=\"12\"", "NumberOfPoints=\"99999999999\"", "numbers, not 99999999999 times"),
        ("NumberOfPoints=\"12\"", "NumberOfPoints=\"many\"", "NumberOfPoints=\"many\", not a number"),
        ("NumberOfCells=\"5\"", "NumberOfCells=\"4\"", "not 4 times"),
        ("NumberOfComponents=\"3\" format", "NumberOfComponents=\"0\" format", "not a positive number"),
        ("Name=\"connectivity\"", "Name=\"conn\"", "there is no array \"connectivity\""),
        ("format=\"ascii\"", "format=\"morse\"", "unknown format \"morse\""),
        ("<Points>", "<Pts>", "XML"),
        ("Piece", "Niece", "no <Piece>"),
    ];
    for (from, to, expected) in cases {
        assert!(ascii.contains(from), "{from}");
        let e = message(read_bytes("a.vtu", ascii.replace(from, to).into_bytes()).unwrap_err());
        assert!(e.contains(expected), "{to}: {e}");
    }
    for name in ["raw.vtu", "raw_zlib.vtu", "base64.vtu", "inline.vtu", "binary_51.vtk", "ascii_42.vtk", "meshio.vtu"] {
        let whole = std::fs::read(data(name)).unwrap();
        for end in (0..whole.len()).step_by(7) {
            if let Err(e) = read_bytes(name, whole[..end].to_vec()) {
                assert!(!message(e).is_empty());
            }
        }
    }
}

/// The small wrong files that fuzzing found, and some to start it from.
#[test]
fn the_corpus_gives_meshes_or_errors() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut count = 0;
    for kind in ["vtk", "vtu"] {
        for entry in std::fs::read_dir(corpus.join(kind)).unwrap() {
            let path = entry.unwrap().path();
            let _ = read_bytes(Path::new("a").with_extension(kind), std::fs::read(path).unwrap());
            count += 1;
        }
    }
    assert!(count > 10);
}
