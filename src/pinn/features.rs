//! Linear least squares on random local features, on boxes that are halved where the residual is.
//!
//! ```text
//! min over c of sum_i w_i r(x_i)²,   u = A + G N,   N = sum c φ        Gauss points x_i of every box, soft conditions beside
//! J d = -r(u),   c <- c + t d                                           Gauss-Newton, t = 1, 1/2, ... until the loss falls
//! ```
//!
//! The first boxes resolve the residual of u = A, which is that of the equation's data. One step solves this on the boxes there are;
//! for a linear equation once, else until the loss is that of the linear model. Then boxes are halved where ∫ r² is, taken at the Gauss
//! points of their halves, which no row was made of. Boxes that were halved then keep their features, so that the space grows.

use super::boxes::{Boxes, Leaf, bulk, gauss_legendre};
use super::least_squares::{Block, least_squares};
use super::local::{Features, Local};
use super::run::MOST_POINTS;
use super::{Approximation, Cloud, Ending, Problem, Residual, Score, Site, referee, score};
use crate::error::{Error, Result};
use faer::Mat;
use rand::SeedableRng;
use rand_pcg::Pcg64;
use rayon::prelude::*;
use std::ops::ControlFlow;

/// Share of ∫ r² in the boxes that are halved.
const BULK: f64 = 0.9;
/// How well the first boxes resolve the equation's data: what they leave of ∫ r².
const RESOLVED: f64 = 1e-12;
/// Points for a feature, at least.
const OVER: f64 = 3.5;
/// Gauss–Newton steps on one set of boxes at most, halvings of one, and how close the loss is to that of the linear model at the end.
const NEWTON: usize = 20;
const HALVINGS: i32 = 12;
const LINEAR: f64 = 0.01;

/// Settings of a [`FeatureRun`].
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureConfig {
    /// Features of a box (default 16).
    pub features: usize,
    /// Points inside at most (default 20 000).
    pub points: usize,
    /// Points of each soft condition (default 400).
    pub boundary_points: usize,
    /// Sets of boxes, each halved from the last, at most (default 20).
    pub steps: usize,
    /// Seed of the features and of points on the boundary.
    pub seed: u64,
}

impl Default for FeatureConfig {
    fn default() -> Self {
        FeatureConfig { features: 16, points: 20_000, boundary_points: 400, steps: 20, seed: 0 }
    }
}

/// Local features being fitted to a problem.
pub struct FeatureRun<'a> {
    problem: &'a Problem,
    config: FeatureConfig,
    /// The boxes that points are in.
    leaves: Boxes,
    /// The solution so far: features on these boxes and on all that they were halved from.
    local: Local,
    /// Gauss points a direction in a box.
    rule: Vec<(f64, f64)>,
    /// The equation's points, and those of each soft condition.
    clouds: Vec<Cloud>,
    /// The loss after every step.
    losses: Vec<f64>,
    referee: Cloud,
}

/// Points of one term in one box.
struct Group<'a> {
    residual: &'a dyn Residual,
    leaf: usize,
    points: Vec<f64>,
    normals: Vec<f64>,
    /// γ w
    weights: Vec<f64>,
}

fn refuse<T>(option: &str, value: impl ToString, what: impl Into<String>) -> Result<T> {
    Err(Error::Option { option: option.into(), value: value.to_string(), what: what.into() })
}

impl<'a> FeatureRun<'a> {
    /// Before its first step.
    ///
    /// Errors: more than 3 dimensions, unknown coefficients, no features or far too many, too few points.
    pub fn new(problem: &'a Problem, config: FeatureConfig) -> Result<Self> {
        let d = problem.dimension();
        if d > 3 {
            return refuse("--network", "features", format!("has boxes in up to 3 dimensions, not {d}; take mlp"));
        }
        if let Some((name, _)) = problem.unknowns.first() {
            return refuse("--network", "features", format!("finds no coefficients such as {name}; take mlp"));
        }
        for (option, value, range) in [
            ("--width", config.features, 1..=1024),
            ("--points", config.points, 1..=MOST_POINTS),
            ("--boundary-points", config.boundary_points, 0..=MOST_POINTS),
        ] {
            if !range.contains(&value) {
                return refuse(option, value, format!("give a number from {} to {}", range.start(), range.end()));
            }
        }
        if !problem.conditions.is_empty() && config.boundary_points == 0 {
            return refuse("--boundary-points", 0, "the problem has soft conditions, which need points");
        }
        let side = (OVER * config.features as f64).powf(1.0 / d as f64).ceil() as usize;
        let least = (4 * side).pow(d as u32);
        if config.points < least {
            let what =
                format!("{} features a box need {least} points at first, in 4 boxes a direction", config.features);
            return refuse("--points", config.points, what);
        }
        let mut level = 2;
        while (2 * side.pow(d as u32)) << ((level + 1) * d) <= config.points && level < 3 {
            level += 1;
        }
        let mut rng = Pcg64::seed_from_u64(config.seed);
        let features = Features::new(config.features, d, &mut rng);
        let boxes = Boxes::even(&problem.domain, 1 << level);
        let coefficients = vec![0.0; boxes.leaves.len() * features.len()];
        let local = Local { boxes, features, periodic: problem.periodic.clone(), coefficients };
        let on = |c: &super::Condition| Cloud::boundary(&problem.domain, &c.part, config.boundary_points, &mut rng);
        let clouds = std::iter::once(Cloud::default()).chain(problem.conditions.iter().map(on)).collect();
        let rule = gauss_legendre(side);
        let (leaves, losses, referee) = (local.boxes.clone(), Vec::new(), referee(problem));
        let mut run = FeatureRun { problem, config, leaves, local, rule, clouds, losses, referee };
        // Of u = A: the data of the equation.
        let mut boxes = run.leaves.clone();
        let most = run.config.points / side.pow(d as u32);
        boxes.resolve(&problem.domain, &run.rule, &|x| run.residual(x), RESOLVED, most);
        run.local.coefficients = vec![0.0; boxes.leaves.len() * run.local.features.len()];
        (run.local.boxes, run.leaves) = (boxes.clone(), boxes);
        Ok(run)
    }

