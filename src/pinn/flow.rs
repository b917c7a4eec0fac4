//! A normalising flow on the unit cube: a density that can be evaluated, drawn from, and trained.
//!
//! y = f(x) is uniform, so p(x) = |det ∂f/∂x|. f is a chain of couplings: one part of the coordinates stays and a small network of it
//! gives the heights of a [`Spline`](super::spline) for each of the others; the parts change roles from one coupling to the next. A
//! last layer maps every coordinate by a spline of its own. Every layer maps the cube onto itself, so ∫ p = 1 exactly.
//!
//! | symbol | here | value |
//! |---|---|---|
//! | couplings | [`COUPLINGS`] | 6 |
//! | hidden layer of a coupling's network, tanh | [`WIDTH`] | 24 |
//! | bins | [`BINS`] | 16 |
//!
//! K. Tang, X. Wan and Q. Liao, *J. Comput. Phys.* 476 (2023) 111868, §3 (KRnet); L. Zeng, X. Wan and T. Zhou, arXiv:2305.09063
//! (bounded KRnet).
//!
//! 1. Bounded KRnet: no logit to the whole space and so no clipping, no actnorm (its splines scale) and no rotation (it would
//!    leave the cube), which the published runs switch off.
//! 2. Coordinates change roles by halves; no coordinate is frozen from one stage to the next.

use super::normal;
use super::spline::Spline;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

/// Couplings before the last layer.
pub const COUPLINGS: usize = 6;
/// Neurons of a coupling's hidden layer.
pub const WIDTH: usize = 24;
/// Bins of a spline.
pub const BINS: usize = 16;

/// One layer: those that stay, those that move.
#[derive(Debug, Clone)]
struct Layer {
    kept: Vec<usize>,
    moved: Vec<usize>,
    /// Where its numbers begin.
    offset: usize,
}

impl Layer {
    fn outputs(&self) -> usize {
        self.moved.len() * (BINS + 1)
    }

    fn parameters(&self) -> usize {
        match self.kept.len() {
            0 => self.outputs(),
            n => (n + 1) * WIDTH + (WIDTH + 1) * self.outputs(),
        }
    }

    /// Hidden values, and the heights' numbers a.
    fn numbers(&self, theta: &[f64], y: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let theta = &theta[self.offset..self.offset + self.parameters()];
        if self.kept.is_empty() {
            return (Vec::new(), theta.to_vec());
        }
        let n = self.kept.len();
        let (first, second) = theta.split_at((n + 1) * WIDTH);
        let neuron = |w: &[f64]| (w[n] + (0..n).map(|i| w[i] * (2.0 * y[self.kept[i]] - 1.0)).sum::<f64>()).tanh();
        let hidden: Vec<f64> = first.chunks_exact(n + 1).map(neuron).collect();
        let output = |w: &[f64]| w[WIDTH] + hidden.iter().zip(w).map(|(h, w)| h * w).sum::<f64>();
        let a = second.chunks_exact(WIDTH + 1).map(output).collect();
        (hidden, a)
    }

    /// From the adjoints of a to those of the numbers, and of the coordinates kept.
    fn reverse(&self, theta: &[f64], y: &[f64], hidden: &[f64], of_a: &[f64], of_y: &mut [f64], gradient: &mut [f64]) {
        let range = self.offset..self.offset + self.parameters();
        let (theta, gradient) = (&theta[range.clone()], &mut gradient[range]);
        if self.kept.is_empty() {
            gradient.iter_mut().zip(of_a).for_each(|(g, a)| *g += a);
            return;
        }
        let n = self.kept.len();
        let (first, second) = theta.split_at((n + 1) * WIDTH);
        let (of_first, of_second) = gradient.split_at_mut((n + 1) * WIDTH);
        let mut of_hidden = [0.0; WIDTH];
        for ((w, g), a) in second.chunks_exact(WIDTH + 1).zip(of_second.chunks_exact_mut(WIDTH + 1)).zip(of_a) {
            for i in 0..WIDTH {
                of_hidden[i] += a * w[i];
                g[i] += a * hidden[i];
            }
            g[WIDTH] += a;
        }
        for (k, (w, g)) in first.chunks_exact(n + 1).zip(of_first.chunks_exact_mut(n + 1)).enumerate() {
            let z = of_hidden[k] * (1.0 - hidden[k] * hidden[k]);
            for i in 0..n {
                g[i] += z * (2.0 * y[self.kept[i]] - 1.0);
                of_y[self.kept[i]] += 2.0 * z * w[i];
            }
            g[n] += z;
        }
    }
}

