//! Conjugate gradients with voxel multigrid in single precision, corrected in double: the pressure solve of simulations.
//!
//! | symbol | name here | what |
//! |---|---|---|
//! | A, b, x | `operator`, `b`, `x` | the voxel operator, right-hand side and pressure, doubles, row-major |
//! | B | `multigrid` | one V-cycle |
//! | r, z, p | fields | residual, B r and direction, single precision, times s |
//! | s | `scale` | a power of two that makes 1 ≤ ‖r‖ < 2 where it is refreshed |
//! | α = r·z / p·A p, β = r·z / (r·z)₋ | `alpha`, `beta` | |
//!
//! An iteration is four sweeps over memory on the finest level: two of the cycle, p <- z + β p with p·A p, and the step of x
//! and r, where A p is computed again rather than stored. x takes every step in double precision. Rounding parts r from
//! b − A x, so r is replaced by the true residual whenever it has fallen by [`REFRESH`], and where it reaches the tolerance
//! (residual replacement: H. A. van der Vorst and Q. Ye, SIAM J. Sci. Comput. 22 (2000), §2,
//! doi:10.1137/S1064827599353865). The directions go on over a replacement, so accuracy far below single precision's costs
//! no iterations.

use super::task::check;
use super::{Iterate, Observer, Outcome, Report, StopRule};
use crate::error::Result;
use crate::operator::voxel::{FaceWeights, Field, VoxelOperator};
use crate::precond::Preconditioner;
use crate::precond::voxel::{CycleParameters, VoxelMultigrid};
use crate::sparse::vector::power_of_two_below_inverse;
use crate::voxel::{Components, VoxelGrid};
use std::ops::ControlFlow;
use std::time::Instant;

/// Fall of the residual after which it is replaced by the true one.
const REFRESH: f64 = 1e-6;

/// Largest part of the residual that the iterations between two replacements may leave and still count as progress.
const PROGRESS: f64 = 0.9;

/// A pressure solver set up for one grid: multigrid, the fluid's components and work space.
///
/// It holds about 37 bytes a cell besides b and x. Where flags change, [update](VoxelSolver::update) it.
pub struct VoxelSolver {
    multigrid: VoxelMultigrid,
    components: Components,
    p: Field,
    q: Field,
}

impl VoxelSolver {
    /// Sets up for the unscaled operator on `grid`.
    ///
    /// Errors: no fluid cell.
    pub fn new(grid: &VoxelGrid) -> Result<Self> {
        Self::with(grid, VoxelMultigrid::new(grid)?)
    }

    /// As [`VoxelSolver::new`] with other numbers in the cycle, without a guard: [`LearnedSolver`](super::LearnedSolver) has one.
    ///
    /// Errors: no fluid cell.
    pub fn tuned(grid: &VoxelGrid, parameters: &CycleParameters) -> Result<Self> {
        Self::with(grid, VoxelMultigrid::tuned(grid, parameters)?)
    }

    /// Sets up for the operator with weights on the faces.
    ///
    /// Errors: weights that do not fit the grid; no fluid cell.
    pub fn weighted(grid: &VoxelGrid, weights: &FaceWeights) -> Result<Self> {
        Self::with(grid, VoxelMultigrid::weighted(grid, weights)?)
    }

    /// Takes other flags on the same box: from then on as set up anew, to the bit, in the time of what the changes concern.
    /// Gives whether any flag is another.
    ///
    /// Errors, with nothing changed: the solver was set up with weights on the faces; a grid of another shape; no fluid cell.
    pub fn update(&mut self, grid: &VoxelGrid) -> Result<bool> {
        let Some(dried) = self.multigrid.follow(grid)? else { return Ok(false) };
        // Sweeps pass over rows without fluid and take them for zero.
        for field in [&mut self.p, &mut self.q] {
            dried.clear(&self.multigrid.operator().layout, field);
        }
        self.components = Components::of(grid);
        Ok(true)
    }

    fn with(grid: &VoxelGrid, multigrid: VoxelMultigrid) -> Result<Self> {
        let field = || Field::new(multigrid.operator().layout.len());
        let (p, q) = (field(), field());
        Ok(VoxelSolver { components: Components::of(grid), multigrid, p, q })
    }

    /// The operator.
    pub fn operator(&self) -> &VoxelOperator {
        self.multigrid.operator()
    }

    /// The preconditioner.
    pub fn multigrid(&self) -> &VoxelMultigrid {
        &self.multigrid
    }

    /// The connected components of the fluid.
    pub fn components(&self) -> &Components {
        &self.components
    }

    /// Bytes held: multigrid and work space.
    pub fn bytes(&self) -> usize {
        self.multigrid.bytes() + size_of_val(&self.p[..]) + size_of_val(&self.q[..])
    }

    /// Bytes that an iteration reads and writes, counted from its arrays.
    pub fn traffic(&self) -> f64 {
        self.multigrid.iteration_traffic_a_cell() * self.operator().layout.cells() as f64
    }

    /// Solves A x = b from the guess in `x`; both are row-major over all cells. Outside the fluid b is not looked at, and x
    /// becomes 0. Where a component touches no air, x gets mean 0 on it.
    ///
    /// Errors: vectors of another length than the grid; b not finite in a fluid cell; b that does not sum to zero on a
    /// component that touches no air.
    pub fn solve(&mut self, b: &[f64], x: &mut [f64], stop: &StopRule, watch: &mut Observer) -> Result<Report> {
        check(self.operator(), b, x, stop)?;
        let clock = Instant::now();
        self.components.check(b)?;
        self.components.clear_outside(x);
        let projected = self.components.compatible(b);
        let mut report = Report::empty(self.bytes());
        report.outcome = self.iterate(projected.as_deref().unwrap_or(b), x, stop, watch, &mut report);
        self.components.remove_mean(x);
        report.seconds = clock.elapsed().as_secs_f64();
        Ok(report)
    }

