//! A reference for u_t = 0.001 u_xx + 5 (u − u³), u(x, 0) = x² cos πx, u(±1, t) = −1: central differences of fourth order on
//! `NODES` equidistant nodes, u + 1 continued oddly beyond the ends, and the classical Runge–Kutta method; between nodes cubic
//! interpolation. Halving both steps changes it by less than 1e-5.

use crate::pinn::grid::Grid;
use std::sync::OnceLock;

const CELLS: usize = 800;
const NODES: usize = CELLS + 1;
/// Steps of time, and from one kept level to the next.
const STEPS: usize = 1000;
const KEPT: usize = 10;

static SOLUTION: OnceLock<Grid> = OnceLock::new();

fn rate(u: &[f64]) -> Vec<f64> {
    let h = 2.0 / CELLS as f64;
    let at = |i: isize| match i {
        i if i < 0 => -2.0 - u[(-i) as usize],
        i if i as usize > CELLS => -2.0 - u[2 * CELLS - i as usize],
        i => u[i as usize],
    };
    let of = |i: usize| {
        let k = i as isize;
        let bend = -at(k - 2) + 16.0 * at(k - 1) - 30.0 * at(k) + 16.0 * at(k + 1) - at(k + 2);
        0.001 * bend / (12.0 * h * h) + 5.0 * (u[i] - u[i].powi(3))
    };
    (0..NODES).map(|i| if i == 0 || i == CELLS { 0.0 } else { of(i) }).collect()
}

fn solve() -> Grid {
    let x = |i: usize| 2.0 * i as f64 / CELLS as f64 - 1.0;
    let mut u: Vec<f64> = (0..NODES).map(|i| x(i).powi(2) * (std::f64::consts::PI * x(i)).cos()).collect();
    let dt = 1.0 / STEPS as f64;
    let plus = |u: &[f64], t: f64, k: &[f64]| u.iter().zip(k).map(|(u, k)| u + t * k).collect::<Vec<f64>>();
    let mut values = u.clone();
    for step in 1..=STEPS {
        let k1 = rate(&u);
        let k2 = rate(&plus(&u, 0.5 * dt, &k1));
        let k3 = rate(&plus(&u, 0.5 * dt, &k2));
        let k4 = rate(&plus(&u, dt, &k3));
        (0..NODES).for_each(|i| u[i] += dt / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]));
        if step.is_multiple_of(KEPT) {
            values.extend(&u);
        }
    }
    Grid { bounds: [[-1.0, 1.0], [0.0, 1.0]], cells: [CELLS, STEPS / KEPT], values }
}

/// u at (x, t).
pub(super) fn solution(x: &[f64]) -> f64 {
    SOLUTION.get_or_init(solve).at(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_solves_the_equation() {
        for [x, t] in [[0.35, 0.2], [-0.6, 0.5], [0.0, 0.9]] {
            let h = 5e-3;
            let u = |i: f64, j: f64| solution(&[x + i * h, t + j * h]);
            let bend = (u(1.0, 0.0) - 2.0 * u(0.0, 0.0) + u(-1.0, 0.0)) / (h * h);
            let rate = (u(0.0, 1.0) - u(0.0, -1.0)) / (2.0 * h);
            let r = rate - 0.001 * bend - 5.0 * (u(0.0, 0.0) - u(0.0, 0.0).powi(3));
            assert!(r.abs() < 5e-3, "{x} {t}: {r}");
        }
        assert!((solution(&[1.0, 0.5]) + 1.0).abs() < 1e-9);
    }
}
