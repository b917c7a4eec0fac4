//! One step of time by two branches of message passing. With [`Nodes::Carried`] u lives on the moved nodes X and goes with them:
//!
//! ```text
//! û = u + G₁(u; X)                             on X
//! X' = nodes for û
//! u(t + Δt) = I û + G₂(I û; X')                on X', I from X to X'
//! ```
//!
//! With [`Nodes::Moved`], as published, u stays on the fixed mesh, and a branch on the moved one helps:
//!
//! u(t + Δt) = u + G₁(u) + I₂ G₂(I₁ u)
//!
//! On the boundary u stays what it is.
//!
//! | symbol | here | what |
//! |---|---|---|
//! | u | channel 0 of the input | at the nodes X |
//! | log₁₀ ν | channel 1 | |
//! | X, X' | channels 2 and 3, 4 and 5 | the nodes u is on, those of the moved mesh, by [`MeshMover`](super::MeshMover) |
//! | G₁, G₂ | `branches` | message passing |
//! | I, I₁, I₂ | `interpolations` | from mesh to mesh, exact for linear functions |
//!
//! Reference: P. Hu, Y. Wang and Z.-M. Ma, *Better neural PDE solvers through data-free mesh movers*, ICLR 2024, arXiv:2312.05583, §3.2.
//!
//! Departures: the residual path is u itself, not a net, and the same with and without a moved mesh; that of the branches and the
//! interpolation, see there.

use super::Trajectories;
use super::branch::{Branch, Places};
use super::interpolation::{Interpolation, Stencils, interpolate};
use super::meshes::with_nodes;
use crate::error::{Error, Place, Result};
use crate::mesh::shapes::built_in;
use crate::mesh::topology::{boundary_facets, edges};
use crate::mesh::{Locator, Mesh};
use crate::nn::ops::{Neighbours, add, reshape, scale_samples, sub};
use crate::nn::{Layer, Param, Tape, Tensor, Var, Weights};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The weights that come with filet, as the bytes of a safetensors file; `data/weights/README.md` tells how they were made.
pub const SHIPPED: &[u8] = include_bytes!("../../data/weights/mmpde_burgers.safetensors");

/// Where u and the nodes of the second branch are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nodes {
    /// u on nodes moved by optimal transport, both branches, too.
    #[default]
    Carried,
    /// u on the fixed mesh, the second branch on nodes moved by optimal transport.
    Moved,
    /// All on the fixed mesh: the twin without a mover.
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
    /// Where u and the second branch are.
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
const CHANNELS: usize = 6;

/// What a step begins with.
#[derive(Debug, Clone, Copy)]
pub struct State<'a> {
    /// u at the nodes `home`.
    pub u: &'a [f32],
    /// The nodes u is on: those of the fixed mesh unless they are carried.
    pub home: &'a [[f32; 2]],
    /// The nodes of the moved mesh; where they are carried, those of the state after the step.
    pub next: &'a [[f32; 2]],
    /// ν.
    pub viscosity: f64,
}

/// As [`MmPde::input`], for meshes of `nodes` nodes.
pub(super) fn input<'a>(nodes: usize, states: impl Iterator<Item = State<'a>>) -> Var {
    let (mut data, mut batch) = (Vec::new(), 0);
    for State { u, home, next, viscosity } in states {
        assert_eq!([u.len(), home.len(), next.len()], [nodes; 3], "a value and two places a node");
        let log = viscosity.log10() as f32;
        data.extend(u.iter().zip(home).zip(next).flat_map(|((u, [x, y]), [v, w])| [*u, log, *x, *y, *v, *w]));
        batch += 1;
    }
    Var::constant(Tensor::new(&[batch, nodes, CHANNELS], data))
}

