//! What all ways to approximate u have in common.

use super::{Cloud, Problem, Score};

/// u as a network or as local features, while it is being fitted.
pub trait Approximation {
    /// The problem.
    fn problem(&self) -> &Problem;
    /// The loss after every step made (Adam: before it).
    fn losses(&self) -> &[f64];
    /// The points the residual is taken at now.
    fn cloud(&self) -> &Cloud;
    /// Numbers of the network, or coefficients.
    fn parameters(&self) -> usize;
    /// u at points.
    fn solution(&self, points: &[f64]) -> Vec<f64>;
    /// The equation's residual at points.
    fn residual(&self, points: &[f64]) -> Vec<f64>;
    /// The error, where the solution is known.
    fn score(&self) -> Option<Score>;

    /// Steps made.
    fn step(&self) -> usize {
        self.losses().len()
    }

    /// The sampler's density at points, where it has one.
    fn density(&self, _points: &[f64]) -> Option<Vec<f64>> {
        None
    }

    /// Names and values of the unknown coefficients.
    fn unknowns(&self) -> Vec<(&str, f64)> {
        Vec::new()
    }
}
