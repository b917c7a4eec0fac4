//! All entries on one problem, in turn, round after round, so that a drifting machine slows all alike.

use super::agreement::Agreement;
use super::case::Case;
use super::peers::{Peer, Peers};
use super::row::Row;
use crate::cli::progress::Progress;
use crate::cli::{interrupt, say};
use crate::error::{Error, Result};
use crate::report::memory::triad_bytes_per_second;
use crate::report::statistics::Spread;
use crate::solver::{Method, Outcome, SolverConfig};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::path::Path;

/// A residual of a peer that counts as at its tolerance.
const SLACK: f64 = 1.01;

/// What is measured, and with what.
pub(super) struct Session {
    /// Methods asked for; empty for all that suit.
    pub methods: Vec<Method>,
    /// Settings of all methods.
    pub config: SolverConfig,
    pub rtols: Vec<f64>,
    /// Rounds after the warm-up.
    pub rounds: usize,
    pub workers: Vec<Workers>,
    pub peers: Option<Peers>,
    pub quiet: bool,
}

/// Threads, and what the memory gives them.
pub(super) struct Workers {
    pub threads: usize,
    /// Bytes a second.
    pub triad: f64,
    pool: ThreadPool,
}

impl Workers {
    /// Starts `threads` threads and measures the triad with them.
    pub fn new(threads: usize) -> Result<Workers> {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| Error::Option {
            option: "--threads".into(),
            value: threads.to_string(),
            what: e.to_string(),
        })?;
        Ok(Workers { threads, triad: pool.install(triad_bytes_per_second), pool })
    }
}

/// Who solves.
#[derive(Clone, PartialEq)]
enum Who {
    Ours(Method),
    Theirs(Peer, String),
}

impl Who {
    fn name(&self) -> &'static str {
        match self {
            Who::Ours(method) => method.name(),
            Who::Theirs(peer, _) => peer.name(),
        }
    }
}

/// One line of the table as it fills.
struct Entry {
    who: Who,
    rtol: f64,
    /// Index of its workers.
    at: usize,
    /// Seconds of set-up and solve of every round.
    seconds: Vec<[f64; 2]>,
    first: Option<First>,
    /// Bytes of every round.
    peaks: Vec<usize>,
    times: Vec<f64>,
}

/// What does not change from round to round.
struct First {
    name: &'static str,
    outcome: &'static str,
    residuals: Vec<f64>,
    relative_residual: f64,
    traffic: Option<f64>,
}

/// One solve by anyone.
struct Solved {
    name: &'static str,
    /// None of a peer: what it reached decides.
    outcome: Option<Outcome>,
    residuals: Vec<f64>,
    times: Vec<f64>,
    seconds: [f64; 2],
    peak: Option<usize>,
    traffic: Option<f64>,
    x: Vec<f64>,
}

impl Session {
    /// Measures all that suits the problem.
    pub fn measure(&mut self, problem: &str, case: &Case) -> Result<(Vec<Row>, Agreement)> {
        let mut agreement = Agreement::default();
        let mut entries = self.entries(problem, case);
        let theirs = |e: &Entry| matches!(e.who, Who::Theirs(..));
        let system = match &mut self.peers {
            Some(peers) if entries.iter().any(theirs) => {
                let system = case.as_matrix()?;
                let folder = peers.hand_over(&system)?;
                Some((system, folder))
            }
            _ => None,
        };
        let progress = Progress::new(self.quiet);
        progress.count(entries.len() * (1 + self.rounds));
        let mut done = 0;
        for round in 0..=self.rounds {
            let mut kept = Vec::with_capacity(entries.len());
            for mut entry in entries {
                if interrupt::asked() {
                    kept.push(entry);
                    continue;
                }
                let solved = match &entry.who {
                    Who::Ours(method) => self.ours(*method, &entry, case, &kept),
                    Who::Theirs(peer, _) => match (&system, &mut self.peers) {
                        (Some((system, folder)), Some(peers)) => {
                            theirs_solve(peers, *peer, &entry, self.workers[entry.at].threads, folder, |x| {
                                system.solution(x)
                            })
                        }
                        _ => continue,
                    },
                };
                done += 1;
                progress.counted(done);
                match solved {
                    Ok(solved) => {
                        entry.take(solved, round, case, &mut agreement);
                        kept.push(entry);
                    }
                    Err(why) => progress
                        .say(|| say(self.quiet, "left out", format!("{} on {problem}: {why}", entry.who.name()))),
                }
            }
            entries = kept;
        }
        progress.finish();
        let version = |who: &Who| match who {
            Who::Ours(_) => None,
            Who::Theirs(_, version) => Some(version.clone()),
        };
        let rows = entries.into_iter().filter_map(|entry| {
            let (version, workers) = (version(&entry.who), &self.workers[entry.at]);
            entry.row(problem, case.unknowns(), version, workers)
        });
        Ok((rows.collect(), agreement))
    }

