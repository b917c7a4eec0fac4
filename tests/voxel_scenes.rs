//! Voxel scenes: files, the command line on them, and the solver on every family.

use assert_cmd::Command;
use filet::assembly::VoxelSystem;
use filet::hdf5::{Attribute, Layout, Writer};
use filet::mesh::{Mesh, shapes};
use filet::operator::voxel::VoxelOperator;
use filet::solver::{Method, Outcome, SceneSolver, SolverConfig, StopRule, VoxelSolver, unobserved};
use filet::sparse::Cholesky;
use filet::voxel::{
    AIR, FLUID, Family, SOLID, Scene, VoxelGrid, Voxelize, built_in, generate, read, read_pressure, write_pressure,
};
use std::path::Path;

fn filet(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_filet")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// The message of a command that must end with exit code 2 and without a panic.
fn refused(args: &[&str]) -> String {
    let (code, _, message) = filet(args);
    assert!(code == 2 && !message.contains("panicked"), "{args:?}: {message}");
    message
}

#[test]
fn every_family_agrees_with_cholesky_to_1e_9() {
    for family in Family::ALL {
        for (seed, sides) in [&[14usize, 17, 15][..], &[40, 37]].into_iter().enumerate() {
            let scene = generate(family, sides, seed as u64 + 3).unwrap();
            let mut x = vec![0.0; scene.grid.cells()];
            let stop = StopRule { rtol: 1e-12, ..StopRule::default() };
            let report =
                VoxelSolver::new(&scene.grid).unwrap().solve(&scene.rhs, &mut x, &stop, &mut unobserved).unwrap();
            assert_eq!(report.outcome, Outcome::Converged, "{family:?}");
            let system = VoxelSystem::new(&scene.grid, &VoxelOperator::new(&scene.grid)).unwrap();
            let mut exact = system.right_hand_side(&scene.rhs).unwrap();
            Cholesky::new(&system.a).unwrap().solve_in_place(&mut exact);
            let exact = system.pressure(&exact);
            let scale = exact.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            let off = x.iter().zip(&exact).map(|(x, e)| (x - e).abs()).fold(0.0, f64::max);
            assert!(off <= 1e-9 * scale, "{family:?} {sides:?}: off by {off:.1e} of {scale:.1e}");
        }
    }
}

#[test]
fn every_family_takes_few_iterations_and_reaches_1e_10() {
    for family in Family::ALL {
        for (seed, sides) in [&[48usize, 48, 48][..], &[31, 40, 57], &[200, 160]].into_iter().enumerate() {
            let scene = generate(family, sides, seed as u64).unwrap();
            let mut solver = VoxelSolver::new(&scene.grid).unwrap();
            let mut x = vec![0.0; scene.grid.cells()];
            for (rtol, limit) in [(1e-6, 14), (1e-10, 24)] {
                x.fill(0.0);
                let stop = StopRule { rtol, ..StopRule::default() };
                let report = solver.solve(&scene.rhs, &mut x, &stop, &mut unobserved).unwrap();
                let fine = report.outcome == Outcome::Converged && report.iterations <= limit;
                assert!(fine, "{family:?} {sides:?} to {rtol:.0e}: {}, {}", report.outcome, report.iterations);
            }
        }
    }
}

#[test]
fn scenes_and_pressures_come_back_from_their_files() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["smoke:12x9x20", "splash:30x21"] {
        let path = folder.path().join("scene.h5");
        let mut scene = built_in(name, 4).unwrap().unwrap();
        scene.grid.spacing = 0.125;
        scene.write(&path).unwrap();
        assert_eq!(read(&path).unwrap(), scene);
        let path = folder.path().join("pressure.h5");
        write_pressure(&path, &scene.grid, &scene.rhs).unwrap();
        assert_eq!(read_pressure(&path).unwrap(), (scene.grid.sides().to_vec(), scene.rhs));
    }
}

#[test]
fn a_file_of_h5py_is_read_whatever_its_number_types() {
    // Flags as int32, right-hand side as float32: written by h5py 3.
    let scene = read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/h5/scene.h5")).unwrap();
    assert_eq!((scene.grid.sides(), scene.grid.spacing), (&[5, 6, 7][..], 0.25));
    let flag = |i, j, k| scene.grid.flags()[scene.grid.index(i, j, k)];
    assert_eq!((flag(0, 0, 0), flag(2, 3, 3), flag(4, 5, 6)), (FLUID, SOLID, AIR));
    assert_eq!(scene.rhs[14], 2.0);
}

