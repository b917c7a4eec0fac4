//! B = I: no preconditioning.

use super::Preconditioner;

/// z <- r. With it PCG is plain CG.
#[derive(Debug, Clone, Copy, Default)]
pub struct Identity;

impl Preconditioner for Identity {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        z.copy_from_slice(r);
    }

    fn bytes(&self) -> usize {
        0
    }
}