    /// Who takes part, at every tolerance and number of threads; says who does not.
    fn entries(&self, problem: &str, case: &Case) -> Vec<Entry> {
        let asked: &[Method] = if self.methods.is_empty() { case.methods() } else { &self.methods };
        let (suited, others): (Vec<Method>, Vec<Method>) = asked.iter().partition(|m| case.suits(**m));
        for method in others {
            say(self.quiet, "left out", format!("{} on {problem}: not for {}", method.name(), case.kind()));
        }
        let found = self.peers.iter().flat_map(|p| &p.found).map(|(peer, version)| Who::Theirs(*peer, version.clone()));
        let mut entries = Vec::new();
        for who in suited.into_iter().map(Who::Ours).chain(found) {
            for (at, workers) in self.workers.iter().enumerate() {
                if let (Who::Theirs(peer, _), Some(peers)) = (&who, &self.peers)
                    && !peers.has(*peer, workers.threads)
                {
                    continue;
                }
                for &rtol in &self.rtols {
                    let (seconds, peaks, times) = (Vec::new(), Vec::new(), Vec::new());
                    entries.push(Entry { who: who.clone(), rtol, at, seconds, first: None, peaks, times });
                }
            }
        }
        entries
    }

    /// A solve by one of filet's methods; the error is a sentence.
    fn ours(
        &self,
        method: Method,
        entry: &Entry,
        case: &Case,
        before: &[Entry],
    ) -> std::result::Result<Solved, String> {
        let mut config = self.config.clone();
        (config.method, config.stop.rtol) = (method, entry.rtol);
        let measured = self.workers[entry.at].pool.install(|| case.solve(&config)).map_err(|e| e.to_string())?;
        let taken = measured.method;
        let same = |e: &Entry| e.rtol == entry.rtol && e.at == entry.at && e.who == Who::Ours(taken);
        if taken != method && before.iter().any(same) {
            return Err(format!("it is {} here, measured already; {}", taken.name(), measured.why));
        }
        Ok(Solved {
            name: taken.name(),
            outcome: Some(measured.report.outcome),
            residuals: measured.report.residuals,
            times: measured.times,
            seconds: [measured.setup, measured.solve],
            peak: measured.peak,
            traffic: measured.traffic,
            x: measured.x,
        })
    }
}

/// A solve by a peer; the error is a sentence.
fn theirs_solve(
    peers: &mut Peers,
    peer: Peer,
    entry: &Entry,
    threads: usize,
    system: &Path,
    solution: impl FnOnce(Vec<f64>) -> Vec<f64>,
) -> std::result::Result<Solved, String> {
    let answer = peers.solve(peer, threads, system, entry.rtol)?;
    // When each residual was there is not known: as if all iterations took as long.
    let steps = answer.residuals.len().saturating_sub(1).max(1) as f64;
    let times = (0..answer.residuals.len()).map(|i| answer.setup + answer.solve * i as f64 / steps).collect();
    Ok(Solved {
        name: peer.name(),
        outcome: None,
        residuals: answer.residuals,
        times,
        seconds: [answer.setup, answer.solve],
        peak: answer.peak,
        traffic: None,
        x: solution(answer.x),
    })
}

impl Entry {
    /// Enters a solve. The first round warms up: its solution is checked, its time and memory not taken, as libraries get buffers
    /// then that they keep (faer's products twice the last-level cache for every thread).
    fn take(&mut self, solved: Solved, round: usize, case: &Case, agreement: &mut Agreement) {
        self.times = solved.times;
        if round > 0 {
            self.seconds.push(solved.seconds);
            self.peaks.extend(solved.peak);
            return;
        }
        let converged = match &solved.outcome {
            Some(outcome) => *outcome == Outcome::Converged,
            None => case.relative_residual(&solved.x) <= SLACK * self.rtol,
        };
        let relative_residual = match converged {
            true => agreement.check(case, &format!("{} at {:e}", solved.name, self.rtol), self.rtol, &solved.x),
            false => case.relative_residual(&solved.x),
        };
        let outcome = match &solved.outcome {
            Some(outcome) => outcome.name(),
            None if converged => Outcome::Converged.name(),
            None => Outcome::Stagnated.name(),
        };
        let (name, residuals, traffic) = (solved.name, solved.residuals, solved.traffic);
        self.first = Some(First { name, outcome, residuals, relative_residual, traffic });
    }

    /// The line, where anything was timed.
    fn row(self, problem: &str, unknowns: usize, version: Option<String>, workers: &Workers) -> Option<Row> {
        let first = self.first.filter(|_| !self.seconds.is_empty())?;
        let peaks: Vec<f64> = self.peaks.iter().map(|bytes| *bytes as f64).collect();
        let spread = |of: fn(&[f64; 2]) -> f64| Spread::of(&self.seconds.iter().map(of).collect::<Vec<_>>());
        let (setup, solve, total) = (spread(|s| s[0]), spread(|s| s[1]), spread(|s| s[0] + s[1]));
        let iterations = first.residuals.len().saturating_sub(1);
        let rate = first.traffic.map(|bytes| bytes * iterations as f64 / solve.median);
        Some(Row {
            problem: problem.into(),
            method: first.name.into(),
            version,
            rtol: self.rtol,
            threads: workers.threads,
            unknowns,
            outcome: first.outcome,
            iterations,
            relative_residual: first.relative_residual,
            residuals: first.residuals,
            times: self.times,
            setup,
            solve,
            total,
            peak: (!peaks.is_empty()).then(|| Spread::of(&peaks).median as usize),
            traffic: first.traffic.map(|bytes| bytes / unknowns.max(1) as f64),
            triad: rate.map(|rate| rate / workers.triad),
            change: None,
        })
    }
}
