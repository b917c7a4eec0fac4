//! Samples on the command line: a file, or a problem's name and size.

use crate::error::{Error, Result};
use crate::mgno::generate::{Problem, Recipe};
use crate::mgno::{Samples, Selection, read_samples};
use clap::Args;
use std::path::PathBuf;

/// What `--help` says of PROBLEM:N.
pub(super) const PROBLEMS: &str =
    "darcy-smooth:N, darcy-rough:N, multiscale:N, helmholtz:N, navier-stokes:N, voxel:N (N cells along a side)";

/// Where samples come from.
#[derive(Debug, Args)]
pub(super) struct SampleArgs {
    #[arg(long, value_name = "DATA", help = format!("Samples: a file (HDF5, MATLAB 7.3, .npz, .npy), or made now: {PROBLEMS}"))]
    data: String,

    /// Samples to make
    #[arg(long, value_name = "N", default_value_t = 100)]
    samples: usize,

    /// Seed of samples to make
    #[arg(long, value_name = "N", default_value_t = 0)]
    data_seed: u64,

    /// Directions: of samples to make 2 (or 3), of a file where its shapes leave it open
    #[arg(long, value_name = "D")]
    dimension: Option<usize>,

    /// Name of the inputs in the file [default: input, coeff, a or x]
    #[arg(long, value_name = "NAME")]
    input: Option<String>,

    /// Name of the outputs in the file, or the second .npy file [default: output, sol, u or y]
    #[arg(long, value_name = "NAME")]
    output: Option<String>,

    /// Take every N-th point of a file in each direction
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    stride: u16,
}

/// The problem and size that a name stands for.
pub(super) fn built_in(name: &str) -> Option<(Problem, Result<usize>)> {
    let (problem, size) = name.split_once(':')?;
    let problem = Problem::ALL.into_iter().find(|p| p.name() == problem)?;
    Some((problem, cells(name, size)))
}

/// The cells along a side in a name such as `darcy-rough:32`.
pub(super) fn cells(name: &str, size: &str) -> Result<usize> {
    size.parse().map_err(|_| Error::Option {
        option: "DATA".into(),
        value: name.into(),
        what: format!("{size:?} is no number of cells along a side"),
    })
}

impl SampleArgs {
    /// Reads or makes them.
    pub fn load(&self) -> Result<Samples> {
        match built_in(&self.data) {
            Some((problem, size)) => {
                let (size, dimension) = (size?, self.dimension.unwrap_or(2));
                let recipe =
                    Recipe { problem, size, dimension, samples: self.samples, seed: self.data_seed, refine: 4 };
                recipe.make(&|_| {})
            }
            None => {
                let SampleArgs { input, output, dimension, .. } = self;
                let selection = Selection {
                    input: input.clone(),
                    output: output.clone(),
                    dimension: *dimension,
                    stride: usize::from(self.stride),
                };
                read_samples(PathBuf::from(&self.data), &selection)
            }
        }
    }

    /// What decides the samples, as options.
    pub fn described(&self) -> String {
        match built_in(&self.data) {
            Some(_) => {
                let dimension = self.dimension.map_or(String::new(), |d| format!(" --dimension {d}"));
                format!("--data {} --samples {} --data-seed {}{dimension}", self.data, self.samples, self.data_seed)
            }
            None => format!("--data {} --stride {}", self.data, self.stride),
        }
    }

    /// Their name.
    pub fn name(&self) -> &str {
        &self.data
    }
}
