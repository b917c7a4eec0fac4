//! The cycles on the GPU, in single precision.
//!
//! | cycle | here | sweeps |
//! |---|---|---|
//! | of `gmg` and `dcdm` ([`VoxelMultigrid`]) | [`CudaCycle`]: `level`, `bottom` | `kernels/cycle.cu`, `kernels/amg.cu` |
//! | of `gmg-plain` ([`RediscretisedMultigrid`](super::RediscretisedMultigrid)) | [`CudaMultigrid`] | `kernels/multigrid.cu` |

mod bottom;
mod level;
mod rediscretised;

pub(super) use level::CudaLevel;
pub use rediscretised::CudaMultigrid;

use super::VoxelMultigrid;
use crate::device::cuda::{Buffer, Cuda};
use crate::error::Result;
use crate::precond::CudaPreconditioner;
use bottom::CudaBottom;
use std::sync::Arc;

/// The V-cycle of [`VoxelMultigrid`] on the GPU, with whatever numbers that has.
pub struct CudaCycle {
    /// The finest first; at least one.
    levels: Vec<CudaLevel>,
    bottom: CudaBottom,
}

impl CudaCycle {
    /// Copies the levels to the device.
    ///
    /// Errors: no memory left on the device.
    pub fn new(cuda: &Arc<Cuda>, host: &VoxelMultigrid) -> Result<Self> {
        let mut levels = vec![host.finest.sweeps().on_device(cuda)?];
        for level in &host.coarser {
            levels.push(CudaLevel::new(cuda, level)?);
        }
        let last = match host.coarser.last() {
            Some(level) => [&level.layout, level.coarse()],
            None => host.finest.sweeps().layouts(),
        };
        Ok(CudaCycle { levels, bottom: CudaBottom::new(cuda, &host.bottom, last)? })
    }
}

impl CudaPreconditioner for CudaCycle {
    fn r(&mut self) -> &mut Buffer<f32> {
        &mut self.levels[0].r
    }

    fn z(&self) -> &Buffer<f32> {
        &self.levels[0].z
    }

    fn parts(&self) -> usize {
        self.levels[0].parts()
    }

    fn apply(&mut self, parts: &mut Buffer<f64>) -> Result<()> {
        let CudaCycle { levels, bottom } = self;
        let last = levels.len() - 1;
        for l in 0..last {
            let (above, below) = levels.split_at_mut(l + 1);
            above[l].descend(&mut below[0].r)?;
        }
        levels[last].descend(&mut bottom.blocks)?;
        bottom.solve(&mut levels[last])?;
        levels[last].ascend(&bottom.blocks, parts)?;
        for l in (0..last).rev() {
            let (above, below) = levels.split_at_mut(l + 1);
            above[l].ascend(&below[0].z, parts)?;
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.levels.iter().map(CudaLevel::bytes).sum::<usize>() + self.bottom.bytes()
    }
}
