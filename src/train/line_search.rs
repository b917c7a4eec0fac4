//! A step length that meets the strong Wolfe conditions
//! f(x + t d) ≤ f(x) + c₁ t ∇f·d and |∇f(x + t d)·d| ≤ c₂ |∇f·d|, c₁ = 1e-4, c₂ = 0.9.
//!
//! J. Nocedal and S. J. Wright, *Numerical Optimization*, 2nd ed. (Springer, 2006), algorithms 3.5 and 3.6, the trial in a
//! bracket by the cubic of (3.59), kept away from its ends.

use super::Function;
use super::minimise::{along, dot};

const C1: f64 = 1e-4;
const C2: f64 = 0.9;
/// Evaluations of f and ∇f in one search.
const MOST: usize = 30;

/// A point along the direction.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub t: f64,
    pub x: Vec<f64>,
    pub value: f64,
    pub gradient: Vec<f64>,
    slope: f64,
}

/// Searches from x along d, beginning at `t`; `None` where no acceptable point is found.
pub(super) fn strong_wolfe(f: &dyn Function, start: (&[f64], f64, &[f64]), d: &[f64], t: f64) -> Option<Point> {
    let (x, value, gradient) = start;
    let origin = Point { t: 0.0, x: x.to_vec(), value, gradient: gradient.to_vec(), slope: dot(gradient, d) };
    let at = |t: f64| {
        let x = along(x, t, d);
        let mut gradient = vec![0.0; x.len()];
        let value = f.gradient(&x, &mut gradient);
        let slope = dot(&gradient, d);
        Point { t, x, value, gradient, slope }
    };
    let enough = |p: &Point| p.value <= origin.value + C1 * p.t * origin.slope;
    let flat = |p: &Point| p.slope.abs() <= -C2 * origin.slope;
    // The bracket: the best point so far, and one beyond a minimum.
    let (mut low, mut high) = (origin.clone(), None);
    let mut t = t;
    for _ in 0..MOST {
        let point = at(t);
        if !point.value.is_finite() || !enough(&point) || point.value >= low.value {
            high = Some(point);
        } else if flat(&point) {
            return Some(point);
        } else {
            let beyond =
                if high.is_some() { point.slope * (high.as_ref()?.t - low.t) >= 0.0 } else { point.slope >= 0.0 };
            if beyond {
                high = Some(low);
            }
            low = point;
        }
        t = match &high {
            None => 2.0 * low.t,
            Some(high) => between(&low, high),
        };
        if high.as_ref().is_some_and(|h| (h.t - low.t).abs() <= f64::EPSILON * low.t.abs().max(1e-300)) {
            break;
        }
    }
    // Less than was wanted, but downhill.
    (low.t > 0.0).then_some(low)
}

/// The minimum of the cubic through two points, at least a tenth of the bracket from its ends.
fn between(a: &Point, b: &Point) -> f64 {
    let middle = 0.5 * (a.t + b.t);
    let d1 = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.t - b.t);
    let d2 = (b.t - a.t).signum() * (d1 * d1 - a.slope * b.slope).sqrt();
    let t = b.t - (b.t - a.t) * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2);
    let (low, high) = (a.t.min(b.t), a.t.max(b.t));
    let margin = 0.1 * (high - low);
    if t.is_finite() && b.value.is_finite() { t.clamp(low + margin, high - margin) } else { middle }
}
