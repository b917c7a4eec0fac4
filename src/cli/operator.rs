//! `filet operator generate | predict | eval | rollout`: samples of operators, and what trained nets make of them.

use super::outputs::{check_apart, check_ending};
use super::progress::Progress;
use super::samples::{PROBLEMS, SampleArgs, built_in, unknown};
use super::trajectories::{IN_TIME, in_time};
use super::{Done, print_data, rollout, say, settings};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::mgno::{Norm, Operator as Net, RelativeError, SHIPPED, Samples, generate, write_samples};
use crate::mmpde::Recipe;
use crate::nn::{Backend, Layer, Tensor, Var, parse_weights, read_weights};
use crate::report::format::{count, seconds, significant};
use crate::report::plot::{self, Panel};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Make samples of operators, apply and score trained nets
#[derive(Debug, Subcommand)]
pub(super) enum Operator {
    Generate(Generate),
    Predict(Predict),
    Eval(Eval),
    Rollout(super::rollout::Rollout),
}

/// Make samples: inputs and outputs of a problem, as HDF5
#[derive(Debug, Args)]
pub(super) struct Generate {
    #[arg(value_name = "PROBLEM:N", help = format!("{PROBLEMS}, {IN_TIME}"))]
    problem: String,

    /// How many
    #[arg(long, value_name = "N", default_value_t = 1000)]
    samples: usize,

    /// The seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Directions: 2, or 3 for Darcy and voxel problems
    #[arg(long, value_name = "D", default_value_t = 2)]
    dimension: usize,

    /// Cells of the solve along a cell of a sample, or of a net's mesh [default: 4 for multiscale, 6 for burgers, 3 for cylinder]
    #[arg(long, value_name = "N")]
    refine: Option<usize>,

    /// The file to write (.h5)
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Draw the first samples (.png, .svg)
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Score a net: relative L2 and H1 errors on samples
#[derive(Debug, Args)]
pub(super) struct Eval {
    #[command(flatten)]
    data: SampleArgs,

    /// Weights (.safetensors) [default: those that come with filet, for darcy-rough:32]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// cpu, or cuda: the first NVIDIA GPU (nets of the kinds mgno and unet)
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = settings::device(), hide_possible_values = true)]
    device: Device,

    /// Score only the last N samples
    #[arg(long, value_name = "N")]
    last: Option<usize>,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// Apply a net and write what it predicts
#[derive(Debug, Args)]
pub(super) struct Predict {
    #[command(flatten)]
    data: SampleArgs,

    /// Weights (.safetensors) [default: those that come with filet, for darcy-rough:32]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,

    /// cpu, or cuda: the first NVIDIA GPU (nets of the kinds mgno and unet)
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = settings::device(), hide_possible_values = true)]
    device: Device,

    /// The file to write (.h5): inputs and predicted outputs
    #[arg(short = 'o', long, value_name = "FILE")]
    predicted: Option<PathBuf>,

    /// Draw input, truth, prediction and error of a sample (.png, .svg)
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    /// The sample to draw
    #[arg(long, value_name = "N", default_value_t = 0)]
    sample: usize,
}

impl Operator {
    /// What --cite names.
    pub(super) fn references(&self) -> Vec<&'static str> {
        match self {
            Operator::Rollout(_) => vec!["hu2024"],
            Operator::Generate(_) | Operator::Predict(_) | Operator::Eval(_) => {
                vec!["he2024", "li2021", "ronneberger2015"]
            }
        }
    }

    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        match self {
            Operator::Generate(generate) => generate.run(quiet),
            Operator::Predict(predict) => predict.run(quiet),
            Operator::Eval(eval) => eval.run(quiet),
            Operator::Rollout(rollout) => rollout.run(quiet),
        }
    }
}

