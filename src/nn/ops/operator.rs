//! Products with a fixed symmetric operator: sparse matrices and voxel stencils.

#[cfg(feature = "cuda")]
use super::cuda::CudaOp;
use crate::error::Result;
use crate::nn::{Backend, Op, Tensor, Var};
use crate::operator::LinearOperator;
#[cfg(feature = "cuda")]
use crate::operator::voxel::CudaVoxels;
use crate::operator::voxel::VoxelOperator;
use std::sync::Arc;

/// A = Aᵀ, where nets are computed. Cheap to clone.
#[derive(Clone)]
pub struct Symmetric {
    here: Arc<dyn LinearOperator + Send>,
    #[cfg(feature = "cuda")]
    pub(super) on_cuda: Option<Arc<CudaVoxels>>,
}

impl Symmetric {
    /// On the processors.
    pub fn new(a: Arc<dyn LinearOperator + Send>) -> Self {
        Symmetric {
            here: a,
            #[cfg(feature = "cuda")]
            on_cuda: None,
        }
    }

    /// The unscaled operator of voxels in a box of those sides, which must be in space on a GPU.
    ///
    /// Errors: no memory left on the GPU.
    #[cfg_attr(not(feature = "cuda"), allow(unused_variables))]
    pub fn voxels(a: VoxelOperator, shape: [usize; 3], backend: &Backend) -> Result<Self> {
        #[cfg(feature = "cuda")]
        let on_cuda = match backend {
            Backend::Cpu => None,
            Backend::Gpu(gpu) => Some(Arc::new(CudaVoxels::new(gpu.cuda(), shape, &a)?)),
        };
        Ok(Symmetric {
            here: Arc::new(a),
            #[cfg(feature = "cuda")]
            on_cuda,
        })
    }

    fn apply(&self, x: &Tensor) -> Tensor {
        let n = self.here.nrows();
        let (mut from, mut to) = (vec![0.0; n], vec![0.0; n]);
        let mut out = Tensor::zeros(x.shape());
        for (x, out) in x.data().chunks_exact(n).zip(out.data_mut().chunks_exact_mut(n)) {
            from.iter_mut().zip(x).for_each(|(from, x)| *from = f64::from(*x));
            self.here.apply(&from, &mut to);
            out.iter_mut().zip(&to).for_each(|(out, to)| *out = *to as f32);
        }
        out
    }
}

impl Op for Symmetric {
    fn backward(&self, _: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        vec![Some(self.apply(g))]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// A x for every n numbers of x, A = Aᵀ of n rows.
pub fn apply_symmetric(a: &Symmetric, x: &Var) -> Var {
    let n = a.here.nrows();
    assert!(x.value().len().is_multiple_of(n), "vectors of {n} numbers in {:?}", x.shape());
    Var::apply(&[x], a.clone(), |a| a.apply(x.value()))
}
