//! The voxel operator on the GPU: fused with the updates of Krylov methods (`kernels/voxel.cu` has the formulas), and as a level of
//! multigrid holds it.

use super::VoxelOperator;
use crate::device::cuda::{Arg, Buffer, Cuda, Shape, VOXEL, int, optional, real};
use crate::error::Result;
use std::sync::Arc;

/// The unscaled operator of a grid on the GPU, over all cells in row-major order.
pub struct CudaVoxels {
    cuda: Arc<Cuda>,
    n: [usize; 3],
    degree: Buffer<u8>,
}

impl CudaVoxels {
    /// Copies the operator's diagonal to the device: one byte a cell.
    ///
    /// Errors: a fault of the device.
    ///
    /// # Panics
    ///
    /// Where the operator has weights on its faces.
    pub fn new(cuda: &Arc<Cuda>, shape: [usize; 3], operator: &VoxelOperator) -> Result<Self> {
        Ok(CudaVoxels { cuda: cuda.clone(), n: shape, degree: cuda.upload(&operator.degrees())? })
    }

    /// The device.
    pub fn cuda(&self) -> &Arc<Cuda> {
        &self.cuda
    }

    /// Cells in each direction.
    pub fn shape(&self) -> [usize; 3] {
        self.n
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.n.iter().product()
    }

    /// The diagonal.
    pub fn degree(&self) -> &Buffer<u8> {
        &self.degree
    }

    /// Partial sums that each function here leaves.
    pub fn parts(&self) -> usize {
        Shape::march(self.n).count()
    }

    fn launch(&self, name: &str, args: &[Arg]) -> Result<()> {
        let [n0, n1, n2] = self.n.map(int);
        self.cuda.launch(&VOXEL, name, Shape::march(self.n), &[args, &[n0, n1, n2]].concat())
    }

    /// r <- `scale` (b − A x), also in `single` precision; leaves parts of r·r.
    ///
    /// Errors: a launch that fails.
    pub fn residual(
        &self,
        r: &mut Buffer<f64>,
        single: &mut Buffer<f32>,
        [b, x]: [&Buffer<f64>; 2],
        scale: f64,
        parts: &mut Buffer<f64>,
    ) -> Result<()> {
        self.launch("residual", &[r.set(), single.set(), b.get(), x.get(), self.degree.get(), real(scale), parts.set()])
    }

    /// q <- z + β p; leaves parts of q·A q.
    ///
    /// Errors: a launch that fails.
    pub fn direction(
        &self,
        q: &mut Buffer<f32>,
        [z, p]: [&Buffer<f32>; 2],
        scalars: &Buffer<f64>,
        parts: &mut Buffer<f64>,
    ) -> Result<()> {
        self.launch("direction", &[q.set(), z.get(), p.get(), self.degree.get(), scalars.get(), parts.set()])
    }

    /// x <- x + α p / `scale`, r <- r − α A p, also in `single` precision; leaves parts of r·r.
    ///
    /// Errors: a launch that fails.
    pub fn advance(
        &self,
        [x, r]: [&mut Buffer<f64>; 2],
        single: &mut Buffer<f32>,
        p: &Buffer<f32>,
        scalars: &Buffer<f64>,
        scale: f64,
        parts: &mut Buffer<f64>,
    ) -> Result<()> {
        let [d, s, scale] = [self.degree.get(), scalars.get(), real(scale)];
        self.launch("advance", &[x.update(), r.update(), single.set(), p.get(), d, s, scale, parts.set()])
    }

    /// p <- d − Σⱼ cⱼ pⱼ over the first `past` of the directions, q <- A p; leaves parts of p·q and p·r.
    ///
    /// Errors: a launch that fails.
    pub fn oriented_product(
        &self,
        [p, q]: [&mut Buffer<f64>; 2],
        d: &Buffer<f64>,
        [p0, p1]: [&Buffer<f64>; 2],
        past: usize,
        [r, scalars]: [&Buffer<f64>; 2],
        parts: &mut Buffer<f64>,
    ) -> Result<()> {
        let (fields, degree) = ([p.set(), q.set(), d.get(), p0.get(), p1.get(), r.get()], self.degree.get());
        self.launch("oriented_product", &[&fields[..], &[degree, scalars.get(), int(past), parts.set()]].concat())
    }
}

/// The operator and the smoother's scaling H of a multigrid level, as `kernels/cycle.cu` takes them.
pub(crate) enum CudaStencil {
    /// All weights 1; H in 128ths, or the fluid's mask.
    Flags {
        /// Neighbours that are not solid.
        degree: Buffer<u8>,
        /// H.
        scale: Option<Buffer<u8>>,
    },
    /// A weight for each face.
    Weights {
        /// Of the faces to the next cells in the three directions.
        faces: Vec<Buffer<f32>>,
        /// The diagonal.
        diagonal: Buffer<f32>,
        /// H.
        scale: Buffer<f32>,
    },
}

impl CudaStencil {
    /// The ending of the names of its kernels.
    pub fn form(&self) -> &'static str {
        match self {
            CudaStencil::Flags { .. } => "flags",
            CudaStencil::Weights { .. } => "weights",
        }
    }

    /// The operator's arrays, of each as many numbers as there are `cells`.
    pub fn operator(&self, cells: usize) -> Vec<Arg<'_>> {
        match self {
            CudaStencil::Flags { degree, .. } => vec![degree.get_some(cells)],
            CudaStencil::Weights { faces, diagonal, .. } => {
                faces.iter().chain([diagonal]).map(|w| w.get_some(cells)).collect()
            }
        }
    }

    /// H.
    pub fn scale(&self) -> Arg<'_> {
        match self {
            CudaStencil::Flags { scale, .. } => optional(scale.as_ref()),
            CudaStencil::Weights { scale, .. } => scale.get(),
        }
    }

    /// Bytes held a cell.
    pub fn bytes(&self) -> usize {
        match self {
            CudaStencil::Flags { scale, .. } => 1 + usize::from(scale.is_some()),
            CudaStencil::Weights { .. } => 20,
        }
    }
}
