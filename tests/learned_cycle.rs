//! The voxel cycle with learned numbers: training, weights, what they are worth, and what happens where they fail.

mod common;

use assert_cmd::Command;
use common::noise;
use filet::dcdm::{CycleTraining, cycle_parameters, cycle_weights, shipped_cycle};
use filet::nn::read_weights;
use filet::operator::LinearOperator;
use filet::precond::Preconditioner;
use filet::precond::voxel::{CycleParameters, VoxelMultigrid};
use filet::solver::{LearnedSolver, Outcome, Report, StopRule, VoxelSolver, unobserved};
use filet::voxel::{Family, Scene, generate};

fn stop(rtol: f64) -> StopRule {
    StopRule { rtol, max_iterations: 200, ..StopRule::default() }
}

fn classical(scene: &Scene, rtol: f64) -> (Vec<f64>, Report) {
    let mut p = vec![0.0; scene.grid.cells()];
    let report =
        VoxelSolver::new(&scene.grid).unwrap().solve(&scene.rhs, &mut p, &stop(rtol), &mut unobserved).unwrap();
    (p, report)
}

fn learned(scene: &Scene, parameters: &CycleParameters, rtol: f64) -> (Vec<f64>, Report, bool) {
    let mut solver = LearnedSolver::new(&scene.grid, parameters).unwrap();
    let mut p = vec![0.0; scene.grid.cells()];
    let report = solver.solve(&scene.rhs, &mut p, &stop(rtol), &mut unobserved).unwrap();
    (p, report, solver.fell_back())
}

fn assert_same(p: &[f64], q: &[f64], part: f64, name: &str) {
    let largest = q.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let off = p.iter().zip(q).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
    assert!(off <= part * largest, "{name}: off by {off:.1e} of {largest:.1e}");
}

/// Sides that the training does not use, in space and in the plane.
const SPACE: [&[usize]; 3] = [&[40, 40, 40], &[33, 50, 41], &[64, 40, 24]];
const PLANE: [&[usize]; 3] = [&[160, 160], &[133, 201], &[256, 96]];

