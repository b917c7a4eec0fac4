//! Preconditioning of singular systems whose null space is the constants: B' = Π B Π with Π = I − 1 1ᵀ/n.

use super::Preconditioner;
use crate::sparse::vector::{remove_mean, scaled_copy};

/// z <- Π B Π r. For pure Neumann problems, A 1 = 0 and 1ᵀ b = 0: Krylov directions stay without a constant part, so
/// rounding errors do not build up along the null space, and a solve from x = 0 ends with a solution of mean zero.
///
/// Reference: E. F. Kaasschieter, *Preconditioned conjugate gradients for solving singular systems*, J. Comput. Appl.
/// Math. 24 (1988), §4, doi:10.1016/0377-0427(88)90358-5.
#[derive(Debug, Clone)]
pub struct MeanFree<P> {
    inner: P,
    scratch: Vec<f64>,
}

impl<P: Preconditioner> MeanFree<P> {
    /// Around a preconditioner for `n` unknowns.
    pub fn new(inner: P, n: usize) -> Self {
        MeanFree { inner, scratch: vec![0.0; n] }
    }
}

impl<P: Preconditioner> Preconditioner for MeanFree<P> {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        scaled_copy(1.0, r, &mut self.scratch);
        remove_mean(&mut self.scratch);
        self.inner.apply(&self.scratch, z);
        remove_mean(z);
    }

    fn bytes(&self) -> usize {
        self.inner.bytes() + self.scratch.len() * size_of::<f64>()
    }

    fn traffic(&self) -> usize {
        self.inner.traffic() + 5 * size_of_val(&self.scratch[..])
    }
}
