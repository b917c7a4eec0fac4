//! Trajectories on the command line: a file, or a problem's name and size.

use super::progress::Progress;
use crate::error::{Error, Result};
use crate::mmpde::{Recipe, Trajectories};
use clap::Args;

/// What `--help` says of burgers:N.
pub(super) const BURGERS: &str = "burgers:N (for nets of N cells along a side, solved on six times as many)";

/// Where trajectories come from.
#[derive(Debug, Args)]
pub(super) struct TrajectoryArgs {
    #[arg(long, value_name = "DATA", default_value = "burgers:24", help = format!("Trajectories: a file (.h5), or made now: {BURGERS}"))]
    data: String,

    /// Trajectories to make: three viscosities for each start
    #[arg(long, value_name = "N", default_value_t = 96)]
    samples: usize,

    /// Seed of trajectories to make
    #[arg(long, value_name = "N", default_value_t = 0)]
    data_seed: u64,
}

/// The size in `burgers:N`, where the text is of that form.
pub(super) fn burgers(name: &str) -> Option<Result<usize>> {
    let size = name.strip_prefix("burgers:")?;
    Some(size.parse().map_err(|_| Error::Option {
        option: "DATA".into(),
        value: name.into(),
        what: format!("{size:?} is no number of cells along a side"),
    }))
}

impl TrajectoryArgs {
    /// Reads or makes them.
    pub fn load(&self, progress: &Progress) -> Result<Trajectories> {
        let Some(cells) = burgers(&self.data) else { return Trajectories::read(&self.data) };
        let recipe = Recipe { cells: cells?, trajectories: self.samples, seed: self.data_seed, ..Recipe::default() };
        progress.count(self.samples);
        recipe.make(&|done| progress.counted(done))
    }

    /// What decides them, as options.
    pub fn described(&self) -> String {
        match burgers(&self.data) {
            Some(_) => format!("--data {} --samples {} --data-seed {}", self.data, self.samples, self.data_seed),
            None => format!("--data {}", self.data),
        }
    }

    /// Their name.
    pub fn name(&self) -> &str {
        &self.data
    }
}
