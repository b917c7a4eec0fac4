//! Conjugate directions with two past ones: [`conjugate_direction`](fn@crate::solver::conjugate_direction) on the GPU.

use super::method::{CudaMethod, Step, Vectors};
use super::{Finish, Slot, usable};
use crate::device::cuda::{Buffer, Cuda, KRYLOV, Shape, int, real};
use crate::error::Result;
use crate::operator::voxel::{CudaVoxels, VoxelOperator};
use crate::solver::conjugate_direction::{DRIFT, RECOMPUTE};
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
pub(in crate::solver) struct CudaDirections {
    on: Vectors,
    voxels: CudaVoxels,
    model: Box<dyn CudaDirectionModel>,
    d: Buffer<f64>,
    /// r in single precision, which no direction needs.
    single: Buffer<f32>,
    new: Direction,
    past: [Direction; 2],
    /// How many past directions are in use, and where the next one goes.
    filled: usize,
    next: usize,
    /// Steps made in this solve.
    steps: usize,
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
            on: Vectors::new(cuda, n, voxels.parts().max(Shape::walk(n).count()))?,
            model,
            d: cuda.zeros(n)?,
            single: cuda.zeros(n)?,
            new: direction()?,
            past: [direction()?, direction()?],
            filled: 0,
            next: 0,
            steps: 0,
            voxels,
        })
    }

    /// r <- s (b − A x); returns ‖r‖₂.
    fn residual(&mut self, scale: f64) -> Result<f64> {
        let CudaDirections { on, voxels, single, .. } = self;
        let Vectors { x, b, r, numbers, .. } = on;
        voxels.residual(r, single, [b, x], scale, &mut numbers.parts)?;
        on.finish(voxels.parts(), 1, Finish::Norm, 0)?;
        Ok(on.read()?(Slot::Rr).sqrt())
    }

    /// One step along the model's direction, or along r: x, r and r·r. Nothing moves where α is 0.
    fn along(&mut self, scale: f64, along_r: bool) -> Result<impl Fn(Slot) -> f64 + use<>> {
        let CudaDirections { on, voxels, model, d, new, past, filled, next, .. } = self;
        let (n, walk, parts) = (voxels.cells(), Shape::walk(voxels.cells()), voxels.parts());
        if !along_r {
            model.propose(voxels, &on.r, &on.numbers.scalars, d)?;
            if *filled > 0 {
                let args = [d.get(), past[0].q.get(), past[1].q.get(), on.numbers.parts.set(), int(n)];
                on.cuda.launch(&KRYLOV, "past_products", walk, &args)?;
                on.finish(walk.count(), 2, Finish::Coefficients, *filled)?;
            }
        }
        let Vectors { r, numbers, .. } = on;
        let from: &Buffer<f64> = if along_r { r } else { d };
        let Direction { p, q } = new;
        let before = [&past[0].p, &past[1].p];
        voxels.oriented_product([p, q], from, before, *filled, [r, &numbers.scalars], &mut numbers.parts)?;
        on.finish(parts, 2, Finish::LineSearch, *next)?;
        let Vectors { cuda, x, r, numbers, .. } = on;
        let vectors = [x.update(), r.update(), p.get(), q.get(), numbers.scalars.get()];
        let rest = [real(scale), numbers.parts.set(), int(n)];
        cuda.launch(&KRYLOV, "step", walk, &[&vectors[..], &rest].concat())?;
        on.finish(walk.count(), 1, Finish::Norm, 0)?;
        on.read()
    }
}

impl CudaMethod for CudaDirections {
    fn vectors(&mut self) -> &mut Vectors {
        &mut self.on
    }

    /// The model's bytes are not counted.
    fn bytes(&self) -> usize {
        self.voxels.cells() * (10 * 8 + 4 + 1)
    }

    fn restart(&mut self, scale: f64) -> Result<f64> {
        (self.filled, self.next, self.steps) = (0, 0, 0);
        self.residual(scale)
    }

    /// Without the past directions, and then along r, where it cannot be made otherwise.
    fn step(&mut self, scale: f64, restarts: &mut usize) -> Result<Step> {
        let moved = |of: &dyn Fn(Slot) -> f64| usable(of(Slot::Pq)) && of(Slot::Alpha) != 0.0;
        let mut of = self.along(scale, false)?;
        if !moved(&of) {
            *restarts += 1;
            let had = std::mem::take(&mut self.filled);
            self.next = 0;
            if had > 0 {
                of = self.along(scale, false)?;
            }
            if !moved(&of) {
                of = self.along(scale, true)?;
            }
            if !moved(&of) {
                return Ok(Step::Stuck("p·Ap", of(Slot::Pq)));
            }
        }
        std::mem::swap(&mut self.new, &mut self.past[self.next]);
        self.next = (self.next + 1) % 2;
        self.filled = (self.filled + 1).min(2);
        self.steps += 1;
        let recurred = of(Slot::Rr).sqrt();
        let norm = if self.steps.is_multiple_of(RECOMPUTE) { self.residual(scale)? } else { recurred };
        Ok(Step::Moved { norm, drifted: norm > DRIFT * recurred })
    }
}
