//! The loss of a network on a problem, its gradient, and its residuals with their Jacobian.
//!
//! L(θ) = ½ Σ_k γ_k Σ_i w_i r_k(x_i)², k = 0 the equation (γ = 1) and k ≥ 1 the soft conditions; the weights w of a cloud
//! sum to 1. As least squares: L = ½ |ρ|², ρ_i = √(γ w_i) r_i.
//! θ holds the network's parameters and then the unknown coefficients c.
//!
//! Points are taken in blocks, whose sums are added in order: the same bits for any number of threads.

use super::jet::{LANES, Sweep};
use super::{Cloud, Mlp, Precision, Problem, Residual, Site};
use crate::train::{Function, LeastSquares};
use rayon::prelude::*;
use std::marker::PhantomData;

/// Points of one task.
const CHUNK: usize = 4 * LANES;

/// A network on a problem at fixed points, computed in double or single precision. Residuals of either and sums over chunks of points are
/// in double precision.
pub struct Objective<'a, T = f64> {
    problem: &'a Problem,
    net: &'a Mlp,
    terms: Vec<Term<'a>>,
    precision: PhantomData<T>,
}

/// The points of the equation or of one condition.
struct Term<'a> {
    residual: &'a dyn Residual,
    /// γ
    weight: f64,
    cloud: &'a Cloud,
    lifts: Vec<f64>,
}

/// One block of a term: where it begins among its points, and how many it has.
#[derive(Clone, Copy)]
struct Block {
    start: usize,
    points: usize,
}

/// The network's parameters and the coefficients.
type Numbers<'n, T> = (&'n [T], &'n [f64]);

/// Is given a block with r, ∂r by the channels and ∂r by the coefficients.
type Task<'t, T> = dyn FnMut(&Term, Block, &mut Sweep<T>, &mut [f64], &mut [T], &mut [f64]) + 't;

impl<'a, T: Precision> Objective<'a, T> {
    /// `clouds[0]` is for the equation, `clouds[1 + k]` for condition k.
    ///
    /// # Panics
    /// With another number of clouds.
    pub fn new(problem: &'a Problem, net: &'a Mlp, clouds: &'a [Cloud]) -> Self {
        assert_eq!(clouds.len(), 1 + problem.conditions.len(), "one cloud for the equation and each condition");
        let conditions = problem.conditions.iter().map(|c| (c.residual.as_ref(), c.weight));
        let residuals = std::iter::once((problem.equation.as_ref(), 1.0)).chain(conditions);
        let term = |((residual, weight), cloud): ((&'a dyn Residual, f64), &'a Cloud)| Term {
            residual,
            weight,
            cloud,
            lifts: problem.lifts(&cloud.points),
        };
        Objective { problem, net, terms: residuals.zip(clouds).map(term).collect(), precision: PhantomData }
    }

    /// All chunks of all terms, in order.
    fn chunks(&self) -> Vec<(usize, std::ops::Range<usize>)> {
        let of = |(k, t): (usize, &Term)| {
            let n = t.cloud.weights.len();
            (0..n).step_by(CHUNK).map(move |at| (k, at..n.min(at + CHUNK))).collect::<Vec<_>>()
        };
        self.terms.iter().enumerate().flat_map(of).collect()
    }

    /// r at the points of a term's block into `r`; ∂r by the network's channels into `seed` `[channel][lane]`, and by the
    /// coefficients into `by_c` `[coefficient][lane]`.
    #[allow(clippy::too_many_arguments)]
    fn block(
        &self,
        t: &Term,
        sweep: &mut Sweep<T>,
        (theta, c): Numbers<T>,
        at: Block,
        r: &mut [f64],
        seed: &mut [T],
        by_c: &mut [f64],
    ) {
        let (d, channels) = (self.problem.dimension(), self.problem.channels());
        let x = &t.cloud.points[at.start * d..(at.start + at.points) * d];
        let out = sweep.forward(theta, x);
        let (mut n, mut u, mut by_n) = (vec![0.0; channels], vec![0.0; channels], vec![0.0; channels]);
        let mut partials = vec![0.0; channels + c.len()];
        let zeros = vec![0.0; d];
        seed.fill(T::ZERO);
        by_c.fill(0.0);
        for lane in 0..at.points {
            let i = at.start + lane;
            let lift = t.lifts.get(i * 2 * channels..(i + 1) * 2 * channels).unwrap_or(&[]);
            n.iter_mut().enumerate().for_each(|(k, n)| *n = out[k * LANES + lane].wide());
            self.problem.lifted(lift, &n, &mut u);
            partials.fill(0.0);
            let normal = t.cloud.normals.get(i * d..(i + 1) * d).unwrap_or(&zeros);
            let site = Site { x: &x[lane * d..(lane + 1) * d], normal };
            r[lane] = t.residual.residual(site, &u, c, &mut partials);
            self.problem.pulled(lift, &partials[..channels], &mut by_n);
            by_n.iter().enumerate().for_each(|(k, p)| seed[k * LANES + lane] = T::of(*p));
            for (k, p) in partials[channels..].iter().enumerate() {
                by_c[k * LANES + lane] = *p;
            }
        }
    }

    /// The numbers of θ, in this precision.
    fn numbers<'n>(&self, theta: &'n [f64]) -> (Vec<T>, &'n [f64]) {
        let (net, c) = theta.split_at(self.net.parameters());
        (net.iter().map(|v| T::of(*v)).collect(), c)
    }

