//! Samples on the command line: a file, or a problem's name and size.

use super::progress::Progress;
use crate::error::{Error, Result};
use crate::mgno::generate::{Problem, Recipe};
use crate::mgno::{Samples, Selection, read_samples};
use crate::mmpde;
use crate::words::nearest;
use clap::Args;
use std::path::{Path, PathBuf};

/// What `--help` says of PROBLEM:N.
pub(super) const PROBLEMS: &str =
    "darcy-smooth:N, darcy-rough:N, multiscale:N, helmholtz:N, navier-stokes:N, voxel:N (N cells along a side)";

/// Where samples come from.
#[derive(Debug, Args)]
pub(super) struct SampleArgs {
    #[arg(long, value_name = "DATA", help = format!("Samples: a file (HDF5, MATLAB 7.3, .npz, .npy), or made now: {PROBLEMS}"))]
    data: String,

    /// Samples to make [default: 100]
    #[arg(long, value_name = "N")]
    samples: Option<usize>,

    /// Seed of samples to make [default: 0]
    #[arg(long, value_name = "N")]
    data_seed: Option<u64>,

    /// Directions: of samples to make 2 (or 3), of a file where its shapes leave it open
    #[arg(long, value_name = "D")]
    dimension: Option<usize>,

    /// Name of the inputs in the file [default: input, coeff, a or x]
    #[arg(long, value_name = "NAME")]
    input: Option<String>,

    /// Name of the outputs in the file, or the second .npy file [default: output, sol, u or y]
    #[arg(long, value_name = "NAME")]
    output: Option<String>,

    /// Take every N-th point of a file in each direction [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    stride: Option<u16>,
}

/// The problem and size that a name stands for.
pub(super) fn built_in(name: &str) -> Option<(Problem, Result<usize>)> {
    let (problem, size) = name.split_once(':')?;
    let problem = Problem::ALL.into_iter().find(|p| p.name() == problem)?;
    Some((problem, cells(name, size)))
}

/// Samples that are made where no number is given.
const SAMPLES: usize = 100;

/// Refuses the first of the options that is given.
fn refuse_given(options: &[(&str, bool)], data: &str, what: &str) -> Result<()> {
    match options.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Error::Option { option: option.to_string(), value: data.into(), what: what.into() }),
        None => Ok(()),
    }
}

/// Refuses options of samples made now beside a file, and names of neither.
pub(super) fn check_file(data: &str, samples: Option<usize>, seed: Option<u64>) -> Result<()> {
    if !Path::new(data).exists() && Path::new(data).extension().is_none() {
        return Err(unknown(data));
    }
    let given = [("--samples", samples.is_some()), ("--data-seed", seed.is_some())];
    refuse_given(&given, data, "this option is for samples made now, and these come from a file")
}

/// Refuses a name of neither a file nor a problem, with what may be meant.
pub(super) fn unknown(name: &str) -> Error {
    let (head, size) = name.split_once(':').unwrap_or((name, ""));
    let known = || Problem::ALL.map(Problem::name).into_iter().chain(mmpde::Problem::ALL.map(|(_, name)| name));
    let what = match nearest(head, known()) {
        Some(near) if near == head && size.is_empty() => format!("it needs a size, such as {near}:32"),
        Some(near) if near == head => "this command takes no samples of this problem".into(),
        Some(near) => {
            format!(
                "there is no such file or problem; did you mean {near}:{}?",
                if size.is_empty() { "32" } else { size }
            )
        }
        None => format!("there is no such file or problem; problems are {}", known().collect::<Vec<_>>().join(", ")),
    };
    Error::Option { option: "samples".into(), value: name.into(), what }
}

/// The cells along a side in a name such as `darcy-rough:32`.
pub(super) fn cells(name: &str, size: &str) -> Result<usize> {
    size.parse().map_err(|_| Error::Option {
        option: "samples".into(),
        value: name.into(),
        what: format!("{size:?} is no number of cells along a side"),
    })
}

impl SampleArgs {
    /// Reads or makes them.
    pub fn load(&self, progress: &Progress) -> Result<Samples> {
        match built_in(&self.data) {
            Some((problem, size)) => {
                let names = [("--input", self.input.is_some()), ("--output", self.output.is_some())];
                let given = [&names[..], &[("--stride", self.stride.is_some())]].concat();
                refuse_given(&given, &self.data, "this option is for files, and these samples are made now")?;
                let (size, dimension) = (size?, self.dimension.unwrap_or(2));
                let (samples, seed) = self.made();
                progress.count(samples);
                Recipe { problem, size, dimension, samples, seed, refine: 4 }.make(&|done| progress.counted(done))
            }
            None => {
                check_file(&self.data, self.samples, self.data_seed)?;
                let SampleArgs { input, output, dimension, .. } = self;
                let selection = Selection {
                    input: input.clone(),
                    output: output.clone(),
                    dimension: *dimension,
                    stride: usize::from(self.stride.unwrap_or(1)),
                };
                read_samples(PathBuf::from(&self.data), &selection)
            }
        }
    }

    /// How many are made, with what seed.
    fn made(&self) -> (usize, u64) {
        (self.samples.unwrap_or(SAMPLES), self.data_seed.unwrap_or(0))
    }

    /// What decides the samples, as options.
    pub fn described(&self) -> String {
        let dimension = self.dimension.map_or(String::new(), |d| format!(" --dimension {d}"));
        match built_in(&self.data) {
            Some(_) => {
                let (samples, seed) = self.made();
                format!("--data {} --samples {samples} --data-seed {seed}{dimension}", self.data)
            }
            None => {
                let name = |option: &str, name: &Option<String>| match name {
                    Some(name) => format!(" --{option} {name}"),
                    None => String::new(),
                };
                let names = name("input", &self.input) + &name("output", &self.output);
                format!("--data {} --stride {}{names}{dimension}", self.data, self.stride.unwrap_or(1))
            }
        }
    }

    /// Their name.
    pub fn name(&self) -> &str {
        &self.data
    }
}
