//! Learned interpolation from the nodes of one mesh to any points, exact for linear functions whatever has been learned.
//!
//! v(p) = Σ_k w_k u_k,   w = λ + P c,   P = I − Q Qᵀ
//!
//! | symbol | name here | what |
//! |---|---|---|
//! | k | `places` | the patch of p: the vertex of p's triangle nearest in barycentric coordinates, and its neighbours |
//! | λ | `base` | barycentric coordinates, 0 outside the triangle |
//! | Q | `basis` | three orthonormal columns that span 1, x, y on the patch |
//! | c | | one number a member of the patch, from a perceptron of its place relative to p |
//!
//! Since Pᵀ 1 = Pᵀ x = Pᵀ y = 0, Σ w = 1 (partition of unity) and Σ w_k x_k = p for any c; for smooth u the correction is a combination
//! of what u is off its linear fit on the patch, so the error is of second order. On patches of three nodes P = 0.
//!
//! Departures from P. Hu, Y. Wang and Z.-M. Ma (ICLR 2024, arXiv:2312.05583, §3.2), whose 30 weights come from a net of 62 absolute
//! coordinates: the sums above hold; the net sees places relative to p in units of the patch; the patch is one of the mesh.

use super::cubic;
use crate::mesh::{Locator, Mesh};
use crate::nn::ops::{Neighbours, gelu, linear, reshape};
use crate::nn::{Op, Param, Tape, Tensor, Var};
use rand::Rng;
use std::sync::Arc;

/// What the perceptron sees of a member: x, y and distance from p in units of the patch, λ.
const FEATURES: usize = 4;
/// Width of the perceptron.
const HIDDEN: usize = 12;
/// Directions shorter than this part of the longest count as dependent on the others.
const DEPENDENT: f64 = 1e-6;

/// How values at the nodes of a mesh go to points.
#[derive(Debug, Clone, Default)]
pub struct Stencils {
    /// The members of point i are `starts[i]..starts[i + 1]`.
    starts: Vec<u32>,
    /// Nodes.
    places: Vec<u32>,
    /// λ.
    base: Vec<f32>,
    /// Rows of Q.
    basis: Vec<[f32; 3]>,
    features: Vec<f32>,
}

impl Stencils {
    /// From the nodes of a mesh, `neighbours` along its edges, to `points` in it.
    pub fn new(from: &Locator, neighbours: &Neighbours, points: &[[f64; 3]]) -> Self {
        let mut out = Stencils { starts: vec![0], ..Stencils::default() };
        points.iter().for_each(|p| out.push(from, neighbours, *p));
        out
    }

    fn push(&mut self, from: &Locator, neighbours: &Neighbours, p: [f64; 3]) {
        let mesh: &Mesh = from.mesh();
        let (cell, lambda) = from.find(p);
        let corners = mesh.cell(cell);
        let nearest = (0..corners.len()).max_by(|a, b| lambda[*a].total_cmp(&lambda[*b])).unwrap_or(0);
        let patch =
            || std::iter::once(corners[nearest]).chain(neighbours.of(corners[nearest] as usize).iter().copied());
        let relative: Vec<[f64; 2]> =
            patch().map(|v| std::array::from_fn(|k| mesh.points[v as usize][k] - p[k])).collect();
        let square: f64 = relative.iter().map(|[x, y]| x * x + y * y).sum();
        let size = (square / relative.len() as f64).sqrt();
        let relative: Vec<[f64; 2]> = relative.into_iter().map(|r| r.map(|x| x / size)).collect();
        let basis = orthonormal(&relative);
        for (k, (v, [x, y])) in patch().zip(relative).enumerate() {
            let base = corners.iter().position(|c| *c == v).map_or(0.0, |i| lambda[i]) as f32;
            self.places.push(v);
            self.base.push(base);
            self.basis.push(std::array::from_fn(|j| basis[j][k] as f32));
            self.features.extend([x as f32, y as f32, x.hypot(y) as f32, base]);
        }
        self.starts.push(self.places.len() as u32);
    }