#[test]
fn the_command_solves_describes_and_draws_scenes() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (scene, out, picture) = (file("scene.h5"), file("out.h5"), file("slice.png"));
    assert_eq!(filet(&["mesh", "generate", "pockets:20", "--seed", "2", "-o", &scene]).0, 0);
    let (_, info, _) = filet(&["mesh", "info", &scene, "--json", "--plot", &picture]);
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!((info["cells"].as_u64(), info["compatible"].as_bool()), (Some(8000), Some(true)));
    assert!(info["closed_components"].as_u64().unwrap() > 0 && std::fs::metadata(&picture).unwrap().len() > 1000);
    let mut pressures = Vec::new();
    for method in ["gmg", "direct", "cg", "pcg-jacobi", "pcg-ic", "pcg-deflation", "pcg-amg"] {
        let args = ["solve", &scene, "--method", method, "--rtol", "1e-11", "-o", &out, "--plot", &picture, "--json"];
        let (code, object, message) = filet(&args);
        assert_eq!(code, 0, "{method}: {message}");
        let object: serde_json::Value = serde_json::from_str(&object).unwrap();
        assert_eq!((object["method"].as_str(), object["outcome"].as_str()), (Some(method), Some("converged")));
        pressures.push(read_pressure(&out).unwrap().1);
    }
    for other in &pressures[1..] {
        assert!(pressures[0].iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-7));
    }
    let (code, _, message) = filet(&["solve", "dam:24", "--seed", "5", "--max-iterations", "1"]);
    assert!(code == 1 && message.contains("limit"), "{message}");
}

/// The surface of a mesh of tetrahedra.
fn surface(mesh: &Mesh) -> Mesh {
    let cells = filet::mesh::topology::boundary_facets(mesh);
    Mesh { points: mesh.points.clone(), kind: filet::mesh::CellKind::Triangle, cells, groups: Vec::new() }
}

#[test]
fn a_voxelized_ball_has_its_volume_and_its_surface_gives_the_same_cells() {
    let ball = shapes::built_in("ball:12").unwrap().unwrap();
    // The volume of the mesh: a little less than the ball's.
    let exact = filet::mesh::quality::quality(&ball).measure;
    for cells in [12, 24, 48] {
        let how = Voxelize { cells, ..Voxelize::default() };
        let (scene, shell) = (how.scene(&ball).unwrap(), how.scene(&surface(&ball)).unwrap());
        let volume = scene.grid.fluid_cells() as f64 * scene.grid.spacing.powi(3);
        assert!((volume / exact - 1.0).abs() < 0.6 / cells as f64, "{cells}: {volume} of {exact}");
        assert_eq!(scene.grid.sides(), [cells + 2; 3]);
        let differ = scene.grid.flags().iter().zip(shell.grid.flags()).filter(|(a, b)| a != b).count();
        assert_eq!(differ, 0, "{cells} cells");
    }
}

#[test]
fn voxelized_shapes_in_the_plane_and_what_cannot_be_voxelized() {
    let square = shapes::built_in("square:3").unwrap().unwrap();
    let scene = Voxelize { cells: 10, padding: 2, ..Voxelize::default() }.scene(&square).unwrap();
    assert_eq!((scene.grid.sides(), scene.grid.fluid_cells()), (&[14, 14][..], 100));
    // p = h² x (1 − x) / 2 and so on: −Δp = 1 on the square has its largest value near 0.0737 in the middle.
    let mut p = vec![0.0; scene.grid.cells()];
    let fine = Voxelize { cells: 100, ..Voxelize::default() }.scene(&square).unwrap();
    VoxelSolver::new(&scene.grid).unwrap().solve(&scene.rhs, &mut p, &StopRule::default(), &mut unobserved).unwrap();
    p.resize(fine.grid.cells(), 0.0);
    VoxelSolver::new(&fine.grid).unwrap().solve(&fine.rhs, &mut p, &StopRule::default(), &mut unobserved).unwrap();
    let largest = p.iter().fold(0.0f64, |m, v| m.max(*v));
    assert!((largest - 0.0737).abs() < 3e-3, "{largest}");
    let mut open = surface(&shapes::built_in("cube:2").unwrap().unwrap());
    open.cells.truncate(open.cells.len() - 3);
    let message = Voxelize::default().scene(&open).unwrap_err().to_string();
    assert!(message.contains("3 edges") && message.contains("not closed"), "{message}");
    assert!(Voxelize::default().scene(&shapes::built_in("interval:4").unwrap().unwrap()).is_err());
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("disc.h5").display().to_string();
    let args = ["mesh", "voxelize", "disc:8", "--cells", "40", "--outside", "solid", "-o", &out];
    assert_eq!(filet(&args).0, 0);
    assert!(read(&out).unwrap().rhs.iter().all(|b| *b == 0.0), "a closed domain has no source");
    assert!(refused(&["mesh", "voxelize", "disc:8", "--cells", "0", "-o", &out]).contains("--cells"));
    assert!(refused(&["mesh", "voxelize", "disc:8", "-o", "disc.vtu"]).contains(".h5"));
}

