//! What of the cycle is a choice: numbers that are set by analysis, or learned on scenes.
//!
//! | where | number | what it does | by analysis |
//! |---|---|---|---|
//! | kernel K, finest level, the next, deeper ones | `kernel` | centre, faces, edges, corners | see `kernel` |
//! | smoother's scaling H, finest | `scale_finest` | h = 1 + Σ w · counts of solid (faces, edges, corners) and of air neighbours | 0 |
//! | the same, next and deeper | `scale_coarse` | h = √(d₀ / d) (1 + w · missing coupling + w · air's part of d) before the bound that keeps ‖S A‖ < 2 | 0 |
//! | the next level's weights | `coupling` | half the finest's times c + w · closed part of the face + w · empty part of the blocks; the same to air | c = 1, w = 0 |
//!
//! Cycles in space and in the plane have numbers of their own. The counts are a convolution of 3 × 3 × 3 with the cube's symmetry over the images of solid and of air. h stays between
//! [`SCALE`]'s bounds and factors of weights between [`FACTOR`]'s, so all operators and scalings are positive for any numbers.
//!
//! Weights of levels below the next are halved without factors: factors would multiply from level to level, and numbers
//! learned on small grids serve on large ones.

use super::kernel::{PLANE, SPACE};
use crate::operator::voxel::Layout;

/// Bounds of h on the finest level, of its factor on others.
pub(super) const SCALE: [f32; 2] = [0.25, 1.9];
/// Bounds of the factors of weights.
pub(super) const FACTOR: [f32; 2] = [0.25, 4.0];

/// Classes of levels: the finest, the next, and all deeper ones.
const LEVELS: usize = 3;

/// The numbers of cycles. The default is what analysis gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CycleParameters {
    /// On grids in space.
    pub space: CycleNumbers,
    /// On grids in the plane. A cell shares sides with four cells and corners with four: what says faces holds for sides, edges
    /// for corners; numbers of corners are not used.
    pub plane: CycleNumbers,
}

/// The numbers of a cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CycleNumbers {
    /// K by level: centre, faces, edges, corners.
    pub kernel: [[f32; 4]; LEVELS],
    /// Weights of the numbers of solid cells that share a face, an edge, a corner, and of air cells.
    pub scale_finest: [f32; 6],
    /// Weights of the coupling that is missing, and of air's part of the diagonal, on the next level and deeper ones.
    pub scale_coarse: [[f32; 2]; LEVELS - 1],
    /// The next level's weights from the finest.
    pub coupling: Coupling,
}

/// Factors of a coarse level's weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coupling {
    /// The factor of an open face between full blocks, and what is added for the closed and for the empty part.
    pub faces: [f32; 3],
    /// The factor to air, and what is added for the empty part of the block.
    pub air: [f32; 2],
}

impl Coupling {
    /// No change.
    const ONE: Coupling = Coupling { faces: [1.0, 0.0, 0.0], air: [1.0, 0.0] };
}

impl Default for CycleParameters {
    fn default() -> Self {
        CycleParameters { space: CycleNumbers::of_analysis(SPACE), plane: CycleNumbers::of_analysis(PLANE) }
    }
}

impl CycleParameters {
    /// All numbers with their names, in a fixed order.
    pub fn named(&mut self) -> Vec<(String, &mut [f32])> {
        let sets = [("space", &mut self.space), ("plane", &mut self.plane)];
        let named =
            |(set, numbers)| CycleNumbers::named(numbers).into_iter().map(move |(n, v)| (format!("{set}.{n}"), v));
        sets.into_iter().flat_map(named).collect()
    }

    /// Those for grids of this layout.
    pub(super) fn on(&self, layout: &Layout) -> &CycleNumbers {
        if layout.planar() { &self.plane } else { &self.space }
    }
}

impl CycleNumbers {
    fn of_analysis(kernel: [f32; 4]) -> Self {
        CycleNumbers {
            kernel: [kernel; LEVELS],
            scale_finest: [0.0; 6],
            scale_coarse: [[0.0; 2]; LEVELS - 1],
            coupling: Coupling::ONE,
        }
    }

    /// The numbers with their names, in a fixed order.
    pub fn named(&mut self) -> Vec<(String, &mut [f32])> {
        let CycleNumbers { kernel, scale_finest, scale_coarse, coupling: Coupling { faces, air } } = self;
        let mut all: Vec<(String, &mut [f32])> = Vec::new();
        all.extend(kernel.iter_mut().enumerate().map(|(l, k)| (format!("level{l}.kernel"), &mut k[..])));
        all.push(("level0.scale".into(), scale_finest));
        all.extend(scale_coarse.iter_mut().enumerate().map(|(l, s)| (format!("level{}.scale", l + 1), &mut s[..])));
        all.push(("level1.coupling".into(), faces));
        all.push(("level1.coupling_air".into(), air));
        all
    }

    /// The kernel of level number `l`.
    pub(super) fn kernel(&self, l: usize) -> [f32; 4] {
        self.kernel[l.min(LEVELS - 1)]
    }

    /// The factors of the weights made from those of level number `l`.
    pub(super) fn coupling(&self, l: usize) -> &Coupling {
        if l == 0 { &self.coupling } else { &Coupling::ONE }
    }

    /// The scaling of level number `l` ≥ 1.
    pub(super) fn scale_coarse(&self, l: usize) -> [f32; 2] {
        self.scale_coarse[(l - 1).min(LEVELS - 2)]
    }
}
