//! A problem: a differential equation in a domain, conditions, and what is known of its solution.
//!
//! | symbol | here | what |
//! |---|---|---|
//! | Ω, d | [`Domain`] | where |
//! | r(x, u, ∇u, Qu; c) = 0 | [`Residual`] | the equation, and each condition |
//! | Q | [`Form`] | second-order forms the equation needs |
//! | u = A + G N | [`Lift`] | a hard condition: u = A where G = 0, for any network N |
//! | c | `unknowns` | coefficients to be found, for inverse problems |

use super::{Domain, Form, Part};
use crate::mesh::Mesh;

/// Where a residual is taken.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The point.
    pub x: &'a [f64],
    /// The outer normal on a boundary; 0 inside.
    pub normal: &'a [f64],
}

/// What is to vanish.
pub trait Residual: Send + Sync {
    /// r at a point, from the channels of u there (u, d first derivatives, the problem's forms) and the unknown coefficients c.
    /// `partials` comes zeroed and gets ∂r by every channel, then by every coefficient.
    fn residual(&self, site: Site, u: &[f64], c: &[f64], partials: &mut [f64]) -> f64;
}

impl<F: Fn(Site, &[f64], &[f64], &mut [f64]) -> f64 + Send + Sync> Residual for F {
    fn residual(&self, site: Site, u: &[f64], c: &[f64], partials: &mut [f64]) -> f64 {
        self(site, u, c, partials)
    }
}

/// Hard conditions: u = A + G N.
pub trait Lift: Send + Sync {
    /// Fills the channels (value, d derivatives, forms) of A and of G at x.
    fn lift(&self, x: &[f64], forms: &[Form], a: &mut [f64], g: &mut [f64]);
}

/// A soft condition: a term of the loss.
pub struct Condition {
    /// What messages call it.
    pub name: String,
    /// Where it holds.
    pub part: Part,
    /// Its weight γ in the loss (the equation's is 1).
    pub weight: f64,
    /// What vanishes there.
    pub residual: Box<dyn Residual>,
}

/// A function of the point.
pub type Function = Box<dyn Fn(&[f64]) -> f64 + Send + Sync>;

/// All of a problem.
pub struct Problem {
    /// What messages call it.
    pub name: String,
    /// The coordinates' names.
    pub coordinates: Vec<String>,
    /// Ω
    pub domain: Domain,
    /// The mesh that gave Ω, where one did: finite elements to measure errors by are on its refinement.
    pub mesh: Option<Mesh>,
    /// Whether u repeats along each coordinate of the bounding box; the network does so then.
    pub periodic: Vec<bool>,
    /// Q
    pub forms: Vec<Form>,
    /// r
    pub equation: Box<dyn Residual>,
    /// Hard conditions.
    pub lift: Option<Box<dyn Lift>>,
    /// Soft conditions.
    pub conditions: Vec<Condition>,
    /// u, where it is known.
    pub exact: Option<Function>,
    /// Names and first values of the unknown coefficients c.
    pub unknowns: Vec<(String, f64)>,
}

impl std::fmt::Debug for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Problem").field("name", &self.name).field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl Problem {
    /// d
    pub fn dimension(&self) -> usize {
        self.coordinates.len()
    }

    /// Channels of u: 1 + d + forms.
    pub fn channels(&self) -> usize {
        1 + self.dimension() + self.forms.len()
    }

    /// The channels of A and then of G at every point; empty without hard conditions.
    pub(super) fn lifts(&self, points: &[f64]) -> Vec<f64> {
        let Some(lift) = &self.lift else { return Vec::new() };
        let channels = self.channels();
        let mut out = vec![0.0; points.len() / self.dimension() * 2 * channels];
        for (x, out) in points.chunks_exact(self.dimension()).zip(out.chunks_exact_mut(2 * channels)) {
            let (a, g) = out.split_at_mut(channels);
            lift.lift(x, &self.forms, a, g);
        }
        out
    }

    /// The channels of u = A + G N from those of N at a point with this `lift` (those of A and G; empty without).
    pub(super) fn lifted(&self, lift: &[f64], n: &[f64], u: &mut [f64]) {
        u.copy_from_slice(n);
        if lift.is_empty() {
            return;
        }
        let d = self.dimension();
        let (a, g) = lift.split_at(n.len());
        u[0] = a[0] + g[0] * n[0];
        for k in 1..n.len() {
            u[k] = a[k] + g[k] * n[0] + g[0] * n[k];
        }
        for (u, form) in u[1 + d..].iter_mut().zip(&self.forms) {
            *u += 2.0 * form.mixed(&g[1..=d], &n[1..=d]);
        }
    }

    /// ∂r by the channels of N from those by the channels of u there: the transpose of [`Self::lifted`].
    pub(super) fn pulled(&self, lift: &[f64], by_u: &[f64], by_n: &mut [f64]) {
        by_n.copy_from_slice(by_u);
        if lift.is_empty() {
            return;
        }
        let d = self.dimension();
        let g = &lift[by_u.len()..];
        by_n[0] = by_u.iter().zip(g).map(|(p, g)| p * g).sum();
        by_n[1..].iter_mut().for_each(|p| *p *= g[0]);
        for (p, form) in by_u[1 + d..].iter().zip(&self.forms) {
            for &(i, j, w) in &form.0 {
                by_n[1 + i] += p * w * g[1 + j];
                by_n[1 + j] += p * w * g[1 + i];
            }
        }
    }
}