#[test]
fn every_method_gives_the_same_pressure() {
    let scene = generate(Family::Walls, &[16; 3], 2).unwrap();
    let pressure = |method: Method| {
        let config =
            SolverConfig { method, stop: StopRule { rtol: 1e-11, ..Default::default() }, ..Default::default() };
        let mut solver = SceneSolver::new(&config, &scene.grid).unwrap();
        let mut p = vec![0.5; scene.grid.cells()];
        let report = solver.solve(&scene.rhs, &mut p, &mut unobserved).unwrap();
        assert_eq!((report.outcome, solver.method()), (Outcome::Converged, method), "{}", method.name());
        (p, report.iterations)
    };
    let (exact, _) = pressure(Method::Direct);
    let largest = exact.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    // Those with weights are tested in tests/dcdm.rs and tests/learned_cycle.rs.
    for method in Method::ALL.into_iter().filter(|m| ![Method::Dcdm, Method::DcdmNet].contains(m)) {
        let (p, iterations) = pressure(method);
        let off = p.iter().zip(&exact).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
        assert!(off <= 1e-8 * largest, "{}: off by {off:.1e} of {largest:.1e}", method.name());
        assert!(method != Method::GmgPlain || iterations < 60, "{iterations} iterations");
    }
}

#[test]
fn the_command_writes_a_scenes_matrix_and_compares_methods_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let name = |f: &str| folder.path().join(f).display().to_string();
    let (code, _, error) = filet(&["solve", "dam:10", "--matrix-market", &name("dam")]);
    assert!(code == 0 && error.contains("dam_A.mtx"), "{error}");
    let a = filet::sparse::matrix_market::read_matrix(name("dam_A.mtx")).unwrap();
    assert_eq!(a.nrows(), built_in("dam:10", 0).unwrap().unwrap().grid.fluid_cells());
    let picture = name("residuals.png");
    let args =
        ["bench", "--problem", "splash:24,square:5", "--repeat", "1", "--seed", "3", "--csv", "--plot", &picture];
    let (code, table, error) = filet(&args);
    assert_eq!(code, 0, "{error}");
    assert_eq!(table.lines().count(), 1 + 7 + 7, "{table}");
    assert!(table.contains("gmg-plain") && Path::new(&picture).exists());
}

/// A file of DCDM's: a count of 8 bytes and values.
fn write_vector<const N: usize>(path: &Path, values: impl ExactSizeIterator<Item = [u8; N]>) {
    let mut bytes = (values.len() as u64).to_le_bytes().to_vec();
    values.for_each(|v| bytes.extend(v));
    std::fs::write(path, bytes).unwrap();
}

