//! The command as a user meets it: exit codes, messages, files, JSON.

use assert_cmd::Command;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn filet(args: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_filet")).current_dir(env!("CARGO_MANIFEST_DIR")).args(args).output().unwrap()
}

fn json(args: &[&str]) -> Value {
    let output = filet(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The message of a command that must end with exit code 2 and without a panic.
fn refused(args: &[&str]) -> String {
    let output = filet(args);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {message}");
    assert!(!message.contains("panicked"), "{message}");
    message
}

#[test]
fn solve_prints_one_object_and_the_errors() {
    let exact = "sin(pi*x)*sin(pi*y)";
    let o = json(&[
        "solve",
        "square:32",
        "--source",
        "2*pi^2*sin(pi*x)*sin(pi*y)",
        "--dirichlet",
        "0",
        "--exact",
        exact,
        "--json",
    ]);
    assert_eq!((o["command"].as_str(), o["dimension"].as_u64()), (Some("solve"), Some(2)));
    assert_eq!((o["cells"].as_u64(), o["unknowns"].as_u64()), (Some(2048), Some(961)));
    assert_eq!(o["outcome"], "converged");
    assert!(o["relative_residual"].as_f64().unwrap() <= 1e-8);
    assert!(
        o["errors"]["l2"].as_f64().unwrap() < 2e-3 && o["errors"]["h1"].as_f64().unwrap() < 0.15,
        "{}",
        o["errors"]
    );
    for key in [
        "input",
        "points",
        "nonzeros",
        "method",
        "precond",
        "iterations",
        "residuals",
        "seconds",
        "peak_bytes",
        "threads",
        "device",
        "outputs",
    ] {
        assert!(!o[key].is_null(), "{key}");
    }
}

#[test]
fn all_methods_agree() {
    let solve = |method| {
        let o = json(&["solve", "l_shape:24", "--method", method, "--exact", "x*y + x^2", "--rtol", "1e-10", "--json"]);
        assert_eq!((o["method"].as_str(), o["outcome"].as_str()), (Some(method), Some("converged")));
        o["errors"]["l2"].as_f64().unwrap()
    };
    let direct = solve("direct");
    for method in ["cg", "pcg-jacobi", "pcg-ic", "pcg-deflation", "pcg-amg"] {
        assert!((solve(method) / direct - 1.0).abs() < 1e-5, "{method}");
    }
}

#[test]
fn files_are_written_whole_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (vtu, png, svg, xdmf) = (path("u.vtu"), path("u.png"), path("r.svg"), path("u.xdmf"));
    let prefix = path("system");
    let common = ["solve", "disc:8", "--degree", "2", "--method", "cg", "--json", "-q"];
    let run = |more: &[&str]| json(&[&common[..], more].concat());
    run(&["-o", &vtu, "--plot", &png, "--plot-residuals", &svg, "--matrix-market", &prefix]);
    run(&["-o", &xdmf]);
    for name in ["u.vtu", "u.png", "r.svg", "u.xdmf", "u.h5", "system_A.mtx", "system_b.mtx"] {
        assert!(fs::metadata(path(name)).unwrap().len() > 100, "{name}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 7, "nothing else is left behind");
    let info = json(&["mesh", "info", &vtu, "--json"]);
    assert_eq!((info["dimension"].as_u64(), info["parts"].as_u64()), (Some(2), Some(1)));
}

#[test]
fn meshes_are_converted_and_generated() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (msh, vtu) = (path("cube.msh"), path("cube.vtu"));
    assert!(filet(&["mesh", "generate", "cube:3", "-o", &msh]).status.success());
    assert!(filet(&["mesh", "convert", &msh, &vtu, "--refine", "1"]).status.success());
    let info = json(&["mesh", "info", &vtu, "--json"]);
    assert_eq!(info["cells"].as_u64(), Some(6 * 27 * 8));
    let groups: Vec<_> =
        info["groups"].as_array().unwrap().iter().map(|g| g["name"].as_str().unwrap().to_string()).collect();
    assert!(groups.contains(&"left".to_string()), "{groups:?}");
}

#[test]
fn problem_files_say_what_flags_say() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.toml");
    fs::write(
        &file,
        "source = '1 + x'\nconductivity = [[2, 0.5], [0.5, 1]]\nexact = 'x'\n[[boundary]]\ngroup = 'left'\ndirichlet = 0\n\
         [[boundary]]\ngroup = 'right'\nrobin = { alpha = 1, g = '1 + y' }\n",
    )
    .unwrap();
    let from_file = json(&["solve", "square:8", "--problem", &file.display().to_string(), "--json"]);
    let flags = [
        "--source",
        "1 + x",
        "--conductivity",
        "2,0.5,1",
        "--exact",
        "x",
        "--dirichlet",
        "left=0",
        "--robin",
        "right=1,1 + y",
    ];
    let from_flags = json(&[&["solve", "square:8"], &flags[..], &["--json"]].concat());
    assert_eq!(from_file["errors"], from_flags["errors"]);
}

#[test]
fn bad_input_is_refused_with_the_cure() {
    for (args, parts) in [
        (&["solve", "no_such.msh"][..], &["no_such.msh", "help"][..]),
        (&["solve", "blob:3"], &["blob"]),
        (&["solve", "square:0"], &["square:0"]),
        (&["solve", "square:4", "--dirichlet", "lid=1"], &["\"lid\"", "left"]),
        (&["solve", "square:4", "--source", "1/x +"], &["1/x +"]),
        (&["solve", "square:4", "--source", "foo(x)"], &["foo", "column 1"]),
        (&["solve", "square:4", "--dirichlet", "log(x)"], &["log(x)", "(0, 0, 0)"]),
        (&["solve", "square:4", "--conductivity", "x - 0.5", "--dirichlet", "0"], &["not positive", "at ("]),
        (&["solve", "square:4", "--conductivity", "1,2,1", "--dirichlet", "0"], &["positive definite"]),
        (&["solve", "square:4", "--reaction", "-1"], &["negative"]),
        (&["solve", "square:4", "--source", "1", "--neumann", "0"], &["∫ f", "--dirichlet"]),
        (&["solve", "square:4", "--robin", "left=1"], &["--robin", "ALPHA,G"]),
        (&["solve", "square:1", "--dirichlet", "0"], &["nothing is unknown"]),
        (&["solve", "square:4", "-o", "u.png"], &["--output", ".vtu"]),
        (&["solve", "square:4", "-o", "/no/such/folder/u.vtu"], &["/no/such/folder"]),
        (&["solve", "square:4", "--rtol", "2"], &["--rtol"]),
        (&["solve", "square:4", "-p", "precond.amg.thetta=1"], &["thetta"]),
        (&["solve", "square:4", "--method", "magic"], &["pcg-amg"]),
        (&["mesh", "generate", "square:4", "-o", "x.stl"], &[".msh"]),
        (&["solve", "Cargo.toml"], &["Cargo.toml"]),
        (&["solve", "sqare:20"], &["did you mean square:20?"]),
        (&["solve", "square"], &["square:20"]),
        (&["solve", "square:4", "--refine", "40"], &["--refine 40", "cells"]),
        (&["solve", "square:4", "--refine", "-1"], &["--refine", "-1"]),
        (&["solve", "square:4", "--seed", "3"], &["--seed 3", "scenes"]),
        (&["solve", "square:4", "--method", "cg", "--weights", "w.safetensors"], &["--weights", "dcdm"]),
        (&["solve", "square:4", "--dirichlet", "left=0", "--neumann", "left=1"], &["boundary left", "two conditions"]),
        (&["solve", "square:4", "--dirichlet", "lef=1"], &["did you mean left?"]),
        (&["solve", "square:4", "--method", "pcg-amgg"], &["a similar value exists: 'pcg-amg'"]),
        (&["solve", "square:4", "-p", "precond.amg.theta=abc"], &["-p precond.amg.theta=abc", "f64"]),
        (
            &["solve", "square:8", "--method", "pcg-amg", "-p", "precond.amg.theta=2"],
            &["precond.amg.theta 2", "[0, 1)"],
        ),
        (&["--threads", "100000", "solve", "square:4"], &["--threads"]),
        (&["mesh", "info", "smoke:8", "--plot", "x.txt"], &["--plot", ".png"]),
        (&["mesh", "convert", "smoke:8", "x.vtu"], &["voxel scene"]),
        (&["mesh", "generate", "square:4", "-o", "/no/such/folder/x.vtu"], &["its folder does not exist"]),
        (&["manual", "slove"], &["slove"]),
    ] {
        let message = refused(args);
        for part in parts {
            assert!(message.contains(part), "{args:?} should say {part}: {message}");
        }
    }
}

#[test]
fn not_converging_is_exit_code_1_and_still_writes() {
    let folder = tempfile::tempdir().unwrap();
    let vtu = folder.path().join("u.vtu");
    let output = filet(&[
        "solve",
        "square:40",
        "--method",
        "cg",
        "--max-iterations",
        "3",
        "--json",
        "-o",
        &vtu.display().to_string(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let o: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((o["outcome"].as_str(), o["iterations"].as_u64()), (Some("max_iterations"), Some(3)));
    assert!(vtu.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_nothing_is_left() {
    if Path::new("/dev/full").exists() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("u.vtu");
        std::os::unix::fs::symlink("/dev/full", &link).unwrap();
        let message = refused(&["solve", "square:40", "-o", &link.display().to_string()]);
        assert!(message.contains("u.vtu") && message.contains("space"), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_at_an_iteration_and_writes() {
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    let vtu = folder.path().join("u.vtu");
    let child = Command::new(env!("CARGO_BIN_EXE_filet"))
        .args([
            "solve",
            "square:300",
            "--method",
            "cg",
            "--rtol",
            "0",
            "--max-iterations",
            "1000000000",
            "--json",
            "-o",
        ])
        .arg(&vtu)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Interrupts until the handler is there; before that the signal would end the program, so wait for the system line.
    let mut child = child;
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    assert!(lines.any(|l| l.unwrap().starts_with("setup")));
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let rest: Vec<String> = lines.map(|l| l.unwrap()).collect();
    let output = child.wait_with_output().unwrap();
    let text = rest.join("\n");
    // CG may have stagnated at the limit of the arithmetic before the signal came: also then the file is written.
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("stopped") || text.contains("stagnated"), "{text}");
    assert!(vtu.exists());
}

#[test]
fn citations_completions_and_the_manual_are_printed() {
    let text = |args: &[&str]| String::from_utf8(filet(args).stdout).unwrap();
    let entries = text(&["solve", "square:8", "--method", "pcg-ic", "--cite"]);
    assert!(
        ["@software{filet", "{hestenes1952,", "{manteuffel1980,"].iter().all(|part| entries.contains(part)),
        "{entries}"
    );
    assert!(!entries.contains("vanek1996"), "{entries}");
    assert!(text(&["completions", "bash"]).contains("complete -F"));
    assert!(text(&["manual"]).contains(".TH filet"));
    let page = text(&["manual", "operator", "eval"]);
    assert!(page.contains("filet-operator-eval") && page.contains("data\\-seed"), "{page}");
}
