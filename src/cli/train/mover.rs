//! `filet train mover`: the net of the learned mover, from the equation alone.

use super::Steps;
use crate::cli::progress::Progress;
use crate::cli::{Done, say, settings};
use crate::device::Device;
use crate::error::Result;
use crate::mover::{DmmLoss, DmmNet, PotentialLoss, PotentialNet};
use crate::nn::{Backend, Layer, Tape};
use crate::report::format::count;
use clap::{Args, ValueEnum};
use std::time::Instant;

/// The net.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Net {
    Series,
    Dmm,
    DmmPublished,
}

/// Train the net of the learned mover
#[derive(Debug, Args)]
#[command(
    after_help = "The loss is the variance of log(m det J) over the unit square, with a barrier on the smallest eigenvalue of J, for fresh random monitors every step; that of dmm is the published one. Ctrl-C leaves a checkpoint beside the output; --resume goes on from it."
)]
pub(in crate::cli) struct Mover {
    /// series: a cosine series by several passes of a convolutional net; dmm: the published net of the place with its loss (Hu et al. 2024), faults mended; dmm-published: the same with the faults of its code in theta and the convexity term
    #[arg(long, value_enum, default_value = "series", hide_possible_values = true)]
    net: Net,

    /// Monitors a step
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,

    /// cpu, or cuda: the first NVIDIA GPU
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = settings::device(), hide_possible_values = true)]
    device: Device,

    #[command(flatten)]
    steps: Steps,
}

/// Number of the first monitor no step trains on.
const HELD_OUT: u64 = 1 << 40;
/// Monitors that are scored.
const SCORED: u64 = 64;

impl Mover {
    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        let clock = Instant::now();
        self.steps.check()?;
        let backend = Backend::open(self.device)?;
        let progress = Progress::new(quiet);
        let show = (clock, &progress, quiet);
        let (batch, seed) = (usize::from(self.batch), self.steps.seed);
        let say_size = |numbers: usize| {
            progress.say(|| say(quiet, "net", format!("{} numbers", count(numbers as u64))));
        };
        let held_out = HELD_OUT..HELD_OUT + SCORED;
        if self.net == Net::Series {
            let (mut net, mut objective) = (PotentialNet::new(seed), PotentialLoss { batch, seed });
            say_size(net.parameters());
            let score = |net: &dyn Layer, objective: &PotentialLoss| {
                let losses = objective.on(net, &Tape::inference(), held_out.clone());
                losses.last().map_or(f64::NAN, |loss| f64::from(loss.value().item()))
            };
            return self.steps.run(
                &mut net,
                &mut objective,
                self.run_description(),
                ("monitors", &score),
                show,
                &backend,
            );
        }
        let as_published = self.net == Net::DmmPublished;
        let (mut net, mut objective) = (DmmNet::new(seed), DmmLoss { batch, seed, as_published });
        say_size(net.parameters());
        let score = |net: &dyn Layer, objective: &DmmLoss| {
            f64::from(objective.on(net, &Tape::inference(), held_out.clone()).value().item())
        };
        self.steps.run(&mut net, &mut objective, self.run_description(), ("monitors", &score), show, &backend)
    }

    /// What decides the weights: the same in every checkpoint of a run.
    fn run_description(&self) -> serde_json::Value {
        let net = match self.net {
            Net::Series => "series",
            Net::Dmm => "dmm",
            Net::DmmPublished => "dmm-published",
        };
        let command = format!("filet train mover --net {net} --batch {} {}", self.batch, self.steps.described());
        serde_json::json!({ "net": net, "command": command })
    }
}
