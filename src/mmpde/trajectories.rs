//! Solutions of a problem from a seed, and as files.
//!
//! HDF5: `/u` single precision `[trajectories, frames, n + 1, n + 1]`, x fastest, on the lattice of the solve; `/viscosity`
//! `[trajectories]`; attributes of `/` tell the time between frames, how it was made, and how many of its cells make one of a net's mesh.

use super::burgers::{Burgers, Start};
use super::cylinder::{Cylinder, in_disc};
use crate::error::{Error, Place, Result};
use crate::hdf5::{Attribute, Layout, Reader, Writer};
use crate::lagrange::cubic;
use rand_pcg::Pcg64;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Time a wake has to form before the first frame.
const WAKE: f64 = 0.5;

/// What is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// Burgers' equation, u = 0 on the boundary.
    #[default]
    Burgers,
    /// Flow past a cylinder; u is the component of the velocity along the stream.
    Cylinder,
}

impl Problem {
    /// Every problem with its name.
    pub const ALL: [(Problem, &'static str); 2] = [(Problem::Burgers, "burgers"), (Problem::Cylinder, "cylinder")];

    /// Its name.
    pub fn name(self) -> &'static str {
        Problem::ALL[self as usize].1
    }

    /// Whether u stays what it is at a place of the unit square.
    pub fn holds(self, [x, y]: [f32; 2]) -> bool {
        match self {
            Problem::Burgers => [x, y].iter().any(|c| *c <= 0.0 || *c >= 1.0),
            Problem::Cylinder => x <= 0.0 || in_disc([x.into(), y.into()]),
        }
    }

    /// What a recipe has where nothing else is wanted.
    pub fn recipe(self) -> Recipe {
        let (refine, viscosities) = match self {
            // Smooth solutions, fronts of a cell or two, fronts thinner than a cell of 24.
            Problem::Burgers => (6, vec![0.03, 0.01, 0.004]),
            // Reynolds numbers 20, 50 and 100.
            Problem::Cylinder => (3, vec![0.01, 0.004, 0.002]),
        };
        Recipe { problem: self, cells: 24, refine, trajectories: 96, steps: 20, step: 0.05, viscosities, seed: 0 }
    }
}

/// Which trajectories to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// What is solved.
    pub problem: Problem,
    /// Cells along a side of the mesh a net lives on.
    pub cells: usize,
    /// Cells of the solve along a side of such a cell.
    pub refine: usize,
    /// How many; trajectory i has the start i / V and the viscosity i % V of V ones.
    pub trajectories: usize,
    /// Frames after the first.
    pub steps: usize,
    /// Time between frames.
    pub step: f64,
    /// ν.
    pub viscosities: Vec<f64>,
    /// The seed: the same one gives the same starts on every lattice.
    pub seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Problem::Burgers.recipe()
    }
}

/// Solutions at equal times on a lattice of the unit square.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectories {
    /// What was solved.
    pub problem: Problem,
    /// n: cells along a side.
    pub cells: usize,
    /// How many of them make one of the mesh they were made for.
    pub refine: usize,
    /// Frames of each.
    pub frames: usize,
    /// Time between frames.
    pub step: f64,
    /// ν of each.
    pub viscosities: Vec<f64>,
    /// u, `[trajectories, frames, (n + 1)²]`.
    u: Vec<f32>,
    /// Seed and so on.
    about: Vec<(String, Attribute)>,
}

impl Recipe {
    /// Solves; `made` is told how many are there.
    ///
    /// Errors: a number out of range.
    pub fn make(&self, made: &(dyn Fn(usize) + Sync)) -> Result<Trajectories> {
        self.check()?;
        let (count, fine) = (AtomicUsize::new(0), self.cells * self.refine);
        let one = |i: usize| -> Result<Vec<f32>> {
            let [start, viscosity] = [i / self.viscosities.len(), i % self.viscosities.len()];
            let start = Start::random(&mut Pcg64::new(u128::from(self.seed), start as u128));
            let frames = self.solve(&start, self.viscosities[viscosity], fine)?;
            made(count.fetch_add(1, Ordering::Relaxed) + 1);
            Ok(frames)
        };
        let u: Result<Vec<Vec<f32>>> = (0..self.trajectories).into_par_iter().map(one).collect();
        let viscosity = |i: usize| self.viscosities[i % self.viscosities.len()];
        let about = vec![
            ("problem".into(), Attribute::Text(self.problem.name().into())),
            ("seed".into(), Attribute::Integer(self.seed as i64)),
            ("generator".into(), Attribute::Text(format!("filet {}", env!("CARGO_PKG_VERSION")))),
        ];
        Ok(Trajectories {
            problem: self.problem,
            cells: fine,
            refine: self.refine,
            frames: self.steps + 1,
            step: self.step,
            viscosities: (0..self.trajectories).map(viscosity).collect(),
            u: u?.concat(),
            about,
        })
    }

