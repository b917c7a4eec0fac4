//! The net as a source of search directions.

use super::DirectionNet;
use crate::error::Result;
use crate::nn::{Layer, Tape, Tensor, Var, Weights};
use crate::solver::DirectionModel;
use crate::voxel::{FLUID, VoxelGrid};

/// The weights that come with filet, as the bytes of a safetensors file; `data/weights/README.md` tells how they were made.
pub const SHIPPED: &[u8] = include_bytes!("../../data/weights/direction_net.safetensors");

/// Sides that the net can halve and double again: even, and so long that the half is more than one cell.
pub(super) fn padded(shape: [usize; 3]) -> [usize; 3] {
    shape.map(|n| n.next_multiple_of(2).max(4))
}

/// d = N(r) on a voxel grid: over all cells, 0 outside the fluid. Sides are filled up with zeros to even ones of 4 cells or more.
pub struct NetDirection {
    net: DirectionNet,
    shape: [usize; 3],
    fluid: Vec<bool>,
}

impl NetDirection {
    /// The net on a grid in space.
    ///
    /// Errors: a grid in the plane, for which there are no nets; weights of another net.
    pub fn new(weights: &Weights, grid: &VoxelGrid) -> Result<Self> {
        if grid.dimension() != 3 {
            return Err(crate::error::Error::Problem {
                what: "direction nets are for scenes in space, this one lies in the plane".into(),
                help: "take the method gmg".into(),
            });
        }
        let fluid = grid.flags().iter().map(|f| *f == FLUID).collect();
        Ok(NetDirection { net: DirectionNet::from_weights(weights)?, shape: grid.shape(), fluid })
    }
}

impl DirectionModel for NetDirection {
    fn propose(&mut self, unit_residual: &[f64], d: &mut [f64]) -> Result<()> {
        let [n0, n1, n2] = self.shape;
        let [m0, m1, m2] = padded(self.shape);
        let mut image = Tensor::zeros(&[1, m0, m1, m2, 1]);
        let row = |r: usize| (r / n1 * m1 + r % n1) * m2;
        for (r, from) in unit_residual.chunks_exact(n2).enumerate() {
            let to = &mut image.data_mut()[row(r)..][..n2];
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from as f32);
        }
        let out = self.net.forward(&Tape::inference(), &Var::constant(image));
        debug_assert_eq!(d.len(), n0 * n1 * n2);
        for (r, (d, fluid)) in d.chunks_exact_mut(n2).zip(self.fluid.chunks_exact(n2)).enumerate() {
            let from = &out.value().data()[row(r)..][..n2];
            d.iter_mut().zip(from).zip(fluid).for_each(|((d, v), fluid)| *d = if *fluid { f64::from(*v) } else { 0.0 });
        }
        Ok(())
    }
}
