//! Connected components of the fluid, and the null space they make: a component that touches no air ("closed") has p up to a
//! constant, and a solution only where its right-hand side sums to zero.
//!
//! Fluid cells are held as runs along rows, so a component costs memory by its surface and not its volume. Runs that overlap in
//! neighbouring rows are united (run-based labelling: L. He, Y. Chao, K. Suzuki, IEEE Trans. Image Process. 17 (2008),
//! doi:10.1109/TIP.2008.917739).

use super::{AIR, FLUID, VoxelGrid};
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::ops::Range;

/// Largest |Σ b| that a closed component may have, as a part of its Σ |b|: what data in single precision leave.
pub const COMPATIBLE: f64 = 1e-6;

/// |Σ b| as a part of Σ |b| that rounding in double precision leaves.
const ROUNDING: f64 = 1e-14;

/// A connected component of the fluid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Number of cells.
    pub cells: usize,
    /// Its first cell's number.
    pub first: usize,
    /// Whether one of its cells has a face to air.
    pub touches_air: bool,
}

/// Fluid cells one after the other in a row.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: u32,
    length: u32,
    component: u32,
}

impl Run {
    fn cells(&self) -> Range<usize> {
        self.start as usize..(self.start + self.length) as usize
    }
}

/// The connected components of a grid's fluid, in the order of their first cells.
#[derive(Debug, Clone)]
pub struct Components {
    /// In row-major order.
    runs: Vec<Run>,
    list: Vec<Component>,
    sides: Vec<usize>,
}

impl Components {
    /// Finds them.
    pub fn of(grid: &VoxelGrid) -> Self {
        let [n0, n1, _] = grid.shape();
        let rows: Vec<Vec<Run>> = (0..n0 * n1).into_par_iter().with_min_len(16).map(|row| runs_of(grid, row)).collect();
        let firsts: Vec<usize> = rows.iter().scan(0, |n, row| Some(std::mem::replace(n, *n + row.len()))).collect();
        let mut parents: Vec<u32> = (0..rows.iter().map(|row| row.len() as u32).sum()).collect();
        for row in 0..n0 * n1 {
            let before = [(!row.is_multiple_of(n1)).then(|| row - 1), row.checked_sub(n1)];
            for other in before.into_iter().flatten() {
                unite_rows((&rows[row], firsts[row], row), (&rows[other], firsts[other], other), grid, &mut parents);
            }
        }
        let mut runs: Vec<Run> = rows.into_iter().flatten().collect();
        let mut list = Vec::new();
        let mut names = vec![u32::MAX; runs.len()];
        for (run, r) in runs.iter_mut().enumerate() {
            let root = root(&mut parents, run as u32) as usize;
            if names[root] == u32::MAX {
                names[root] = list.len() as u32;
                list.push(Component { cells: 0, first: r.start as usize, touches_air: false });
            }
            let component = &mut list[names[root] as usize];
            component.cells += r.length as usize;
            component.touches_air |= r.component != 0;
            r.component = names[root];
        }
        Components { runs, list, sides: grid.sides().to_vec() }
    }

    /// The components.
    pub fn list(&self) -> &[Component] {
        &self.list
    }

    /// The components that touch no air.
    pub fn closed(&self) -> impl Iterator<Item = &Component> {
        self.list.iter().filter(|c| !c.touches_air)
    }

    /// The component of every cell, in row-major order; `None` outside the fluid.
    pub fn labels(&self) -> Vec<Option<u32>> {
        let mut labels = vec![None; self.sides.iter().product()];
        for run in &self.runs {
            labels[run.cells()].fill(Some(run.component));
        }
        labels
    }

    /// ‖b‖₂ over the fluid.
    pub fn norm(&self, b: &[f64]) -> f64 {
        let chunk = |runs: &[Run]| runs.iter().map(|r| b[r.cells()].iter().map(|v| v * v).sum::<f64>()).sum::<f64>();
        let sums: Vec<f64> = self.runs.par_chunks(256).map(chunk).collect();
        sums.iter().sum::<f64>().sqrt()
    }

    /// An error unless `b` is finite in the fluid and sums to zero, to rounding, on every closed component.
    pub fn check(&self, b: &[f64]) -> Result<()> {
        let bad = |run: &Run| run.cells().find(|c| !b[*c].is_finite());
        if let Some(c) = self.runs.par_iter().with_min_len(256).find_map_first(bad) {
            return Err(Error::Problem {
                what: format!("the right-hand side is {} in fluid cell {:?}", b[c], self.place(c)),
                help: "every fluid cell needs a finite number".into(),
            });
        }
        let sums = self.sums(b);
        for (component, [sum, size]) in self.list.iter().zip(sums).filter(|(c, _)| !c.touches_air) {
            if sum.abs() > COMPATIBLE * size {
                return Err(Error::Problem {
                    what: format!(
                        "the pocket of {} cells around cell {:?} touches no air and its right-hand side sums to {sum:.3e} \
                         ({:.1e} of the sum of sizes), not to 0: it has no solution",
                        component.cells,
                        self.place(component.first),
                        sum.abs() / size
                    ),
                    help: "subtract its mean there, or open it to air".into(),
                });
            }
        }
        Ok(())
    }