/// The net on `[batch, nodes, 6]`.
pub struct MmPde {
    config: MmPdeConfig,
    mesh: Mesh,
    neighbours: Arc<Neighbours>,
    outer: Vec<bool>,
    branches: [Branch; 2],
    /// There, and back where u stays on the fixed mesh.
    interpolations: Vec<Interpolation>,
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
        let ways = if config.nodes == Nodes::Carried { &["there"][..] } else { &["there", "back"] };
        let interpolations = ways.iter().map(|name| Interpolation::new(name, &mut rng)).collect();
        let mut outer = vec![false; mesh.points.len()];
        boundary_facets(&mesh).iter().for_each(|v| outer[*v as usize] = true);
        Ok(MmPde {
            config: config.clone(),
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

    /// The mesh with its nodes elsewhere.
    pub fn mesh_at(&self, nodes: &[[f32; 2]]) -> Mesh {
        with_nodes(&self.mesh, nodes)
    }

    /// The input for several states: u, the moved nodes and ν of each.
    ///
    /// # Panics
    ///
    /// Where there are not as many numbers as nodes.
    pub fn input<'a>(&self, states: impl Iterator<Item = State<'a>>) -> Var {
        input(self.mesh.points.len(), states)
    }

    /// Refuses trajectories the net cannot be trained on or compared with: their lattice must hold that of the net, and hold fronts
    /// where nodes are carried.
    ///
    /// Errors: both sizes.
    pub fn check(&self, trajectories: &Trajectories) -> Result<()> {
        let (given, own) = (trajectories.cells, self.config.cells);
        let refuse = |help: &str| {
            let what = format!("trajectories on {given} x {given} cells, the net is for {own} x {own}");
            Err(Error::Problem { what, help: help.into() })
        };
        match self.config.nodes {
            _ if !given.is_multiple_of(own) => {
                refuse("make trajectories of a multiple of the net's size, or set --cells")
            }
            Nodes::Carried if given < 2 * own => refuse(
                "carried nodes need values between those of the lattice: make trajectories on one several times as fine",
            ),
            _ => Ok(()),
        }
    }

    /// u + G₁(u; X) for one state, of which `next` does not count: what the nodes of the next state are moved to.
    pub fn predict(&self, state: State) -> Vec<f32> {
        let tape = Tape::inference();
        let x = self.input(std::iter::once(state));
        let parts = self.parts(&x);
        let here = self.change(0, &tape, &parts.u, &parts);
        add(&parts.u, &here).value().data().to_vec()
    }

    /// Where values go from the nodes `from` to the nodes `to`, of each mesh of a batch.
    fn stencils(&self, from: &[[f32; 2]], to: &[[f32; 2]]) -> Arc<Stencils> {
        let nodes = self.mesh.points.len();
        let one = |(from, to): (&[[f32; 2]], &[[f32; 2]])| {
            let to = self.mesh_at(to).points;
            Stencils::new(&Locator::new(self.mesh_at(from)), &self.neighbours, &to)
        };
        let parts: Vec<Stencils> = from.par_chunks_exact(nodes).zip(to.par_chunks_exact(nodes)).map(one).collect();
        Arc::new(Stencils::together(&parts, nodes))
    }

    /// The input, taken apart.
    fn parts(&self, x: &Var) -> Parts {
        let nodes = self.mesh.points.len();
        let batch = x.shape()[0];
        assert_eq!(x.shape(), [batch, nodes, CHANNELS], "u, log ν and two places of every node");
        let rows: Vec<&[f32]> = x.value().data().chunks_exact(CHANNELS).collect();
        let outer = |i: usize| self.outer[i % nodes];
        let known = rows.iter().enumerate().flat_map(|(i, r)| [r[1] + 2.0, f32::from(u8::from(outer(i)))]).collect();
        let inside = (0..rows.len()).map(|i| if outer(i) { 0.0 } else { 1.0 }).collect();
        let places = [2, 4].map(|k| rows.iter().map(|r| [r[k], r[k + 1]]).collect::<Vec<[f32; 2]>>());
        let h = 1.0 / self.config.cells as f64;
        Parts {
            u: Var::constant(Tensor::new(&[rows.len(), 1], rows.iter().map(|r| r[0]).collect())),
            known: Var::constant(Tensor::new(&[rows.len(), 2], known)),
            inside: Var::constant(Tensor::new(&[rows.len()], inside)),
            geometry: places.each_ref().map(|x| Places::new(&self.neighbours, batch, x, h)),
            places,
        }
    }

    /// What a branch says of u on its mesh, 0 on the boundary.
    fn change(&self, branch: usize, tape: &Tape, u: &Var, parts: &Parts) -> Var {
        scale_samples(&self.branches[branch].forward(tape, u, &parts.known, &parts.geometry[branch]), &parts.inside)
    }

    /// From mesh to mesh: 0 there, 1 back.
    fn transfer(&self, which: usize, tape: &Tape, u: &Var, stencils: &Arc<Stencils>) -> Var {
        match self.config.transfer {
            Transfer::Learned => self.interpolations[which].forward(tape, u, stencils),
            Transfer::Linear => interpolate(u, &Var::constant(stencils.no_correction()), stencils),
        }
    }
}

/// The input of a step.
struct Parts {
    /// `[batch nodes, 1]`.
    u: Var,
    /// log ν and boundary, `[batch nodes, 2]`.
    known: Var,
    /// 0 on the boundary, 1 inside.
    inside: Var,
    /// X and X'.
    places: [Vec<[f32; 2]>; 2],
    geometry: [Places; 2],
}

impl Layer for MmPde {
    fn forward(&self, tape: &Tape, x: &Var) -> Var {
        let parts = self.parts(x);
        let [home, next] = &parts.places;
        let there = self.stencils(home, next);
        let here = self.change(0, tape, &parts.u, &parts);
        let after = match self.config.nodes {
            Nodes::Carried => {
                let predicted = add(&parts.u, &here);
                // On the boundary without the correction, which takes values from inside.
                let straight = interpolate(&predicted, &Var::constant(there.no_correction()), &there);
                let correction = sub(&self.transfer(0, tape, &predicted, &there), &straight);
                let predicted = add(&straight, &scale_samples(&correction, &parts.inside));
                add(&predicted, &self.change(1, tape, &predicted, &parts))
            }
            Nodes::Moved | Nodes::Fixed => {
                let on_moved = self.transfer(0, tape, &parts.u, &there);
                let change = self.branches[1].forward(tape, &on_moved, &parts.known, &parts.geometry[1]);
                let back = self.transfer(1, tape, &change, &self.stencils(next, home));
                add(&parts.u, &add(&here, &scale_samples(&back, &parts.inside)))
            }
        };
        reshape(&after, &[x.shape()[0], self.mesh.points.len(), 1])
    }

    fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        self.branches.iter_mut().for_each(|b| b.visit(see));
        self.interpolations.iter_mut().for_each(|i| i.visit(see));
    }
}