impl Generate {
    fn run(&self, quiet: bool) -> Result<Done> {
        let clock = Instant::now();
        if let Some(named) = in_time(&self.problem) {
            let (problem, cells) = named?;
            if self.dimension != 2 {
                let what = "problems in time are in the plane".into();
                return Err(Error::Option { option: "--dimension".into(), value: self.dimension.to_string(), what });
            }
            return self.trajectories(Recipe { cells, ..problem.recipe() }, quiet);
        }
        let (problem, size) = built_in(&self.problem).ok_or_else(|| unknown(&self.problem))?;
        self.check()?;
        if let Some(refine) = self.refine.filter(|_| problem != generate::Problem::Multiscale) {
            let what = format!("{} is solved on the cells of its samples", problem.name());
            return Err(Error::Option { option: "--refine".into(), value: refine.to_string(), what });
        }
        let Generate { samples, seed, dimension, refine, .. } = *self;
        let recipe = generate::Recipe { problem, size: size?, dimension, samples, seed, refine: refine.unwrap_or(4) };
        let progress = Progress::new(quiet);
        progress.count(samples);
        let made = recipe.make(&|done| progress.counted(done))?;
        let solved = clock.elapsed().as_secs_f64();
        write_samples(&self.output, &made)?;
        progress.finish();
        let what = describe(&made);
        say(
            quiet,
            "samples",
            format!("{} of {}, {what}, in {}", count(made.len() as u64), self.problem, seconds(solved)),
        );
        if let Some(path) = &self.plot {
            let shown = (0..made.len().min(4)).flat_map(|s| {
                let (a, u) = made.pick(&[s]);
                [Panel::new(format!("input {s}"), plane(&a)), Panel::new(format!("output {s}"), plane(&u))]
            });
            plot::panels(path, &shown.take(4).collect::<Vec<_>>(), rows(&made), &self.problem)?;
        }
        say(quiet, "output", self.output.display());
        Ok(Done::Fully)
    }
}

impl Generate {
    fn check(&self) -> Result<()> {
        check_ending(Some(&self.output), "--output", &["h5", "hdf5"])?;
        check_ending(self.plot.as_deref(), "--plot", &["png", "svg"])
    }

    /// Solutions in time instead of pairs.
    fn trajectories(&self, recipe: Recipe, quiet: bool) -> Result<Done> {
        let clock = Instant::now();
        self.check()?;
        let refine = self.refine.unwrap_or(recipe.refine);
        let recipe = Recipe { refine, trajectories: self.samples, seed: self.seed, ..recipe };
        let progress = Progress::new(quiet);
        progress.count(self.samples);
        let made = recipe.make(&|done| progress.counted(done))?;
        progress.finish();
        made.write(&self.output)?;
        let solved = seconds(clock.elapsed().as_secs_f64());
        say(quiet, "data", format!("{}, in {solved}", rollout::describe(&made)));
        if let Some(path) = &self.plot {
            rollout::draw_trajectories(path, &made)?;
        }
        say(quiet, "output", self.output.display());
        Ok(Done::Fully)
    }
}

/// `"64 x 64, 1 channel in, 1 out"`.
fn describe(samples: &Samples) -> String {
    let n = samples.sides();
    let sides: Vec<String> = n[3 - samples.dimension()..].iter().map(usize::to_string).collect();
    let [a, u] = samples.channels();
    format!("{}, {a} channel{} in, {u} out", sides.join(" x "), if a == 1 { "" } else { "s" })
}

/// Rows and columns of a picture of the samples.
fn rows(samples: &Samples) -> [usize; 2] {
    let n = samples.sides();
    [n[1], n[2]]
}

/// The first sample's last channel, of the middle layer in space.
fn plane(images: &Tensor) -> Vec<f64> {
    let s = images.shape();
    let (cells, channels) = (s[2] * s[3], s[4]);
    let layer = &images.data()[s[1] / 2 * cells * channels..][..cells * channels];
    layer.iter().skip(channels - 1).step_by(channels).map(|v| f64::from(*v)).collect()
}

fn load_net(weights: Option<&Path>) -> Result<Net> {
    Net::from_weights(&match weights {
        Some(path) => read_weights(path)?,
        None => parse_weights("the shipped operator", SHIPPED)?,
    })
}

/// What the net makes of the inputs there.
fn predict(samples: &Samples, net: &mut Net, device: Device) -> Result<Tensor> {
    net.config().check_device(device)?;
    let backend = Backend::open(device)?;
    net.move_to(&backend)?;
    samples.predict_on(net, &backend)
}