    /// Makes the steps that are left, until there is no room for more points.
    ///
    /// Errors: a residual that is not a number; the observer's.
    pub fn advance(&mut self, watch: &mut dyn FnMut(&Self) -> Result<ControlFlow<()>>) -> Result<Ending> {
        while self.losses.len() < self.config.steps {
            if !self.losses.is_empty() && !self.refine() {
                break;
            }
            self.solve()?;
            if watch(self)?.is_break() {
                return Ok(Ending::Stopped);
            }
        }
        Ok(Ending::Finished)
    }

    /// Halves boxes by the residual; whether there was room.
    fn refine(&mut self) -> bool {
        let d = self.problem.dimension();
        let room = self.config.points / self.rule.len().pow(d as u32);
        let most = room.saturating_sub(self.leaves.leaves.len()) / ((1 << d) - 1);
        let rule = gauss_legendre(self.rule.len() / 2 + 1);
        let residual = |x: &[f64]| self.residual(x);
        let shares = self.leaves.integrals(&self.problem.domain, &rule, &residual, |leaf| self.leaves.children(leaf));
        let marked = bulk(&shares, BULK, most);
        let mut leaves = self.leaves.clone();
        leaves.halve(&marked);
        leaves.grade();
        if leaves == self.leaves || leaves.leaves.len() > room {
            return false;
        }
        self.leaves = leaves;
        true
    }

