//! `filet bench` as a user meets it: what it prints, what it leaves out, what it compares.

use assert_cmd::Command;
use serde_json::Value;
use std::fs;

/// Exit code, stdout, stderr.
fn bench(args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_filet"));
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("bench").args(args).output().unwrap();
    let [out, error] = [&output.stdout, &output.stderr].map(|s| String::from_utf8_lossy(s).into_owned());
    assert!(!error.contains("panicked"), "{error}");
    (output.status.code().unwrap(), out, error)
}

fn rows(json: &str) -> Vec<Value> {
    let object: Value = serde_json::from_str(json).unwrap();
    object["rows"].as_array().unwrap().clone()
}

#[test]
fn the_table_is_the_result_and_csv_holds_plain_numbers() {
    let common = ["--problem", "square:12,smoke:12", "--repeat", "1", "-q"];
    let (code, table, error) = bench(&common);
    assert_eq!((code, error.as_str()), (0, ""));
    for word in ["problem", "square:12", "smoke:12", "direct", "gmg", "B/unknown/it"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    let (_, csv, _) = bench(&[&common[..], &["--csv"]].concat());
    let mut lines = csv.lines().map(|l| l.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let words = ["problem", "method", "version", "outcome"];
    for line in lines {
        assert_eq!(line.len(), header.len());
        for (name, cell) in header.iter().zip(&line).filter(|(name, cell)| !words.contains(name) && !cell.is_empty()) {
            assert!(cell.parse::<f64>().is_ok(), "{name}: {cell}");
        }
        let peak = header.iter().position(|h| *h == "peak_bytes").unwrap();
        assert!(line[peak].parse::<f64>().unwrap() > 1000.0, "{line:?}");
    }
}

#[test]
fn every_method_is_run_at_every_tolerance_and_number_of_threads() {
    let args = ["--problem", "ball:5,pockets:16", "--rtol", "1e-4,1e-9", "--threads", "1,2", "--repeat", "2", "--json"];
    let (code, json, error) = bench(&args);
    assert_eq!(code, 0, "{error}");
    let rows = rows(&json);
    assert_eq!(rows.len(), (7 + 7) * 2 * 2);
    for row in &rows {
        assert_eq!(row["outcome"], "converged");
        assert!(row["relative_residual"].as_f64() <= row["rtol"].as_f64().map(|r| 1.01 * r), "{row}");
        assert!(row["bytes_per_unknown_iteration"].as_f64().unwrap() > 20.0, "{row}");
        let [low, high] = [0, 1].map(|i| row["quartiles"]["total"][i].as_f64().unwrap());
        let total = row["seconds"]["total"].as_f64().unwrap();
        assert!(0.0 < low && low <= total && total <= high, "{row}");
        let [times, residuals] = ["times", "residuals"].map(|key| row[key].as_array().unwrap());
        assert_eq!(times.len(), residuals.len());
        assert!(times.windows(2).all(|t| t[0].as_f64() <= t[1].as_f64()), "{row}");
    }
    let object: Value = serde_json::from_str(&json).unwrap();
    for agreement in object["agreement"].as_array().unwrap() {
        let difference = agreement["largest_difference"].as_f64().unwrap();
        assert!(difference > 0.0 && difference < 1e-2, "{agreement}");
        assert_eq!(agreement["faults"].as_array().unwrap().len(), 0);
    }
    let iterations = |problem: &str, rtol: f64| {
        let of = |r: &&Value| r["problem"] == problem && r["rtol"] == rtol && r["method"] == "cg";
        rows.iter().filter(of).map(|r| r["iterations"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert!(iterations("ball:5", 1e-9).iter().all(|n| *n > iterations("ball:5", 1e-4)[0]));
}

#[test]
fn what_does_not_suit_is_left_out_with_a_word() {
    let (code, table, error) = bench(&["--problem", "square:8,box:8", "--method", "gmg,direct", "--repeat", "1"]);
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("left out  gmg on square:8: not for a mesh"), "{error}");
    let lines: Vec<_> = table.lines().skip(2).collect();
    assert_eq!(lines.len(), 3, "{table}");

    let (code, table, error) = bench(&["--problem", "square:8", "--method", "gmg", "--repeat", "1"]);
    assert!(code == 2 && table.is_empty() && error.contains("nothing is left"), "{error}");
    for bad in [&["--problem", "none.msh"][..], &["--rtol", "0"], &["--peers", "magic"], &["--plot", "a.gif"]] {
        let (code, _, error) = bench(bad);
        assert_eq!(code, 2, "{bad:?}: {error}");
    }
    let (code, _, error) = bench(&["--problem", "box:16", "--method", "cg", "-p", "stop.max_iterations=2"]);
    assert_eq!(code, 1, "a method that does not converge: {error}");
}

#[test]
fn matrices_come_with_or_without_a_right_hand_side() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_filet"));
    let status = command.args(["solve", "disc:8", "-q", "--matrix-market", &path("disc")]).output().unwrap().status;
    assert!(status.success());
    let [a, b] = [path("disc_A.mtx"), path("disc_b.mtx")];
    let iterations = |list: &str| {
        let (code, json, error) = bench(&["--problem", list, "--method", "cg", "--repeat", "1", "--json"]);
        assert_eq!(code, 0, "{error}");
        rows(&json).iter().map(|r| r["iterations"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let (one, both) = (iterations(&format!("{a},{b},disc:8")), iterations(&format!("{a},{a}")));
    assert!(one.len() == 2 && one[0] == one[1], "the same system twice: {one:?}");
    assert_eq!(both.len(), 2);

    fs::write(path("bad.mtx"), "%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 1\n2 2 1\n1 2 5\n").unwrap();
    let (code, _, error) = bench(&["--problem", &path("bad.mtx")]);
    assert!(code == 2 && error.contains("not symmetric"), "{error}");
    let (code, _, error) = bench(&["--problem", &format!("{},{b}", path("bad.mtx"))]);
    assert_eq!(code, 2, "{error}");
}

#[test]
fn a_saved_run_is_compared_row_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let saved = path("saved.json");
    let (_, json, _) = bench(&["--problem", "square:16", "--method", "cg,direct", "--repeat", "1", "--json"]);
    let mut run: Value = serde_json::from_str(&json).unwrap();
    let total = run["rows"][0]["seconds"]["total"].as_f64().unwrap();
    run["rows"][0]["seconds"]["total"] = Value::from(1e6 * total);
    run["rows"][0]["quartiles"]["total"] = serde_json::json!([1e6 * total, 1e6 * total]);
    fs::write(&saved, run.to_string()).unwrap();
    let picture = path("panels.png");
    let args = ["--problem", "square:16,square:24", "--method", "cg", "--repeat", "1", "--compare", &saved];
    let (code, table, error) = bench(&[&args[..], &["--plot", &picture]].concat());
    assert_eq!(code, 0, "{error}");
    assert!(table.contains("0.00 faster") && table.contains("new"), "{table}");
    assert!(error.contains("not run   square:16 direct"), "{error}");
    assert!(fs::metadata(&picture).unwrap().len() > 1000);

    fs::write(&saved, "{\"rows\": [{}]}").unwrap();
    let (code, _, error) = bench(&args);
    assert!(code == 2 && error.contains("saved.json, row 0"), "{error}");
}

/// Runs with whatever there is on the machine: a peer is in the table or left out with a word.
#[test]
fn peers_are_run_or_left_out_with_a_word() {
    let args = ["--problem", "square:8,pockets:12", "--method", "direct,pcg-ic", "--repeat", "1", "--peers"];
    let (code, table, error) = bench(&args);
    assert_eq!(code, 0, "{error}");
    for peer in ["pyamg-sa", "pyamg-rs", "scipy-cg", "petsc-gamg", "hypre-boomeramg"] {
        let named = |l: &&str| l.contains(peer);
        let left_out = error.lines().filter(|l| l.starts_with("left out")).any(|l| named(&l));
        assert!(left_out || table.lines().any(|l| named(&l)), "{peer}: {table}{error}");
    }
}
