//! `filet bench`: methods against problems, set-up and solve apart, beside the memory bandwidth of the machine.

use super::{Done, input, print_data, settings};
use crate::assembly::Poisson;
use crate::error::{Error, Result};
use crate::mesh::quality;
use crate::report::format::{bytes, count, seconds, significant};
use crate::report::memory::{peak_bytes, triad_bytes_per_second};
use crate::report::table::Table;
use crate::solver::{Method, Outcome, SolverConfig, unobserved};
use clap::Args;
use std::time::Instant;

/// Compare solvers: -div(grad u) = 1, u = 0 on the boundary, from x = 0
#[derive(Debug, Args)]
#[command(
    after_help = "Methods run in turn, round after round, so that a drifting machine slows all alike; medians are shown."
)]
pub(super) struct Bench {
    /// Meshes: files or built-in shapes, separated by commas
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "square:300,graded_square:300,cube:30,ball:16"
    )]
    problem: Vec<String>,

    /// Methods, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = settings::method, default_value = "cg,pcg-jacobi,pcg-ic,pcg-amg,direct")]
    method: Vec<Method>,

    /// Stop at |b - A x| <= X |b|
    #[arg(long, value_name = "X", default_value_t = 1e-6)]
    rtol: f64,

    /// Rounds
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,

    /// Set any solver field, such as precond.amg.theta=0.1 (repeat)
    #[arg(short = 'p', long = "set", value_name = "FIELD=VALUE")]
    set: Vec<String>,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,

    /// Print the table as CSV on stdout
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// One method on one problem.
#[derive(Debug)]
struct Row {
    problem: String,
    method: Method,
    unknowns: usize,
    outcome: Outcome,
    iterations: usize,
    relative_residual: f64,
    setup: Vec<f64>,
    solve: Vec<f64>,
    bytes: usize,
}

impl Bench {
    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        let triad = triad_bytes_per_second();
        let mut rows = Vec::new();
        for problem in &self.problem {
            rows.extend(self.measure(problem)?);
        }
        let table = table(&rows);
        if self.json {
            print_data(&object(&rows, triad).to_string())?;
        } else if self.csv {
            print_data(table.csv().trim_end())?;
        }
        if !quiet {
            eprintln!("{table}");
            eprintln!(
                "{} threads, triad {:.1} GB/s, rtol {:.0e}, medians of {}",
                rayon::current_num_threads(),
                triad / 1e9,
                self.rtol,
                self.repeat
            );
        }
        let all = rows.iter().all(|r| r.outcome == Outcome::Converged);
        Ok(if all { Done::Fully } else { Done::Partly })
    }

    fn measure(&self, problem: &str) -> Result<Vec<Row>> {
        let mesh = input::load(problem, 0)?.mesh;
        quality::check(&mesh)?;
        let system = Poisson { source: 1.0.into(), ..Default::default() }.dirichlet(None, 0.0).assemble(&mesh)?;
        let mut rows: Vec<Row> = Vec::new();
        for round in 0..self.repeat {
            for (i, &method) in self.method.iter().enumerate() {
                let mut config: SolverConfig = settings::read(None, &self.set)?;
                (config.method, config.stop.rtol) = (method, self.rtol);
                let clock = Instant::now();
                let mut solver = config.build(&system.a, mesh.dimension())?;
                let setup = clock.elapsed().as_secs_f64();
                let mut x = vec![0.0; system.unknowns()];
                let clock = Instant::now();
                let report = solver.solve(&system.a, &system.b, &mut x, &mut unobserved)?;
                let solve = clock.elapsed().as_secs_f64();
                if round == 0 {
                    rows.push(Row {
                        problem: problem.to_string(),
                        method: solver.method,
                        unknowns: system.unknowns(),
                        iterations: report.iterations,
                        relative_residual: report.relative_residual(),
                        outcome: report.outcome,
                        setup: Vec::new(),
                        solve: Vec::new(),
                        bytes: solver.bytes(),
                    });
                }
                rows[i].setup.push(setup);
                rows[i].solve.push(solve);
            }
        }
        agree(&rows)?;
        Ok(rows)
    }
}

/// A method that ended without an answer is an error of the program, not of the input.
fn agree(rows: &[Row]) -> Result<()> {
    match rows.iter().find(|r| r.relative_residual.is_nan()) {
        None => Ok(()),
        Some(r) => Err(Error::Matrix {
            what: format!("{} on {} gave values that are not finite", r.method.name(), r.problem),
            help: "leave the method out with --method".into(),
        }),
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        "problem",
        "method",
        "unknowns",
        "outcome",
        "iterations",
        "residual",
        "setup",
        "solve",
        "total",
        "memory",
    ]);
    for r in rows {
        let (setup, solve) = (median(&r.setup), median(&r.solve));
        table.row([
            r.problem.clone(),
            r.method.name().to_string(),
            count(r.unknowns as u64),
            r.outcome.name().to_string(),
            r.iterations.to_string(),
            significant(r.relative_residual),
            seconds(setup),
            seconds(solve),
            seconds(setup + solve),
            bytes(r.bytes as u64),
        ]);
    }
    table
}

fn object(rows: &[Row], triad: f64) -> serde_json::Value {
    let rows: Vec<_> = rows
        .iter()
        .map(|r| {
            serde_json::json!({
                "problem": r.problem,
                "method": r.method.name(),
                "unknowns": r.unknowns,
                "outcome": r.outcome.name(),
                "iterations": r.iterations,
                "relative_residual": r.relative_residual,
                "seconds": { "setup": median(&r.setup), "solve": median(&r.solve) },
                "peak_bytes": peak_bytes(),
                "bytes": r.bytes,
            })
        })
        .collect();
    let machine =
        format!("{} {}, {} threads", std::env::consts::OS, std::env::consts::ARCH, rayon::current_num_threads());
    serde_json::json!({ "command": "bench", "machine": machine, "triad_gb_s": triad / 1e9, "rows": rows })
}
