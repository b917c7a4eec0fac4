//! `filet train mover`: the net of the learned mover, from the equation alone.

use super::progress::Progress;
use super::train::write_losses;
use super::{Done, interrupt, say};
use crate::error::{Error, Result};
use crate::mover::{PotentialLoss, PotentialNet};
use crate::nn::{Layer, Tape, Weights, write_weights};
use crate::report::format::{count, seconds, significant};
use crate::train::{Checkpoint, TrainConfig, train};
use clap::Args;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

/// Train the net of the learned mover
#[derive(Debug, Args)]
#[command(
    after_help = "The loss is the variance of log(m det J) over the unit square, with a barrier on the smallest eigenvalue of J, for fresh
random monitors every step. Ctrl-C leaves a checkpoint beside the output; --resume goes on from it."
)]
pub(super) struct Mover {
    /// Steps
    #[arg(long, value_name = "N", default_value_t = 3000)]
    steps: usize,

    /// Monitors a step
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,

    /// Learning rate at the beginning; it falls to 0 as a cosine
    #[arg(long, value_name = "X", default_value_t = 1e-3)]
    learning_rate: f64,

    /// Seed of weights and data
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// The file to write (.safetensors)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

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

/// Number of the first monitor no step trains on.
const HELD_OUT: u64 = 1 << 40;
/// Monitors that are scored.
const SCORED: u64 = 64;

impl Mover {
    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        let clock = Instant::now();
        self.check()?;
        let mut objective = PotentialLoss { batch: usize::from(self.batch), seed: self.seed };
        let mut net = PotentialNet::new(self.seed);
        let (run, checkpoint) = (self.run_description(), self.output.with_extension("checkpoint"));
        let mut state = match self.resume {
            true => Checkpoint::read(&checkpoint, &mut net, &run)?,
            false => Checkpoint::default(),
        };
        let progress = Progress::new(quiet);
        let numbers = count(net.parameters() as u64);
        progress.say(|| say(quiet, "net", format!("{numbers} numbers")));
        interrupt::install();
        progress.steps(self.steps);
        let config = TrainConfig { steps: self.steps, learning_rate: self.learning_rate, ..TrainConfig::default() };
        train(&mut net, &mut objective, &config, &mut state, &mut |net, state| {
            progress.step(state.step(), state.losses().last().copied().unwrap_or(f32::NAN));
            let stop = interrupt::asked();
            if stop || state.step().is_multiple_of(self.checkpoint_every as usize) {
                state.write(&checkpoint, net, &run)?;
            }
            Ok(if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        progress.finish();
        write_losses(state.losses(), "step", self.csv.as_deref(), self.plot.as_deref())?;
        if state.step() < self.steps {
            say(quiet, "stopped", format!("after step {}; --resume goes on", state.step()));
            return Ok(Done::Partly);
        }
        let held_out = objective.on(&net, &Tape::inference(), HELD_OUT..HELD_OUT + SCORED).value().item();
        let mut about = run;
        about["held_out_loss"] = serde_json::json!(held_out);
        about["seconds"] = serde_json::json!(clock.elapsed().as_secs_f64().round());
        write_weights(&self.output, &Weights::of(&mut net, about))?;
        // The run is over: the checkpoint has served.
        let _ = std::fs::remove_file(&checkpoint);
        say(quiet, "loss", format!("{} on monitors not trained on", significant(f64::from(held_out))));
        let total = seconds(clock.elapsed().as_secs_f64());
        say(quiet, "output", format!("{}, {} steps in {total}", self.output.display(), self.steps));
        Ok(Done::Fully)
    }

    fn check(&self) -> Result<()> {
        let refuse = |option: &str, value: String, what: &str| {
            Err(Error::Option { option: option.into(), value, what: what.into() })
        };
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return refuse("--learning-rate", self.learning_rate.to_string(), "give a positive number");
        }
        match self.output.extension().is_some_and(|e| e == "safetensors") {
            true => Ok(()),
            false => refuse("--output", self.output.display().to_string(), "weights are written as .safetensors"),
        }
    }

    /// What decides the weights: the same in every checkpoint of a run.
    fn run_description(&self) -> serde_json::Value {
        let Mover { steps, batch, learning_rate, seed, .. } = self;
        let command =
            format!("filet train mover --steps {steps} --batch {batch} --learning-rate {learning_rate} --seed {seed}");
        serde_json::json!({ "net": "mover", "command": command })
    }
}
