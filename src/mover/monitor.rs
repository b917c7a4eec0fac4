//! Monitors: the wanted density of nodes, m > 0.

use crate::error::{Error, Result};
use crate::expression::Expression;
use rayon::prelude::*;

/// m(x) > 0: cells become small where it is large; only ratios count.
pub trait Monitor: Sync {
    /// Its values at the nodes of the mesh as it is now: `m[i] <- m(points[i])`.
    fn eval(&self, points: &[[f64; 3]], m: &mut [f64]) -> Result<()>;
}

/// The values of a monitor, checked.
///
/// Errors: a value that is zero, negative or not finite, with its place; the monitor's own.
pub(super) fn evaluate(monitor: &dyn Monitor, points: &[[f64; 3]]) -> Result<Vec<f64>> {
    let mut m = vec![0.0; points.len()];
    monitor.eval(points, &mut m)?;
    match m.iter().position(|v| !(*v > 0.0 && v.is_finite())) {
        None => Ok(m),
        Some(i) => {
            let [x, y, z] = points[i];
            Err(Error::Problem {
                what: format!("the monitor is {} at ({x}, {y}, {z})", m[i]),
                help: "a monitor is a density of nodes: positive and finite on the whole domain; add 1 to it, or take max(.., 1e-3)"
                    .into(),
            })
        }
    }
}

/// Points evaluated together.
const BLOCK: usize = 1024;

/// An expression in x, y, z is the monitor itself.
impl Monitor for Expression {
    fn eval(&self, points: &[[f64; 3]], m: &mut [f64]) -> Result<()> {
        points.par_chunks(BLOCK).zip(m.par_chunks_mut(BLOCK)).for_each(|(points, m)| self.eval_many(points, m));
        Ok(())
    }
}

/// Any function of the place is a monitor.
impl<F: Fn([f64; 3]) -> f64 + Sync> Monitor for F {
    fn eval(&self, points: &[[f64; 3]], m: &mut [f64]) -> Result<()> {
        m.par_iter_mut().zip(points).for_each(|(m, &p)| *m = self(p));
        Ok(())
    }
}

/// 1 + a / cosh²(b (|x − c|² − r²)): dense near the sphere of radius r around c; a ball for r = 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ring {
    /// a ≥ 0: the density on the sphere is 1 + a.
    pub amplitude: f64,
    /// b > 0: how narrow, in 1 / length².
    pub sharpness: f64,
    /// r²; may be negative for a ball that is flatter than cosh⁻².
    pub radius_squared: f64,
    /// c.
    pub centre: [f64; 3],
}

impl Monitor for Ring {
    fn eval(&self, points: &[[f64; 3]], m: &mut [f64]) -> Result<()> {
        let value = |p: [f64; 3]| {
            let squared: f64 = (0..3).map(|k| (p[k] - self.centre[k]).powi(2)).sum();
            1.0 + self.amplitude / (self.sharpness * (squared - self.radius_squared)).cosh().powi(2)
        };
        value.eval(points, m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_value_is_named_with_its_place() {
        let points = [[0.0, 0.5, 0.0], [0.25, 0.5, 0.0]];
        for (text, value) in [("0.25 - x", "is 0 at (0.25, 0.5, 0)"), ("-1", "is -1 at (0, 0.5, 0)"), ("1/x", "inf")] {
            let error = evaluate(&Expression::parse(text).unwrap(), &points).unwrap_err().to_string();
            assert!(error.contains(value), "{error}");
        }
        assert_eq!(evaluate(&|p: [f64; 3]| 1.0 + p[0], &points).unwrap(), [1.0, 1.25]);
    }

    #[test]
    fn a_ring_is_highest_on_its_circle() {
        let ring = Ring { amplitude: 10.0, sharpness: 200.0, radius_squared: 0.16, centre: [0.5, 0.5, 0.0] };
        let m = evaluate(&ring, &[[0.9, 0.5, 0.0], [0.5, 0.5, 0.0]]).unwrap();
        assert!((m[0] - 11.0).abs() < 1e-12 && (m[1] - 1.0).abs() < 1e-12);
    }
}