    /// The points of every box and term.
    fn groups(&mut self) -> Vec<Group<'a>> {
        let (problem, d, boxes) = (self.problem, self.problem.dimension(), &self.leaves);
        let (mut inside, mut groups) = (Cloud::default(), Vec::new());
        for (leaf, b) in boxes.leaves.iter().enumerate() {
            let (mut points, mut weights) = (Vec::new(), Vec::new());
            boxes.gauss(&problem.domain, b, &self.rule, (&mut points, &mut weights));
            weights.iter_mut().for_each(|w| *w /= problem.domain.measure());
            inside.points.extend(&points);
            inside.weights.extend(&weights);
            groups.push(Group {
                residual: problem.equation.as_ref(),
                leaf,
                normals: vec![0.0; points.len()],
                points,
                weights,
            });
        }
        for (condition, cloud) in problem.conditions.iter().zip(&self.clouds[1..]) {
            for (leaf, b) in boxes.leaves.iter().enumerate() {
                let within =
                    |x: &[f64]| (0..d).all(|i| (x[i] - b.middle[i]).abs() <= boxes.half(b.level, i) * (1.0 + 1e-12));
                let (mut points, mut normals, mut weights) = (Vec::new(), Vec::new(), Vec::new());
                let all = cloud.points.chunks_exact(d).zip(cloud.normals.chunks_exact(d)).zip(&cloud.weights);
                for ((x, n), w) in all.filter(|((x, _), _)| within(x)) {
                    points.extend(x);
                    normals.extend(n);
                    weights.push(condition.weight * w);
                }
                groups.push(Group { residual: condition.residual.as_ref(), leaf, points, normals, weights });
            }
        }
        self.clouds[0] = inside;
        groups.retain(|g| !g.weights.is_empty());
        groups
    }

    /// `visit(∂r by the channels of N, r, √(γ w))` meets every point of a group, for the solution so far.
    fn linearise(&self, group: &Group, mut visit: impl FnMut(&[f64], f64, f64)) {
        let (problem, d, channels) = (self.problem, self.problem.dimension(), self.problem.channels());
        let n = self.local.evaluate(&group.points, &problem.forms, true);
        let lifts = problem.lifts(&group.points);
        let (mut u, mut by_u, mut by_n) = (vec![0.0; channels], vec![0.0; channels], vec![0.0; channels]);
        for (i, w) in group.weights.iter().enumerate() {
            let x = &group.points[i * d..(i + 1) * d];
            let lift = lifts.get(i * 2 * channels..(i + 1) * 2 * channels).unwrap_or(&[]);
            let n = &n[i * channels..(i + 1) * channels];
            problem.lifted(lift, n, &mut u);
            by_u.fill(0.0);
            let site = Site { x, normal: &group.normals[i * d..(i + 1) * d] };
            let r = group.residual.residual(site, &u, &[], &mut by_u);
            problem.pulled(lift, &by_u, &mut by_n);
            visit(&by_n, r, w.sqrt());
        }
    }

    /// ½ Σ γ w r²
    fn loss(&self, groups: &[Group]) -> f64 {
        let of = |group: &Group| {
            let mut sum = 0.0;
            self.linearise(group, |_, r, scale| sum += 0.5 * (scale * r).powi(2));
            sum
        };
        groups.par_iter().map(of).collect::<Vec<_>>().iter().sum()
    }

    fn block(&self, group: &Group) -> Block {
        let (channels, features) = (self.problem.channels(), self.local.features.len());
        let leaf = &self.leaves.leaves[group.leaf];
        let halves: Vec<f64> = (0..leaf.middle.len()).map(|i| self.leaves.half(leaf.level, i)).collect();
        let boxes = self.local.reaching(&leaf.middle, &halves);
        let (mut seeds, mut right) = (Vec::with_capacity(group.weights.len() * channels), Vec::new());
        self.linearise(group, |by_n, r, scale| {
            seeds.extend(by_n.iter().map(|p| scale * p));
            right.push(-scale * r);
        });
        let mut j = Mat::zeros(group.weights.len(), boxes.len() * features);
        for (b, leaf) in boxes.iter().enumerate() {
            let rows = self.local.rows(*leaf, &group.points, &self.problem.forms, &seeds);
            j.as_mut().subcols_mut(b * features, features).copy_from(&rows);
        }
        Block { boxes, j, right }
    }

    /// One step on these boxes.
    fn solve(&mut self) -> Result<()> {
        let groups = self.groups();
        // The boxes there were stay, so that no refinement takes a function away.
        let known = &self.local.boxes.leaves;
        let added: Vec<Leaf> = self.leaves.leaves.iter().filter(|leaf| !known.contains(leaf)).cloned().collect();
        self.local.boxes.leaves.extend(added);
        let per_box = self.local.features.len();
        let n = self.local.boxes.leaves.len() * per_box;
        self.local.coefficients.resize(n, 0.0);
        let mut loss = self.loss(&groups);
        if !loss.is_finite() {
            return Err(self.not_finite());
        }
        for _ in 0..NEWTON {
            let blocks: Vec<Block> = groups.par_iter().map(|group| self.block(group)).collect();
            let (change, model) = least_squares(&blocks, n, per_box)?;
            let before = std::mem::take(&mut self.local.coefficients);
            // c <- c + t change, t = 1, 1/2, ...
            let shorter = (0..HALVINGS).find_map(|k| {
                let t = 0.5f64.powi(k);
                self.local.coefficients = before.iter().zip(&change).map(|(c, d)| c + t * d).collect();
                let now = self.loss(&groups);
                (now < loss).then_some(now)
            });
            let Some(now) = shorter else {
                self.local.coefficients = before;
                break;
            };
            loss = now;
            if loss - model <= LINEAR * model {
                break;
            }
        }
        self.losses.push(loss);
        Ok(())
    }

    fn not_finite(&self) -> Error {
        let points = &self.clouds[0].points;
        let r = self.residual(points);
        let bad = points.chunks_exact(self.problem.dimension()).zip(&r).find(|(_, r)| !r.is_finite());
        let bad = bad.map_or("on the boundary".into(), |(x, r)| format!("{r} at {x:?}"));
        Error::Problem {
            what: format!("the residual of step {} is not a number: {bad}", self.losses.len()),
            help: "check the equation there".into(),
        }
    }
}

impl Approximation for FeatureRun<'_> {
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
        self.local.coefficients.len()
    }

    fn score(&self) -> Option<Score> {
        score(self.problem, &self.referee, |points| self.solution(points))
    }

    fn solution(&self, points: &[f64]) -> Vec<f64> {
        let channels = self.problem.channels();
        let mut u = self.local.evaluate(points, &[], false);
        for (u, lift) in u.iter_mut().zip(self.problem.lifts(points).chunks_exact(2 * channels)) {
            *u = lift[0] + lift[channels] * *u;
        }
        u
    }

    fn residual(&self, points: &[f64]) -> Vec<f64> {
        let d = self.problem.dimension();
        let of = |points: &[f64]| {
            let weights = vec![1.0; points.len() / d];
            let (residual, normals) = (self.problem.equation.as_ref(), vec![0.0; points.len()]);
            let group = Group { residual, leaf: 0, points: points.to_vec(), normals, weights };
            let mut out = Vec::with_capacity(points.len() / d);
            self.linearise(&group, |_, r, _| out.push(r));
            out
        };
        points.par_chunks(64 * d).flat_map_iter(of).collect()
    }
}
