//! Algebraic multigrid by smoothed aggregation.

mod aggregate;
mod coarsest;
mod config;
#[cfg(feature = "cuda")]
mod cuda;
mod cycle;
mod finest;
mod hierarchy;
mod prolongation;
mod smoother;
mod spectrum;

pub use config::{AmgConfig, Precision};
#[cfg(feature = "cuda")]
pub(super) use cuda::CudaAmg;
#[cfg(feature = "cuda")]
pub(crate) use cuda::CudaAmgPreconditioner;
pub(super) use cycle::Correction;
pub(super) use finest::Finest;
pub use hierarchy::LevelStats;

use super::Preconditioner;
use crate::error::Result;
use crate::sparse::Csr;

/// One V-cycle of algebraic multigrid as a preconditioner.
#[derive(Debug)]
pub struct Amg {
    cycle: Cycle,
    levels: Vec<LevelStats>,
}

#[derive(Debug)]
enum Cycle {
    F32(Finest<f32>),
    F64(Finest<f64>),
}

impl AmgConfig {
    /// Builds the hierarchy of the symmetric positive (semi-)definite matrix `a`.
    ///
    /// Errors: a setting out of its range; a matrix that is not square or has a diagonal entry that is not positive.
    pub fn build(&self, a: &Csr) -> Result<Amg> {
        self.check()?;
        let (cycle, levels) = match self.precision {
            Precision::F32 => {
                let (finest, levels) = Finest::new(a, self)?;
                (Cycle::F32(finest), levels)
            }
            Precision::F64 => {
                let (finest, levels) = Finest::new(a, self)?;
                (Cycle::F64(finest), levels)
            }
        };
        Ok(Amg { cycle, levels })
    }
}

impl Amg {
    /// The numbers of each level, the finest first.
    pub fn levels(&self) -> &[LevelStats] {
        &self.levels
    }

    /// Entries of all matrices over those of the finest.
    pub fn operator_complexity(&self) -> f64 {
        self.complexity(|level| level.nonzeros)
    }

    /// Unknowns of all levels over those of the finest.
    pub fn grid_complexity(&self) -> f64 {
        self.complexity(|level| level.unknowns)
    }

    fn complexity(&self, of: impl Fn(&LevelStats) -> usize) -> f64 {
        let total: usize = self.levels.iter().map(&of).sum();
        total as f64 / self.levels.first().map_or(1, of).max(1) as f64
    }
}

impl Preconditioner for Amg {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        match &mut self.cycle {
            Cycle::F32(finest) => finest.apply(r, z),
            Cycle::F64(finest) => finest.apply(r, z),
        }
    }

    fn bytes(&self) -> usize {
        match &self.cycle {
            Cycle::F32(finest) => finest.bytes(),
            Cycle::F64(finest) => finest.bytes(),
        }
    }

    fn traffic(&self) -> usize {
        match &self.cycle {
            Cycle::F32(finest) => finest.traffic(),
            Cycle::F64(finest) => finest.traffic(),
        }
    }
}
