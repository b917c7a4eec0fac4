//! The voxel grid behind a mesh: symmetric, positive definite, iterations that do not grow, the direct solution, and what
//! happens where no grid suits.

use assert_cmd::Command;
use filet::assembly::{Conductivity, Poisson, System};
use filet::dcdm::shipped_cycle;
use filet::mesh::{Mesh, shapes};
use filet::precond::Preconditioner;
use filet::precond::auxiliary::{AuxiliaryGrid, Background};
use filet::precond::voxel::CycleParameters;
use filet::solver::{Method, Outcome, Report, SolverConfig, StopRule, unobserved};

fn mesh(name: &str) -> Mesh {
    shapes::built_in(name).unwrap().unwrap()
}

fn poisson() -> Poisson {
    Poisson { source: 1.0.into(), ..Default::default() }
}

fn config(method: Method) -> SolverConfig {
    SolverConfig { method, stop: StopRule { rtol: 1e-8, ..StopRule::default() }, ..SolverConfig::default() }
}

fn solve(system: &System, method: Method) -> (Vec<f64>, Report, Method) {
    let mut solver = config(method).build_on(system, &shipped_cycle()).unwrap();
    let mut x = vec![0.0; system.unknowns()];
    let report = solver.solve(&system.a, &system.b, &mut x, &mut unobserved).unwrap();
    assert!(!solver.fell_back());
    (x, report, solver.method)
}

fn grid(system: &System) -> AuxiliaryGrid {
    let background = Background::of(&system.a, system.points(), system.space.mesh.dimension()).unwrap();
    AuxiliaryGrid::new(&system.a, &background, &shipped_cycle()).unwrap()
}

/// The problems: by mesh, boundary condition and coefficient.
fn problems() -> Vec<(&'static str, &'static str, Poisson)> {
    let jump = |p: [f64; 3]| if p[0] > 0.4 { 100.0 } else { 1.0 };
    let jumping = Poisson { conductivity: Conductivity::Scalar(jump.into()), ..poisson() };
    vec![
        ("dirichlet", "square:24", poisson().dirichlet(None, 0.0)),
        ("dirichlet, round", "disc:10", poisson().dirichlet(None, 0.0)),
        ("dirichlet and neumann", "square:20", poisson().dirichlet(Some("left"), 0.0)),
        ("robin", "square:20", poisson().robin(Some("left"), 2.0, 1.0)),
        ("second degree", "l_shape:9", Poisson { degree: 2, ..poisson() }.dirichlet(None, 0.0)),
        ("jump", "square:20", jumping.dirichlet(None, 0.0)),
        ("reaction", "square:20", Poisson { reaction: 10.0.into(), ..poisson() }),
        ("space", "cube:7", poisson().dirichlet(None, 0.0)),
        ("space, neumann", "cube:7", poisson().dirichlet(Some("left"), 0.0)),
        ("space, round", "ball:5", poisson().dirichlet(None, 0.0)),
    ]
}

#[test]
fn solutions_are_those_of_the_direct_solver() {
    for (name, shape, problem) in problems() {
        let mesh = mesh(shape);
        let system = problem.assemble(&mesh).unwrap();
        let ((x, report, method), (y, ..)) = (solve(&system, Method::Dcdm), solve(&system, Method::Direct));
        assert_eq!((report.outcome, method), (Outcome::Converged, Method::Dcdm), "{name}");
        let largest = y.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let off = x.iter().zip(&y).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
        println!("{name}: {} iterations, off by {:.1e}", report.iterations, off / largest);
        assert!(off <= 1e-6 * largest, "{name}: off by {off:.1e} of {largest:.1e}");
        assert!(report.iterations <= 30, "{name}: {} iterations", report.iterations);
    }
}

/// L Lᵀ of a symmetric matrix: whether all pivots are positive.
fn positive_definite(mut a: Vec<Vec<f64>>) -> bool {
    for k in 0..a.len() {
        let pivot = a[k][k];
        if pivot <= 0.0 {
            return false;
        }
        for i in k + 1..a.len() {
            let factor = a[i][k] / pivot;
            for j in k + 1..a.len() {
                a[i][j] -= factor * a[k][j];
            }
        }
    }
    true
}

