//! Conjugate directions with two past ones: [`conjugate_direction`](fn@crate::solver::conjugate_direction) on the GPU.

use super::{Finish, Numbers, Slot, usable};
use crate::device::cuda::{Buffer, Cuda, KRYLOV, Shape, int, real};
use crate::error::Result;
use crate::operator::voxel::{CudaVoxels, VoxelOperator};
use crate::solver::conjugate_direction::{DRIFT, RECOMPUTE};
use crate::solver::task::Task;
use crate::solver::{Observer, Outcome, Report, StopRule};
use crate::voxel::VoxelGrid;
use std::sync::Arc;

/// A source of search directions on the GPU.
pub trait CudaDirectionModel {
    /// Writes a direction for the residual r / ‖r‖₂ into `d`, 0 outside the fluid. r·r lies in the slot RR of `scalars`
    /// (`kernels/slots.cuh`).
    ///
    /// Errors: a fault of the device.
    fn propose(
        &mut self,
        voxels: &CudaVoxels,
        r: &Buffer<f64>,
        scalars: &Buffer<f64>,
        d: &mut Buffer<f64>,
    ) -> Result<()>;
}

/// A direction p and its image A p.
struct Direction {
    p: Buffer<f64>,
    q: Buffer<f64>,
}

/// Operator, model and vectors on the device.
pub struct CudaDirections {
    voxels: CudaVoxels,
    model: Box<dyn CudaDirectionModel>,
    x: Buffer<f64>,
    b: Buffer<f64>,
    r: Buffer<f64>,
    d: Buffer<f64>,
    /// r in single precision, which no direction needs.
    single: Buffer<f32>,
    new: Direction,
    past: [Direction; 2],
    /// How many past directions are in use, and where the next one goes.
    filled: usize,
    next: usize,
    numbers: Numbers,
}

impl CudaDirections {
    /// Sets up for the unscaled operator on `grid`.
    ///
    /// Errors: no fluid cell; no memory left on the device.
    pub fn new(cuda: &Arc<Cuda>, grid: &VoxelGrid, model: Box<dyn CudaDirectionModel>) -> Result<Self> {
        grid.require_fluid()?;
        let voxels = CudaVoxels::new(cuda, grid.shape(), &VoxelOperator::new(grid))?;
        let n = grid.cells();
        let direction = || Ok(Direction { p: cuda.zeros(n)?, q: cuda.zeros(n)? });
        Ok(CudaDirections {
            model,
            x: cuda.zeros(n)?,
            b: cuda.zeros(n)?,
            r: cuda.zeros(n)?,
            d: cuda.zeros(n)?,
            single: cuda.zeros(n)?,
            new: direction()?,
            past: [direction()?, direction()?],
            filled: 0,
            next: 0,
            numbers: Numbers::new(cuda, voxels.parts().max(Shape::walk(n).count()))?,
            voxels,
        })
    }

    /// Bytes on the device, the model's not counted.
    pub fn bytes(&self) -> usize {
        self.voxels.cells() * (10 * 8 + 4 + 1)
    }

    /// Solves A x = b from the guess in `x`, both zero outside the fluid.
    ///
    /// Errors: sizes or tolerances that make no sense; a fault of the device.
    pub fn solve(
        &mut self,
        a: &VoxelOperator,
        b: &[f64],
        x: &mut [f64],
        stop: &StopRule,
        watch: &mut Observer,
    ) -> Result<Report> {
        let mut report = Report::empty(self.bytes());
        match Task::begin(a, b, x, stop, &mut report)? {
            Err(outcome) => report.outcome = outcome,
            Ok(mut task) => {
                let cuda = self.voxels.cuda().clone();
                cuda.write(b, &mut self.b)?;
                cuda.write(x, &mut self.x)?;
                (self.filled, self.next) = (0, 0);
                report.outcome = self.iterate(&cuda, &mut task, x, stop.max_iterations, &mut report, watch)?;
                cuda.download(&self.x, x)?;
                report.seconds = task.seconds();
            }
        }
        Ok(report)
    }

    /// r <- s (b − A x); returns ‖r‖₂.
    fn residual(&mut self, cuda: &Cuda, scale: f64) -> Result<f64> {
        let CudaDirections { voxels, x, b, r, single, numbers, .. } = self;
        voxels.residual(r, single, [b, x], scale, &mut numbers.parts)?;
        numbers.finish(cuda, voxels.parts(), 1, Finish::Norm, 0)?;
        Ok(numbers.read(cuda)?(Slot::Rr).sqrt())
    }

