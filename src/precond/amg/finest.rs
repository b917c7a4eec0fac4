//! Between the f64 vectors of the solver and the hierarchy: scaling to unit diagonal, precision and order.
//!
//! With S = diag(A)^(−1/2), Â = S A S has unit diagonal and B = S B̂ S; entries of Â lie in [−1, 1] whatever the units.

use super::config::AmgConfig;
use super::cycle::{Below, Correction, Level, v_cycle};
use super::hierarchy::{LevelStats, Smoothed, build};
use crate::error::{Error, Result};
use crate::sparse::{BLOCK, Csr, Real, Rows, WINDOW};
use rayon::prelude::*;

/// The hierarchy, and how to get in and out of it.
#[derive(Debug)]
pub struct Finest<T> {
    pub(super) levels: Vec<Level<T>>,
    /// Place in its window of the row that each unknown stands for.
    pub(super) place: Vec<u16>,
    /// Scale of each unknown.
    pub(super) scale: Vec<T>,
    /// B is multiplied by this: 1 / the unit that A is measured in.
    pub(super) factor: f64,
}

/// Row starts are kept in 32 bits; coarser levels may have somewhat more entries.
const MOST_ENTRIES: usize = 1 << 31;
/// Vectors outside this range are scaled by a power of two before they are rounded to f32.
const SAFE: std::ops::Range<f64> = 1e-15..1e15;

impl<T: Real> Finest<T> {
    /// Sets up the hierarchy of `a`.
    pub fn new(a: &Csr, config: &AmgConfig) -> Result<(Self, Vec<LevelStats>)> {
        let Scaled { rows, scale, unit } = Scaled::new(a)?;
        let near_null = scale.par_iter().with_min_len(BLOCK).map(|s| T::of(1.0 / s)).collect();
        let hierarchy = build(rows, near_null, config);
        Ok((Self::over(hierarchy.levels, &hierarchy.order, &scale, unit), hierarchy.stats))
    }

    /// Sets up one level, smoothed by `degree` steps, over what `below` makes of the level's order, S and the unit of A: a
    /// correction for Â.
    pub fn corrected(
        a: &Csr,
        degree: usize,
        below: impl FnOnce(&[u32], &[f64], f64) -> Result<Box<dyn Correction<T>>>,
    ) -> Result<Self> {
        let Scaled { rows, scale, unit } = Scaled::new(a)?;
        let near_null: Vec<T> = scale.par_iter().with_min_len(BLOCK).map(|s| T::of(1.0 / s)).collect();
        let Smoothed { mut level, order, .. } = Smoothed::new(&rows, &near_null, degree);
        level.below = Below::Correct(below(&order, &scale, unit)?);
        Ok(Self::over(vec![level], &order, &scale, unit))
    }

    fn over(levels: Vec<Level<T>>, order: &[u32], scale: &[f64], unit: f64) -> Self {
        let place = order.iter().map(|&i| (i as usize % WINDOW) as u16).collect();
        let scale = order.iter().map(|&i| T::of(scale[i as usize])).collect();
        Finest { levels, place, scale, factor: 1.0 / unit }
    }

    /// z <- B r.
    pub fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        rayon::scope(|_| self.apply_here(r, z));
    }

    fn apply_here(&mut self, r: &[f64], z: &mut [f64]) {
        if self.levels.is_empty() {
            return;
        }
        let most = self.enter(r, 1.0);
        let mut by = 1.0;
        if most > 0.0 && !SAFE.contains(&most) {
            by = 2f64.powi(-most.log2() as i32);
            self.enter(r, by);
        }
        v_cycle(&mut self.levels);
        let factor = self.factor / by;
        let x = self.levels[0].x.as_flattened();
        (z.par_chunks_mut(WINDOW), x.par_chunks(WINDOW), self.place.par_chunks(WINDOW), self.scale.par_chunks(WINDOW))
            .into_par_iter()
            .for_each(|(z, x, place, scale)| {
                for ((&x, &k), &s) in x.iter().zip(place).zip(scale) {
                    z[k as usize] = factor * (s * x).wide();
                }
            });
    }

    /// b <- `by` S r on the finest level; returns the greatest magnitude in it.
    fn enter(&mut self, r: &[f64], by: f64) -> f64 {
        let b = self.levels[0].b.as_flattened_mut();
        (b.par_chunks_mut(WINDOW), r.par_chunks(WINDOW), self.place.par_chunks(WINDOW), self.scale.par_chunks(WINDOW))
            .into_par_iter()
            .map(|(b, r, place, scale)| {
                let mut most = 0.0;
                for ((b, &k), &s) in b.iter_mut().zip(place).zip(scale) {
                    let v = by * s.wide() * r[k as usize];
                    *b = T::of(v);
                    most = f64::max(most, v.abs());
                }
                most
            })
            .reduce(|| 0.0, f64::max)
    }

    /// Bytes that an application reads and writes besides r and z.
    pub fn traffic(&self) -> usize {
        let inside = 2 * (self.place.len() * 2 + size_of_val(self.scale.as_slice()));
        self.levels.iter().map(Level::traffic).sum::<usize>() + inside
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.levels.iter().map(Level::bytes).sum::<usize>() + self.place.len() * 2 + size_of_val(self.scale.as_slice())
    }
}

