//! `filet move MESH`: nodes where a monitor wants them.

use super::monitor::MonitorArgs;
use super::outputs::{check_apart, check_ending};
use super::progress::Progress;
use super::solve::{Seconds, lap, say_end};
use super::{Done, input, print_data, say, settings};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::mesh::io::{Field, MeshFile, write};
use crate::mesh::{Mesh, quality};
use crate::mover::{
    BoundaryConfig, LearnedMover, MoveConfig, MoveMethod, MoveReport, Moved, Mover, Spread, cell_densities, displace,
    monitor_values,
};
use crate::nn::{Backend, read_weights};
use crate::report::format::{count, counted, seconds, significant};
use crate::report::memory::peak_bytes;
use crate::report::plot::{Curve, CurvesPlot, MeshPanel, before_after, curves};
use crate::report::table::Table;
use crate::solver::Outcome;
use clap::Args;
use clap::builder::TypedValueParser;
use std::path::PathBuf;
use std::time::Instant;

/// Move the nodes of a mesh to where a monitor wants them
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  filet move square:40 --monitor '1 + 20/cosh(200*((x-0.5)^2 + (y-0.5)^2 - 0.16))^2' --plot ring.png
  filet move square:40 --monitor optimal --of 'tanh(30*(x^2 + y^2 - 0.5))' -o front.vtu --json
  filet move meshes/plate.msh --monitor ring:10,200,0.25 --curved hole_left --plot plate_moved.png
  filet move solution.vtu --monitor hessian --field u -o adapted.vtu
  filet move square:20 --monitor constant --displace 'right=0.2*sin(pi*y),0'")]
pub(super) struct Move {
    #[arg(value_name = "MESH", help = input::MESH_HELP)]
    mesh: String,

    #[command(flatten)]
    monitor: MonitorArgs,

    /// auto (monge-ampere, or variational where it finds no mesh), monge-ampere, relaxation, variational, learned (squares of triangles)
    #[arg(long, value_name = "METHOD", default_value = "auto", value_parser = way(), hide_possible_values = true)]
    method: Way,

    /// Weights of the learned mover, from filet train mover [default: those that come with filet]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// Where the net of --method learned is: cpu, or cuda: the first NVIDIA GPU; the guess is polished on the processors
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = settings::device(), hide_possible_values = true)]
    device: Device,

    /// Stop at this relative residual of the Monge-Ampere equation
    #[arg(long, value_name = "X", default_value = "1e-8")]
    rtol: f64,

    /// Steps at most
    #[arg(long, value_name = "N", default_value_t = 200)]
    max_iterations: usize,

    /// Smooth the monitor over about sqrt(N) cells
    #[arg(long, value_name = "N", default_value_t = 0.0, allow_negative_numbers = true)]
    smooth: f64,

    /// Refine the mesh uniformly N times first
    #[arg(long, value_name = "N", default_value_t = 0)]
    refine: u32,

    /// Keep the nodes of this boundary group (repeat)
    #[arg(long, value_name = "GROUP", help_heading = "Boundary")]
    fix: Vec<String>,

    /// Refuse this boundary group where it is too curved to slide (repeat); others slide where they are straight
    #[arg(long, value_name = "GROUP", help_heading = "Boundary")]
    slide: Vec<String>,

    /// Let nodes go around this curved boundary group (repeat)
    #[arg(long, value_name = "GROUP", help_heading = "Boundary")]
    curved: Vec<String>,

    /// Directions in which the mesh is periodic: x, y, z, xy, ... [default: none]
    #[arg(long, value_name = "AXES", default_value = "", hide_default_value = true, help_heading = "Boundary")]
    periodic: String,

    /// Move this boundary group by (DX,DY[,DZ]) first, the inside following smoothly (repeat)
    #[arg(long, value_name = "GROUP=DX,DY[,DZ]", allow_hyphen_values = true, help_heading = "Boundary")]
    displace: Vec<String>,

    /// Write the moved mesh with the monitor (.vtu), or the mesh alone (.msh)
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,

    /// Draw the mesh before and after, coloured by the share of the monitor in each cell (.png, .svg)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    plot: Option<PathBuf>,

    /// Draw the residual history (.png, .svg)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    plot_residuals: Option<PathBuf>,

    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// How to move.
#[derive(Debug, Clone, Copy)]
enum Way {
    Classical(MoveMethod),
    Learned,
}

fn way() -> impl TypedValueParser<Value = Way> {
    let classical = MoveMethod::ALL.iter().map(|(method, name)| (Way::Classical(*method), *name));
    let all = classical.chain([(Way::Learned, "learned")]);
    settings::one_of(all, |(_, name)| name).map(|(way, _)| way)
}

