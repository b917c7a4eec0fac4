//! `filet train mmpde`: a solver on the moved mesh, or its twin on the fixed one, from trajectories.

use super::{Course, Training, check_rate};
use crate::cli::progress::Progress;
use crate::cli::rollout::{describe, say_errors};
use crate::cli::trajectories::TrajectoryArgs;
use crate::cli::{Done, print_data, say};
use crate::error::{Error, Result};
use crate::mmpde::{BranchKind, MmPde, MmPdeConfig, Movement, RollOutLoss, Scheme, Transfer, errors};
use crate::nn::{Backend, Layer};
use crate::report::format::{count, seconds};
use crate::train::{Schedule, TrainConfig};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::path::PathBuf;
use std::time::Instant;

/// One of `names`, as configurations in files have them.
fn named<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| serde_json::from_value(name.into()))
}

/// Train a solver of a problem in time on the moved mesh, or its twin on the fixed one
#[derive(Debug, Args)]
#[command(
    after_help = "The loss is the relative L2 error of one step, in the second half of the training after up to --push steps of the net's own. The last trajectories are for the test. Ctrl-C leaves a checkpoint beside the output; --resume goes on from it."
)]
pub(in crate::cli) struct MmPdeTraining {
    #[command(flatten)]
    data: TrajectoryArgs,

    /// Where u lives: on the moved nodes, or, as published, on the fixed mesh with one branch on the moved one
    #[arg(long, value_name = "SCHEME", default_value = "carried", value_parser = named::<Scheme>(&["carried", "published"]))]
    scheme: Scheme,

    /// What moves the nodes: Newton's method, the learned mover finished by it, or, for the twin on the fixed mesh, nothing
    #[arg(long, value_name = "MOVER", default_value = "newton", value_parser = named::<Movement>(&["newton", "learned", "none"]))]
    mover: Movement,

    /// What branches are made of: messages along edges, or multigrid cycles on the lattice u is pulled back to
    #[arg(long, value_name = "BRANCH", default_value = "mgno", value_parser = named::<BranchKind>(&["graph", "mgno"]))]
    branch: BranchKind,

    /// Cells of the mesh along a side; the trajectories' lattice has a multiple of them [default: as they were made for]
    #[arg(long, value_name = "N")]
    cells: Option<usize>,

    /// Interpolation from mesh to mesh: cubic on the lattice of the nodes' numbers, or linear, with or without a learned correction
    #[arg(long, value_name = "WAY", default_value = "cubic", value_parser = named::<Transfer>(&["cubic", "linear", "learned"]))]
    transfer: Transfer,

    /// Steps from one move of the nodes to the next: values are interpolated once in as many [default: 4]
    #[arg(long, value_name = "N")]
    move_every: Option<usize>,

    /// Channels
    #[arg(long, value_name = "N", default_value_t = 20)]
    width: usize,

    /// Layers of each branch
    #[arg(long, value_name = "N", default_value_t = 3)]
    layers: usize,

    /// Steps
    #[arg(long, value_name = "N", default_value_t = 4000)]
    steps: usize,

    /// Trajectories a step
    #[arg(long, value_name = "N", default_value_t = 6)]
    batch: usize,

    /// Steps of the net's own before the one that counts, at most
    #[arg(long, value_name = "N", default_value_t = 8)]
    push: usize,

    /// The largest learning rate
    #[arg(long, value_name = "X", default_value_t = 1e-3)]
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
        if let (Movement::None, Some(steps)) = (self.mover, self.move_every) {
            let what = "with `--mover none` no nodes move: leave it out".into();
            return Err(Error::Option { option: "--move-every".into(), value: steps.to_string(), what });
        }
        let progress = Progress::new(quiet);
        let all = self.data.load(&progress)?;
        let first = all.len().checked_sub(self.test).filter(|n| *n > 0 && self.test > 0).ok_or_else(|| {
            let what = format!("of {} trajectories none would be left to train on or to test", all.len());
            Error::Option { option: "--test".into(), value: self.test.to_string(), what }
        })?;
        let (training_set, test) = (all.part(0, first)?, all.part(first, all.len())?);
        progress.say(|| say(quiet, "data", describe(&all)));
        let config = MmPdeConfig {
            problem: all.problem,
            cells: self.cells.unwrap_or(all.cells / all.refine),
            width: self.width,
            layers: self.layers,
            scheme: self.scheme,
            mover: self.mover,
            branch: self.branch,
            transfer: self.transfer,
            move_every: self.move_every(),
        };
        let mut net = MmPde::new(&config, self.seed)?;
        progress.count(first);
        let push = [self.push, self.steps / 2];
        let mut objective =
            RollOutLoss::new(&net, &training_set, self.batch, push, self.seed, &|done| progress.counted(done))?;
        let (numbers, ready) = (count(net.parameters() as u64), seconds(clock.elapsed().as_secs_f64()));
        progress.say(|| say(quiet, "net", format!("{numbers} numbers; meshes ready in {ready}")));
        let run = json!({ "command": self.command() });
        let schedule =
            TrainConfig { steps: self.steps, learning_rate: self.learning_rate, schedule: Schedule::OneCycle };
        let (resume, backend) = (self.course.resume, &Backend::Cpu);
        let training = Training { output: &self.output, run: &run, resume, config: &schedule, backend };
        if !self.course.run(&training, &mut net, &mut objective, &progress, quiet)? {
            return Ok(Done::Partly);
        }
        let scores = errors(&net, &test)?;
        let known = json!({
            "command": self.command(),
            "test": scores,
            "seconds": clock.elapsed().as_secs_f64().round(),
        });
        training.finish(&net.weights(known))?;
        say_errors(&scores, quiet);
        let total = seconds(clock.elapsed().as_secs_f64());
        say(quiet, "output", format!("{}, {} steps in {total}", self.output.display(), self.steps));
        if self.json {
            let object = json!({
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

    fn move_every(&self) -> usize {
        self.move_every.unwrap_or(MmPdeConfig::default().move_every)
    }

    /// What decides the weights: the same in every checkpoint of a run.
    fn command(&self) -> String {
        let cells = self.cells.map(|n| format!(" --cells {n}")).unwrap_or_default();
        let kinds = [("scheme", json!(self.scheme)), ("mover", json!(self.mover)), ("branch", json!(self.branch))];
        let kinds = kinds.into_iter().chain([("transfer", json!(self.transfer))]);
        let kinds: String = kinds.map(|(o, v)| format!(" --{o} {}", v.as_str().unwrap_or_default())).collect();
        let (move_every, Self { width, layers, steps, batch, push, learning_rate, test, seed, .. }) =
            (self.move_every(), self);
        format!(
            "filet train mmpde {}{kinds}{cells} --move-every {move_every} --width {width} --layers {layers} --steps {steps} --batch {batch} \
             --push {push} --learning-rate {learning_rate} --test {test} --seed {seed}",
            self.data.described()
        )
    }
}
