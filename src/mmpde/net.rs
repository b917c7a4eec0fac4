//! One step of time by two branches. With [`Scheme::Carried`] u lives on moved nodes X and goes with them:
//!
//! ```text
//! X' = nodes for u
//! v = I u                                              on X', I from X to X'
//! h = G₁(u; X)                                         hidden, at the nodes; it goes with them
//! u(t + Δt) = v + D G₂(v, u − v, X' − X, h; X')        on X'
//! ```
//!
//! u − v is what a node's value was less what is at its new place: no interpolation loses what the nodes know. With [`Scheme::Published`]
//! u stays on the fixed mesh X, and a branch on the moved one helps:
//!
//! u(t + Δt) = u + D₁ G₁(u) + I₂ D₂ G₂(I₁ u)
//!
//! Where u is held, as on the boundary, it stays what it is. Without a mover X' = X, the twin.
//!
//! | symbol | here | what |
//! |---|---|---|
//! | u | channel 0 of the input | at the nodes X |
//! | log₁₀ ν | channel 1 | |
//! | X, X' | channels 2 and 3, 4 and 5 | the nodes u is on, those of the moved mesh, by [`MeshMover`](super::MeshMover) |
//! | G₁, G₂ | `branches` | message passing or multigrid |
//! | D, D₁, D₂ | `decoders` | from h to a change of u |
//! | I, I₁, I₂ | `interpolations` | from mesh to mesh, exact for linear functions |
//!
//! Reference: P. Hu, Y. Wang and Z.-M. Ma, *Better neural PDE solvers through data-free mesh movers*, ICLR 2024, arXiv:2312.05583, §3.2.
//!
//! Departures: the carried scheme; the residual path is u itself, not a net, and the same with and without a moved mesh; that of the
//! branches and the interpolation, see there.

use super::Trajectories;
use super::branch::{Branch, Dense, Places};
use super::config::{BranchKind, MmPdeConfig, Scheme, Transfer};
use super::interpolation::{Interpolation, Stencils, apply};
use super::meshes::with_nodes;
use crate::error::{Error, Place, Result};
use crate::mesh::shapes::built_in;
use crate::mesh::topology::edges;
use crate::mesh::{Locator, Mesh};
use crate::nn::ops::{Neighbours, add, join, reshape, scale_samples, sub};
use crate::nn::{Layer, Param, Tape, Tensor, Var, Weights};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use rayon::prelude::*;
use std::sync::Arc;

/// The weights that come with filet, as the bytes of a safetensors file; `data/weights/README.md` tells how they were made.
pub const SHIPPED: &[u8] = include_bytes!("../../data/weights/mmpde_burgers.safetensors");

/// Channels of the input.
const CHANNELS: usize = 6;
/// What is known of a node: log ν, whether u is held.
const KNOWN: usize = 2;
/// What more is known of a node of the moved mesh: u − v, X' − X.
const MOVED: usize = 3;

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
    branches: [Branch; 2],
    /// The last belongs to the second branch.
    decoders: Vec<Dense>,
    /// There, and back where u stays on the fixed mesh; none where nothing of it is learned.
    interpolations: Vec<Interpolation>,
}

