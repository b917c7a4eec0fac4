//! Where the residual is taken: every sampler in one trait.
//!
//! | name | points | source |
//! |---|---|---|
//! | `uniform` | random, drawn anew | |
//! | `latin` | one in each of n slices of every axis, drawn anew | M. McKay et al., Technometrics 21 (1979) |
//! | `sobol` | a digital sequence with a random shift, drawn anew | [`sobol`] |
//! | `grid` | equidistant, fixed | |
//! | `rar-g` | n/2, then those of largest residual are added | [`adaptive`] |
//! | `rar-d` | n/2, then drawn by the residual's power 2 and added | [`adaptive`] |
//! | `rad` | drawn anew by residual / mean + 1 | [`adaptive`] |
//! | `r3` | those of a residual above the mean stay, the others are drawn anew | [`adaptive`] |
//! | `quadtree` | Gauss points of boxes that are halved where the residual is | [`quadtree`] |
//! | `aas-exact` | drawn from the exact maximiser of AAS on a grid, in the plane | [`exact`] |
//! | `das` | drawn from a flow fitted to the squared residual | [`generative`] |
//! | `aas` | drawn from a flow trained against the network | [`generative`] |

pub mod adaptive;
pub mod exact;
pub mod generative;
pub mod quadtree;
pub mod sobol;

use super::{Cloud, Domain};
use crate::error::{Error, Result};
use rand::Rng;
use rand_pcg::Pcg64;

/// The residual at any points.
pub type ResidualAt<'a> = dyn Fn(&[f64]) -> Vec<f64> + 'a;

/// Chooses the points.
pub trait Sampler {
    /// The first points: about `n`, uniform if the sampler does not look at the residual of the network as it begins.
    fn start(&mut self, domain: &Domain, n: usize, _residual: &ResidualAt, rng: &mut Pcg64) -> Cloud {
        Cloud::even(uniform(domain, n, rng), domain.dimension())
    }

    /// The next points, for a network with this residual.
    fn refresh(&mut self, domain: &Domain, cloud: &Cloud, residual: &ResidualAt, rng: &mut Pcg64) -> Cloud;

    /// The density (∫ p = 1) that points are drawn from, where the sampler has one.
    fn density(&self, _domain: &Domain, _points: &[f64]) -> Option<Vec<f64>> {
        None
    }

    /// All that the next points depend on beside the last ones, for a checkpoint.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Goes on from such a state.
    fn restore(&mut self, _state: Vec<f64>) {}
}

/// The samplers by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum SamplerKind {
    #[default]
    Uniform,
    Latin,
    Sobol,
    Grid,
    RarG,
    RarD,
    Rad,
    R3,
    Quadtree,
    AasExact,
    Das,
    Aas,
}

impl SamplerKind {
    /// All of them.
    pub const ALL: [SamplerKind; 12] = [
        SamplerKind::Uniform,
        SamplerKind::Latin,
        SamplerKind::Sobol,
        SamplerKind::Grid,
        SamplerKind::RarG,
        SamplerKind::RarD,
        SamplerKind::Rad,
        SamplerKind::R3,
        SamplerKind::Quadtree,
        SamplerKind::AasExact,
        SamplerKind::Das,
        SamplerKind::Aas,
    ];

    /// As the command line calls it.
    pub fn name(self) -> &'static str {
        match self {
            SamplerKind::Uniform => "uniform",
            SamplerKind::Latin => "latin",
            SamplerKind::Sobol => "sobol",
            SamplerKind::Grid => "grid",
            SamplerKind::RarG => "rar-g",
            SamplerKind::RarD => "rar-d",
            SamplerKind::Rad => "rad",
            SamplerKind::R3 => "r3",
            SamplerKind::Quadtree => "quadtree",
            SamplerKind::AasExact => "aas-exact",
            SamplerKind::Das => "das",
            SamplerKind::Aas => "aas",
        }
    }

    /// The sampler, for a domain it can do.
    ///
    /// Errors: `aas-exact` outside of boxes in the plane, `quadtree` above three dimensions.
    pub fn build(self, domain: &Domain, seed: u64) -> Result<Box<dyn Sampler>> {
        let refuse = |what: &str| {
            Err(Error::Option { option: "--sampler".into(), value: self.name().into(), what: what.into() })
        };
        let d = domain.dimension();
        Ok(match self {
            SamplerKind::AasExact if d != 2 || !matches!(domain, Domain::Box(_)) => {
                return refuse("solves for the density on a grid over a rectangle; take aas elsewhere");
            }
            SamplerKind::Quadtree if d > 3 => return refuse("halves boxes in up to 3 dimensions; take aas above"),
            SamplerKind::Uniform => Box::new(Fresh(uniform)),
            SamplerKind::Latin => Box::new(Fresh(latin)),
            SamplerKind::Sobol => Box::new(Fresh(sobol::shifted)),
            SamplerKind::Grid => Box::new(Grid),
            SamplerKind::RarG => Box::new(adaptive::Refined::greedy()),
            SamplerKind::RarD => Box::new(adaptive::Refined::drawn()),
            SamplerKind::Rad => Box::new(adaptive::Rad),
            SamplerKind::R3 => Box::new(adaptive::R3),
            SamplerKind::Quadtree => Box::new(quadtree::Quadtree::new(domain)),
            SamplerKind::AasExact => Box::new(exact::AasExact::default()),
            SamplerKind::Das => Box::new(generative::Generative::das(d, seed)),
            SamplerKind::Aas => Box::new(generative::Generative::aas(d, seed)),
        })
    }
}

