//! Whole solves: CUDA = CPU to rounding, in as many iterations, within the bytes a cell that they are meant to move.

use crate::standin::{cuda, difference, folder};
use filet::dcdm::{CudaNetDirection, DirectionNet, NetDirection, NetSize, shipped_cycle};
use filet::device::cuda::Buffer;
use filet::error::Result;
use filet::nn::{Weights, write_weights};
use filet::operator::LinearOperator;
use filet::operator::voxel::CudaVoxels;
use filet::precond::voxel::CycleParameters;
use filet::solver::{CudaDirectionModel, Method, Outcome, Report, SceneSolver, SolverConfig, StopRule, unobserved};
use filet::sparse::gallery;
use filet::voxel::{Family, Scene, generate};
use std::process::Command;

fn solve(solver: &mut SceneSolver, scene: &Scene) -> (Vec<f64>, Report) {
    let mut p = vec![0.0; scene.grid.cells()];
    let report = solver.solve(&scene.rhs, &mut p, &mut unobserved).unwrap();
    (p, report)
}

fn equal(what: &str, [host, device]: [(Vec<f64>, Report); 2], bound: f64) {
    let off = difference(&device.0, &host.0);
    println!("{what}: {} iterations, {} on the stand-in, {off:.1e} apart", host.1.iterations, device.1.iterations);
    assert_eq!((&host.1.outcome, &device.1.outcome), (&Outcome::Converged, &Outcome::Converged), "{what}");
    assert_eq!(host.1.iterations, device.1.iterations, "{what}");
    assert!(off < bound, "{what}: {off}");
}

#[test]
fn methods_on_scenes_take_the_same_iterations_to_the_same_pressure() {
    let (_shared, cuda) = cuda();
    let families: [(Family, &[usize]); 5] = [
        (Family::Smoke, &[16, 12, 20]),
        (Family::Dam, &[14, 17, 13]),
        (Family::Walls, &[16, 16, 16]),
        (Family::Pockets, &[12, 20, 16]),
        (Family::Splash, &[40, 33]),
    ];
    for (family, sides) in families {
        let scene = generate(family, sides, 5).unwrap();
        for (method, rtol) in [(Method::Gmg, 1e-6), (Method::GmgPlain, 1e-6), (Method::PcgJacobi, 1e-8)] {
            let stop = StopRule { rtol, ..StopRule::default() };
            let config = SolverConfig { method, stop, ..SolverConfig::default() };
            let host = solve(&mut SceneSolver::new(&config, &scene.grid).unwrap(), &scene);
            let device = solve(&mut SceneSolver::on_cuda(&config, &scene.grid, &cuda).unwrap(), &scene);
            equal(&format!("{} {sides:?} {} {rtol:e}", family.name(), method.name()), [host, device], 100.0 * rtol);
        }
        let stop = StopRule { rtol: 1e-6, ..StopRule::default() };
        let parameters = shipped_cycle();
        let mut solver = SceneSolver::with_parameters(&stop, &scene.grid, &parameters).unwrap();
        let host = solve(&mut solver, &scene);
        let mut solver = SceneSolver::with_cuda_parameters(&stop, &scene.grid, &cuda, &parameters).unwrap();
        let device = solve(&mut solver, &scene);
        assert!(!solver.fell_back());
        // The processor's r is single, too: residuals part where its rounding shows, not before.
        let pairs = host.1.residuals.iter().zip(&device.1.residuals).filter(|(r, _)| **r > 3e-6);
        let off = pairs.map(|(a, b)| (a - b).abs() / a).fold(0.0, f64::max);
        assert!(off < 1e-3, "{} {sides:?} dcdm: residuals {off} apart", family.name());
        equal(&format!("{} {sides:?} dcdm", family.name()), [host, device], 1e-4);
    }
}