impl MmPde {
    /// A net with random weights.
    ///
    /// Errors: a size that makes no sense.
    pub fn new(config: &MmPdeConfig, seed: u64) -> Result<Self> {
        config.check()?;
        let Some(mesh) = built_in(&format!("square:{}", config.cells)).transpose()? else {
            unreachable!("the square is built in")
        };
        let mut rng = Pcg64::seed_from_u64(seed);
        let first = Branch::new("first", config, KNOWN, &mut rng)?;
        let second = Branch::new("second", config, KNOWN + MOVED, &mut rng)?;
        let (ends, mut ways): (&[&str], &[&str]) = match config.scheme {
            Scheme::Carried => (&["second"], &["there"]),
            Scheme::Published => (&["first", "second"], &["there", "back"]),
        };
        if config.transfer != Transfer::Learned {
            ways = &[];
        }
        // Small changes at first.
        let decoder = |name: &&str| Dense::new(&format!("{name}.decoder"), [config.width, 1], 0.01, &mut rng);
        let decoders = ends.iter().map(decoder).collect();
        let interpolations = ways.iter().map(|name| Interpolation::new(name, &mut rng)).collect();
        Ok(MmPde {
            config: config.clone(),
            neighbours: Arc::new(Neighbours::new(mesh.points.len(), &edges(&mesh).vertices)),
            mesh,
            branches: [first, second],
            decoders,
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
        let (given_problem, problem) = (trajectories.problem, self.config.problem);
        if given_problem != problem {
            return Err(Error::Problem {
                what: format!("trajectories of {}, the net is for {}", given_problem.name(), problem.name()),
                help: "take trajectories of the problem it was trained on".into(),
            });
        }
        if !given.is_multiple_of(own) {
            return refuse("make trajectories of a multiple of the net's size, or set --cells");
        }
        if self.config.carries() && given < 2 * own {
            let help = "carried nodes need values between those of the lattice: make trajectories on one several times as fine";
            return refuse(help);
        }
        Ok(())
    }

    /// How values go from the nodes `from` to the nodes `to`, of each mesh of a batch.
    fn stencils(&self, by: Transfer, from: &[[f32; 2]], to: &[[f32; 2]]) -> Arc<Stencils> {
        let nodes = self.mesh.points.len();
        let one = |(from, to): (&[[f32; 2]], &[[f32; 2]])| {
            // Nodes that stay keep their values. A learned correction takes some from around them all the same.
            if from == to && by != Transfer::Learned {
                return Stencils::from_rows((0..nodes).map(|v| vec![(v, 1.0)]));
            }
            let (from, to) = (Locator::new(self.mesh_at(from)), self.mesh_at(to).points);
            match by {
                Transfer::Cubic => Stencils::cubic(&from, self.config.cells + 1, &to),
                Transfer::Learned | Transfer::Linear => Stencils::new(&from, &self.neighbours, &to),
            }
        };
        let parts: Vec<Stencils> = from.par_chunks_exact(nodes).zip(to.par_chunks_exact(nodes)).map(one).collect();
        Arc::new(Stencils::together(&parts, nodes))
    }

    /// The input, taken apart.
    fn parts(&self, x: &Var) -> Parts {
        let nodes = self.mesh.points.len();
        assert_eq!(x.shape(), [x.shape()[0], nodes, CHANNELS], "u, log ν and two places of every node");
        let rows: Vec<&[f32]> = x.value().data().chunks_exact(CHANNELS).collect();
        let places = [2, 4].map(|k| rows.iter().map(|r| [r[k], r[k + 1]]).collect::<Vec<[f32; 2]>>());
        let held = places.each_ref().map(|x| x.iter().map(|x| self.config.problem.holds(*x)).collect::<Vec<bool>>());
        let known = held.each_ref().map(|held| {
            let numbers = rows.iter().zip(held).flat_map(|(r, held)| [r[1] + 2.0, f32::from(u8::from(*held))]);
            Var::constant(Tensor::new(&[rows.len(), KNOWN], numbers.collect()))
        });
        let out = if self.config.scheme == Scheme::Carried { 1 } else { 0 };
        let inside = held[out].iter().map(|held| if *held { 0.0 } else { 1.0 }).collect();
        let h = 1.0 / self.config.cells as f32;
        let way = rows.iter().flat_map(|r| [(r[4] - r[2]) / h, (r[5] - r[3]) / h]).collect();
        let viscosities: Vec<f64> = rows.iter().step_by(nodes).map(|r| 10f64.powf(f64::from(r[1]))).collect();
        let lattice = (self.config.branch == BranchKind::Mgno).then_some((self.config.cells + 1, &viscosities[..]));
        let places_of = |x: &Vec<_>| Places::new(&self.neighbours, x, &self.mesh.points, f64::from(h), lattice);
        let geometry = places.each_ref().map(places_of);
        Parts {
            u: Var::constant(Tensor::new(&[rows.len(), 1], rows.iter().map(|r| r[0]).collect())),
            known,
            inside: Var::constant(Tensor::new(&[rows.len()], inside)),
            way: Var::constant(Tensor::new(&[rows.len(), 2], way)),
            places,
            geometry,
        }
    }

    /// From mesh to mesh: 0 there, 1 back.
    fn transfer(&self, which: usize, tape: &Tape, u: &Var, stencils: &Arc<Stencils>) -> Var {
        match self.config.transfer {
            Transfer::Learned => self.interpolations[which].forward(tape, u, stencils),
            Transfer::Linear | Transfer::Cubic => apply(u, stencils),
        }
    }

    /// G₂ on the moved mesh, of v there; `before` is G₁'s where nodes carry it.
    fn second(&self, tape: &Tape, v: &Var, parts: &Parts, before: Option<&Var>) -> Var {
        let known = join(&[&parts.known[1], &sub(&parts.u, v), &parts.way]);
        self.branches[1].forward(tape, v, &known, &parts.geometry[1], before)
    }
}

/// The input of a step.
struct Parts {
    /// `[batch nodes, 1]`.
    u: Var,
    /// log ν and whether u is held, `[batch nodes, 2]`, at X and at X'.
    known: [Var; 2],
    /// 0 where u is held, else 1, at the nodes the step ends on.
    inside: Var,
    /// (X' − X) / h, `[batch nodes, 2]`.
    way: Var,
    /// X and X'.
    places: [Vec<[f32; 2]>; 2],
    geometry: [Places; 2],
}

impl Layer for MmPde {
    fn forward(&self, tape: &Tape, x: &Var) -> Var {
        let parts = self.parts(x);
        let [home, next] = &parts.places;
        let by = self.config.transfer;
        let there = self.stencils(by, home, next);
        let inside = |change: &Var| scale_samples(change, &parts.inside);
        let first = self.branches[0].forward(tape, &parts.u, &parts.known[0], &parts.geometry[0], None);
        let after = match self.config.scheme {
            Scheme::Carried => {
                // Where u is held without the correction, which takes values from around.
                let straight = match by {
                    Transfer::Cubic => apply(&parts.u, &self.stencils(Transfer::Linear, home, next)),
                    Transfer::Learned | Transfer::Linear => apply(&parts.u, &there),
                };
                let correction = sub(&self.transfer(0, tape, &parts.u, &there), &straight);
                let v = add(&straight, &inside(&correction));
                let second = self.second(tape, &v, &parts, Some(&first));
                add(&v, &inside(&self.decoders[0].apply(tape, &second)))
            }
            Scheme::Published => {
                let here = self.decoders[0].apply(tape, &first);
                let second = self.second(tape, &self.transfer(0, tape, &parts.u, &there), &parts, None);
                let change = self.decoders[1].apply(tape, &second);
                let back = self.transfer(1, tape, &change, &self.stencils(by, next, home));
                add(&parts.u, &inside(&add(&here, &back)))
            }
        };
        reshape(&after, &[x.shape()[0], self.mesh.points.len(), 1])
    }

    fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        self.branches.iter_mut().for_each(|b| b.visit(see));
        self.decoders.iter_mut().for_each(|d| d.visit(see));
        self.interpolations.iter_mut().for_each(|i| i.visit(see));
    }
}