    /// Room for a block, which a thread keeps from chunk to chunk.
    fn room(&self) -> Sweep<'a, T> {
        Sweep::new(self.net, &self.problem.forms)
    }

    /// Runs `task` over every block of a chunk with r, ∂r by the channels and ∂r by c.
    fn sweep_chunk(
        &self,
        numbers: Numbers<T>,
        (k, points): (usize, std::ops::Range<usize>),
        sweep: &mut Sweep<T>,
        task: &mut Task<T>,
    ) {
        let t = &self.terms[k];
        let mut r = [0.0; LANES];
        let mut seed = vec![T::ZERO; sweep.channels() * LANES];
        let mut by_c = vec![0.0; self.problem.unknowns.len() * LANES];
        for start in points.clone().step_by(LANES) {
            let block = Block { start, points: LANES.min(points.end - start) };
            self.block(t, sweep, numbers, block, &mut r, &mut seed, &mut by_c);
            task(t, block, sweep, &mut r, &mut seed, &mut by_c);
        }
    }

    /// Σ_i `bar(i, γ w, r)` ∂r_i over all rows i into `gradient`; gives ½ Σ bar r.
    fn pull(&self, theta: &[f64], gradient: &mut [f64], bar: impl Fn(usize, f64, f64) -> f64 + Sync) -> f64 {
        let (net, c) = self.numbers(theta);
        let chunks = self.chunks();
        let starts = chunks.iter().scan(0, |at, (_, points)| {
            *at += points.len();
            Some(*at - points.len())
        });
        let tasks: Vec<_> = starts.zip(&chunks).collect();
        let of = |sweep: &mut Sweep<T>, (row, chunk): &(usize, &(usize, std::ops::Range<usize>))| {
            let (mut sum, mut by_net, mut by_all_c) = (0.0, vec![T::ZERO; net.len()], vec![0.0; c.len()]);
            let first = chunk.1.start;
            self.sweep_chunk((&net, c), (*chunk).clone(), sweep, &mut |t, block, sweep, r, seed, by_c| {
                for lane in 0..block.points {
                    let i = block.start + lane;
                    let bar = bar(row + i - first, t.weight * t.cloud.weights[i], r[lane]);
                    sum += 0.5 * bar * r[lane];
                    seed.iter_mut().skip(lane).step_by(LANES).for_each(|s| *s *= T::of(bar));
                    by_c.iter_mut().skip(lane).step_by(LANES).for_each(|s| *s *= bar);
                }
                sweep.reverse_sum(&net, seed, &mut by_net);
                for (g, by_c) in by_all_c.iter_mut().zip(by_c.chunks_exact(LANES)) {
                    *g += by_c.iter().sum::<f64>();
                }
            });
            (sum, by_net, by_all_c)
        };
        let parts: Vec<_> = tasks.par_iter().map_init(|| self.room(), of).collect();
        gradient.fill(0.0);
        for (_, by_net, by_c) in &parts {
            let part = by_net.iter().map(|v| v.wide()).chain(by_c.iter().copied());
            gradient.iter_mut().zip(part).for_each(|(g, p)| *g += p);
        }
        parts.iter().map(|(sum, ..)| sum).sum()
    }

    /// r of a term at its points.
    fn residual_of(&self, theta: &[f64], k: usize) -> Vec<f64> {
        let chunks: Vec<_> = self.chunks().into_iter().filter(|c| c.0 == k).collect();
        let (net, c) = self.numbers(theta);
        let of = |sweep: &mut Sweep<T>, chunk: &(usize, std::ops::Range<usize>)| {
            let mut out = Vec::with_capacity(CHUNK);
            self.sweep_chunk((&net, c), chunk.clone(), sweep, &mut |_, block, _, r, _, _| {
                out.extend(&r[..block.points])
            });
            out
        };
        chunks.par_iter().map_init(|| self.room(), of).collect::<Vec<_>>().concat()
    }
}