#[test]
fn single_precision_inside_costs_few_iterations_at_small_tolerances() {
    let (_shared, cuda) = cuda();
    // Where the cycle is poor, as on walls of one cell, its rounding costs conjugacy and an eighth more iterations.
    for (family, sides) in [(Family::Smoke, [16, 12, 20]), (Family::Pockets, [12, 20, 16]), (Family::Walls, [16; 3])] {
        let scene = generate(family, &sides, 5).unwrap();
        for method in [Method::Gmg, Method::GmgPlain] {
            let stop = StopRule { rtol: 1e-10, ..StopRule::default() };
            let config = SolverConfig { method, stop, ..SolverConfig::default() };
            let host = solve(&mut SceneSolver::new(&config, &scene.grid).unwrap(), &scene);
            let device = solve(&mut SceneSolver::on_cuda(&config, &scene.grid, &cuda).unwrap(), &scene);
            let [of_host, of_device] = [&host, &device].map(|(_, report)| report.iterations);
            println!("{} {}: {of_host} iterations, {of_device} on the stand-in", family.name(), method.name());
            assert_eq!(device.1.outcome, Outcome::Converged);
            assert!(of_device <= of_host + of_host / 8 + 1, "{}: {of_host} and {of_device}", family.name());
            assert!(difference(&device.0, &host.0) < 1e-8);
        }
    }
}

#[test]
fn learned_numbers_that_do_not_serve_are_left_for_those_of_analysis() {
    let (_shared, cuda) = cuda();
    let mut parameters = CycleParameters::default();
    // The smoother diverges.
    parameters.space.kernel.iter_mut().for_each(|k| k[0] = 4.0);
    let scene = generate(Family::Smoke, &[12, 16, 14], 1).unwrap();
    let stop = StopRule::default();
    let mut solver = SceneSolver::with_parameters(&stop, &scene.grid, &parameters).unwrap();
    let (host, _) = solve(&mut solver, &scene);
    assert!(solver.fell_back());
    let mut solver = SceneSolver::with_cuda_parameters(&stop, &scene.grid, &cuda, &parameters).unwrap();
    let (device, report) = solve(&mut solver, &scene);
    assert!(solver.fell_back() && report.outcome == Outcome::Converged && report.restarts > 0);
    assert!(difference(&device, &host) < 1e-6);
}

#[test]
fn directions_from_a_net_reduce_the_residual_in_the_same_steps() {
    let (_shared, cuda) = cuda();
    let stop = StopRule { rtol: 1e-6, max_iterations: 6, ..StopRule::default() };
    for (sides, size) in [([8, 9, 12], NetSize::N64), ([6, 8, 10], NetSize { fine: 1, coarse: 1 })] {
        let weights = Weights::of(&mut DirectionNet::new(size, 4), serde_json::Value::Null);
        let scene = generate(Family::Box, &sides, 2).unwrap();
        let net = NetDirection::new(&weights, &scene.grid).unwrap();
        let mut host = SceneSolver::with_directions(&stop, &scene.grid, Box::new(net)).unwrap();
        let net = CudaNetDirection::new(&cuda, &weights, &scene.grid).unwrap();
        let mut device = SceneSolver::with_cuda_directions(&stop, &scene.grid, &cuda, Box::new(net)).unwrap();
        let [(p, of_host), (q, of_device)] = [solve(&mut host, &scene), solve(&mut device, &scene)];
        println!("{sides:?}: {:?}\nand {:?}", of_host.residuals, of_device.residuals);
        assert_eq!((of_host.iterations, of_host.restarts), (of_device.iterations, of_device.restarts));
        assert!(of_host.relative_residual() < of_host.residuals[0]);
        let off =
            of_host.residuals.iter().zip(&of_device.residuals).map(|(a, b)| (a - b).abs() / a).fold(0.0, f64::max);
        assert!(off < 1e-3, "{off}");
        assert!(difference(&q, &p) < 1e-3);
    }
}

