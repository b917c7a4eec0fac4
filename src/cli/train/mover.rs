//! `filet train mover`: the net of the learned mover, from the equation alone.

use super::{Course, Training, check_output, check_rate};
use crate::cli::progress::Progress;
use crate::cli::{Done, say};
use crate::error::Result;
use crate::mover::{PotentialLoss, PotentialNet};
use crate::nn::{Layer, Tape, Weights};
use crate::report::format::{count, seconds, significant};
use crate::train::TrainConfig;
use clap::Args;
use std::path::PathBuf;
use std::time::Instant;

/// Train the net of the learned mover
#[derive(Debug, Args)]
#[command(
    after_help = "The loss is the variance of log(m det J) over the unit square, with a barrier on the smallest eigenvalue of J, for fresh
random monitors every step. Ctrl-C leaves a checkpoint beside the output; --resume goes on from it."
)]
pub(in crate::cli) struct Mover {
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

    #[command(flatten)]
    course: Course,
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
        let progress = Progress::new(quiet);
        let numbers = count(net.parameters() as u64);
        progress.say(|| say(quiet, "net", format!("{numbers} numbers")));
        let run = self.run_description();
        let config = TrainConfig { steps: self.steps, learning_rate: self.learning_rate, ..TrainConfig::default() };
        let training = Training { output: &self.output, run: &run, resume: self.course.resume, config: &config };
        if !self.course.run(&training, &mut net, &mut objective, &progress, quiet)? {
            return Ok(Done::Partly);
        }
        let held_out = objective.on(&net, &Tape::inference(), HELD_OUT..HELD_OUT + SCORED).value().item();
        let mut about = run.clone();
        about["held_out_loss"] = serde_json::json!(held_out);
        about["seconds"] = serde_json::json!(clock.elapsed().as_secs_f64().round());
        training.finish(&Weights::of(&mut net, about))?;
        say(quiet, "loss", format!("{} on monitors not trained on", significant(f64::from(held_out))));
        let total = seconds(clock.elapsed().as_secs_f64());
        say(quiet, "output", format!("{}, {} steps in {total}", self.output.display(), self.steps));
        Ok(Done::Fully)
    }

    fn check(&self) -> Result<()> {
        check_rate(self.learning_rate)?;
        check_output("--output", &self.output)
    }

    /// What decides the weights: the same in every checkpoint of a run.
    fn run_description(&self) -> serde_json::Value {
        let Mover { steps, batch, learning_rate, seed, .. } = self;
        let command =
            format!("filet train mover --steps {steps} --batch {batch} --learning-rate {learning_rate} --seed {seed}");
        serde_json::json!({ "net": "mover", "command": command })
    }
}
