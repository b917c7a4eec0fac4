//! The multigrid layer W: a linear map of images of several channels, as one V-cycle with learned kernels.
//!
//! ```text
//! smooth  u <- u + S (f − A u)           νₗ times on level l, u = 0 at first: u <- S f
//! down    f₊ <- R f, u₊ <- Π u           published;  f₊ <- R (f − A u), u₊ <- 0 in the other forms
//! up      u <- u + P u₊                  from the coarsest level to the finest
//! post    u <- u + S (f − A u)           ν'ₗ times
//! ```
//!
//! | symbol | name here | what |
//! |---|---|---|
//! | f, u | | images `[batch, n0, n1, n2, channels]`, n_f and n channels on every level |
//! | νₗ, ν'ₗ | [`CycleConfig::smoothing`] | smoothing steps before and after, level by level, the finest first |
//! | A, S | `Step` | kernels of 3 × 3, n → n_f and n_f → n |
//! | R, Π | `Transfer` | kernels of 3 × 3 with stride 2, n_f → n_f and n → n |
//! | P | `Transfer` | transpose of a convolution of 4 × 4 with stride 2 |
//!
//! Source: J. He, X. Liu and J. Xu, *MgNO: efficient parameterization of linear operators via multigrid*, ICLR 2024,
//! arXiv:2310.19809, §3 and algorithm 1.
//!
//! Three forms. *Published*: the authors' program, which restricts f itself, and whose every step owns its A. *Residual*: the
//! algorithm of the paper and of multigrid, one A a level, the residual restricted. *Symmetric*: in addition R = Pᵀ, A = KᵀK and
//! post-smoothing with Sᵀ in the reverse order, so that W = Wᵀ for all weights, and positive definite as long as ‖I − S A‖_A < 1
//! on every level, where it begins.
//!
//! Departures:
//! 1. One, two or three directions. A side of n cells has (n + 2 margin − 3) / 2 + 1 below, and P gives back n of any n: the
//!    kernel's last cells that lie outside are dropped.
//! 2. The boundary holds in every kernel, P among them. The authors' periodic nets have zeros around P.
//! 3. The Helmholtz net of the authors has an A in the first step, 11 241 numbers in all, that it never uses; here is none.

use super::lattice::{Lattice, sides};
use super::stencil::{Stencil, normalise, sides_of};
use crate::error::{Error, Result};
use crate::nn::ops::{add, sub};
use crate::nn::{Boundary, Layer, Param, Tape, Tensor, Var};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// What is restricted, and what belongs to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// As the authors' program.
    #[default]
    Published,
    /// As the paper's algorithm: the residual is restricted.
    Residual,
    /// W = Wᵀ.
    Symmetric,
}

/// The shape of a cycle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CycleConfig {
    /// Directions: 1, 2 or 3 (default 2).
    pub dimension: usize,
    /// The form (default published).
    pub form: Form,
    /// (νₗ, ν'ₗ) of every level (default five levels of (1, 0), (2, 0) on the coarsest). Equal in the symmetric form.
    pub smoothing: Vec<[usize; 2]>,
    /// Sides of the kernels of P, the finest first; the last counts for all further levels (default 4).
    pub prolongation: Vec<usize>,
    /// What is beyond the two faces of each of the three directions; those in use are the last (default zero).
    pub boundary: [[Boundary; 2]; 3],
    /// Cells around an image that R and Π reach (default 1).
    pub margin: usize,
    /// Whether A and S have a bias, which makes W affine (default no).
    pub bias: bool,
    /// Whether level l has l + 1 times the channels (default no).
    pub widening: bool,
    /// The finest sides for a layer normalisation after every P, which makes W nonlinear (default none).
    pub norm: Option<[usize; 3]>,
}

impl Default for CycleConfig {
    fn default() -> Self {
        CycleConfig::levels(2, 5)
    }
}

impl CycleConfig {
    /// The published default for a number of levels: one step on each, two on the coarsest.
    pub fn levels(dimension: usize, levels: usize) -> Self {
        let smoothing = (1..=levels).map(|l| [if l == levels { 2 } else { 1 }, 0]).collect();
        CycleConfig {
            dimension,
            form: Form::Published,
            smoothing,
            prolongation: vec![4],
            boundary: [[Boundary::Zero; 2]; 3],
            margin: 1,
            bias: false,
            widening: false,
            norm: None,
        }
    }

    /// The same boundary on all faces.
    pub fn within(mut self, boundary: Boundary) -> Self {
        self.boundary = [[boundary; 2]; 3];
        self
    }

    /// The symmetric form with one step before and one after on every level.
    pub fn symmetric(dimension: usize, levels: usize) -> Self {
        CycleConfig { form: Form::Symmetric, smoothing: vec![[1, 1]; levels], ..CycleConfig::levels(dimension, levels) }
    }

