//! `filet solve MESH`: a Poisson problem on a mesh, from file to picture.

use super::outputs::check_apart;
use super::problem::{Given, ProblemArgs};
use super::progress::Progress;
use super::solution::{self, Outputs};
use super::{Done, adapt, cite, input, interrupt, print_data, say, scene, settings};
use crate::assembly::{Errors, System};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::mesh::io::MeshFile;
use crate::mesh::quality;
use crate::operator::LinearOperator;
use crate::report::format::{bytes, count, counted, seconds, significant};
use crate::report::memory::peak_bytes;
use crate::solver::{Iterate, Method, Outcome, Report, Solver, SolverConfig};
use crate::sparse::vector::norm2;
use clap::Args;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

/// Solve -div(k grad u) + c u = f on a mesh, or for the pressure of a voxel scene
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  filet solve meshes/plate.msh --plot plate.png
  filet solve part.msh --source 0 --dirichlet base=20 --robin holes=5,500 -o part.vtu
  filet solve square:64 --exact 'sin(pi*x)*sin(pi*y)' --degree 2 --json
  filet solve l_shape:16 --adapt 3 --plot corner.png
  filet solve big.msh --method pcg-amg --rtol 1e-10 --plot-residuals residuals.png
  filet solve scene.h5 -o pressure.h5 --plot slice.png
  filet solve smoke:128 --seed 3 --rtol 1e-6")]
pub(super) struct Solve {
    #[arg(value_name = "MESH", help = format!("{}; or voxel scene ({})", input::MESH_HELP, input::SCENE_HELP))]
    mesh: String,

    #[command(flatten)]
    problem: ProblemArgs,

    /// Refine the mesh uniformly N times first
    #[arg(long, value_name = "N", default_value_t = 0)]
    refine: u32,

    /// Move the nodes to where the solution bends, solving and moving in turn, N rounds at most
    #[arg(long, value_name = "N", default_value_t = 0)]
    adapt: usize,

    /// Seed of a built-in voxel scene
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// auto: by size and dimension; cg; pcg-jacobi; pcg-ic; pcg-deflation; pcg-amg; direct; dcdm: with the voxel cycle, learned on scenes, on a grid behind meshes (pays in space, where cells are of about one size); gmg, gmg-plain, dcdm-net (voxel scenes) [default: auto]
    #[arg(long, value_name = "METHOD", help_heading = "Solver", value_parser = settings::method(), hide_possible_values = true)]
    method: Option<Method>,

    /// Weights of dcdm or of the net of dcdm-net [default: those that come with filet; on meshes, numbers of analysis]
    #[arg(long, value_name = "FILE", help_heading = "Solver")]
    weights: Option<PathBuf>,

    /// cpu, or cuda: the first NVIDIA GPU (cg, pcg-jacobi, pcg-amg; gmg, dcdm, gmg-plain and dcdm-net on voxel scenes)
    #[arg(long, value_name = "DEVICE", help_heading = "Solver", default_value = "cpu", value_parser = settings::device(), hide_possible_values = true)]
    device: Device,

    /// Stop at |b - A x| <= X |b| [default: 1e-8]
    #[arg(long, value_name = "X", help_heading = "Solver")]
    rtol: Option<f64>,

    /// Stop after N iterations [default: 10000]
    #[arg(long, value_name = "N", help_heading = "Solver")]
    max_iterations: Option<usize>,

    /// Read solver settings from a TOML file
    #[arg(long, value_name = "FILE", help_heading = "Solver")]
    config: Option<PathBuf>,

    /// Set any solver field, such as precond.amg.theta=0.1 (repeat)
    #[arg(short = 'p', long = "set", value_name = "FIELD=VALUE", help_heading = "Solver")]
    set: Vec<String>,

