//! The variational mover: a mesh as the minimiser of a functional that keeps cells from folding.
//!
//! E(x) = Σ_K |K_ξ| W(F_K, m_K),   W = ρ^(1−p) (ϑ q^(dp/2) + 1 − 2ϑ),   ρ = m det F,   q = det F^(2/d) ‖F⁻¹‖² / d
//!
//! | symbol | name here | what |
//! |---|---|---|
//! | F_K = ∂x/∂ξ | `f` | of a cell, by the ∇λ of the mesh that stays |
//! | m_K | | mean of the monitor at the cell's nodes, its mean over the mesh 1 |
//! | ρ, q | | equidistribution ρ = 1; shape q ≥ 1, 1 where the cell kept its shape |
//! | p, ϑ | [`P`], [`THETA`] | 3/2, 1/3 |
//!
//! This is Huang's functional, √det M (ϑ tr(J M⁻¹ Jᵀ)^(dp/2) + (1 − 2ϑ) d^(dp/2) (det J / √det M)^p) integrated over the moved mesh
//! with J = F⁻¹, for M = m^(2/d) I and without the factor d^(dp/2). It goes to infinity where a cell is about to fold, so on
//! domains of any shape, and with nodes held anywhere, a descent never tangles.
//!
//! References: W. Huang, J. Comput. Phys. 174 (2001), doi:10.1006/jcph.2001.6945 (the functional); W. Huang and L. Kamenski, Math. Comp. 87
//! (2018), doi:10.1090/mcom/3271 (no folding).
//!
//! Departures: 1. the minimum by L-BFGS (J. Nocedal, Math. Comp. 35 (1980)) in place of a gradient flow, its first matrix one multigrid
//! cycle for −Δ + 1 between projections onto what boundary nodes may do; 2. the monitor's slope is its central difference over
//! [`DIFFERENCE`] of the mesh's size, along what the node may do.

use super::boundary::{Boundary, BoundaryConfig};
use super::elements::{BLOCK, Elements};
use super::mass::project;
use super::monitor::Monitor;
use super::potential::det_ratio;
use super::spread::Spread;
use super::{MoveReport, Moved, Mover, check_mesh};
use crate::error::Result;
use crate::mesh::Mesh;
use crate::precond::Preconditioner;
use crate::precond::amg::{Amg, AmgConfig};
use crate::solver::Outcome;
use crate::sparse::vector::{axpy, dot};
use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;
use std::collections::VecDeque;
use std::time::Instant;

const P: f64 = 1.5;
const THETA: f64 = 1.0 / 3.0;
/// Changes that L-BFGS remembers.
const MEMORY: usize = 10;
/// Part of the slope that a step must bring (Armijo).
const SUFFICIENT: f64 = 1e-4;
/// Halvings of a step before the descent ends.
const HALVINGS: usize = 25;
const DIFFERENCE: f64 = 1e-6;

/// Settings of the variational mover.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VariationalConfig {
    /// Stop where the gradient, in the norm of the multigrid cycle, has fallen by this factor (default 1e-3).
    pub rtol: f64,
    /// Steps at most (default 200).
    pub max_iterations: usize,
    /// What may move on the boundary.
    pub boundary: BoundaryConfig,
}

impl Default for VariationalConfig {
    fn default() -> Self {
        VariationalConfig { rtol: 1e-3, max_iterations: 200, boundary: BoundaryConfig::default() }
    }
}

impl Mover for VariationalConfig {
    fn move_mesh(&mut self, mesh: &Mesh, monitor: &dyn Monitor) -> Result<Moved> {
        minimise(self, mesh, mesh.clone(), monitor)
    }
}

/// Minimises from the mesh `start`, which has the cells of `reference` and is not tangled.
pub(super) fn minimise(
    config: &VariationalConfig,
    reference: &Mesh,
    start: Mesh,
    monitor: &dyn Monitor,
) -> Result<Moved> {
    check_mesh(reference)?;
    super::check_tolerance(config.rtol)?;
    let mut task = Task::new(config, reference)?;
    match reference.dimension() {
        1 => task.run::<1, 2>(start, monitor),
        2 => task.run::<2, 3>(start, monitor),
        _ => task.run::<3, 4>(start, monitor),
    }
}

struct Task<'m> {
    config: &'m VariationalConfig,
    reference: &'m Mesh,
    boundary: Boundary,
    elements: Elements,
    multigrid: Amg,
    /// What the monitor is multiplied by: its mean over the mesh at the start is then 1.
    scale: f64,
}

/// A mesh with its energy.
struct Point {
    mesh: Mesh,
    /// At the degrees of freedom.
    m: Vec<f64>,
    energy: f64,
}

