//! The shape of a net, and what it is for.

use super::trajectories::Problem;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Where u lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// On the moved nodes, and goes with them.
    #[default]
    Carried,
    /// On the fixed mesh; the second branch works on the moved one.
    Published,
}

/// What moves the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Movement {
    /// Nothing: the twin of a net, on the fixed mesh.
    None,
    /// Newton's method on the Monge-Ampère equation, from the potential of the move before.
    #[default]
    Newton,
    /// The learned mover's guess, finished by Newton's method.
    Learned,
}

/// How values go from mesh to mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transfer {
    /// With a learned correction.
    Learned,
    /// By barycentric coordinates alone.
    Linear,
    /// By cubics through the nodes of the lattice.
    #[default]
    Cubic,
}

/// What the branches are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BranchKind {
    /// Messages along the edges of the mesh.
    Graph,
    /// Multigrid cycles on the lattice of the nodes' numbers, on which u is pulled back from the moved mesh.
    #[default]
    Mgno,
}

/// The shape of a net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MmPdeConfig {
    /// What it solves.
    pub problem: Problem,
    /// n: cells along a side of the unit square (default 24).
    pub cells: usize,
    /// Channels (default 20).
    pub width: usize,
    /// Layers of each branch (default 3).
    pub layers: usize,
    /// Where u lives.
    pub scheme: Scheme,
    /// What moves the nodes.
    pub mover: Movement,
    /// What the branches are made of.
    pub branch: BranchKind,
    /// How values go from mesh to mesh.
    pub transfer: Transfer,
    /// Steps from one move of the nodes to the next: values are interpolated once in as many (default 4).
    pub move_every: usize,
}

impl Default for MmPdeConfig {
    fn default() -> Self {
        MmPdeConfig {
            problem: Problem::default(),
            cells: 24,
            width: 20,
            layers: 3,
            scheme: Scheme::default(),
            mover: Movement::default(),
            branch: BranchKind::default(),
            transfer: Transfer::default(),
            move_every: 4,
        }
    }
}

impl MmPdeConfig {
    /// Whether u lives on nodes that move.
    pub fn carries(&self) -> bool {
        self.scheme == Scheme::Carried && self.mover != Movement::None
    }

    /// Refuses sizes that make no sense.
    ///
    /// Errors: the option and its bounds.
    pub fn check(&self) -> Result<()> {
        let refuse = |option: &str, value: usize, what: &str| {
            Err(Error::Option { option: option.into(), value: value.to_string(), what: what.into() })
        };
        if !(4..=512).contains(&self.cells) {
            return refuse("cells", self.cells, "a net has from 4 to 512 cells along a side");
        }
        if !(1..=1024).contains(&self.width) {
            return refuse("--width", self.width, "a net has from 1 to 1024 channels");
        }
        if !(1..=64).contains(&self.layers) {
            return refuse("--layers", self.layers, "a branch has from 1 to 64 layers");
        }
        if self.move_every == 0 {
            return refuse("--move-every", 0, "give a number of steps above 0");
        }
        Ok(())
    }
}
