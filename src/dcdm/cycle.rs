//! The learned cycle: the numbers in voxel multigrid that make conjugate gradients' iterations fewest, found on scenes. Those for
//! grids in space and in the plane are found one after the other.
//!
//! The loss of a set of numbers is the mean over scenes of k / k₀, the iterations that conjugate gradients with the cycle take
//! to [`TOLERANCE`] over those of the twin with the numbers of analysis. Counts are made continuous in the logarithm of the
//! residual. Nothing is unrolled or differentiated: what is trained is what runs, rounding and all.

use crate::error::{Error, Place, Result};
use crate::nn::{Tensor, Weights, parse_weights};
use crate::precond::voxel::{CycleNumbers, CycleParameters};
use crate::solver::{Outcome, Report, StopRule, VoxelSolver, unobserved};
use crate::train::CmaEs;
use crate::voxel::{Family, Scene, generate};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The numbers that come with filet, as the bytes of a safetensors file; `data/weights/README.md` tells how they were made.
const SHIPPED_CYCLE: &[u8] = include_bytes!("../../data/weights/cycle.safetensors");

/// The relative residual to which iterations are counted.
const TOLERANCE: f64 = 1e-6;
/// Iterations after which a set of numbers counts as useless.
const LIMIT: usize = 40;

/// The numbers of a file of weights.
///
/// Errors: weights of something else, by name and shape.
pub fn cycle_parameters(weights: &Weights) -> Result<CycleParameters> {
    let mut parameters = CycleParameters::default();
    for (name, numbers) in parameters.named() {
        let found = weights.tensors.get(&name).filter(|t| t.len() == numbers.len());
        let tensor = found.ok_or_else(|| {
            let what = format!("holds no {} numbers of this name", numbers.len());
            let place = Place::Section(format!("tensor {name}"));
            Error::file(&weights.path, place, what, "are these the weights of something else than a cycle?")
        })?;
        numbers.copy_from_slice(tensor.data());
    }
    Ok(parameters)
}

/// The numbers that come with filet.
///
/// # Panics
///
/// Never, unless the build put a damaged file into the program.
pub fn shipped_cycle() -> CycleParameters {
    let weights = parse_weights("the shipped cycle", SHIPPED_CYCLE);
    weights.and_then(|w| cycle_parameters(&w)).expect("the shipped weights are whole")
}

/// The numbers as weights to write.
pub fn cycle_weights(parameters: &CycleParameters, about: serde_json::Value) -> Weights {
    let mut parameters = *parameters;
    let tensors: BTreeMap<String, Tensor> = parameters
        .named()
        .into_iter()
        .map(|(name, numbers)| (name, Tensor::new(&[numbers.len()], numbers.to_vec())))
        .collect();
    Weights { path: PathBuf::new(), tensors, about }
}

/// The numbers on grids in space or in the plane.
fn numbers(parameters: &mut CycleParameters, plane: bool) -> &mut CycleNumbers {
    if plane { &mut parameters.plane } else { &mut parameters.space }
}

/// How many numbers a set has.
fn count() -> usize {
    CycleParameters::default().space.named().iter().map(|(_, numbers)| numbers.len()).sum()
}

/// Sets numbers to a point of the search: 0 is what they are by analysis, and 1 in any direction a change worth trying.
fn move_to(numbers: &mut CycleNumbers, point: &[f64]) {
    let mut point = point.iter();
    for (name, numbers) in numbers.named() {
        for number in numbers {
            let p = *point.next().expect("as many numbers") as f32;
            *number = match name.as_str() {
                // Positive ones are multiplied, the others added to.
                _ if name.ends_with("kernel") => *number * (0.2 * p).exp(),
                _ if *number > 0.0 => *number * (0.2 * p).exp(),
                "level0.scale" => *number + 0.04 * p,
                _ => *number + 0.3 * p,
            };
        }
    }
}

/// A search for the numbers on generated scenes of all families.
pub struct CycleTraining {
    scenes: Vec<Scene>,
    /// k₀ by scene.
    twin: Vec<f64>,
    /// Scenes a generation looks at.
    batch: usize,
    plane: bool,
}