impl<'m> Task<'m> {
    fn new(config: &'m VariationalConfig, reference: &'m Mesh) -> Result<Self> {
        let boundary = Boundary::new(reference, &config.boundary)?;
        let elements = Elements::new(reference, boundary.of_points.clone());
        let size = reference.bounds().size();
        let stiffness = elements.stiffness(|_| [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
        let mass = elements.mass();
        // Not singular, so that means can move, too: −Δ + 1 / size².
        let values = stiffness.values().iter().zip(mass.values()).map(|(k, m)| k + m / (size * size)).collect();
        let (indptr, columns) = (stiffness.indptr().to_vec(), stiffness.indices().to_vec());
        let matrix = crate::sparse::Csr::new(elements.len(), elements.len(), indptr, columns, values);
        let multigrid = AmgConfig::default().build(&matrix)?;
        Ok(Task { config, reference, boundary, elements, multigrid, scale: 1.0 })
    }

    fn run<const D: usize, const V: usize>(&mut self, start: Mesh, monitor: &dyn Monitor) -> Result<Moved> {
        let clock = Instant::now();
        let before = {
            let m = self.monitor_at_dofs(self.reference, monitor)?;
            Spread::of(self.reference, &self.elements, &m)
        };
        let m = self.monitor_at_dofs(&start, monitor)?;
        let total: f64 = (0..self.elements.cells()).map(|c| self.mean(&m, c) * start.signed_volume(c)).sum();
        self.scale = self.elements.measure.iter().sum::<f64>() / total;
        let mut at = self.point::<D, V>(start, monitor)?;
        let mut gradient = self.gradient::<D, V>(&at, monitor)?;
        let mut memory: VecDeque<(Vec<f64>, Vec<f64>)> = VecDeque::new();
        let mut residuals: Vec<f64> = Vec::new();
        let mut first = 0.0;
        let outcome = loop {
            let z = self.preconditioned::<D>(&gradient);
            let norm = dot(&gradient, &z).max(0.0).sqrt();
            first = if residuals.is_empty() { norm } else { first };
            residuals.push(if first > 0.0 { norm / first } else { 0.0 });
            // A mesh that is right already has a gradient of rounding errors.
            if norm <= self.config.rtol * first || norm <= 1e-12 * at.energy {
                break Outcome::Converged;
            }
            if residuals.len() > self.config.max_iterations {
                break Outcome::MaxIterations;
            }
            let mut direction = self.direction::<D>(&gradient, &memory);
            let mut slope = dot(&direction, &gradient);
            if slope >= 0.0 {
                memory.clear();
                direction = z.iter().map(|z| -z).collect();
                slope = -norm * norm;
            }
            match self.search::<D, V>(&at, &direction, slope, monitor)? {
                Some((length, next)) => {
                    let step: Vec<f64> = direction.iter().map(|d| length * d).collect();
                    let next_gradient = self.gradient::<D, V>(&next, monitor)?;
                    let change: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
                    if dot(&step, &change) > 0.0 {
                        memory.push_front((step, change));
                        memory.truncate(MEMORY);
                    }
                    (at, gradient) = (next, next_gradient);
                }
                None if !memory.is_empty() => memory.clear(),
                None => break Outcome::Stagnated,
            }
        };
        let after = Spread::of(&at.mesh, &self.elements, &at.m);
        let report = MoveReport {
            method: "variational",
            outcome,
            iterations: residuals.len() - 1,
            linear_iterations: D * residuals.len(),
            residuals,
            before,
            after,
            seconds: clock.elapsed().as_secs_f64(),
            notes: Vec::new(),
        };
        Ok(Moved { mesh: at.mesh, report })
    }

    /// The longest of the steps 1, ½, ¼, ... that brings enough and folds nothing.
    fn search<const D: usize, const V: usize>(
        &self,
        at: &Point,
        direction: &[f64],
        slope: f64,
        monitor: &dyn Monitor,
    ) -> Result<Option<(f64, Point)>> {
        let mut length = 1.0;
        for _ in 0..HALVINGS {
            let mut mesh = at.mesh.clone();
            for (p, &i) in mesh.points.iter_mut().zip(&self.elements.of_points) {
                (0..D).for_each(|k| p[k] += length * direction[i as usize * D + k]);
            }
            if !self.boundary.curved.is_empty() {
                self.boundary.project_curved(self.reference, &mut mesh.points);
            }
            if det_ratio(&mesh, &self.elements) > 0.0 {
                let next = self.point::<D, V>(mesh, monitor)?;
                if next.energy <= at.energy + SUFFICIENT * length * slope {
                    return Ok(Some((length, next)));
                }
            }
            length *= 0.5;
        }
        Ok(None)
    }

    /// B g: a multigrid cycle for each component, between projections.
    fn preconditioned<const D: usize>(&mut self, g: &[f64]) -> Vec<f64> {
        let (mut out, n) = (vec![0.0; g.len()], self.elements.len());
        let (mut r, mut z) = (vec![0.0; n], vec![0.0; n]);
        for k in 0..D {
            (0..n).for_each(|i| r[i] = g[i * D + k]);
            self.multigrid.apply(&r, &mut z);
            (0..n).for_each(|i| out[i * D + k] = z[i]);
        }
        project::<D>(&self.boundary.held, &mut out);
        out
    }

    /// −H g, H the inverse Hessian of L-BFGS (two-loop recursion).
    fn direction<const D: usize>(&mut self, g: &[f64], memory: &VecDeque<(Vec<f64>, Vec<f64>)>) -> Vec<f64> {
        let mut q = g.to_vec();
        let mut alphas = Vec::new();
        for (s, y) in memory {
            let alpha = dot(s, &q) / dot(s, y);
            axpy(-alpha, y, &mut q);
            alphas.push(alpha);
        }
        let mut r = self.preconditioned::<D>(&q);
        if let Some((s, y)) = memory.front() {
            let by = self.preconditioned::<D>(y);
            let gamma = dot(s, y) / dot(y, &by);
            r.iter_mut().for_each(|r| *r *= gamma);
        }
        for ((s, y), alpha) in memory.iter().zip(alphas).rev() {
            let beta = dot(y, &r) / dot(s, y);
            axpy(alpha - beta, s, &mut r);
        }
        r.iter_mut().for_each(|r| *r = -*r);
        r
    }

    fn monitor_at_dofs(&self, mesh: &Mesh, monitor: &dyn Monitor) -> Result<Vec<f64>> {
        super::monitor_at_dofs(self.reference, mesh, &self.elements, self.config.boundary.periodic, monitor)
    }

    /// The mean of m over the nodes of a cell.
    fn mean(&self, m: &[f64], c: usize) -> f64 {
        let dofs = self.elements.cell(c);
        dofs.iter().map(|&i| m[i as usize]).sum::<f64>() / dofs.len() as f64
    }

    /// W and its derivatives on a cell.
    fn density<const D: usize, const V: usize>(&self, mesh: &Mesh, m: &[f64], c: usize) -> Density {
        let mut f = Matrix3::identity();
        (0..D).for_each(|k| f[(k, k)] = 0.0);
        for (&v, slope) in mesh.cell(c).iter().zip(&self.elements.gradient[c * V..]) {
            let x = mesh.points[v as usize];
            (0..D).for_each(|k| (0..D).for_each(|l| f[(k, l)] += x[k] * slope[l]));
        }
        Density::new::<D>(&f, self.scale * self.mean(m, c))
    }

    /// Monitor and energy on a mesh that is not tangled.
    fn point<const D: usize, const V: usize>(&self, mesh: Mesh, monitor: &dyn Monitor) -> Result<Point> {
        let m = self.monitor_at_dofs(&mesh, monitor)?;
        let cell = |c: usize| self.elements.measure[c] * self.density::<D, V>(&mesh, &m, c).value;
        let energies: Vec<f64> = (0..self.elements.cells()).into_par_iter().with_min_len(BLOCK).map(cell).collect();
        Ok(Point { energy: energies.iter().sum(), mesh, m })
    }

    /// ∂E/∂x at the degrees of freedom, D numbers each, along what the nodes may do.
    fn gradient<const D: usize, const V: usize>(&self, at: &Point, monitor: &dyn Monitor) -> Result<Vec<f64>> {
        let elements = &self.elements;
        let cell = |c: usize| {
            let density = self.density::<D, V>(&at.mesh, &at.m, c);
            let force = |a: usize| {
                let force = density.by_f * Vector3::from(elements.gradient[c * V + a]) * elements.measure[c];
                std::array::from_fn::<f64, D, _>(|k| force[k])
            };
            let by_monitor = density.by_monitor * self.scale * elements.measure[c] / V as f64;
            (std::array::from_fn::<_, V, _>(force), by_monitor)
        };
        let cells: Vec<([[f64; D]; V], f64)> =
            (0..elements.cells()).into_par_iter().with_min_len(BLOCK).map(cell).collect();
        let mut gradient = elements.gather(|corner, sum: &mut [f64; D]| {
            let force = &cells[corner / V].0[corner % V];
            (0..D).for_each(|k| sum[k] += force[k]);
        });
        project::<D>(&self.boundary.held, &mut gradient);
        let by_monitor = elements.gather(|corner, sum: &mut [f64; 1]| sum[0] += cells[corner / V].1);
        for k in 0..D {
            let slope = self.monitor_slope::<D>(&at.mesh, k, monitor)?;
            (0..slope.len()).for_each(|i| gradient[i * D + k] += by_monitor[i] * slope[i]);
        }
        Ok(gradient)
    }

    /// Component k of P ∇m at the degrees of freedom.
    fn monitor_slope<const D: usize>(&self, mesh: &Mesh, k: usize, monitor: &dyn Monitor) -> Result<Vec<f64>> {
        let h = DIFFERENCE * self.reference.bounds().size();
        let mut along = vec![0.0; D * self.elements.len()];
        along.iter_mut().skip(k).step_by(D).for_each(|a| *a = h);
        project::<D>(&self.boundary.held, &mut along);
        let beside = |sign: f64| {
            let mut mesh = mesh.clone();
            for (p, &i) in mesh.points.iter_mut().zip(&self.elements.of_points) {
                (0..D).for_each(|l| p[l] += sign * along[i as usize * D + l]);
            }
            self.monitor_at_dofs(&mesh, monitor)
        };
        let (after, before) = (beside(1.0)?, beside(-1.0)?);
        Ok(after.iter().zip(&before).map(|(a, b)| (a - b) / (2.0 * h)).collect())
    }
}

/// W and its derivatives.
struct Density {
    value: f64,
    /// ∂W/∂F
    by_f: Matrix3<f64>,
    /// ∂W/∂m
    by_monitor: f64,
}

impl Density {
    /// At F (with ones on the diagonal where there is no dimension) and m; both of positive determinant.
    fn new<const D: usize>(f: &Matrix3<f64>, m: f64) -> Self {
        let d = D as f64;
        let det = f.determinant();
        let inverse = f.try_inverse().unwrap_or_else(Matrix3::zeros);
        let squared: f64 = (0..D).flat_map(|k| (0..D).map(move |l| (k, l))).map(|at| inverse[at].powi(2)).sum();
        let (rho, q) = (m * det, det.powf(2.0 / d) * squared / d);
        let power = 0.5 * d * P;
        let shape = THETA * q.powf(power);
        let bracket = shape + 1.0 - 2.0 * THETA;
        let value = rho.powf(1.0 - P) * bracket;
        let inverse_transposed = inverse.transpose();
        // dq/q = (2/d) F⁻ᵀ − 2 F⁻ᵀ F⁻¹ F⁻ᵀ / ‖F⁻¹‖²
        let by_q = inverse_transposed * (2.0 / d) - inverse_transposed * inverse * inverse_transposed * (2.0 / squared);
        let by_f = inverse_transposed * ((1.0 - P) * value) + by_q * (rho.powf(1.0 - P) * power * shape);
        Density { value, by_f, by_monitor: (1.0 - P) * value / m }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::shapes::built_in;

    fn check<const D: usize>() {
        let mut f = Matrix3::new(1.3, 0.2, -0.1, 0.4, 0.9, 0.3, 0.1, -0.2, 1.1);
        for k in 0..3 {
            for l in 0..3 {
                if k >= D || l >= D {
                    f[(k, l)] = f64::from(u8::from(k == l));
                }
            }
        }
        let density = Density::new::<D>(&f, 1.7);
        let h = 1e-6;
        for k in 0..D {
            for l in 0..D {
                let value = |s: f64| {
                    let mut f = f;
                    f[(k, l)] += s;
                    Density::new::<D>(&f, 1.7).value
                };
                assert!(((value(h) - value(-h)) / (2.0 * h) - density.by_f[(k, l)]).abs() < 1e-7, "{D}: {k} {l}");
            }
        }
        let value = |m: f64| Density::new::<D>(&f, m).value;
        assert!(((value(1.7 + h) - value(1.7 - h)) / (2.0 * h) - density.by_monitor).abs() < 1e-8);
    }

    #[test]
    fn derivatives_of_the_density_are_its_differences() {
        check::<1>();
        check::<2>();
        check::<3>();
    }

    #[test]
    fn the_gradient_is_that_of_the_energy() {
        let mesh = built_in("square:4").unwrap().unwrap();
        let config = VariationalConfig::default();
        let task = Task::new(&config, &mesh).unwrap();
        let monitor = |p: [f64; 3]| 2.0 + (3.0 * p[0]).sin() + p[0] * p[1];
        let at = task.point::<2, 3>(mesh.clone(), &monitor).unwrap();
        let gradient = task.gradient::<2, 3>(&at, &monitor).unwrap();
        for (v, k) in [(12, 0), (12, 1), (7, 0), (2, 0)] {
            let energy = |s: f64| {
                let mut mesh = mesh.clone();
                mesh.points[v][k] += s;
                task.point::<2, 3>(mesh, &monitor).unwrap().energy
            };
            let difference = (energy(1e-6) - energy(-1e-6)) / 2e-6;
            assert!((difference - gradient[2 * v + k]).abs() < 1e-7, "{v} {k}: {difference} {}", gradient[2 * v + k]);
        }
        // Point 2 lies on the bottom: it may only slide.
        assert_eq!(gradient[2 * 2 + 1], 0.0);
    }
}