    /// One step along the model's direction, or along r: x, r and r·r. Nothing moves where α is 0.
    fn step(&mut self, cuda: &Cuda, scale: f64, along_r: bool) -> Result<impl Fn(Slot) -> f64 + use<>> {
        let CudaDirections { voxels, model, x, r, d, new, past, filled, next, numbers, .. } = self;
        let (n, walk, blocks) = (voxels.cells(), Shape::walk(voxels.cells()), voxels.parts());
        if !along_r {
            model.propose(voxels, r, &numbers.scalars, d)?;
            if *filled > 0 {
                let args = [d.get(), past[0].q.get(), past[1].q.get(), numbers.parts.set(), int(n)];
                cuda.launch(&KRYLOV, "past_products", walk, &args)?;
                numbers.finish(cuda, walk.count(), 2, Finish::Coefficients, *filled)?;
            }
        }
        let from: &Buffer<f64> = if along_r { r } else { d };
        let Direction { p, q } = new;
        let before = [&past[0].p, &past[1].p];
        voxels.oriented_product([p, q], from, before, *filled, [r, &numbers.scalars], &mut numbers.parts)?;
        numbers.finish(cuda, blocks, 2, Finish::LineSearch, *next)?;
        let vectors = [x.update(), r.update(), p.get(), q.get(), numbers.scalars.get()];
        let rest = [real(scale), numbers.parts.set(), int(n)];
        cuda.launch(&KRYLOV, "step", walk, &[&vectors[..], &rest].concat())?;
        numbers.finish(cuda, walk.count(), 1, Finish::Norm, 0)?;
        numbers.read(cuda)
    }

    /// As [`Self::step`], without the past directions and then along r where it cannot be made. `Err` has the curvature there is not.
    fn safe_step(&mut self, cuda: &Cuda, scale: f64, restarts: &mut usize) -> Result<std::result::Result<f64, f64>> {
        let moved = |of: &dyn Fn(Slot) -> f64| usable(of(Slot::Pq)) && of(Slot::Alpha) != 0.0;
        let mut of = self.step(cuda, scale, false)?;
        if !moved(&of) {
            *restarts += 1;
            let had = std::mem::take(&mut self.filled);
            self.next = 0;
            if had > 0 {
                of = self.step(cuda, scale, false)?;
            }
            if !moved(&of) {
                of = self.step(cuda, scale, true)?;
            }
            if !moved(&of) {
                return Ok(Err(of(Slot::Pq)));
            }
        }
        std::mem::swap(&mut self.new, &mut self.past[self.next]);
        self.next = (self.next + 1) % 2;
        self.filled = (self.filled + 1).min(2);
        Ok(Ok(of(Slot::Rr).sqrt()))
    }

    fn iterate(
        &mut self,
        cuda: &Cuda,
        task: &mut Task<'_>,
        host_x: &[f64],
        max_iterations: usize,
        report: &mut Report,
        watch: &mut Observer,
    ) -> Result<Outcome> {
        let scale = task.scale;
        if let Err(outcome) = task.begun(self.residual(cuda, scale)?, report) {
            return Ok(outcome);
        }
        for k in 1..=max_iterations {
            let recurred = match self.safe_step(cuda, scale, &mut report.restarts)? {
                Ok(norm) => norm,
                Err(curvature) => {
                    let norm = self.residual(cuda, scale)?;
                    return Ok(task.broken("p·Ap", curvature, norm, report));
                }
            };
            let mut norm = recurred;
            if k % RECOMPUTE == 0 {
                norm = self.residual(cuda, scale)?;
            }
            let mut outcome = None;
            if task.due(norm) || norm > DRIFT * recurred || !norm.is_finite() {
                norm = self.residual(cuda, scale)?;
                outcome = task.confirmed(norm, report);
                (self.filled, self.next) = (0, 0);
            }
            let stopped = task.record(norm, host_x, report, watch);
            if let Some(outcome) = outcome.or(stopped) {
                return Ok(outcome);
            }
        }
        Ok(Outcome::MaxIterations)
    }
}
