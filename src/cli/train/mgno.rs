//! `filet train mgno`: operators from samples, with several seeds, progress, checkpoints, the loss as table and picture.

use super::{Course, Training, check_rate, checkpoint, no_checkpoint};
use crate::cli::progress::Progress;
use crate::cli::samples::SampleArgs;
use crate::cli::{Done, print_data, say, settings};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::mgno::{
    CycleConfig, FnoConfig, Form, MgNoConfig, NetConfig, Norm, Operator, RelativeError, SampleLoss, Samples, UNetConfig,
};
use crate::nn::{Backend, Boundary, Layer, Var, read_weights};
use crate::report::format::{count, seconds, significant};
use crate::train::{Schedule, TrainConfig};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Net {
    Mgno,
    Fno,
    Unet,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Faces {
    #[default]
    Zero,
    Reflect,
    Periodic,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum CycleForm {
    #[default]
    Published,
    Residual,
    Symmetric,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Loss {
    L2,
    H1,
}

/// Train an operator on samples: a multigrid neural operator, or a baseline
#[derive(Debug, Args)]
#[command(
    after_help = "The last samples are for the test, the others are trained on, by Adam with a one-cycle learning rate. Ctrl-C leaves a checkpoint beside the output; --resume goes on from it."
)]
pub(in crate::cli) struct Mgno {
    #[command(flatten)]
    data: SampleArgs,

    /// mgno: multigrid neural operator; fno: Fourier neural operator, in the plane; unet: U-Net
    #[arg(long, value_enum, default_value = "mgno", hide_possible_values = true)]
    net: Net,

    /// Channels between layers
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=512))]
    width: u16,

    /// Layers of mgno and fno [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    layers: Option<u16>,

    /// Levels of mgno's cycles and of unet [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=12))]
    levels: Option<u16>,

    /// Wave numbers of fno [default: 12]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=128))]
    modes: Option<u16>,

    /// Form of mgno's cycles [default: published]
    #[arg(long, value_enum)]
    form: Option<CycleForm>,

    /// What is beyond the faces, in mgno [default: zero]
    #[arg(long, value_enum)]
    boundary: Option<Faces>,

    /// Predict the change from input to output, in mgno
    #[arg(long)]
    skip: bool,

    /// The loss: relative error in this norm
    #[arg(long, value_enum, default_value = "h1")]
    loss: Loss,

    /// Passes over the samples
    #[arg(long, value_name = "N", default_value_t = 100)]
    epochs: u32,

    /// Samples a step
    #[arg(long, value_name = "N", default_value_t = 8)]
    batch: usize,

    /// The largest learning rate
    #[arg(long, value_name = "X", default_value_t = 1e-3)]
    learning_rate: f64,

    /// Samples for the test: the last ones
    #[arg(long, value_name = "N", default_value_t = 20)]
    test: usize,

    /// Mirror and turn samples at random; for operators that commute with that
    #[arg(long)]
    augment: bool,

    /// Seed of weights and order
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Train with so many seeds in turn, from --seed on, into FILE, FILE.1, ...
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    repeat: u16,

    /// The file to write (.safetensors)
    #[arg(short = 'o', long, value_name = "FILE")]
    weights: PathBuf,

    /// cpu, or cuda: the first NVIDIA GPU (mgno and unet)
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = settings::device(), hide_possible_values = true)]
    device: Device,

    #[command(flatten)]
    course: Course,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// Test errors of one seed.
struct Score {
    l2: f64,
    h1: f64,
}

