//! The Monge-Ampère mover: the mesh of a monitor by optimal transport.
//!
//! m(ξ + ∇φ) det(I + H) = θ,   ∂φ/∂n = 0,   x = ξ + ∇φ,   H = D²φ,   θ = |Ω|⁻¹ ∫ m det(I + H) dξ
//!
//! | symbol | name here | space |
//! |---|---|---|
//! | φ | `phi` | linear elements on ξ |
//! | g = ∇φ | `shift` | linear, by L2 projection, along the boundary where there is one |
//! | H | `hessian` | linear: (τ, H) = −(div τ, ∇φ) + ∫_∂ (∇φ − (∇φ·n) n)·τ n |
//! | m | `m` | linear, from the values at the moved nodes |
//! | r_i = ∫ψ_i (m det(I + H) − θ) | `residual` | relative: ‖r‖₂ / ‖∫ψ θ‖₂ |
//!
//! With C = cof J, J = I + H, the derivative of m det J is div(M C ∇δφ) exactly, dm/dx included, M = m(x(ξ)) (Piola: div C = 0).
//! So a Newton step d solves the symmetric Poisson problem −div(M C ∇d) = m det J − θ, and a relaxation step
//! −Δd = dt (m det J − θ).
//!
//! References: C. Budd, W. Huang and R. Russell, Acta Numerica 18 (2009), doi:10.1017/S0962492906400015 (the equation);
//! A. McRae, C. Cotter and C. Budd, SIAM J. Sci. Comput. 40 (2018), doi:10.1137/16M1109515 (the elements, relaxation).
//!
//! Departures:
//! 1. Newton as above in place of relaxation or a mixed system; its step is solved to [`STEP_TOLERANCE`] by conjugate gradients
//!    with the multigrid of the plain Laplacian (at the solution M C = θ J⁻¹).
//! 2. H is recovered, so the derivative is not exact: steps are mixed by Anderson acceleration.
//! 3. A step is taken only if no cell shrinks below [`LEAST_SHRINKING`] of the smallest before and the residual grows by less than
//!    [`MOST_GROWTH`]; else it is halved, the memory cleared and the damping lowered.
//! 4. Strong monitors by homotopy: m^s with s rising to 1, in more stages where steps get stuck or stay short.
//! 5. Where Newton's step finds no way, steps of relaxation with dt = λ_min(J) / θ.
//! 6. On slanted sides the vector field itself is held to the side, in one projected solve.

use super::anderson::Anderson;
use super::boundary::{Boundary, BoundaryConfig};
use super::elements::Elements;
use super::mass::{Mass, project};
use super::monitor::Monitor;
use super::potential::{Residual, det_ratio, hessian, newton_tensor, right_side, smallest_eigenvalue};
use super::spread::Spread;
use super::{MoveReport, Moved, check_mesh, monitor_at_dofs};
use crate::error::Result;
use crate::mesh::Mesh;
use crate::precond::amg::{Amg, AmgConfig};
use crate::precond::{Jacobi, MeanFree};
use crate::solver::{Cg, Outcome, StopRule, unobserved};
use crate::sparse::Csr;
use crate::sparse::vector::{axpy, remove_mean};
use std::time::Instant;

/// Relative tolerance of the linear solves of Newton's steps.
const STEP_TOLERANCE: f64 = 1e-2;
/// Conjugate gradient iterations after which the multigrid is built for the step's own matrix.
const SLOW: usize = 30;
/// The smallest cell ratio may fall to this part of the last one in a step.
const LEAST_SHRINKING: f64 = 0.1;
/// The residual may grow by this factor in a step.
const MOST_GROWTH: f64 = 1.02;
/// Changes that Anderson acceleration remembers.
const MEMORY: usize = 5;
/// Halvings of a step before it counts as failed.
const HALVINGS: usize = 8;
/// Steps in a row shorter than [`SHORT`] after which more stages are tried.
const CRAMPED: usize = 6;
/// Length of a step that counts as short.
const SHORT: f64 = 0.2;
/// Stages at most.
const MOST_STAGES: usize = 8;
/// Relative residual at which an intermediate stage of the homotopy ends.
const STAGE_TOLERANCE: f64 = 0.1;
/// Steps of relaxation before Newton's method is tried again.
const RELAXATIONS: usize = 20;

