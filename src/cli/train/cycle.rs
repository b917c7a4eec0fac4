//! `filet train cycle`: the numbers in the voxel cycle of the method `dcdm`.

use super::{Progress, write_losses};
use crate::cli::{Done, interrupt, say};
use crate::dcdm::{CycleTraining, cycle_weights};
use crate::error::{Error, Place, Result};
use crate::file::write_atomic;
use crate::nn::write_weights;
use crate::precond::voxel::CycleParameters;
use crate::report::format::{seconds, significant};
use crate::train::CmaEs;
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Learn the numbers in the voxel cycle of the method dcdm
#[derive(Debug, Args)]
#[command(
    after_help = "The loss is the mean over scenes of the iterations to 1e-6 over those with the numbers of analysis, made small by CMA-ES (Hansen, arXiv:1604.00772). Scenes come from all families in turn. Ctrl-C leaves a checkpoint beside the output; --resume goes on from it."
)]
pub(in crate::cli) struct Cycle {
    /// Cells along a side of the scenes in space, a quarter of those in the plane; every third is twice as long in two directions
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(u16).range(16..=256))]
    size: u16,

    /// Scenes
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(u16).range(1..))]
    scenes: u16,

    /// Scenes a generation looks at
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,

    /// Generations for grids in space, and as many for the plane
    #[arg(long, value_name = "N", default_value_t = 110)]
    steps: usize,

    /// Candidates a generation
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u16).range(4..))]
    population: u16,

    /// Seed of scenes and candidates
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// The file to write (.safetensors)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Go on from the checkpoint of a run with the same options
    #[arg(long)]
    resume: bool,

    /// Draw the loss (.png, .svg)
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    /// Write the loss of every generation as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// Where a run is.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct State {
    /// The command: which run it is.
    run: String,
    /// For grids in space, and in the plane.
    searches: [CmaEs; 2],
    losses: Vec<f32>,
}

impl State {
    fn read(path: &Path, run: &str) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "read", e))?;
        let refuse =
            |what| Error::file(path, Place::File, what, "go on with the options the run began with, or begin anew");
        let state: State = serde_json::from_str(&text).map_err(|e| refuse(format!("is no checkpoint: {e}")))?;
        match state.run == run {
            true => Ok(state),
            false => Err(refuse(format!("is of the run {}, not {run}", state.run))),
        }
    }

    fn write(&self, path: &Path) -> Result<()> {
        write_atomic(path, |w| w.write_all(serde_json::to_string(self)?.as_bytes()))
    }
}

impl Cycle {
    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        let clock = Instant::now();
        let paths = [Some(&*self.output), self.plot.as_deref(), self.csv.as_deref()];
        super::check_outputs(["--output", "--plot", "--csv"], paths)?;
        let Cycle { size, scenes, batch, steps, population, seed, .. } = self;
        let run = format!(
            "filet train cycle --size {size} --scenes {scenes} --batch {batch} --steps {steps} --population {population} --seed {seed}"
        );
        let progress = Progress::new(quiet);
        let checkpoint = super::checkpoint(&self.output);
        let mut state = match self.resume {
            true if !checkpoint.exists() => super::no_checkpoint(&checkpoint)?,
            true => State::read(&checkpoint, &run)?,
            false => {
                let search = CycleTraining::search(usize::from(*population), *seed);
                State { run, searches: [search.clone(), search], losses: Vec::new() }
            }
        };
        interrupt::install();
        let (mut parameters, mut scores) = (CycleParameters::default(), [0.0; 2]);
        for (set, score) in scores.iter_mut().enumerate() {
            progress.phase(["scenes in space", "scenes in the plane"][set]);
            let training =
                CycleTraining::new(usize::from(*size), usize::from(*scenes), usize::from(*batch), *seed, set == 1)?;
            progress.steps(2 * steps);
            while state.searches[set].generation() < *steps && !interrupt::asked() {
                state.losses.push(training.step(&mut state.searches[set])? as f32);
                state.write(&checkpoint)?;
                progress.step(state.losses.len(), state.losses[state.losses.len() - 1]);
            }
            progress.finish();
            if state.searches[set].generation() < *steps {
                write_losses(&state.losses, "generation", self.csv.as_deref(), self.plot.as_deref())?;
                say(quiet, "stopped", format!("after generation {}; --resume goes on", state.losses.len()));
                return Ok(Done::Partly);
            }
            training.take(&state.searches[set], &mut parameters);
            *score = training.loss(&parameters)?;
        }
        write_losses(&state.losses, "generation", self.csv.as_deref(), self.plot.as_deref())?;
        let about = serde_json::json!({
            "net": "cycle",
            "command": state.run,
            "score": scores,
            "seconds": clock.elapsed().as_secs_f64().round(),
        });
        write_weights(&self.output, &cycle_weights(&parameters, about))?;
        // The run is over: the checkpoint has served.
        let _ = std::fs::remove_file(&checkpoint);
        let [space, plane] = scores.map(significant);
        say(
            quiet,
            "loss",
            format!("{space} of the iterations with the numbers of analysis in space, {plane} in the plane"),
        );
        let total = seconds(clock.elapsed().as_secs_f64());
        say(quiet, "output", format!("{}, {steps} generations in {total}", self.output.display()));
        Ok(Done::Fully)
    }
}
