//! Where a problem is posed: boxes, balls, and regions of the plane between straight edges.

use crate::error::{Error, Result};
use crate::mesh::topology::boundary_facets;
use crate::mesh::{CellKind, Mesh};
use rand::Rng;
use rand_pcg::Pcg64;

/// A bounded domain of any dimension d ≥ 1.
#[derive(Debug, Clone, PartialEq)]
pub enum Domain {
    /// The product of intervals.
    Box(Vec<[f64; 2]>),
    /// |x − centre| < radius; a disc in the plane.
    Ball {
        /// Its middle.
        centre: Vec<f64>,
        /// Its radius.
        radius: f64,
    },
    /// The points of the plane from which a ray crosses an odd number of these edges: a polygon, a mesh with holes.
    Region(Vec<[[f64; 2]; 2]>),
}

/// A part of a boundary.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// All of it.
    Whole,
    /// The side of a box where this coordinate is lowest or highest.
    Side {
        /// The coordinate's number.
        axis: usize,
        /// Whether it is highest there.
        high: bool,
    },
    /// These points, coordinates one after the other: measurements.
    Points(Vec<f64>),
}

impl Domain {
    /// The inside of a polygon with these corners.
    pub fn polygon(corners: &[[f64; 2]]) -> Self {
        Domain::Region((0..corners.len()).map(|i| [corners[i], corners[(i + 1) % corners.len()]]).collect())
    }

    /// A mesh of triangles in the plane.
    ///
    /// Errors: a mesh of other cells.
    pub fn mesh(mesh: &Mesh) -> Result<Self> {
        if mesh.kind != CellKind::Triangle {
            let what = format!("a domain is a mesh of triangles, not of {}", mesh.kind.plural());
            return Err(Error::Mesh { what, help: "take a box or a ball in other dimensions".into() });
        }
        let point = |v: u32| [mesh.points[v as usize][0], mesh.points[v as usize][1]];
        Ok(Domain::Region(boundary_facets(mesh).chunks_exact(2).map(|e| [point(e[0]), point(e[1])]).collect()))
    }

    /// Refuses a domain without volume, or with sides that are not finite.
    pub fn check(&self) -> Result<()> {
        let bounds = self.bounds();
        let fault = match self {
            _ if bounds.iter().flatten().any(|v| !v.is_finite()) => "has a side that is not finite",
            _ if bounds.is_empty() || bounds.iter().any(|[low, high]| low >= high) => "has no volume",
            Domain::Region(_) if self.measure() <= 0.0 => "has no volume",
            _ => return Ok(()),
        };
        let what = format!("the domain {fault}: it extends over {bounds:?}");
        Err(Error::Problem {
            what,
            help: "give lower bounds below upper ones, a radius above 0, corners in order".into(),
        })
    }

    /// d
    pub fn dimension(&self) -> usize {
        self.bounds().len()
    }

    /// The smallest box around it.
    pub fn bounds(&self) -> Vec<[f64; 2]> {
        match self {
            Domain::Box(bounds) => bounds.clone(),
            Domain::Ball { centre, radius } => centre.iter().map(|c| [c - radius, c + radius]).collect(),
            Domain::Region(edges) => (0..2)
                .map(|i| {
                    let at = || edges.iter().flatten().map(|p| p[i]);
                    [at().fold(f64::INFINITY, f64::min), at().fold(f64::NEG_INFINITY, f64::max)]
                })
                .collect(),
        }
    }

    /// Whether a point is inside.
    pub fn contains(&self, x: &[f64]) -> bool {
        match self {
            Domain::Box(bounds) => x.iter().zip(bounds).all(|(x, [low, high])| (low..=high).contains(&x)),
            Domain::Ball { centre, radius } => distance(x, centre) < *radius,
            Domain::Region(edges) => {
                let crosses = |[a, b]: &&[[f64; 2]; 2]| {
                    (a[1] > x[1]) != (b[1] > x[1]) && x[0] < a[0] + (x[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
                };
                edges.iter().filter(crosses).count() % 2 == 1
            }
        }
    }

    /// |Ω|
    pub fn measure(&self) -> f64 {
        match self {
            Domain::Box(bounds) => bounds.iter().map(|[low, high]| high - low).product(),
            Domain::Ball { centre, radius } => {
                // V_d = 2π/d V_{d-2}, from V_0 = 1 and V_1 = 2
                let unit = |d: usize| {
                    let start = if d.is_multiple_of(2) { (1.0, 2) } else { (2.0, 3) };
                    let fold = |v: f64, k: usize| v * std::f64::consts::TAU / k as f64;
                    (start.1..=d).step_by(2).fold(start.0, fold)
                };
                unit(centre.len()) * radius.powi(centre.len() as i32)
            }
            Domain::Region(edges) => {
                // Strips between the corners' heights: in each the crossings are straight lines.
                let mut heights: Vec<f64> = edges.iter().flatten().map(|p| p[1]).collect();
                heights.sort_by(f64::total_cmp);
                let strip = |w: &[f64]| {
                    let y = 0.5 * (w[0] + w[1]);
                    let across = edges.iter().filter(|[a, b]| (a[1] > y) != (b[1] > y));
                    let mut at: Vec<f64> =
                        across.map(|[a, b]| a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])).collect();
                    at.sort_by(f64::total_cmp);
                    (w[1] - w[0]) * at.chunks_exact(2).map(|x| x[1] - x[0]).sum::<f64>()
                };
                heights.windows(2).filter(|w| w[1] > w[0]).map(strip).sum()
            }
        }
    }