/// The equation's residual at any points.
pub fn residual_at(problem: &Problem, net: &Mlp, theta: &[f64], points: &[f64]) -> Vec<f64> {
    let cloud = Cloud::even(points.to_vec(), problem.dimension());
    let term = Term { residual: problem.equation.as_ref(), weight: 1.0, lifts: problem.lifts(points), cloud: &cloud };
    Objective { problem, net, terms: vec![term], precision: PhantomData::<f64> }.residual_of(theta, 0)
}

/// u at any points.
pub fn solution_at(problem: &Problem, net: &Mlp, theta: &[f64], points: &[f64]) -> Vec<f64> {
    let d = problem.dimension();
    let of = |points: &[f64]| {
        let mut sweep = Sweep::values(net);
        let mut out = Vec::with_capacity(CHUNK);
        for x in points.chunks(LANES * d) {
            out.extend(&sweep.forward(theta, x)[..x.len() / d]);
        }
        let channels = problem.channels();
        for (u, lift) in out.iter_mut().zip(problem.lifts(points).chunks_exact(2 * channels)) {
            *u = lift[0] + lift[channels] * *u;
        }
        out
    };
    points.par_chunks(CHUNK * d).map(of).collect::<Vec<_>>().concat()
}

impl<T: Precision> Function for Objective<'_, T> {
    fn unknowns(&self) -> usize {
        self.net.parameters() + self.problem.unknowns.len()
    }

    fn value(&self, theta: &[f64]) -> f64 {
        let mut rho = vec![0.0; self.rows()];
        self.residuals(theta, &mut rho);
        0.5 * rho.iter().map(|r| r * r).sum::<f64>()
    }

    fn gradient(&self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        self.pull(theta, gradient, |_, weight, r| weight * r)
    }
}

impl<T: Precision> LeastSquares for Objective<'_, T> {
    fn rows(&self) -> usize {
        self.terms.iter().map(|t| t.cloud.weights.len()).sum()
    }

    fn residuals(&self, theta: &[f64], residuals: &mut [f64]) {
        let ((net, c), mut rest, mut tasks) = (self.numbers(theta), residuals, Vec::new());
        for chunk in self.chunks() {
            let rho;
            (rho, rest) = rest.split_at_mut(chunk.1.len());
            tasks.push((chunk, rho));
        }
        tasks.into_par_iter().for_each_init(
            || self.room(),
            |sweep, (chunk, rho)| {
                let first = chunk.1.start;
                self.sweep_chunk((&net, c), chunk, sweep, &mut |t, block, _, r, _, _| {
                    for lane in 0..block.points {
                        rho[block.start - first + lane] =
                            (t.weight * t.cloud.weights[block.start + lane]).sqrt() * r[lane];
                    }
                });
            },
        );
    }

    fn transposed(&self, theta: &[f64], w: &[f64], out: &mut [f64]) {
        self.pull(theta, out, |i, weight, _| weight.sqrt() * w[i]);
    }

    fn jacobian(&self, theta: &[f64], residuals: &mut [f64], jacobian: &mut [f64]) {
        let (unknowns, (net, c)) = (theta.len(), self.numbers(theta));
        let (mut r_rest, mut j_rest) = (residuals, jacobian);
        let mut tasks = Vec::new();
        for chunk in self.chunks() {
            let (r, j);
            (r, r_rest) = r_rest.split_at_mut(chunk.1.len());
            (j, j_rest) = j_rest.split_at_mut(chunk.1.len() * unknowns);
            tasks.push((chunk, r, j));
        }
        let room = || (self.room(), vec![T::ZERO; net.len() * LANES]);
        tasks.into_par_iter().for_each_init(room, |(sweep, rows), (chunk, rho, jacobian)| {
            let first = chunk.1.start;
            self.sweep_chunk((&net, c), chunk, sweep, &mut |t, block, sweep, r, seed, by_c| {
                sweep.reverse_rows(&net, seed, rows);
                for lane in 0..block.points {
                    let scale = (t.weight * t.cloud.weights[block.start + lane]).sqrt();
                    let at = block.start - first + lane;
                    rho[at] = scale * r[lane];
                    let row = &mut jacobian[at * unknowns..(at + 1) * unknowns];
                    let by_net = rows.chunks_exact(LANES).map(|rows| rows[lane].wide());
                    let by_c = by_c.chunks_exact(LANES).map(|rows| rows[lane]);
                    row.iter_mut().zip(by_net.chain(by_c)).for_each(|(j, v)| *j = scale * v);
                }
            });
        });
    }
}
