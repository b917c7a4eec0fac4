//! The diffusion equation −∇·(a ∇u) = 1 in the unit square or cube, u = 0 on its boundary, by finite volumes.
//!
//! For a cell c with face neighbours n and h the side of a cell, cells of the lattice being equal:
//!
//! `Σ_n w (u_c − u_n) + Σ_boundary 2 a_c u_c = h²`, w = 2 a_c a_n / (a_c + a_n),
//!
//! the exact flux through layers of constant a; half a cell lies between a centre and the boundary. Multigrid-preconditioned
//! conjugate gradients solve it: the cells around the lattice are air, the solver's name for u = 0.
//!
//! Departure from the data sets of Z. Li et al., ICLR 2021 (`solve_gwf.m`), which interpolate a to nodes with splines and average
//! it arithmetically: a that jumps overshoots there.

use crate::error::{Error, Result};
use crate::operator::voxel::FaceWeights;
use crate::solver::{Outcome, StopRule, VoxelSolver, unobserved};
use crate::voxel::{AIR, FLUID, VoxelGrid};

/// u at the centres of `n` cells, n0 = 1 in the plane; h is 1 / n2.
///
/// Errors: a coefficient that is not positive and finite (where), no convergence.
pub fn solve_diffusion(a: &[f64], n: [usize; 3]) -> Result<Vec<f64>> {
    if let Some(at) = a.iter().position(|a| !(*a > 0.0 && a.is_finite())) {
        return Err(Error::Problem {
            what: format!("the coefficient {} in cell {at}", a[at]),
            help: "a diffusion coefficient is positive".into(),
        });
    }
    let plane = n[0] == 1;
    let m = [if plane { 1 } else { n[0] + 2 }, n[1] + 2, n[2] + 2];
    let off = [usize::from(!plane), 1, 1];
    // Of a cell of the grid with its border: the cell inside, if it is one.
    let inside = |place: [usize; 3]| {
        let at = |d: usize| place[d].checked_sub(off[d]).filter(|i| *i < n[d]);
        Some((at(0)? * n[1] + at(1)?) * n[2] + at(2)?)
    };
    let places = || (0..m[0] * m[1] * m[2]).map(|q| [q / m[2] / m[1], q / m[2] % m[1], q % m[2]]);
    let flags = places().map(|p| if inside(p).is_some() { FLUID } else { AIR }).collect();
    let grid = VoxelGrid::new(if plane { &m[1..] } else { &m }, flags)?;
    let mut weights = FaceWeights::ones(&grid);
    for d in usize::from(plane)..3 {
        for place in places().filter(|p| p[d] > 0) {
            let mut before = place;
            before[d] -= 1;
            let w = match [inside(before), inside(place)].map(|c| c.map(|c| a[c])) {
                [Some(a), Some(b)] => 2.0 * a * b / (a + b),
                [Some(a), None] | [None, Some(a)] => 2.0 * a,
                [None, None] => continue,
            };
            let at = weights.index(d, place);
            weights.faces_mut(d)[at] = w as f32;
        }
    }
    let h = 1.0 / n[2] as f64;
    let b: Vec<f64> = places().map(|p| if inside(p).is_some() { h * h } else { 0.0 }).collect();
    let mut x = vec![0.0; b.len()];
    let stop = StopRule { rtol: 1e-8, ..StopRule::default() };
    let report = VoxelSolver::weighted(&grid, &weights)?.solve(&b, &mut x, &stop, &mut unobserved)?;
    if report.outcome != Outcome::Converged {
        report.require_converged()?;
    }
    Ok(places().zip(x).filter_map(|(p, x)| inside(p).map(|_| x)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    /// u = Π sin(π x_d) solves −∇·(a ∇u) = 1 for no a; so the series of the square's constant a = 1 is compared with.
    fn series(x: f64, y: f64) -> f64 {
        let mut u = 0.0;
        for (k, l) in (0..60 * 60).map(|q| ((2 * (q / 60) + 1) as f64, (2 * (q % 60) + 1) as f64)) {
            u += 16.0 / (PI.powi(4) * k * l * (k * k + l * l)) * (k * PI * x).sin() * (l * PI * y).sin();
        }
        u
    }

    #[test]
    fn a_constant_coefficient_gives_the_series_with_second_order() {
        let off = |n: usize| {
            let u = solve_diffusion(&vec![2.0; n * n], [1, n, n]).unwrap();
            let at = |q: usize| (q as f64 + 0.5) / n as f64;
            let square = (0..n * n).map(|q| (u[q] - 0.5 * series(at(q / n), at(q % n))).powi(2));
            (square.sum::<f64>() / (n * n) as f64).sqrt()
        };
        let errors = [off(8), off(16), off(32)];
        let orders = [(errors[0] / errors[1]).log2(), (errors[1] / errors[2]).log2()];
        assert!(orders.iter().all(|p| (p - 2.0).abs() < 0.15) && errors[2] < 1e-4, "{errors:?} {orders:?}");
    }

    #[test]
    fn fluxes_balance_in_space_too_and_bad_coefficients_are_refused() {
        let n = [4, 4, 4];
        let a: Vec<f64> = (0..64).map(|q| 1.0 + f64::from(q as u32 % 7)).collect();
        let u = solve_diffusion(&a, n).unwrap();
        // What flows out through the boundary is what the source gives: Σ 2 a u h = 1.
        let at = |q: usize| [q / 16, q / 4 % 4, q % 4];
        let out: f64 = (0..64)
            .map(|q| {
                at(q).iter().map(|i| usize::from(*i == 0) + usize::from(*i == 3)).sum::<usize>() as f64
                    * 2.0
                    * a[q]
                    * u[q]
            })
            .sum();
        assert!((0.25 * out - 1.0).abs() < 1e-5, "{out}");
        assert!(solve_diffusion(&[1.0, -1.0, 1.0, 1.0], [1, 2, 2]).unwrap_err().to_string().contains("-1 in cell 1"));
    }
}