/// Â = I + `rows`, Â = S A S / `unit`.
struct Scaled<T> {
    rows: Rows<T>,
    /// The diagonal of S.
    scale: Vec<f64>,
    unit: f64,
}

impl<T: Real> Scaled<T> {
    fn new(a: &Csr) -> Result<Self> {
        if a.nrows() != a.ncols() || a.nnz() > MOST_ENTRIES {
            return Err(Error::Matrix {
                what: format!(
                    "{} x {} with {} entries; multigrid wants a square one with at most {MOST_ENTRIES}",
                    a.nrows(),
                    a.ncols(),
                    a.nnz()
                ),
                help: "take another preconditioner".into(),
            });
        }
        let diagonal = diagonal(a)?;
        let unit = diagonal.par_iter().copied().reduce(|| 0.0, f64::max);
        let unit = if unit > 0.0 { unit } else { 1.0 };
        let scale: Vec<f64> =
            diagonal.par_iter().with_min_len(BLOCK).map(|&d| if d > 0.0 { (unit / d).sqrt() } else { 1.0 }).collect();
        Ok(Scaled { rows: scaled(a, &diagonal, &scale, unit), scale, unit })
    }
}

/// The diagonal of `a`, which must be positive, or zero where the whole row is.
fn diagonal(a: &Csr) -> Result<Vec<f64>> {
    let entry = |i: usize| {
        let (columns, values) = a.row(i);
        columns.binary_search(&(i as u32)).map_or(0.0, |k| values[k])
    };
    let diagonal: Vec<f64> = (0..a.nrows()).into_par_iter().with_min_len(BLOCK).map(entry).collect();
    let wrong = |&i: &usize| {
        let d = diagonal[i];
        !(d > 0.0 && d.is_finite() || d == 0.0 && a.row(i).1.iter().all(|&v| v == 0.0))
    };
    match (0..a.nrows()).into_par_iter().with_min_len(BLOCK).find_first(wrong) {
        None => Ok(diagonal),
        Some(i) => Err(Error::Matrix {
            what: format!(
                "row {i} has the diagonal entry {:e}; a positive definite matrix has a positive one",
                diagonal[i]
            ),
            help: "check the assembly, and the sign of the coefficients".into(),
        }),
    }
}

/// S A S / `unit` − I, rounded, by rows; `scale` is the diagonal of S.
fn scaled<T: Real>(a: &Csr, diagonal: &[f64], scale: &[f64], unit: f64) -> Rows<T> {
    let stored = |i: usize| diagonal[i] > 0.0 || a.row(i).0.binary_search(&(i as u32)).is_ok();
    let length = |i: usize| a.row(i).0.len() - usize::from(stored(i));
    Rows::fill(a.nrows(), length, |i, out_columns, out_values| {
        let s = scale[i] / unit;
        let (columns, values) = a.row(i);
        let others = columns.iter().zip(values).filter(|(j, _)| **j as usize != i);
        for ((&j, &v), (c, w)) in others.zip(out_columns.iter_mut().zip(out_values)) {
            *c = j;
            *w = T::of(v * s * scale[j as usize]);
        }
    })
}
