//! A run: steps of the optimiser, new points from the sampler between them, errors, checkpoints.
//!
//! What is random is drawn from the seed and the number of the step, so a run that goes on from a checkpoint makes the same steps
//! as one that was never stopped.

use super::sampler::Sampler;
use super::{
    Approximation, Cloud, Mlp, MlpConfig, Objective, Problem, SamplerKind, Score, referee, residual_at, score,
    solution_at,
};
use crate::error::{Error, Place, Result};
use crate::file::write_atomic;
use crate::train::{
    AdamMinimiser, Broyden, Lbfgs, LeastSquares, LevenbergMarquardt, Minimiser, NewtonCg, Schedule, Step, Stuck,
    TrainConfig,
};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// The optimisers by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Levenberg–Marquardt, which is Gauss–Newton and the energy natural gradient as its damping goes to 0: dense up to 6000 unknowns,
    /// by conjugate gradients without a matrix above.
    #[default]
    Lm,
    /// Adam.
    Adam,
    /// L-BFGS.
    Lbfgs,
    /// Self-scaled Broyden.
    Broyden,
}

impl OptimizerKind {
    /// All of them.
    pub const ALL: [OptimizerKind; 4] =
        [OptimizerKind::Lm, OptimizerKind::Adam, OptimizerKind::Lbfgs, OptimizerKind::Broyden];

    /// As the command line calls it.
    pub fn name(self) -> &'static str {
        match self {
            OptimizerKind::Lm => "lm",
            OptimizerKind::Adam => "adam",
            OptimizerKind::Lbfgs => "lbfgs",
            OptimizerKind::Broyden => "broyden",
        }
    }
}

/// Settings of a [`Run`].
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// The network.
    pub net: MlpConfig,
    /// Where the residual is taken (default `quadtree`).
    pub sampler: SamplerKind,
    /// How θ moves (default `lm`).
    pub optimizer: OptimizerKind,
    /// Points inside (default 2000).
    pub points: usize,
    /// Points of each soft condition (default 400).
    pub boundary_points: usize,
    /// Steps of the optimiser (default 100).
    pub steps: usize,
    /// Steps from one choice of points to the next; 0 keeps the first (default 10).
    pub refresh_every: usize,
    /// Whether points drawn from a known density p (`das`, `aas`, `aas-exact`) get weights 1 / p, so that the loss is ∫ r²; published,
    /// all weigh the same and the loss is ∫ r² p (default false).
    pub weighted: bool,
    /// Whether the network is computed in single precision, in six tenths of the time: losses are right to six digits, enough for Adam but
    /// not for second-order methods near the end (default false).
    pub single: bool,
    /// Adam's rate at first; it falls to 0 as a cosine (default 1e-3).
    pub learning_rate: f64,
    /// Seed of weights and points.
    pub seed: u64,
}

impl Default for RunConfig {
    fn default() -> Self {
        RunConfig {
            net: MlpConfig::default(),
            sampler: SamplerKind::Quadtree,
            optimizer: OptimizerKind::Lm,
            points: 2000,
            boundary_points: 400,
            steps: 100,
            refresh_every: 10,
            weighted: false,
            single: false,
            learning_rate: 1e-3,
            seed: 0,
        }
    }
}

/// Points of the equation, and of a condition, at most.
pub(super) const MOST_POINTS: usize = 10_000_000;

/// Unknowns above which n² numbers are too many.
const DENSE: usize = 6000;

/// How [`Run::advance`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All steps are made.
    Finished,
    /// No step makes the loss smaller, on new points either.
    Stuck(Stuck),
    /// The observer asked for it.
    Stopped,
}

/// Random numbers of what happens at a step.
fn rng_of(seed: u64, step: usize, what: u64) -> Pcg64 {
    Pcg64::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (step as u64) << 8 ^ what)
}

/// A network being trained on a problem.
pub struct Run<'a> {
    problem: &'a Problem,
    config: RunConfig,
    net: Arc<Mlp>,
    theta: Vec<f64>,
    /// The equation's points, and those of each soft condition.
    clouds: Arc<Vec<Cloud>>,
    sampler: Box<dyn Sampler>,
    minimiser: Box<dyn Minimiser>,
    /// The loss of every step made.
    losses: Vec<f64>,
    referee: Cloud,
}

/// Called after every step; `Break` ends the run.
pub type RunObserver<'o> = dyn FnMut(&Run) -> Result<ControlFlow<()>> + 'o;