    /// As [`Stencils::new`], but λ are the weights of cubics through the nodes of a lattice of `side` nodes along a side: for c = 0 only.
    ///
    /// # Panics
    ///
    /// Where a side has fewer than four nodes.
    pub fn cubic(from: &Locator, side: usize, points: &[[f64; 3]]) -> Self {
        let mut out = Stencils { starts: vec![0], ..Stencils::default() };
        for p in points {
            let (cell, lambda) = from.find(*p);
            let corners = from.mesh().cell(cell);
            let on_lattice = |of: &dyn Fn(usize) -> usize| {
                corners.iter().zip(lambda).map(|(v, l)| l * of(*v as usize) as f64).sum::<f64>()
            };
            let guess = [on_lattice(&|v| v % side), on_lattice(&|v| v / side)];
            match cubic::weights(&from.mesh().points, side, *p, guess) {
                Some((places, weights)) => {
                    out.places.extend(places.map(|v| v as u32));
                    out.base.extend(weights.map(|w| w as f32));
                }
                None => {
                    out.places.extend(corners);
                    out.base.extend(lambda[..corners.len()].iter().map(|l| *l as f32));
                }
            }
            out.starts.push(out.places.len() as u32);
        }
        out.basis.resize(out.places.len(), [0.0; 3]);
        out
    }

    /// From weights of nodes, for each point: for c = 0 only.
    pub(super) fn from_rows(rows: impl Iterator<Item = Vec<(usize, f64)>>) -> Self {
        let mut out = Stencils { starts: vec![0], ..Stencils::default() };
        for row in rows {
            out.places.extend(row.iter().map(|(v, _)| *v as u32));
            out.base.extend(row.iter().map(|(_, w)| *w as f32));
            out.starts.push(out.places.len() as u32);
        }
        out.basis.resize(out.places.len(), [0.0; 3]);
        out
    }

    /// Several one after the other, in as many meshes of `nodes` nodes.
    pub fn together(parts: &[Stencils], nodes: usize) -> Self {
        let mut out = Stencils { starts: vec![0], ..Stencils::default() };
        for (k, part) in parts.iter().enumerate() {
            let before = out.places.len() as u32;
            out.starts.extend(part.starts[1..].iter().map(|s| s + before));
            out.places.extend(part.places.iter().map(|p| p + (k * nodes) as u32));
            out.base.extend(&part.base);
            out.basis.extend(&part.basis);
            out.features.extend(&part.features);
        }
        out
    }

    /// c = 0.
    pub fn no_correction(&self) -> Tensor {
        Tensor::zeros(&[self.places.len()])
    }

    fn points(&self) -> usize {
        self.starts.len() - 1
    }

    fn members(&self, point: usize) -> std::ops::Range<usize> {
        self.starts[point] as usize..self.starts[point + 1] as usize
    }

    /// P c of one point, into `out`.
    fn project(&self, members: std::ops::Range<usize>, c: &[f32], out: &mut Vec<f32>) {
        let mut along = [0.0; 3];
        for k in members.clone() {
            (0..3).for_each(|j| along[j] += self.basis[k][j] * c[k]);
        }
        out.clear();
        out.extend(members.map(|k| c[k] - (0..3).map(|j| self.basis[k][j] * along[j]).sum::<f32>()));
    }

    /// w for these c, members of all points one after the other.
    pub fn weights(&self, c: &[f32]) -> Vec<f32> {
        let (mut out, mut correction) = (self.base.clone(), Vec::new());
        for point in 0..self.points() {
            self.project(self.members(point), c, &mut correction);
            out[self.members(point)].iter_mut().zip(&correction).for_each(|(w, c)| *w += c);
        }
        out
    }
}

/// Gram and Schmidt's columns from 1, x, y, twice; dependent ones are 0.
fn orthonormal(relative: &[[f64; 2]]) -> [Vec<f64>; 3] {
    let column = |j: usize| relative.iter().map(|r| if j == 0 { 1.0 } else { r[j - 1] }).collect::<Vec<f64>>();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut basis = [column(0), column(1), column(2)];
    for j in 0..3 {
        let (done, rest) = basis.split_at_mut(j);
        let q = &mut rest[0];
        let before = dot(q, q).sqrt();
        for other in done.iter().chain(done.iter()) {
            let along = dot(q, other);
            q.iter_mut().zip(other).for_each(|(q, o)| *q -= along * o);
        }
        let length = dot(q, q).sqrt();
        let factor = if length > DEPENDENT * before { 1.0 / length } else { 0.0 };
        q.iter_mut().for_each(|q| *q *= factor);
    }
    basis
}

