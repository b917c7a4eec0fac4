//! L-BFGS: d = −H g by the two-loop recursion over the last pairs s = x⁺ − x, y = g⁺ − g, H₀ = (s·y / y·y) I.
//!
//! J. Nocedal and S. J. Wright, *Numerical Optimization*, 2nd ed. (Springer, 2006), algorithms 7.4 and 7.5, with a strong
//! Wolfe line search. Where the search fails the pairs are dropped and the gradient is tried once before it gives up.

use super::line_search::strong_wolfe;
use super::minimise::dot;
use super::{LeastSquares, Minimiser, Step, Stuck};
use std::collections::VecDeque;

/// Limited-memory BFGS.
#[derive(Debug, Clone, Default)]
pub struct Lbfgs {
    /// s and y, the latest last.
    pairs: VecDeque<[Vec<f64>; 2]>,
    /// f and ∇f at x, from the last search; empty where they are not known.
    gradient: Vec<f64>,
    value: f64,
}

impl Lbfgs {
    /// Pairs kept.
    pub const MEMORY: usize = 50;

    fn direction(&self) -> Vec<f64> {
        let mut d: Vec<f64> = self.gradient.iter().map(|g| -g).collect();
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for [s, y] in self.pairs.iter().rev() {
            let alpha = dot(s, &d) / dot(s, y);
            d.iter_mut().zip(y).for_each(|(d, y)| *d -= alpha * y);
            alphas.push(alpha);
        }
        if let Some([s, y]) = self.pairs.back() {
            let scale = dot(s, y) / dot(y, y);
            d.iter_mut().for_each(|d| *d *= scale);
        }
        for ([s, y], alpha) in self.pairs.iter().zip(alphas.iter().rev()) {
            let beta = dot(y, &d) / dot(s, y);
            d.iter_mut().zip(s).for_each(|(d, s)| *d += (alpha - beta) * s);
        }
        d
    }
}

impl Minimiser for Lbfgs {
    fn step(&mut self, f: &dyn LeastSquares, x: &mut [f64]) -> Step {
        if self.gradient.is_empty() {
            self.gradient = vec![0.0; x.len()];
            self.value = f.gradient(x, &mut self.gradient);
        }
        let norm = dot(&self.gradient, &self.gradient).sqrt();
        if !(self.value.is_finite() && norm.is_finite()) {
            return Step::Stuck(self.value, Stuck::NotFinite);
        }
        if norm == 0.0 {
            return Step::Stuck(self.value, Stuck::Stationary);
        }
        loop {
            let mut d = self.direction();
            if dot(&d, &self.gradient) >= 0.0 {
                self.pairs.clear();
                d = self.direction();
            }
            let first = if self.pairs.is_empty() { (1.0 / norm).min(1.0) } else { 1.0 };
            if let Some(point) = strong_wolfe(f, (x, self.value, &self.gradient), &d, first) {
                let s: Vec<f64> = point.x.iter().zip(&*x).map(|(new, old)| new - old).collect();
                let y: Vec<f64> = point.gradient.iter().zip(&self.gradient).map(|(new, old)| new - old).collect();
                if dot(&s, &y) > 0.0 {
                    self.pairs.push_back([s, y]);
                }
                if self.pairs.len() > Self::MEMORY {
                    self.pairs.pop_front();
                }
                x.copy_from_slice(&point.x);
                (self.value, self.gradient) = (point.value, point.gradient);
                return Step::Moved(self.value);
            }
            if self.pairs.is_empty() {
                return Step::Stuck(self.value, Stuck::LineSearch);
            }
            self.pairs.clear();
        }
    }

    fn forget(&mut self) {
        *self = Lbfgs::default();
    }

    fn state(&self) -> Vec<Vec<f64>> {
        let pairs = self.pairs.iter().flatten().cloned();
        [vec![self.value], self.gradient.clone()].into_iter().chain(pairs).collect()
    }

    fn restore(&mut self, state: Vec<Vec<f64>>) {
        let mut state = state.into_iter();
        self.value = state.next().and_then(|v| v.first().copied()).unwrap_or_default();
        self.gradient = state.next().unwrap_or_default();
        self.pairs.clear();
        while let (Some(s), Some(y)) = (state.next(), state.next()) {
            self.pairs.push_back([s, y]);
        }
    }
}
