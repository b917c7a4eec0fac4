//! Directions from the published net: training, weights, what they are worth.

use assert_cmd::Command;
use filet::dcdm::{DirectionNet, NetDirection, NetSize, ResidualLoss, SHIPPED};
use filet::nn::{Backend, Layer, Weights, parse_weights, write_weights};
use filet::solver::{Method, Outcome, Report, SceneSolver, SolverConfig, StopRule, unobserved};
use filet::train::{Checkpoint, TrainConfig, train};
use filet::voxel::{Family, Scene, generate};
use std::ops::ControlFlow;

fn filet(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_filet")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn shipped() -> Weights {
    parse_weights("shipped", SHIPPED).unwrap()
}

fn solve(solver: &mut SceneSolver, scene: &Scene) -> (Vec<f64>, Report) {
    let mut p = vec![0.0; scene.grid.cells()];
    let report = solver.solve(&scene.rhs, &mut p, &mut unobserved).unwrap();
    (p, report)
}

fn with_net_and_cg(family: Family, sides: &[usize], stop: &StopRule) -> [(Vec<f64>, Report); 2] {
    let scene = generate(family, sides, 11).unwrap();
    let directions = NetDirection::new(&shipped(), &scene.grid).unwrap();
    let mut net = SceneSolver::with_directions(stop, &scene.grid, Box::new(directions)).unwrap();
    let config = SolverConfig { method: Method::Cg, stop: stop.clone(), ..SolverConfig::default() };
    let mut cg = SceneSolver::new(&config, &scene.grid).unwrap();
    let both = [solve(&mut net, &scene), solve(&mut cg, &scene)];
    println!("{} {sides:?}: {} iterations, cg {}", family.name(), both[0].1.iterations, both[1].1.iterations);
    both
}

#[test]
fn where_it_was_trained_the_shipped_net_takes_a_fraction_of_conjugate_gradients_iterations() {
    let stop = StopRule { rtol: 1e-4, max_iterations: 400, ..StopRule::default() };
    let [(p, with_net), (q, with_cg)] = with_net_and_cg(Family::Box, &[32; 3], &stop);
    assert_eq!((with_net.outcome, with_cg.outcome), (Outcome::Converged, Outcome::Converged));
    assert!(4 * with_net.iterations < with_cg.iterations);
    let largest = q.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let off = p.iter().zip(&q).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
    assert!(off < 1e-2 * largest, "{off} of {largest}");
}

#[test]
fn elsewhere_it_may_stagnate_and_says_so() {
    let stop = StopRule { rtol: 1e-4, max_iterations: 400, ..StopRule::default() };
    let [(_, with_net), (_, with_cg)] = with_net_and_cg(Family::Empty, &[16; 3], &stop);
    assert_eq!(with_cg.outcome, Outcome::Converged);
    match with_net.outcome {
        Outcome::Converged => assert!(with_net.relative_residual() <= 1e-4),
        Outcome::Stagnated => assert!(with_net.relative_residual() > 1e-4 && with_net.iterations < 400),
        other => panic!("{other}"),
    }
}

/// A run of `steps` steps that is cut off after `cut` and goes on from its checkpoint.
fn trained(cut: Option<usize>) -> Weights {
    let folder = tempfile::tempdir().unwrap();
    let (path, run) = (folder.path().join("run.checkpoint"), serde_json::json!({ "seed": 3 }));
    let grids = [Family::Box, Family::Empty].map(|family| generate(family, &[4; 3], 0).unwrap().grid);
    let config = TrainConfig { steps: 5, ..TrainConfig::default() };
    let mut state = Checkpoint::default();
    let mut net = DirectionNet::new(NetSize { fine: 1, coarse: 1 }, 3);
    for cut in [cut, None].into_iter().take(1 + usize::from(cut.is_some())) {
        let mut objective = ResidualLoss::new(&grids, 20, 2, 3, &Backend::Cpu).unwrap();
        train(&mut net, &mut objective, &config, &mut state, &mut |net, state| {
            if Some(state.step()) != cut {
                return Ok(ControlFlow::Continue(()));
            }
            state.write(&path, net, &run)?;
            Ok(ControlFlow::Break(()))
        })
        .unwrap();
        if cut.is_some() {
            net = DirectionNet::new(NetSize { fine: 1, coarse: 1 }, 99);
            state = Checkpoint::read(&path, &mut net, &run).unwrap();
            let other = serde_json::json!({ "seed": 4 });
            assert!(Checkpoint::read(&path, &mut net, &other).unwrap_err().to_string().contains("seed"));
        }
    }
    assert_eq!(state.losses().len(), 5);
    Weights::of(&mut net, run)
}

#[test]
fn a_training_that_goes_on_from_a_checkpoint_ends_with_the_same_bits() {
    let whole = trained(None);
    assert_eq!(trained(Some(2)), whole);
    let mut random = DirectionNet::new(NetSize { fine: 1, coarse: 1 }, 3);
    assert_ne!(Weights::of(&mut random, whole.about.clone()), whole, "training changes the weights");
    assert!(random.parameters() > 0);
}

#[test]
fn the_command_trains_describes_and_uses_weights() {
    let folder = tempfile::tempdir().unwrap();
    let name = |f: &str| folder.path().join(f).display().to_string();
    let (weights, csv, png) = (name("w.safetensors"), name("loss.csv"), name("loss.png"));
    let small = [
        "train",
        "direction",
        "--size",
        "6",
        "--steps",
        "3",
        "--vectors",
        "30",
        "--batch",
        "1",
        "--scenes",
        "box,empty",
    ];
    let (code, _, error) = filet(&[&small[..], &["-o", &weights, "--csv", &csv, "--plot", &png]].concat());
    assert_eq!(code, 0, "{error}");
    assert_eq!(std::fs::read_to_string(&csv).unwrap().lines().count(), 4);
    assert!(std::fs::metadata(&png).unwrap().len() > 1000);
    let (code, text, _) = filet(&["info", &weights, "--json"]);
    let object: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, object["parameters"].as_u64()), (0, Some(97_457)));
    assert!(object["about"]["command"].as_str().unwrap().contains("--size 6"), "{text}");
    let solve = ["solve", "box:8", "--method", "dcdm-net", "--weights", &weights, "--rtol", "1e-3", "-o"];
    let (code, _, error) = filet(&[&solve[..], &[&name("p.h5")]].concat());
    assert!(code < 2 && error.contains("|b - A x|"), "{error}");

    let refused = |args: &[&str]| {
        let (code, _, message) = filet(args);
        assert!(code == 2 && !message.contains("panicked"), "{args:?}: {message}");
        message
    };
    assert!(refused(&["train", "direction", "--size", "7", "-o", &weights]).contains("even"));
    assert!(refused(&["train", "direction", "-o", &name("w.h5")]).contains(".safetensors"));
    assert!(refused(&[&small[..], &["-o", &weights, "--resume"]].concat()).contains("w.checkpoint"));
    assert!(refused(&["solve", "dam:20x20", "--method", "dcdm-net"]).contains("plane"));
    assert!(refused(&["solve", "box:8", "--method", "dcdm-net", "--weights", &csv]).contains("loss.csv"));
    let other = Weights { about: serde_json::Value::Null, tensors: Default::default(), path: Default::default() };
    write_weights(&weights, &other).unwrap();
    assert!(refused(&["solve", "box:8", "--method", "dcdm-net", "--weights", &weights]).contains("direction net"));
}
