//! Whole solves: CUDA = CPU to rounding, in as many iterations, within the bytes a cell that they are meant to move.

use crate::standin::{cuda, difference, folder};
use filet::dcdm::{CudaNetDirection, DirectionNet, NetDirection, NetSize};
use filet::nn::Weights;
use filet::solver::{Method, Outcome, Report, SceneSolver, SolverConfig, StopRule, unobserved};
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
        for (method, rtol) in [(Method::GmgPlain, 1e-6), (Method::GmgPlain, 1e-10), (Method::PcgJacobi, 1e-8)] {
            let stop = StopRule { rtol, ..StopRule::default() };
            let config = SolverConfig { method, stop, ..SolverConfig::default() };
            let host = solve(&mut SceneSolver::new(&config, &scene.grid).unwrap(), &scene);
            let device = solve(&mut SceneSolver::on_cuda(&config, &scene.grid, &cuda).unwrap(), &scene);
            equal(&format!("{} {sides:?} {} {rtol:e}", family.name(), method.name()), [host, device], 100.0 * rtol);
        }
    }
}

#[test]
fn directions_from_a_net_take_the_same_iterations_to_the_same_pressure() {
    let (_shared, cuda) = cuda();
    let stop = StopRule { rtol: 1e-3, ..StopRule::default() };
    let shipped = filet::nn::parse_weights("shipped", filet::dcdm::SHIPPED).unwrap();
    let small = Weights::of(&mut DirectionNet::new(NetSize { fine: 1, coarse: 1 }, 4), serde_json::Value::Null);
    for (sides, weights) in [([8, 9, 12], &shipped), ([6, 8, 10], &small)] {
        let scene = generate(Family::Box, &sides, 2).unwrap();
        let net = NetDirection::new(weights, &scene.grid).unwrap();
        let host = SceneSolver::with_directions(&stop, &scene.grid, Box::new(net)).map(|mut s| solve(&mut s, &scene));
        let net = CudaNetDirection::new(&cuda, weights, &scene.grid).unwrap();
        let mut device = SceneSolver::with_cuda_directions(&stop, &scene.grid, &cuda, Box::new(net)).unwrap();
        equal(&format!("dcdm-net {sides:?}"), [host.unwrap(), solve(&mut device, &scene)], 1e-2);
    }
}

#[test]
fn sparse_rows_take_the_same_iterations_to_the_same_solution() {
    let (_shared, cuda) = cuda();
    let a = gallery::poisson_2d(22);
    let b: Vec<f64> = (0..a.nrows()).map(|i| 1e9 * (1.0 + (i % 7) as f64)).collect();
    for method in [Method::Cg, Method::PcgJacobi] {
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
fn an_iteration_moves_at_most_110_bytes_a_cell() {
    let (_alone, cuda) = crate::standin::cuda_alone();
    let scene = generate(Family::Smoke, &[32, 32, 32], 0).unwrap();
    let bytes = |iterations: usize| {
        let stop = StopRule { rtol: 1e-14, max_iterations: iterations, ..StopRule::default() };
        let config = SolverConfig { method: Method::GmgPlain, stop, ..SolverConfig::default() };
        let mut solver = SceneSolver::on_cuda(&config, &scene.grid, &cuda).unwrap();
        cuda.take_traffic();
        solve(&mut solver, &scene);
        let traffic = cuda.take_traffic();
        traffic
            .iter()
            .for_each(|(name, t)| println!("{iterations} {name}: {} launches, {} bytes", t.launches, t.bytes));
        traffic.values().map(|t| t.bytes).sum::<usize>()
    };
    let an_iteration = (bytes(4) - bytes(2)) as f64 / 2.0 / scene.grid.cells() as f64;
    println!("{an_iteration:.1} bytes a cell an iteration");
    assert!(an_iteration < 110.0, "{an_iteration}");
}

/// The command with the stand-in in place of NVIDIA's libraries.
fn filet(args: &[&str]) -> (i32, String, String) {
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
    let cases: [&[&str]; 3] = [
        &["solve", "dam:12", "--method", "gmg-plain", "--json"],
        &["solve", "square:12", "--method", "pcg-jacobi", "--json"],
        &["solve", "box:8", "--method", "dcdm-net", "--rtol", "1e-2", "--json"],
    ];
    for case in cases {
        let (host, device) = (run(case), run(&[case, &["--device", "cuda"]].concat()));
        assert_eq!((host["device"].as_str(), device["device"].as_str()), (Some("cpu"), Some("cuda")));
        assert_eq!(host["iterations"], device["iterations"], "{case:?}");
    }
    let (code, _, error) = filet(&["solve", "square:12", "--method", "direct", "--device", "cuda"]);
    assert!(code == 2 && error.contains("does not run on a GPU"), "{error}");
    let (code, _, error) = filet(&["solve", "square:12", "--device", "gpu"]);
    assert!(code == 2 && error.contains("cpu and cuda"), "{error}");
}