    /// Runs every sweep of an iteration `repetitions` times on the right-hand side `b`, in turn, and gives the median times.
    ///
    /// Errors: as [`VoxelSolver::solve`].
    pub fn profile(&mut self, b: &[f64], repetitions: usize) -> Result<Vec<Sweep>> {
        let mut x = vec![0.0; b.len()];
        check(self.operator(), b, &x, &StopRule::default())?;
        self.components.check(b)?;
        let s = power_of_two_below_inverse(self.components.norm(b).max(f64::MIN_POSITIVE));
        let cells = x.len() as f64;
        let VoxelSolver { multigrid, p, q, .. } = self;
        let mut times: [Vec<f64>; 6] = Default::default();
        for _ in 0..repetitions.max(1) {
            let mut clock = Instant::now();
            let mut lap = |sweep: usize| {
                times[sweep].push(clock.elapsed().as_secs_f64());
                clock = Instant::now();
            };
            multigrid.finest().refresh(s, b, &x);
            lap(0);
            multigrid.descend();
            lap(1);
            multigrid.below();
            lap(2);
            multigrid.ascend();
            lap(3);
            multigrid.finest().direction(0.0, p, q);
            lap(4);
            multigrid.finest().advance(0.0, s, q, &mut x);
            lap(5);
        }
        let [refresh, descend, ascend, direction, advance] = multigrid.finest().traffic();
        let below = multigrid.traffic_a_cell() - descend - ascend;
        let names = ["refresh", "descend", "coarser levels", "ascend", "direction", "advance"];
        let traffic = [refresh, descend, below, ascend, direction, advance];
        let sweeps = names.into_iter().zip(traffic).zip(times).map(|((name, bytes), mut times)| {
            times.sort_by(f64::total_cmp);
            Sweep { name, bytes: bytes * cells, seconds: times[times.len() / 2] }
        });
        Ok(sweeps.collect())
    }

    fn iterate(
        &mut self,
        b: &[f64],
        x: &mut [f64],
        stop: &StopRule,
        watch: &mut Observer,
        report: &mut Report,
    ) -> Outcome {
        let VoxelSolver { multigrid, components, p, q } = self;
        let norm_b = components.norm(b);
        if norm_b == 0.0 {
            x.fill(0.0);
            report.residuals.push(0.0);
            return Outcome::Converged;
        }
        let target = stop.atol.max(stop.rtol * norm_b);
        let mut residual = Residual::new(norm_b);
        let norm = residual.refresh(multigrid, b, x, norm_b);
        report.residuals.push(norm / norm_b);
        if norm <= target {
            return Outcome::Converged;
        }
        if norm < 0.25 * norm_b {
            // A good guess: r near 1 again.
            residual.refresh(multigrid, b, x, norm);
        }
        // β = 0 at first: the first direction is z.
        let mut rz_before = f64::INFINITY;
        let mut p_scale = residual.scale;
        for iteration in 1..=stop.max_iterations {
            let rz = multigrid.cycle();
            if !usable(rz) {
                return Outcome::Breakdown { quantity: "r·z", value: rz };
            }
            // p is still in the units of the residual before.
            let beta = rz / rz_before * (p_scale / residual.scale);
            let pq = multigrid.finest().direction(beta, p, q);
            std::mem::swap(p, q);
            p_scale = residual.scale;
            let alpha = rz / pq;
            if !usable(pq) || !alpha.is_finite() {
                p.fill(0.0);
                return Outcome::Breakdown { quantity: "p·Ap", value: pq };
            }
            let mut norm = multigrid.finest().advance(alpha, residual.scale, p, x).sqrt() / residual.scale;
            rz_before = rz;
            let mut outcome = None;
            if !norm.is_finite() {
                return Outcome::Breakdown { quantity: "r·r", value: norm * norm };
            }
            if norm <= target.max(REFRESH * residual.start) {
                let before = residual.start;
                norm = residual.refresh(multigrid, b, x, norm);
                outcome = if norm <= target {
                    Some(Outcome::Converged)
                } else {
                    (norm > PROGRESS * before).then_some(Outcome::Stagnated)
                };
                report.restarts += usize::from(outcome.is_none());
            }
            report.iterations = iteration;
            report.residuals.push(norm / norm_b);
            let seen = watch(&Iterate { iteration, relative_residual: norm / norm_b, x });
            let stopped = (seen == ControlFlow::Break(())).then_some(Outcome::Stopped);
            if let Some(outcome) = outcome.or(stopped) {
                return outcome;
            }
        }
        Outcome::MaxIterations
    }
}

/// What one sweep of the solver over the grid costs.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Sweep {
    /// Its name: see the sources of [`VoxelMultigrid`].
    pub name: &'static str,
    /// Bytes it reads and writes, counted from its arrays.
    pub bytes: f64,
    /// The median of its times.
    pub seconds: f64,
}

/// The residual's scale, and its norm where it was last computed from x.
struct Residual {
    scale: f64,
    start: f64,
}

impl Residual {
    fn new(norm: f64) -> Self {
        Residual { scale: power_of_two_below_inverse(norm), start: norm }
    }

    /// r <- s (b − A x) with s for a norm of about `expected`; returns ‖b − A x‖.
    fn refresh(&mut self, multigrid: &mut VoxelMultigrid, b: &[f64], x: &[f64], expected: f64) -> f64 {
        self.scale = power_of_two_below_inverse(expected);
        self.start = multigrid.finest().refresh(self.scale, b, x).sqrt() / self.scale;
        self.start
    }
}

/// Positive and finite.
fn usable(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}
