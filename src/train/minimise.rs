//! Minimising functions of a vector in double precision: what second-order methods and small nets need.

use super::TrainConfig;
use super::adam::{BETAS, EPSILON};
use std::fmt;

/// A differentiable function f of n unknowns.
pub trait Function {
    /// n
    fn unknowns(&self) -> usize;
    /// f(x)
    fn value(&self, x: &[f64]) -> f64;
    /// f(x), and ∇f(x) into `gradient`.
    fn gradient(&self, x: &[f64], gradient: &mut [f64]) -> f64;
}

/// f = ½ |ρ|² for m residuals ρ.
pub trait LeastSquares: Function {
    /// m
    fn rows(&self) -> usize;
    /// ρ(x)
    fn residuals(&self, x: &[f64], residuals: &mut [f64]);
    /// ρ(x) and its Jacobian, m rows of n numbers.
    fn jacobian(&self, x: &[f64], residuals: &mut [f64], jacobian: &mut [f64]);
    /// Jᵀw into `out`, for m numbers w; without forming J where a method can.
    fn transposed(&self, x: &[f64], w: &[f64], out: &mut [f64]) {
        let (mut residuals, mut jacobian) = (vec![0.0; w.len()], vec![0.0; w.len() * x.len()]);
        self.jacobian(x, &mut residuals, &mut jacobian);
        out.fill(0.0);
        for (row, w) in jacobian.chunks_exact(x.len()).zip(w) {
            out.iter_mut().zip(row).for_each(|(o, j)| *o += w * j);
        }
    }
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// x changed; f was this before (Adam) or is this now (all others).
    Moved(f64),
    /// x is as it was: no step makes f smaller, for this reason.
    Stuck(f64, Stuck),
}

/// Why no step could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stuck {
    /// The gradient is 0 to rounding.
    Stationary,
    /// No point along the direction meets the Wolfe conditions.
    LineSearch,
    /// No damping gives a smaller value.
    Damping,
    /// The value or the gradient is not a number.
    NotFinite,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stuck::Stationary => "the gradient is 0 to rounding",
            Stuck::LineSearch => "the line search found no smaller loss",
            Stuck::Damping => "no damping gives a smaller loss",
            Stuck::NotFinite => "the loss is not a number",
        })
    }
}

impl Step {
    /// f
    pub fn value(&self) -> f64 {
        match self {
            Step::Moved(value) | Step::Stuck(value, _) => *value,
        }
    }
}

/// A method that makes f smaller step by step.
pub trait Minimiser {
    /// One step from x.
    fn step(&mut self, f: &dyn LeastSquares, x: &mut [f64]) -> Step;
    /// f is another function from now on: curvature learnt from differences of gradients no longer holds.
    fn forget(&mut self) {}
    /// All that the next step depends on beside f and x, for a checkpoint.
    fn state(&self) -> Vec<Vec<f64>>;
    /// Goes on from such a state.
    fn restore(&mut self, state: Vec<Vec<f64>>);
}

/// Adam in double precision: see [`Adam`](super::Adam) for the formulas.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamMinimiser {
    /// The learning rates.
    pub config: TrainConfig,
    steps: usize,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl AdamMinimiser {
    /// At the first step.
    pub fn new(config: TrainConfig) -> Self {
        AdamMinimiser { config, steps: 0, first: Vec::new(), second: Vec::new() }
    }

    /// One step against a gradient.
    pub fn apply(&mut self, x: &mut [f64], gradient: &[f64]) {
        self.first.resize(x.len(), 0.0);
        self.second.resize(x.len(), 0.0);
        let rate = self.config.rate(self.steps);
        self.steps += 1;
        let [c1, c2] = BETAS.map(|beta| 1.0 - beta.powf(self.steps as f64));
        for (((x, g), m), v) in x.iter_mut().zip(gradient).zip(&mut self.first).zip(&mut self.second) {
            *m = BETAS[0] * *m + (1.0 - BETAS[0]) * g;
            *v = BETAS[1] * *v + (1.0 - BETAS[1]) * g * g;
            *x -= rate * (*m / c1) / ((*v / c2).sqrt() + EPSILON);
        }
    }
}

impl Minimiser for AdamMinimiser {
    fn step(&mut self, f: &dyn LeastSquares, x: &mut [f64]) -> Step {
        let mut gradient = vec![0.0; x.len()];
        let value = f.gradient(x, &mut gradient);
        if !value.is_finite() || gradient.iter().any(|g| !g.is_finite()) {
            return Step::Stuck(value, Stuck::NotFinite);
        }
        self.apply(x, &gradient);
        Step::Moved(value)
    }

    fn state(&self) -> Vec<Vec<f64>> {
        vec![vec![self.steps as f64], self.first.clone(), self.second.clone()]
    }

    fn restore(&mut self, state: Vec<Vec<f64>>) {
        if let Ok([steps, first, second]) = <[Vec<f64>; 3]>::try_from(state) {
            (self.steps, self.first, self.second) = (steps.first().map_or(0, |s| *s as usize), first, second);
        }
    }
}

/// x · y
pub(super) fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// x + t d
pub(super) fn along(x: &[f64], t: f64, d: &[f64]) -> Vec<f64> {
    x.iter().zip(d).map(|(x, d)| x + t * d).collect()
}
