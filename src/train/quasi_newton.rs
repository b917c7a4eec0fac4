//! A step of a quasi-Newton method: d = −H g, a length that meets the strong Wolfe conditions, H learns from it. Where d leads
//! nowhere, what was learnt is dropped and the gradient is tried once before it gives up.

use super::line_search::strong_wolfe;
use super::minimise::dot;
use super::{LeastSquares, Step, Stuck};

/// f and ∇f at x; empty where they are not known.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub value: f64,
    pub gradient: Vec<f64>,
}

/// The inverse Hessian H, learnt from differences of gradients.
pub(super) trait Curvature {
    /// −H g
    fn direction(&self, gradient: &[f64]) -> Vec<f64>;
    /// Learns from a step s = t d along which the gradient, `gradient` before it, changed by y.
    fn update(&mut self, t: f64, s: Vec<f64>, y: Vec<f64>, gradient: &[f64]);
    /// Whether H is the identity.
    fn is_empty(&self) -> bool;
    /// H <- I
    fn clear(&mut self);
}

pub(super) fn step(h: &mut impl Curvature, known: &mut Known, f: &dyn LeastSquares, x: &mut [f64]) -> Step {
    if known.gradient.is_empty() {
        known.gradient = vec![0.0; x.len()];
        known.value = f.gradient(x, &mut known.gradient);
    }
    let norm = dot(&known.gradient, &known.gradient).sqrt();
    if !(known.value.is_finite() && norm.is_finite()) {
        return Step::Stuck(known.value, Stuck::NotFinite);
    }
    if norm == 0.0 {
        return Step::Stuck(known.value, Stuck::Stationary);
    }
    loop {
        let d = h.direction(&known.gradient);
        let first = if h.is_empty() { (1.0 / norm).min(1.0) } else { 1.0 };
        let downhill = dot(&d, &known.gradient) < 0.0;
        let found = downhill.then(|| strong_wolfe(f, (x, known.value, &known.gradient), &d, first)).flatten();
        if let Some(point) = found {
            let s = point.x.iter().zip(&*x).map(|(new, old)| new - old).collect();
            let y = point.gradient.iter().zip(&known.gradient).map(|(new, old)| new - old).collect();
            h.update(point.t, s, y, &known.gradient);
            x.copy_from_slice(&point.x);
            *known = Known { value: point.value, gradient: point.gradient };
            return Step::Moved(known.value);
        }
        if h.is_empty() {
            return Step::Stuck(known.value, Stuck::LineSearch);
        }
        h.clear();
    }
}
