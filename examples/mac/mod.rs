//! A staggered grid (marker-and-cell) for incompressible flow, its pressure by filet. Shared by the simulations.
//!
//! Velocities lie on faces: `u[d]` at index i of direction d is between cells i − 1 and i. Lengths are in cells, the first
//! direction points up, and a flow in the plane has one cell in the second direction. F. H. Harlow and J. E. Welch, Phys.
//! Fluids 8 (1965), doi:10.1063/1.1761178; R. Bridson, Fluid Simulation for Computer Graphics (2015), chapters 2 to 7.
#![allow(dead_code)] // each simulation uses a part

pub mod water;

use filet::dcdm::shipped_cycle;
use filet::error::Result;
use filet::solver::{LearnedSolver, Report, StopRule, unobserved};
use filet::voxel::{FLUID, SOLID, VoxelGrid};
use rayon::prelude::*;
use std::path::Path;

/// Numbers on a box of points, row-major, that lie `offset` from the box's corner, in cells.
#[derive(Clone)]
pub struct Samples {
    pub n: [usize; 3],
    pub offset: [f64; 3],
    pub values: Vec<f64>,
}

impl Samples {
    /// Zeros at the cells' centres.
    pub fn cells(n: [usize; 3]) -> Self {
        Samples { n, offset: [0.5; 3], values: vec![0.0; n.iter().product()] }
    }

    /// Zeros at the centres of the faces across direction `d`.
    pub fn faces(mut n: [usize; 3], d: usize) -> Self {
        let mut offset = [0.5; 3];
        (n[d], offset[d]) = (n[d] + 1, 0.0);
        Samples { n, offset, values: vec![0.0; n.iter().product()] }
    }

    pub fn index(&self, [i, j, k]: [usize; 3]) -> usize {
        (i * self.n[1] + j) * self.n[2] + k
    }

    pub fn place(&self, at: usize) -> [usize; 3] {
        [at / (self.n[1] * self.n[2]), at / self.n[2] % self.n[1], at % self.n[2]]
    }

    /// Where number `at` lies.
    pub fn position(&self, at: usize) -> [f64; 3] {
        let place = self.place(at);
        std::array::from_fn(|d| place[d] as f64 + self.offset[d])
    }

    /// The eight numbers around `x` and their trilinear weights; outside the box the nearest.
    pub fn around(&self, x: [f64; 3]) -> [(usize, f64); 8] {
        let mut low = [0; 3];
        let mut part = [0.0; 3];
        for d in 0..3 {
            let y = (x[d] - self.offset[d]).clamp(0.0, (self.n[d] - 1) as f64);
            low[d] = (y as usize).min(self.n[d].saturating_sub(2));
            part[d] = y - low[d] as f64;
        }
        std::array::from_fn(|b| {
            let bit = |d: usize| b >> (2 - d) & 1;
            let at = self.index(std::array::from_fn(|d| (low[d] + bit(d)).min(self.n[d] - 1)));
            (at, (0..3).map(|d| if bit(d) == 1 { part[d] } else { 1.0 - part[d] }).product())
        })
    }

    /// The value at `x`.
    pub fn at(&self, x: [f64; 3]) -> f64 {
        self.around(x).iter().map(|(at, w)| w * self.values[*at]).sum()
    }
}

/// Flow on a staggered grid.
pub struct Mac {
    pub grid: VoxelGrid,
    pub u: [Samples; 3],
    /// Pressure · Δt / (density · side of a cell): the warm start of the next solve.
    pub pressure: Vec<f64>,
    solver: Option<LearnedSolver>,
}

/// What a projection did.
pub struct Projected {
    pub report: Report,
    pub setup_seconds: f64,
    /// Largest |∇·u| left in a fluid cell.
    pub divergence: f64,
}

impl Mac {
    /// At rest.
    pub fn new(grid: VoxelGrid) -> Self {
        let n = grid.shape();
        let pressure = vec![0.0; grid.cells()];
        Mac { u: std::array::from_fn(|d| Samples::faces(n, d)), grid, pressure, solver: None }
    }

    /// Takes new flags; the next projection's solver follows them.
    pub fn set_flags(&mut self, flags: Vec<u8>) -> Result<()> {
        self.grid = VoxelGrid::new(&self.grid.shape(), flags)?;
        Ok(())
    }