struct Interpolate {
    stencils: Arc<Stencils>,
    weights: Vec<f32>,
}

impl Op for Interpolate {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let (u, c, stencils) = (inputs[0], inputs[1], &*self.stencils);
        let width = u.shape()[1];
        let for_u = || {
            let mut out = Tensor::zeros(u.shape());
            for (point, g) in g.data().chunks_exact(width).enumerate() {
                for k in stencils.members(point) {
                    let row = &mut out.data_mut()[stencils.places[k] as usize * width..][..width];
                    row.iter_mut().zip(g).for_each(|(out, g)| *out += self.weights[k] * g);
                }
            }
            out
        };
        let for_c = || {
            let at = |k: usize| &u.data()[stencils.places[k] as usize * width..][..width];
            let mut slopes = vec![0.0; c.len()];
            let mut out = Vec::with_capacity(c.len());
            let mut projected = Vec::new();
            for (point, g) in g.data().chunks_exact(width).enumerate() {
                for k in stencils.members(point) {
                    slopes[k] = at(k).iter().zip(g).map(|(u, g)| u * g).sum();
                }
                stencils.project(stencils.members(point), &slopes, &mut projected);
                out.extend_from_slice(&projected);
            }
            Tensor::new(c.shape(), out)
        };
        vec![wanted[0].then(for_u), wanted[1].then(for_c)]
    }
}

/// As [`interpolate`] with c = 0.
pub(super) fn apply(u: &Var, stencils: &Arc<Stencils>) -> Var {
    interpolate(u, &Var::constant(stencils.no_correction()), stencils)
}

/// v = Σ w u at every point: u `[nodes, C]`, c a number for each member.
pub fn interpolate(u: &Var, c: &Var, stencils: &Arc<Stencils>) -> Var {
    let [_, width] = u.shape()[..] else { panic!("one row a node, not {:?}", u.shape()) };
    assert_eq!(c.value().len(), stencils.places.len(), "one correction a member");
    let weights = stencils.weights(c.value().data());
    let mut v = Tensor::zeros(&[stencils.points(), width]);
    for (point, v) in v.data_mut().chunks_exact_mut(width).enumerate() {
        for k in stencils.members(point) {
            let row = &u.value().data()[stencils.places[k] as usize * width..][..width];
            v.iter_mut().zip(row).for_each(|(v, u)| *v += weights[k] * u);
        }
    }
    Var::result(&[u, c], v, Interpolate { stencils: stencils.clone(), weights })
}

/// The perceptron behind c.
#[derive(Debug, Clone)]
pub struct Interpolation {
    layers: [Param; 4],
}

impl Interpolation {
    /// With random weights; c is 0 at first, so that it begins as linear interpolation.
    pub fn new(name: &str, rng: &mut impl Rng) -> Self {
        let param = |part: &str, value| Param { name: format!("{name}.{part}"), value };
        let bound = (6.0 / (FEATURES + HIDDEN) as f32).sqrt();
        Interpolation {
            layers: [
                param("hidden.weight", Tensor::uniform(&[FEATURES, HIDDEN], bound, rng)),
                param("hidden.bias", Tensor::zeros(&[HIDDEN])),
                param("out.weight", Tensor::zeros(&[HIDDEN, 1])),
                param("out.bias", Tensor::zeros(&[1])),
            ],
        }
    }

    /// u at the points of the stencils.
    pub fn forward(&self, tape: &Tape, u: &Var, stencils: &Arc<Stencils>) -> Var {
        let [w, b, out, shift] = self.layers.each_ref().map(|p| tape.parameter(p));
        let members = stencils.places.len();
        let features = Var::constant(Tensor::new(&[members, FEATURES], stencils.features.clone()));
        let c = linear(&gelu(&linear(&features, &w, &b)), &out, &shift);
        interpolate(u, &reshape(&c, &[members]), stencils)
    }