    /// Checks that it makes sense between those channels.
    ///
    /// Errors: what does not, with the cure.
    pub fn check(&self, channels: [usize; 2]) -> Result<()> {
        let refuse = |what: &str, help: &str| Err(Error::Problem { what: what.into(), help: help.into() });
        if !(1..=3).contains(&self.dimension) || channels.contains(&0) {
            return refuse(
                "a multigrid layer without channels or of no dimension",
                "give channels, and 1, 2 or 3 directions",
            );
        }
        match self.smoothing.first() {
            None | Some([0, _]) => {
                return refuse("a multigrid layer begins with u = S f", "give the finest level a step before");
            }
            _ => {}
        }
        if self.prolongation.is_empty() || self.prolongation.iter().any(|k| !(3..=4).contains(k)) || self.margin > 1 {
            return refuse(
                "kernels of P that are neither of 3 nor of 4",
                "give sides of 3 or 4, and a margin of 0 or 1",
            );
        }
        if self.boundary.iter().any(|[a, b]| (*a == Boundary::Periodic) != (*b == Boundary::Periodic)) {
            return refuse("a direction with one periodic face", "make both faces of a direction periodic");
        }
        if self.form != Form::Published && self.smoothing.iter().any(|[pre, _]| *pre == 0) {
            return refuse("a level that begins with u = 0 and has no step before", "give every level a step before");
        }
        let symmetric = !self.bias && self.norm.is_none() && channels[0] == channels[1];
        if self.form == Form::Symmetric && !(symmetric && self.smoothing.iter().all(|[pre, post]| pre == post)) {
            return refuse(
                "a symmetric layer with biases, normalisation, or unequal channels or steps",
                "give as many channels out as in, and as many steps after as before",
            );
        }
        Ok(())
    }
}

/// One smoothing step: S, and A where the step owns one.
#[derive(Debug, Clone)]
struct Step {
    a: Option<Stencil>,
    s: Stencil,
}

/// Between a level and the one below.
#[derive(Debug, Clone)]
struct Transfer {
    /// R; Pᵀ in the symmetric form.
    r: Option<Stencil>,
    /// Π of the published form.
    pi: Option<Stencil>,
    p: Stencil,
    /// Side of P's kernel.
    side: usize,
    norm: Option<[Param; 2]>,
}

#[derive(Debug, Clone)]
struct Level {
    pre: Vec<Step>,
    post: Vec<Step>,
    /// A of the level, K of the symmetric form.
    a: Option<Stencil>,
    below: Option<Transfer>,
}

/// The multigrid layer.
#[derive(Debug, Clone)]
pub struct MgConv {
    config: CycleConfig,
    lattice: Lattice,
    levels: Vec<Level>,
}

impl MgConv {
    /// A layer from `channels[0]` to `channels[1]` with random weights, named `name.0.pre.0.s.weight` and so on.
    ///
    /// Errors: as [`CycleConfig::check`].
    pub fn new(name: &str, config: &CycleConfig, channels: [usize; 2], rng: &mut impl Rng) -> Result<Self> {
        config.check(channels)?;
        let count = config.smoothing.len();
        let levels = (0..count).map(|l| Level::new(&format!("{name}.{l}"), config, channels, l, l + 1 == count, rng));
        let levels = levels.collect();
        let CycleConfig { dimension, boundary, margin, .. } = *config;
        Ok(MgConv { config: config.clone(), lattice: Lattice { dimension, boundary, margin }, levels })
    }

    /// Its shape.
    pub fn config(&self) -> &CycleConfig {
        &self.config
    }

    /// f − A u, by the step's A or the level's.
    fn residual(&self, tape: &Tape, level: &Level, step: Option<&Step>, u: &Var, f: &Var) -> Var {
        let own = step.and_then(|s| s.a.as_ref()).or(level.a.as_ref());
        let Some(a) = own else { return f.clone() };
        let au = a.apply(tape, u, self.lattice.same());
        match self.config.form {
            Form::Symmetric => sub(f, &a.transpose(tape, &au, self.lattice.same(), sides_of(u))),
            _ => sub(f, &au),
        }
    }

