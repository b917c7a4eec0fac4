//! `filet train mmpde`: a solver on the moved mesh, or its twin on the fixed one, from trajectories.

use super::{Course, Training, check_rate};
use crate::cli::progress::Progress;
use crate::cli::rollout::{describe, say_errors};
use crate::cli::trajectories::TrajectoryArgs;
use crate::cli::{Done, print_data, say};
use crate::error::{Error, Result};
use crate::mmpde::{MmPde, MmPdeConfig, Nodes, RollOutLoss, Transfer, errors};
use crate::nn::{Backend, Layer};
use crate::report::format::{count, seconds};
use crate::train::{Schedule, TrainConfig};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Instant;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mesh {
    /// u lives on nodes moved to where the solution needs them, by optimal transport
    Carried,
    /// u lives on the fixed mesh, the second branch on nodes so moved
    Moved,
    /// The fixed mesh: the same net without a mover
    Fixed,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Between {
    /// Linear with a learned correction that keeps linear functions exact
    Learned,
    /// Linear
    Linear,
}

/// Train a solver of Burgers' equation on the moved mesh, or its twin on the fixed one
#[derive(Debug, Args)]
#[command(
    after_help = "The loss is the relative L2 error of one step, in the second half of the training after up to --push steps of the net's
own. The last trajectories are for the test. Ctrl-C leaves a checkpoint beside the output; --resume goes on from it."
)]
pub(in crate::cli) struct MmPdeTraining {
    #[command(flatten)]
    data: TrajectoryArgs,

    /// Where u and the branches live
    #[arg(long, value_enum, default_value = "carried")]
    mesh: Mesh,

    /// Cells of the mesh along a side; the trajectories' lattice has a multiple of them [default: as they were made for]
    #[arg(long, value_name = "N")]
    cells: Option<usize>,

    /// Interpolation from mesh to mesh
    #[arg(long, value_enum, default_value = "learned")]
    transfer: Between,

    /// Channels
    #[arg(long, value_name = "N", default_value_t = 32)]
    width: usize,

    /// Layers of message passing in each branch
    #[arg(long, value_name = "N", default_value_t = 4)]
    layers: usize,

    /// Steps
    #[arg(long, value_name = "N", default_value_t = 2000)]
    steps: usize,

    /// Trajectories a step
    #[arg(long, value_name = "N", default_value_t = 8)]
    batch: usize,

    /// Steps of the net's own before the one that counts, at most
    #[arg(long, value_name = "N", default_value_t = 3)]
    push: usize,

    /// The largest learning rate
    #[arg(long, value_name = "X", default_value_t = 3e-3)]
    learning_rate: f64,

    /// Trajectories for the test: the last ones
    #[arg(long, value_name = "N", default_value_t = 12)]
    test: usize,

    /// Seed of weights and order
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// The file to write (.safetensors)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    course: Course,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

impl MmPdeTraining {
    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        let clock = Instant::now();
        check_rate(self.learning_rate)?;
        self.course.check("--output", &self.output)?;
        let progress = Progress::new(quiet);
        let all = self.data.load(&progress)?;
        let first = all.len().checked_sub(self.test).filter(|n| *n > 0 && self.test > 0).ok_or_else(|| {
            let what = format!("of {} trajectories none would be left to train on or to test", all.len());
            Error::Option { option: "--test".into(), value: self.test.to_string(), what }
        })?;
        let (training_set, test) = (all.part(0, first)?, all.part(first, all.len())?);
        progress.say(|| say(quiet, "data", describe(&all)));
        let config = MmPdeConfig {
            cells: self.cells.unwrap_or(all.cells / all.refine),
            width: self.width,
            layers: self.layers,
            nodes: match self.mesh {
                Mesh::Carried => Nodes::Carried,
                Mesh::Moved => Nodes::Moved,
                Mesh::Fixed => Nodes::Fixed,
            },
            transfer: match self.transfer {
                Between::Learned => Transfer::Learned,
                Between::Linear => Transfer::Linear,
            },
        };
        let mut net = MmPde::new(&config, self.seed)?;
        progress.count(first);
        let push = [self.push, self.steps / 2];
        let mut objective =
            RollOutLoss::new(&net, &training_set, self.batch, push, self.seed, &|done| progress.counted(done))?;
        let (numbers, ready) = (count(net.parameters() as u64), seconds(clock.elapsed().as_secs_f64()));
        progress.say(|| say(quiet, "net", format!("{numbers} numbers; meshes ready in {ready}")));
        let run = serde_json::json!({ "command": self.command() });
        let schedule =
            TrainConfig { steps: self.steps, learning_rate: self.learning_rate, schedule: Schedule::OneCycle };
        let (resume, backend) = (self.course.resume, &Backend::Cpu);
        let training = Training { output: &self.output, run: &run, resume, config: &schedule, backend };
        if !self.course.run(&training, &mut net, &mut objective, &progress, quiet)? {
            return Ok(Done::Partly);
        }
        let scores = errors(&net, &test)?;
        let known = serde_json::json!({
            "command": self.command(),
            "test": scores,
            "seconds": clock.elapsed().as_secs_f64().round(),
        });
        training.finish(&net.weights(known))?;
        say_errors(&scores, quiet);
        let total = seconds(clock.elapsed().as_secs_f64());
        say(quiet, "output", format!("{}, {} steps in {total}", self.output.display(), self.steps));
        if self.json {
            let object = serde_json::json!({
                "command": "train mmpde",
                "input": self.data.name(),
                "parameters": net.parameters(),
                "errors": scores,
                "seconds": { "total": clock.elapsed().as_secs_f64() },
                "outputs": [self.output.display().to_string()],
            });
            print_data(&object.to_string())?;
        }
        Ok(Done::Fully)
    }

    /// What decides the weights: the same in every checkpoint of a run.
    fn command(&self) -> String {
        let mesh = match self.mesh {
            Mesh::Carried => "carried",
            Mesh::Moved => "moved",
            Mesh::Fixed => "fixed",
        };
        let transfer = match self.transfer {
            Between::Learned => "learned",
            Between::Linear => "linear",
        };
        let cells = self.cells.map(|n| format!(" --cells {n}")).unwrap_or_default();
        let Self { width, layers, steps, batch, push, learning_rate, test, seed, .. } = self;
        format!(
            "filet train mmpde {} --mesh {mesh}{cells} --transfer {transfer} --width {width} --layers {layers} --steps {steps} --batch {batch} \
             --push {push} --learning-rate {learning_rate} --test {test} --seed {seed}",
            self.data.described()
        )
    }
}
