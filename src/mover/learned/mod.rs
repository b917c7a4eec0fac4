//! The learned mover: a net guesses the potential, Newton's method finishes.
//!
//! On a square the solution of the Monge-Ampère equation is a smooth function with vanishing normal derivatives, so a short cosine
//! series holds it, and a net finds its coefficients from an image of log m: trained on the equation itself, without a mesh or a
//! label. The guess is scaled back until no cell is tangled, and polished by steps of [`MongeAmpere`] from there.
//!
//! It follows the data-free training of P. Hu, Y. Wang and Z.-M. Ma, *Better neural PDE solvers through data-free mesh movers* (ICLR
//! 2024, arXiv:2312.05583). Departures: a series in place of a net of the place, so that boundary conditions hold exactly and second
//! derivatives need no differentiation; log m det J in place of m det J; m at the moved place by its own formula; the barrier looks
//! at eigenvalues, not at diagonal entries; folding is looked for, and undone.

mod cosine;
mod loss;
mod net;
mod synthetic;

pub use loss::{PotentialLoss, potential_loss};
pub use net::PotentialNet;
pub use synthetic::Synthetic;

use super::elements::Elements;
use super::{MongeAmpere, MongeAmpereConfig, Monitor, MoveReport, Moved, Mover, Spread, monitor_values};
use crate::error::{Error, Result};
use crate::mesh::{Mesh, simplex_measure};
use crate::nn::{Layer, Tape, Var, Weights};
use crate::solver::Outcome;
use net::IMAGE;
use std::time::Instant;

/// The guess is scaled back until every cell keeps this part of its size.
const LEAST_DET: f64 = 0.05;
/// Factor of one such scaling.
const BACK: f64 = 0.8;

/// The mover: a net, and how its guess is polished.
#[derive(Debug, Clone)]
pub struct LearnedMover {
    net: PotentialNet,
    /// Settings of the polishing; with `max_iterations` 0 the guess is the answer.
    pub polish: MongeAmpereConfig,
}

impl LearnedMover {
    /// With the net of these weights.
    ///
    /// Errors: weights of another net.
    pub fn new(weights: &Weights, polish: &MongeAmpereConfig) -> Result<Self> {
        Ok(LearnedMover { net: PotentialNet::from_weights(weights)?, polish: polish.clone() })
    }

    /// The coefficients of the guess for a monitor on a square with this corner and side.
    fn coefficients(&self, monitor: &dyn Monitor, corner: [f64; 3], side: f64) -> Result<Vec<f64>> {
        let place = |q: usize| side * (q as f64 + 0.5) / IMAGE as f64;
        let points: Vec<[f64; 3]> = (0..IMAGE * IMAGE)
            .map(|k| [corner[0] + place(k / IMAGE), corner[1] + place(k % IMAGE), corner[2]])
            .collect();
        let m = super::monitor::evaluate(monitor, &points)?;
        let image = net::centred(&m.iter().map(|m| m.ln()).collect::<Vec<f64>>());
        let out = self.net.forward(&Tape::inference(), &Var::constant(image));
        Ok(out.value().data().iter().map(|&c| f64::from(c)).collect())
    }
}

impl Mover for LearnedMover {
    fn move_mesh(&mut self, mesh: &Mesh, monitor: &dyn Monitor) -> Result<Moved> {
        let (corner, side) = square(mesh)?;
        monitor_values(monitor, mesh)?;
        let c = self.coefficients(monitor, corner, side)?;
        let at = |p: &[f64; 3]| cosine::at(&c, [(p[0] - corner[0]) / side, (p[1] - corner[1]) / side]);
        let guess: Vec<(f64, [f64; 2])> = mesh.points.iter().map(at).collect();
        let moved = |t: f64| {
            let mut out = mesh.clone();
            for (p, (_, g)) in out.points.iter_mut().zip(&guess) {
                (0..2).for_each(|k| p[k] += t * side * g[k]);
            }
            out
        };
        let smallest = |moved: &Mesh| {
            (0..mesh.cell_count()).map(|c| moved.signed_volume(c) / mesh.signed_volume(c)).fold(f64::INFINITY, f64::min)
        };
        // At t = 0 no cell has changed, so this ends.
        let mut t = 1.0;
        while smallest(&moved(t)) <= LEAST_DET {
            t = if t > 1e-3 { BACK * t } else { 0.0 };
        }
        let mut out = match self.polish.max_iterations {
            0 => as_guessed(mesh, moved(t), monitor)?,
            _ => {
                let mut mover = MongeAmpere::new(mesh, &self.polish)?;
                mover.set_potential(&guess.iter().map(|(phi, _)| t * side * side * phi).collect::<Vec<f64>>());
                mover.solve(monitor)?
            }
        };
        out.report.method = "learned";
        if t < 1.0 {
            out.report.notes.push(format!("the net's potential was scaled by {t:.2}: cells would have folded"));
        }
        Ok(out)
    }
}

/// The guess as the answer.
fn as_guessed(mesh: &Mesh, moved: Mesh, monitor: &dyn Monitor) -> Result<Moved> {
    let clock = Instant::now();
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
        seconds: clock.elapsed().as_secs_f64(),
        notes: Vec::new(),
    };
    Ok(Moved { mesh: moved, report })
}

/// Corner and side of a mesh of triangles that fills a square along the axes.
fn square(mesh: &Mesh) -> Result<([f64; 3], f64)> {
    let bounds = mesh.bounds();
    let (width, height) = (bounds.max[0] - bounds.min[0], bounds.max[1] - bounds.min[1]);
    let area: f64 = (0..mesh.cell_count()).map(|c| simplex_measure(&mesh.cell_points(c)[..3])).sum();
    let is_square = mesh.dimension() == 2 && mesh.is_planar() && (width - height).abs() <= 1e-9 * width;
    if is_square && (area - width * height).abs() <= 1e-9 * area {
        return Ok((bounds.min, width));
    }
    Err(Error::Mesh {
        what: "the learned mover knows triangles that fill a square along the axes, and this mesh does not".into(),
        help: "take --method auto".into(),
    })
}
