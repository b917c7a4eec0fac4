//! Meshes made by other people and other programs.

use std::path::Path;

use filet::assembly::Poisson;
use filet::mesh::CellKind::{Tetrahedron, Triangle};
use filet::mesh::io::read;
use filet::mesh::{CellKind, Mesh, quality};
use filet::solver::{SolverConfig, unobserved};

/// File, kind, points, cells, groups (name, dimension, elements): all as meshio reads them, with points that are no corner of
/// a cell left out and two triangles for a quadrilateral.
type Row = (&'static str, CellKind, usize, usize, &'static [(&'static str, usize, usize)]);

const GMSH: &[Row] = &[
    (
        "airfoil.msh",
        Triangle,
        7823,
        14564,
        &[("airfoil", 1, 1022), ("inlet", 1, 12), ("outlet", 1, 12), ("walls", 1, 36), ("air", 2, 14564)],
    ),
    ("annulus.msh", Triangle, 60, 98, &[("exter", 1, 15), ("inter", 1, 7), ("all", 2, 98)]),
    ("beams.msh", Tetrahedron, 289, 851, &[("fixed", 2, 8), ("all", 3, 851)]),
    ("box.msh", Tetrahedron, 358, 1105, &[("front", 2, 104), ("back", 2, 104), ("top", 2, 104), ("all", 3, 1105)]),
    (
        "bracket.msh",
        Tetrahedron,
        1908,
        6072,
        &[("shaft", 2, 110), ("bolts", 2, 240), ("surface", 2, 2990), ("solid", 3, 6072)],
    ),
    ("cube_oriented_sub.msh", Tetrahedron, 81, 184, &[("subdomif", 2, 156), ("subdom", 3, 184)]),
    ("cuubat.msh", Tetrahedron, 419, 1391, &[("interface", 2, 66), ("boundary", 2, 66), ("both", 3, 1391)]),
    ("cylinder_stokes.msh", Triangle, 171, 293, &[]),
    ("heatsink.msh", Triangle, 3201, 5580, &[("chip", 1, 100), ("fins", 1, 720), ("metal", 2, 5580)]),
    ("interface.msh", Triangle, 102, 170, &[("interfacee", 1, 8), ("both", 2, 170)]),
    (
        "internal.msh",
        Triangle,
        158,
        274,
        &[("top", 1, 10), ("bottom", 1, 10), ("left", 1, 10), ("right", 1, 10), ("internal", 1, 5), ("domain", 2, 274)],
    ),
    ("mixedtriquad.msh", Triangle, 56, 16 + 2 * 36, &[("boundary", 1, 22), ("domain", 2, 16 + 2 * 36)]),
    (
        "oriented_squares.msh",
        Triangle,
        154,
        266,
        &[
            ("poly_exterior_points", 0, 4),
            ("poly_exterior", 1, 8),
            ("poly_box___background", 1, 8),
            ("poly_box", 2, 16),
            ("background", 2, 250),
        ],
    ),
    ("quadratic_quad.msh", Triangle, 261, 2 * 237, &[]),
    ("quadratic_sphere_tet.msh", Tetrahedron, 214, 722, &[]),
    ("quadratic_tri.msh", Triangle, 72, 119, &[]),
    ("quadraticsphere.msh", Tetrahedron, 202, 640, &[]),
    ("square.msh", Triangle, 109, 184, &[("left", 1, 8), ("right", 1, 8), ("top", 1, 8), ("all", 2, 184)]),
    ("tagged_gmsh4.msh", Triangle, 55, 80, &[("tagged", 1, 8), ("test", 1, 8), ("all", 2, 80)]),
];

/// All its triangles are clockwise, and the reader turns them.
const VTK: &[Row] = &[("troublesome_mesh.vtk", Triangle, 404, 724, &[])];

/// Name, dimension and number of elements of each group.
fn groups(mesh: &Mesh) -> Vec<(&str, usize, usize)> {
    let width = |d| if d == mesh.dimension() { 1 } else { d + 1 };
    mesh.groups.iter().map(|g| (g.name.as_str(), g.dimension, g.members.len() / width(g.dimension))).collect()
}

/// −Δu = 1 with u = 0 on the boundary, P1 and P2: 0 < u inside and no larger than on the ball around the mesh.
fn solves(name: &str, mesh: &Mesh) {
    quality::check(mesh).unwrap_or_else(|e| panic!("{name}: {e}"));
    let bounds = mesh.bounds();
    let diameter: f64 = (0..3).map(|i| (bounds.max[i] - bounds.min[i]).powi(2)).sum();
    for degree in [1, 2] {
        let problem = Poisson { source: 1.0.into(), degree, ..Default::default() }.dirichlet(None, 0.0);
        let system = problem.assemble(mesh).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut x = vec![0.0; system.unknowns()];
        let mut solver = SolverConfig::default().build(&system.a, mesh.dimension()).unwrap();
        let report = solver.solve(&system.a, &system.b, &mut x, &mut unobserved).unwrap();
        report.require_converged().unwrap_or_else(|e| panic!("{name}: {e}"));
        let greatest = x.iter().copied().fold(0.0, f64::max);
        assert!(greatest > 0.0 && greatest <= diameter / 8.0, "{name}: max u = {greatest}");
    }
}

/// Reads the files of `rows` and of no other with this extension.
fn check(rows: &[Row], extension: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/meshes");
    if !folder.is_dir() {
        println!("../shared/meshes is not here: nothing is checked");
        return;
    }
    for (name, kind, points, cells, expected) in rows {
        let file = read(folder.join(name)).unwrap_or_else(|e| panic!("{e}"));
        let mesh = &file.mesh;
        assert_eq!((mesh.kind, mesh.points.len(), mesh.cell_count()), (*kind, *points, *cells), "{name}");
        assert_eq!(groups(mesh), *expected, "{name}");
        assert!(mesh.cells.iter().all(|&v| (v as usize) < mesh.points.len()), "{name}");
        solves(name, mesh);
    }
    for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("an entry of the folder").path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let listed = rows.iter().any(|row| row.0 == name);
        assert!(listed || !name.ends_with(extension), "{name} is not in the table");
    }
}

#[test]
fn gmsh_files() {
    check(GMSH, ".msh");
}

#[test]
fn vtk_files() {
    check(VTK, ".vtk");
}
