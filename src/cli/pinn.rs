//! `filet pinn`: a network for a differential equation, its points chosen as it learns; a comparison of samplers.

use super::outputs::{check_ending, check_folder};
use super::progress::Progress;
use super::settings::one_of;
use super::{Done, cite, interrupt, pinn_pictures, print_data, say};
use crate::error::{Error, Result};
use crate::file::write_atomic;
use crate::pinn::{
    Activation, Approximation, Ending, FeatureConfig, FeatureRun, MlpConfig, OptimizerKind, Problem, REFERENCE_CELLS,
    Run, RunConfig, SamplerKind, finite_element_solution, problems, read_problem,
};
use crate::report::format::{count, counted, seconds, significant};
use crate::report::plot::{self, Curve, CurvesPlot, Panel};
use crate::report::table::Table;
use clap::Args;
use clap::builder::TypedValueParser;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Solve a differential equation by a network (PINN) with adaptive sampling
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  filet pinn poisson --depth 2 --width 10 --points 1200 --steps 40 --plots poisson
  filet pinn burgers --sampler rad --points 2000 --checkpoint burgers.checkpoint
  filet pinn one-peak --network features --csv history.csv
  filet pinn poisson --compare uniform,rad,quadtree --steps 50 --plots samplers")]
pub(super) struct Pinn {
    /// Problem file (.toml, docs/pinn.md) or one of: poisson, one-peak, two-peak, ten, parametric, helmholtz, l-shape, diffusion, burgers, allen-cahn, wave, diffusivity
    #[arg(value_name = "PROBLEM")]
    problem: String,

    /// mlp, a multilayer perceptron; or features: least squares on random local features, in boxes that are halved by the residual
    #[arg(long, value_name = "NAME", default_value = "mlp", value_parser = network(), hide_possible_values = true)]
    network: Network,

    /// How the points where the residual is taken are chosen [default: quadtree; uniform above 3 dimensions]
    #[arg(long, value_name = "NAME", value_parser = sampler())]
    sampler: Option<SamplerKind>,

    /// How the network learns [default: lm; adam above 3 dimensions]
    #[arg(long, value_name = "NAME", value_parser = optimizer())]
    optimizer: Option<OptimizerKind>,

    /// Points inside; of quadtree and features at most: their boxes begin with fewer and grow up to them [default: 2000; 20000 for features]
    #[arg(long, value_name = "N")]
    points: Option<usize>,

    /// Points of each soft condition
    #[arg(long, value_name = "N", default_value_t = 400)]
    boundary_points: usize,

    /// Steps of the optimizer; for features, sets of boxes at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    steps: usize,

    /// Steps from one choice of points to the next; 0 keeps the first points
    #[arg(long, value_name = "N", default_value_t = 10)]
    refresh_every: usize,

    /// Hidden layers of mlp
    #[arg(long, value_name = "N", default_value_t = 3)]
    depth: usize,

    /// Neurons of a hidden layer; features of a box
    #[arg(long, value_name = "N", default_value_t = 16)]
    width: usize,

    /// Activation of mlp
    #[arg(long, value_name = "NAME", default_value = "tanh", value_parser = activation())]
    activation: Activation,

    /// Random Fourier features beside the coordinates, of mlp
    #[arg(long, value_name = "N", default_value_t = 0)]
    waves: usize,

    /// Weigh points that das, aas and aas-exact draw by one over their density: the loss is then that of uniform points
    #[arg(long)]
    weighted: bool,

    /// Compute the network in single precision, in six tenths of the time; enough for adam, not for lm near the end
    #[arg(long)]
    single: bool,

    /// Learning rate of adam at the beginning; it falls to 0 as a cosine
    #[arg(long, value_name = "X", default_value_t = 1e-3)]
    learning_rate: f64,

    /// Seed of weights and points
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Save the state here every --checkpoint-every steps, and on Ctrl-C
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// Steps from one checkpoint to the next
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    checkpoint_every: u32,

    /// Go on from the checkpoint of a run with the same options
    #[arg(long, requires = "checkpoint")]
    resume: bool,

    /// Draw the solution, error, residual, points, density, convergence and a strip of the points as it went: PREFIX_solution.png and so on (plane problems); with --compare the errors, PREFIX_compare.png
    #[arg(long, value_name = "PREFIX")]
    plots: Option<PathBuf>,

    /// Write loss and error by step as CSV (.csv); with --compare the table
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// Run these samplers, separated by commas, with everything else equal; prints a table
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = sampler(), hide_possible_values = true)]
    #[arg(conflicts_with_all = ["sampler", "checkpoint", "resume", "network"])]
    compare: Vec<SamplerKind>,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

