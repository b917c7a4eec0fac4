//! Preconditioners: symmetric positive definite approximations B of A⁻¹.

mod deflation;
mod ic;
mod identity;
mod jacobi;
mod mean_free;

pub use deflation::{Deflation, DeflationConfig};
pub use ic::{Ic, IcConfig};
pub use identity::Identity;
pub use jacobi::Jacobi;
pub use mean_free::MeanFree;
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

impl<P: Preconditioner + ?Sized> Preconditioner for Box<P> {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        (**self).apply(r, z)
    }

    fn bytes(&self) -> usize {
        (**self).bytes()
    }
}