/// Settings of [`MongeAmpere`].
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MongeAmpereConfig {
    /// Stop at this relative residual (default 1e-8).
    pub rtol: f64,
    /// Steps at most (default 200).
    pub max_iterations: usize,
    /// N ≥ 0: the monitor is smoothed over about √N cells (default 0); the filter is (1 − N/4 h² Δ)⁻¹ on the fixed mesh.
    pub smoothing: f64,
    /// Steps of relaxation only, for comparison (default false).
    pub relaxation: bool,
    /// What may move on the boundary.
    pub boundary: BoundaryConfig,
}

impl Default for MongeAmpereConfig {
    fn default() -> Self {
        MongeAmpereConfig {
            rtol: 1e-8,
            max_iterations: 200,
            smoothing: 0.0,
            relaxation: false,
            boundary: BoundaryConfig::default(),
        }
    }
}

/// The mover on one mesh, set up once for any number of monitors; each solve begins with the potential of the one before.
pub struct MongeAmpere<'m> {
    mesh: &'m Mesh,
    config: MongeAmpereConfig,
    elements: Elements,
    boundary: Boundary,
    mass: Mass,
    laplacian: Csr,
    multigrid: MeanFree<Amg>,
    cg: Cg,
    /// The filter's matrix and its diagonal.
    filter: Option<(Csr, Jacobi)>,
    potential: Vec<f64>,
}

/// Everything at one potential.
struct State {
    phi: Vec<f64>,
    shift: Vec<f64>,
    hessian: Vec<f64>,
    mesh: Mesh,
    m: Vec<f64>,
    residual: Residual,
    det: f64,
}

/// The direction of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Direction {
    Newton,
    Relaxation,
}