fn sampler() -> impl TypedValueParser<Value = SamplerKind> {
    one_of(SamplerKind::ALL, SamplerKind::name)
}

fn optimizer() -> impl TypedValueParser<Value = OptimizerKind> {
    one_of(OptimizerKind::ALL, OptimizerKind::name)
}

/// What u is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    Mlp,
    Features,
}

fn network() -> impl TypedValueParser<Value = Network> {
    one_of([Network::Mlp, Network::Features], |n| if n == Network::Mlp { "mlp" } else { "features" })
}

fn activation() -> impl TypedValueParser<Value = Activation> {
    one_of([Activation::Tanh, Activation::Sine, Activation::Gelu], |a| match a {
        Activation::Tanh => "tanh",
        Activation::Sine => "sine",
        Activation::Gelu => "gelu",
    })
}

/// What a run came to.
pub(super) struct Trained {
    pub ending: Ending,
    /// Steps and relative L2 errors.
    pub errors: Vec<[f64; 2]>,
    /// Where the points were as it went; of problems in the plane.
    pub moments: Vec<Panel>,
    pub seconds: f64,
}

/// Errors are measured so often in a run.
const MEASURED: usize = 20;
/// Of these, one in so many is kept as a picture of the points.
const KEPT: usize = 4;

/// Looks at a run after every step.
struct Watch<'p> {
    progress: &'p Progress,
    steps: usize,
    began: Instant,
    errors: Vec<[f64; 2]>,
    measured: usize,
    moments: Vec<Panel>,
    /// Seconds of measuring, which are not part of the time.
    measuring: f64,
}

impl<'p> Watch<'p> {
    fn new(progress: &'p Progress, steps: usize) -> Self {
        interrupt::install();
        progress.steps(steps);
        let (began, errors, moments) = (Instant::now(), Vec::new(), Vec::new());
        Watch { progress, steps, began, errors, measured: 0, moments, measuring: 0.0 }
    }

