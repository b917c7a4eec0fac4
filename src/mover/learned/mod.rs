//! The learned mover: a net guesses the potential, Newton's method finishes.
//!
//! On a square the solution of the Monge-Ampère equation is a smooth function with vanishing normal derivatives, so a short cosine
//! series holds it. A net finds its coefficients from what is left of the equation on a lattice, [`net::PASSES`] times one after the
//! other, each time from where it was: trained on the equation itself, without a mesh or a label. The best of what the passes gave is
//! polished by steps of [`MongeAmpere`](super::MongeAmpere) from there.
//!
//! Guard: where the mesh is not a square of triangles that slide on its sides, or a cell of it would shrink below [`LEAST_DET`], the
//! solver moves it from the beginning and a note says so.
//!
//! It follows the data-free training of P. Hu, Y. Wang and Z.-M. Ma, *Better neural PDE solvers through data-free mesh movers* (ICLR
//! 2024, arXiv:2312.05583). Departures: a series in place of a net of the place, so that boundary conditions hold exactly and second
//! derivatives need no differentiation; log m det J in place of m det J; m at the moved place by its own formula; the barrier looks
//! at eigenvalues, not at diagonal entries; several passes; folding is looked for.

mod cosine;
#[cfg(feature = "cuda")]
mod cuda;
mod dmm;
mod jets;
mod lattice;
mod loss;
mod net;
mod synthetic;

pub use dmm::{DmmLoss, DmmNet};
pub use loss::PotentialLoss;
pub use net::PotentialNet;
pub use synthetic::Synthetic;

use super::boundary::Boundary;
use super::elements::Elements;
use super::mass::project;
use super::{Monitor, MoveConfig, MoveReport, Moved, Mover, Spread, monitor_values};
use crate::error::Result;
use crate::mesh::{Mesh, simplex_measure};
use crate::nn::{Backend, Layer, Weights, parse_weights};
use crate::solver::Outcome;
use std::sync::Arc;
use std::time::Instant;

/// The guess is of use where every cell keeps this part of its size.
const LEAST_DET: f64 = 0.01;

/// log m at points of the unit square.
pub type LogMonitor<'a> = dyn Fn(&[[f64; 2]]) -> Result<Vec<f64>> + 'a;

/// A net that gives potentials on the unit square, computed where its parameters are.
pub trait Potential: std::fmt::Debug + Send + Sync {
    /// φ and ∇φ at points of the unit square.
    ///
    /// Errors: the monitor's; a fault of the GPU.
    fn at(&self, log_m: &LogMonitor, points: &[[f64; 2]]) -> Result<Vec<(f64, [f64; 2])>>;
}

/// The mover: a net, and how its guess is polished.
#[derive(Debug, Clone)]
pub struct LearnedMover {
    net: Arc<dyn Potential>,
    /// Settings of the polishing; with `max_iterations` 0 the guess is the answer.
    pub polish: MoveConfig,
}

/// What the net makes of a mesh.
enum Guess {
    /// φ at the points, and the mesh it gives.
    Sound(Vec<f64>, Mesh),
    /// Why there is none.
    None(&'static str),
}

impl LearnedMover {
    /// With the net of these weights: a [`PotentialNet`], or a [`DmmNet`] where the weights say so.
    ///
    /// Errors: weights of another net.
    pub fn new(weights: &Weights, polish: &MoveConfig) -> Result<Self> {
        LearnedMover::on(weights, polish, &Backend::Cpu)
    }

    /// The same with the net on a backend; the guess is polished on the processors.
    ///
    /// Errors: as [`LearnedMover::new`]; a fault of the GPU.
    pub fn on(weights: &Weights, polish: &MoveConfig, backend: &Backend) -> Result<Self> {
        fn there<N: Potential + Layer + 'static>(mut net: N, backend: &Backend) -> Result<Arc<dyn Potential>> {
            net.move_to(backend)?;
            Ok(Arc::new(net))
        }
        let net = match weights.about["net"].as_str() {
            Some(name) if name.starts_with("dmm") => there(DmmNet::from_weights(weights)?, backend)?,
            _ => there(PotentialNet::from_weights(weights)?, backend)?,
        };
        Ok(LearnedMover { net, polish: polish.clone() })
    }

    /// With the weights that come with filet.
    pub fn shipped(polish: &MoveConfig) -> Self {
        LearnedMover::new(&LearnedMover::shipped_weights(), polish)
            .expect("the shipped weights are of a net for potentials")
    }

    /// The weights that come with filet.
    ///
    /// # Panics
    ///
    /// Never, unless the build put a damaged file into the program.
    pub fn shipped_weights() -> Weights {
        parse_weights("the shipped mover", net::SHIPPED).expect("the shipped weights are whole")
    }

