//! Training: an objective, an optimiser, steps, checkpoints from which a run goes on bit for bit.
//!
//! A step draws its data from the seed and its own number alone, so a run that was cut off and goes on from a checkpoint makes the
//! same steps as one that was not.
//!
//! | what | θ <- | here |
//! |---|---|---|
//! | Adam | θ − η m̂ / (√v̂ + ε) | [`train`], [`Adam`], [`AdamMinimiser`] |
//! | Levenberg–Marquardt | θ − (JᵀJ + λ D)⁻¹ Jᵀρ, f = ½ \|ρ\|² | [`LevenbergMarquardt`] |
//! | Gauss–Newton, conjugate gradients | the same with λ I, without a matrix | [`NewtonCg`] |
//! | L-BFGS, self-scaled Broyden | θ − α H ∇f, H ≈ (∇²f)⁻¹ from the last gradients | [`Lbfgs`], [`Broyden`] |
//! | CMA-ES | mean of the best of N(θ, σ² C) | [`CmaEs`] |
//!
//! A net is a [`Layer`], what is made small an [`Objective`]:
//!
//! ```
//! use filet::nn::{Layer, Param, Tape, Tensor, Var, ops};
//! use filet::train::{Checkpoint, Objective, TrainConfig, train};
//! use std::ops::ControlFlow;
//!
//! /// y = x w + b
//! struct Line([Param; 2]);
//! impl Layer for Line {
//!     fn forward(&self, tape: &Tape, x: &Var) -> Var {
//!         ops::linear(x, &tape.parameter(&self.0[0]), &tape.parameter(&self.0[1]))
//!     }
//!     fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
//!         self.0.iter_mut().for_each(see);
//!     }
//! }
//!
//! /// The mean square distance to y = 2 x + 1 at four places.
//! struct Fit;
//! impl Objective for Fit {
//!     fn loss(&mut self, net: &dyn Layer, tape: &Tape, _: usize) -> filet::Result<Var> {
//!         let x = Var::constant(Tensor::new(&[4, 1], vec![0.0, 1.0, 2.0, 3.0]));
//!         let y = Var::constant(Tensor::new(&[4, 1], vec![1.0, 3.0, 5.0, 7.0]));
//!         let off = ops::sub(&net.forward(tape, &x), &y);
//!         Ok(ops::mean(&ops::mul(&off, &off)))
//!     }
//! }
//!
//! let param = |name: &str, shape: &[usize]| Param { name: name.into(), value: Tensor::zeros(shape) };
//! let mut net = Line([param("w", &[1, 1]), param("b", &[1])]);
//! let config = TrainConfig { steps: 500, learning_rate: 0.1, ..Default::default() };
//! let mut state = Checkpoint::default(); // written and read to go on later
//! train(&mut net, &mut Fit, &config, &mut state, &mut |_, _| Ok(ControlFlow::Continue(())))?;
//! assert!((net.0[0].value.item() - 2.0).abs() < 1e-2 && (net.0[1].value.item() - 1.0).abs() < 1e-2);
//! # Ok::<(), filet::Error>(())
//! ```
//!
//! References: D. P. Kingma and J. Ba, ICLR 2015, arXiv:1412.6980; D. Marquardt, SIAM J. 11 (1963), doi:10.1137/0111030; D. C. Liu and J. Nocedal,
//! Math. Program. 45 (1989), doi:10.1007/BF01589116; J. F. Urbán et al., J. Comput. Phys. 523 (2025), doi:10.1016/j.jcp.2024.113656 (Broyden for
//! PINNs); N. Hansen, arXiv:1604.00772.

mod adam;
mod broyden;
mod checkpoint;
mod cma_es;
mod lbfgs;
mod levenberg;
mod line_search;
mod minimise;
mod newton_cg;
mod quasi_newton;

pub use adam::Adam;
pub use broyden::Broyden;
pub use checkpoint::Checkpoint;
pub use cma_es::CmaEs;
pub use lbfgs::Lbfgs;
pub use levenberg::LevenbergMarquardt;
pub use minimise::{AdamMinimiser, Function, LeastSquares, Minimiser, Step, Stuck};
pub use newton_cg::NewtonCg;