impl Eval {
    fn run(&self, quiet: bool) -> Result<Done> {
        let mut clock = Instant::now();
        let mut net = load_net(self.weights.as_deref())?;
        let progress = Progress::new(quiet);
        let samples = self.data.load(&progress)?;
        progress.finish();
        let samples = match self.last {
            Some(last) if last == 0 || last > samples.len() => {
                let what = format!("there are {} samples", samples.len());
                return Err(Error::Option { option: "--last".into(), value: last.to_string(), what });
            }
            Some(last) => samples.part(samples.len() - last, samples.len())?,
            None => samples,
        };
        net.check(&samples)?;
        let read = clock.elapsed().as_secs_f64();
        say(
            quiet,
            "samples",
            format!("{} of {}, {}", count(samples.len() as u64), self.data.name(), describe(&samples)),
        );
        say(quiet, "net", format!("{}, {} numbers", net.config().name(), count(net.parameters() as u64)));
        clock = Instant::now();
        let predicted = Var::constant(predict(&samples, &mut net, self.device)?);
        let applied = clock.elapsed().as_secs_f64();
        let truth = Var::constant(samples.outputs.clone());
        let [l2, h1] = [Norm::L2, Norm::H1].map(|norm| {
            let errors = RelativeError::new(norm, samples.sides()).samples(&predicted, &truth);
            errors.value().data().iter().map(|e| f64::from(*e)).collect::<Vec<f64>>()
        });
        let mean = |e: &[f64]| e.iter().sum::<f64>() / e.len() as f64;
        let largest = l2.iter().fold(0.0f64, |m, e| m.max(*e));
        let text = format!(
            "relative L2 {}, largest {}; relative H1 {}",
            significant(mean(&l2)),
            significant(largest),
            significant(mean(&h1))
        );
        say(quiet, "error", text);
        say(quiet, "total", format!("{} for {} samples", seconds(applied), samples.len()));
        if self.json {
            let object = serde_json::json!({
                "command": "operator eval",
                "input": self.data.name(),
                "weights": self.weights.as_ref().map(|w| w.display().to_string()),
                "net": net.config().name(),
                "parameters": net.parameters(),
                "shape": samples.sides(),
                "samples": samples.len(),
                "relative_l2": mean(&l2),
                "relative_l2_largest": largest,
                "relative_h1": mean(&h1),
                "device": self.device.name(),
                "seconds": { "read": read, "apply": applied },
            });
            print_data(&object.to_string())?;
        }
        Ok(Done::Fully)
    }
}

impl Predict {
    fn run(&self, quiet: bool) -> Result<Done> {
        check_ending(self.predicted.as_deref(), "--predicted", &["h5", "hdf5"])?;
        check_apart(self.predicted.as_deref(), "--predicted", self.data.name())?;
        check_ending(self.plot.as_deref(), "--plot", &["png", "svg"])?;
        let mut net = load_net(self.weights.as_deref())?;
        let progress = Progress::new(quiet);
        let samples = self.data.load(&progress)?;
        progress.finish();
        net.check(&samples)?;
        if self.sample >= samples.len() {
            let what = format!("there are {} samples, numbered from 0", samples.len());
            return Err(Error::Option { option: "--sample".into(), value: self.sample.to_string(), what });
        }
        let one = samples.part(self.sample, self.sample + 1)?;
        let predicted = predict(&samples, &mut net, self.device)?;
        if let Some(path) = &self.predicted {
            let about = vec![("weights".to_string(), crate::hdf5::Attribute::Text(net.config().name().into()))];
            write_samples(path, &Samples::new(samples.inputs.clone(), predicted.clone(), about)?)?;
            say(quiet, "output", path.display());
        }
        let sample = predicted.len() / samples.len();
        let drawn = Tensor::new(one.outputs.shape(), predicted.data()[self.sample * sample..][..sample].to_vec());
        let error = RelativeError::new(Norm::L2, one.sides());
        let off = error.mean(&Var::constant(drawn.clone()), &Var::constant(one.outputs.clone())).value().item();
        say(quiet, "error", format!("relative L2 {} in sample {}", significant(off.into()), self.sample));
        if let Some(path) = &self.plot {
            let (truth, mut prediction) =
                (Panel::new("truth", plane(&one.outputs)), Panel::new("prediction", plane(&drawn)));
            prediction.range = Some(truth.bounds());
            let difference = prediction.values.iter().zip(&truth.values).map(|(p, t)| p - t).collect();
            let all = [Panel::new("input", plane(&one.inputs)), truth, prediction, Panel::new("error", difference)];
            let title =
                format!("{}: sample {}, relative L2 error {}", self.data.name(), self.sample, significant(off.into()));
            plot::panels(path, &all, rows(&one), &title)?;
            say(quiet, "plot", path.display());
        }
        Ok(Done::Fully)
    }
}
