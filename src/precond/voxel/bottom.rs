//! The sparse level below the grids, and algebraic multigrid on it.

use super::krylov::Sweeps;
use super::split::{NONE, Special, Split};
use crate::error::Result;
use crate::operator::voxel::Field;
use crate::precond::Preconditioner;
use crate::precond::amg::{Amg, AmgConfig};

/// The sparse level.
pub(super) struct Bottom {
    pub(super) amg: Amg,
    /// Blocks with an unknown: where they lie, and the unknown.
    pub(super) blocks: Vec<(u32, u32)>,
    pub(super) special: Vec<Special>,
    /// On the blocks: right-hand side and correction.
    grid: Field,
    r: Vec<f64>,
    z: Vec<f64>,
}

/// The smoothers' degree: it costs little on a level this small and saves iterations on the grids.
const DEGREE: usize = 3;

fn config() -> AmgConfig {
    AmgConfig { degree: DEGREE, coarsest_size: 100, ..AmgConfig::default() }
}

impl Bottom {
    pub fn new(split: Split) -> Result<Self> {
        let n = split.matrix.nrows();
        let amg = config().build(&split.matrix)?;
        let grid = Field::new(split.of_blocks.len());
        let known = split.of_blocks.iter().enumerate().filter(|(_, u)| **u != NONE);
        let blocks = known.map(|(at, u)| (at as u32, *u)).collect();
        Ok(Bottom { amg, blocks, special: split.special, grid, r: vec![0.0; n], z: vec![0.0; n] })
    }

    /// One cycle of `level` and what is below; returns r·z.
    pub fn cycle<G: Sweeps + ?Sized>(&mut self, level: &mut G) -> f64 {
        self.descend(level);
        self.solve();
        self.ascend(level)
    }

    /// The first half of `level`'s cycle, down to the unknowns.
    pub fn descend<G: Sweeps + ?Sized>(&mut self, level: &mut G) {
        level.descend(&mut self.grid);
        self.r.fill(0.0);
        for &(at, u) in &self.blocks {
            self.r[u as usize] = f64::from(self.grid[at as usize]);
        }
        for s in &self.special {
            let t = level.residual_at(s.cell as usize);
            for &(u, w) in &s.weights {
                self.r[u as usize] += f64::from(w * t);
            }
        }
    }

    /// The cycle on the unknowns.
    pub fn solve(&mut self) {
        self.amg.apply(&self.r, &mut self.z);
    }

    /// The second half of `level`'s cycle; returns r·z.
    pub fn ascend<G: Sweeps + ?Sized>(&mut self, level: &mut G) -> f64 {
        for &(at, u) in &self.blocks {
            self.grid[at as usize] = self.z[u as usize] as f32;
        }
        for s in &self.special {
            let correction = s.weights.iter().map(|&(u, w)| w * self.z[u as usize] as f32).sum();
            level.correct_at(s.cell as usize, correction);
        }
        level.ascend(&self.grid)
    }

    /// Bytes that one cycle reads and writes, about: the smoothers' products and the residual's.
    pub fn traffic(&self) -> usize {
        (2 * DEGREE + 1) * self.amg.bytes()
    }

    /// Unknowns.
    pub fn unknowns(&self) -> usize {
        self.r.len()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let special: usize = self.special.iter().map(|s| size_of::<Special>() + size_of_val(&s.weights[..])).sum();
        self.amg.bytes() + special + 8 * self.blocks.len() + size_of_val(&self.grid[..]) + 16 * self.r.len()
    }
}