impl<'m> MongeAmpere<'m> {
    /// Sets up on `mesh`, the computational mesh ξ.
    ///
    /// Errors: a mesh that is tangled or does not lie in a line or plane; groups and periods as for the boundary; settings out of
    /// range.
    pub fn new(mesh: &'m Mesh, config: &MongeAmpereConfig) -> Result<Self> {
        check_mesh(mesh)?;
        super::check_tolerance(config.rtol)?;
        super::check_smoothing(config.smoothing)?;
        let boundary = Boundary::new(mesh, &config.boundary)?;
        let elements = Elements::new(mesh, boundary.of_points.clone());
        let mass = Mass::new(elements.mass(), elements.dimension);
        let laplacian = elements.stiffness(|_| [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
        let n = elements.len();
        let multigrid = MeanFree::new(AmgConfig::default().build(&laplacian)?, n);
        let filter = (config.smoothing > 0.0).then(|| filter(&elements, config.smoothing)).transpose()?;
        Ok(MongeAmpere {
            mesh,
            config: config.clone(),
            mass,
            laplacian,
            multigrid,
            cg: Cg::new(n),
            filter,
            potential: vec![0.0; n],
            elements,
            boundary,
        })
    }

    /// Whether nodes inside the domain have to stay: then there may be no solution of the equation.
    pub fn holds_inside(&self) -> bool {
        self.boundary.holds_inside
    }

    /// φ at the degrees of freedom: zero at first, then that of the last solve.
    pub fn potential(&self) -> &[f64] {
        &self.potential
    }

    /// Begins the next solve with this potential.
    ///
    /// # Panics
    ///
    /// Where its length is not that of [`potential`](Self::potential).
    pub fn set_potential(&mut self, phi: &[f64]) {
        self.potential.copy_from_slice(phi);
    }

    /// Moves the mesh so that `monitor` is equidistributed.
    ///
    /// Errors: a monitor that is not positive and finite on the mesh or on its way. Not converging is an outcome; the mesh is the
    /// best one found and never tangled.
    pub fn solve(&mut self, monitor: &dyn Monitor) -> Result<Moved> {
        let clock = Instant::now();
        let zero = vec![0.0; self.elements.len()];
        let Some(start) = self.state(zero, 1.0, monitor, None)? else {
            unreachable!("the mesh was checked: at φ = 0 it is not tangled")
        };
        let before = Spread::of(&start.mesh, &self.elements, &start.m);
        let (low, high) = start.m.iter().fold((f64::INFINITY, 0.0f64), |(l, h), &m| (l.min(m), h.max(m)));
        let contrast = high / low;
        let mut run = Run { residuals: Vec::new(), linear: 0, stages: 0, best: None };
        let (mut state, mut stages, mut notes) = (start, stages(contrast), Vec::new());
        if self.potential.iter().any(|&p| p != 0.0) {
            match self.state(self.potential.clone(), 1.0, monitor, None)? {
                Some(warm) if warm.residual.relative < state.residual.relative => (state, stages) = (warm, 1),
                _ => notes.push("the potential to begin with folds cells, or is worse than none: begun without".into()),
            }
        }
        let outcome = loop {
            let (outcome, last) = self.climb(state, stages, monitor, &mut run)?;
            state = last;
            // Where a homotopy of few stages fails, one of more may not.
            if outcome != Outcome::Stagnated || stages >= MOST_STAGES {
                break outcome;
            }
            stages *= 2;
        };
        // What is returned is judged by the monitor itself, whichever power of it came last.
        let state = match self.state(state.phi.clone(), 1.0, monitor, Some(&state))? {
            Some(judged) => judged,
            None => state,
        };
        self.potential.clone_from(&state.phi);
        let after = Spread::of(&state.mesh, &self.elements, &state.m);
        let report = MoveReport {
            method: if self.config.relaxation { "relaxation" } else { "monge-ampere" },
            outcome,
            iterations: run.residuals.len().saturating_sub(1),
            linear_iterations: run.linear,
            residuals: run.residuals,
            before,
            after,
            seconds: clock.elapsed().as_secs_f64(),
            notes,
        };
        Ok(Moved { mesh: state.mesh, report })
    }

    /// All stages of a homotopy from `state`.
    fn climb(&mut self, state: State, stages: usize, monitor: &dyn Monitor, run: &mut Run) -> Result<(Outcome, State)> {
        let mut state = state;
        run.stages = stages;
        for stage in 1..=stages {
            let exponent = stage as f64 / stages as f64;
            let tolerance = if stage == stages { self.config.rtol } else { STAGE_TOLERANCE.max(self.config.rtol) };
            let phi = std::mem::take(&mut state.phi);
            state = match self.state(phi, exponent, monitor, Some(&state))? {
                Some(state) => state,
                None => unreachable!("the potential was taken before: its mesh is not tangled"),
            };
            let (outcome, last) = self.iterate(state, exponent, tolerance, monitor, run)?;
            state = last;
            if outcome != Outcome::Converged {
                // Steps may raise the residual: what was best on the way counts.
                if let Some((_, phi)) = run.best.take().filter(|(best, _)| *best < state.residual.relative)
                    && let Some(best) = self.state(phi, exponent, monitor, None)?
                {
                    state = best;
                    run.residuals.push(state.residual.relative);
                }
                return Ok((outcome, state));
            }
        }
        Ok((Outcome::Converged, state))
    }

    /// Steps until the tolerance is reached.
    fn iterate(
        &mut self,
        mut state: State,
        exponent: f64,
        tolerance: f64,
        monitor: &dyn Monitor,
        run: &mut Run,
    ) -> Result<(Outcome, State)> {
        let mut anderson = Anderson::new(MEMORY);
        let mut direction = if self.config.relaxation { Direction::Relaxation } else { Direction::Newton };
        let (mut lambda, mut relaxed, mut cramped) = (1.0f64, 0, 0);
        if run.residuals.is_empty() {
            run.residuals.push(state.residual.relative);
        }
        run.best = None;
        loop {
            if state.residual.relative <= tolerance {
                return Ok((Outcome::Converged, state));
            }
            if run.residuals.len() > self.config.max_iterations {
                return Ok((Outcome::MaxIterations, state));
            }
            let step = self.step(&state, direction, run)?;
            anderson.learn(&state.phi, &step);
            let mut trial = self.state(anderson.next(lambda), exponent, monitor, Some(&state))?;
            let mut length = lambda;
            let mut halvings = 0;
            while !trial.as_ref().is_some_and(|t| t.follows(&state)) {
                if halvings == HALVINGS {
                    break;
                }
                // The plain step first, then shorter ones.
                if anderson.is_empty() {
                    length *= 0.5;
                }
                halvings += 1;
                anderson.clear();
                lambda = (0.9 * lambda).max(0.1);
                let mut phi = state.phi.clone();
                axpy(length, &step, &mut phi);
                trial = self.state(phi, exponent, monitor, Some(&state))?;
            }
            match trial.filter(|t| t.follows(&state)) {
                Some(next) => {
                    state = next;
                    lambda = (1.15 * lambda).min(1.0);
                    let relative = state.residual.relative;
                    run.residuals.push(relative);
                    if run.best.as_ref().is_none_or(|(best, _)| relative < *best) {
                        run.best = Some((relative, state.phi.clone()));
                    }
                    cramped = if length < SHORT { cramped + 1 } else { 0 };
                    if cramped == CRAMPED && run.stages < MOST_STAGES && !self.config.relaxation {
                        return Ok((Outcome::Stagnated, state));
                    }
                }
                None if direction == Direction::Newton => {
                    (direction, relaxed, lambda) = (Direction::Relaxation, 0, 1.0);
                    anderson.clear();
                    continue;
                }
                None => return Ok((Outcome::Stagnated, state)),
            }
            if direction == Direction::Relaxation && !self.config.relaxation {
                relaxed += 1;
                if relaxed == RELAXATIONS {
                    direction = Direction::Newton;
                    anderson.clear();
                }
            }
        }
    }

    /// The step from `state`.
    fn step(&mut self, state: &State, direction: Direction, run: &mut Run) -> Result<Vec<f64>> {
        let mut d = vec![0.0; self.elements.len()];
        let mut b = state.residual.vector.clone();
        remove_mean(&mut b);
        let stop = StopRule { rtol: STEP_TOLERANCE, max_iterations: 500, ..StopRule::default() };
        let matrix = match direction {
            Direction::Newton => {
                &self.elements.stiffness(|c| newton_tensor(&self.elements, c, &state.m, &state.hessian))
            }
            Direction::Relaxation => &self.laplacian,
        };
        let report = self.cg.solve(matrix, &mut self.multigrid, &b, &mut d, &stop, &mut unobserved)?;
        run.linear += report.iterations;
        if report.iterations > SLOW {
            self.multigrid = MeanFree::new(AmgConfig::default().build(matrix)?, self.elements.len());
        }
        if direction == Direction::Relaxation {
            let dt = smallest_eigenvalue(&self.elements, &state.hessian).max(0.05) / state.residual.theta;
            d.iter_mut().for_each(|d| *d *= dt);
        }
        remove_mean(&mut d);
        Ok(d)
    }

    /// Everything at φ; none where the mesh would be tangled. `near` is a state close by, to begin the recoveries with.
    fn state(
        &self,
        phi: Vec<f64>,
        exponent: f64,
        monitor: &dyn Monitor,
        near: Option<&State>,
    ) -> Result<Option<State>> {
        match self.elements.dimension {
            1 => self.state_of::<1, 1, 2>(phi, exponent, monitor, near),
            2 => self.state_of::<2, 3, 3>(phi, exponent, monitor, near),
            _ => self.state_of::<3, 6, 4>(phi, exponent, monitor, near),
        }
    }

    /// D dimensions, S entries of a symmetric tensor, V vertices of a cell.
    fn state_of<const D: usize, const S: usize, const V: usize>(
        &self,
        phi: Vec<f64>,
        exponent: f64,
        monitor: &dyn Monitor,
        near: Option<&State>,
    ) -> Result<Option<State>> {
        let elements = &self.elements;
        let slopes = elements.gradients(&phi);
        // (v, g) = (v, ∇φ), g along the boundary
        let mut shift = near.map_or(vec![0.0; D * elements.len()], |s| s.shift.clone());
        let b = right_side::<D>(elements, &slopes);
        self.mass.solve::<D>(&b, &mut shift, &self.boundary.held);
        project::<D>(&self.boundary.held, &mut shift);
        let mesh = self.moved::<D>(&shift);
        let det = det_ratio(&mesh, elements);
        if det.is_nan() || det <= 0.0 {
            return Ok(None);
        }
        let mut m = monitor_at_dofs(self.mesh, &mesh, elements, self.config.boundary.periodic, monitor)?;
        if exponent != 1.0 {
            m.iter_mut().for_each(|m| *m = m.powf(exponent));
        }
        if let Some((matrix, jacobi)) = &self.filter {
            m = smoothed(matrix, &mut jacobi.clone(), elements, m)?;
        }
        let mut h = near.map_or(vec![0.0; S * elements.len()], |s| s.hessian.clone());
        self.mass.solve::<S>(&hessian::<S>(elements, &self.boundary, self.mesh, &phi, &slopes), &mut h, &[]);
        let residual = Residual::new::<S, V>(elements, &m, &h);
        if !residual.relative.is_finite() {
            return Ok(None);
        }
        Ok(Some(State { phi, shift, hessian: h, mesh, m, residual, det }))
    }

    /// ξ + g.
    fn moved<const D: usize>(&self, shift: &[f64]) -> Mesh {
        let mut mesh = self.mesh.clone();
        for (p, &i) in mesh.points.iter_mut().zip(&self.elements.of_points) {
            (0..D).for_each(|k| p[k] += shift[i as usize * D + k]);
        }
        if !self.boundary.curved.is_empty() {
            self.boundary.project_curved(self.mesh, &mut mesh.points);
        }
        mesh
    }
}

impl State {
    /// Whether a step from `before` to here may be taken.
    fn follows(&self, before: &State) -> bool {
        self.det > LEAST_SHRINKING * before.det && self.residual.relative < MOST_GROWTH * before.residual.relative
    }
}

/// The record of a solve.
struct Run {
    residuals: Vec<f64>,
    linear: usize,
    stages: usize,
    /// The least residual of the present stage after a step, and the potential there.
    best: Option<(f64, Vec<f64>)>,
}

/// Stages of the homotopy for a monitor with this ratio of its largest to its smallest value.
fn stages(contrast: f64) -> usize {
    const PER_STAGE: f64 = 40.0;
    (contrast.ln() / PER_STAGE.ln()).ceil().clamp(1.0, 4.0) as usize
}

/// M_L + (N/4) ∫ h² ∇ψ_i·∇ψ_j, h the side of the cell's square or cube.
fn filter(elements: &Elements, n: f64) -> Result<(Csr, Jacobi)> {
    let d = elements.dimension;
    let factorial = (1..=d).product::<usize>() as f64;
    let squared = |c: usize| (factorial * elements.measure[c]).powf(2.0 / d as f64);
    let stiffness = elements.stiffness(|c| {
        let k = 0.25 * n * squared(c);
        [k, k, k, 0.0, 0.0, 0.0]
    });
    let mut values = stiffness.values().to_vec();
    for i in 0..elements.len() {
        let start = stiffness.indptr()[i];
        if let Ok(k) = stiffness.row(i).0.binary_search(&(i as u32)) {
            values[start + k] += elements.weight[i];
        }
    }
    let (indptr, columns) = (stiffness.indptr().to_vec(), stiffness.indices().to_vec());
    let matrix = Csr::new(elements.len(), elements.len(), indptr, columns, values);
    let jacobi = Jacobi::new(&matrix)?;
    Ok((matrix, jacobi))
}

/// The filtered monitor.
fn smoothed(matrix: &Csr, jacobi: &mut Jacobi, elements: &Elements, m: Vec<f64>) -> Result<Vec<f64>> {
    let b: Vec<f64> = m.iter().zip(&elements.weight).map(|(m, w)| m * w).collect();
    let mut out = m;
    let stop = StopRule { rtol: 1e-12, max_iterations: 500, ..StopRule::default() };
    crate::solver::cg(matrix, jacobi, &b, &mut out, &stop, &mut unobserved)?;
    Ok(out)
}