    /// `n` random points of a part of the boundary, uniform in measure, and the outer normals there.
    pub fn boundary(&self, part: &Part, n: usize, rng: &mut Pcg64) -> (Vec<f64>, Vec<f64>) {
        let d = self.dimension();
        let (mut points, mut normals) = (Vec::with_capacity(n * d), Vec::with_capacity(n * d));
        if let Part::Points(points) = part {
            return (points.clone(), vec![0.0; points.len()]);
        }
        for _ in 0..n {
            let (x, normal) = match self {
                Domain::Box(bounds) => box_side(bounds, part, rng),
                Domain::Ball { centre, radius } => {
                    let v: Vec<f64> = (0..d).map(|_| super::normal(rng)).collect();
                    let norm = v.iter().map(|v| v * v).sum::<f64>().sqrt();
                    let v: Vec<f64> = v.iter().map(|v| v / norm).collect();
                    (centre.iter().zip(&v).map(|(c, v)| c + radius * v).collect(), v)
                }
                Domain::Region(edges) => self.edge_point(edges, rng),
            };
            points.extend(x);
            normals.extend(normal);
        }
        (points, normals)
    }

    fn edge_point(&self, edges: &[[[f64; 2]; 2]], rng: &mut Pcg64) -> (Vec<f64>, Vec<f64>) {
        let length = |[a, b]: &[[f64; 2]; 2]| distance(a, b);
        let mut at = rng.random::<f64>() * edges.iter().map(length).sum::<f64>();
        let mut edge = &edges[edges.len() - 1];
        for e in edges {
            if at < length(e) {
                edge = e;
                break;
            }
            at -= length(e);
        }
        let ([a, b], l) = (edge, length(edge));
        let s = (at / l).min(1.0);
        let x = [a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1])];
        let mut normal = [(b[1] - a[1]) / l, (a[0] - b[0]) / l];
        let h = 1e-6 * l;
        if self.contains(&[x[0] + h * normal[0], x[1] + h * normal[1]]) {
            normal = normal.map(|v| -v);
        }
        (x.to_vec(), normal.to_vec())
    }
}

fn box_side(bounds: &[[f64; 2]], part: &Part, rng: &mut Pcg64) -> (Vec<f64>, Vec<f64>) {
    let (axis, high) = match part {
        Part::Side { axis, high } => (*axis, *high),
        _ => {
            // A side's measure is the volume by its thickness.
            let weights: Vec<f64> = bounds.iter().map(|[low, high]| 1.0 / (high - low)).collect();
            let mut at = rng.random::<f64>() * 2.0 * weights.iter().sum::<f64>();
            let last = (bounds.len() - 1, true);
            let sides = (0..bounds.len()).flat_map(|axis| [(axis, false), (axis, true)]);
            let taken = |side: &(usize, bool)| {
                at -= weights[side.0];
                at < 0.0
            };
            sides.into_iter().find(taken).unwrap_or(last)
        }
    };
    let mut x: Vec<f64> = bounds.iter().map(|[low, high]| low + rng.random::<f64>() * (high - low)).collect();
    x[axis] = bounds[axis][usize::from(high)];
    let mut normal = vec![0.0; bounds.len()];
    normal[axis] = if high { 1.0 } else { -1.0 };
    (x, normal)
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn l_shape() -> Domain {
        Domain::polygon(&[[-1.0, -1.0], [0.0, -1.0], [0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [-1.0, 1.0]])
    }

    #[test]
    fn measures_are_those_of_geometry() {
        let ball = |d: usize| Domain::Ball { centre: vec![0.5; d], radius: 2.0 }.measure();
        let pi = std::f64::consts::PI;
        for (found, expected) in [
            (l_shape().measure(), 3.0),
            (ball(1), 4.0),
            (ball(2), 4.0 * pi),
            (ball(3), 32.0 / 3.0 * pi),
            (Domain::Box(vec![[0.0, 2.0], [1.0, 4.0]]).measure(), 6.0),
        ] {
            assert!((found - expected).abs() < 1e-12 * expected, "{found} {expected}");
        }
    }

    #[test]
    fn boundary_points_have_outer_normals() {
        let ball = Domain::Ball { centre: vec![1.0, -1.0, 0.0], radius: 0.5 };
        let mut rng = Pcg64::seed_from_u64(1);
        for domain in [l_shape(), ball, Domain::Box(vec![[0.0, 2.0], [1.0, 4.0]])] {
            let (x, n) = domain.boundary(&Part::Whole, 500, &mut rng);
            let d = domain.dimension();
            for (x, n) in x.chunks(d).zip(n.chunks(d)) {
                let step = |s: f64| x.iter().zip(n).map(|(x, n)| x + s * n).collect::<Vec<_>>();
                assert!(domain.contains(&step(-1e-4)) && !domain.contains(&step(1e-4)), "{domain:?} {x:?} {n:?}");
            }
        }
    }

    #[test]
    fn domains_without_volume_are_refused() {
        for bad in [
            Domain::Box(vec![[0.0, 0.0], [0.0, 1.0]]),
            Domain::Box(vec![[0.0, f64::NAN]]),
            Domain::Ball { centre: vec![0.0; 2], radius: 0.0 },
            Domain::polygon(&[[0.0, 0.0], [1.0, 1.0]]),
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
        assert!(l_shape().check().is_ok());
    }
}
