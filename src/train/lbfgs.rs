//! L-BFGS: d = −H g by the two-loop recursion over the last pairs s = x⁺ − x, y = g⁺ − g, H₀ = (s·y / y·y) I.
//!
//! J. Nocedal and S. J. Wright, *Numerical Optimization*, 2nd ed. (Springer, 2006), algorithms 7.4 and 7.5, with a strong
//! Wolfe line search.

use super::minimise::dot;
use super::quasi_newton::{Curvature, Known, step};
use super::{LeastSquares, Minimiser, Step};
use std::collections::VecDeque;

/// Limited-memory BFGS.
#[derive(Debug, Clone, Default)]
pub struct Lbfgs {
    pairs: Pairs,
    known: Known,
}

/// s and y, the latest last.
#[derive(Debug, Clone, Default)]
struct Pairs(VecDeque<[Vec<f64>; 2]>);

impl Lbfgs {
    /// Pairs kept.
    pub const MEMORY: usize = 50;
}

impl Curvature for Pairs {
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut d: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut alphas = Vec::with_capacity(self.0.len());
        for [s, y] in self.0.iter().rev() {
            let alpha = dot(s, &d) / dot(s, y);
            d.iter_mut().zip(y).for_each(|(d, y)| *d -= alpha * y);
            alphas.push(alpha);
        }
        if let Some([s, y]) = self.0.back() {
            let scale = dot(s, y) / dot(y, y);
            d.iter_mut().for_each(|d| *d *= scale);
        }
        for ([s, y], alpha) in self.0.iter().zip(alphas.iter().rev()) {
            let beta = dot(y, &d) / dot(s, y);
            d.iter_mut().zip(s).for_each(|(d, s)| *d += (alpha - beta) * s);
        }
        d
    }

    fn update(&mut self, _: f64, s: Vec<f64>, y: Vec<f64>, _: &[f64]) {
        if dot(&s, &y) > 0.0 {
            self.0.push_back([s, y]);
        }
        if self.0.len() > Lbfgs::MEMORY {
            self.0.pop_front();
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

impl Minimiser for Lbfgs {
    fn step(&mut self, f: &dyn LeastSquares, x: &mut [f64]) -> Step {
        step(&mut self.pairs, &mut self.known, f, x)
    }

    fn forget(&mut self) {
        *self = Lbfgs::default();
    }

    fn state(&self) -> Vec<Vec<f64>> {
        let pairs = self.pairs.0.iter().flatten().cloned();
        [vec![self.known.value], self.known.gradient.clone()].into_iter().chain(pairs).collect()
    }

    fn restore(&mut self, state: Vec<Vec<f64>>) {
        let mut state = state.into_iter();
        let value = state.next().and_then(|v| v.first().copied()).unwrap_or_default();
        self.known = Known { value, gradient: state.next().unwrap_or_default() };
        self.pairs.clear();
        while let (Some(s), Some(y)) = (state.next(), state.next()) {
            self.pairs.0.push_back([s, y]);
        }
    }
}