impl Move {
    /// What --cite names.
    pub(super) fn references(&self) -> Vec<&'static str> {
        match self.method {
            Way::Learned => vec!["mcrae2018", "hu2024"],
            Way::Classical(_) => vec!["mcrae2018", "huang2001"],
        }
    }

    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        let (start, mut clock) = (Instant::now(), Instant::now());
        let mut time = Seconds::default();
        check_ending(self.output.as_deref(), "--output", &["vtu", "msh"])?;
        check_apart(self.output.as_deref(), "--output", &self.mesh)?;
        check_ending(self.plot.as_deref(), "--plot", &["png", "svg"])?;
        check_ending(self.plot_residuals.as_deref(), "--plot-residuals", &["png", "svg"])?;
        let mut mover = self.mover()?;
        let progress = Progress::new(quiet);
        progress.phase("reading");
        let file = input::load(&self.mesh, self.refine)?;
        quality::check(&file.mesh)?;
        if let Some(path) = self.plot.as_ref().filter(|_| file.mesh.dimension() == 1) {
            let what = "intervals are not drawn; -o writes the moved mesh".into();
            return Err(Error::Option { option: "--plot".into(), value: path.display().to_string(), what });
        }
        time.read = lap(&mut clock);
        super::solve::say_mesh(quiet, &progress, &self.mesh, &file);

        let monitor = self.monitor.build(&file)?;
        let displacements = self.displacements()?;
        let mesh = match displacements.is_empty() {
            true => file.mesh.clone(),
            false => displace(&file.mesh, &displacements)?,
        };
        progress.phase("moving");
        let moved = mover.move_mesh(&mesh, monitor.as_ref())?;
        time.solve = lap(&mut clock);
        progress.say(|| say_moved(quiet, &moved.report, time.solve));

        progress.phase("writing");
        let before = monitor_values(monitor.as_ref(), &mesh)?;
        let after = monitor_values(monitor.as_ref(), &moved.mesh)?;
        let written = self.write(&mesh, &moved, [&before, &after])?;
        time.write = lap(&mut clock);
        time.total = start.elapsed().as_secs_f64();
        progress.finish();
        say_end(quiet, &written, &time);
        if self.json {
            print_data(&self.object(&file, &moved, &time, &written).to_string())?;
        }
        Ok(if moved.report.outcome == Outcome::Converged { Done::Fully } else { Done::Partly })
    }

    fn mover(&self) -> Result<Box<dyn Mover>> {
        let config = self.config()?;
        let refuse = |option: &str, value: String| {
            Err(Error::Option { option: option.into(), value, what: "goes with --method learned".into() })
        };
        match (self.method, &self.weights) {
            (Way::Classical(_), Some(path)) => refuse("--weights", path.display().to_string()),
            (Way::Classical(_), None) if self.device != Device::Cpu => refuse("--device", self.device.name().into()),
            (Way::Classical(method), None) => Ok(Box::new(MoveConfig { method, ..config })),
            (Way::Learned, path) => {
                let backend = Backend::open(self.device)?;
                let weights = path.as_ref().map_or_else(|| Ok(LearnedMover::shipped_weights()), read_weights)?;
                Ok(Box::new(LearnedMover::on(&weights, &config, &backend)?))
            }
        }
    }

    fn config(&self) -> Result<MoveConfig> {
        let mut periodic = [false; 3];
        for axis in self.periodic.chars() {
            let k = "xyz".find(axis).ok_or_else(|| Error::Option {
                option: "--periodic".into(),
                value: self.periodic.clone(),
                what: "names directions by x, y and z, such as xy".into(),
            })?;
            periodic[k] = true;
        }
        let lists = [("--fix", &self.fix), ("--slide", &self.slide), ("--curved", &self.curved)];
        for (i, (option, groups)) in lists.iter().enumerate() {
            for (other, others) in &lists[..i] {
                if let Some(group) = groups.iter().find(|group| others.contains(group)) {
                    let what = format!("this group is in {other} already");
                    return Err(Error::Option { option: option.to_string(), value: group.clone(), what });
                }
            }
        }
        let boundary = BoundaryConfig {
            fixed: self.fix.clone(),
            sliding: self.slide.clone(),
            curved: self.curved.clone(),
            periodic,
        };
        Ok(MoveConfig {
            method: MoveMethod::Auto,
            rtol: self.rtol,
            max_iterations: self.max_iterations,
            smoothing: self.smooth,
            boundary,
        })
    }

    fn displacements(&self) -> Result<Vec<(String, [crate::expression::Expression; 3])>> {
        let bad = |text: &str| Error::Option {
            option: "--displace".into(),
            value: text.into(),
            what: "is not of the form GROUP=DX,DY or GROUP=DX,DY,DZ".into(),
        };
        let parse = |text: &String| {
            let (group, rest) = super::problem::split_group(text);
            let parts = super::problem::split_commas(rest);
            let mut moves = [0.0; 3].map(crate::expression::Expression::constant);
            if group.is_none() || !(1..=3).contains(&parts.len()) {
                return Err(bad(text));
            }
            for (slot, part) in moves.iter_mut().zip(parts) {
                *slot = crate::expression::Expression::parse(part)?;
            }
            Ok((group.unwrap_or_default().to_string(), moves))
        };
        self.displace.iter().map(parse).collect()
    }

    fn write(&self, before: &Mesh, moved: &Moved, m: [&Vec<f64>; 2]) -> Result<Vec<String>> {
        let mut written = Vec::new();
        if let Some(path) = &self.output {
            let field = |name: &str, components, values| Field { name: name.into(), components, values };
            let shift = moved.mesh.points.iter().zip(&before.points).flat_map(|(a, b)| [0, 1, 2].map(|k| a[k] - b[k]));
            let file = MeshFile {
                point_data: vec![field("monitor", 1, m[1].clone()), field("shift", 3, shift.collect())],
                cell_data: vec![field("share", 1, cell_densities(before, &moved.mesh, m[1]))],
                mesh: moved.mesh.clone(),
                notes: Vec::new(),
            };
            write(path, &file)?;
            written.push(path.display().to_string());
        }
        if let Some(path) = &self.plot {
            let logs = |mesh: &Mesh, m| -> Vec<f64> {
                cell_densities(before, mesh, m).iter().map(|v| v.max(f64::MIN_POSITIVE).log10()).collect()
            };
            let values = [logs(before, m[0]), logs(&moved.mesh, m[1])];
            let captions = [("before", &moved.report.before), ("after", &moved.report.after)]
                .map(|(when, s)| format!("{when}: variation {}", significant(s.variation)));
            let panels = [
                MeshPanel { mesh: before, values: &values[0], caption: &captions[0] },
                MeshPanel { mesh: &moved.mesh, values: &values[1], caption: &captions[1] },
            ];
            let title = format!("{}, {} cells", self.mesh, count(before.cell_count() as u64));
            before_after(path, panels, &title, "log10(share of m)")?;
            written.push(path.display().to_string());
        }
        if let Some(path) = &self.plot_residuals {
            let plot = CurvesPlot {
                title: "Convergence".into(),
                x_label: "step".into(),
                y_label: "relative residual".into(),
                ..CurvesPlot::default()
            };
            curves(path, &[Curve::history(moved.report.method, moved.report.residuals.clone())], &plot)?;
            written.push(path.display().to_string());
        }
        Ok(written)
    }

    fn object(&self, file: &MeshFile, moved: &Moved, time: &Seconds, written: &[String]) -> serde_json::Value {
        let report = &moved.report;
        serde_json::json!({
            "command": "move",
            "input": self.mesh,
            "dimension": file.mesh.dimension(),
            "cells": file.mesh.cell_count(),
            "points": file.mesh.points.len(),
            "method": report.method,
            "outcome": report.outcome.name(),
            "iterations": report.iterations,
            "linear_iterations": report.linear_iterations,
            "relative_residual": report.residuals.last(),
            "residuals": report.residuals,
            "before": report.before,
            "after": report.after,
            "notes": report.notes,
            "seconds": { "read": time.read, "move": time.solve, "write": time.write, "total": time.total },
            "peak_bytes": peak_bytes(),
            "threads": rayon::current_num_threads(),
            "device": self.device.name(),
            "outputs": written,
        })
    }
}

fn say_moved(quiet: bool, report: &MoveReport, time: f64) {
    if quiet {
        return;
    }
    let [steps, linear] = [(report.iterations, "step"), (report.linear_iterations, "linear iteration")]
        .map(|(n, thing)| counted(n as u64, thing));
    let residual = report.residuals.last().copied().unwrap_or(0.0);
    let residual = significant(residual);
    let text = format!("{}, {steps}, {linear}, relative residual {residual} in {}", report.outcome, seconds(time));
    say(quiet, "method", report.method);
    report.notes.iter().for_each(|note| say(quiet, "", note));
    say(quiet, "move", text);
    let mut table = Table::new(&["", "variation", "volume ratio", "min det", "min angle", "tangled"]);
    for (name, s) in [("before", &report.before), ("after", &report.after)] {
        table.row(row(name, s));
    }
    eprint!("\n{table}\n");
}

fn row(name: &str, s: &Spread) -> [String; 6] {
    [
        name.to_string(),
        significant(s.variation),
        significant(s.volume_ratio),
        significant(s.min_det),
        s.min_angle.map_or("-".into(), |a| format!("{a:.1}°")),
        s.tangled.to_string(),
    ]
}