    /// Shows the parameters.
    pub fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        self.layers.iter_mut().for_each(see);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::shapes::built_in;
    use crate::mesh::topology::edges;
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    /// A square, and the same with its nodes inside moved.
    fn meshes(n: usize) -> (Mesh, Mesh, Neighbours) {
        let fixed = built_in(&format!("square:{n}")).unwrap().unwrap();
        let mut moved = fixed.clone();
        for p in &mut moved.points {
            let bump = (std::f64::consts::PI * p[0]).sin() * (std::f64::consts::PI * p[1]).sin();
            (p[0], p[1]) = (p[0] + 0.1 * bump, p[1] - 0.07 * bump);
        }
        let neighbours = Neighbours::new(fixed.points.len(), &edges(&fixed).vertices);
        (fixed, moved, neighbours)
    }

    /// Corrections as large as the weights themselves.
    fn random(stencils: &Stencils, seed: u64) -> Var {
        Var::constant(Tensor::normal(&[stencils.places.len()], &mut Pcg64::seed_from_u64(seed)))
    }

    fn values(mesh: &Mesh, f: impl Fn(f64, f64) -> f64) -> Var {
        let data = mesh.points.iter().map(|p| f(p[0], p[1]) as f32).collect();
        Var::constant(Tensor::new(&[mesh.points.len(), 1], data))
    }

    #[test]
    fn weights_are_a_partition_of_unity_and_linear_functions_exact() {
        let (fixed, moved, neighbours) = meshes(9);
        for (from, to) in [(&fixed, &moved), (&moved, &fixed), (&fixed, &fixed)] {
            let stencils = Arc::new(Stencils::new(&Locator::new(from.clone()), &neighbours, &to.points));
            let c = random(&stencils, 1);
            let weights = stencils.weights(c.value().data());
            for point in 0..stencils.points() {
                let sum: f32 = weights[stencils.members(point)].iter().sum();
                assert!((sum - 1.0).abs() < 1e-5, "{sum}");
            }
            let line = |x: f64, y: f64| 1.0 - 2.0 * x + 0.5 * y;
            let cubic = Arc::new(Stencils::cubic(&Locator::new(from.clone()), 10, &to.points));
            for (stencils, c) in [(&stencils, c), (&cubic, Var::constant(cubic.no_correction()))] {
                let v = interpolate(&values(from, line), &c, stencils);
                for (v, p) in v.value().data().iter().zip(&to.points) {
                    assert!((f64::from(*v) - line(p[0], p[1])).abs() < 1e-5, "{v} at {p:?}");
                }
            }
        }
    }

    #[test]
    fn cubics_are_of_fourth_order_and_sides_keep_to_themselves() {
        let wave = |x: f64, y: f64| (3.0 * x).sin() * (2.0 * y).cos();
        // 1 inside, 0 on the sides.
        let inside = |x: f64, y: f64| f64::from(x.min(y).min(1.0 - x).min(1.0 - y) > 1e-9);
        let error = |n: usize| {
            let (fixed, moved, _) = meshes(n);
            let way =
                |from: &Mesh, to: &Mesh| Arc::new(Stencils::cubic(&Locator::new(from.clone()), n + 1, &to.points));
            let go = |u: &Var, way: &Arc<Stencils>| apply(u, way);
            let (there, back) = (way(&fixed, &moved), way(&moved, &fixed));
            let u = values(&fixed, wave);
            let again = go(&go(&u, &there), &back);
            let sides = go(&values(&fixed, inside), &there);
            for (u, p) in sides.value().data().iter().zip(&moved.points) {
                assert!(inside(p[0], p[1]) > 0.0 || u.abs() < 1e-6, "{u} at {p:?}");
            }
            let off = again.value().data().iter().zip(u.value().data()).map(|(a, b)| f64::from(a - b).abs());
            off.fold(0.0, f64::max)
        };
        let errors = [8, 16, 32].map(error);
        let orders: Vec<f64> = errors.windows(2).map(|e| (e[0] / e[1]).log2()).collect();
        assert!(orders.iter().all(|o| *o > 3.5), "{errors:?} {orders:?}");
    }

