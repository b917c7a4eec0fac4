//! `filet bench`: methods against problems, tolerances and threads, beside outside solvers and a saved run.
//!
//! | file | what |
//! |---|---|
//! | `case` | the problems and a solve of each |
//! | `measure` | rounds of all entries in turn |
//! | `agreement` | all solutions of a problem against each other |
//! | `peers` | PyAMG, SciPy, PETSc and hypre |
//! | `row`, `compare`, `pictures` | table, CSV, JSON; a saved run; pictures |

mod agreement;
mod case;
mod compare;
mod measure;
mod peers;
mod pictures;
mod row;

use super::outputs::check_ending;
use super::{Done, cite, interrupt, print_data, say, settings};
use crate::error::{Error, Result};
use crate::report::format::{counted, seconds};
use crate::solver::Method;
use crate::sparse::matrix_market;
use agreement::Agreement;
use clap::Args;
use compare::Saved;
use measure::{Session, Workers};
use peers::{Peer, Peers, peer};
use row::Row;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Instant;

/// Compare solvers from x = 0: -div(grad u) = 1 with u = 0 on the boundary of a mesh; the pressure of a voxel scene; A x = b of Matrix Market files
#[derive(Debug, Args)]
#[command(
    after_help = "One round warms up, then all take turns, round after round, so that a drifting machine slows all alike; medians are shown, and half the distance of the quartiles. All solutions of a problem are checked against each other. Exit code 1: something did not converge, or solutions differ by more than their tolerances explain.

memory: most bytes held at a time by set-up and solve, the median of the rounds (peers: resident bytes). B/unknown/it: bytes an iteration reads and writes, counted from its arrays; of triad: those over what the memory moves in that time, above 1 where caches hold a small problem.

Examples:
  filet bench --quick --plot bench.png
  filet bench --problem smoke:32,smoke:64,smoke:128 --method gmg,dcdm --rtol 1e-6,1e-10
  filet bench --problem meshes/plate.msh,A.mtx,b.mtx --threads 1,2 --peers --csv
  filet bench --json > before.json; filet bench --compare before.json"
)]
pub(super) struct Bench {
    /// Meshes, voxel scenes and Matrix Market systems (A.mtx with b = 1, or A.mtx,b.mtx): files or built-in ones, separated by commas [default: square:300,graded_square:300,cube:30,ball:16,smoke:64,walls:64]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    problem: Vec<String>,

    /// Methods, separated by commas; one that does not suit a problem is left out there [default: all that suit the problem]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = settings::method())]
    method: Vec<Method>,

    /// Also solvers from outside, where Python has them (slow: the systems are handed over, each is run as often): pyamg-sa, pyamg-rs, scipy-cg, petsc-gamg, hypre-boomeramg [without a list: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',', num_args = 0.., value_parser = peer(), hide_possible_values = true)]
    peers: Option<Vec<Peer>>,

    /// Seed of built-in voxel scenes
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Stop at |b - A x| <= X |b|; several, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1e-6")]
    rtol: Vec<f64>,

    /// Rounds after the warm-up [default: 5; with --quick 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    repeat: Option<u16>,

    /// A selection that ends within a minute: square:100,square:300,ball:12,smoke:32,smoke:64
    #[arg(long)]
    quick: bool,

    /// Set any solver field, such as precond.amg.theta=0.1 (repeat)
    #[arg(short = 'p', long = "set", value_name = "FIELD=VALUE")]
    set: Vec<String>,

    /// Print one JSON object on stdout instead of the table
    #[arg(long)]
    json: bool,

    /// Print CSV on stdout instead of the table: plain numbers, units in the headers
    #[arg(long, conflicts_with = "json")]
    csv: bool,

    /// Draw residual against time for every problem, and time against unknowns for every family with several sizes (.png, .svg)
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    /// Show the ratio new/old of every total time to that of a run saved with --json
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
}

const PROBLEMS: &str = "square:300,graded_square:300,cube:30,ball:16,smoke:64,walls:64";
const QUICK: &str = "square:100,square:300,ball:12,smoke:32,smoke:64";

/// A problem's name, and the file of its right-hand side where it is a matrix with one.
type Problem = (String, Option<String>);