    /// The level's part of the cycle and all below it.
    fn cycle(&self, tape: &Tape, l: usize, u: Option<Var>, f: &Var) -> Var {
        let (level, n) = (&self.levels[l], sides_of(f));
        let smooth = |u: Option<Var>, step: &Step| {
            let Some(u) = u else { return step.s.apply(tape, f, self.lattice.same()) };
            let r = self.residual(tape, level, Some(step), &u, f);
            add(&u, &step.s.apply(tape, &r, self.lattice.same()))
        };
        let mut first = u;
        for step in &level.pre {
            first = Some(smooth(first, step));
        }
        let mut u = first.expect("the finest level has a step before");
        if let Some(below) = &level.below {
            let up = self.lattice.up(below.side, n);
            let coarse = match (&below.pi, &below.r) {
                (Some(pi), Some(r)) => {
                    let coarse = Some(pi.apply(tape, &u, self.lattice.down()));
                    self.cycle(tape, l + 1, coarse, &r.apply(tape, f, self.lattice.down()))
                }
                (_, r) => {
                    let left = self.residual(tape, level, None, &u, f);
                    let f = match r {
                        Some(r) => r.apply(tape, &left, self.lattice.down()),
                        None => below.p.apply(tape, &left, up),
                    };
                    self.cycle(tape, l + 1, None, &f)
                }
            };
            u = add(&u, &below.p.transpose(tape, &coarse, up, n));
            if let Some(norm) = &below.norm {
                u = normalise(tape, &u, norm);
            }
        }
        if self.config.form == Form::Symmetric {
            for step in level.pre.iter().rev() {
                let r = self.residual(tape, level, None, &u, f);
                u = add(&u, &step.s.transpose(tape, &r, self.lattice.same(), n));
            }
            return u;
        }
        for step in &level.post {
            u = smooth(Some(u), step);
        }
        u
    }
}

impl Layer for MgConv {
    fn forward(&self, tape: &Tape, f: &Var) -> Var {
        self.cycle(tape, 0, None, f)
    }

    fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        for level in &mut self.levels {
            for step in level.pre.iter_mut().chain(&mut level.post) {
                step.a.iter_mut().for_each(|a| a.visit(see));
                step.s.visit(see);
            }
            level.a.iter_mut().for_each(|a| a.visit(see));
            let Some(below) = &mut level.below else { continue };
            below.r.iter_mut().chain(&mut below.pi).for_each(|s| s.visit(see));
            below.p.visit(see);
            below.norm.iter_mut().flatten().for_each(&mut *see);
        }
    }
}

impl Level {
    fn new(name: &str, config: &CycleConfig, [f, u]: [usize; 2], l: usize, last: bool, rng: &mut impl Rng) -> Self {
        let times = |l: usize| if config.widening { l + 1 } else { 1 };
        let ([f, u], [f_below, u_below]) = ([f * times(l), u * times(l)], [f * times(l + 1), u * times(l + 1)]);
        let k = sides(config.dimension, 3);
        let [published, symmetric] = [Form::Published, Form::Symmetric].map(|form| config.form == form);
        let mut step = |part: &str, i: usize, first: bool| {
            let name = format!("{name}.{part}.{i}");
            let owns = published && !first;
            Step {
                a: owns.then(|| Stencil::new(&format!("{name}.a"), k, [u, f], config.bias, u, rng)),
                s: match symmetric {
                    true => Stencil::near_diagonal(&format!("{name}.s"), k, u, 0.5, rng),
                    false => Stencil::new(&format!("{name}.s"), k, [f, u], config.bias, f, rng),
                },
            }
        };
        let [before, after] = config.smoothing[l];
        let pre = (0..before).map(|i| step("pre", i, l == 0 && i == 0)).collect();
        let post = (0..if symmetric { 0 } else { after }).map(|i| step("post", i, false)).collect();
        let a = match config.form {
            Form::Published => None,
            Form::Residual => Some(Stencil::new(&format!("{name}.a"), k, [u, f], config.bias, u, rng)),
            Form::Symmetric => Some(Stencil::near_diagonal(&format!("{name}.a"), k, u, 1.0, rng)),
        };
        let mut transfer = || {
            let side = config.prolongation[l.min(config.prolongation.len() - 1)];
            let mut kernel = |part: &str, k: [usize; 3], channels: [usize; 2], fan: usize| {
                Stencil::new(&format!("{name}.{part}"), k, channels, false, fan, rng)
            };
            Transfer {
                r: (!symmetric).then(|| kernel("r", k, [f, f_below], f)),
                pi: published.then(|| kernel("pi", k, [u, u_below], u)),
                p: kernel("p", sides(config.dimension, side), [u, u_below], u),
                side,
                norm: config.norm.map(|n| {
                    let n = (0..l).fold(n, |n, _| n.map(|n| n.div_ceil(2)));
                    norm_parameters(&format!("{name}.norm"), n, u)
                }),
            }
        };
        let below = (!last).then(&mut transfer);
        Level { pre, post, a, below }
    }
}

/// Factor 1 and shift 0 for every number of a sample.
pub(crate) fn norm_parameters(name: &str, n: [usize; 3], channels: usize) -> [Param; 2] {
    ["factor", "shift"].map(|part| {
        let mut value = Tensor::zeros(&[n[0], n[1], n[2], channels]);
        value.data_mut().fill(if part == "factor" { 1.0 } else { 0.0 });
        Param { name: format!("{name}.{part}"), value }
    })
}