    /// All frames of one trajectory.
    fn solve(&self, start: &Start, viscosity: f64, cells: usize) -> Result<Vec<f32>> {
        let single = |u: &[f64]| u.iter().map(|u| *u as f32).collect::<Vec<f32>>();
        match self.problem {
            Problem::Burgers => {
                let (mut u, equation) = (start.on(cells), Burgers { cells, viscosity });
                let mut frames = single(&u);
                for _ in 0..self.steps {
                    equation.advance(&mut u, self.step);
                    frames.extend(single(&u));
                }
                Ok(frames)
            }
            Problem::Cylinder => {
                let mut flow = Cylinder::new(cells, viscosity, start)?;
                flow.advance(WAKE)?;
                let mut frames = single(&flow.stream());
                for _ in 0..self.steps {
                    flow.advance(self.step)?;
                    frames.extend(single(&flow.stream()));
                }
                Ok(frames)
            }
        }
    }

    fn check(&self) -> Result<()> {
        let refuse = |option: &str, value: String, what: &str| {
            Err(Error::Option { option: option.into(), value, what: what.into() })
        };
        // The cylinder is a few cells wide.
        let least = if self.problem == Problem::Cylinder { 8 } else { 4 };
        if !(least..=512).contains(&self.cells) {
            return refuse(
                "PROBLEM:N",
                self.cells.to_string(),
                &format!("give from {least} to 512 cells along a side"),
            );
        }
        if !(1..=64).contains(&self.refine) {
            return refuse("--refine", self.refine.to_string(), "give a number from 1 to 64");
        }
        if self.trajectories == 0 || self.steps == 0 {
            return refuse("--samples", self.trajectories.to_string(), "give at least one trajectory of one step");
        }
        if !(self.step > 0.0 && self.step.is_finite()) {
            return refuse("--step", self.step.to_string(), "give a positive time");
        }
        match self.viscosities.iter().find(|v| !(**v > 0.0 && **v <= 1.0)) {
            Some(v) => refuse("--viscosity", v.to_string(), "give numbers above 0 and up to 1"),
            None if self.viscosities.is_empty() => refuse("--viscosity", String::new(), "give at least one"),
            None => Ok(()),
        }
    }
}

