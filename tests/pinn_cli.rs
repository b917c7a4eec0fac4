//! `filet pinn` as a user meets it.

use assert_cmd::Command;
use serde_json::Value;
use std::path::Path;

fn filet(args: &[&str], folder: &Path) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_filet")).current_dir(folder).args(args).output().unwrap()
}

const QUICK: [&str; 10] = ["--depth", "2", "--width", "8", "--points", "300", "--steps", "6", "--refresh-every", "3"];

#[test]
fn a_run_prints_one_object_and_draws_its_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let args = [&["pinn", "poisson", "--json", "--plots", "p", "--csv", "p.csv"], &QUICK[..]].concat();
    let output = filet(&args, folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let o: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (o["command"].as_str(), o["sampler"].as_str(), o["optimizer"].as_str()),
        (Some("pinn"), Some("quadtree"), Some("lm"))
    );
    assert!(o["relative_l2"].as_f64().unwrap() > 0.0 && o["max_error"].as_f64().unwrap() > 0.0);
    assert!(o["seconds"].as_f64().unwrap() > 0.0 && o["steps"] == 6);
    for what in ["solution", "error", "residual", "points", "strip", "convergence"] {
        assert!(folder.path().join(format!("p_{what}.png")).exists(), "{what}");
    }
    let csv = std::fs::read_to_string(folder.path().join("p.csv")).unwrap();
    assert_eq!(csv.lines().count(), 7);
}

#[test]
fn local_features_are_fitted_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--network", "features", "--width", "10", "--points", "1200", "--steps", "2"];
    let args = [&["pinn", "poisson", "--json", "--plots", "p"], &options[..]].concat();
    let output = filet(&args, folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let o: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((o["optimizer"].as_str(), o["dimension"].as_u64()), (Some("least-squares"), Some(2)));
    assert!(o["relative_l2"].as_f64().unwrap() < 0.1 && o["parameters"].as_u64().unwrap() >= 160, "{o}");
    for what in ["solution", "error", "residual", "points", "strip", "convergence"] {
        assert!(folder.path().join(format!("p_{what}.png")).exists(), "{what}");
    }
}

#[test]
fn samplers_are_compared_in_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let args = [&["pinn", "poisson", "--compare", "uniform,rad", "--optimizer", "adam"], &QUICK[..]].concat();
    let output = filet(&args, folder.path());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("uniform") && text.contains("rad"), "{text}");
}

#[test]
fn bad_input_is_refused_with_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    let file = "residual = \"u_xx + v\"\ndomain = { box = [[0, 1], [0, 1]] }\nhard = {}";
    std::fs::write(folder.path().join("bad.toml"), file).unwrap();
    for (args, part) in [
        (&["pinn", "magic"][..], "one-peak"),
        (&["pinn", "bad.toml"], "known are x, y, u"),
        (&["pinn", "none.toml"], "none.toml"),
        (&["pinn", "poisson", "--sampler", "magic"], "quadtree"),
        (&["pinn", "poisson", "--learning-rate=-1"], "positive"),
        (&["pinn", "poisson", "--points", "0"], "--points"),
        (&["pinn", "ten", "--plots", "p"], "10 dimensions"),
        (&["pinn", "ten", "--sampler", "quadtree"], "3 dimensions"),
        (&["pinn", "poisson", "--width", "200", "--optimizer", "broyden"], "dense"),
        (&["pinn", "poisson", "--network", "magic"], "features"),
        (&["pinn", "poisson", "--network", "features", "--sampler", "rad"], "--sampler"),
        (&["pinn", "poisson", "--network", "features", "--single"], "--single"),
        (&["pinn", "diffusivity", "--network", "features"], "coefficients such as k"),
        (&["pinn", "poisson", "--network", "features", "--points", "10"], "need"),
        (&["pinn", "poisson", "--resume", "--checkpoint", "none"], "none"),
    ] {
        let output = filet(args, folder.path());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {message}");
        assert!(message.contains(part) && !message.contains("panicked"), "{args:?}: {message}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was written");
}
