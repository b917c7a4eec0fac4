//! A voxel grid behind an unstructured mesh: the mesh's matrix smooths, the cycle on the grid does the rest.
//!
//! B is the symmetric cycle z <- S r; z <- z + Π B_g Πᵀ (r − A z); z <- z + S (r − A z):
//!
//! | symbol | name here | what |
//! |---|---|---|
//! | A | `a` | the matrix of the mesh's unknowns |
//! | S | `Finest` | Chebyshev smoothing on the mesh, as on algebraic multigrid's finest level |
//! | Π, Πᵀ | `transfer` | (bi-, tri-)linear interpolation from the grid's cell centres to the unknowns |
//! | G | `weights` | the grid's operator: face weights that give linear functions the energy they have on the mesh |
//! | B_g | [`VoxelMultigrid`] | one voxel cycle on G |
//!
//! G is made from A and the places of the unknowns alone, so it knows about every boundary condition and coefficient: what
//! couples an unknown to Dirichlet values is the sum of its row. B is symmetric, and positive definite where B_g is. How well it
//! serves does not depend on the mesh's size while its cells are of about one size (J. Xu, *The auxiliary space method and
//! optimal multigrid preconditioning techniques for unstructured grids*, Computing 56 (1996), doi:10.1007/BF02238513, theorem
//! 2.1). Where they are not, [`Background::of`] says so.
//!
//! Departures from the reference: the smoother and the grid are combined multiplicatively; G is not the stiffness matrix of
//! the grid but a 7-point operator (5-point in the plane) of the same energy, and lives on all cells an unknown takes from.

mod background;
mod transfer;
mod weights;

pub use background::Background;

use super::Preconditioner;
use super::amg::{Correction, Finest};
use super::voxel::{CycleParameters, VoxelMultigrid};
use crate::error::Result;
use crate::sparse::Csr;
use transfer::Transfer;

/// Steps of Chebyshev smoothing before and after the grid's correction.
const DEGREE: usize = 1;

/// The cycle as a preconditioner.
pub struct AuxiliaryGrid {
    finest: Finest<f32>,
    shape: Vec<usize>,
}

impl AuxiliaryGrid {
    /// Sets up for the matrix `a`, on the grid behind its unknowns, with these numbers in the grid's cycle.
    ///
    /// Errors: what [`AmgConfig::build`](super::amg::AmgConfig::build) refuses.
    pub fn new(a: &Csr, background: &Background, parameters: &CycleParameters) -> Result<Self> {
        let finest = Finest::corrected(a, DEGREE, |order, scale, unit| {
            let transfer = Transfer::new(background, order);
            let (kind, weights, size) = weights::weights(a, background, &transfer, order);
            let layout = background.layout().clone();
            let multigrid = VoxelMultigrid::of_weights(layout, &kind, weights, parameters)?;
            let inverse_scale = order.iter().map(|&i| (1.0 / scale[i as usize]) as f32).collect();
            let factor = (unit / size) as f32;
            Ok(Box::new(Grid { multigrid, transfer, inverse_scale, factor }))
        })?;
        Ok(AuxiliaryGrid { finest, shape: background.shape() })
    }

    /// Cells of the grid in each direction of the mesh.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
}

impl Preconditioner for AuxiliaryGrid {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        self.finest.apply(r, z);
    }

    fn bytes(&self) -> usize {
        self.finest.bytes()
    }

    fn traffic(&self) -> usize {
        self.finest.traffic()
    }
}

/// C = f S⁻¹ Π B_g Πᵀ S⁻¹, for the matrix that S scales to unit diagonal.
struct Grid {
    multigrid: VoxelMultigrid,
    transfer: Transfer,
    /// S⁻¹.
    inverse_scale: Vec<f32>,
    /// f: the unit of the matrix over that of the grid's weights.
    factor: f32,
}

impl std::fmt::Debug for Grid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grid").field("levels", &self.multigrid.grid_levels()).finish_non_exhaustive()
    }
}

impl Correction<f32> for Grid {
    fn correct(&mut self, r: &[f32], x: &mut [f32]) {
        let Grid { multigrid, transfer, inverse_scale, factor } = self;
        transfer.restrict(multigrid.finest().right_hand_side(), |k| inverse_scale[k] * r[k]);
        multigrid.cycle();
        transfer.prolong(multigrid.finest().answer(), x, |k| *factor * inverse_scale[k]);
    }

    fn bytes(&self) -> usize {
        self.multigrid.bytes() + self.transfer.bytes() + size_of_val(&self.inverse_scale[..])
    }

    fn traffic(&self) -> usize {
        let between = self.transfer.bytes() + size_of_val(&self.inverse_scale[..]);
        Preconditioner::traffic(&self.multigrid) + 2 * between
    }
}