impl Trajectories {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.viscosities.len()
    }

    /// Whether there are none: never.
    pub fn is_empty(&self) -> bool {
        self.viscosities.is_empty()
    }

    /// Points of the lattice.
    pub fn nodes(&self) -> usize {
        (self.cells + 1).pow(2)
    }

    /// u of a trajectory at a frame.
    ///
    /// # Panics
    ///
    /// Where there is no such frame.
    pub fn frame(&self, trajectory: usize, frame: usize) -> &[f32] {
        assert!(frame < self.frames, "frame {frame} of {}", self.frames);
        &self.u[(trajectory * self.frames + frame) * self.nodes()..][..self.nodes()]
    }

    /// u of a trajectory at a frame at any points of the square, by the cubic through the 4 x 4 points of the lattice around each.
    ///
    /// # Panics
    ///
    /// Where there is no such frame.
    pub fn at(&self, trajectory: usize, frame: usize, points: &[[f32; 2]]) -> Vec<f32> {
        let (u, n) = (self.frame(trajectory, frame), self.cells);
        let value = |p: &[f32; 2]| {
            let [(i, a), (j, b)] = p.map(|x| cubic(f64::from(x) * n as f64, n + 1));
            let row = |j: usize| (0..4).map(|k| a[k] * f64::from(u[j * (n + 1) + i + k])).sum::<f64>();
            (0..4).map(|k| b[k] * row(j + k)).sum::<f64>() as f32
        };
        points.iter().map(value).collect()
    }

    /// Trajectories `from` up to `to`.
    ///
    /// Errors: there are fewer.
    pub fn part(&self, from: usize, to: usize) -> Result<Trajectories> {
        if from >= to || to > self.len() {
            return Err(Error::Problem {
                what: format!("trajectories {from} to {to} asked for, there are {}", self.len()),
                help: "ask for trajectories there are".into(),
            });
        }
        let size = self.frames * self.nodes();
        let (u, viscosities) = (self.u[from * size..to * size].to_vec(), self.viscosities[from..to].to_vec());
        Ok(Trajectories { u, viscosities, about: self.about.clone(), ..*self })
    }

    /// Writes HDF5, whole or not at all.
    ///
    /// Errors: a path that cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut writer = Writer::create(path)?;
        let side = self.cells + 1;
        writer.write("u", &[self.len(), self.frames, side, side], &self.u, Layout::Compressed)?;
        writer.write("viscosity", &[self.len()], &self.viscosities, Layout::Contiguous)?;
        writer.attribute("/", "step", &Attribute::Float(self.step))?;
        writer.attribute("/", "refine", &Attribute::Integer(self.refine as i64))?;
        for (name, value) in &self.about {
            writer.attribute("/", name, value)?;
        }
        writer.finish()
    }

    /// Reads what [`write`](Self::write) wrote.
    ///
    /// Errors: no such file, other shapes, numbers that are not finite or a viscosity that is not positive.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let refuse = |name: &str, what: String| {
            let help = "make trajectories with `filet operator generate burgers:N` or `cylinder:N`";
            Error::file(path, Place::Section(name.into()), what, help)
        };
        let reader = Reader::open(path)?;
        let shape = reader.shape("u")?;
        let &[count, frames, side, other] = &shape[..] else {
            return Err(refuse("u", format!("has the shape {shape:?}, not [trajectories, frames, n + 1, n + 1]")));
        };
        if side != other || side < 5 || frames < 2 || count == 0 {
            return Err(refuse("u", format!("has the shape {shape:?}: squares of at least 5 x 5 points, 2 frames")));
        }
        let (u, viscosities): (Vec<f32>, Vec<f64>) = (reader.read("u")?, reader.read("viscosity")?);
        if let Some(bad) = u.iter().position(|u| !u.is_finite()) {
            return Err(refuse("u", format!("trajectory {} holds {}", bad / (frames * side * side), u[bad])));
        }
        if viscosities.len() != count || viscosities.iter().any(|v| !(*v > 0.0 && v.is_finite())) {
            return Err(refuse("viscosity", format!("holds no positive number for each of {count} trajectories")));
        }
        let step = reader.attribute("/", "step")?.number().filter(|s| *s > 0.0);
        let step = step.ok_or_else(|| refuse("step", "is no positive number".into()))?;
        // Files of others need not say it.
        let refine = reader.attribute("/", "refine").ok().and_then(|r| r.number()).map_or(1, |r| r as usize);
        if refine == 0 || !(side - 1).is_multiple_of(refine) {
            return Err(refuse(
                "refine",
                format!("is {refine}, which {} cells along a side cannot be divided by", side - 1),
            ));
        }
        let names = ["problem", "seed", "generator"];
        let about = names.iter().filter_map(|n| Some((n.to_string(), reader.attribute("/", n).ok()?))).collect();
        let problem = reader.attribute("/", "problem").ok();
        let problem = match problem {
            // Files of others need not say it.
            None => Problem::Burgers,
            Some(Attribute::Text(name)) => {
                let known = Problem::ALL.into_iter().find(|(_, n)| *n == name);
                known.ok_or_else(|| refuse("problem", format!("{name:?} is not known")))?.0
            }
            Some(other) => return Err(refuse("problem", format!("{other:?} is no name"))),
        };
        Ok(Trajectories { problem, cells: side - 1, refine, frames, step, viscosities, u, about })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cubics_are_exact_up_to_the_border() {
        let f = |x: f64| 1.0 - x + 0.5 * x * x - 0.1 * x * x * x;
        for n in [4, 7] {
            for x in (0..=20).map(|k| k as f64 * n as f64 / 20.0) {
                let (first, w) = cubic(x, n);
                assert!(first + 3 <= n);
                let value: f64 = (0..4).map(|k| w[k] * f((first + k) as f64)).sum();
                assert!((value - f(x)).abs() < 1e-12, "{x} of {n}");
            }
        }
    }
}
