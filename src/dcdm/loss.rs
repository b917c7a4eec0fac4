//! The residual left after the best step along the net's direction, no solutions needed:
//!
//! L = mean over b of ‖b − α A d‖², d = N(b), α = d·b / d·A d, ‖b‖ = 1.
//!
//! Source: Kaneda et al. 2023, §4.2, equation 10; there the grid is one empty box, here grids may take turns.

use super::RitzVectors;
use crate::error::Result;
use crate::nn::ops::{Symmetric, apply_symmetric, div, dot_samples, mean, scale_samples, sub};
use crate::nn::{Backend, Layer, Tape, Tensor, Var};
use crate::operator::voxel::VoxelOperator;
use crate::train::Objective;
use crate::voxel::VoxelGrid;

/// The loss on random right-hand sides of grids in turn.
pub struct ResidualLoss {
    scenes: Vec<Pressure>,
    batch: usize,
    seed: u64,
}

/// One grid's problem.
struct Pressure {
    operator: Symmetric,
    shape: [usize; 3],
    ritz: RitzVectors,
}

impl ResidualLoss {
    /// `vectors` Lanczos steps on each grid's operator, `batch` right-hand sides a step, for nets on that backend.
    ///
    /// Errors: as [`RitzVectors::new`]; no memory left on a GPU.
    ///
    /// # Panics
    ///
    /// Where there is no grid.
    pub fn new(grids: &[VoxelGrid], vectors: usize, batch: usize, seed: u64, backend: &Backend) -> Result<Self> {
        assert!(!grids.is_empty(), "a loss on no grid");
        let scenes: Result<Vec<Pressure>> = grids
            .iter()
            .map(|grid| {
                let operator = VoxelOperator::new(grid);
                let ritz = RitzVectors::new(&operator, vectors, seed)?;
                let shape = grid.shape();
                Ok(Pressure { operator: Symmetric::voxels(operator, shape, backend)?, shape, ritz })
            })
            .collect();
        Ok(ResidualLoss { scenes: scenes?, batch, seed })
    }

    /// The loss on `batch` right-hand sides of that number, of the grid whose turn it is.
    pub fn on(&self, net: &dyn Layer, tape: &Tape, number: u64) -> Var {
        let Pressure { operator, shape: [n0, n1, n2], ritz } = &self.scenes[number as usize % self.scenes.len()];
        let seed = self.seed.wrapping_add(1).wrapping_mul(1 << 32).wrapping_add(number);
        let b = ritz.right_hand_sides(self.batch, seed);
        let b = tape.constant(Tensor::new(&[self.batch, *n0, *n1, *n2, 1], b));
        let d = net.forward(tape, &b);
        let ad = apply_symmetric(operator, &d);
        let alpha = div(&dot_samples(&d, &b), &dot_samples(&d, &ad));
        let left = sub(&b, &scale_samples(&ad, &alpha));
        mean(&dot_samples(&left, &left))
    }
}

impl Objective for ResidualLoss {
    fn loss(&mut self, net: &dyn Layer, tape: &Tape, step: usize) -> Result<Var> {
        Ok(self.on(net, tape, step as u64))
    }
}
