//! Flow past a cylinder in the unit square: ∂v/∂t + (v·∇) v = ν Δv − ∇p, ∇·v = 0, on a staggered grid.
//!
//! | symbol | name here | |
//! |---|---|---|
//! | ν | `viscosity` | with the stream's speed 1 and the diameter 0.2, Re = 0.2 / ν |
//! | v | `across`, `along` | on the faces of n × n cells: component x on `n (n + 1)` faces, y on `(n + 1) n`, x fastest |
//! | p | `pressure` | at the cells' centres, times the step of time over h |
//!
//! v = (1, 0) at x = 0, no flow through y = 0 and y = 1 (slip), p = 0 beyond x = 1, v = 0 on the cells whose centre is in the [`DISC`].
//! Transport by third-order upwind differences, viscosity by central ones, Heun's method with a projection after both stages. F. H. Harlow
//! and J. E. Welch, Phys. Fluids 8 (1965), doi:10.1063/1.1761178; A. J. Chorin, Math. Comp. 22 (1968), doi:10.2307/2004575.

use super::burgers::Start;
use crate::error::Result;
use crate::solver::{StopRule, VoxelSolver, unobserved};
use crate::voxel::{AIR, FLUID, SOLID, VoxelGrid};

/// Middle and radius of the cylinder.
pub const DISC: ([f64; 2], f64) = ([0.3, 0.5], 0.1);
/// Part of the largest stable step that is made.
const STABLE: f64 = 0.5;
/// Speed of the random flow that a start has beside the stream, about.
const UNREST: f64 = 0.1;
/// Relative residual of the pressure.
const TOLERANCE: f64 = 1e-6;

/// Whether a place is in the cylinder.
pub fn in_disc([x, y]: [f64; 2]) -> bool {
    let ([a, b], radius) = DISC;
    (x - a).hypot(y - b) < radius
}

/// A flow, its state.
pub struct Cylinder {
    n: usize,
    viscosity: f64,
    solid: Vec<bool>,
    across: Vec<f64>,
    along: Vec<f64>,
    pressure: Vec<f64>,
    solver: VoxelSolver,
}

impl Cylinder {
    /// The stream with the curl of `start` beside it.
    ///
    /// Errors: fewer cells than the cylinder needs.
    pub fn new(n: usize, viscosity: f64, start: &Start) -> Result<Self> {
        let centre = |i: usize| (i as f64 + 0.5) / n as f64;
        let solid: Vec<bool> = (0..n * n).map(|c| in_disc([centre(c % n), centre(c / n)])).collect();
        let flag = |c: usize| match () {
            _ if solid[c] => SOLID,
            _ if c % n + 1 == n => AIR,
            _ => FLUID,
        };
        let solver = VoxelSolver::new(&VoxelGrid::new(&[n, n], (0..n * n).map(flag).collect())?)?;
        // v = (∂ψ/∂y, −∂ψ/∂x) has no divergence.
        let (psi, row) = (start.on(n), n + 1);
        let rise = UNREST * n as f64 / std::f64::consts::PI;
        let across = (0..n * row).map(|f| 1.0 + rise * (psi[f + row] - psi[f])).collect();
        let along = (0..row * n).map(|f| f / n * row + f % n).map(|q| -rise * (psi[q + 1] - psi[q])).collect();
        let mut flow = Cylinder { n, viscosity, solid, across, along, pressure: vec![0.0; n * n], solver };
        flow.project()?;
        Ok(flow)
    }

    /// A time later.
    ///
    /// Errors: a pressure that was not found.
    pub fn advance(&mut self, time: f64) -> Result<()> {
        let mut left = time;
        while left > 1e-12 * time {
            let (n, fastest) = (self.n as f64, |v: &[f64]| v.iter().fold(0.0f64, |m, v| m.max(v.abs())));
            let rate = n * (fastest(&self.across) + fastest(&self.along)) + 4.0 * self.viscosity * n * n;
            let dt = (STABLE / rate).min(left);
            // v¹ = P (v + dt r(v)); v <- P ½ (v + v¹ + dt r(v¹))
            let before = [self.across.clone(), self.along.clone()];
            self.drift(dt);
            self.project()?;
            self.drift(dt);
            let mean = |v: &mut [f64], b: &[f64]| v.iter_mut().zip(b).for_each(|(v, b)| *v = 0.5 * (*v + b));
            mean(&mut self.across, &before[0]);
            mean(&mut self.along, &before[1]);
            self.project()?;
            left -= dt;
        }
        Ok(())
    }

    /// Component x of v at the (n + 1)² points of the lattice, 0 in the cylinder.
    pub fn stream(&self) -> Vec<f64> {
        let (n, row) = (self.n, self.n + 1);
        let place = |i: usize| i as f64 / n as f64;
        let value = |i: usize, j: usize| match in_disc([place(i), place(j)]) {
            true => 0.0,
            false => 0.5 * (self.across[j.saturating_sub(1) * row + i] + self.across[j.min(n - 1) * row + i]),
        };
        (0..row * row).map(|q| value(q % row, q / row)).collect()
    }

    /// The largest |∇·v| in a fluid cell, times h.
    #[cfg(test)]
    fn divergence(&self) -> f64 {
        let fluid = |c: &usize| !self.solid[*c] && c % self.n + 1 < self.n;
        (0..self.n * self.n).filter(fluid).fold(0.0, |m, c| m.max(self.source(c).abs()))
    }

    /// What flows into a cell less what flows out.
    fn source(&self, c: usize) -> f64 {
        let (n, (i, j)) = (self.n, (c % self.n, c / self.n));
        let (west, south) = (j * (n + 1) + i, j * n + i);
        self.across[west] - self.across[west + 1] + self.along[south] - self.along[south + n]
    }

