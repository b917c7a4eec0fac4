//! Trajectories on the command line: a file, or a problem's name and size.

use super::progress::Progress;
use super::samples::{cells, check_file};
use crate::error::Result;
use crate::mmpde::{Problem, Recipe, Trajectories};
use clap::Args;

/// What `--help` says of problems in time.
pub(super) const IN_TIME: &str =
    "burgers:N, cylinder:N (for nets of N cells along a side, solved on six and three times as many)";

/// Where trajectories come from.
#[derive(Debug, Args)]
pub(super) struct TrajectoryArgs {
    #[arg(long, value_name = "DATA", default_value = "burgers:24", help = format!("Trajectories: a file (.h5), or made now: {IN_TIME}"))]
    data: String,

    /// Trajectories to make: three viscosities for each start [default: 96]
    #[arg(long, value_name = "N")]
    samples: Option<usize>,

    /// Seed of trajectories to make [default: 0]
    #[arg(long, value_name = "N")]
    data_seed: Option<u64>,
}

/// Trajectories that are made where no number is given.
const TRAJECTORIES: usize = 96;

/// Problem and size in `burgers:N` or `cylinder:N`, where the text is of that form.
pub(super) fn in_time(name: &str) -> Option<Result<(Problem, usize)>> {
    let (problem, size) = name.split_once(':')?;
    let (problem, _) = Problem::ALL.into_iter().find(|(_, known)| *known == problem)?;
    Some(cells(name, size).map(|cells| (problem, cells)))
}

impl TrajectoryArgs {
    /// Reads or makes them.
    pub fn load(&self, progress: &Progress) -> Result<Trajectories> {
        let Some(named) = in_time(&self.data) else {
            check_file(&self.data, self.samples, self.data_seed)?;
            return Trajectories::read(&self.data);
        };
        let (problem, cells) = named?;
        let (trajectories, seed) = self.made();
        let recipe = Recipe { cells, trajectories, seed, ..problem.recipe() };
        progress.count(trajectories);
        recipe.make(&|done| progress.counted(done))
    }

    /// How many are made, with what seed.
    fn made(&self) -> (usize, u64) {
        (self.samples.unwrap_or(TRAJECTORIES), self.data_seed.unwrap_or(0))
    }

    /// What decides them, as options.
    pub fn described(&self) -> String {
        match in_time(&self.data) {
            Some(_) => {
                let (samples, seed) = self.made();
                format!("--data {} --samples {samples} --data-seed {seed}", self.data)
            }
            None => format!("--data {}", self.data),
        }
    }

    /// Their name.
    pub fn name(&self) -> &str {
        &self.data
    }
}
