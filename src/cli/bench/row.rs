//! One line of the comparison: a method on a problem, at a tolerance, on a number of threads.

use super::compare::Change;
use crate::report::format::{bytes, count, seconds, significant};
use crate::report::statistics::Spread;
use crate::report::table::Table;
use serde_json::{Value, json};

pub(super) struct Row {
    pub problem: String,
    pub method: String,
    /// What a peer is.
    pub version: Option<String>,
    pub rtol: f64,
    pub threads: usize,
    pub unknowns: usize,
    pub outcome: &'static str,
    pub iterations: usize,
    /// ‖b − A x‖₂ / ‖b‖₂, by one operator for all.
    pub relative_residual: f64,
    /// As the method saw them, and seconds since its set-up began.
    pub residuals: Vec<f64>,
    pub times: Vec<f64>,
    pub setup: Spread,
    pub solve: Spread,
    pub total: Spread,
    /// Most bytes held at a time.
    pub peak: Option<usize>,
    /// Bytes an iteration reads and writes for each unknown.
    pub traffic: Option<f64>,
    /// Those over what the memory moves in the time of an iteration.
    pub triad: Option<f64>,
    /// Beside a saved run.
    pub change: Option<Change>,
}

impl Row {
    /// What tells rows of one problem apart.
    pub fn key(&self) -> String {
        format!("{} {} {:e} {}", self.problem, self.method, self.rtol, self.threads)
    }

    pub fn json(&self) -> Value {
        json!({
            "problem": self.problem,
            "method": self.method,
            "version": self.version,
            "rtol": self.rtol,
            "threads": self.threads,
            "unknowns": self.unknowns,
            "outcome": self.outcome,
            "iterations": self.iterations,
            "relative_residual": self.relative_residual,
            "seconds": { "setup": self.setup.median, "solve": self.solve.median, "total": self.total.median },
            "quartiles": {
                "setup": [self.setup.low, self.setup.high],
                "solve": [self.solve.low, self.solve.high],
                "total": [self.total.low, self.total.high],
            },
            "peak_bytes": self.peak,
            "bytes_per_unknown_iteration": self.traffic,
            "triad_fraction": self.triad,
            "residuals": self.residuals,
            "times": self.times,
            "ratio": self.change.as_ref().map(|c| c.ratio),
        })
    }
}

/// Header, whether it is shown, and what stands in a row.
type Column = (&'static str, bool, fn(&Row) -> String);

/// The rows for people; a column where all rows say the same is left out.
pub(super) fn table(rows: &[Row]) -> Table {
    let differs = |of: fn(&Row) -> f64| rows.iter().any(|r| of(r) != of(&rows[0]));
    let (rtol, threads) = (differs(|r| r.rtol), differs(|r| r.threads as f64));
    let before = rows.iter().any(|r| r.change.is_some());
    let columns: [Column; 15] = [
        ("problem", true, |r| r.problem.clone()),
        ("unknowns", true, |r| count(r.unknowns as u64)),
        ("method", true, |r| r.method.clone()),
        ("rtol", rtol, |r| format!("{:e}", r.rtol)),
        ("threads", threads, |r| r.threads.to_string()),
        ("outcome", rows.iter().any(|r| r.outcome != "converged"), |r| r.outcome.to_string()),
        ("iterations", true, |r| r.iterations.to_string()),
        ("residual", true, |r| significant(r.relative_residual)),
        ("setup", true, |r| seconds(r.setup.median)),
        ("solve", true, |r| seconds(r.solve.median)),
        ("total", true, |r| format!("{} ±{:.0} %", seconds(r.total.median), 100.0 * r.total.relative())),
        ("memory", true, |r| r.peak.map_or("-".into(), |peak| bytes(peak as u64))),
        ("B/unknown/it", true, |r| r.traffic.map_or("-".into(), |b| format!("{b:.0}"))),
        ("of triad", true, |r| r.triad.map_or("-".into(), |f| format!("{f:.2}"))),
        ("before, new/old", before, |r| r.change.as_ref().map_or("new".into(), ToString::to_string)),
    ];
    fill(&columns, rows)
}

/// The rows for programs: plain numbers, units in the headers.
pub(super) fn csv(rows: &[Row]) -> String {
    let columns: [Column; 23] = [
        ("problem", true, |r| r.problem.clone()),
        ("unknowns", true, |r| r.unknowns.to_string()),
        ("method", true, |r| r.method.clone()),
        ("version", true, |r| r.version.clone().unwrap_or_default()),
        ("rtol", true, |r| format!("{:e}", r.rtol)),
        ("threads", true, |r| r.threads.to_string()),
        ("outcome", true, |r| r.outcome.to_string()),
        ("iterations", true, |r| r.iterations.to_string()),
        ("relative_residual", true, |r| format!("{:e}", r.relative_residual)),
        ("setup_s", true, |r| format!("{:e}", r.setup.median)),
        ("setup_q1_s", true, |r| format!("{:e}", r.setup.low)),
        ("setup_q3_s", true, |r| format!("{:e}", r.setup.high)),
        ("solve_s", true, |r| format!("{:e}", r.solve.median)),
        ("solve_q1_s", true, |r| format!("{:e}", r.solve.low)),
        ("solve_q3_s", true, |r| format!("{:e}", r.solve.high)),
        ("total_s", true, |r| format!("{:e}", r.total.median)),
        ("total_q1_s", true, |r| format!("{:e}", r.total.low)),
        ("total_q3_s", true, |r| format!("{:e}", r.total.high)),
        ("peak_bytes", true, |r| r.peak.map(|b| b.to_string()).unwrap_or_default()),
        ("bytes_per_unknown_iteration", true, |r| r.traffic.map(|b| format!("{b:.1}")).unwrap_or_default()),
        ("triad_fraction", true, |r| r.triad.map(|f| format!("{f:.4}")).unwrap_or_default()),
        ("total_before_s", true, |r| r.change.as_ref().map(|c| format!("{:e}", c.before)).unwrap_or_default()),
        ("ratio", true, |r| r.change.as_ref().map(|c| format!("{:.4}", c.ratio)).unwrap_or_default()),
    ];
    fill(&columns, rows).csv()
}

fn fill(columns: &[Column], rows: &[Row]) -> Table {
    let shown: Vec<_> = columns.iter().filter(|c| c.1).collect();
    let mut table = Table::new(&shown.iter().map(|c| c.0).collect::<Vec<_>>());
    for row in rows {
        table.row(shown.iter().map(|c| (c.2)(row)));
    }
    table
}
