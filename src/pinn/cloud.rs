//! Points with weights: what a loss is a sum over.

use super::{Domain, Part};
use rand_pcg::Pcg64;

/// Points of a domain or of its boundary.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cloud {
    /// Coordinates, d a point.
    pub points: Vec<f64>,
    /// Outer normals, d a point; empty inside.
    pub normals: Vec<f64>,
    /// One a point; they sum to 1.
    pub weights: Vec<f64>,
}

impl Cloud {
    /// Points of equal weight.
    pub fn even(points: Vec<f64>, dimension: usize) -> Self {
        let n = points.len() / dimension;
        Cloud { points, normals: Vec::new(), weights: vec![1.0 / n as f64; n] }
    }

    /// Random points of equal weight on a part of a boundary.
    pub fn boundary(domain: &Domain, part: &Part, n: usize, rng: &mut Pcg64) -> Self {
        let (points, normals) = domain.boundary(part, n, rng);
        Cloud { normals, ..Cloud::even(points, domain.dimension()) }
    }
}
