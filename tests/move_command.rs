//! `filet move` and `filet solve --adapt` from outside: what is printed, written and refused.

use assert_cmd::Command;
use std::path::Path;

fn filet(args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("filet").unwrap().args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn object(stdout: &str) -> serde_json::Value {
    serde_json::from_str(stdout).unwrap()
}

const RING: &str = "1 + 10/cosh(50*((x-0.5)^2 + (y-0.5)^2 - 0.1))^2";

#[test]
fn a_ring_is_moved_written_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (mesh, picture, history) = (path("moved.vtu"), path("moved.png"), path("history.svg"));
    let args = ["move", "square:16", "--monitor", RING, "-o", &mesh, "--plot", &picture, "--json"];
    let (code, stdout, stderr) = filet(&[&args[..], &["--plot-residuals", &history]].concat());
    assert_eq!(code, 0, "{stderr}");
    let told = object(&stdout);
    assert_eq!((told["command"].as_str(), told["outcome"].as_str()), (Some("move"), Some("converged")));
    assert_eq!(told["after"]["tangled"], 0);
    let number = |when: &str, what: &str| told[when][what].as_f64().unwrap();
    assert!(number("after", "variation") < 0.5 * number("before", "variation"));
    assert!(number("after", "min_det") > 0.0 && number("after", "min_angle") > 1.0);
    assert_eq!(told["residuals"].as_array().unwrap().len() as u64, told["iterations"].as_u64().unwrap() + 1);
    for word in ["variation", "volume ratio", "min det", "before", "after"] {
        assert!(stderr.contains(word), "{stderr}");
    }
    for file in [&picture, &history] {
        assert!(Path::new(file).metadata().unwrap().len() > 1000);
    }
    // The monitor was written with the mesh, and moves another one.
    let by_field = ["move", "square:16", "--monitor", "field", "--field", "monitor", "--from", &mesh];
    let (code, stdout, stderr) = filet(&[&by_field[..], &["--smooth", "4", "--rtol", "1e-3", "--json", "-q"]].concat());
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(object(&stdout)["cells"], 512);
}

#[test]
fn monitors_of_derivatives_come_from_expressions_and_fields() {
    let folder = tempfile::tempdir().unwrap();
    let solution = folder.path().join("u.vtu").to_str().unwrap().to_string();
    let u = "exp(-60*((x-0.4)^2+(y-0.6)^2))";
    assert_eq!(filet(&["solve", "square:16", "--exact", u, "-o", &solution, "-q"]).0, 0);
    for form in ["arc-length", "gradient", "hessian", "optimal", "optimal-h1"] {
        for source in [["--of", u], ["--field", "u"]] {
            let args = ["move", &solution, "--monitor", form, source[0], source[1], "--smooth", "4", "--rtol", "1e-2"];
            let (code, stdout, stderr) = filet(&[&args[..], &["--json", "-q"]].concat());
            assert_eq!(code, 0, "{form} {source:?}: {stderr}");
            assert_eq!(object(&stdout)["after"]["tangled"], 0);
        }
    }
}

#[test]
fn bad_input_is_told_with_its_place_and_cure() {
    let folder = tempfile::tempdir().unwrap();
    let tangled = folder.path().join("tangled.msh").to_str().unwrap().to_string();
    let mut mesh = filet::mesh::shapes::built_in("square:3").unwrap().unwrap();
    mesh.points[5][0] += 0.5;
    let file = filet::mesh::io::MeshFile::from(mesh);
    filet::mesh::io::write(&tangled, &file).unwrap();
    let refused = |args: &[&str], parts: &[&str]| {
        let (code, stdout, stderr) = filet(&[&["move"], args].concat());
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}: {stderr}");
        parts.iter().for_each(|p| assert!(stderr.contains(p), "{args:?}: {stderr}"));
    };
    refused(&["square:4", "--monitor", "x - 0.5"], &["the monitor is -0.5 at (0, 0, 0)", "help:"]);
    refused(&["square:4", "--monitor", "1/x"], &["the monitor is inf at (0, 0, 0)"]);
    refused(&["square:4", "--monitor", "1", "--fix", "west"], &["no group \"west\"", "left, right, bottom, top"]);
    refused(&["disc:4", "--monitor", "1", "--slide", "boundary"], &["no straight piece", "--curved boundary"]);
    refused(&["l_shape:4", "--monitor", "1", "--periodic", "y"], &["no partner"]);
    refused(&["square:4", "--monitor", "1", "--periodic", "q"], &["--periodic q"]);
    refused(&["square:4"], &["--of EXPR", "--field NAME"]);
    refused(&["square:4", "--monitor", "hessian", "--field", "u"], &["--field u", "none"]);
    refused(&["square:4", "--monitor", "ring:1,2"], &["ring:A,B,R2"]);
    refused(&["square:4", "--monitor", "1", "--of", "x"], &["--of and --amount go with"]);
    refused(&["square:4", "--monitor", "1", "--rtol", "0"], &["rtol 0"]);
    refused(&["square:4", "--monitor", "1", "--smooth", "-1"], &["smoothing -1"]);
    refused(&["square:4", "--monitor", "1", "-o", "moved.txt"], &[".vtu or .msh"]);
    refused(&["square:4", "--monitor", "1", "--displace", "right"], &["GROUP=DX,DY"]);
    refused(&["square:4", "--monitor", "1", "--displace", "right=-2,0"], &["before cells fold"]);
    refused(&[&tangled, "--monitor", "1"], &["the facet they share", "untangle"]);
}

#[test]
fn not_converging_is_code_1_and_the_best_mesh() {
    let folder = tempfile::tempdir().unwrap();
    let mesh = folder.path().join("moved.vtu").to_str().unwrap().to_string();
    let args = ["move", "square:12", "--monitor", RING, "--max-iterations", "1", "-o", &mesh, "--json"];
    let (code, stdout, stderr) = filet(&args);
    assert_eq!(code, 1, "{stderr}");
    let told = object(&stdout);
    assert_eq!((told["outcome"].as_str(), told["iterations"].as_u64()), (Some("max_iterations"), Some(1)));
    assert_eq!(told["after"]["tangled"], 0);
    assert!(stderr.contains("iteration limit reached") && Path::new(&mesh).exists());
}

#[test]
fn boundaries_are_displaced_and_the_inside_follows() {
    let args = ["move", "square:10", "--monitor", "constant", "--displace", "right=0.4*sin(pi*y),0", "--json"];
    let (code, stdout, stderr) = filet(&args);
    assert_eq!(code, 0, "{stderr}");
    let told = object(&stdout);
    assert_eq!((told["iterations"].as_u64(), told["after"]["tangled"].as_u64()), (Some(0), Some(0)));
}

#[test]
fn solving_and_moving_in_turn_lowers_the_error() {
    let u = "exp(-80*((x-0.51)^2+(y-0.65)^2))";
    let l2 = |rounds: &str| {
        let (code, stdout, stderr) = filet(&["solve", "square:20", "--exact", u, "--adapt", rounds, "--json"]);
        assert_eq!(code, 0, "{stderr}");
        object(&stdout)["errors"]["l2"].as_f64().unwrap()
    };
    let (plain, adapted) = (l2("0"), l2("3"));
    assert!(adapted < 0.6 * plain, "{adapted} {plain}");
    let (code, _, stderr) = filet(&["solve", "smoke:16", "--adapt", "2"]);
    assert!(code == 2 && stderr.contains("--adapt"), "{stderr}");
}
