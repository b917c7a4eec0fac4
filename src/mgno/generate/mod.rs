//! Samples made from a seed: the published problems, of any size. Samples are made in parallel; each has a generator of its own,
//! so that the same seed gives the same samples for any number of threads, and more samples begin with the same ones.

mod diffusion;
mod field;
mod helmholtz;
mod navier_stokes;

pub use diffusion::solve_diffusion;
pub use field::GaussianField;
pub use helmholtz::{Helmholtz, solve_helmholtz};
pub use navier_stokes::NavierStokes;

use super::Samples;
use crate::error::{Error, Result};
use crate::hdf5::Attribute;
use crate::nn::Tensor;
use crate::solver::{StopRule, VoxelSolver, unobserved};
use crate::voxel::{FLUID, Family, generate};
use rand::Rng;
use rand_pcg::Pcg64;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The problem samples are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// −∇·(a ∇u) = 1, a = 12 or 3 by the sign of a field with α = 2, τ = 3: a ↦ u.
    DarcySmooth,
    /// The same with a = 12 or 2 and τ² = 20.
    DarcyRough,
    /// The same with a product of trigonometric functions of six scales.
    Multiscale,
    /// −Δu − (ω / c)² u = 0 with a source on the upper side: c ↦ u.
    Helmholtz,
    /// A step of the vorticity of periodic flow: w(t) ↦ w(t + 1).
    NavierStokes,
    /// The pressure problem of voxel scenes: flags and right-hand side ↦ p.
    Voxel,
}

impl Problem {
    /// All of them.
    pub const ALL: [Problem; 6] = [
        Problem::DarcySmooth,
        Problem::DarcyRough,
        Problem::Multiscale,
        Problem::Helmholtz,
        Problem::NavierStokes,
        Problem::Voxel,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Problem::DarcySmooth => "darcy-smooth",
            Problem::DarcyRough => "darcy-rough",
            Problem::Multiscale => "multiscale",
            Problem::Helmholtz => "helmholtz",
            Problem::NavierStokes => "navier-stokes",
            Problem::Voxel => "voxel",
        }
    }
}

/// Which samples to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Of which problem.
    pub problem: Problem,
    /// Cells along every side.
    pub size: usize,
    /// Directions: 2, or 3 for Darcy and voxel problems.
    pub dimension: usize,
    /// How many. Every simulation of flow makes [`NavierStokes::STEPS`] of them.
    pub samples: usize,
    /// The seed.
    pub seed: u64,
    /// Cells of the solve along a side of a sample's cell, for the multiscale problem.
    pub refine: usize,
}

/// Input and output of one sample, row-major, channels last.
type Pair = (Vec<f64>, Vec<f64>);

impl Recipe {
    /// Makes the samples; `made` is told how many there are.
    ///
    /// Errors: a size or dimension the problem does not have, a solver that does not converge.
    pub fn make(&self, made: &(dyn Fn(usize) + Sync)) -> Result<Samples> {
        self.check()?;
        let s = self.size;
        let n = if self.dimension == 3 { [s; 3] } else { [1, s, s] };
        let count = AtomicUsize::new(0);
        let each = |draws: usize, make: &(dyn Fn(&mut Pcg64) -> Result<Vec<Pair>> + Sync)| -> Result<Vec<Pair>> {
            let one = |i: usize| {
                let pairs = make(&mut Pcg64::new(u128::from(self.seed), i as u128))?;
                made(count.fetch_add(pairs.len(), Ordering::Relaxed) + pairs.len());
                Ok(pairs)
            };
            let all: Result<Vec<Vec<Pair>>> = (0..draws).into_par_iter().map(one).collect();
            Ok(all?.into_iter().flatten().take(self.samples).collect())
        };
        let two_phases = |[high, low]: [f64; 2], tau: f64| {
            let field = GaussianField::new(n, 2.0, tau);
            each(self.samples, &move |rng| {
                let a: Vec<f64> = field.sample(rng).into_iter().map(|g| if g >= 0.0 { high } else { low }).collect();
                let u = solve_diffusion(&a, n)?;
                Ok(vec![(a, u)])
            })
        };
        let pairs = match self.problem {
            Problem::DarcySmooth => two_phases([12.0, 3.0], 3.0)?,
            Problem::DarcyRough => two_phases([12.0, 2.0], 20f64.sqrt())?,
            Problem::Multiscale => each(self.samples, &|rng| Ok(vec![self.multiscale(rng)?]))?,
            Problem::Helmholtz => {
                let problem = Helmholtz::new(s - 1)?;
                each(self.samples, &move |rng| Ok(vec![problem.sample(rng)?]))?
            }
            Problem::NavierStokes => {
                let flow = NavierStokes::new(s);
                each(self.samples.div_ceil(NavierStokes::STEPS), &move |rng| Ok(flow.simulate(rng)))?
            }
            Problem::Voxel => each(self.samples, &|rng| Ok(vec![self.voxel(n, rng)?]))?,
        };
        let cells = s.pow(self.dimension as u32);
        let image = |part: &dyn Fn(&Pair) -> &Vec<f64>| {
            let data: Vec<f32> = pairs.iter().flat_map(part).map(|v| *v as f32).collect();
            let channels = part(&pairs[0]).len() / cells;
            Tensor::new(&[pairs.len(), n[0], n[1], n[2], channels], data)
        };
        Samples::new(image(&|p| &p.0), image(&|p| &p.1), self.about())
    }

