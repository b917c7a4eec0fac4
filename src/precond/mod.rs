//! Preconditioners: symmetric positive definite approximations B of A⁻¹.

mod ic;
mod identity;
mod jacobi;
mod mean_free;

pub use ic::{Ic, IcConfig};
pub use identity::Identity;
pub use jacobi::Jacobi;
pub use mean_free::MeanFree;

#[cfg(feature = "cuda")]
use crate::device::cuda::Buffer;
#[cfg(feature = "cuda")]
use crate::error::Result;

pub mod amg;
pub mod auxiliary;
pub mod voxel;

/// z <- B r with B symmetric positive definite and fixed: what plain PCG needs.
pub trait Preconditioner {
    /// z <- B r; `&mut` for scratch space only.
    fn apply(&mut self, r: &[f64], z: &mut [f64]);

    /// Bytes held beyond the matrix itself.
    fn bytes(&self) -> usize;
}

/// z <- B r on the GPU, in single precision, between fields that the preconditioner holds.
#[cfg(feature = "cuda")]
pub trait CudaPreconditioner {
    /// What B is applied to.
    fn r(&mut self) -> &mut Buffer<f32>;

    /// B r.
    fn z(&self) -> &Buffer<f32>;

    /// How many parts of r·z [`Self::apply`] leaves.
    fn parts(&self) -> usize;

    /// z <- B r; leaves parts of r·z.
    ///
    /// Errors: a launch that fails.
    fn apply(&mut self, parts: &mut Buffer<f64>) -> Result<()>;

    /// Bytes held on the device.
    fn bytes(&self) -> usize;
}

impl<P: Preconditioner + ?Sized> Preconditioner for Box<P> {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        (**self).apply(r, z)
    }

    fn bytes(&self) -> usize {
        (**self).bytes()
    }
}