impl Mgno {
    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        let clock = Instant::now();
        self.check()?;
        let backend = Backend::open(self.device)?;
        let progress = Progress::new(quiet);
        progress.phase("samples");
        let all = self.data.load(&progress)?;
        let first =
            all.len().checked_sub(self.test).filter(|n| *n >= self.batch && self.test > 0).ok_or_else(|| {
                let what = format!("of {} samples none would be left to train on or to test", all.len());
                Error::Option { option: "--test".into(), value: self.test.to_string(), what }
            })?;
        let outputs: Vec<PathBuf> = (0..u64::from(self.repeat)).map(|n| self.output(n)).collect();
        if self.course.resume && !outputs.iter().any(|output| checkpoint(output).exists()) {
            return no_checkpoint(&checkpoint(&outputs[0]));
        }
        let (training, test) = (all.part(0, first)?, all.part(first, all.len())?);
        let ready = seconds(clock.elapsed().as_secs_f64());
        progress.say(|| say(quiet, "samples", format!("{} to train, {} to test; ready in {ready}", first, test.len())));
        let mut scores = Vec::new();
        for repetition in 0..u64::from(self.repeat) {
            match self.one(repetition, [&training, &test], &backend, &progress, quiet)? {
                Some(score) => scores.push(score),
                None => return Ok(Done::Partly),
            }
        }
        progress.finish();
        let (l2, h1) = (spread(scores.iter().map(|s| s.l2)), spread(scores.iter().map(|s| s.h1)));
        if scores.len() > 1 {
            let text = |[mean, deviation]: [f64; 2]| format!("{} ± {}", significant(mean), significant(deviation));
            say(quiet, "error", format!("relative L2 {}, H1 {} over {} seeds", text(l2), text(h1), scores.len()));
        }
        if self.json {
            let object = serde_json::json!({
                "command": "train mgno",
                "input": self.data.name(),
                "samples": test.len(),
                "relative_l2": l2[0],
                "relative_l2_deviation": l2[1],
                "relative_h1": h1[0],
                "seeds": scores.len(),
                "seconds": clock.elapsed().as_secs_f64(),
            });
            print_data(&object.to_string())?;
        }
        Ok(Done::Fully)
    }

    /// Trains with one seed; nothing where it was stopped.
    fn one(
        &self,
        number: u64,
        [training, test]: [&Samples; 2],
        backend: &Backend,
        progress: &Progress,
        quiet: bool,
    ) -> Result<Option<Score>> {
        let clock = Instant::now();
        let seed = self.seed.wrapping_add(number);
        let output = self.output(number);
        // Of several seeds the first ones may be done, and the last ones not begun: neither has a checkpoint.
        let resume = self.course.resume && checkpoint(&output).exists();
        if self.course.resume && !resume && output.exists() {
            let weights = read_weights(&output)?;
            if weights.about["command"] == self.command(seed) {
                progress.say(|| say(quiet, "output", format!("{} is there already", output.display())));
                return Ok(Some(scored(&Operator::from_weights(&weights)?, test)));
            }
        }
        let config = self.config(training)?;
        config.check_device(self.device)?;
        let mut net = Operator::new(&config, training, seed)?;
        let numbers = count(net.parameters() as u64);
        let norm = match self.loss {
            Loss::L2 => Norm::L2,
            Loss::H1 => Norm::H1,
        };
        let mut objective = SampleLoss::new(training, norm, self.batch, self.augment, seed)?;
        let steps = self.epochs as usize * objective.steps_per_epoch();
        progress.say(|| {
            say(quiet, "net", format!("{}, {numbers} numbers; seed {seed}, {steps} steps", net.config().name()))
        });
        let run = serde_json::json!({ "command": self.command(seed) });
        let config = TrainConfig { steps, learning_rate: self.learning_rate, schedule: Schedule::OneCycle };
        let course = Training { output: &output, run: &run, resume, config: &config, backend };
        if !self.course.run(&course, &mut net, &mut objective, progress, quiet)? {
            return Ok(None);
        }
        let score = scored(&net, test);
        let time = clock.elapsed().as_secs_f64();
        let weights = net.weights(serde_json::json!({
            "command": self.command(seed),
            "test_relative_l2": score.l2,
            "test_relative_h1": score.h1,
            "seconds": time.round(),
        }));
        course.finish(&weights)?;
        progress.say(|| {
            let per_second = (steps * self.batch) as f64 / time;
            say(quiet, "test", format!("relative L2 {}, H1 {}", significant(score.l2), significant(score.h1)));
            let speed = format!("{} samples a second", significant(per_second));
            say(quiet, "output", format!("{}, {steps} steps in {}, {speed}", output.display(), seconds(time)));
        });
        Ok(Some(score))
    }

    fn config(&self, samples: &Samples) -> Result<NetConfig> {
        let ([inputs, outputs], dimension) = (samples.channels(), samples.dimension());
        let [width, layers, levels] = [self.width, self.layers(), self.levels()].map(usize::from);
        Ok(match self.net {
            Net::Mgno => {
                let form = match self.form.unwrap_or_default() {
                    CycleForm::Published => Form::Published,
                    CycleForm::Residual => Form::Residual,
                    CycleForm::Symmetric => Form::Symmetric,
                };
                let cycle = match form {
                    Form::Symmetric => CycleConfig::symmetric(dimension, levels),
                    _ => CycleConfig { form, ..CycleConfig::levels(dimension, levels) },
                };
                let boundary = match self.boundary.unwrap_or_default() {
                    Faces::Zero => Boundary::Zero,
                    Faces::Reflect => Boundary::Reflect,
                    Faces::Periodic => Boundary::Periodic,
                };
                let cycle = cycle.within(boundary);
                NetConfig::Mgno(MgNoConfig {
                    inputs,
                    outputs,
                    layers,
                    width,
                    cycle,
                    skip: self.skip,
                    ..MgNoConfig::default()
                })
            }
            Net::Fno if dimension != 2 => {
                let what = format!("the samples have {dimension} directions, this net is for the plane");
                return Err(Error::Option { option: "--net".into(), value: "fno".into(), what });
            }
            Net::Fno => NetConfig::Fno(FnoConfig { inputs, outputs, layers, width, modes: usize::from(self.modes()) }),
            Net::Unet => NetConfig::Unet(UNetConfig { dimension, inputs, outputs, levels, width }),
        })
    }

    /// The file of the seed of that number.
    fn output(&self, number: u64) -> PathBuf {
        match number {
            0 => self.weights.clone(),
            n => self.weights.with_extension(format!("{n}.safetensors")),
        }
    }

    fn check(&self) -> Result<()> {
        check_rate(self.learning_rate)?;
        // Options that the net would not look at.
        let shape: [(&str, bool, &[Net]); 6] = [
            ("--layers", self.layers.is_some(), &[Net::Mgno, Net::Fno]),
            ("--levels", self.levels.is_some(), &[Net::Mgno, Net::Unet]),
            ("--modes", self.modes.is_some(), &[Net::Fno]),
            ("--form", self.form.is_some(), &[Net::Mgno]),
            ("--boundary", self.boundary.is_some(), &[Net::Mgno]),
            ("--skip", self.skip, &[Net::Mgno]),
        ];
        for (option, given, nets) in shape {
            if given && !nets.contains(&self.net) {
                let what = format!(
                    "{option} is an option of {}: leave it out",
                    nets.iter().map(name).collect::<Vec<_>>().join(" and ")
                );
                return Err(Error::Option { option: "--net".into(), value: name(&self.net), what });
            }
        }
        self.course.check("--weights", &self.weights)
    }

    fn layers(&self) -> u16 {
        self.layers.unwrap_or(4)
    }

    fn levels(&self) -> u16 {
        self.levels.unwrap_or(5)
    }

    fn modes(&self) -> u16 {
        self.modes.unwrap_or(12)
    }

    /// What decides the weights: the same in every checkpoint of a run.
    fn command(&self, seed: u64) -> String {
        let Mgno { width, epochs, batch, learning_rate, test, .. } = self;
        let (layers, levels) = (self.layers(), self.levels());
        let shape = match self.net {
            Net::Mgno => {
                let (form, faces) = (name(&self.form.unwrap_or_default()), name(&self.boundary.unwrap_or_default()));
                let skip = if self.skip { " --skip" } else { "" };
                format!("mgno --layers {layers} --levels {levels} --form {form} --boundary {faces}{skip}")
            }
            Net::Fno => format!("fno --layers {layers} --modes {}", self.modes()),
            Net::Unet => format!("unet --levels {levels}"),
        };
        let (loss, augment) = (name(&self.loss), if self.augment { " --augment" } else { "" });
        format!(
            "filet train mgno {} --test {test} --net {shape} --width {width} --loss {loss} --epochs {epochs} --batch {batch} \
             --learning-rate {learning_rate}{augment} --seed {seed}",
            self.data.described()
        )
    }
}

/// As the command line has it.
fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|v| v.get_name().to_string()).unwrap_or_default()
}

fn scored(net: &Operator, test: &Samples) -> Score {
    let (predicted, truth) = (Var::constant(test.predict(net)), Var::constant(test.outputs.clone()));
    let error = |norm| f64::from(RelativeError::new(norm, test.sides()).mean(&predicted, &truth).value().item());
    Score { l2: error(Norm::L2), h1: error(Norm::H1) }
}

/// Mean and standard deviation.
fn spread(values: impl Iterator<Item = f64> + Clone) -> [f64; 2] {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let square = values.map(|v| (v - mean).powi(2)).sum::<f64>();
    [mean, if count > 1.0 { (square / (count - 1.0)).sqrt() } else { 0.0 }]
}
