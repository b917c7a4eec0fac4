//! `filet solve SCENE`: the pressure problem of a voxel scene; and what `filet mesh` does with scenes.

use super::outputs::check_ending;
use super::progress::Progress;
use super::solution::Outputs;
use super::solve::{Seconds, lap, say_end, summary, watch};
use super::{Done, input, interrupt, print_data, say};
use crate::assembly::VoxelSystem;
use crate::device::Device;
use crate::error::Result;
use crate::operator::voxel::VoxelOperator;
use crate::report::format::{bytes, count, seconds, significant};
use crate::report::memory::peak_bytes;
use crate::report::plot;
use crate::solver::{Method, Outcome, Report, SceneSolver, SolverConfig};
use crate::voxel::{AIR, Components, FLUID, SOLID, Scene, Voxelize, write_pressure};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A solve of a scene.
pub(super) struct Run<'a> {
    pub name: &'a str,
    pub seed: u64,
    pub config: SolverConfig,
    pub weights: Option<&'a Path>,
    pub device: Device,
    pub outputs: &'a Outputs,
    pub json: bool,
    pub quiet: bool,
}

impl Run<'_> {
    pub fn run(&self) -> Result<Done> {
        let (start, mut clock) = (Instant::now(), Instant::now());
        let mut time = Seconds::default();
        self.outputs.check(&["h5"])?;
        let progress = Progress::new(self.quiet);
        progress.phase("reading");
        let scene = input::load_scene(self.name, self.seed)?;
        time.read = lap(&mut clock);
        progress.say(|| say_scene(self.quiet, self.name, &scene));
        progress.phase("setting up");
        let mut solver = input::scene_solver(&self.config, &scene.grid, self.weights, self.device)?;
        time.setup = lap(&mut clock);
        progress.say(|| {
            say(self.quiet, "method", solver.method().name());
            let held = bytes(solver.bytes() as u64);
            say(self.quiet, "setup", format!("{}; {held} in {}", solver.summary(), seconds(time.setup)));
        });
        interrupt::install();
        progress.solve();
        let mut pressure = vec![0.0; scene.grid.cells()];
        let rtol = self.config.stop.rtol;
        let report = solver.solve(&scene.rhs, &mut pressure, &mut |iterate| watch(&progress, iterate, rtol))?;
        time.solve = lap(&mut clock);
        progress.say(|| say(self.quiet, "solve", summary(&report, time.solve)));
        progress.phase("writing");
        let written = self.write(&scene, &solver, &pressure, &report)?;
        time.write = lap(&mut clock);
        time.total = start.elapsed().as_secs_f64();
        progress.finish();
        if solver.fell_back() {
            say(self.quiet, "note", "the learned numbers did not serve here; the cycle with those of analysis went on");
        }
        say_end(self.quiet, &written, &time);
        if self.json {
            print_data(&self.object(&scene, solver.method(), &report, &time, &written).to_string())?;
        }
        Ok(if report.outcome == Outcome::Converged { Done::Fully } else { Done::Partly })
    }

    fn write(&self, scene: &Scene, solver: &SceneSolver, pressure: &[f64], report: &Report) -> Result<Vec<String>> {
        let mut written = Vec::new();
        if self.outputs.matrix_market.is_some() {
            let assembled = match solver.system() {
                Some(_) => None,
                None => Some(VoxelSystem::new(&scene.grid, &VoxelOperator::new(&scene.grid))?),
            };
            if let Some(system) = solver.system().or(assembled.as_ref()) {
                written.extend(self.outputs.write_system(&system.a, &system.right_hand_side(&scene.rhs)?)?);
            }
        }
        if let Some(path) = &self.outputs.output {
            write_pressure(path, &scene.grid, pressure)?;
            written.push(path.display().to_string());
        }
        if let Some(path) = &self.outputs.plot {
            plot::slice(path, &scene.grid, pressure, "Pressure", "p")?;
            written.push(path.display().to_string());
        }
        self.outputs.write_residuals(solver.method().name(), report, &mut written)?;
        Ok(written)
    }

    fn object(
        &self,
        scene: &Scene,
        method: Method,
        report: &Report,
        time: &Seconds,
        written: &[String],
    ) -> serde_json::Value {
        serde_json::json!({
            "command": "solve",
            "input": self.name,
            "dimension": scene.grid.dimension(),
            "shape": scene.grid.sides(),
            "cells": scene.grid.cells(),
            "unknowns": scene.grid.fluid_cells(),
            "method": method.name(),
            "precond": method.preconditioner(),
            "outcome": report.outcome.name(),
            "iterations": report.iterations,
            "relative_residual": report.relative_residual(),
            "residuals": report.residuals,
            "seconds": time,
            "peak_bytes": peak_bytes(),
            "threads": rayon::current_num_threads(),
            "device": self.device.name(),
            "outputs": written,
        })
    }
}

