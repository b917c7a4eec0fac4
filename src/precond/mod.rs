//! Preconditioners: symmetric positive definite approximations B of A⁻¹.
//!
//! | B | here |
//! |---|---|
//! | I | [`Identity`] |
//! | diag(A)⁻¹ | [`Jacobi`] |
//! | (L Lᵀ)⁻¹ with the pattern of A, shifted on breakdown | [`Ic`] |
//! | a V-cycle over aggregates: B = S + (I − S A) P B_c Pᵀ (I − A S), roughly, S the smoother | [`amg`] |
//! | a V-cycle over voxel grids, in single precision without a matrix | [`voxel`] |
//! | the smoother of a mesh around a cycle on a voxel grid behind it | [`auxiliary`] |
//!
//! Conjugate gradients take about ½ √κ ln(2/ε) iterations to reduce the error by ε, κ = cond(B A) (Y. Saad, *Iterative Methods for Sparse
//! Linear Systems*, 2nd ed., §6.11 and ch. 9, doi:10.1137/1.9780898718003). With multigrid κ does not depend on the size of the mesh:
//!
//! ```
//! use filet::operator::LinearOperator;
//! use filet::precond::amg::AmgConfig;
//! use filet::precond::{Identity, Preconditioner};
//! use filet::solver::{StopRule, cg, unobserved};
//! use filet::sparse::gallery::poisson_2d;
//!
//! let iterations = |n: usize, amg: bool| -> filet::Result<usize> {
//!     let a = poisson_2d(n);
//!     let mut b: Box<dyn Preconditioner> =
//!         if amg { Box::new(AmgConfig::default().build(&a)?) } else { Box::new(Identity) };
//!     let mut x = vec![0.0; a.nrows()];
//!     Ok(cg(&a, &mut *b, &vec![1.0; a.nrows()], &mut x, &StopRule::default(), &mut unobserved)?.iterations)
//! };
//! assert!(iterations(96, true)? <= iterations(48, true)? + 3);
//! assert!(iterations(96, false)? > 3 * iterations(96, true)?);
//! # Ok::<(), filet::Error>(())
//! ```

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

    /// Bytes that [`apply`](Self::apply) reads and writes besides r and z, counted from its arrays as if no cache kept any: unless
    /// said otherwise, what it holds, once.
    fn traffic(&self) -> usize {
        self.bytes()
    }
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

    fn traffic(&self) -> usize {
        (**self).traffic()
    }
}
