//! Solvers from outside, in processes of Python beside this one: `peers.py` says how the two talk.

use super::case::AsMatrix;
use crate::cli::settings::one_of;
use crate::error::{Error, Result};
use clap::builder::TypedValueParser;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SCRIPT: &str = include_str!("peers.py");
/// A process that says nothing for so long is given up: on its first question, on a solve.
const PATIENCE: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(1800)];
/// Time a process has to end by itself.
const FAREWELL: Duration = Duration::from_secs(3);

/// A solver from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    PyamgSa,
    PyamgRs,
    ScipyCg,
    PetscGamg,
    HypreBoomeramg,
}

/// Peers that run in one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Python,
    Petsc,
}

impl Peer {
    pub const ALL: [Peer; 5] = [Peer::PyamgSa, Peer::PyamgRs, Peer::ScipyCg, Peer::PetscGamg, Peer::HypreBoomeramg];

    pub fn name(self) -> &'static str {
        match self {
            Peer::PyamgSa => "pyamg-sa",
            Peer::PyamgRs => "pyamg-rs",
            Peer::ScipyCg => "scipy-cg",
            Peer::PetscGamg => "petsc-gamg",
            Peer::HypreBoomeramg => "hypre-boomeramg",
        }
    }

    fn family(self) -> Family {
        match self {
            Peer::PyamgSa | Peer::PyamgRs | Peer::ScipyCg => Family::Python,
            Peer::PetscGamg | Peer::HypreBoomeramg => Family::Petsc,
        }
    }
}

/// Parses a peer's name.
pub(super) fn peer() -> impl TypedValueParser<Value = Peer> {
    one_of(Peer::ALL, Peer::name)
}

/// One solve by a peer.
pub(super) struct Answer {
    pub setup: f64,
    pub solve: f64,
    /// Relative residuals as the peer sees them; NaN where it does not say.
    pub residuals: Vec<f64>,
    /// Resident bytes above those before.
    pub peak: Option<usize>,
    pub x: Vec<f64>,
}

/// The peers that were found, and the processes they run in.
pub(super) struct Peers {
    // Ended before the folder goes.
    processes: BTreeMap<(Family, usize), Process>,
    folder: TempDir,
    /// Peers with what they are, for all numbers of threads asked for.
    pub found: Vec<(Peer, String)>,
    /// Why others are left out.
    pub missing: Vec<String>,
    systems: usize,
}

impl Peers {
    /// Starts what `wanted` needs, for each number of threads.
    pub fn find(wanted: &[Peer], threads: &[usize]) -> Result<Peers> {
        let folder = tempfile::tempdir().map_err(|e| Error::io(std::env::temp_dir(), "write", e))?;
        fs::write(folder.path().join("peers.py"), SCRIPT).map_err(|e| Error::io(folder.path(), "write", e))?;
        let mut peers = Peers { folder, processes: BTreeMap::new(), found: vec![], missing: vec![], systems: 0 };
        for family in [Family::Python, Family::Petsc] {
            let members: Vec<Peer> = wanted.iter().copied().filter(|p| p.family() == family).collect();
            if members.is_empty() {
                continue;
            }
            let mut versions: Option<BTreeMap<String, String>> = None;
            for &count in threads {
                match Process::start(family, count, peers.folder.path()) {
                    Ok((process, found)) => {
                        versions.get_or_insert(found);
                        peers.processes.insert((family, count), process);
                    }
                    Err(why) => {
                        let names = members.iter().map(|p| p.name()).collect::<Vec<_>>().join(", ");
                        peers.missing.push(format!("{names} on {count} threads: {why}"));
                    }
                }
            }
            for (member, versions) in members.iter().zip(std::iter::repeat(&versions)) {
                match versions.as_ref().map(|found| found.get(member.name())) {
                    Some(Some(version)) => peers.found.push((*member, version.clone())),
                    Some(None) => peers.missing.push(format!("{}: not installed", member.name())),
                    None => {}
                }
            }
        }
        Ok(peers)
    }

    /// Whether the peer can run on so many threads.
    pub fn has(&self, peer: Peer, threads: usize) -> bool {
        self.processes.contains_key(&(peer.family(), threads))
    }

    /// Writes a system for the peers to read.
    pub fn hand_over(&mut self, system: &AsMatrix) -> Result<PathBuf> {
        let folder = self.folder.path().join(format!("system{}", self.systems));
        self.systems += 1;
        fs::create_dir(&folder).map_err(|e| Error::io(&folder, "write", e))?;
        let indptr: Vec<u64> = system.a.indptr().iter().map(|&p| p as u64).collect();
        let arrays: [(&str, &[u8]); 4] = [
            ("indptr", bytemuck::cast_slice(&indptr)),
            ("indices", bytemuck::cast_slice(system.a.indices())),
            ("values", bytemuck::cast_slice(system.a.values())),
            ("b", bytemuck::cast_slice(&system.b)),
        ];
        for (name, bytes) in arrays {
            let path = folder.join(name);
            fs::write(&path, bytes).map_err(|e| Error::io(&path, "write", e))?;
        }
        Ok(folder)
    }