/// Scenes of all families with seeds that the training does not use.
fn scenes(sides: [&'static [usize]; 3]) -> impl Iterator<Item = Scene> {
    let cases = Family::ALL.into_iter().flat_map(move |f| sides.into_iter().enumerate().map(move |(s, n)| (f, s, n)));
    cases.map(|(family, s, n)| generate(family, n, 900 + s as u64).unwrap())
}

fn unseen() -> impl Iterator<Item = Scene> {
    scenes(SPACE).chain(scenes(PLANE))
}

#[test]
fn the_shipped_numbers_save_iterations_on_unseen_scenes_and_give_the_same_pressure() {
    let parameters = shipped_cycle();
    for (place, sides, part) in [("space", SPACE, 0.9), ("the plane", PLANE, 0.95)] {
        let (mut with, mut without) = (0, 0);
        for scene in scenes(sides) {
            let ((p, report, fell_back), (q, twin)) = (learned(&scene, &parameters, 1e-6), classical(&scene, 1e-6));
            assert_eq!((&report.outcome, &twin.outcome), (&Outcome::Converged, &Outcome::Converged));
            assert!(
                !fell_back && report.iterations <= twin.iterations + 2,
                "{} {}",
                report.iterations,
                twin.iterations
            );
            assert_same(&p, &q, 1e-3, "pressure");
            (with, without) = (with + report.iterations, without + twin.iterations);
        }
        println!("{place}: {with} iterations with learned numbers, {without} with those of analysis");
        assert!((with as f64) < part * without as f64, "{place}: {with} against {without}");
    }
}

#[test]
fn the_learned_cycle_reaches_1e_10() {
    let parameters = shipped_cycle();
    for scene in unseen() {
        let (_, report, _) = learned(&scene, &parameters, 1e-10);
        assert_eq!(report.outcome, Outcome::Converged, "{report:?}");
    }
}

/// Numbers around those of analysis, each up to `part` off.
fn random(part: f32, seed: u64) -> CycleParameters {
    let (mut parameters, mut next) = (CycleParameters::default(), noise(seed));
    for (name, numbers) in parameters.named() {
        for number in numbers {
            let step = part * (2.0 * next() as f32 - 1.0);
            *number = if *number > 0.0 { *number * (1.0 + step) } else { 0.2 * step };
            if name.ends_with("level0.scale") {
                *number *= 0.2;
            }
        }
    }
    parameters
}

#[test]
fn the_cycle_is_symmetric_and_positive_definite_for_random_numbers() {
    for (seed, scene) in unseen().step_by(3).enumerate() {
        let parameters = random(0.2, seed as u64 + 1);
        let mut cycle = VoxelMultigrid::tuned(&scene.grid, &parameters).unwrap();
        let n = scene.grid.cells();
        let vector = |seed: u64| {
            let (mut next, mut b) = (noise(seed), vec![0.0; n]);
            let x: Vec<f64> = (0..n).map(|_| next() - 0.5).collect();
            cycle.operator().apply(&x, &mut b);
            b
        };
        let (x, y) = (vector(3), vector(4));
        let (mut bx, mut by) = (vec![0.0; n], vec![0.0; n]);
        cycle.apply(&x, &mut bx);
        cycle.apply(&y, &mut by);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let size = (dot(&x, &bx) * dot(&y, &by)).sqrt();
        assert!(dot(&x, &bx) > 0.0 && dot(&y, &by) > 0.0, "seed {seed}");
        assert!((dot(&bx, &y) - dot(&x, &by)).abs() <= 1e-5 * size, "seed {seed}");
    }
}

#[test]
fn the_numbers_of_analysis_give_the_classical_solver_to_the_last_bit() {
    for scene in unseen().step_by(2) {
        let ((p, report, _), (q, twin)) = (learned(&scene, &CycleParameters::default(), 1e-8), classical(&scene, 1e-8));
        assert_eq!(report.residuals, twin.residuals);
        assert_eq!(p, q);
    }
}

#[test]
fn where_the_numbers_fail_the_twin_takes_over() {
    let mut parameters = CycleParameters::default();
    for weak in [40.0, 1e-3] {
        parameters.space.kernel = CycleParameters::default().space.kernel.map(|k| k.map(|k| k * weak));
        parameters.plane.kernel = CycleParameters::default().plane.kernel.map(|k| k.map(|k| k * weak));
        for (family, sides) in [(Family::Smoke, &[32; 3][..]), (Family::Box, &[32; 3]), (Family::Smoke, &[96; 2])] {
            let scene = generate(family, sides, 5).unwrap();
            let ((p, report, fell_back), (q, twin)) = (learned(&scene, &parameters, 1e-8), classical(&scene, 1e-8));
            assert!(fell_back, "{} x {weak}", family.name());
            assert_eq!(report.outcome, Outcome::Converged);
            assert!(report.iterations <= twin.iterations + 8, "{} {}", report.iterations, twin.iterations);
            assert_eq!(report.residuals.len(), report.iterations + 1);
            assert_same(&p, &q, 1e-5, family.name());
        }
    }
}

#[test]
fn numbers_and_weights_are_each_others_inverse() {
    let parameters = random(0.5, 9);
    let weights = cycle_weights(&parameters, serde_json::json!({}));
    assert_eq!(cycle_parameters(&weights).unwrap(), parameters);
    let mut other = weights;
    other.tensors.remove("plane.level1.kernel");
    assert!(cycle_parameters(&other).unwrap_err().to_string().contains("plane.level1.kernel"));
}

#[test]
fn a_search_that_goes_on_from_a_stored_state_ends_with_the_same_bits() {
    let training = CycleTraining::new(16, 3, 2, 1, true).unwrap();
    let mut whole = CycleTraining::search(5, 1);
    let losses: Vec<f64> = (0..4).map(|_| training.step(&mut whole).unwrap()).collect();
    assert!(losses.iter().all(|l| l.is_finite() && *l > 0.0), "{losses:?}");
    let mut cut = CycleTraining::search(5, 1);
    (0..2).for_each(|_| drop(training.step(&mut cut)));
    let mut on = serde_json::from_str(&serde_json::to_string(&cut).unwrap()).unwrap();
    (0..2).for_each(|_| drop(training.step(&mut on)));
    assert_eq!(on, whole);
    let mut parameters = CycleParameters::default();
    training.take(&on, &mut parameters);
    assert_ne!(parameters.plane, CycleParameters::default().plane);
    assert_eq!(parameters.space, CycleParameters::default().space);
}

fn filet(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_filet")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_command_trains_goes_on_and_solves() {
    let folder = tempfile::tempdir().unwrap();
    let name = |f: &str| folder.path().join(f).display().to_string();
    let run = |steps: &str, weights: &str, more: &[&str]| {
        let small = ["--size", "16", "--scenes", "3", "--batch", "2", "--population", "5"];
        filet(&[&["train", "cycle", "--steps", steps, "-o", weights][..], &small, more].concat())
    };
    let weights = name("w.safetensors");
    let (code, _, error) = run("4", &weights, &["--csv", &name("loss.csv"), "--plot", &name("loss.png")]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(std::fs::read_to_string(name("loss.csv")).unwrap().lines().count(), 9);
    assert!(std::fs::metadata(name("loss.png")).unwrap().len() > 1000);

    let (code, out, error) = filet(&["solve", "smoke:20", "--method", "dcdm", "--weights", &weights, "--json"]);
    assert_eq!(code, 0, "{error}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((report["method"].as_str(), report["outcome"].as_str()), (Some("dcdm"), Some("converged")));

    let trained = read_weights(&weights).unwrap();
    assert!(trained.about["command"].as_str().unwrap().contains("--steps 4"));
    assert_ne!(cycle_parameters(&trained).unwrap(), CycleParameters::default());
    let (code, _, error) = run("4", &weights, &["--resume"]);
    assert_eq!(code, 2, "no checkpoint is left: {error}");
    let (code, _, error) = filet(&["solve", "smoke:20", "--method", "dcdm", "--weights", &name("none.safetensors")]);
    assert!(code == 2 && error.contains("none.safetensors"), "{error}");
}