fn say_scene(quiet: bool, name: &str, scene: &Scene) {
    let sides: Vec<String> = scene.grid.sides().iter().map(usize::to_string).collect();
    let fluid = count(scene.grid.fluid_cells() as u64);
    say(quiet, "scene", format!("{name}   {} cells, {fluid} fluid", sides.join(" x ")));
}

/// `filet mesh info SCENE`.
pub(super) fn info(name: &str, seed: u64, plot: Option<&Path>, json: bool, quiet: bool) -> Result<Done> {
    let scene = input::load_scene(name, seed)?;
    let components = Components::of(&scene.grid);
    let (norm, compatible) = (components.norm(&scene.rhs), components.check(&scene.rhs));
    if let Some(path) = plot {
        plot_scene(path, &scene)?;
    }
    let cells = scene.grid.cells();
    let counts = [SOLID, FLUID, AIR].map(|kind| scene.grid.flags().iter().filter(|f| **f == kind).count());
    let (all, closed) = (components.list().len(), components.closed().count());
    let largest = components.list().iter().map(|c| c.cells).max().unwrap_or(0);
    if json {
        let object = serde_json::json!({
            "command": "mesh info",
            "input": name,
            "dimension": scene.grid.dimension(),
            "shape": scene.grid.sides(),
            "spacing": scene.grid.spacing,
            "cells": cells,
            "solid": counts[0],
            "fluid": counts[1],
            "air": counts[2],
            "components": all,
            "closed_components": closed,
            "largest_component": largest,
            "rhs_norm": norm,
            "compatible": compatible.is_ok(),
        });
        print_data(&object.to_string())?;
        return Ok(Done::Fully);
    }
    say_scene(quiet, name, &scene);
    let part = |n: usize, kind: &str| format!("{} {kind} ({:.1} %)", count(n as u64), 100.0 * n as f64 / cells as f64);
    let kinds = [part(counts[0], "solid"), part(counts[1], "fluid"), part(counts[2], "air")];
    say(quiet, "cells", kinds.join(", "));
    let text = format!("{} of fluid, {closed} without air; the largest has {} cells", all, count(largest as u64));
    say(quiet, "parts", text);
    let balance = match compatible {
        Ok(()) if closed == 0 => "the solution is unique".to_string(),
        Ok(()) => "sums to 0 on the parts without air: solutions up to a constant on each".to_string(),
        Err(e) => e.to_string(),
    };
    say(quiet, "rhs", format!("|b| = {}; {balance}", significant(norm)));
    Ok(Done::Fully)
}

/// `filet mesh generate SCENE`.
pub(super) fn generate(name: &str, seed: u64, output: &Path, quiet: bool) -> Result<Done> {
    check_ending(Some(output), "--output", &["h5", "hdf5"])?;
    write_scene(&input::load_scene(name, seed)?, output, quiet)
}

fn write_scene(scene: &Scene, output: &Path, quiet: bool) -> Result<Done> {
    scene.write(output)?;
    say_scene(quiet, &output.display().to_string(), scene);
    Ok(Done::Fully)
}

/// Make a voxel scene of a closed surface or volume mesh
#[derive(Debug, Args)]
#[command(after_help = "The scene's problem is -div(grad p) = 1 in fluid that touches air, with p = 0 there.")]
pub(super) struct VoxelizeArgs {
    #[arg(value_name = "MESH", help = input::MESH_HELP)]
    mesh: String,

    /// Cells along the mesh's longest side
    #[arg(long, value_name = "N", default_value_t = 64)]
    cells: usize,

    /// Layers of cells around it
    #[arg(long, value_name = "N", default_value_t = 1)]
    padding: usize,

    /// What cells inside are
    #[arg(long, value_enum, default_value = "fluid")]
    inside: Kind,

    /// What cells outside are
    #[arg(long, value_enum, default_value = "air")]
    outside: Kind,

    /// The file to write (.h5)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// What a cell is.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Solid,
    Fluid,
    Air,
}

impl VoxelizeArgs {
    pub fn run(&self, quiet: bool) -> Result<Done> {
        check_ending(Some(&self.output), "--output", &["h5", "hdf5"])?;
        let mesh = input::load(&self.mesh, 0)?.mesh;
        let flag = |kind: Kind| [SOLID, FLUID, AIR][kind as usize];
        let (inside, outside) = (flag(self.inside), flag(self.outside));
        let how = Voxelize { cells: self.cells, padding: self.padding, inside, outside };
        write_scene(&how.scene(&mesh)?, &self.output, quiet)
    }
}

/// Draws the right-hand side.
fn plot_scene(path: &Path, scene: &Scene) -> Result<()> {
    plot::slice(path, &scene.grid, &scene.rhs, "Right-hand side", "b")
}