/// `n` points of the domain from points of the unit cube, those outside left out.
fn within(domain: &Domain, n: usize, mut unit: impl FnMut(&mut Vec<f64>)) -> Vec<f64> {
    let (bounds, d) = (domain.bounds(), domain.dimension());
    let mut points = Vec::with_capacity(n * d);
    let mut x = Vec::with_capacity(d);
    while points.len() < n * d {
        x.clear();
        unit(&mut x);
        x.iter_mut().zip(&bounds).for_each(|(x, [low, high])| *x = low + *x * (high - low));
        if domain.contains(&x) {
            points.extend(&x);
        }
    }
    points
}

/// `n` random points.
pub fn uniform(domain: &Domain, n: usize, rng: &mut Pcg64) -> Vec<f64> {
    let d = domain.dimension();
    within(domain, n, |x| x.extend((0..d).map(|_| rng.random::<f64>())))
}

/// `n` points with one in each of n slices of every axis of the bounding box; outside a box, hypercubes until there are enough.
pub fn latin(domain: &Domain, n: usize, rng: &mut Pcg64) -> Vec<f64> {
    let d = domain.dimension();
    let mut left: Vec<Vec<f64>> = Vec::new();
    within(domain, n, |x| {
        if left.first().is_none_or(Vec::is_empty) {
            left = (0..d)
                .map(|_| {
                    let mut slices: Vec<f64> = (0..n).map(|i| (i as f64 + rng.random::<f64>()) / n as f64).collect();
                    (1..n).rev().for_each(|i| slices.swap(i, rng.random_range(0..=i)));
                    slices
                })
                .collect();
        }
        x.extend(left.iter_mut().filter_map(Vec::pop));
    })
}

/// Points drawn anew each time, whatever the residual.
struct Fresh(fn(&Domain, usize, &mut Pcg64) -> Vec<f64>);

impl Sampler for Fresh {
    fn start(&mut self, domain: &Domain, n: usize, _: &ResidualAt, rng: &mut Pcg64) -> Cloud {
        Cloud::even((self.0)(domain, n, rng), domain.dimension())
    }

    fn refresh(&mut self, domain: &Domain, cloud: &Cloud, residual: &ResidualAt, rng: &mut Pcg64) -> Cloud {
        self.start(domain, cloud.weights.len(), residual, rng)
    }
}

/// Middles of equal cells of the bounding box, fixed.
struct Grid;

impl Sampler for Grid {
    fn start(&mut self, domain: &Domain, n: usize, _: &ResidualAt, _: &mut Pcg64) -> Cloud {
        let (bounds, d) = (domain.bounds(), domain.dimension());
        let side = (n as f64).powf(1.0 / d as f64).round().max(1.0) as usize;
        let mut points = Vec::new();
        for cell in 0..side.pow(d as u32) {
            let place = |i: usize| (cell / side.pow(i as u32) % side) as f64;
            let at = |(i, [low, high]): (usize, &[f64; 2])| low + (place(i) + 0.5) / side as f64 * (high - low);
            let x: Vec<f64> = bounds.iter().enumerate().map(at).collect();
            if domain.contains(&x) {
                points.extend(x);
            }
        }
        Cloud::even(points, d)
    }

    fn refresh(&mut self, _: &Domain, cloud: &Cloud, _: &ResidualAt, _: &mut Pcg64) -> Cloud {
        cloud.clone()
    }
}