    #[command(flatten)]
    outputs: Outputs,

    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Wall-clock seconds of each phase.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct Seconds {
    pub read: f64,
    pub assemble: f64,
    pub setup: f64,
    pub solve: f64,
    pub write: f64,
    pub total: f64,
}

/// Seconds since `clock`, which starts again.
pub(super) fn lap(clock: &mut Instant) -> f64 {
    let seconds = clock.elapsed().as_secs_f64();
    *clock = Instant::now();
    seconds
}

impl Solve {
    /// What --cite names.
    pub(super) fn references(&self) -> Vec<&'static str> {
        let mut keys = cite::solver(self.method.unwrap_or_default()).to_vec();
        if self.adapt > 0 {
            keys.extend(["mcrae2018", "huang2001"]);
        }
        keys
    }

    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        let (start, mut clock) = (Instant::now(), Instant::now());
        let mut time = Seconds::default();
        input::check_seed(&self.mesh, self.seed)?;
        check_apart(self.outputs.output.as_deref(), "--output", &self.mesh)?;
        let config = self.solver_config()?;
        if let Some(path) = self.weights.as_ref().filter(|_| !matches!(config.method, Method::Dcdm | Method::DcdmNet)) {
            return Err(Error::Option {
                option: "--weights".into(),
                value: path.display().to_string(),
                what: "goes with --method dcdm or dcdm-net".into(),
            });
        }
        if input::is_scene(&self.mesh) {
            return self.run_scene(config, quiet);
        }
        self.outputs.check(&["vtu", "xdmf"])?;
        let progress = Progress::new(quiet);
        progress.phase("reading");
        let mut file = input::load(&self.mesh, self.refine)?;
        quality::check(&file.mesh)?;
        time.read = lap(&mut clock);
        say_mesh(quiet, &progress, &self.mesh, &file);

        let given = self.problem.build(file.mesh.dimension())?;
        if self.adapt > 0 {
            file.mesh = adapt::adapt(&file.mesh, &given, &config, self.adapt, (&progress, quiet))?;
        }
        lap(&mut clock);
        progress.phase("assembling");
        let system = given.problem.assemble(&file.mesh)?;
        time.assemble = lap(&mut clock);
        progress.say(|| say_system(quiet, &given, &system, time.assemble));

        // The system comes before the solve: it may be what fails.
        let written = self.outputs.write_system(&system.a, &system.b)?;
        lap(&mut clock);
        progress.phase("setting up");
        let mut solver = input::mesh_solver(&config, &system, self.weights.as_deref(), self.device)?;
        time.setup = lap(&mut clock);
        progress.say(|| say_solver(quiet, &solver, time.setup));

        let (x, report) = solve(&system, &mut solver, &progress)?;
        time.solve = lap(&mut clock);
        progress.say(|| say(quiet, "solve", summary(&report, time.solve)));

        let residual = relative_residual(&system, &x);
        let u = system.solution(&x);
        let errors = given.exact.as_ref().map(|exact| Errors::of(&system.space, &u, exact));
        if let Some(e) = errors {
            progress.say(|| say(quiet, "error", format!("L2 {:.4e}, H1 {:.4e}", e.l2, e.h1)));
        }
        lap(&mut clock);
        progress.phase("writing");
        let solved = solution::Solved { given: &given, system: &system, u: &u, report: &report, solver: &solver };
        let written = self.outputs.write(&solved, written)?;
        time.write = lap(&mut clock);
        time.total = start.elapsed().as_secs_f64();
        progress.finish();
        if solver.fell_back() {
            say(quiet, "note", "the grid behind the mesh did not serve here; algebraic multigrid went on");
        }
        say_end(quiet, &written, &time);
        if self.json {
            print_data(&self.object(&file, &system, &solver, &report, residual, errors, &time, &written).to_string())?;
        }
        Ok(if report.outcome == Outcome::Converged { Done::Fully } else { Done::Partly })
    }

    fn run_scene(&self, config: SolverConfig, quiet: bool) -> Result<Done> {
        let of_meshes = [("--refine", self.refine > 0), ("--adapt", self.adapt > 0)];
        let first = of_meshes.into_iter().find(|(_, given)| *given).map(|(name, _)| name);
        let option = self.problem.first_given().or(first);
        if let Some(option) = option {
            return Err(Error::Option {
                option: option.into(),
                value: self.mesh.clone(),
                what: "a voxel scene brings its own problem; this option is for meshes".into(),
            });
        }
        let run = scene::Run {
            name: &self.mesh,
            seed: self.seed,
            config,
            weights: self.weights.as_deref(),
            device: self.device,
            outputs: &self.outputs,
            json: self.json,
            quiet,
        };
        run.run()
    }

    fn solver_config(&self) -> Result<SolverConfig> {
        let mut config = settings::read(self.config.as_deref(), &self.set)?;
        config.method = self.method.unwrap_or(config.method);
        config.stop.rtol = self.rtol.unwrap_or(config.stop.rtol);
        config.stop.max_iterations = self.max_iterations.unwrap_or(config.stop.max_iterations);
        if !(config.stop.rtol >= 0.0 && config.stop.rtol < 1.0) {
            return Err(Error::Option {
                option: "--rtol".into(),
                value: config.stop.rtol.to_string(),
                what: "a relative tolerance lies between 0 and 1".into(),
            });
        }
        Ok(config)
    }

    #[allow(clippy::too_many_arguments)]
    fn object(
        &self,
        file: &MeshFile,
        system: &System,
        solver: &Solver,
        report: &Report,
        residual: f64,
        errors: Option<Errors>,
        time: &Seconds,
        written: &[String],
    ) -> serde_json::Value {
        let mut object = serde_json::json!({
            "command": "solve",
            "input": self.mesh,
            "dimension": file.mesh.dimension(),
            "cells": file.mesh.cell_count(),
            "points": file.mesh.points.len(),
            "unknowns": system.unknowns(),
            "nonzeros": system.a.nnz(),
            "method": solver.method.name(),
            "precond": solver.method.preconditioner(),
            "outcome": report.outcome.name(),
            "iterations": report.iterations,
            "relative_residual": residual,
            "residuals": report.residuals,
            "seconds": time,
            "peak_bytes": peak_bytes(),
            "threads": rayon::current_num_threads(),
            "device": self.device.name(),
            "outputs": written,
        });
        if let Some(errors) = errors {
            object["errors"] = serde_json::json!(errors);
        }
        object
    }
}