impl<'a> Run<'a> {
    /// At its first step.
    ///
    /// Errors: a sampler that does not suit the domain; no points or neurons, or far too many; a dense optimiser for too large a network.
    pub fn new(problem: &'a Problem, config: RunConfig) -> Result<Self> {
        let refuse = |option: &str, value: usize, what: &str| {
            Err(Error::Option { option: option.into(), value: value.to_string(), what: what.into() })
        };
        for (option, value, range) in [
            ("--points", config.points, 1..=MOST_POINTS),
            ("--boundary-points", config.boundary_points, 0..=MOST_POINTS),
            ("--width", config.net.width, 1..=1024),
            ("--depth", config.net.depth, 1..=64),
            ("--waves", config.net.waves, 0..=1024),
        ] {
            if !range.contains(&value) {
                return refuse(option, value, &format!("give a number from {} to {}", range.start(), range.end()));
            }
        }
        if !problem.conditions.is_empty() && config.boundary_points == 0 {
            return refuse("--boundary-points", 0, "the problem has soft conditions, which need points");
        }
        let bounds = problem.domain.bounds();
        let mut rng = rng_of(config.seed, 0, 1);
        let net = Mlp::new(&config.net, &bounds, &problem.periodic, &mut rng);
        let mut theta = net.initial(&mut rng);
        theta.extend(problem.unknowns.iter().map(|(_, start)| start));
        if config.optimizer == OptimizerKind::Broyden && theta.len() > DENSE {
            return refuse(
                "--width",
                config.net.width,
                &format!(
                    "{} unknowns are too many for a dense method (at most {DENSE}); take lm, adam or lbfgs",
                    theta.len()
                ),
            );
        }
        let mut sampler = config.sampler.build(&problem.domain, config.seed)?;
        let residual = |points: &[f64]| residual_at(problem, &net, &theta, points);
        let inside = sampler.start(&problem.domain, config.points, &residual, &mut rng);
        let on = |c: &super::Condition| Cloud::boundary(&problem.domain, &c.part, config.boundary_points, &mut rng);
        let clouds = std::iter::once(inside).chain(problem.conditions.iter().map(on)).collect();
        let minimiser: Box<dyn Minimiser> = match config.optimizer {
            OptimizerKind::Lm if theta.len() > DENSE => Box::new(NewtonCg::default()),
            OptimizerKind::Lm => Box::new(LevenbergMarquardt::default()),
            OptimizerKind::Lbfgs => Box::new(Lbfgs::default()),
            OptimizerKind::Broyden => Box::new(Broyden::default()),
            OptimizerKind::Adam => Box::new(AdamMinimiser::new(TrainConfig {
                steps: config.steps,
                learning_rate: config.learning_rate,
                schedule: Schedule::Cosine,
            })),
        };
        let referee = referee(problem);
        let (net, clouds) = (Arc::new(net), Arc::new(clouds));
        Ok(Run { problem, config, net, theta, clouds, sampler, minimiser, losses: Vec::new(), referee })
    }

    /// Makes the steps that are left.
    ///
    /// Errors: a loss that is not a number, with the points where the residual is not; the observer's.
    pub fn advance(&mut self, watch: &mut RunObserver) -> Result<Ending> {
        let mut stuck = None;
        while self.step() < self.config.steps {
            if self.is_refresh() {
                self.refresh();
            }
            let end = match self.config.refresh_every {
                0 => self.config.steps,
                every => self.config.steps.min((self.step() / every + 1) * every),
            };
            let (net, clouds) = (self.net.clone(), self.clouds.clone());
            let objective: Box<dyn LeastSquares> = if self.config.single {
                Box::new(Objective::<f32>::new(self.problem, &net, &clouds))
            } else {
                Box::new(Objective::<f64>::new(self.problem, &net, &clouds))
            };
            let begin = self.step();
            while self.step() < end {
                match self.minimiser.step(&*objective, &mut self.theta) {
                    Step::Stuck(_, Stuck::NotFinite) => return Err(self.not_finite()),
                    Step::Stuck(_, why) if end == self.config.steps || (stuck.is_some() && self.step() == begin) => {
                        return Ok(Ending::Stuck(why));
                    }
                    // On to new points: the steps up to there change nothing.
                    Step::Stuck(value, why) => {
                        stuck = Some(why);
                        self.losses.resize(end, value);
                    }
                    Step::Moved(value) => {
                        stuck = None;
                        self.losses.push(value);
                    }
                }
                if watch(self)?.is_break() {
                    return Ok(Ending::Stopped);
                }
            }
        }
        Ok(Ending::Finished)
    }

    fn is_refresh(&self) -> bool {
        let (step, every) = (self.step(), self.config.refresh_every);
        step > 0 && every > 0 && step.is_multiple_of(every)
    }

    /// New points.
    fn refresh(&mut self) {
        let (problem, net, theta) = (self.problem, &self.net, &self.theta);
        let residual = |points: &[f64]| residual_at(problem, net, theta, points);
        let mut rng = rng_of(self.config.seed, self.step(), 2);
        let mut cloud = self.sampler.refresh(&problem.domain, &self.clouds[0], &residual, &mut rng);
        if let Some(density) = self.sampler.density(&problem.domain, &cloud.points).filter(|_| self.config.weighted) {
            let whole: f64 = density.iter().map(|p| 1.0 / p).sum();
            cloud.weights = density.iter().map(|p| 1.0 / (p * whole)).collect();
        }
        if cloud != self.clouds[0] {
            Arc::make_mut(&mut self.clouds)[0] = cloud;
            self.minimiser.forget();
        }
    }