#[test]
fn a_model_whose_directions_are_no_good_is_left_for_the_residual() {
    /// Proposes 0, then what cannot be used.
    struct Nothing(usize);
    impl CudaDirectionModel for Nothing {
        fn propose(
            &mut self,
            voxels: &CudaVoxels,
            _: &Buffer<f64>,
            _: &Buffer<f64>,
            d: &mut Buffer<f64>,
        ) -> Result<()> {
            self.0 += 1;
            let value = if self.0.is_multiple_of(2) { 0.0 } else { f64::NAN };
            voxels.cuda().write(&vec![value; voxels.cells()], d)
        }
    }
    let (_shared, cuda) = cuda();
    let scene = generate(Family::Dam, &[5, 6, 7], 2).unwrap();
    let stop = StopRule { rtol: 1e-2, ..StopRule::default() };
    let mut solver = SceneSolver::with_cuda_directions(&stop, &scene.grid, &cuda, Box::new(Nothing(0))).unwrap();
    let (_, report) = solve(&mut solver, &scene);
    assert_eq!((report.outcome, report.restarts), (Outcome::Converged, report.iterations));
}

#[test]
fn sparse_rows_take_the_same_iterations_to_the_same_solution() {
    let (_shared, cuda) = cuda();
    let a = gallery::poisson_2d(22);
    let b: Vec<f64> = (0..a.nrows()).map(|i| 1e9 * (1.0 + (i % 7) as f64)).collect();
    for method in [Method::Cg, Method::PcgJacobi, Method::PcgAmg] {
        let config = SolverConfig { method, ..SolverConfig::default() };
        let run = |mut solver: filet::solver::Solver| {
            let mut x = vec![0.0; b.len()];
            let report = solver.solve(&a, &b, &mut x, &mut unobserved).unwrap();
            (x, report)
        };
        let both = [run(config.build(&a, 2).unwrap()), run(config.build_on_cuda(&a, &cuda).unwrap())];
        equal(method.name(), both, 1e-7);
    }
}

#[test]
fn algebraic_multigrid_on_meshes_takes_the_same_iterations_to_the_same_solution() {
    let (_shared, cuda) = cuda();
    // With several levels: the dense coarsest one, and slices of rows that are not full.
    for a in [gallery::poisson_2d(60), gallery::poisson_3d(13)] {
        let x: Vec<f64> = (0..a.nrows()).map(|i| ((i * i) as f64 * 0.37).sin()).collect();
        let mut b = vec![0.0; x.len()];
        a.apply(&x, &mut b);
        let config = SolverConfig {
            method: Method::PcgAmg,
            stop: StopRule { rtol: 1e-10, ..StopRule::default() },
            ..SolverConfig::default()
        };
        let run = |mut solver: filet::solver::Solver| {
            println!("{}", solver.summary());
            let mut found = vec![0.0; x.len()];
            let report = solver.solve(&a, &b, &mut found, &mut unobserved).unwrap();
            (found, report)
        };
        let both = [run(config.build(&a, 2).unwrap()), run(config.build_on_cuda(&a, &cuda).unwrap())];
        assert!(difference(&both[1].0, &x) < 1e-7);
        equal(&format!("pcg-amg, {} unknowns", a.nrows()), both, 1e-8);
    }
}