    fn guess(&self, mesh: &Mesh, monitor: &dyn Monitor) -> Result<Guess> {
        let Some((corner, side)) = square(mesh) else {
            return Ok(Guess::None("the learned mover knows squares of triangles along the axes only"));
        };
        let boundary = Boundary::new(mesh, &self.polish.boundary)?;
        // Points of a map that folds may leave the square.
        let place =
            |[x, y]: &[f64; 2]| [corner[0] + side * x.clamp(0.0, 1.0), corner[1] + side * y.clamp(0.0, 1.0), corner[2]];
        let log_m = |points: &[[f64; 2]]| -> Result<Vec<f64>> {
            let points: Vec<[f64; 3]> = points.iter().map(place).collect();
            Ok(super::monitor::evaluate(monitor, &points)?.into_iter().map(f64::ln).collect())
        };
        let unit = |p: &[f64; 3]| [(p[0] - corner[0]) / side, (p[1] - corner[1]) / side];
        let points: Vec<[f64; 2]> = mesh.points.iter().map(unit).collect();
        let (phi, shift): (Vec<f64>, Vec<[f64; 2]>) = self.net.at(&log_m, &points)?.into_iter().unzip();
        // Nodes stay on the sides, which a net that knows them by its loss alone need not hold.
        let along = |x: f64, g: f64| if x.min(1.0 - x) < 1e-9 { 0.0 } else { side * g };
        let shift: Vec<f64> =
            points.iter().zip(&shift).flat_map(|(p, g)| [along(p[0], g[0]), along(p[1], g[1])]).collect();
        let mut allowed = shift.clone();
        project::<2>(&boundary.held, &mut allowed);
        let is_near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * side;
        if self.polish.boundary.periodic != [false; 3] || !shift.iter().zip(&allowed).all(is_near) {
            return Ok(Guess::None("the learned mover lets nodes slide along whole sides only"));
        }
        let mut moved = mesh.clone();
        for (p, g) in moved.points.iter_mut().zip(allowed.chunks_exact(2)) {
            (0..2).for_each(|k| p[k] += g[k]);
        }
        let ratio = |c: usize| moved.signed_volume(c) / mesh.signed_volume(c);
        // A NaN is no guess either.
        if !(0..mesh.cell_count()).all(|c| ratio(c) > LEAST_DET) {
            return Ok(Guess::None("the net's potential would fold cells"));
        }
        Ok(Guess::Sound(phi.into_iter().map(|phi| side * side * phi).collect(), moved))
    }
}

impl Mover for LearnedMover {
    fn move_mesh(&mut self, mesh: &Mesh, monitor: &dyn Monitor) -> Result<Moved> {
        super::check_mesh(mesh)?;
        let clock = Instant::now();
        let guess = self.guess(mesh, monitor)?;
        let seconds = clock.elapsed().as_secs_f64();
        let mut out = match guess {
            Guess::None(why) => {
                let mut out = self.polish.move_mesh(mesh, monitor)?;
                out.report.notes.insert(0, format!("{why}: the solver moved this mesh"));
                out
            }
            Guess::Sound(_, moved) if self.polish.max_iterations == 0 => as_guessed(mesh, moved, monitor)?,
            Guess::Sound(phi, _) => {
                let mut out = self.polish.move_from(mesh, monitor, Some(&phi))?;
                if out.report.method == "monge-ampere" {
                    out.report.method = "learned";
                }
                out
            }
        };
        out.report.seconds += seconds;
        Ok(out)
    }
}

/// The guess as the answer.
fn as_guessed(mesh: &Mesh, moved: Mesh, monitor: &dyn Monitor) -> Result<Moved> {
    let elements = Elements::new(mesh, (0..mesh.points.len() as u32).collect());
    let spread = |at: &Mesh| Ok(Spread::of(at, &elements, &monitor_values(monitor, at)?));
    let report = MoveReport {
        method: "learned",
        outcome: Outcome::Converged,
        iterations: 0,
        linear_iterations: 0,
        residuals: Vec::new(),
        before: spread(mesh)?,
        after: spread(&moved)?,
        seconds: 0.0,
        notes: Vec::new(),
    };
    Ok(Moved { mesh: moved, report })
}

/// Corner and side of a mesh of triangles that fills a square along the axes.
fn square(mesh: &Mesh) -> Option<([f64; 3], f64)> {
    let bounds = mesh.bounds();
    let (width, height) = (bounds.max[0] - bounds.min[0], bounds.max[1] - bounds.min[1]);
    let is_square = mesh.dimension() == 2 && mesh.is_planar() && (width - height).abs() <= 1e-9 * width;
    let area = || (0..mesh.cell_count()).map(|c| simplex_measure(&mesh.cell_points(c)[..3])).sum::<f64>();
    (is_square && (area() - width * height).abs() <= 1e-9 * width * height).then_some((bounds.min, width))
}
