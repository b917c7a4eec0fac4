//! Random monitors on the unit square: what the net is trained on, and never sees twice.
//!
//! log m = log(1 + Σ a_k f_k), f a Gaussian exp(−|x − c|²/w²), a ring cosh⁻²((|x − c|² − r²) / 2rw), or a front
//! cosh⁻²((n·(x − c)) / w).

#[cfg(feature = "cuda")]
use crate::device::cuda::Buffer;
use crate::error::Result;
use crate::mover::Monitor;
use crate::nn::Backend;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use std::ops::Range;
#[cfg(feature = "cuda")]
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Peak,
    Ring(f64),
    Front([f64; 2]),
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Feature {
    shape: Shape,
    amplitude: f64,
    centre: [f64; 2],
    width: f64,
}

/// One to three features.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthetic {
    features: Vec<Feature>,
}

impl Synthetic {
    /// The monitor of this number: the same numbers, the same monitor.
    pub fn new(seed: u64, number: u64) -> Self {
        let mut rng = Pcg64::new(u128::from(number), u128::from(Pcg64::seed_from_u64(seed).random::<u64>()));
        let count = rng.random_range(1..=3);
        let feature = |_| {
            let shape = match rng.random_range(0..3) {
                0 => Shape::Peak,
                1 => Shape::Ring(rng.random_range(0.1..0.45)),
                _ => {
                    let angle: f64 = rng.random_range(0.0..std::f64::consts::TAU);
                    Shape::Front([angle.cos(), angle.sin()])
                }
            };
            let amplitude = rng.random_range(0.0..15f64.ln()).exp();
            let centre = [rng.random_range(0.1..0.9), rng.random_range(0.1..0.9)];
            Feature { shape, amplitude, centre, width: rng.random_range(0.06..0.25) }
        };
        Synthetic { features: (0..count).map(feature).collect() }
    }

    /// log m and its slopes.
    pub fn log_with_slopes(&self, p: [f64; 2]) -> (f64, [f64; 2]) {
        let (mut m, mut slopes) = (1.0, [0.0; 2]);
        for f in &self.features {
            let r = [p[0] - f.centre[0], p[1] - f.centre[1]];
            let squared = r[0] * r[0] + r[1] * r[1];
            // cosh⁻²(t): derivative −2 tanh(t) cosh⁻²(t)
            let bump = |t: f64, slope_t: [f64; 2]| {
                let value = t.cosh().powi(-2);
                (value, slope_t.map(|s| -2.0 * t.tanh() * value * s))
            };
            let (value, slope) = match f.shape {
                Shape::Peak => {
                    let w = f.width * f.width;
                    let value = (-squared / w).exp();
                    (value, r.map(|r| -2.0 * r / w * value))
                }
                Shape::Ring(radius) => {
                    let scale = 2.0 * radius * f.width;
                    bump((squared - radius * radius) / scale, r.map(|r| 2.0 * r / scale))
                }
                Shape::Front(n) => bump((n[0] * r[0] + n[1] * r[1]) / f.width, n.map(|n| n / f.width)),
            };
            m += f.amplitude * value;
            (0..2).for_each(|k| slopes[k] += f.amplitude * slope[k]);
        }
        (m.ln(), slopes.map(|s| s / m))
    }
}

#[cfg(feature = "cuda")]
impl Synthetic {
    /// FEATURES times NUMBERS of `kernels/mover.cu`: kind, amplitude, centre, width, and of a ring its radius, of a front n. Of what is
    /// not there the amplitude is 0.
    fn numbers(&self) -> [[f64; 7]; 3] {
        let of = |f: &Feature| {
            let (kind, [a, b]) = match f.shape {
                Shape::Peak => (0.0, [0.0; 2]),
                Shape::Ring(radius) => (1.0, [radius, 0.0]),
                Shape::Front(n) => (2.0, n),
            };
            [kind, f.amplitude, f.centre[0], f.centre[1], f.width, a, b]
        };
        let none = [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0];
        std::array::from_fn(|k| self.features.get(k).map_or(none, of))
    }
}

/// Monitors of a step, here and where the step is made.
pub struct Monitors {
    pub all: Vec<Synthetic>,
    /// Their numbers on the GPU, if it is made there and nothing went wrong.
    #[cfg(feature = "cuda")]
    pub on_cuda: Option<Arc<Buffer<f64>>>,
}

impl Monitors {
    /// Those of these numbers.
    #[cfg_attr(not(feature = "cuda"), allow(unused_variables))]
    pub fn new(seed: u64, numbers: Range<u64>, backend: &Backend) -> Self {
        let all: Vec<Synthetic> = numbers.map(|n| Synthetic::new(seed, n)).collect();
        Monitors {
            #[cfg(feature = "cuda")]
            on_cuda: match backend {
                Backend::Cpu => None,
                Backend::Gpu(gpu) => {
                    gpu.doubles(all.iter().flat_map(Synthetic::numbers).flatten().collect::<Vec<_>>().as_slice())
                }
            },
            all,
        }
    }
}

impl Monitor for Synthetic {
    fn eval(&self, points: &[[f64; 3]], m: &mut [f64]) -> Result<()> {
        let value = |p: [f64; 3]| self.log_with_slopes([p[0], p[1]]).0.exp();
        value.eval(points, m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_the_values() {
        for number in 0..30 {
            let monitor = Synthetic::new(1, number);
            for p in [[0.2, 0.3], [0.7, 0.55], [0.5, 0.9]] {
                let (_, slopes) = monitor.log_with_slopes(p);
                for k in 0..2 {
                    let at = |s: f64| {
                        let mut p = p;
                        p[k] += s;
                        monitor.log_with_slopes(p).0
                    };
                    assert!(((at(1e-6) - at(-1e-6)) / 2e-6 - slopes[k]).abs() < 1e-6, "{number} {p:?}");
                }
            }
        }
        assert_eq!(Synthetic::new(1, 5), Synthetic::new(1, 5));
        assert_ne!(Synthetic::new(1, 5), Synthetic::new(1, 6));
    }
}