    /// The velocity at `x`, in cells a unit of time.
    pub fn velocity(&self, x: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|d| self.u[d].at(x))
    }

    /// Where what is at `x` was `dt` ago (with −`dt`: will be), by the midpoint rule.
    pub fn trace(&self, x: [f64; 3], dt: f64) -> [f64; 3] {
        let go = |u: [f64; 3], dt: f64| std::array::from_fn(|d| x[d] - dt * u[d]);
        go(self.velocity(go(self.velocity(x), 0.5 * dt)), dt)
    }

    /// Carries `what` with the flow (semi-Lagrangian).
    pub fn advected(&self, what: &Samples, dt: f64) -> Samples {
        let value = |at: usize| what.at(self.trace(what.position(at), dt));
        Samples { values: (0..what.values.len()).into_par_iter().map(value).collect(), ..what.clone() }
    }

    /// Carries the velocity with itself.
    pub fn advect(&mut self, dt: f64) {
        self.u = std::array::from_fn(|d| self.advected(&self.u[d], dt));
    }

    /// The flags of the cells before and after face `at` of direction `d`; solid outside the box.
    pub fn beside(&self, d: usize, at: usize) -> [u8; 2] {
        let [after, n] = [self.u[d].place(at), self.grid.shape()];
        let flag = |i: [usize; 3]| self.grid.flags()[self.grid.index(i[0], i[1], i[2])];
        let mut before = after;
        let first = if after[d] == 0 {
            SOLID
        } else {
            {
                before[d] -= 1;
                flag(before)
            }
        };
        [first, if after[d] == n[d] { SOLID } else { flag(after) }]
    }

    /// u <- 0 on the faces of walls.
    pub fn hold_walls(&mut self) {
        for d in 0..3 {
            for at in 0..self.u[d].values.len() {
                if self.beside(d, at).contains(&SOLID) {
                    self.u[d].values[at] = 0.0;
                }
            }
        }
    }

    /// −∇·u in every fluid cell.
    pub fn sources(&self) -> Vec<f64> {
        let value = |c: usize| {
            if self.grid.flags()[c] != FLUID {
                return 0.0;
            }
            let [n1, n2] = [self.grid.shape()[1], self.grid.shape()[2]];
            let place = [c / (n1 * n2), c / n2 % n1, c % n2];
            (0..3)
                .map(|d| {
                    let mut next = place;
                    next[d] += 1;
                    self.u[d].values[self.u[d].index(place)] - self.u[d].values[self.u[d].index(next)]
                })
                .sum()
        };
        (0..self.grid.cells()).into_par_iter().map(value).collect()
    }

    /// Makes the velocity free of divergence: u <- u − ∇p with A p = − ∇·u.
    pub fn project(&mut self, rtol: f64) -> Result<Projected> {
        self.hold_walls();
        let b = self.sources();
        let clock = std::time::Instant::now();
        let mut solver = match self.solver.take() {
            Some(mut solver) => {
                solver.update(&self.grid)?;
                solver
            }
            None => LearnedSolver::new(&self.grid, &shipped_cycle())?,
        };
        let setup_seconds = clock.elapsed().as_secs_f64();
        let stop = StopRule { rtol, atol: 1e-12, ..StopRule::default() };
        let report = solver.solve(&b, &mut self.pressure, &stop, &mut unobserved)?.require_converged()?;
        self.solver = Some(solver);
        for d in 0..3 {
            for at in 0..self.u[d].values.len() {
                let beside = self.beside(d, at);
                if beside.contains(&FLUID) && !beside.contains(&SOLID) {
                    let after = self.u[d].place(at);
                    let mut before = after;
                    before[d] -= 1;
                    let p = |i: [usize; 3]| self.pressure[self.grid.index(i[0], i[1], i[2])];
                    self.u[d].values[at] -= p(after) - p(before);
                }
            }
        }
        let divergence = self.sources().iter().fold(0.0f64, |m, v| m.max(v.abs()));
        Ok(Projected { report, setup_seconds, divergence })
    }

    /// Gives the faces that touch no fluid the mean velocity of their neighbours that do, `layers` times.
    pub fn extend(&mut self, layers: usize) {
        for d in 0..3 {
            let mut known: Vec<bool> =
                (0..self.u[d].values.len()).map(|at| self.beside(d, at).contains(&FLUID)).collect();
            for _ in 0..layers {
                let before = known.clone();
                let u = self.u[d].clone();
                for at in (0..before.len()).filter(|at| !before[*at]) {
                    let place = u.place(at);
                    let near = (0..3).flat_map(|e| [(e, 0), (e, 2)]).filter_map(|(e, shift)| {
                        let mut next = place;
                        next[e] = (next[e] + shift).checked_sub(1).filter(|i| *i < u.n[e])?;
                        Some(u.index(next)).filter(|at| before[*at])
                    });
                    let (sum, count) = near.fold((0.0, 0), |(s, c), at| (s + u.values[at], c + 1));
                    if count > 0 {
                        self.u[d].values[at] = sum / f64::from(count);
                        known[at] = true;
                    }
                }
            }
        }
    }
}

/// Writes the middle slice of numbers in [0, 1] as a grey picture, the first direction upwards, `scale` pixels a cell.
pub fn frame(path: &Path, values: &Samples, grid: &VoxelGrid, scale: usize) -> Result<()> {
    let [rows, n1, columns] = values.n;
    let mut pixels = Vec::with_capacity(rows * columns * scale * scale);
    for (y, x) in (0..rows * scale).flat_map(|y| (0..columns * scale).map(move |x| (y, x))) {
        let place = [rows - 1 - y / scale, n1 / 2, x / scale];
        let wall = grid.flags()[grid.index(place[0], place[1], place[2])] == SOLID;
        let value = values.values[values.index(place)].clamp(0.0, 1.0);
        pixels.push(if wall { 96 } else { (255.0 * (1.0 - value)) as u8 });
    }
    filet::file::write_atomic(path, |file| {
        let mut encoder = png::Encoder::new(file, (columns * scale) as u32, (rows * scale) as u32);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header()?;
        Ok(writer.write_image_data(&pixels)?)
    })
}