#[test]
fn an_iteration_moves_at_most_110_bytes_a_cell() {
    let (_alone, cuda) = crate::standin::cuda_alone();
    let scene = generate(Family::Smoke, &[64, 64, 64], 0).unwrap();
    let cells = scene.grid.cells() as f64;
    let config = |method: Method| SolverConfig { method, ..SolverConfig::default() };
    for method in [Method::Gmg, Method::Dcdm, Method::GmgPlain] {
        let bytes = |iterations: usize| {
            let stop = StopRule { rtol: 1e-14, max_iterations: iterations, ..StopRule::default() };
            let mut solver = match method {
                Method::Dcdm => SceneSolver::with_cuda_parameters(&stop, &scene.grid, &cuda, &shipped_cycle()),
                _ => SceneSolver::on_cuda(&SolverConfig { stop, ..config(method) }, &scene.grid, &cuda),
            }
            .unwrap();
            cuda.take_traffic();
            solve(&mut solver, &scene);
            cuda.take_traffic()
        };
        let (two, three) = (bytes(2), bytes(3));
        let mut an_iteration = 0.0;
        for (name, traffic) in &three {
            let before = two.get(name).copied().unwrap_or_default();
            let part = (traffic.bytes - before.bytes) as f64 / cells;
            println!("{} {name}: {} launches, {part:.2} B a cell", method.name(), traffic.launches - before.launches);
            an_iteration += part;
        }
        println!("{}: {an_iteration:.1} bytes a cell an iteration", method.name());
        assert!(an_iteration < 110.0, "{}: {an_iteration}", method.name());
    }
}

/// The command with the stand-in in place of NVIDIA's libraries.
pub fn filet(args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_filet"));
    command.env("LD_LIBRARY_PATH", folder()).env("XDG_CACHE_HOME", folder().join("cache"));
    let output = command.args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_command_solves_on_the_device_and_says_what_it_is() {
    let (code, _, text) = filet(&["info", "device"]);
    assert!(code == 0 && text.contains("stand-in") && text.contains("8.0"), "{text}");
    let (code, text, _) = filet(&["info", "device", "--json"]);
    let object: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, object["device"]["capability"][0].as_i64()), (0, Some(8)));
    let run = |args: &[&str]| {
        let (code, text, error) = filet(args);
        assert_eq!(code, 0, "{error}");
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let cases: [&[&str]; 8] = [
        &["solve", "smoke:16", "--method", "dcdm", "--json"],
        &["solve", "walls:14", "--json"],
        &["solve", "dam:12", "--method", "gmg-plain", "--json"],
        &["solve", "square:12", "--method", "pcg-jacobi", "--json"],
        &["solve", "disc:20", "--method", "pcg-amg", "--json"],
        &["solve", "cube:9", "--method", "pcg-amg", "--rtol", "1e-10", "--json"],
        &["solve", "walls:8", "--method", "pcg-amg", "--json"],
        &["solve", "smoke:9", "--method", "cg", "--rtol", "1e-4", "--json"],
    ];
    for case in cases {
        let (host, device) = (run(case), run(&[case, &["--device", "cuda"]].concat()));
        assert_eq!((host["device"].as_str(), device["device"].as_str()), (Some("cpu"), Some("cuda")));
        assert_eq!(host["iterations"], device["iterations"], "{case:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    let mut net = DirectionNet::new(NetSize { fine: 1, coarse: 1 }, 4);
    write_weights(&path, &Weights::of(&mut net, serde_json::Value::Null)).unwrap();
    let case = ["solve", "box:8", "--method", "dcdm-net", "--weights", path.to_str().unwrap(), "--max-iterations", "3"];
    let (code, _, error) = filet(&[&case[..], &["--device", "cuda"]].concat());
    assert!(code == 1 && error.contains("a net on the GPU") && error.contains("3 iterations"), "{error}");
    let case = ["operator", "eval", "--data", "darcy-rough:32", "--samples", "2", "--json"];
    let (host, device) = (run(&case), run(&[&case[..], &["--device", "cuda"]].concat()));
    let error = |object: &serde_json::Value| object["relative_l2"].as_f64().unwrap();
    assert_eq!(device["device"].as_str(), Some("cuda"));
    assert!((error(&host) - error(&device)).abs() < 1e-5 * error(&host), "{host} {device}");
    let (code, _, error) = filet(&["solve", "square:12", "--method", "direct", "--device", "cuda"]);
    assert!(code == 2 && error.contains("does not run on a GPU"), "{error}");
    let (code, _, error) = filet(&["solve", "square:12", "--device", "gpu"]);
    assert!(code == 2 && error.contains("possible values: cpu, cuda"), "{error}");
}
