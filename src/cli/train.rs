//! `filet train`: weights from nothing, with progress, checkpoints, and the loss as table and picture.

mod cycle;
mod mgno;
mod mmpde;
mod mover;

use super::outputs::check_ending;
use super::progress::Progress;
use super::{Done, interrupt, say, settings};
use crate::dcdm::{DirectionNet, NetSize, ResidualLoss};
use crate::device::Device;
use crate::error::{Error, Place, Result};
use crate::file::write_atomic;
use crate::nn::{Backend, Layer, Tape, Weights, write_weights};
use crate::report::format::{count, seconds, significant};
use crate::report::plot::{self, Curve, CurvesPlot};
use crate::train::{Checkpoint, Objective, TrainConfig, train};
use crate::voxel::{Family, VoxelGrid, generate};
use clap::{Args, Subcommand, ValueEnum};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Train nets
#[derive(Debug, Subcommand)]
pub(super) enum Train {
    Direction(Direction),
    Cycle(cycle::Cycle),
    Mgno(Box<mgno::Mgno>),
    #[command(name = "mmpde")]
    MmPde(Box<mmpde::MmPdeTraining>),
    Mover(mover::Mover),
}

/// The net of a direction.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Net {
    Dcdm,
    Dcdm128,
}

/// Train a net that gives conjugate directions for pressure problems
#[derive(Debug, Args)]
#[command(
    after_help = "The loss is |b - alpha A d|^2 after the best step along d = N(b), |b| = 1, for random sums b of Ritz vectors of the scenes, an empty closed box as published (Kaneda et al. 2023). Ctrl-C leaves a checkpoint beside the output; --resume goes on from it."
)]
pub(super) struct Direction {
    /// The publication's net: dcdm, for 64 x 64 x 64 cells (97 457 numbers), or dcdm128 for 128 x 128 x 128 (152 881)
    #[arg(long, value_enum, default_value = "dcdm", hide_possible_values = true)]
    net: Net,

    /// Cells along a side of the scenes; even
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(4..=256))]
    size: u16,

    /// Families of voxel scenes that take turns, separated by commas; the k-th has seed k
    #[arg(long, value_name = "LIST", default_value = "box", value_delimiter = ',', value_parser = settings::family())]
    scenes: Vec<Family>,

    /// Right-hand sides a step
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,

    /// Lanczos steps on each scene, from which right-hand sides are made
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u16).range(2..=4096))]
    vectors: u16,

    /// cpu, or cuda: the first NVIDIA GPU
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = settings::device(), hide_possible_values = true)]
    device: Device,

    #[command(flatten)]
    steps: Steps,
}

/// Number of the first right-hand side no step trains on.
const HELD_OUT: u64 = 1 << 31;
/// Batches of them that are scored.
const SCORED: u64 = 8;

impl Train {
    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        match self {
            Train::Direction(direction) => direction.run(quiet),
            Train::Cycle(cycle) => cycle.run(quiet),
            Train::Mgno(mgno) => mgno.run(quiet),
            Train::MmPde(mmpde) => mmpde.run(quiet),
            Train::Mover(mover) => mover.run(quiet),
        }
    }
}

impl Direction {
    fn run(&self, quiet: bool) -> Result<Done> {
        let clock = Instant::now();
        if !self.size.is_multiple_of(2) {
            refuse("--size", self.size.to_string(), "the net halves the sides once: give an even number")?;
        }
        self.steps.check()?;
        let backend = Backend::open(self.device)?;
        let progress = Progress::new(quiet);
        progress.phase("Lanczos vectors");
        let sides = [usize::from(self.size); 3];
        let scenes = (0..).zip(&self.scenes);
        let grids: Result<Vec<VoxelGrid>> = scenes.map(|(seed, f)| Ok(generate(*f, &sides, seed)?.grid)).collect();
        let (vectors, batch) = (usize::from(self.vectors), usize::from(self.batch));
        let mut objective = ResidualLoss::new(&grids?, vectors, batch, self.steps.seed, &backend)?;
        let size = match self.net {
            Net::Dcdm => NetSize::N64,
            Net::Dcdm128 => NetSize::N128,
        };
        let mut net = DirectionNet::new(size, self.steps.seed);
        let numbers = count(net.parameters() as u64);
        let ready = seconds(clock.elapsed().as_secs_f64());
        progress.say(|| say(quiet, "net", format!("{numbers} numbers; data ready in {ready}")));
        let held_out = |net: &dyn Layer, objective: &ResidualLoss| {
            let scores = (0..SCORED).map(|k| objective.on(net, &Tape::inference(), HELD_OUT + k).value().item());
            f64::from(scores.sum::<f32>()) / SCORED as f64
        };
        let score = ("right-hand sides", &held_out as &dyn Fn(&dyn Layer, &ResidualLoss) -> f64);
        let show = (clock, &progress, quiet);
        self.steps.run(&mut net, &mut objective, self.run_description(), score, show, &backend)
    }