    /// Solves the system that was handed over; the error is a sentence.
    pub fn solve(
        &mut self,
        peer: Peer,
        threads: usize,
        system: &Path,
        rtol: f64,
    ) -> std::result::Result<Answer, String> {
        let process = self.processes.get_mut(&(peer.family(), threads)).ok_or("its process ended")?;
        let request = json!({ "peer": peer.name(), "system": system.display().to_string(), "rtol": rtol });
        process.solve(&request)
    }
}

/// Python with the script, one process or several ranks of MPI.
struct Process {
    child: Child,
    folder: PathBuf,
    ranks: usize,
    requests: usize,
}

impl Process {
    /// Starts the first interpreter that has what the family needs, and asks it which peers there are.
    fn start(
        family: Family,
        threads: usize,
        folder: &Path,
    ) -> std::result::Result<(Self, BTreeMap<String, String>), String> {
        let mut why = String::new();
        for (i, python) in ["python3", "/usr/bin/python3"].into_iter().enumerate() {
            let own = folder.join(format!("{family:?}-{threads}-{i}"));
            match Process::launch(python, family, threads, folder, own).and_then(|mut process| {
                let answers = process.ask(&json!({}), PATIENCE[0])?;
                let versions = serde_json::from_value(answers[0].clone()).map_err(|e| e.to_string())?;
                Ok((process, versions))
            }) {
                Ok(found) => return Ok(found),
                Err(reason) => why = if why.is_empty() { reason } else { why },
            }
        }
        Err(why)
    }

    fn launch(
        python: &str,
        family: Family,
        threads: usize,
        script: &Path,
        folder: PathBuf,
    ) -> std::result::Result<Self, String> {
        let fault = |e: std::io::Error| format!("{python}: {e}");
        fs::create_dir_all(&folder).map_err(fault)?;
        let log = fs::File::create(folder.join("log")).map_err(fault)?;
        // PETSc has processes for threads.
        let ranks = if family == Family::Petsc { threads } else { 1 };
        let mut command = Command::new(if ranks > 1 { "mpirun" } else { python });
        if ranks > 1 {
            command.args(["-n", &ranks.to_string(), python]);
            // Open MPI wants this said where there is no other user, as in containers.
            command.envs([("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")]);
        }
        let threads = if ranks > 1 { "1".into() } else { threads.to_string() };
        for variable in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"] {
            command.env(variable, &threads);
        }
        let name = format!("{family:?}").to_lowercase();
        command.arg(script.join("peers.py")).arg(name).arg(&folder).arg(std::process::id().to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().map_err(|e| format!("{}: {e}", command.get_program().display()))?;
        Ok(Process { child, folder, ranks, requests: 0 })
    }

    /// The answers of all ranks.
    fn ask(&mut self, request: &Value, patience: Duration) -> std::result::Result<Vec<Value>, String> {
        let number = self.requests;
        self.requests += 1;
        let fault = |e: std::io::Error| e.to_string();
        let (part, whole) = (self.folder.join("part"), self.folder.join(format!("{number}.json")));
        fs::write(&part, request.to_string()).map_err(fault)?;
        fs::rename(&part, &whole).map_err(fault)?;
        let clock = Instant::now();
        let mut answers = Vec::new();
        for rank in 0..self.ranks {
            let path = self.folder.join(format!("{number}.{rank}.out"));
            while !path.exists() {
                if let Ok(Some(_)) = self.child.try_wait() {
                    return Err(self.last_words());
                }
                if clock.elapsed() > patience {
                    return Err(format!("no answer in {} s", patience.as_secs()));
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            let text = fs::read_to_string(&path).map_err(fault)?;
            let answer: Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
            match answer["error"].as_str() {
                Some(error) => return Err(error.to_string()),
                None => answers.push(answer),
            }
        }
        Ok(answers)
    }

    fn solve(&mut self, request: &Value) -> std::result::Result<Answer, String> {
        let answers = self.ask(request, PATIENCE[1])?;
        let largest = |key: &str| answers.iter().filter_map(|a| a[key].as_f64()).fold(0.0, f64::max);
        let mut x = Vec::new();
        for rank in 0..self.ranks {
            let path = self.folder.join(format!("{}.{rank}.x", self.requests - 1));
            let bytes = fs::read(&path).map_err(|e| e.to_string())?;
            x.extend(bytemuck::pod_collect_to_vec::<u8, f64>(&bytes));
            let _ = fs::remove_file(&path); // goes with the folder at the latest
        }
        let residuals = answers[0]["residuals"].as_array().into_iter().flatten();
        Ok(Answer {
            setup: largest("setup"),
            solve: largest("solve"),
            residuals: residuals.map(|r| r.as_f64().unwrap_or(f64::NAN)).collect(),
            peak: answers.iter().map(|a| a["peak"].as_u64().map(|bytes| bytes as usize)).sum(),
            x,
        })
    }

    /// Why the process ended: what it wrote last.
    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let errors = log.lines().rev().filter(|l| l.contains("Error"));
        let last = errors.chain(log.lines().rev().filter(|l| !l.trim().is_empty())).next();
        last.unwrap_or("its process ended").trim().to_string()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ranks of MPI end by themselves; killing their launcher would leave them behind.
        let _ = fs::write(self.folder.join("quit"), "");
        let clock = Instant::now();
        while let Ok(None) = self.child.try_wait() {
            if clock.elapsed() > FAREWELL {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
