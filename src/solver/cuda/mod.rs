//! Whole solves on the GPU: every vector stays there from the right-hand side to the solution, and an iteration reads one line of
//! numbers back.
//!
//! | method | here | vectors |
//! |---|---|---|
//! | `cg`, `pcg-jacobi`, `pcg-amg` on sparse rows | `rows` | double; the cycle single |
//! | `gmg`, `dcdm`, `gmg-plain` on voxels | `voxels`, `learned` | x and r double; p, z and the cycle single |
//! | `dcdm-net` on voxels | `directions` | double; the net single |
//!
//! A method is a `CudaMethod` (`method`): a way to begin anew from the true residual, and a step. The algorithms, their safeguards and
//! the rule to stop are those of `cg.rs` and `conjugate_direction.rs`. α and β are formed on the device (`kernels/slots.cuh`); where a
//! step cannot be made α is 0 there, and nothing has moved when the host sees it.

mod directions;
mod learned;
mod method;
mod rows;
mod voxels;

pub use directions::CudaDirectionModel;
pub(super) use directions::CudaDirections;
pub(super) use learned::{CudaLearned, cycle_cg};
pub(super) use method::CudaMethod;
pub(super) use rows::CudaRows;
pub(super) use voxels::CudaVoxelCg;

use crate::device::cuda::{Buffer, Cuda, KRYLOV, Pinned, Shape, int};
use crate::error::Result;

/// Numbers of a method on the device: `enum Slot` of `kernels/slots.cuh`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slot {
    Rz = 0,
    Pq = 2,
    Alpha = 3,
    Rr = 4,
}

const SLOTS: usize = 10;

/// What is done with sums: `enum Finish` of `kernels/krylov.cu`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Finish {
    Norm = 0,
    Preconditioned = 1,
    Jacobi = 2,
    CurvatureOfCg = 3,
    LineSearch = 4,
    Coefficients = 5,
}

/// Numbers of a method, and the partial sums they are made from.
pub(super) struct Numbers {
    scalars: Buffer<f64>,
    parts: Buffer<f64>,
    host: Pinned,
}

impl Numbers {
    /// For up to `blocks` parts of two sums.
    fn new(cuda: &Cuda, blocks: usize) -> Result<Self> {
        Ok(Numbers { scalars: cuda.zeros(SLOTS)?, parts: cuda.zeros(2 * blocks)?, host: cuda.pinned(SLOTS)? })
    }

    /// Adds up `blocks` parts of `sums` sums and does with them what `step` says; `flag` is explained at the kernel.
    fn finish(&mut self, cuda: &Cuda, blocks: usize, sums: usize, step: Finish, flag: usize) -> Result<()> {
        let numbers = [int(step as usize), int(flag)];
        let args = [self.parts.get(), int(blocks), int(sums), self.scalars.update(), numbers[0], numbers[1]];
        cuda.launch(&KRYLOV, "finish", Shape::one(), &args)
    }

    /// All numbers, once the work before is done: the one wait of an iteration.
    fn read(&mut self, cuda: &Cuda) -> Result<impl Fn(Slot) -> f64 + use<>> {
        let all: [f64; SLOTS] = std::array::from_fn({
            let read = cuda.read(&self.scalars, &mut self.host)?;
            |i| read[i]
        });
        Ok(move |slot: Slot| all[slot as usize])
    }
}

/// Positive and finite.
fn usable(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}