    fn not_finite(&self) -> Error {
        let points = &self.clouds[0].points;
        let r = residual_at(self.problem, &self.net, &self.theta, points);
        let bad = points.chunks_exact(self.problem.dimension()).zip(&r).filter(|(_, r)| !r.is_finite());
        let bad: Vec<String> = bad.take(3).map(|(x, r)| format!("{r} at {x:?}")).collect();
        let bad = if bad.is_empty() { "finite at all points, its square is not".into() } else { bad.join(", ") };
        Error::Problem {
            what: format!("the loss of step {} is not a number; the residual is {bad}", self.step()),
            help: "check the equation there, or take a smaller learning rate; the last checkpoint is as it was".into(),
        }
    }

    /// Its settings.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// What makes this run another than others; a checkpoint keeps it.
    fn description(&self) -> serde_json::Value {
        serde_json::json!({ "problem": self.problem.name, "config": self.config })
    }

    /// Writes all that the run goes on from: a line of JSON that says what run it is and how many numbers follow in each array,
    /// then these as f64, lowest byte first.
    ///
    /// Errors: a path that cannot be written.
    pub fn write_checkpoint(&self, path: impl AsRef<Path>) -> Result<()> {
        let (sampler, minimiser) = (self.sampler.state(), self.minimiser.state());
        let mut arrays: Vec<&[f64]> = vec![&self.theta, &self.losses, &sampler];
        self.clouds.iter().for_each(|c| arrays.extend([c.points.as_slice(), &c.normals, &c.weights]));
        arrays.extend(minimiser.iter().map(Vec::as_slice));
        let lengths: Vec<usize> = arrays.iter().map(|a| a.len()).collect();
        let head = serde_json::json!({ "filet": "pinn", "run": self.description(), "lengths": lengths });
        write_atomic(path, |w| {
            writeln!(w, "{head}")?;
            arrays.iter().copied().flatten().try_for_each(|v| w.write_all(&v.to_le_bytes()))
        })
    }

    /// Goes on from a checkpoint.
    ///
    /// Errors: no checkpoint, a damaged one, one of another run.
    pub fn read_checkpoint(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let bytes = std::fs::read(&path).map_err(|e| Error::io(&path, "read", e))?;
        let refuse = |what: String| {
            Error::file(&path, Place::File, what, "go on with the options the run began with, or begin anew")
        };
        let damaged = || refuse("is no checkpoint of a PINN, or a damaged one".into());
        let end = bytes.iter().position(|b| *b == b'\n').ok_or_else(damaged)?;
        let head: serde_json::Value = serde_json::from_slice(&bytes[..end]).map_err(|_| damaged())?;
        if head["run"] != self.description() {
            return Err(refuse(format!("is of the run {}, not {}", head["run"], self.description())));
        }
        let lengths: Vec<usize> = serde_json::from_value(head["lengths"].clone()).map_err(|_| damaged())?;
        let total = lengths.iter().try_fold(0usize, |sum, n| sum.checked_add(*n)).and_then(|n| n.checked_mul(8));
        if total != Some(bytes.len() - end - 1) || lengths.len() < 3 + 3 * self.clouds.len() {
            return Err(damaged());
        }
        let mut numbers = bytes[end + 1..].as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b));
        let mut arrays = lengths.iter().map(|n| numbers.by_ref().take(*n).collect::<Vec<f64>>());
        let mut next = || arrays.next().unwrap_or_default();
        let theta = next();
        if theta.len() != self.theta.len() {
            return Err(damaged());
        }
        self.theta = theta;
        self.losses = next();
        self.sampler.restore(next());
        let clouds =
            (0..self.clouds.len()).map(|_| Cloud { points: next(), normals: next(), weights: next() }).collect();
        self.clouds = Arc::new(clouds);
        self.minimiser.restore(arrays.collect());
        Ok(())
    }
}

impl Approximation for Run<'_> {
    fn problem(&self) -> &Problem {
        self.problem
    }

    fn losses(&self) -> &[f64] {
        &self.losses
    }

    fn cloud(&self) -> &Cloud {
        &self.clouds[0]
    }

    fn parameters(&self) -> usize {
        self.net.parameters()
    }

    fn unknowns(&self) -> Vec<(&str, f64)> {
        let names = self.problem.unknowns.iter().map(|(name, _)| name.as_str());
        names.zip(self.theta[self.net.parameters()..].iter().copied()).collect()
    }

    fn score(&self) -> Option<Score> {
        score(self.problem, &self.referee, |points| self.solution(points))
    }

    fn solution(&self, points: &[f64]) -> Vec<f64> {
        solution_at(self.problem, &self.net, &self.theta, points)
    }

    fn residual(&self, points: &[f64]) -> Vec<f64> {
        residual_at(self.problem, &self.net, &self.theta, points)
    }

    fn density(&self, points: &[f64]) -> Option<Vec<f64>> {
        self.sampler.density(&self.problem.domain, points)
    }
}
