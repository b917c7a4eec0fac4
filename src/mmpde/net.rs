//! One step of time by two branches, on the mesh u is given on and on one moved to where u needs nodes:
//!
//! u(t + Δt) = u + G₁(u) + I₂ G₂(I₁ u) inside, u on the boundary
//!
//! | symbol | here | what |
//! |---|---|---|
//! | u | channel 0 of the input | at the nodes of the fixed mesh |
//! | log₁₀ ν | channel 1 | |
//! | x | channels 2 and 3 | the nodes of the moved mesh, by [`MeshMover`](super::MeshMover) |
//! | G₁, G₂ | `branches` | message passing on the fixed mesh and on the moved one |
//! | I₁, I₂ | `interpolations` | to the moved nodes and back, exact for linear functions |
//!
//! Reference: P. Hu, Y. Wang and Z.-M. Ma, *Better neural PDE solvers through data-free mesh movers*, ICLR 2024, arXiv:2312.05583, §3.2.
//!
//! Departures: the residual path is u itself, not a net, and the same with and without a moved mesh; that of the branches and the
//! interpolation, see there.

use super::Trajectories;
use super::branch::{Branch, Places};
use super::interpolation::{Interpolation, Stencils, interpolate};
use crate::error::{Error, Place, Result};
use crate::mesh::shapes::built_in;
use crate::mesh::topology::{boundary_facets, edges};
use crate::mesh::{Locator, Mesh};
use crate::nn::ops::{Neighbours, add, reshape, scale_samples};
use crate::nn::{Layer, Param, Tape, Tensor, Var, Weights};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The weights that come with filet, as the bytes of a safetensors file; `data/weights/README.md` tells how they were made.
pub const SHIPPED: &[u8] = include_bytes!("../../data/weights/mmpde_burgers.safetensors");

/// Where the nodes of the second branch are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nodes {
    /// Moved by optimal transport.
    #[default]
    Moved,
    /// On the fixed mesh: the twin without a mover.
    Fixed,
}

/// How values go from mesh to mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transfer {
    /// With a learned correction.
    #[default]
    Learned,
    /// By barycentric coordinates alone.
    Linear,
}

/// The shape of a net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MmPdeConfig {
    /// n: cells along a side of the unit square (default 24).
    pub cells: usize,
    /// Channels (default 32).
    pub width: usize,
    /// Layers of message passing in each branch (default 4).
    pub layers: usize,
    /// Where the second branch is.
    pub nodes: Nodes,
    /// How values go there and back.
    pub transfer: Transfer,
}

impl Default for MmPdeConfig {
    fn default() -> Self {
        MmPdeConfig { cells: 24, width: 32, layers: 4, nodes: Nodes::default(), transfer: Transfer::default() }
    }
}

/// Channels of the input.
const CHANNELS: usize = 4;

/// u, the moved nodes, ν.
pub type State<'a> = (&'a [f32], &'a [[f32; 2]], f64);

/// As [`MmPde::input`], for meshes of `nodes` nodes.
pub(super) fn input<'a>(nodes: usize, states: impl Iterator<Item = State<'a>>) -> Var {
    let (mut data, mut batch) = (Vec::new(), 0);
    for (u, points, viscosity) in states {
        assert_eq!([u.len(), points.len()], [nodes; 2], "a value and a place a node");
        let log = viscosity.log10() as f32;
        data.extend(u.iter().zip(points).flat_map(|(u, [x, y])| [*u, log, *x, *y]));
        batch += 1;
    }
    Var::constant(Tensor::new(&[batch, nodes, CHANNELS], data))
}

/// The net on `[batch, nodes, 4]`.
pub struct MmPde {
    config: MmPdeConfig,
    mesh: Mesh,
    fixed: Locator,
    neighbours: Arc<Neighbours>,
    outer: Vec<bool>,
    branches: [Branch; 2],
    interpolations: [Interpolation; 2],
}

impl MmPde {
    /// A net with random weights.
    ///
    /// Errors: a size that makes no sense.
    pub fn new(config: &MmPdeConfig, seed: u64) -> Result<Self> {
        let refuse = |option: &str, value: usize, what: &str| {
            Err(Error::Option { option: option.into(), value: value.to_string(), what: what.into() })
        };
        if !(4..=512).contains(&config.cells) {
            return refuse("cells", config.cells, "a net has from 4 to 512 cells along a side");
        }
        if !(1..=1024).contains(&config.width) {
            return refuse("--width", config.width, "a net has from 1 to 1024 channels");
        }
        if !(1..=64).contains(&config.layers) {
            return refuse("--layers", config.layers, "a branch has from 1 to 64 layers");
        }
        let Some(mesh) = built_in(&format!("square:{}", config.cells)).transpose()? else {
            unreachable!("the square is built in")
        };
        let mut rng = Pcg64::seed_from_u64(seed);
        let branches = ["fixed", "moved"].map(|name| Branch::new(name, config.width, config.layers, &mut rng));
        let interpolations = ["there", "back"].map(|name| Interpolation::new(name, &mut rng));
        let mut outer = vec![false; mesh.points.len()];
        boundary_facets(&mesh).iter().for_each(|v| outer[*v as usize] = true);
        Ok(MmPde {
            config: config.clone(),
            fixed: Locator::new(mesh.clone()),
            neighbours: Arc::new(Neighbours::new(mesh.points.len(), &edges(&mesh).vertices)),
            mesh,
            outer,
            branches,
            interpolations,
        })
    }

