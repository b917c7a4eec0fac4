//! Points by the residual at random candidates.
//!
//! C. Wu, M. Zhu, Q. Tan, Y. Kartha and L. Lu, *Comput. Methods Appl. Mech. Eng.* 403 (2023) 115671: RAR-G adds the candidates
//! of largest e = |r|; RAD draws all points by p ∝ eᵏ / mean eᵏ + c, k = c = 1; RAR-D adds points drawn by p with k = 2, c = 0.
//! R3: A. Daw et al., ICML 2023, algorithm 1.
//!
//! 1. The published RAR runs add without end; here a run begins with half of its n points, each refresh adds a tenth of the
//!    first n up to n in all, so that samplers compare at equal n.

use super::{ResidualAt, Sampler, uniform};
use crate::pinn::{Cloud, Domain};
use rand::Rng;
use rand_pcg::Pcg64;

/// Candidates for each point, and at least in all.
const CANDIDATES: usize = 10;
const LEAST: usize = 10_000;

/// Random candidates and |r| there.
fn candidates(domain: &Domain, n: usize, residual: &ResidualAt, rng: &mut Pcg64) -> (Vec<f64>, Vec<f64>) {
    let points = uniform(domain, (CANDIDATES * n).max(LEAST), rng);
    let errors = residual(&points).iter().map(|r| r.abs()).collect();
    (points, errors)
}

/// `m` of the candidates, drawn without putting back by their weights (P. Efraimidis and P. Spirakis 2006).
pub(super) fn draw(points: &[f64], d: usize, weights: &[f64], m: usize, rng: &mut Pcg64) -> Vec<f64> {
    let key = |w: &f64| if *w > 0.0 { -(1.0 - rng.random::<f64>()).ln() / w } else { f64::INFINITY };
    let keys: Vec<f64> = weights.iter().map(key).collect();
    smallest(points, d, &keys, m)
}

/// The `m` points of smallest keys.
fn smallest(points: &[f64], d: usize, keys: &[f64], m: usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|i, j| keys[*i].total_cmp(&keys[*j]));
    order[..m.min(keys.len())].iter().flat_map(|i| points[i * d..(i + 1) * d].iter().copied()).collect()
}

/// RAR-G and RAR-D: points are added where the residual is large.
pub struct Refined {
    greedy: bool,
    /// n
    most: usize,
}

impl Refined {
    /// RAR-G.
    pub fn greedy() -> Self {
        Refined { greedy: true, most: 0 }
    }

    /// RAR-D.
    pub fn drawn() -> Self {
        Refined { greedy: false, most: 0 }
    }
}

impl Sampler for Refined {
    fn start(&mut self, domain: &Domain, n: usize, _: &ResidualAt, rng: &mut Pcg64) -> Cloud {
        self.most = n;
        Cloud::even(uniform(domain, n.div_ceil(2), rng), domain.dimension())
    }

    fn refresh(&mut self, domain: &Domain, cloud: &Cloud, residual: &ResidualAt, rng: &mut Pcg64) -> Cloud {
        let d = domain.dimension();
        let m = self.most.div_ceil(10).min(self.most.saturating_sub(cloud.weights.len()));
        let (points, errors) = candidates(domain, m, residual, rng);
        let added = if self.greedy {
            smallest(&points, d, &errors.iter().map(|e| -e).collect::<Vec<_>>(), m)
        } else {
            draw(&points, d, &errors.iter().map(|e| e * e).collect::<Vec<_>>(), m, rng)
        };
        Cloud::even([cloud.points.as_slice(), &added].concat(), d)
    }

    fn state(&self) -> Vec<f64> {
        vec![self.most as f64]
    }

    fn restore(&mut self, state: Vec<f64>) {
        self.most = state.first().map_or(0, |n| *n as usize);
    }
}

/// RAD with k = c = 1.
pub struct Rad;

impl Sampler for Rad {
    fn refresh(&mut self, domain: &Domain, cloud: &Cloud, residual: &ResidualAt, rng: &mut Pcg64) -> Cloud {
        let n = cloud.weights.len();
        let (points, errors) = candidates(domain, n, residual, rng);
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let weights: Vec<f64> = errors.iter().map(|e| e / mean.max(f64::MIN_POSITIVE) + 1.0).collect();
        Cloud::even(draw(&points, domain.dimension(), &weights, n, rng), domain.dimension())
    }
}

/// R3: retain, resample, release.
pub struct R3;

impl Sampler for R3 {
    fn refresh(&mut self, domain: &Domain, cloud: &Cloud, residual: &ResidualAt, rng: &mut Pcg64) -> Cloud {
        let (n, d) = (cloud.weights.len(), domain.dimension());
        let errors: Vec<f64> = residual(&cloud.points).iter().map(|r| r.abs()).collect();
        let mean = errors.iter().sum::<f64>() / n as f64;
        let kept = cloud.points.chunks_exact(d).zip(&errors).filter(|(_, e)| **e > mean);
        let mut points: Vec<f64> = kept.flat_map(|(x, _)| x.iter().copied()).collect();
        points.extend(uniform(domain, n - points.len() / d, rng));
        Cloud::even(points, d)
    }
}
