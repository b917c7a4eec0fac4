//! The modules stand in tiers; each uses only lower ones. A module missing from the table fails, too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const TIERS: [(&str, u32); 25] = [
    ("error", 0),
    ("expression", 0),
    ("file", 0),
    ("lagrange", 0),
    ("prefetch", 0),
    ("simd", 0),
    ("words", 0),
    ("device", 1),
    ("hdf5", 1),
    ("mesh", 1),
    ("sparse", 1),
    ("voxel", 1),
    ("operator", 2),
    ("nn", 3),
    ("assembly", 3),
    ("precond", 3),
    ("solver", 4),
    ("train", 4),
    ("dcdm", 5),
    ("mgno", 5),
    ("pinn", 5),
    ("mover", 5),
    ("mmpde", 5),
    ("report", 6),
    ("cli", 6),
];

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, out),
            false if path.extension().is_some_and(|e| e == "rs") => out.push(path),
            false => {}
        }
    }
}

/// Modules of a tier that use each other's one way only. Of the systems only `mmpde` names another: its meshes are moved ones.
const WITHIN: [(&str, &str); 8] = [
    ("error", "words"),
    ("expression", "error"),
    ("expression", "words"),
    ("file", "error"),
    ("voxel", "hdf5"),
    ("voxel", "mesh"),
    ("mmpde", "mover"),
    ("cli", "report"),
];

/// The top modules a line names as `crate::module` or within `crate::{a, b::c}`.
fn named(line: &str) -> Vec<String> {
    let word = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut out = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => out.push(word(rest)),
            Some(list) => out.extend(list.split(',').map(|part| word(part.trim()))),
        }
    }
    out
}

#[test]
fn modules_use_lower_tiers_only() {
    let tiers: BTreeMap<_, _> = TIERS.into_iter().collect();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&source, &mut all);
    let mut faults = Vec::new();
    for path in all {
        let inside = path.strip_prefix(&source).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_string();
        if module == "lib" || module == "main" {
            continue;
        }
        let Some(tier) = tiers.get(module.as_str()) else {
            faults.push(format!("{module} has no tier"));
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        // Tests may look anywhere; so may links in documentation.
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
            for other in named(line) {
                match tiers.get(other.as_str()) {
                    Some(t) if t < tier || other == module => {}
                    Some(_) if WITHIN.contains(&(module.as_str(), other.as_str())) => {}
                    Some(t) => faults.push(format!("{}: tier {tier} uses {other} of tier {t}", inside.display())),
                    None if ["Result", "Error"].contains(&other.as_str()) => {}
                    None => faults.push(format!("{}: names crate::{other}", inside.display())),
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_device_names_the_gpu_library() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&source, &mut all);
    let outside = all.iter().filter(|path| !path.starts_with(source.join("device")));
    let naming: Vec<_> = outside.filter(|path| fs::read_to_string(path).unwrap().contains("cudarc")).collect();
    assert!(naming.is_empty(), "{naming:?}");
}

#[test]
fn no_file_is_longer_than_500_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    ["src", "tests", "examples", "benches"]
        .iter()
        .map(|f| root.join(f))
        .filter(|f| f.is_dir())
        .for_each(|f| files(&f, &mut all));
    let long: Vec<_> =
        all.iter().map(|p| (fs::read_to_string(p).unwrap().lines().count(), p)).filter(|(n, _)| *n > 500).collect();
    assert!(long.is_empty(), "{long:?}");
}