    fn check(&self) -> Result<()> {
        let refuse = |option: &str, value: usize, what: &str| {
            Err(Error::Option { option: option.into(), value: value.to_string(), what: what.into() })
        };
        let planar = matches!(self.problem, Problem::Multiscale | Problem::Helmholtz | Problem::NavierStokes);
        if !(2..=3).contains(&self.dimension) || planar && self.dimension == 3 {
            return refuse(
                "--dimension",
                self.dimension,
                "this problem is made in the plane, Darcy and voxel ones in space too",
            );
        }
        if self.size < 4 || self.size.checked_pow(self.dimension as u32).is_none_or(|n| n > 1 << 26) {
            return refuse("PROBLEM:N", self.size, "N is at least 4 cells along a side, and at most 2^26 in all");
        }
        let cells = self.size.pow(self.dimension as u32);
        if self.samples == 0 || self.samples.checked_mul(cells).is_none_or(|n| n > 1 << 32) {
            return refuse(
                "--samples",
                self.samples,
                "give a positive number, so that they have at most 2^32 cells in all",
            );
        }
        if !(1..=16).contains(&self.refine) {
            return refuse("--refine", self.refine, "give a number from 1 to 16");
        }
        Ok(())
    }

    fn about(&self) -> Vec<(String, Attribute)> {
        let integer = |n: usize| Attribute::Integer(n as i64);
        let mut about = vec![
            ("problem".to_string(), Attribute::Text(self.problem.name().into())),
            ("size".into(), integer(self.size)),
            ("dimension".into(), integer(self.dimension)),
            ("seed".into(), Attribute::Integer(self.seed as i64)),
            ("generator".into(), Attribute::Text(format!("filet {}", env!("CARGO_PKG_VERSION")))),
        ];
        let float = |name: &str, x: f64| (name.to_string(), Attribute::Float(x));
        about.extend(match self.problem {
            Problem::DarcySmooth => {
                vec![float("alpha", 2.0), float("tau", 3.0), float("high", 12.0), float("low", 3.0)]
            }
            Problem::DarcyRough => {
                vec![float("alpha", 2.0), float("tau", 20f64.sqrt()), float("high", 12.0), float("low", 2.0)]
            }
            Problem::Multiscale => vec![("refine".into(), integer(self.refine))],
            Problem::Helmholtz => vec![float("omega", Helmholtz::OMEGA)],
            Problem::NavierStokes => vec![float("viscosity", NavierStokes::VISCOSITY), float("step", NavierStokes::DT)],
            Problem::Voxel => Vec::new(),
        });
        about
    }

    /// a = Π_{k = 1..6} (1 + cos(a_k π (x + y)) / 2) (1 + sin(a_k π (y − 3 x)) / 2), a_k ~ U(2^(k−1), 1.5 · 2^(k−1)), the solution
    /// on cells `refine` times finer and averaged.
    fn multiscale(&self, rng: &mut Pcg64) -> Result<Pair> {
        use std::f64::consts::PI;
        let frequencies: Vec<f64> = (0..6).map(|k| f64::from(1 << k) * rng.random_range(1.0..1.5)).collect();
        let a = |x: f64, y: f64| -> f64 {
            let factor =
                |a: &f64| (1.0 + 0.5 * (a * PI * (x + y)).cos()) * (1.0 + 0.5 * (a * PI * (y - 3.0 * x)).sin());
            frequencies.iter().map(factor).product()
        };
        let lattice = |n: usize| -> Vec<f64> {
            let at = |i: usize| (i as f64 + 0.5) / n as f64;
            (0..n * n).map(|q| a(at(q / n), at(q % n))).collect()
        };
        let (s, r) = (self.size, self.refine);
        let fine = solve_diffusion(&lattice(s * r), [1, s * r, s * r])?;
        let mean = |q: usize| {
            let corner = (q / s * r) * s * r + q % s * r;
            let cells = (0..r * r).map(|c| fine[corner + c / r * s * r + c % r]);
            cells.sum::<f64>() / (r * r) as f64
        };
        Ok((lattice(s), (0..s * s).map(mean).collect()))
    }

    /// A scene of a random family; its pressure has been scaled to a largest value of 1, and the right-hand side with it.
    fn voxel(&self, n: [usize; 3], rng: &mut Pcg64) -> Result<Pair> {
        let families = [Family::Smoke, Family::Dam, Family::Splash];
        let sides = if n[0] == 1 { &n[1..] } else { &n };
        let scene = generate(families[rng.random_range(0..families.len())], sides, rng.random())?;
        let mut p = vec![0.0; scene.grid.cells()];
        let stop = StopRule { rtol: 1e-8, ..StopRule::default() };
        let report = VoxelSolver::new(&scene.grid)?.solve(&scene.rhs, &mut p, &stop, &mut unobserved)?;
        report.require_converged()?;
        let largest = p.iter().fold(f64::MIN_POSITIVE, |m, p| m.max(p.abs()));
        let cells = scene.grid.flags().iter().zip(&scene.rhs);
        let input = cells.flat_map(|(f, b)| {
            // −1 in solids, 0 in the fluid, 1 in the air.
            [f64::from(*f) - 1.0, if *f == FLUID { b / largest } else { 0.0 }]
        });
        Ok((input.collect(), p.iter().map(|p| p / largest).collect()))
    }
}
