//! Viscous Burgers' equation in the unit square: ∂u/∂t + u ∂u/∂x + u ∂u/∂y = ν Δu, u = 0 on the boundary.
//!
//! | symbol | name here | |
//! |---|---|---|
//! | ν | `viscosity` | ≥ 0 |
//! | h = 1/n | | the lattice has (n + 1)² points, x = i h fastest |
//! | u | `u` | at the points, row-major |
//!
//! Second-order central differences; u ∂u/∂x is (u_{i+1} + u_i + u_{i−1}) (u_{i+1} − u_{i−1}) / 6h, which keeps Σ u² without
//! viscosity (N. Zabusky and M. Kruskal, Phys. Rev. Lett. 15 (1965), doi:10.1103/PhysRevLett.15.240). Time: the third-order strong
//! stability preserving Runge-Kutta method (C.-W. Shu and S. Osher, J. Comput. Phys. 77 (1988), doi:10.1016/0021-9991(88)90177-5).
//! Fronts along the diagonal are about 4ν/√2[u] thick; the lattice resolves them where h |u| / ν < 2.

use rand::Rng;
use rand_pcg::Pcg64;
use std::f64::consts::PI;

/// Part of the largest stable step of the method on the imaginary axis (√3) and the negative real one (2.5) that is made.
const STABLE: [f64; 2] = [1.5, 2.2];

/// The equation on one lattice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burgers {
    /// n ≥ 2: cells along a side.
    pub cells: usize,
    /// ν.
    pub viscosity: f64,
}

impl Burgers {
    /// u, a time later. The values on the boundary stay.
    pub fn advance(&self, u: &mut [f64], time: f64) {
        let n = self.cells as f64;
        // The maximum principle: |u| stays below what it is.
        let largest = u.iter().fold(0.0f64, |m, u| m.max(u.abs()));
        let rate = 2.0 * n * largest / STABLE[0] + 8.0 * self.viscosity * n * n / STABLE[1];
        let steps = (time * rate).ceil().max(1.0);
        let dt = time / steps;
        let (mut first, mut rates) = (u.to_vec(), vec![0.0; u.len()]);
        for _ in 0..steps as usize {
            // u¹ = u + dt r(u); u² = ¾ u + ¼ (u¹ + dt r(u¹)); u <- ⅓ u + ⅔ (u² + dt r(u²))
            for (stage, keep) in [0.0, 0.75, 1.0 / 3.0].into_iter().enumerate() {
                self.rates(if stage == 0 { u } else { &first }, &mut rates);
                for ((first, u), r) in first.iter_mut().zip(&*u).zip(&rates) {
                    let at = if stage == 0 { *u } else { *first };
                    *first = keep * u + (1.0 - keep) * (at + dt * r);
                }
            }
            u.copy_from_slice(&first);
        }
    }

    /// ∂u/∂t; 0 on the boundary.
    fn rates(&self, u: &[f64], rates: &mut [f64]) {
        let (n, row) = (self.cells as f64, self.cells + 1);
        let (transport, diffusion) = (n / 6.0, self.viscosity * n * n);
        for j in 1..self.cells {
            let line = |j: usize| &u[j * row..(j + 1) * row];
            let (below, here, above) = (line(j - 1), line(j), line(j + 1));
            let out = &mut rates[j * row..(j + 1) * row];
            for i in 1..row - 1 {
                let (c, [w, e], [s, n]) = (here[i], [here[i - 1], here[i + 1]], [below[i], above[i]]);
                let flux = (w + c + e) * (e - w) + (s + c + n) * (n - s);
                out[i] = diffusion * (w + e + s + n - 4.0 * c) - transport * flux;
            }
        }
    }
}

/// A random start: a sum of sines that vanishes on the boundary.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// The factors of sin(iπx) sin(jπy), i, j = 1 ..= [`Start::MODES`], i fastest.
    amplitudes: Vec<f64>,
}

impl Start {
    /// Wave numbers in each direction.
    pub const MODES: usize = 3;

    /// Amplitudes N(0, 1/ij), scaled so that the largest |u| is between 0.6 and 1.
    pub fn random(rng: &mut Pcg64) -> Self {
        let normal = crate::nn::Tensor::normal(&[Self::MODES * Self::MODES], rng);
        let factor = |k: usize| 1.0 / (((k % Self::MODES + 1) * (k / Self::MODES + 1)) as f64).sqrt();
        let amplitudes = normal.data().iter().enumerate().map(|(k, a)| f64::from(*a) * factor(k)).collect();
        let mut start = Start { amplitudes };
        // On a lattice of its own, so that the function does not depend on the one it is wanted on.
        let largest = start.on(64).iter().fold(f64::MIN_POSITIVE, |m, u| m.max(u.abs()));
        let wanted = rng.random_range(0.6..1.0);
        start.amplitudes.iter_mut().for_each(|a| *a *= wanted / largest);
        start
    }