    /// v <- v + dt (ν Δv − (v·∇) v), inside.
    fn drift(&mut self, dt: f64) {
        let (n, h) = (self.n as isize, 1.0 / self.n as f64);
        // Beyond the border: the stream from the west, the same to the east; no friction at the sides.
        let u = |i: isize, j: isize| match i {
            ..=0 => 1.0,
            _ => self.across[(j.clamp(0, n - 1) * (n + 1) + i.min(n)) as usize],
        };
        let v = |i: isize, j: isize| match (i, j) {
            (..=-1, _) => 0.0,
            _ if j <= 0 || j >= n => 0.0,
            _ => self.along[(j * n + i.min(n - 1)) as usize],
        };
        let change = |of: &dyn Fn(isize, isize) -> f64, (i, j): (isize, isize), [a, b]: [f64; 2]| {
            let x = [-2, -1, 0, 1, 2].map(|k| of(i + k, j));
            let y = [-2, -1, 0, 1, 2].map(|k| of(i, j + k));
            let curve = |w: [f64; 5]| w[1] - 2.0 * w[2] + w[3];
            self.viscosity * (curve(x) + curve(y)) / (h * h) - (upwind(a, x) + upwind(b, y)) / h
        };
        let inside = |f: isize, width: isize| (f % width, f / width);
        let across = (0..n * (n + 1)).map(|f| {
            let (i, j) = inside(f, n + 1);
            let b = 0.25 * (v(i - 1, j) + v(i, j) + v(i - 1, j + 1) + v(i, j + 1));
            u(i, j) + dt * change(&u, (i, j), [u(i, j), b])
        });
        let along = (0..(n + 1) * n).map(|f| {
            let (i, j) = inside(f, n);
            let a = 0.25 * (u(i, j - 1) + u(i + 1, j - 1) + u(i, j) + u(i + 1, j));
            v(i, j) + dt * change(&v, (i, j), [a, v(i, j)])
        });
        let moved: [Vec<f64>; 2] = [across.collect(), along.collect()];
        [self.across, self.along] = moved;
    }

    /// Sets what is given on borders and cylinder, and makes v free of divergence.
    fn project(&mut self) -> Result<()> {
        let (n, row) = (self.n, self.n + 1);
        for j in 0..n {
            self.across[j * row] = 1.0;
            // Beyond the last fluid cell as in it.
            self.across[j * row + n] = self.across[j * row + n - 1];
        }
        for i in 0..n {
            (self.along[i], self.along[n * n + i]) = (0.0, 0.0);
        }
        for j in 0..=n {
            self.along[j * n + n - 1] = self.along[j * n + n - 2];
        }
        for c in (0..n * n).filter(|c| self.solid[*c]) {
            let west = c / n * row + c % n;
            (self.across[west], self.across[west + 1]) = (0.0, 0.0);
            (self.along[c], self.along[c + n]) = (0.0, 0.0);
        }
        let fluid = |c: usize| !self.solid[c] && c % n + 1 < n;
        let b: Vec<f64> = (0..n * n).map(|c| if fluid(c) { self.source(c) } else { 0.0 }).collect();
        let stop = StopRule { rtol: TOLERANCE, atol: 1e-12, ..StopRule::default() };
        self.solver.solve(&b, &mut self.pressure, &stop, &mut unobserved)?.require_converged()?;
        let (p, solid) = (&self.pressure, &self.solid);
        for c in 0..n * n {
            if c % n > 0 && !solid[c] && !solid[c - 1] {
                self.across[c / n * row + c % n] -= p[c] - p[c - 1];
            }
            // Not in the last column, where there is no pressure.
            if c >= n && fluid(c) && !solid[c - n] {
                self.along[c] -= p[c] - p[c - n];
            }
        }
        Ok(())
    }
}

/// a ∂w/∂x times h by third-order upwind differences.
fn upwind(a: f64, [ww, w, c, e, ee]: [f64; 5]) -> f64 {
    (a * (ww - 8.0 * w + 8.0 * e - ee) + a.abs() * (ww - 4.0 * w + 6.0 * c - 4.0 * e + ee)) / 12.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_pcg::Pcg64;

    #[test]
    fn upwind_differences_are_exact_for_cubics() {
        let f = |x: f64| 1.0 + 2.0 * x - 0.5 * x * x + 0.25 * x * x * x;
        for a in [-1.5, 0.5] {
            let found = upwind(a, [-2.0, -1.0, 0.0, 1.0, 2.0].map(f));
            assert!((found - 2.0 * a).abs() < 1e-12, "{found}");
        }
    }

    #[test]
    fn the_stream_goes_around_the_cylinder() {
        let mut flow = Cylinder::new(36, 0.01, &Start::random(&mut Pcg64::new(3, 0))).unwrap();
        flow.advance(0.5).unwrap();
        // The residual is relative to what a projection begins with.
        assert!(flow.divergence() < 1e-5, "{}", flow.divergence());
        let u = flow.stream();
        let at = |x: f64, y: f64| u[((y * 36.0).round() * 37.0 + (x * 36.0).round()) as usize];
        assert_eq!((at(0.3, 0.5), at(0.0, 0.5)), (0.0, 1.0));
        assert!(at(0.3, 0.75) > 1.1 && at(0.45, 0.5) < 0.5, "{} {}", at(0.3, 0.75), at(0.45, 0.5));
        // What comes in goes out.
        let through = |i: usize| (0..36).map(|j| flow.across[j * 37 + i]).sum::<f64>() / 36.0;
        assert!((through(34) - 1.0).abs() < 1e-3, "{}", through(34));
    }
}
