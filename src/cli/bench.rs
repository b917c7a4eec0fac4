//! `filet bench`: methods against problems, set-up and solve apart, beside the memory bandwidth of the machine.

use super::solution::residual_axes;
use super::{Done, cite, input, print_data, settings};
use crate::assembly::Poisson;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::mesh::quality;
use crate::report::format::{bytes, count, seconds, significant};
use crate::report::memory::{peak_bytes, triad_bytes_per_second};
use crate::report::plot::{self, Curve};
use crate::report::table::Table;
use crate::solver::{Method, Outcome, Report, SolverConfig, unobserved};
use clap::Args;
use std::path::PathBuf;
use std::time::Instant;

/// Compare solvers from x = 0: -div(grad u) = 1 with u = 0 on the boundary of a mesh; the pressure of a voxel scene
#[derive(Debug, Args)]
#[command(
    after_help = "Methods run in turn, round after round, so that a drifting machine slows all alike; medians are shown."
)]
pub(super) struct Bench {
    /// Meshes or voxel scenes: files or built-in ones, separated by commas
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "square:300,graded_square:300,cube:30,ball:16,smoke:64,walls:64"
    )]
    problem: Vec<String>,

    /// Methods, separated by commas [default: all that suit the problem]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = settings::method)]
    method: Vec<Method>,

    /// Seed of built-in voxel scenes
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

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

    /// Draw the residual histories (.png, .svg)
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Methods that suit meshes, and voxel scenes.
const FOR_MESHES: [Method; 6] =
    [Method::Cg, Method::PcgJacobi, Method::PcgIc, Method::PcgAmg, Method::Dcdm, Method::Direct];
const FOR_SCENES: [Method; 6] =
    [Method::Cg, Method::PcgIc, Method::PcgAmg, Method::GmgPlain, Method::Gmg, Method::Dcdm];

/// One method on one problem.
#[derive(Debug)]
struct Row {
    problem: String,
    method: Method,
    unknowns: usize,
    outcome: Outcome,
    residuals: Vec<f64>,
    setup: Vec<f64>,
    solve: Vec<f64>,
    bytes: usize,
}

impl Bench {
    /// What --cite names.
    pub(super) fn references(&self) -> Vec<&'static str> {
        let methods: &[Method] = if self.method.is_empty() { &Method::ALL } else { &self.method };
        methods.iter().flat_map(|&method| cite::solver(method)).copied().collect()
    }

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
        self.draw(&rows)?;
        let all = rows.iter().all(|r| r.outcome == Outcome::Converged);
        Ok(if all { Done::Fully } else { Done::Partly })
    }

    fn measure(&self, problem: &str) -> Result<Vec<Row>> {
        let rows = if input::is_scene(problem) {
            let scene = input::load_scene(problem, self.seed)?;
            self.rounds(problem, &FOR_SCENES, |config| {
                let (mut solver, setup) = timed(|| input::scene_solver(config, &scene.grid, None, Device::Cpu))?;
                let mut x = vec![0.0; scene.grid.cells()];
                let (report, solve) = timed(|| solver.solve(&scene.rhs, &mut x, &mut unobserved))?;
                let (unknowns, bytes) = (scene.grid.fluid_cells(), solver.bytes());
                Ok(Measured { method: solver.method(), unknowns, bytes, report, seconds: [setup, solve] })
            })?
        } else {
            let mesh = input::load(problem, 0)?.mesh;
            quality::check(&mesh)?;
            let system = Poisson { source: 1.0.into(), ..Default::default() }.dirichlet(None, 0.0).assemble(&mesh)?;
            self.rounds(problem, &FOR_MESHES, |config| {
                let (mut solver, setup) = timed(|| input::mesh_solver(config, &system, None, Device::Cpu))?;
                let mut x = vec![0.0; system.unknowns()];
                let (report, solve) = timed(|| solver.solve(&system.a, &system.b, &mut x, &mut unobserved))?;
                let (unknowns, bytes) = (system.unknowns(), solver.bytes());
                Ok(Measured { method: solver.method, unknowns, bytes, report, seconds: [setup, solve] })
            })?
        };
        agree(&rows)?;
        Ok(rows)
    }

    /// Measures the methods in turn, round after round.
    fn rounds(
        &self,
        problem: &str,
        suiting: &[Method],
        measure: impl Fn(&SolverConfig) -> Result<Measured>,
    ) -> Result<Vec<Row>> {
        let methods = if self.method.is_empty() { suiting } else { &self.method };
        let mut rows: Vec<Row> = Vec::new();
        for round in 0..self.repeat {
            for (i, &method) in methods.iter().enumerate() {
                let mut config: SolverConfig = settings::read(None, &self.set)?;
                (config.method, config.stop.rtol) = (method, self.rtol);
                let measured = measure(&config)?;
                if round == 0 {
                    rows.push(Row {
                        problem: problem.to_string(),
                        method: measured.method,
                        unknowns: measured.unknowns,
                        residuals: measured.report.residuals,
                        outcome: measured.report.outcome,
                        setup: Vec::new(),
                        solve: Vec::new(),
                        bytes: measured.bytes,
                    });
                }
                rows[i].setup.push(measured.seconds[0]);
                rows[i].solve.push(measured.seconds[1]);
            }
        }
        Ok(rows)
    }

    /// Draws the residuals of all methods on all problems.
    fn draw(&self, rows: &[Row]) -> Result<()> {
        let Some(path) = &self.plot else { return Ok(()) };
        let name = |r: &Row| match self.problem.len() {
            1 => r.method.name().to_string(),
            _ => format!("{}, {}", r.method.name(), r.problem),
        };
        let curves: Vec<Curve> = rows.iter().map(|r| Curve::history(name(r), r.residuals.clone())).collect();
        plot::curves(path, &curves, &residual_axes())
    }
}

/// One solve.
struct Measured {
    method: Method,
    unknowns: usize,
    bytes: usize,
    report: Report,
    /// Of set-up and solve.
    seconds: [f64; 2],
}

/// The result and the seconds it took.
fn timed<T>(run: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let clock = Instant::now();
    Ok((run()?, clock.elapsed().as_secs_f64()))
}

impl Row {
    fn iterations(&self) -> usize {
        self.residuals.len().saturating_sub(1)
    }

    fn relative_residual(&self) -> f64 {
        self.residuals.last().copied().unwrap_or(0.0)
    }
}

/// A method that ended without an answer is an error of the program, not of the input.
fn agree(rows: &[Row]) -> Result<()> {
    match rows.iter().find(|r| r.relative_residual().is_nan()) {
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
        "a unknown",
    ]);
    for r in rows {
        let (setup, solve) = (median(&r.setup), median(&r.solve));
        table.row([
            r.problem.clone(),
            r.method.name().to_string(),
            count(r.unknowns as u64),
            r.outcome.name().to_string(),
            r.iterations().to_string(),
            significant(r.relative_residual()),
            seconds(setup),
            seconds(solve),
            seconds(setup + solve),
            bytes(r.bytes as u64),
            format!("{:.0} B", r.bytes as f64 / r.unknowns.max(1) as f64),
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
                "iterations": r.iterations(),
                "relative_residual": r.relative_residual(),
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