impl Bench {
    /// What --cite names.
    pub(super) fn references(&self) -> Vec<&'static str> {
        let methods: &[Method] = if self.method.is_empty() { &Method::ALL } else { &self.method };
        methods.iter().flat_map(|&method| cite::solver(method)).copied().collect()
    }

    pub(super) fn run(&self, quiet: bool, threads: &[u16]) -> Result<Done> {
        let clock = Instant::now();
        check_ending(self.plot.as_deref(), "--plot", &["png", "svg"])?;
        let saved = self.compare.as_deref().map(Saved::read).transpose()?;
        let problems = self.problems()?;
        let mut session = self.session(quiet, threads)?;
        interrupt::install();
        let (mut rows, mut agreements) = (Vec::new(), Vec::new());
        for (problem, rhs) in &problems {
            if interrupt::asked() {
                break;
            }
            let (more, agreement) =
                case::with(problem, rhs.as_deref(), self.seed, |case| session.measure(problem, case))?;
            rows.extend(more);
            agreements.push((problem.as_str(), agreement));
        }
        if rows.is_empty() && !interrupt::asked() {
            return Err(Error::Option {
                option: "--method".into(),
                value: self.method.iter().map(|m| m.name()).collect::<Vec<_>>().join(","),
                what: "nothing is left to measure: no method suits a problem".into(),
            });
        }
        let missing = saved.as_ref().map(|saved| saved.compare(&mut rows)).unwrap_or_default();
        if self.json {
            print_data(&self.object(&session, &rows, &agreements).to_string())?;
        } else if self.csv {
            print_data(row::csv(&rows).trim_end())?;
        } else {
            print_data(row::table(&rows).to_string().trim_end())?;
        }
        say_machine(quiet, &session, saved.as_ref(), clock.elapsed().as_secs_f64());
        missing.iter().for_each(|key| say(quiet, "not run", format!("{key}, which the saved run has")));
        if let Some(path) = self.plot.as_deref().filter(|_| !rows.is_empty()) {
            pictures::draw(path, &rows)?;
            say(quiet, "output", path.display());
        }
        let mut agree = true;
        for (problem, agreement) in &agreements {
            match agreement.faults() {
                [] => say(quiet, "check", format!("{problem}: {}", agreement.summary())),
                faults => {
                    agree = false;
                    faults.iter().for_each(|fault| eprintln!("error: {problem}: {fault}"));
                }
            }
        }
        let fully = agree && !interrupt::asked() && rows.iter().all(|r| r.outcome == "converged");
        Ok(if fully { Done::Fully } else { Done::Partly })
    }

    /// What to measure with.
    fn session(&self, quiet: bool, threads: &[u16]) -> Result<Session> {
        if let Some(rtol) = self.rtol.iter().find(|r| !(**r > 0.0 && **r < 1.0)) {
            let what = "a relative tolerance lies between 0 and 1".into();
            return Err(Error::Option { option: "--rtol".into(), value: rtol.to_string(), what });
        }
        for (field, option) in [("method", "--method"), ("stop.rtol", "--rtol")] {
            if let Some(set) =
                self.set.iter().find(|set| set.split('=').next().is_some_and(|name| name.trim() == field))
            {
                let what = format!("{option} says this to bench");
                return Err(Error::Option { option: "-p".into(), value: set.clone(), what });
            }
        }
        let mut counts: Vec<usize> = threads.iter().map(|n| usize::from(*n)).collect();
        if counts.is_empty() {
            counts.push(rayon::current_num_threads());
        }
        counts.dedup();
        let peers = match self.peers.as_deref() {
            None => None,
            Some([]) => Some(Peers::find(&Peer::ALL, &counts)?),
            Some(wanted) => Some(Peers::find(wanted, &counts)?),
        };
        for (peer, version) in peers.iter().flat_map(|p| &p.found) {
            say(quiet, "peer", format!("{}: {version}", peer.name()));
        }
        for why in peers.iter().flat_map(|p| &p.missing) {
            say(quiet, "left out", why);
        }
        Ok(Session {
            methods: self.method.clone(),
            config: settings::read(None, &self.set)?,
            rtols: self.rtol.clone(),
            rounds: usize::from(self.repeat.unwrap_or(if self.quick { 3 } else { 5 })),
            workers: counts.into_iter().map(Workers::new).collect::<Result<_>>()?,
            peers,
            quiet,
        })
    }

    /// The problems; a Matrix Market file of one column is the right-hand side of the matrix before it.
    fn problems(&self) -> Result<Vec<Problem>> {
        let default = if self.quick { QUICK } else { PROBLEMS };
        let given = || self.problem.iter().cloned();
        let names: Vec<String> =
            if self.problem.is_empty() { default.split(',').map(String::from).collect() } else { given().collect() };
        let mut problems: Vec<Problem> = Vec::new();
        for name in names {
            case::check_name(&name)?;
            match problems.last_mut() {
                Some((matrix, rhs @ None))
                    if case::is_matrix(matrix) && case::is_matrix(&name) && matrix_market::shape(&name)?[1] == 1 =>
                {
                    *rhs = Some(name);
                }
                _ => problems.push((name, None)),
            }
        }
        Ok(problems)
    }

    fn object(&self, session: &Session, rows: &[Row], agreements: &[(&str, Agreement)]) -> Value {
        let triads = session.workers.iter().map(|w| (w.threads.to_string(), json!(w.triad / 1e9)));
        let agreement = |(problem, a): &(&str, Agreement)| json!({ "problem": problem, "largest_difference": a.difference(), "faults": a.faults() });
        json!({
            "command": "bench",
            "machine": machine(),
            "version": env!("CARGO_PKG_VERSION"),
            "triad_gb_s": session.workers[0].triad / 1e9,
            "triads_gb_s": triads.collect::<serde_json::Map<_, _>>(),
            "rounds": session.rounds,
            "seed": self.seed,
            "agreement": agreements.iter().map(agreement).collect::<Vec<_>>(),
            "rows": rows.iter().map(Row::json).collect::<Vec<_>>(),
        })
    }
}

fn say_machine(quiet: bool, session: &Session, saved: Option<&Saved>, total: f64) {
    let each =
        session.workers.iter().map(|w| format!("{} {:.1} GB/s", counted(w.threads as u64, "thread"), w.triad / 1e9));
    let before = saved.and_then(|s| s.triad).map_or(String::new(), |t| format!(" (then {t:.1})"));
    say(quiet, "machine", format!("{}; triad: {}{before}", machine(), each.collect::<Vec<_>>().join(", ")));
    say(quiet, "rounds", format!("{} after a warm-up, medians; {} in all", session.rounds, seconds(total)));
}

/// The processor's name where the system tells, and how many there are.
fn machine() -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|l| l.strip_prefix("model name")).and_then(|l| l.split_once(':'));
    let name = name.map_or(std::env::consts::ARCH, |(_, name)| name.trim());
    format!("{name}, {processors} processors, {}", std::env::consts::OS)
}