    /// Its values on a lattice of `cells`.
    pub fn on(&self, cells: usize) -> Vec<f64> {
        let sines: Vec<[f64; Self::MODES]> = (0..=cells)
            .map(|i| std::array::from_fn(|k| ((k + 1) as f64 * PI * i as f64 / cells as f64).sin()))
            .collect();
        let at = |i: usize, j: usize| {
            // Exactly 0 on the boundary, where sines are 0 to rounding.
            if [i, j].iter().any(|i| i % cells == 0) {
                return 0.0;
            }
            let term = |(k, a): (usize, &f64)| a * sines[i][k % Self::MODES] * sines[j][k / Self::MODES];
            self.amplitudes.iter().enumerate().map(term).sum()
        };
        (0..(cells + 1).pow(2)).map(|q| at(q % (cells + 1), q / (cells + 1))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lattice(n: usize, f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        (0..(n + 1) * (n + 1)).map(|q| f((q % (n + 1)) as f64 / n as f64, (q / (n + 1)) as f64 / n as f64)).collect()
    }

    fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).fold(0.0, |m, (a, b)| m.max((a - b).abs()))
    }

    /// Orders between errors on lattices of twice as many cells each.
    fn orders(errors: &[f64]) -> Vec<f64> {
        errors.windows(2).map(|e| (e[0] / e[1]).log2()).collect()
    }

    /// Without viscosity u(x, t) = u₀(x − u t) until a front is there.
    #[test]
    fn transport_is_that_along_characteristics_to_second_order() {
        let start = |x: f64, y: f64| 0.5 * (PI * x).sin().powi(2) * (PI * y).sin().powi(2);
        let time = 0.2;
        let exact = |x: f64, y: f64| (0..200).fold(0.0, |u, _| start(x - u * time, y - u * time));
        let error = |n: usize| {
            let mut u = lattice(n, start);
            Burgers { cells: n, viscosity: 0.0 }.advance(&mut u, time);
            largest_difference(&u, &lattice(n, exact))
        };
        let errors = [32, 64, 128].map(error);
        let orders = orders(&errors);
        assert!(orders.iter().all(|o| (o - 2.0).abs() < 0.1) && errors[2] < 3e-4, "{errors:?} {orders:?}");
    }

    #[test]
    fn small_waves_decay_by_viscosity_to_second_order() {
        let wave = |x: f64, y: f64| 1e-9 * (PI * x).sin() * (2.0 * PI * y).sin();
        let error = |n: usize| {
            let mut u = lattice(n, wave);
            Burgers { cells: n, viscosity: 0.1 }.advance(&mut u, 0.2);
            let decay = (-0.1 * 5.0 * PI * PI * 0.2).exp();
            1e9 * largest_difference(&u, &lattice(n, |x, y| decay * wave(x, y)))
        };
        let errors = [8, 16, 32].map(error);
        // The differences' own eigenvalue is smaller by π⁴ h² (1⁴ + 2⁴) / 12.
        let predicted = 0.1 * 0.2 * PI.powi(4) * 17.0 / (12.0 * 32.0 * 32.0) * (-0.1 * 5.0 * PI * PI * 0.2).exp();
        let orders = orders(&errors);
        assert!(orders.iter().all(|o| (o - 2.0).abs() < 0.1), "{errors:?} {orders:?}");
        assert!((errors[2] / predicted - 1.0).abs() < 0.01, "{} {predicted}", errors[2]);
    }

    #[test]
    fn fronts_converge_to_second_order() {
        let start = Start::random(&mut Pcg64::new(4, 0));
        let at = |n: usize| {
            let mut u = start.on(n);
            Burgers { cells: n, viscosity: 0.02 }.advance(&mut u, 0.5);
            (0..17 * 17).map(|q| u[(q / 17 * (n + 1) + q % 17) * (n / 16)]).collect::<Vec<f64>>()
        };
        let solutions = [32, 64, 128, 256].map(at);
        let errors: Vec<f64> = solutions.windows(2).map(|s| largest_difference(&s[0], &s[1])).collect();
        assert!(orders(&errors).iter().all(|o| (o - 2.0).abs() < 0.15), "{errors:?} {:?}", orders(&errors));
    }

    #[test]
    fn starts_are_functions_of_the_seed_alone() {
        let start = Start::random(&mut Pcg64::new(4, 0));
        let (coarse, fine) = (start.on(8), start.on(24));
        let largest = fine.iter().fold(0.0f64, |m, u| m.max(u.abs()));
        assert!((0.5..=1.0).contains(&largest), "{largest}");
        for q in 0..81 {
            let (i, j) = (q % 9, q / 9);
            assert!((coarse[q] - fine[3 * (j * 25 + i)]).abs() < 1e-12);
            assert!((1..8).contains(&i) && (1..8).contains(&j) || coarse[q] == 0.0);
        }
    }
}
