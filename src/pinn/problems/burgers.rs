//! The solution of u_t + u u_x = ν u_xx, u(x, 0) = −sin πx, u(±1, t) = 0, ν = 0.01/π, by E. Hopf (1950) and J. D. Cole (1951):
//!
//! u = −∫ sin π(x − s) F(x − s) G(s) ds / ∫ F(x − s) G(s) ds, F(y) = exp(−cos πy / 2πν), G(s) = exp(−s² / 4νt),
//! by the trapezoidal rule in s/√(4νt) over ±`REACH`, which converges faster than any power.

use std::f64::consts::PI;

const NU: f64 = 0.01 / PI;
/// |s| / √(4νt) beyond which G and all it can outweigh vanish.
const REACH: f64 = 9.0;
const NODES: usize = 400;

/// u at (x, t).
pub(super) fn solution(x: &[f64]) -> f64 {
    let [x, t] = [x[0], x[1]];
    if t <= 0.0 {
        return -(PI * x).sin();
    }
    let width = (4.0 * NU * t).sqrt();
    let node = |k: usize| {
        let z = REACH * (2.0 * k as f64 / NODES as f64 - 1.0);
        let y = x - width * z;
        ((PI * y).sin(), -(PI * y).cos() / (2.0 * PI * NU) - z * z)
    };
    let top = (0..=NODES).map(|k| node(k).1).fold(f64::NEG_INFINITY, f64::max);
    let (mut above, mut below) = (0.0, 0.0);
    for k in 0..=NODES {
        let (sine, log) = node(k);
        let weight = (log - top).exp();
        above -= sine * weight;
        below += weight;
    }
    above / below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_solution_solves_the_equation() {
        for [x, t] in [[0.3, 0.2], [-0.6, 0.7], [0.05, 0.9], [0.95, 0.5]] {
            let h = 2e-4;
            let u = |i: f64, j: f64| solution(&[x + i * h, t + j * h]);
            let slope = (u(1.0, 0.0) - u(-1.0, 0.0)) / (2.0 * h);
            let bend = (u(1.0, 0.0) - 2.0 * u(0.0, 0.0) + u(-1.0, 0.0)) / (h * h);
            let rate = (u(0.0, 1.0) - u(0.0, -1.0)) / (2.0 * h);
            let r = rate + u(0.0, 0.0) * slope - NU * bend;
            assert!(r.abs() < 2e-3 * (1.0 + slope.abs()), "{x} {t}: {r}");
        }
        assert!(solution(&[1.0, 0.4]).abs() < 1e-9 && solution(&[-1.0, 0.4]).abs() < 1e-9);
    }
}