    /// The net of a file of weights.
    ///
    /// Errors: weights of something else, with what differs.
    pub fn from_weights(weights: &Weights) -> Result<Self> {
        let found = weights.about.get("net").cloned().unwrap_or_default();
        let config: MmPdeConfig = serde_json::from_value(found).map_err(|e| {
            let (place, what) = (Place::Section("filet.net".into()), format!("describes no solver: {e}"));
            Error::file(&weights.path, place, what, "train one with `filet train mmpde`")
        })?;
        let mut net = MmPde::new(&config, 0)?;
        weights.load_into(&mut net)?;
        Ok(net)
    }

    /// Weights with what [`MmPde::from_weights`] needs, and `more` that is known.
    pub fn weights(&mut self, more: serde_json::Value) -> Weights {
        let mut about = serde_json::json!({ "net": self.config });
        if let (Some(about), serde_json::Value::Object(more)) = (about.as_object_mut(), more) {
            about.extend(more);
        }
        Weights::of(self, about)
    }

    /// The net's shape.
    pub fn config(&self) -> &MmPdeConfig {
        &self.config
    }

    /// The fixed mesh.
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// The input for several states: u, the moved nodes and ν of each.
    ///
    /// # Panics
    ///
    /// Where there are not as many numbers as nodes.
    pub fn input<'a>(&self, states: impl Iterator<Item = State<'a>>) -> Var {
        input(self.mesh.points.len(), states)
    }

    /// Refuses trajectories on another lattice than the net's.
    ///
    /// Errors: both sizes.
    pub fn check(&self, trajectories: &Trajectories) -> Result<()> {
        if trajectories.cells == self.config.cells {
            return Ok(());
        }
        Err(Error::Problem {
            what: format!(
                "trajectories on {0} x {0} cells, the net is for {1} x {1}",
                trajectories.cells, self.config.cells
            ),
            help: "make trajectories of the net's size, or train a net on these".into(),
        })
    }

    /// Where values go from the fixed mesh to the moved ones, and back.
    fn stencils(&self, moved: &[Vec<[f64; 3]>]) -> [Arc<Stencils>; 2] {
        let both: Vec<[Stencils; 2]> = moved
            .par_iter()
            .map(|points| {
                let there = Stencils::new(&self.fixed, &self.neighbours, points);
                let from = Locator::new(Mesh { points: points.clone(), groups: Vec::new(), ..self.mesh.clone() });
                [there, Stencils::new(&from, &self.neighbours, &self.mesh.points)]
            })
            .collect();
        let (there, back): (Vec<Stencils>, Vec<Stencils>) = both.into_iter().map(|[a, b]| (a, b)).unzip();
        [there, back].map(|parts| Arc::new(Stencils::together(&parts, self.mesh.points.len())))
    }

    /// From mesh to mesh: 0 there, 1 back.
    fn transfer(&self, which: usize, tape: &Tape, u: &Var, stencils: &Arc<Stencils>) -> Var {
        match self.config.transfer {
            Transfer::Learned => self.interpolations[which].forward(tape, u, stencils),
            Transfer::Linear => interpolate(u, &Var::constant(stencils.no_correction()), stencils),
        }
    }
}

impl Layer for MmPde {
    fn forward(&self, tape: &Tape, x: &Var) -> Var {
        let nodes = self.mesh.points.len();
        let batch = x.shape()[0];
        assert_eq!(x.shape(), [batch, nodes, CHANNELS], "u, log ν, x and y of every node");
        let rows: Vec<&[f32]> = x.value().data().chunks_exact(CHANNELS).collect();
        let column = |k: usize| Tensor::new(&[rows.len(), 1], rows.iter().map(|r| r[k]).collect());
        let u = Var::constant(column(0));
        let known = rows.iter().enumerate();
        let known = known.flat_map(|(i, r)| [r[1] + 2.0, f32::from(u8::from(self.outer[i % nodes]))]).collect();
        let known = Var::constant(Tensor::new(&[rows.len(), 2], known));
        let point = |r: &&[f32]| [f64::from(r[2]), f64::from(r[3]), 0.0];
        let moved: Vec<Vec<[f64; 3]>> = rows.chunks_exact(nodes).map(|r| r.iter().map(point).collect()).collect();
        let h = 1.0 / self.config.cells as f64;
        let places = |points: &mut dyn Iterator<Item = [f64; 3]>| {
            let flat: Vec<[f64; 2]> = points.map(|[x, y, _]| [x, y]).collect();
            Places::new(&self.neighbours, batch, &flat, h)
        };
        let repeated = (0..batch).flat_map(|_| self.mesh.points.iter().copied());
        let here = self.branches[0].forward(tape, &u, &known, &places(&mut { repeated }));
        let [there, back] = self.stencils(&moved);
        let on_moved = self.transfer(0, tape, &u, &there);
        let change = self.branches[1].forward(tape, &on_moved, &known, &places(&mut moved.into_iter().flatten()));
        let change = add(&here, &self.transfer(1, tape, &change, &back));
        // The boundary keeps its values.
        let inside = (0..rows.len()).map(|i| if self.outer[i % nodes] { 0.0 } else { 1.0 }).collect();
        let change = scale_samples(&change, &Var::constant(Tensor::new(&[rows.len()], inside)));
        reshape(&add(&u, &change), &[batch, nodes, 1])
    }

    fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        self.branches.iter_mut().for_each(|b| b.visit(see));
        self.interpolations.iter_mut().for_each(|i| i.visit(see));
    }
}
