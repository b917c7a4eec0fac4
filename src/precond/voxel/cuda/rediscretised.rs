//! The cycle of [`RediscretisedMultigrid`] on the GPU, in single precision: `kernels/multigrid.cu` has the sweeps.
//!
//! | launch | what | B a cell |
//! |---|---|---|
//! | `smooth_twice` | z <- two sweeps from 0 | 9 |
//! | `restrict_residual` | coarse r <- Pᵀ (r − A z) | 10.6 |
//! | `prolong_smooth` | t <- a sweep from z + P e | 14.5 |
//! | `smooth` | z <- a sweep from t, parts of r·z | 13 |

use super::super::rediscretised::{BOTTOM_SWEEPS, Level as HostLevel, RediscretisedMultigrid, damping, inverse_scale};
use crate::device::cuda::{Buffer, Cuda, MULTIGRID, Shape, float, int};
use crate::error::Result;
use crate::precond::CudaPreconditioner;
use std::sync::Arc;

/// One V(2,2)-cycle on the GPU, on all cells of a grid in row-major order; zero outside the fluid.
pub struct CudaMultigrid {
    cuda: Arc<Cuda>,
    levels: Vec<Level>,
    omega: f32,
    inverse_scale: f32,
}

struct Level {
    n: [usize; 3],
    degree: Buffer<u8>,
    /// Sums of the weights in P, in 64ths.
    total: Buffer<u8>,
    r: Buffer<f32>,
    z: Buffer<f32>,
    t: Buffer<f32>,
}

impl CudaMultigrid {
    /// Copies the levels to the device.
    ///
    /// Errors: no memory left on the device.
    pub fn new(cuda: &Arc<Cuda>, host: &RediscretisedMultigrid) -> Result<Self> {
        let level = |level: &HostLevel| -> Result<Level> {
            let n = level.grid.cells();
            let total = |w: &f64| if *w == 0.0 { 0 } else { (64.0 / w).round() as u8 };
            let totals: Vec<u8> = level.normaliser.iter().map(total).collect();
            Ok(Level {
                n: level.grid.shape(),
                degree: cuda.upload(&level.operator.degrees())?,
                total: cuda.upload(&totals)?,
                r: cuda.zeros(n)?,
                z: cuda.zeros(n)?,
                t: cuda.zeros(n)?,
            })
        };
        let grid = &host.levels[0].grid;
        Ok(CudaMultigrid {
            cuda: cuda.clone(),
            levels: host.levels.iter().map(level).collect::<Result<_>>()?,
            omega: damping(grid) as f32,
            inverse_scale: inverse_scale(grid) as f32,
        })
    }

    fn cycle_from(&mut self, l: usize, parts: &mut Buffer<f64>) -> Result<()> {
        let (omega, cuda) = (float(self.omega), self.cuda.clone());
        let (above, below) = self.levels.split_at_mut(l + 1);
        let Level { n, degree, total, r, z, t } = &mut above[l];
        let shape = Shape::march(*n);
        let [n0, n1, n2] = n.map(int);
        match below.first_mut() {
            None => {
                let sweeps = int(BOTTOM_SWEEPS - 1);
                let args = [t.set(), z.set(), r.get(), degree.get(), omega, sweeps, n0, n1, n2];
                cuda.launch(&MULTIGRID, "bottom", Shape::one(), &args)?;
            }
            Some(coarse) => {
                cuda.launch(&MULTIGRID, "smooth_twice", shape, &[z.set(), r.get(), degree.get(), omega, n0, n1, n2])?;
                let fields = [coarse.r.set(), z.get(), r.get(), degree.get(), total.get(), coarse.degree.get()];
                let blocks = restriction(coarse.n);
                let numbers = [float(self.inverse_scale), n0, n1, n2];
                cuda.launch(&MULTIGRID, "restrict_residual", blocks, &[&fields[..], &numbers].concat())?;
                self.cycle_from(l + 1, parts)?;
                let (above, below) = self.levels.split_at_mut(l + 1);
                let (Level { degree, total, r, z, t, .. }, e) = (&mut above[l], &below[0].z);
                let fields = [t.set(), z.get(), e.get(), r.get(), degree.get(), total.get()];
                cuda.launch(&MULTIGRID, "prolong_smooth", shape, &[&fields[..], &[omega, n0, n1, n2]].concat())?;
            }
        }
        let Level { degree, r, z, t, .. } = &mut self.levels[l];
        let args = [z.set(), t.get(), r.get(), degree.get(), omega, parts.set(), n0, n1, n2];
        cuda.launch(&MULTIGRID, "smooth", shape, &args)
    }
}

impl CudaPreconditioner for CudaMultigrid {
    fn r(&mut self) -> &mut Buffer<f32> {
        &mut self.levels[0].r
    }

    fn z(&self) -> &Buffer<f32> {
        &self.levels[0].z
    }

    fn parts(&self) -> usize {
        Shape::march(self.levels[0].n).count()
    }

    fn apply(&mut self, parts: &mut Buffer<f64>) -> Result<()> {
        self.cycle_from(0, parts)
    }

    fn bytes(&self) -> usize {
        self.levels.iter().map(|level| 14 * level.r.len()).sum()
    }
}

/// Tiles of blocks as `restrict_residual` takes them: RK x RJ in a plane.
fn restriction(coarse: [usize; 3]) -> Shape {
    let [m0, m1, m2] = coarse;
    Shape { blocks: [m2.div_ceil(16), m1.div_ceil(8), m0.div_ceil(16)], ..Shape::one() }
}