/// The flow with its numbers.
#[derive(Debug, Clone)]
pub struct Flow {
    layers: Vec<Layer>,
    dimension: usize,
    /// All numbers.
    pub theta: Vec<f64>,
}

impl Flow {
    /// A flow near the uniform density.
    pub fn new(dimension: usize, seed: u64) -> Self {
        let mut offset = 0;
        let couplings = if dimension > 1 { COUPLINGS } else { 0 };
        let mut layers = Vec::new();
        for l in 0..=couplings {
            // Halves for neighbours in turn: the lower and upper, then the even and odd.
            let moves = |i: usize| match l {
                l if l == couplings => true,
                l if (l / 2).is_multiple_of(2) => (i < dimension.div_ceil(2)) == l.is_multiple_of(2),
                l => i.is_multiple_of(2) == l.is_multiple_of(2),
            };
            let (moved, kept) = (0..dimension).partition(|i| moves(*i));
            let layer = Layer { kept, moved, offset };
            offset += layer.parameters();
            layers.push(layer);
        }
        let mut rng = Pcg64::seed_from_u64(seed);
        let mut theta = vec![0.0; offset];
        for layer in layers.iter().filter(|l| !l.kept.is_empty()) {
            let n = layer.kept.len() + 1;
            let (first, second) = theta[layer.offset..layer.offset + layer.parameters()].split_at_mut(n * WIDTH);
            first.iter_mut().for_each(|w| *w = normal(&mut rng));
            second.iter_mut().for_each(|w| *w = 0.01 * normal(&mut rng));
        }
        Flow { layers, dimension, theta }
    }

    /// d
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// log p at a point of the unit cube.
    pub fn log_density(&self, x: &[f64]) -> f64 {
        let mut y = x.to_vec();
        let mut sum = 0.0;
        for layer in &self.layers {
            let (_, a) = layer.numbers(&self.theta, &y);
            for (i, a) in layer.moved.iter().zip(a.chunks_exact(BINS + 1)) {
                let (value, p) = Spline::new(a).map(y[*i]);
                y[*i] = value;
                sum += p.ln();
            }
        }
        sum
    }