/// What was read.
pub(super) fn say_mesh(quiet: bool, progress: &Progress, name: &str, file: &MeshFile) {
    let mesh = &file.mesh;
    let text = format!(
        "{name}   {}-D, {} {}, {} points",
        mesh.dimension(),
        count(mesh.cell_count() as u64),
        mesh.kind.plural(),
        count(mesh.points.len() as u64)
    );
    progress.say(|| {
        say(quiet, "mesh", text);
        file.notes.iter().for_each(|note| say(quiet, "", note));
    });
}

fn say_system(quiet: bool, given: &Given, system: &System, time: f64) {
    given.notes.iter().chain(&system.notes).for_each(|note| say(quiet, "problem", note));
    let text = format!(
        "P{}, {} unknowns, {} nonzeros, symmetric positive definite; assembled in {}",
        system.space.degree,
        count(system.unknowns() as u64),
        count(system.a.nnz() as u64),
        seconds(time)
    );
    say(quiet, "system", text);
}

fn say_solver(quiet: bool, solver: &Solver, time: f64) {
    let why = if solver.why.is_empty() { String::new() } else { format!(" ({})", solver.why) };
    say(quiet, "method", format!("{}{why}", solver.method.name()));
    say(quiet, "setup", format!("{}, {} in {}", solver.summary(), bytes(solver.bytes() as u64), seconds(time)));
}

/// What was written, and what all took.
pub(super) fn say_end(quiet: bool, written: &[String], time: &Seconds) {
    if !written.is_empty() {
        say(quiet, "output", format!("{} in {}", written.join(", "), seconds(time.write)));
    }
    let peak = peak_bytes().map_or("unknown".into(), bytes);
    say(quiet, "total", format!("{}, peak memory {peak}", seconds(time.total)));
}

/// How the solve ended, in words.
pub(super) fn summary(report: &Report, time: f64) -> String {
    let note = match report.outcome {
        Outcome::Stopped => "; stopped on request, what there is will be written",
        Outcome::Converged => "",
        _ => "; the answer is not as accurate as asked",
    };
    format!(
        "{}, {}, |b - A x|/|b| = {} in {}{note}",
        report.outcome,
        counted(report.iterations as u64, "iteration"),
        significant(report.relative_residual()),
        seconds(time)
    )
}

/// Solves from x = 0, showing progress and stopping on Ctrl-C.
fn solve(system: &System, solver: &mut Solver, progress: &Progress) -> Result<(Vec<f64>, Report)> {
    interrupt::install();
    progress.solve();
    let mut x = vec![0.0; system.unknowns()];
    let rtol = solver.stop.rtol;
    let report = solver.solve(&system.a, &system.b, &mut x, &mut |iterate| watch(progress, iterate, rtol))?;
    Ok((x, report))
}

/// Shows an iteration; stops on Ctrl-C.
pub(super) fn watch(progress: &Progress, iterate: &Iterate, rtol: f64) -> ControlFlow<()> {
    progress.iteration(iterate, rtol);
    if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// ‖b − A x‖₂ / ‖b‖₂ in double precision; 0 where b = 0.
fn relative_residual(system: &System, x: &[f64]) -> f64 {
    let mut r = vec![0.0; x.len()];
    system.a.residual(&system.b, x, &mut r);
    let norm_b = norm2(&system.b);
    if norm_b == 0.0 { norm2(&r) } else { norm2(&r) / norm_b }
}
