//! Water as particles that carry its velocity (FLIP) and mark its cells.

use super::{Mac, Projected, Samples};
use filet::error::Result;
use filet::voxel::{AIR, FLUID, SOLID, VoxelGrid};
use rayon::prelude::*;

/// Part of a particle's velocity that is kept and only corrected; the rest is taken anew from the grid.
const FLIP: f64 = 0.97;

/// A particle.
#[derive(Clone, Copy)]
pub struct Particle {
    pub x: [f64; 3],
    pub u: [f64; 3],
}

/// Water in a box with walls of one cell, air above it.
pub struct Water {
    pub flow: Mac,
    pub particles: Vec<Particle>,
}

impl Water {
    /// At rest where `inside` says, with two particles a cell in each direction.
    pub fn filling(n: [usize; 3], inside: impl Fn([f64; 3]) -> bool) -> Result<Self> {
        let grid = VoxelGrid::new(&n, vec![FLUID; n.iter().product()])?;
        let cells = Samples::cells(n);
        let two = |n: usize| if n == 1 { 1..=1 } else { 0..=1 };
        let mut particles = Vec::new();
        for c in (0..cells.values.len()).filter(|c| !is_wall(n, cells.place(*c))) {
            let corner = cells.place(c).map(|i| i as f64);
            for (a, b, e) in two(n[0]).flat_map(|a| two(n[1]).flat_map(move |b| two(n[2]).map(move |e| (a, b, e)))) {
                let part = |i: usize, n: usize| if n == 1 { 0.5 } else { 0.25 + 0.5 * i as f64 };
                let x = [corner[0] + part(a, n[0]), corner[1] + part(b, n[1]), corner[2] + part(e, n[2])];
                if inside(x) {
                    particles.push(Particle { x, u: [0.0; 3] });
                }
            }
        }
        let mut water = Water { flow: Mac::new(grid), particles };
        water.mark()?;
        Ok(water)
    }

    /// A step under gravity, in cells a unit of time squared; as long as the fastest particle allows, at most 0.5.
    pub fn step(&mut self, gravity: f64, rtol: f64) -> Result<Projected> {
        let fastest = self.particles.iter().flat_map(|p| p.u).fold(1.0f64, |m, u| m.max(u.abs()));
        let dt = (1.0 / fastest).min(0.5);
        self.mark()?;
        self.gather();
        let before = self.flow.u.clone();
        self.fall(gravity * dt);
        let done = self.flow.project(rtol)?;
        self.flow.extend(3);
        let (flow, n) = (&self.flow, self.flow.grid.shape());
        self.particles.par_iter_mut().for_each(|p| {
            for d in 0..3 {
                let new = flow.u[d].at(p.x);
                p.u[d] = new + FLIP * (p.u[d] - before[d].at(p.x));
            }
            p.x = flow.trace(p.x, -dt);
            for d in 0..3 {
                let wall = if n[d] == 1 { 0.5 } else { 1.001 };
                p.x[d] = p.x[d].clamp(wall, (n[d] as f64 - wall).max(wall));
            }
        });
        Ok(done)
    }

    /// u <- u − `speed`, upwards.
    pub fn fall(&mut self, speed: f64) {
        self.flow.u[0].values.iter_mut().for_each(|u| *u -= speed);
        self.flow.hold_walls();
    }

    /// How far the water reaches in the last direction.
    pub fn front(&self) -> f64 {
        self.particles.iter().fold(0.0, |m, p| p.x[2].max(m))
    }

    /// Fluid where there are particles, walls around, air elsewhere.
    fn mark(&mut self) -> Result<()> {
        let n = self.flow.grid.shape();
        let cells = Samples::cells(n);
        let flag = |c: usize| if is_wall(n, cells.place(c)) { SOLID } else { AIR };
        let mut flags: Vec<u8> = (0..cells.values.len()).map(flag).collect();
        for p in &self.particles {
            let c = cells.index(p.x.map(|x| x as usize));
            flags[c] = if flags[c] == SOLID { SOLID } else { FLUID };
        }
        self.flow.set_flags(flags)
    }

    /// The particles' velocities on the faces, by trilinear weights.
    fn gather(&mut self) {
        for (d, u) in self.flow.u.iter_mut().enumerate() {
            let mut weights = vec![0.0; u.values.len()];
            u.values.fill(0.0);
            for p in &self.particles {
                for (at, w) in u.around(p.x) {
                    u.values[at] += w * p.u[d];
                    weights[at] += w;
                }
            }
            u.values.iter_mut().zip(weights).filter(|(_, w)| *w > 0.0).for_each(|(u, w)| *u /= w);
        }
    }
}

/// Whether the cell is in the wall: the outermost cells but the uppermost.
fn is_wall(n: [usize; 3], place: [usize; 3]) -> bool {
    (0..3).any(|d| n[d] > 1 && (place[d] == 0 || d > 0 && place[d] + 1 == n[d]))
}