    /// What decides the weights: the same in every checkpoint of a run.
    fn run_description(&self) -> serde_json::Value {
        let net = match self.net {
            Net::Dcdm => "dcdm",
            Net::Dcdm128 => "dcdm128",
        };
        let scenes = self.scenes.iter().map(|f| f.name()).collect::<Vec<_>>().join(",");
        let Direction { size, batch, vectors, steps, .. } = self;
        let steps = steps.described();
        let command = format!(
            "filet train direction --net {net} --size {size} --scenes {scenes} --batch {batch} --vectors {vectors} {steps}"
        );
        serde_json::json!({ "net": net, "command": command })
    }
}

/// What data no step trains on, and the loss on it.
type Score<'a, O> = (&'a str, &'a dyn Fn(&dyn Layer, &O) -> f64);

/// A training by steps of Adam that ends with a score on data of other numbers than those trained on.
#[derive(Debug, Args)]
struct Steps {
    /// Steps
    #[arg(long, value_name = "N", default_value_t = 3000)]
    steps: usize,

    /// Learning rate at the beginning; it falls to 0 as a cosine
    #[arg(long, value_name = "X", default_value_t = 1e-3)]
    learning_rate: f64,

    /// Seed of weights and data
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// The file to write (.safetensors)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    course: Course,
}

impl Steps {
    fn check(&self) -> Result<()> {
        check_rate(self.learning_rate)?;
        self.course.check("--output", &self.output)
    }

    /// Its part of the command.
    fn described(&self) -> String {
        let Steps { steps, learning_rate, seed, .. } = self;
        format!("--steps {steps} --learning-rate {learning_rate} --seed {seed}")
    }

    /// Trains on that backend, scores on the processors and writes the weights; `score` says what the held-out data is and gives the loss on it.
    fn run<O: Objective>(
        &self,
        net: &mut dyn Layer,
        objective: &mut O,
        run: serde_json::Value,
        (held_out, score): Score<O>,
        (clock, progress, quiet): (Instant, &Progress, bool),
        backend: &Backend,
    ) -> Result<Done> {
        let config = TrainConfig { steps: self.steps, learning_rate: self.learning_rate, ..TrainConfig::default() };
        let resume = self.course.resume;
        let training = Training { output: &self.output, run: &run, resume, config: &config, backend };
        if !self.course.run(&training, net, objective, progress, quiet)? {
            return Ok(Done::Partly);
        }
        let loss = score(net, objective);
        let mut about = run.clone();
        about["held_out_loss"] = serde_json::json!(loss);
        about["seconds"] = serde_json::json!(clock.elapsed().as_secs_f64().round());
        training.finish(&Weights::of(net, about))?;
        say(quiet, "loss", format!("{} on {held_out} not trained on", significant(loss)));
        let total = seconds(clock.elapsed().as_secs_f64());
        say(quiet, "output", format!("{}, {} steps in {total}", self.output.display(), self.steps));
        Ok(Done::Fully)
    }
}

/// How a training goes on from an earlier one, and what it leaves on the way.
#[derive(Debug, Args)]
struct Course {
    /// Go on from the checkpoint of a run with the same options
    #[arg(long)]
    resume: bool,

    /// Steps from one checkpoint to the next
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    checkpoint_every: u32,

    /// Draw the loss (.png, .svg)
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    /// Write the loss of every step as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// One training by steps.
struct Training<'a> {
    /// The file of weights; the checkpoint lies beside it.
    output: &'a Path,
    /// What decides the weights: the same in every checkpoint of a run.
    run: &'a serde_json::Value,
    /// Whether there is a checkpoint to go on from.
    resume: bool,
    config: &'a TrainConfig,
    /// Where the steps are made.
    backend: &'a Backend,
}