    fn step(&mut self, run: &dyn Approximation) -> ControlFlow<()> {
        let step = run.step();
        self.progress.step(step, run.losses().last().copied().unwrap_or(f64::NAN) as f32);
        if step.is_multiple_of(self.steps.div_ceil(MEASURED)) || step == self.steps {
            let began = Instant::now();
            self.errors.extend(run.score().map(|s| [step as f64, s.relative_l2]));
            if run.problem().dimension() == 2 && self.measured.is_multiple_of(KEPT) {
                self.moments.push(pinn_pictures::crowd(run));
            }
            self.measured += 1;
            self.measuring += began.elapsed().as_secs_f64();
        }
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn trained(self, ending: Ending) -> Trained {
        let moments = self.moments;
        Trained { ending, errors: self.errors, moments, seconds: self.began.elapsed().as_secs_f64() - self.measuring }
    }
}

impl Pinn {
    /// What --cite names.
    pub(super) fn references(&self) -> Vec<&'static str> {
        let optimizer: &[&str] = match self.optimizer {
            None | Some(OptimizerKind::Lm) => &["marquardt1963", "mueller2023"],
            Some(OptimizerKind::Adam) => &["kingma2015"],
            Some(OptimizerKind::Lbfgs) => &["liu1989"],
            Some(OptimizerKind::Broyden) => &["urban2025"],
        };
        let samplers = self.sampler.iter().chain(&self.compare).flat_map(|&kind| cite::sampler(kind));
        ["raissi2019"].iter().chain(optimizer).chain(samplers).copied().collect()
    }

    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            let value = self.learning_rate.to_string();
            let what = "give a positive number".into();
            return Err(Error::Option { option: "--learning-rate".into(), value, what });
        }
        check_ending(self.csv.as_deref(), "--csv", &["csv"])?;
        check_ending(self.checkpoint.as_deref(), "--checkpoint", &[])?;
        self.plots.as_deref().map_or(Ok(()), check_folder)?;
        let is_file = self.problem.ends_with(".toml");
        let mut problem = if is_file { read_problem(&self.problem)? } else { problems::builtin(&self.problem)? };
        if problem.exact.is_none() {
            problem.exact = finite_element_solution(&problem, REFERENCE_CELLS)?;
            if problem.exact.is_some() {
                let cells = if problem.mesh.is_some() { "the refined mesh" } else { "255 x 255 x 2 triangles" };
                say(quiet, "reference", format!("a finite element solution of degree 2 on {cells}"));
            }
        }
        if self.compare.is_empty() { self.run_one(&problem, quiet) } else { self.run_compare(&problem, quiet) }
    }

    fn config(&self, problem: &Problem, sampler: Option<SamplerKind>) -> RunConfig {
        let high = problem.dimension() > 3;
        let net = MlpConfig {
            depth: self.depth,
            width: self.width,
            activation: self.activation,
            waves: self.waves,
            ..MlpConfig::default()
        };
        RunConfig {
            net,
            sampler: sampler.unwrap_or(if high { SamplerKind::Uniform } else { SamplerKind::Quadtree }),
            optimizer: self.optimizer.unwrap_or(if high { OptimizerKind::Adam } else { OptimizerKind::Lm }),
            points: self.points.unwrap_or(2000),
            boundary_points: self.boundary_points,
            steps: self.steps,
            refresh_every: self.refresh_every,
            weighted: self.weighted,
            single: self.single,
            learning_rate: self.learning_rate,
            seed: self.seed,
        }
    }

    /// Runs to the end, with progress and checkpoints.
    fn train(&self, run: &mut Run, progress: &Progress) -> Result<Trained> {
        let mut watch = Watch::new(progress, self.steps);
        let ending = run.advance(&mut |run| {
            let flow = watch.step(run);
            if let Some(path) = &self.checkpoint
                && (flow.is_break() || run.step().is_multiple_of(self.checkpoint_every as usize))
            {
                run.write_checkpoint(path)?;
            }
            Ok(flow)
        })?;
        Ok(watch.trained(ending))
    }

    fn run_one(&self, problem: &Problem, quiet: bool) -> Result<Done> {
        pinn_pictures::check(self.plots.as_deref(), problem)?;
        let progress = Progress::new(quiet);
        let begin = |net: String, method: String| {
            progress.say(|| {
                let domain = format!("{}-D, volume {}", problem.dimension(), significant(problem.domain.measure()));
                say(quiet, "problem", format!("{}   {domain}", self.problem));
                say(quiet, "net", net);
                say(quiet, "method", method);
            });
        };
        if self.network == Network::Features {
            self.refuse_beside_features()?;
            let config = FeatureConfig {
                features: self.width,
                points: self.points.unwrap_or(20_000),
                boundary_points: self.boundary_points,
                steps: self.steps,
                seed: self.seed,
            };
            let mut run = FeatureRun::new(problem, config)?;
            begin(
                format!("{} random features a box", self.width),
                "least squares, boxes halved by the residual".into(),
            );
            let mut watch = Watch::new(&progress, self.steps);
            let ending = run.advance(&mut |run| Ok(watch.step(run)))?;
            let result = watch.trained(ending);
            return self.report(&run, &result, ["quadtree", "least-squares"], &progress, quiet);
        }
        let mut run = Run::new(problem, self.config(problem, self.sampler))?;
        if let Some(path) = self.checkpoint.as_ref().filter(|_| self.resume) {
            run.read_checkpoint(path)?;
        }
        let names = [run.config().sampler.name(), run.config().optimizer.name()];
        let net = format!("{} x {} {:?}", self.depth, self.width, self.activation).to_lowercase();
        let precision = if self.single { "single" } else { "double" };
        begin(
            format!("{net}, {} numbers in {precision} precision", count(run.parameters() as u64)),
            format!("{}, points by {}", names[1], names[0]),
        );
        let result = self.train(&mut run, &progress)?;
        self.report(&run, &result, names, &progress, quiet)
    }

    fn refuse_beside_features(&self) -> Result<()> {
        let given = [
            ("--sampler", self.sampler.is_some()),
            ("--optimizer", self.optimizer.is_some()),
            ("--checkpoint", self.checkpoint.is_some()),
            ("--single", self.single),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(Error::Option {
                option: "--network".into(),
                value: "features".into(),
                what: format!("has its own points and its own solver, and takes no {option}"),
            }),
            None => Ok(()),
        }
    }

    /// Says and writes what came out.
    fn report(
        &self,
        run: &dyn Approximation,
        result: &Trained,
        [sampler, optimizer]: [&str; 2],
        progress: &Progress,
        quiet: bool,
    ) -> Result<Done> {
        progress.finish();
        let score = run.score();
        let loss = run.losses().last().copied().unwrap_or(f64::NAN);
        let points = count(run.cloud().weights.len() as u64);
        let steps = counted(run.step() as u64, "step");
        say(quiet, "loss", format!("{} after {steps}, {points} points", significant(loss)));
        for (name, value) in run.unknowns() {
            say(quiet, "found", format!("{name} = {value:.6}"));
        }
        match score {
            Some(s) => {
                let [l2, most] = [s.relative_l2, s.max_error].map(significant);
                say(quiet, "error", format!("relative L2 {l2}, max {most}"));
            }
            None => {
                say(quiet, "error", "not known: no exact solution is given, and finite elements do not solve this one")
            }
        }
        match result.ending {
            Ending::Finished => {}
            Ending::Stuck(why) => say(quiet, "ended", format!("after step {}: {why}", run.step())),
            Ending::Stopped => {
                say(quiet, "stopped", format!("after step {}; --resume goes on from a checkpoint", run.step()))
            }
        }
        let mut written = Vec::new();
        if let Some(path) = &self.csv {
            write_history(path, run.losses(), &result.errors)?;
            written.push(path.display().to_string());
        }
        if let Some(prefix) = &self.plots {
            written.extend(pinn_pictures::write(prefix, run, &result.errors, &result.moments)?);
        }
        if !written.is_empty() {
            say(quiet, "output", written.join(", "));
        }
        say(quiet, "total", seconds(result.seconds));
        if self.json {
            let unknowns: serde_json::Map<_, _> =
                run.unknowns().into_iter().map(|(name, v)| (name.to_string(), v.into())).collect();
            let object = serde_json::json!({
                "command": "pinn",
                "input": self.problem,
                "dimension": run.problem().dimension(),
                "relative_l2": score.map(|s| s.relative_l2),
                "max_error": score.map(|s| s.max_error),
                "seconds": result.seconds,
                "sampler": sampler,
                "optimizer": optimizer,
                "parameters": run.parameters(),
                "points": run.cloud().weights.len(),
                "steps": run.step(),
                "loss": loss,
                "unknowns": unknowns,
                "seed": self.seed,
                "threads": rayon::current_num_threads(),
                "outputs": written,
            });
            print_data(&object.to_string())?;
        }
        Ok(if result.ending == Ending::Stopped { Done::Partly } else { Done::Fully })
    }

    fn run_compare(&self, problem: &Problem, quiet: bool) -> Result<Done> {
        let mut table = Table::new(&["sampler", "relative_l2", "max_error", "loss", "points", "seconds"]);
        let (mut curves, mut rows) = (Vec::new(), Vec::new());
        let mut done = Done::Fully;
        let progress = Progress::new(quiet);
        for kind in &self.compare {
            let mut run = Run::new(problem, self.config(problem, Some(*kind)))?;
            let result = self.train(&mut run, &progress)?;
            let score = run.score();
            let written = |v: Option<f64>| v.map_or("-".into(), significant);
            let loss = run.losses().last().copied().unwrap_or(f64::NAN);
            table.row([
                kind.name().to_string(),
                written(score.map(|s| s.relative_l2)),
                written(score.map(|s| s.max_error)),
                significant(loss),
                run.cloud().weights.len().to_string(),
                format!("{:.1}", result.seconds),
            ]);
            let (x, y) = result.errors.iter().map(|[x, y]| (*x, *y)).unzip();
            curves.push(Curve::new(kind.name(), x, y));
            rows.push(serde_json::json!({ "sampler": kind.name(), "relative_l2": score.map(|s| s.relative_l2),
                "max_error": score.map(|s| s.max_error), "loss": loss, "seconds": result.seconds }));
            if result.ending == Ending::Stopped {
                done = Done::Partly;
                break;
            }
        }
        progress.finish();
        if let Some(path) = &self.csv {
            write_atomic(path, |w| w.write_all(table.csv().as_bytes()))?;
        }
        if let Some(prefix) = &self.plots {
            let title = format!("{}: relative L2 error", self.problem);
            let path = pinn_pictures::named(prefix, "compare");
            let axes = CurvesPlot { x_label: "step".into(), y_label: "error".into(), title, ..CurvesPlot::default() };
            plot::curves(&path, &curves, &axes)?;
        }
        match self.json {
            true => {
                print_data(&serde_json::json!({ "command": "pinn", "input": self.problem, "rows": rows }).to_string())?
            }
            false => print_data(table.to_string().trim_end())?,
        }
        Ok(done)
    }
}

fn write_history(path: &Path, losses: &[f64], errors: &[[f64; 2]]) -> Result<()> {
    write_atomic(path, |w| {
        writeln!(w, "step,loss,relative_l2")?;
        losses.iter().enumerate().try_for_each(|(k, loss)| {
            let error = errors.iter().find(|[step, _]| *step == (k + 1) as f64);
            writeln!(w, "{},{loss:e},{}", k + 1, error.map_or(String::new(), |[_, e]| format!("{e:e}")))
        })
    })
}