impl CycleTraining {
    /// `scenes` scenes of about `size` cells a side in space, four times as many in the plane, of the families in turn, of which a
    /// generation looks at `batch`.
    ///
    /// Errors: sides too small for scenes.
    pub fn new(size: usize, scenes: usize, batch: usize, seed: u64, plane: bool) -> Result<Self> {
        // Every third scene is twice as long in two directions: one grid level more.
        let sides = |s: usize| match (s % 3 == 2, plane) {
            (false, false) => vec![size; 3],
            (true, false) => vec![size * 2, size, size * 2],
            (false, true) => vec![size * 4; 2],
            (true, true) => vec![size * 8; 2],
        };
        let seed = |s: usize| seed.wrapping_mul(1 << 20).wrapping_add(s as u64);
        let make = |s: usize| generate(Family::ALL[s % Family::ALL.len()], &sides(s), seed(s));
        let scenes = (0..scenes).map(make).collect::<Result<Vec<Scene>>>()?;
        let default = CycleParameters::default();
        let twin = scenes.par_iter().map(|scene| iterations(scene, &default)).collect::<Result<Vec<f64>>>()?;
        Ok(CycleTraining { scenes, twin, batch, plane })
    }

    /// A search from the numbers of analysis.
    pub fn search(population: usize, seed: u64) -> CmaEs {
        CmaEs::new(&vec![0.0; count()], 0.5, population, seed)
    }

    /// Sets the numbers in `parameters` to where a search is.
    pub fn take(&self, search: &CmaEs, parameters: &mut CycleParameters) {
        *numbers(parameters, self.plane) = *numbers(&mut self.at(search.mean()), self.plane);
    }

    fn at(&self, point: &[f64]) -> CycleParameters {
        let mut parameters = CycleParameters::default();
        move_to(numbers(&mut parameters, self.plane), point);
        parameters
    }

    /// One generation; gives the mean of its better half's losses.
    ///
    /// Errors: a scene that cannot be solved by any numbers.
    pub fn step(&self, search: &mut CmaEs) -> Result<f64> {
        let first = search.generation() * self.batch;
        let batch: Vec<usize> = (0..self.batch).map(|k| (first + k) % self.scenes.len()).collect();
        let losses = search
            .candidates()
            .par_iter()
            .map(|point| self.loss_on(&self.at(point), &batch))
            .collect::<Result<Vec<f64>>>()?;
        search.update(&losses);
        let mut sorted = losses;
        sorted.sort_by(f64::total_cmp);
        let half = &sorted[..sorted.len().div_ceil(2)];
        Ok(half.iter().sum::<f64>() / half.len() as f64)
    }

    /// The loss on all scenes.
    ///
    /// Errors: as [`CycleTraining::step`].
    pub fn loss(&self, parameters: &CycleParameters) -> Result<f64> {
        self.loss_on(parameters, &(0..self.scenes.len()).collect::<Vec<_>>())
    }

    fn loss_on(&self, parameters: &CycleParameters, scenes: &[usize]) -> Result<f64> {
        let ratio = |s: &usize| Ok(iterations(&self.scenes[*s], parameters)? / self.twin[*s]);
        let sum = scenes.par_iter().map(ratio).collect::<Result<Vec<f64>>>()?.into_iter().sum::<f64>();
        Ok(sum / scenes.len() as f64)
    }
}

/// k: the iterations to [`TOLERANCE`] with these numbers.
fn iterations(scene: &Scene, parameters: &CycleParameters) -> Result<f64> {
    let mut solver = VoxelSolver::tuned(&scene.grid, parameters)?;
    let stop = StopRule { rtol: TOLERANCE, max_iterations: LIMIT, ..StopRule::default() };
    let mut p = vec![0.0; scene.grid.cells()];
    Ok(continuous(&solver.solve(&scene.rhs, &mut p, &stop, &mut unobserved)?))
}

/// Where the residual's logarithm, drawn straight between iterations, crosses the tolerance's.
fn continuous(report: &Report) -> f64 {
    let (limit, tolerance) = (LIMIT as f64, TOLERANCE.ln());
    match (&report.outcome, &report.residuals[..]) {
        (Outcome::Converged, [.., before, last]) => {
            let (before, last) = (before.ln(), last.max(f64::MIN_POSITIVE).ln());
            let part = ((before - tolerance) / (before - last)).clamp(0.0, 1.0);
            (report.iterations - 1) as f64 + part
        }
        (Outcome::Converged, _) => 1.0,
        // The further off, the worse.
        (Outcome::Breakdown { .. }, _) | (_, []) => 3.0 * limit,
        (_, [.., last]) => limit * (1.0 + (last.ln() - tolerance).clamp(0.0, 20.0) / 20.0),
    }
}
