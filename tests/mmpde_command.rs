//! `filet operator generate burgers`, `filet train mmpde` and `filet operator rollout`, from the command line; the shipped weights.

use assert_cmd::Command;
use filet::mmpde::{MmPde, Recipe, SHIPPED, errors};
use filet::nn::parse_weights;
use std::path::Path;

fn filet() -> Command {
    Command::cargo_bin("filet").unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn trajectories_training_and_rollout_go_through_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (h5, weights, picture) = (at("b.h5"), at("w.safetensors"), at("r.png"));
    let generate = ["operator", "generate", "burgers:8", "--samples", "6", "--refine", "4"];
    filet().args(generate).args(["--plot", text(&picture), "-o", text(&h5)]).assert().success();
    assert!(std::fs::metadata(&picture).unwrap().len() > 1000);
    let train = |extra: &[&str]| {
        let mut command = filet();
        command.args([
            "train",
            "mmpde",
            "--data",
            text(&h5),
            "--test",
            "3",
            "--steps",
            "4",
            "--batch",
            "2",
            "--push",
            "1",
        ]);
        command.args(["--width", "6", "--layers", "1", "-o", text(&weights), "--json"]).args(extra);
        command
    };
    let out = train(&[]).assert().success().get_output().stdout.clone();
    let object: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(object["errors"].as_array().unwrap().len(), 3);
    assert!(!weights.with_extension("checkpoint").exists(), "the run is over");
    // Nothing to go on from.
    train(&["--resume"]).assert().code(2);
    let rollout = |extra: &[&str]| {
        let mut command = filet();
        command.args(["operator", "rollout", "--data", text(&h5), "--weights", text(&weights), "--json"]).args(extra);
        command
    };
    let out = rollout(&["--plot", text(&picture)]).assert().success().get_output().stdout.clone();
    let object: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(object["errors"][0]["viscosity"], 0.03);
    assert_eq!(object["errors"][0]["roll_out"].as_array().unwrap().len(), 20);
    assert_eq!(object["errors"][0]["tangled"], 0);
    let error = rollout(&["--plot", text(&picture), "--sample", "6"]).assert().code(2).get_output().stderr.clone();
    assert!(String::from_utf8(error).unwrap().contains("--sample 6"));
    filet().args(["operator", "rollout", "--data", text(&h5)]).assert().code(2);
    filet().args(["operator", "generate", "burgers:two", "-o", text(&h5)]).assert().code(2);
    filet().args(["operator", "generate", "burgers:8", "-o", "b.txt"]).assert().code(2);
    train(&["--test", "6"]).assert().code(2);
    train(&["--learning-rate", "0"]).assert().code(2);
}

/// `filet operator rollout --data burgers:24 --samples 3 --data-seed 1`.
#[test]
fn shipped_weights_meet_their_golden_errors() {
    let net = MmPde::from_weights(&parse_weights("shipped", SHIPPED).unwrap()).unwrap();
    let recipe = Recipe { trajectories: 3, seed: 1, ..Recipe::default() };
    let found = errors(&net, &recipe.make(&|_| {}).unwrap()).unwrap();
    let golden = include_str!("../data/golden/mmpde.csv");
    let rows: Vec<&str> = golden.lines().filter(|l| !l.starts_with('#')).skip(1).collect();
    assert_eq!(rows.len(), found.len());
    for (row, e) in rows.iter().zip(&found) {
        let numbers: Vec<f64> = row.split(',').map(|n| n.parse().unwrap()).collect();
        let here = [e.viscosity, e.one_step, e.roll_out[19]];
        for (here, golden) in here.iter().zip(&numbers) {
            assert!((here / golden - 1.0).abs() < 0.01, "{here} where {golden} is golden: {row}");
        }
        assert_eq!(e.tangled, 0);
    }
}
