//! How far a network is from the solution.

use super::{Cloud, Problem, normal};
use crate::pinn::sampler::uniform;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

/// Points along a side of the grid in the plane, and random points elsewhere.
const SIDE: usize = 256;
const RANDOM: usize = 20_000;
/// Standard deviation of the normal half of the points above three dimensions, in half sides.
const SPREAD: f64 = 0.2;

/// The error of u.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Score {
    /// ‖u − u*‖ / ‖u*‖ in L2.
    pub relative_l2: f64,
    /// max |u − u*|
    pub max_error: f64,
}

/// The points that errors are measured at: a grid of 256 x 256 over the bounding box in the plane; 20 000 uniform random points
/// in one and three dimensions; above, half uniform and half normal around the middle, weighted by one over their density, as
/// uniform points alone miss a peak there.
pub fn referee(problem: &Problem) -> Cloud {
    let (bounds, d) = (problem.domain.bounds(), problem.dimension());
    let mut rng = Pcg64::seed_from_u64(0);
    if d == 2 {
        let at = |i: usize, k: usize| bounds[i][0] + k as f64 / (SIDE - 1) as f64 * (bounds[i][1] - bounds[i][0]);
        let all = (0..SIDE * SIDE).map(|k| [at(0, k / SIDE), at(1, k % SIDE)]);
        return Cloud::even(all.filter(|x| problem.domain.contains(x)).flatten().collect(), 2);
    }
    if d <= 3 {
        return Cloud::even(uniform(&problem.domain, RANDOM, &mut rng), d);
    }
    let half: Vec<f64> = bounds.iter().map(|[low, high]| 0.5 * (high - low)).collect();
    let middle: Vec<f64> = bounds.iter().map(|[low, high]| 0.5 * (high + low)).collect();
    let (mut points, mut weights) = (Vec::new(), Vec::new());
    while weights.len() < RANDOM {
        let even = rng.random::<bool>();
        let mut coordinate = || if even { 2.0 * rng.random::<f64>() - 1.0 } else { SPREAD * normal(&mut rng) };
        let unit: Vec<f64> = (0..d).map(|_| coordinate()).collect();
        let x: Vec<f64> = (0..d).map(|i| middle[i] + half[i] * unit[i]).collect();
        if problem.domain.contains(&x) {
            let bell = |u: &f64| (-0.5 * (u / SPREAD).powi(2)).exp() / (SPREAD * std::f64::consts::TAU.sqrt());
            let density = 0.5 * 0.5f64.powi(d as i32) + 0.5 * unit.iter().map(bell).product::<f64>();
            weights.push(1.0 / density);
            points.extend(x);
        }
    }
    let whole: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= whole);
    Cloud { points, normals: Vec::new(), weights }
}

/// The error of a `solution` at such points; `None` where the solution is not known.
pub fn score(problem: &Problem, referee: &Cloud, solution: impl Fn(&[f64]) -> Vec<f64>) -> Option<Score> {
    let exact = problem.exact.as_ref()?;
    let u = solution(&referee.points);
    let (mut error, mut norm, mut most) = (0.0, 0.0, 0.0f64);
    for ((x, u), w) in referee.points.chunks_exact(problem.dimension()).zip(u).zip(&referee.weights) {
        let known = exact(x);
        error += w * (u - known) * (u - known);
        norm += w * known * known;
        most = most.max((u - known).abs());
    }
    Some(Score { relative_l2: (error / norm).sqrt(), max_error: most })
}