impl Training<'_> {
    /// Writes the trained weights. The run is over: the checkpoint has served.
    fn finish(&self, weights: &Weights) -> Result<()> {
        write_weights(self.output, weights)?;
        let _ = std::fs::remove_file(checkpoint(self.output));
        Ok(())
    }
}

impl Course {
    fn check(&self, option: &str, output: &Path) -> Result<()> {
        check_outputs([option, "--plot", "--csv"], [Some(output), self.plot.as_deref(), self.csv.as_deref()])
    }

    /// Trains up to the last step; false where Ctrl-C came before it. The losses are written in both cases, and the net is here again.
    fn run(
        &self,
        training: &Training,
        net: &mut dyn Layer,
        objective: &mut dyn Objective,
        progress: &Progress,
        quiet: bool,
    ) -> Result<bool> {
        let (checkpoint, steps) = (checkpoint(training.output), training.config.steps);
        if training.resume && !checkpoint.exists() {
            return no_checkpoint(&checkpoint);
        }
        let mut state = match training.resume {
            true => Checkpoint::read(&checkpoint, net, training.run)?,
            false => Checkpoint::default(),
        };
        net.move_to(training.backend)?;
        interrupt::install();
        progress.steps(steps);
        train(net, objective, training.config, &mut state, &mut |net, state| {
            progress.step(state.step(), state.losses().last().copied().unwrap_or(f32::NAN));
            let stop = interrupt::asked();
            if stop || state.step().is_multiple_of(self.checkpoint_every as usize) {
                state.write(&checkpoint, net, training.run)?;
            }
            Ok(if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        progress.finish();
        net.move_to(&Backend::Cpu)?;
        write_losses(state.losses(), "step", self.csv.as_deref(), self.plot.as_deref())?;
        let done = state.step() == steps;
        if !done {
            say(quiet, "stopped", format!("after step {}; --resume goes on", state.step()));
        }
        Ok(done)
    }
}

/// Where the state of the training of these weights lies.
fn checkpoint(output: &Path) -> PathBuf {
    output.with_extension("checkpoint")
}

/// Refuses --resume where there is nothing to go on from.
fn no_checkpoint<T>(path: &Path) -> Result<T> {
    let help = "leave --resume out to begin; a run that is over removes its checkpoint";
    Err(Error::file(path, Place::File, "there is no checkpoint to go on from", help))
}

fn check_rate(rate: f64) -> Result<()> {
    match rate > 0.0 && rate.is_finite() {
        true => Ok(()),
        false => refuse("--learning-rate", rate.to_string(), "give a positive number"),
    }
}

fn refuse(option: &str, value: String, what: &str) -> Result<()> {
    Err(Error::Option { option: option.into(), value, what: what.into() })
}

impl Train {
    /// What --cite names.
    pub(super) fn references(&self) -> Vec<&'static str> {
        match self {
            Train::Direction(_) => vec!["kaneda2023", "kingma2015"],
            Train::Cycle(_) => vec!["kaneda2023", "he2024", "hansen2001"],
            Train::Mgno(_) => vec!["he2024", "li2021", "ronneberger2015", "kingma2015"],
            Train::MmPde(_) | Train::Mover(_) => vec!["hu2024", "kingma2015"],
        }
    }
}

/// Finds what is wrong with the names of weights, picture and table before anything is computed.
fn check_outputs(options: [&str; 3], paths: [Option<&Path>; 3]) -> Result<()> {
    let endings: [&[&str]; 3] = [&["safetensors"], &["png", "svg"], &["csv"]];
    (0..3).try_for_each(|i| check_ending(paths[i], options[i], endings[i]))
}

/// The loss of every `step` as CSV and as a picture, where they are asked for.
fn write_losses(losses: &[f32], step: &str, csv: Option<&Path>, picture: Option<&Path>) -> Result<()> {
    if let Some(path) = csv {
        write_atomic(path, |w| {
            writeln!(w, "{step},loss")?;
            (1..).zip(losses).try_for_each(|(step, loss): (usize, _)| writeln!(w, "{step},{loss}"))
        })?;
    }
    if let Some(path) = picture {
        let curve = Curve::history("loss", losses.iter().map(|l| f64::from(*l)).collect());
        let axes = CurvesPlot {
            log_y: true,
            title: "Training".into(),
            x_label: step.into(),
            y_label: "loss".into(),
            ..CurvesPlot::default()
        };
        plot::curves(path, &[curve], &axes)?;
    }
    Ok(())
}