    #[test]
    fn where_the_lattice_is_crumpled_triangles_stand_in_for_cubics() {
        let (mut crumpled, _, _) = meshes(6);
        let mut rng = Pcg64::seed_from_u64(2);
        crumpled.points.iter_mut().for_each(|p| *p = [rng.random(), rng.random(), 0.0]);
        let points: Vec<[f64; 3]> = (0..50).map(|_| [rng.random(), rng.random(), 0.0]).collect();
        let stencils = Stencils::cubic(&Locator::new(crumpled), 7, &points);
        let members = |k: usize| stencils.members(k);
        assert!((0..50).all(|k| (stencils.base[members(k)].iter().sum::<f32>() - 1.0).abs() < 1e-3));
        assert!((0..50).any(|k| members(k).len() == 3) && (0..50).any(|k| members(k).len() == 16));
    }

    #[test]
    fn there_and_back_is_of_second_order_whatever_was_learned() {
        let wave = |x: f64, y: f64| (3.0 * x).sin() * (2.0 * y).cos();
        for learned in [0.0, 0.3] {
            let error = |n: usize| {
                let (fixed, moved, neighbours) = meshes(n);
                let way = |from: &Mesh, to: &Mesh| {
                    Arc::new(Stencils::new(&Locator::new(from.clone()), &neighbours, &to.points))
                };
                let (there, back) = (way(&fixed, &moved), way(&moved, &fixed));
                // The same correction for the same relative place, as a net would give.
                let c = |s: &Stencils| {
                    let all = s.features.chunks_exact(FEATURES).map(|f| learned * (2.0 * f[0] - f[1] + f[2]).sin());
                    Var::constant(Tensor::new(&[s.places.len()], all.collect()))
                };
                let u = values(&fixed, wave);
                let again = interpolate(&interpolate(&u, &c(&there), &there), &c(&back), &back);
                let square = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
                let sum: f64 = again.value().data().iter().zip(u.value().data()).map(square).sum();
                (sum / fixed.points.len() as f64).sqrt()
            };
            let errors = [8, 16, 32].map(error);
            let orders: Vec<f64> = errors.windows(2).map(|e| (e[0] / e[1]).log2()).collect();
            assert!(orders.iter().all(|o| (o - 2.0).abs() < 0.25), "{learned}: {errors:?} {orders:?}");
        }
    }

    #[test]
    fn gradients_are_the_limits_of_differences() {
        let (fixed, moved, neighbours) = meshes(4);
        let stencils = Arc::new(Stencils::new(&Locator::new(fixed.clone()), &neighbours, &moved.points));
        let mut rng = Pcg64::seed_from_u64(5);
        let u = Tensor::normal(&[25, 2], &mut rng);
        let c = Tensor::normal(&[stencils.places.len()], &mut rng);
        let loss = |u: &Var, c: &Var| {
            let v = interpolate(u, c, &stencils);
            crate::nn::ops::sum(&crate::nn::ops::mul(&v, &v))
        };
        let leaves = [Var::leaf(u.clone()), Var::leaf(c.clone())];
        let gradients = loss(&leaves[0], &leaves[1]).backward();
        for (which, leaf) in leaves.iter().enumerate() {
            let gradient = gradients.of(leaf).unwrap();
            let direction = Tensor::normal(gradient.shape(), &mut rng);
            let along: f64 = gradient.data().iter().zip(direction.data()).map(|(a, b)| f64::from(a * b)).sum();
            let at = |t: f32| {
                let mut inputs = [u.clone(), c.clone()];
                inputs[which].data_mut().iter_mut().zip(direction.data()).for_each(|(x, d)| *x += t * d);
                let [u, c] = inputs.map(Var::constant);
                f64::from(loss(&u, &c).value().item())
            };
            // The loss is quadratic in each: central differences are exact but for rounding.
            let difference = (at(0.5) - at(-0.5)) / 1.0;
            assert!((along - difference).abs() < 1e-4 * difference.abs().max(1.0), "{which}: {along} {difference}");
        }
    }

    #[test]
    fn corners_of_three_nodes_are_interpolated_linearly() {
        let (fixed, _, neighbours) = meshes(1);
        let locator = Locator::new(fixed.clone());
        // At (1, 0) the patch is one triangle.
        let stencils = Stencils::new(&locator, &neighbours, &[[0.9, 0.05, 0.0]]);
        assert_eq!(stencils.places.len(), 3);
        let weights = stencils.weights(&[5.0, -3.0, 1.0]);
        assert!(weights.iter().zip(&stencils.base).all(|(w, b)| (w - b).abs() < 1e-5), "{weights:?}");
    }
}