#[test]
fn the_cycle_is_symmetric_and_positive_definite() {
    for (name, shape, problem) in problems() {
        let mesh = mesh(shape);
        let system = problem.assemble(&mesh).unwrap();
        let (mut cycle, n) = (grid(&system), system.unknowns());
        let columns: Vec<Vec<f64>> = (0..n)
            .map(|j| {
                let (mut unit, mut column) = (vec![0.0; n], vec![f64::NAN; n]);
                unit[j] = 1.0;
                cycle.apply(&unit, &mut column);
                column
            })
            .collect();
        let size = columns.iter().flatten().fold(0.0f64, |m, v| m.max(v.abs()));
        let asymmetry = (0..n)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .fold(0.0f64, |m, (i, j)| m.max((columns[i][j] - columns[j][i]).abs()));
        assert!(asymmetry <= 1e-5 * size, "{name}: {asymmetry:.1e} of {size:.1e}");
        assert!(positive_definite(columns), "{name}");
        assert!(cycle.bytes() > 8 * n);
    }
}

#[test]
fn iterations_do_not_grow_with_the_mesh() {
    for family in
        [["square:16", "square:48", "square:96"], ["disc:8", "disc:24", "disc:48"], ["ball:4", "ball:8", "ball:12"]]
    {
        let counts = family.map(|name| {
            let mesh = mesh(name);
            solve(&poisson().dirichlet(None, 0.0).assemble(&mesh).unwrap(), Method::Dcdm).1.iterations
        });
        println!("{family:?}: {counts:?}");
        assert!(counts[2] <= counts[0].max(8) + 3, "{family:?}: {counts:?}");
    }
}

#[test]
fn the_same_bits_with_any_number_of_threads() {
    let mesh = mesh("disc:40");
    let system = poisson().dirichlet(None, 0.0).assemble(&mesh).unwrap();
    let apply = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut z = vec![0.0; system.unknowns()];
            grid(&system).apply(&system.b, &mut z);
            z
        })
    };
    assert!(apply(1) == apply(3));
}

#[test]
fn where_no_grid_suits_algebraic_multigrid_is_taken_and_said() {
    for (shape, word) in [("graded_square:60", "edges"), ("interval:40", "triangles")] {
        let mesh = mesh(shape);
        let system = poisson().dirichlet(None, 0.0).assemble(&mesh).unwrap();
        let solver = config(Method::Dcdm).build_on(&system, &shipped_cycle()).unwrap();
        assert_eq!(solver.method, Method::PcgAmg, "{shape}");
        assert!(solver.why.contains(word), "{shape}: {}", solver.why);
    }
}

#[test]
fn where_the_numbers_fail_algebraic_multigrid_takes_over() {
    let mesh = mesh("cube:10");
    let system = poisson().dirichlet(None, 0.0).assemble(&mesh).unwrap();
    let mut wrong = CycleParameters::default();
    for numbers in [&mut wrong.space, &mut wrong.plane] {
        numbers.kernel = numbers.kernel.map(|k| k.map(|k| 40.0 * k));
    }
    let mut solver = config(Method::Dcdm).build_on(&system, &wrong).unwrap();
    let mut x = vec![0.0; system.unknowns()];
    let report = solver.solve(&system.a, &system.b, &mut x, &mut unobserved).unwrap();
    assert!(solver.fell_back() && solver.summary().starts_with("amg"), "{}", solver.summary());
    assert_eq!(report.outcome, Outcome::Converged);
    assert_eq!(report.residuals.len(), report.iterations + 1);
    let (y, ..) = solve(&system, Method::Direct);
    assert!(x.iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-6));
}

#[test]
fn the_command_solves_meshes_and_says_what_it_took() {
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_filet")).args(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, error) = run(&["solve", "square:40", "--method", "dcdm", "--json"]);
    assert_eq!(code, 0, "{error}");
    let object: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((object["method"].as_str(), object["outcome"].as_str()), (Some("dcdm"), Some("converged")));
    assert!(error.contains("behind the mesh"), "{error}");
    let (code, _, error) = run(&["solve", "graded_square:60", "--method", "dcdm"]);
    assert!(code == 0 && error.contains("pcg-amg (for dcdm"), "{error}");
    let (code, _, error) = run(&["solve", "square:8", "--method", "gmg"]);
    assert!(code == 2 && error.contains("dcdm"), "{error}");
}