/// A matrix file, from rows of (column, value); values in single precision.
fn write_matrix(path: &Path, rows: &[Vec<(usize, f32)>]) {
    let entries: usize = rows.iter().map(Vec::len).sum();
    let n = rows.len();
    let mut bytes: Vec<u8> = [n, n, entries, n, n].iter().flat_map(|v| (*v as i32).to_le_bytes()).collect();
    bytes.extend(rows.iter().flatten().flat_map(|e| e.1.to_le_bytes()));
    let mut start = 0;
    for row in rows {
        bytes.extend((start as i32).to_le_bytes());
        start += row.len();
    }
    bytes.extend(rows.iter().flatten().flat_map(|e| (e.0 as i32).to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}

fn rows_of(grid: &VoxelGrid) -> Vec<Vec<(usize, f32)>> {
    let operator = VoxelOperator::new(grid);
    let row = |c: usize| {
        let mut row: Vec<(usize, f32)> = operator.neighbours(c).map(|(n, w)| (n, -w as f32)).collect();
        row.push((c, operator.diagonal(c) as f32));
        row.sort_by_key(|e| e.0);
        row
    };
    (0..grid.cells()).map(|c| if grid.flags()[c] == FLUID { row(c) } else { Vec::new() }).collect()
}

#[test]
fn files_of_dcdm_and_its_successor_give_the_same_operator() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    for family in Family::ALL {
        let scene = generate(family, &[12; 3], 5).unwrap();
        let (grid, fluid) = (&scene.grid, |c: &usize| scene.grid.flags()[*c] == FLUID);
        // The successor's: flags, and b on the fluid cells.
        let flags = grid.flags().iter().map(|f| [1i32, 2, 3][usize::from(*f)].to_le_bytes());
        write_vector(&file("flags_1.bin"), flags);
        let b: Vec<[u8; 8]> = (0..grid.cells()).filter(fluid).map(|c| scene.rhs[c].to_le_bytes()).collect();
        write_vector(&file("div_v_star_1.bin"), b.into_iter());
        let (found, named) = (read(file("flags_1.bin")).unwrap(), read(file("div_v_star_1.bin")).unwrap());
        assert_eq!(found.grid, scene.grid, "{}", family.name());
        assert_eq!(found, named);
        assert!((0..grid.cells()).filter(fluid).all(|c| found.rhs[c] == scene.rhs[c]));
        // The first one's: a matrix, and b on all cells.
        write_matrix(&file("A_2.bin"), &rows_of(grid));
        write_vector(&file("div_v_star_2.bin"), scene.rhs.iter().map(|b| b.to_le_bytes()));
        let found = read(file("A_2.bin")).unwrap();
        assert_eq!(rows_of(&found.grid), rows_of(grid), "{}", family.name());
        assert_eq!(found.rhs, scene.rhs);
    }
    // The empty box of the first one's oldest files: cells on its faces hang on the inner ones, edges have no rows.
    let n = 6;
    let on_face = |c: usize| [c / n / n, c / n % n, c % n].iter().filter(|i| **i == 0 || **i == n - 1).count();
    let couples = |a: usize, b: usize| on_face(a).max(on_face(b)) < 2 && on_face(a) + on_face(b) < 2;
    let grid = VoxelGrid::new(&[n; 3], vec![FLUID; n * n * n]).unwrap();
    let rows: Vec<Vec<(usize, f32)>> = (0..grid.cells())
        .map(|c| {
            let mut row = rows_of(&grid)[c].clone();
            row.retain(|(b, _)| *b != c && couples(c, *b));
            row.push((c, row.len() as f32));
            if on_face(c) > 1 { Vec::new() } else { row }
        })
        .collect();
    write_matrix(&file("A_3.bin"), &rows);
    let b: Vec<f64> = (0..grid.cells()).map(|c| if on_face(c) < 2 { (c as f64).sin() } else { 0.0 }).collect();
    write_vector(&file("div_v_star_3.bin"), b.iter().map(|b| b.to_le_bytes()));
    let found = read(file("A_3.bin")).unwrap();
    assert_eq!(found.grid.fluid_cells(), (n - 2usize).pow(3));
    assert!((found.rhs.iter().sum::<f64>() - b.iter().sum::<f64>()).abs() < 1e-12);
    assert_eq!(found.rhs[n * n + n + 1], b[n * n + n + 1] + b[n + 1] + b[n * n + 1] + b[n * n + n]);
    // The command, and what is wrong.
    let name = |f: &str| file(f).display().to_string();
    assert_eq!(filet(&["solve", &name("flags_1.bin"), "-o", &name("p.h5")]).0, 0);
    let bytes = std::fs::read(file("A_2.bin")).unwrap();
    std::fs::write(file("A_4.bin"), &bytes[..bytes.len() - 10]).unwrap();
    assert!(refused(&["solve", &name("A_4.bin")]).contains("left"));
    std::fs::write(file("B_4.bin"), &bytes).unwrap();
    assert!(refused(&["solve", &name("B_4.bin")]).contains("div_v_star_"));
    std::fs::rename(file("div_v_star_3.bin"), file("div_v_star_5.bin")).unwrap();
    assert!(refused(&["solve", &name("div_v_star_5.bin")]).contains("beside it"));
    let mut wrong = rows.clone();
    wrong[n * n + n + 1][0].1 = -0.5;
    write_matrix(&file("A_6.bin"), &wrong);
    assert!(refused(&["solve", &name("A_6.bin")]).contains(&format!("row {}", n * n + n + 1)));
}

#[test]
fn what_is_wrong_with_a_scene_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.h5");
    let name = path.display().to_string();
    let write = |shape: &[usize], flags: &[u8], rhs: Option<(&[usize], &[f64])>, spacing: Option<f64>| {
        let mut writer = Writer::create(&path).unwrap();
        writer.write("flags", shape, flags, Layout::Contiguous).unwrap();
        if let Some((shape, rhs)) = rhs {
            writer.write("rhs", shape, rhs, Layout::Contiguous).unwrap();
        }
        if let Some(h) = spacing {
            writer.attribute("/", "spacing", &Attribute::Float(h)).unwrap();
        }
        writer.finish().unwrap();
        refused(&["solve", &name])
    };
    let flags = [FLUID; 8];
    let has = |message: String, words: &[&str]| {
        assert!(words.iter().all(|w| message.contains(w)) && message.contains("bad.h5"), "{message}");
    };
    has(write(&[8], &flags, None, None), &["/flags", "[8]", "two or three"]);
    has(write(&[2, 2, 2], &[1, 1, 1, 1, 1, 9, 1, 1], None, None), &["flag 9 in cell [1, 0, 1]"]);
    has(write(&[2, 2, 2], &[AIR; 8], None, None), &["without fluid"]);
    has(write(&[2, 2, 2], &flags, Some((&[2, 4], &[0.0; 8])), None), &["/rhs", "[2, 4]", "[2, 2, 2]"]);
    let mut rhs = [0.0; 8];
    rhs[3] = f64::NAN;
    has(write(&[2, 2, 2], &flags, Some((&[2, 2, 2], &rhs)), None), &["NaN in fluid cell [0, 1, 1]"]);
    has(write(&[2, 2, 2], &flags, None, Some(-1.0)), &["spacing", "positive"]);
    rhs[3] = 2.5;
    let message = write(&[2, 2, 2], &flags, Some((&[2, 2, 2], &rhs)), None);
    assert!(message.contains("pocket of 8 cells around cell [0, 0, 0]") && message.contains("2.500e0"), "{message}");
    // Cut short, no scene at all, not there.
    let whole = {
        Scene::new(VoxelGrid::new(&[4, 4, 4], vec![FLUID; 64]).unwrap(), vec![0.0; 64]).unwrap().write(&path).unwrap();
        std::fs::read(&path).unwrap()
    };
    for length in (0..whole.len()).step_by(97) {
        std::fs::write(&path, &whole[..length]).unwrap();
        refused(&["mesh", "info", &name]);
    }
    let mut other = Writer::create(&path).unwrap();
    other.write("pressure", &[2], &[1.0, 2.0], Layout::Contiguous).unwrap();
    other.finish().unwrap();
    has(refused(&["solve", &name]), &["flags"]);
    std::fs::remove_file(&path).unwrap();
    has(refused(&["solve", &name]), &["cannot read"]);
    for (args, word) in [
        (&["solve", "smoke:8", "--degree", "2"][..], "--degree"),
        (&["solve", "smoke:8", "--refine", "1"], "--refine"),
        (&["solve", "smoke:8", "-o", "a.vtu"], ".h5"),
        (&["solve", "smoke:8x"], "not a shape"),
        (&["solve", "square:8", "--method", "gmg"], "voxel scenes"),
        (&["mesh", "generate", "smoke:8", "-o", "a.vtu"], ".h5"),
        (&["mesh", "info", "square:8", "--plot", "a.png"], "--plot"),
    ] {
        assert!(refused(args).contains(word), "{args:?}");
    }
}