use crate::error::{Error, Result};
use crate::nn::{Layer, Tape, Var};
use std::ops::ControlFlow;

/// What is made small.
pub trait Objective {
    /// The loss of step number `step`: the same step, the same data.
    fn loss(&mut self, net: &dyn Layer, tape: &Tape, step: usize) -> Result<Var>;
}

/// How the learning rate goes from step to step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Always the same.
    Constant,
    /// Half a cosine down to 0 (I. Loshchilov and F. Hutter, ICLR 2017, §3, without restarts).
    #[default]
    Cosine,
    /// Half a cosine up from a half over a fifth of the steps, and down to a two-hundredth (L. N. Smith and N. Topin, 2018,
    /// arXiv:1708.07120, as PyTorch's OneCycleLR); the rate given is the largest.
    OneCycle,
}

/// Settings of [`train`].
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Steps (default 1000).
    pub steps: usize,
    /// The largest learning rate (default 1e-3).
    pub learning_rate: f64,
    /// How it changes.
    pub schedule: Schedule,
}

impl Default for TrainConfig {
    fn default() -> Self {
        TrainConfig { steps: 1000, learning_rate: 1e-3, schedule: Schedule::default() }
    }
}

impl TrainConfig {
    /// The learning rate of a step.
    pub fn rate(&self, step: usize) -> f64 {
        let done = step as f64 / self.steps.max(1) as f64;
        match self.schedule {
            Schedule::Constant => self.learning_rate,
            Schedule::Cosine => self.learning_rate * cosine(1.0, 0.0, done),
            Schedule::OneCycle if done < WARM_UP => self.learning_rate * cosine(0.5, 1.0, done / WARM_UP),
            Schedule::OneCycle => self.learning_rate * cosine(1.0, 0.005, (done - WARM_UP) / (1.0 - WARM_UP)),
        }
    }
}

/// The part of a one-cycle run in which the rate rises.
const WARM_UP: f64 = 0.2;

/// From one number to another along half a cosine.
fn cosine(from: f64, to: f64, done: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
}

/// Called after every step with the state so far; `Break` ends the training.
pub type StepObserver<'a> = dyn FnMut(&mut dyn Layer, &Checkpoint) -> Result<ControlFlow<()>> + 'a;

/// Trains `net` from where `state` is up to the last step, where the net's parameters are: with them on a GPU all but the data and the
/// loss stays there.
///
/// Errors: the objective's and the observer's; a loss that is not finite, with the step; a fault of the GPU.
pub fn train(
    net: &mut dyn Layer,
    objective: &mut dyn Objective,
    config: &TrainConfig,
    state: &mut Checkpoint,
    watch: &mut StepObserver,
) -> Result<()> {
    let backend = net.backend();
    state.adam.move_to(&backend)?;
    while state.step() < config.steps {
        let step = state.step();
        let tape = Tape::training().on(backend.clone());
        let loss = objective.loss(net, &tape, step)?;
        let value = loss.value().here()?.item();
        if !value.is_finite() {
            return Err(Error::Problem {
                what: format!("the loss of step {step} is {value}"),
                help: "train with a smaller learning rate".into(),
            });
        }
        state.adam.step(net, &tape.gradients(&loss), config.rate(step));
        state.losses.push(value);
        if watch(net, state)?.is_break() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cycle_rises_from_a_half_and_falls_to_a_two_hundredth() {
        let config = TrainConfig { steps: 100, learning_rate: 2.0, schedule: Schedule::OneCycle };
        let rates: Vec<f64> = (0..=100).map(|s| config.rate(s)).collect();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(close(rates[0], 1.0) && close(rates[20], 2.0) && close(rates[100], 0.01), "{rates:?}");
        assert!((0..20).all(|s| rates[s] < rates[s + 1]) && (20..100).all(|s| rates[s] > rates[s + 1]));
    }
}