    /// `b` less its mean on closed components, where that is more than rounding.
    pub fn compatible(&self, b: &[f64]) -> Option<Vec<f64>> {
        let off = self.sums(b).into_iter().any(|[sum, size]| sum.abs() > ROUNDING * size);
        off.then(|| {
            let mut projected = b.to_vec();
            self.remove_mean(&mut projected);
            projected
        })
    }

    /// Subtracts its mean from `x` on every closed component.
    pub fn remove_mean(&self, x: &mut [f64]) {
        if self.closed().next().is_none() {
            return;
        }
        let sums = self.sums(x);
        let means =
            self.list.iter().zip(sums).map(|(c, [sum, _])| if c.touches_air { 0.0 } else { sum / c.cells as f64 });
        let means: Vec<f64> = means.collect();
        for run in &self.runs {
            let mean = means[run.component as usize];
            x[run.cells()].iter_mut().for_each(|x| *x -= mean);
        }
    }

    /// x <- 0 outside the fluid.
    pub fn clear_outside(&self, x: &mut [f64]) {
        let mut from = 0;
        for run in &self.runs {
            x[from..run.start as usize].fill(0.0);
            from = run.cells().end;
        }
        x[from..].fill(0.0);
    }

    /// Σ x and Σ |x| on each closed component; zeros on the others.
    fn sums(&self, x: &[f64]) -> Vec<[f64; 2]> {
        let mut sums = vec![[0.0; 2]; self.list.len()];
        for run in self.runs.iter().filter(|r| !self.list[r.component as usize].touches_air) {
            let sum = &mut sums[run.component as usize];
            sum[0] += x[run.cells()].iter().sum::<f64>();
            sum[1] += x[run.cells()].iter().map(|v| v.abs()).sum::<f64>();
        }
        sums
    }

    /// Where cell `c` lies: two or three numbers.
    fn place(&self, c: usize) -> Vec<usize> {
        let mut rest = c;
        let mut place: Vec<usize> = self.sides.iter().rev().map(|n| (rest % n, rest /= n).0).collect();
        place.reverse();
        place
    }
}

/// The runs of a row; `component` says whether air lies beside, 1 or 0.
fn runs_of(grid: &VoxelGrid, row: usize) -> Vec<Run> {
    let [n0, n1, n2] = grid.shape();
    let flags = grid.flags();
    let from = row * n2;
    let line = &flags[from..from + n2];
    let beside = [
        (!row.is_multiple_of(n1)).then(|| from - n2),
        (row % n1 + 1 < n1).then(|| from + n2),
        (row >= n1).then(|| from - n1 * n2),
        (row / n1 + 1 < n0).then(|| from + n1 * n2),
    ];
    let mut runs = Vec::new();
    let mut at = 0;
    while let Some(begin) = memchr::memchr(FLUID, &line[at..]).map(|k| at + k) {
        let end = line[begin..].iter().position(|f| *f != FLUID).map_or(n2, |k| begin + k);
        let ends = begin > 0 && line[begin - 1] == AIR || end < n2 && line[end] == AIR;
        let air = ends || beside.iter().flatten().any(|r| memchr::memchr(AIR, &flags[r + begin..r + end]).is_some());
        runs.push(Run { start: (from + begin) as u32, length: (end - begin) as u32, component: u32::from(air) });
        at = end;
    }
    runs
}

/// Unites the runs of two rows that overlap. A row is given by its runs, the number of the first of them, and its own.
fn unite_rows(a: (&[Run], usize, usize), b: (&[Run], usize, usize), grid: &VoxelGrid, parents: &mut [u32]) {
    let n2 = grid.shape()[2];
    let within = |(runs, _, row): (&[Run], usize, usize), k: usize| {
        let cells = runs[k].cells();
        cells.start - row * n2..cells.end - row * n2
    };
    let (mut i, mut j) = (0, 0);
    while i < a.0.len() && j < b.0.len() {
        let (p, q) = (within(a, i), within(b, j));
        if p.start < q.end && q.start < p.end {
            let (x, y) = (root(parents, (a.1 + i) as u32), root(parents, (b.1 + j) as u32));
            parents[x.max(y) as usize] = x.min(y);
        }
        if p.end <= q.end { i += 1 } else { j += 1 }
    }
}

/// The first run of the set, with the way to it halved.
fn root(parents: &mut [u32], mut run: u32) -> u32 {
    while parents[run as usize] != run {
        let next = parents[parents[run as usize] as usize];
        parents[run as usize] = next;
        run = next;
    }
    run
}
