//! `filet operator rollout`: many steps of a trained solver, their errors by viscosity, and a picture of one.

use super::outputs::check_ending;
use super::progress::Progress;
use super::trajectories::TrajectoryArgs;
use super::{Done, print_data, say};
use crate::error::{Error, Result};
use crate::mesh::shapes::built_in;
use crate::mesh::{Locator, Mesh};
use crate::mmpde::{Errors, MmPde, Problem, SHIPPED, Trajectories, errors, roll_out};
use crate::nn::{Layer, parse_weights, read_weights};
use crate::report::format::{count, seconds, significant};
use crate::report::plot::{self, StripRow};
use clap::Args;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Moments in a picture.
const SHOWN: u8 = 5;

/// Step a trained solver through time: errors of one step and of all, by viscosity
#[derive(Debug, Args)]
pub(super) struct Rollout {
    #[command(flatten)]
    data: TrajectoryArgs,

    /// Weights of `filet train mmpde` (.safetensors) [default: those that come with filet, for burgers:24]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// Draw truth, prediction and mesh of a trajectory (.png, .svg)
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    /// Moments to draw, from the first frame to the last
    #[arg(long, value_name = "N", default_value_t = SHOWN, value_parser = clap::value_parser!(u8).range(2..=20))]
    moments: u8,

    /// The trajectory to draw
    #[arg(long, value_name = "N", default_value_t = 2)]
    sample: usize,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

fn title(problem: Problem) -> &'static str {
    match problem {
        Problem::Burgers => "Burgers' equation",
        Problem::Cylinder => "Flow past a cylinder, velocity along the stream",
    }
}

/// `"96 trajectories of 20 steps of 0.05 on 144 x 144 cells"`.
pub(super) fn describe(t: &Trajectories) -> String {
    let many = count(t.len() as u64);
    format!("{many} trajectories of {} steps of {} on {2} x {2} cells", t.frames - 1, t.step, t.cells)
}

/// One line for each viscosity.
pub(super) fn say_errors(scores: &[Errors], quiet: bool) {
    for e in scores {
        let last = e.roll_out.last().copied().unwrap_or(f64::NAN);
        let text = format!(
            "viscosity {}: one step {}, {} steps {}, {} tangled",
            e.viscosity,
            significant(e.one_step),
            e.roll_out.len(),
            significant(last),
            e.tangled
        );
        say(quiet, "error", text);
    }
}

fn wide(u: &[f32]) -> Vec<f64> {
    u.iter().map(|u| f64::from(*u)).collect()
}

/// Up to `count` frames at about equal times from the first to the last, and what stands above them.
fn moments(data: &Trajectories, count: u8) -> (Vec<usize>, Vec<String>) {
    let count = usize::from(count);
    let mut shown: Vec<usize> = (0..count).map(|k| k * (data.frames - 1) / (count - 1)).collect();
    shown.dedup();
    let names = shown.iter().map(|k| format!("t = {}", significant(*k as f64 * data.step))).collect();
    (shown, names)
}

fn square(cells: usize) -> Result<Mesh> {
    Ok(built_in(&format!("square:{cells}")).transpose()?.unwrap_or_else(|| unreachable!("a shape")))
}

/// The first three trajectories.
pub(super) fn draw_trajectories(path: &Path, data: &Trajectories) -> Result<()> {
    let mesh = square(data.cells)?;
    let (shown, columns) = moments(data, SHOWN);
    let count = data.len().min(3);
    let names: Vec<String> = data.viscosities[..count].iter().map(|v| format!("ν = {v}")).collect();
    let row = |(i, name)| {
        let fields = shown.iter().map(|k| (Cow::Borrowed(&mesh), wide(data.frame(i, *k)))).collect();
        StripRow { name, fields, mesh_lines: false }
    };
    let rows: Vec<StripRow> = names.iter().map(String::as_str).enumerate().map(row).collect();
    plot::strip(path, &columns, &rows, title(data.problem), "u")
}

impl Rollout {
    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        let clock = Instant::now();
        check_ending(self.plot.as_deref(), "--plot", &["png", "svg"])?;
        let mut net = MmPde::from_weights(&match &self.weights {
            Some(path) => read_weights(path)?,
            None => parse_weights("the shipped solver", SHIPPED)?,
        })?;
        let progress = Progress::new(quiet);
        let data = self.data.load(&progress)?;
        net.check(&data)?;
        if self.plot.is_some() && self.sample >= data.len() {
            let what = format!("there are {} trajectories, numbered from 0", data.len());
            return Err(Error::Option { option: "--sample".into(), value: self.sample.to_string(), what });
        }
        progress.finish();
        say(quiet, "data", describe(&data));
        let ready = clock.elapsed().as_secs_f64();
        let scores = errors(&net, &data)?;
        let applied = clock.elapsed().as_secs_f64() - ready;
        say_errors(&scores, quiet);
        if let Some(path) = &self.plot {
            self.draw(path, &net, &data)?;
            say(quiet, "plot", path.display());
        }
        say(quiet, "total", seconds(clock.elapsed().as_secs_f64()));
        if self.json {
            let object = serde_json::json!({
                "command": "operator rollout",
                "input": self.data.name(),
                "weights": self.weights.as_ref().map(|w| w.display().to_string()),
                "net": net.config(),
                "parameters": net.parameters(),
                "errors": scores,
                "seconds": { "read": ready, "apply": applied },
            });
            print_data(&object.to_string())?;
        }
        Ok(Done::Fully)
    }

    /// Truth, prediction and the mesh moved to it, at equal times from the first step to the last.
    fn draw(&self, path: &Path, net: &MmPde, data: &Trajectories) -> Result<()> {
        let (steps, viscosity) = (data.frames - 1, data.viscosities[self.sample]);
        let start = |points: &[[f32; 2]]| data.at(self.sample, 0, points);
        let made = roll_out(net, &start, viscosity, steps)?;
        let (shown, columns) = moments(data, self.moments);
        let lattice = square(data.cells)?;
        let truth = |k: usize| (Cow::Borrowed(&lattice), wide(data.frame(self.sample, k)));
        let prediction = |k: usize| (Cow::Owned(net.mesh_at(&made.home[k])), wide(&made.states[k]));
        // The state on the nodes moved for the step to it.
        let on_moved = |k: usize| {
            let nodes = if k == 0 { &made.home[0] } else { &made.next[k - 1] };
            let moved = net.mesh_at(nodes);
            let mut values = vec![0.0; moved.points.len()];
            Locator::new(net.mesh_at(&made.home[k])).interpolate(&wide(&made.states[k]), &moved.points, &mut values);
            (Cow::Owned(moved), values)
        };
        let rows = [
            StripRow { name: "truth", fields: shown.iter().map(|k| truth(*k)).collect(), mesh_lines: false },
            StripRow { name: "prediction", fields: shown.iter().map(|k| prediction(*k)).collect(), mesh_lines: false },
            StripRow { name: "its mesh", fields: shown.iter().map(|k| on_moved(*k)).collect(), mesh_lines: true },
        ];
        let title = format!("{}, viscosity {viscosity}: {steps} steps", title(data.problem));
        plot::strip(path, &columns, &rows, &title, "u")
    }
}