    /// log p, and `scale(log p)` times its derivative by every number added to `gradient`.
    pub fn reverse(&self, x: &[f64], scale: impl FnOnce(f64) -> f64, gradient: &mut [f64]) -> f64 {
        let mut y = x.to_vec();
        let mut sum = 0.0;
        let mut passes = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let (hidden, a) = layer.numbers(&self.theta, &y);
            let before = y.clone();
            let splines: Vec<Spline> = a.chunks_exact(BINS + 1).map(Spline::new).collect();
            for (i, spline) in layer.moved.iter().zip(&splines) {
                let (value, p) = spline.map(y[*i]);
                y[*i] = value;
                sum += p.ln();
            }
            passes.push((before, hidden, splines));
        }
        let scale = scale(sum);
        let mut mine = vec![0.0; self.theta.len()];
        let mut of_y = vec![0.0; self.dimension];
        for (layer, (before, hidden, splines)) in self.layers.iter().zip(&passes).rev() {
            let mut of_a = vec![0.0; layer.outputs()];
            for ((i, spline), of_a) in layer.moved.iter().zip(splines).zip(of_a.chunks_exact_mut(BINS + 1)) {
                of_y[*i] = spline.reverse(before[*i], of_y[*i], of_a);
            }
            layer.reverse(&self.theta, before, hidden, &of_a, &mut of_y, &mut mine);
        }
        gradient.iter_mut().zip(&mine).for_each(|(g, m)| *g += scale * m);
        sum
    }

    /// f(x)
    pub fn forward(&self, x: &[f64]) -> Vec<f64> {
        let mut y = x.to_vec();
        for layer in &self.layers {
            let (_, a) = layer.numbers(&self.theta, &y);
            let maps = layer.moved.iter().zip(a.chunks_exact(BINS + 1));
            maps.for_each(|(i, a)| y[*i] = Spline::new(a).map(y[*i]).0);
        }
        y
    }

    /// x of f(x) = y.
    pub fn inverse(&self, y: &[f64]) -> Vec<f64> {
        let mut x = y.to_vec();
        for layer in self.layers.iter().rev() {
            let (_, a) = layer.numbers(&self.theta, &x);
            let maps = layer.moved.iter().zip(a.chunks_exact(BINS + 1));
            maps.for_each(|(i, a)| x[*i] = Spline::new(a).inverse(x[*i]));
        }
        x
    }

    /// A random point.
    pub fn draw(&self, rng: &mut Pcg64) -> Vec<f64> {
        let y: Vec<f64> = (0..self.dimension).map(|_| rng.random()).collect();
        self.inverse(&y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flow far from uniform.
    fn bent(dimension: usize) -> Flow {
        let mut flow = Flow::new(dimension, 3);
        let mut rng = Pcg64::seed_from_u64(5);
        flow.theta.iter_mut().for_each(|t| *t += 0.15 * normal(&mut rng));
        flow
    }

    #[test]
    fn the_density_integrates_to_one() {
        let (flow, n) = (bent(2), 200);
        let at = |i: usize| (i as f64 + 0.5) / n as f64;
        let logs: Vec<f64> = (0..n * n).map(|c| flow.log_density(&[at(c / n), at(c % n)])).collect();
        let integral = logs.iter().map(|log| log.exp()).sum::<f64>() / (n * n) as f64;
        assert!((integral - 1.0).abs() < 1e-3, "{integral}");
        let peak = logs.iter().copied().fold(0.0, f64::max);
        assert!(peak > 0.5, "the flow under test is no longer bent: {peak}");
    }

    #[test]
    fn the_inverse_is_exact() {
        for d in [1, 2, 3, 10] {
            let flow = bent(d);
            let mut rng = Pcg64::seed_from_u64(7);
            for _ in 0..50 {
                let y: Vec<f64> = (0..d).map(|_| rng.random()).collect();
                let back = flow.forward(&flow.inverse(&y));
                assert!(y.iter().zip(&back).all(|(y, b)| (y - b).abs() < 1e-9), "{d}: {y:?} {back:?}");
            }
        }
    }

    #[test]
    fn the_gradient_equals_central_differences() {
        for d in [2, 5] {
            let mut flow = bent(d);
            let x: Vec<f64> = (0..d).map(|i| 0.13 + 0.17 * i as f64).collect();
            let mut gradient = vec![0.0; flow.theta.len()];
            let value = flow.reverse(&x, |_| 1.0, &mut gradient);
            assert_eq!(value, flow.log_density(&x));
            let h = 1e-6;
            for k in (0..gradient.len()).step_by(37) {
                let theta = flow.theta[k];
                let mut at = |t: f64| {
                    flow.theta[k] = t;
                    flow.log_density(&x)
                };
                let slope = (at(theta + h) - at(theta - h)) / (2.0 * h);
                at(theta);
                assert!((slope - gradient[k]).abs() < 1e-6 * (1.0 + slope.abs()), "{k}: {slope} {}", gradient[k]);
            }
        }
    }
}
