//! The weak form on one cell: ∫_K k ∇φ_a·∇φ_b + c φ_a φ_b and ∫_K f φ_a.
//!
//! With M_q = [∇λ_b · k_q ∇λ_c] (V × V) the stiffness entry is |K| Σ_q w_q (∂φ_a)ᵀ M_q (∂φ_b), ∂φ the barycentric slopes.
//! A rule of degree 2(p − 1) keeps the order of the method for smooth k (Ciarlet 1978, theorem 4.1.6), one of degree 2p is
//! used for c and f. Slopes of degree 1 are constant, so k enters by its cell mean.

use super::coefficient::{CellValues, corners, show};
use super::element::{Geometry, Table, dot, place};
use super::problem::{Conductivity, Poisson, tensor_entry};
use super::quadrature::Rule;
use crate::error::{Error, Result};
use crate::mesh::Mesh;
use rayon::prelude::*;

/// The conductivity on the cells.
pub(super) enum CellConductivity {
    Scalar(CellValues),
    Tensor([CellValues; 6]),
}

/// Everything needed to integrate over any cell of the mesh.
pub(super) struct LocalForm<'m, const V: usize, const N: usize> {
    mesh: &'m Mesh,
    stiffness: Table<V, N>,
    mass: Table<V, N>,
    k: CellConductivity,
    c: Option<CellValues>,
    f: CellValues,
}

impl<'m, const V: usize, const N: usize> LocalForm<'m, V, N> {
    pub fn new(mesh: &'m Mesh, problem: &Poisson) -> Result<Self> {
        let stiffness = Table::<V, N>::new(2);
        let mass = Table::<V, N>::new(2 * problem.degree);
        let k = CellConductivity::new(&problem.conductivity, mesh, &stiffness.rule)?;
        check_positive::<V>(&k, mesh, &stiffness.rule)?;
        let c = match problem.reaction.is_zero() {
            true => None,
            false => Some(problem.reaction.on_cells("the reaction coefficient", mesh, &mass.rule)?),
        };
        if let Some(c) = &c {
            check_each(mesh, &mass.rule, |cell, q| match c.at(cell, q) {
                v if v < 0.0 => Some(format!("the reaction coefficient c is {v}, which is negative,")),
                _ => None,
            })?;
        }
        let f = problem.source.on_cells("the source", mesh, &mass.rule)?;
        let average = |values: CellValues| if N == V { values.averaged(&stiffness.rule.weights) } else { values };
        let k = match k {
            CellConductivity::Scalar(k) => CellConductivity::Scalar(average(k)),
            CellConductivity::Tensor(k) => CellConductivity::Tensor(k.map(average)),
        };
        Ok(LocalForm { mesh, stiffness, mass, k, c, f })
    }

    /// The form of the mass matrix: k = 0, c = 1, f = 0.
    pub fn mass(mesh: &'m Mesh, degree: usize) -> Self {
        LocalForm {
            mesh,
            stiffness: Table::new(2),
            mass: Table::new(2 * degree),
            k: CellConductivity::Scalar(CellValues::Uniform(0.0)),
            c: Some(CellValues::Uniform(1.0)),
            f: CellValues::Uniform(0.0),
        }
    }

    /// Row `a` of the matrix of cell `c`, and its load ∫ f φ_a.
    #[inline]
    pub fn row(&self, c: usize, a: usize, row: &mut [f64; N]) -> f64 {
        let geometry = Geometry::<V>::new(&corners(self.mesh, c));
        *row = [0.0; N];
        if N == V {
            let m = self.metric_row(&geometry, c, 0, |b| f64::from(u8::from(a == b)));
            for b in 0..V {
                row[b] = geometry.measure * m[b];
            }
        } else {
            for (q, w) in self.stiffness.rule.weights.iter().enumerate() {
                let m = self.metric_row(&geometry, c, q, |b| self.stiffness.slope[q][a][b]);
                for b in 0..N {
                    let slope = &self.stiffness.slope[q][b];
                    row[b] += w * geometry.measure * (0..V).map(|i| m[i] * slope[i]).sum::<f64>();
                }
            }
        }
        let mut load = 0.0;
        for (q, w) in self.mass.rule.weights.iter().enumerate() {
            let phi = &self.mass.value[q];
            let weight = w * geometry.measure * phi[a];
            load += weight * self.f.at(c, q);
            if let Some(reaction) = &self.c {
                let weight = weight * reaction.at(c, q);
                for b in 0..N {
                    row[b] += weight * phi[b];
                }
            }
        }
        load
    }

    /// (Σ_b slope_b ∇λ_b)ᵀ k_q ∇λ_i for all i.
    #[inline]
    fn metric_row(&self, geometry: &Geometry<V>, c: usize, q: usize, slope: impl Fn(usize) -> f64) -> [f64; V] {
        let mut g = [0.0; 3];
        for b in 0..V {
            let s = slope(b);
            for i in 0..3 {
                g[i] += s * geometry.gradient[b][i];
            }
        }
        let kg = self.k.times(c, q, g);
        std::array::from_fn(|i| dot(kg, geometry.gradient[i]))
    }

    /// ∫ f and ∫ |f| over cell `c`.
    pub fn source_integrals(&self, c: usize) -> [f64; 2] {
        let measure = Geometry::<V>::new(&corners(self.mesh, c)).measure;
        let mut integrals = [0.0; 2];
        for (q, w) in self.mass.rule.weights.iter().enumerate() {
            let f = self.f.at(c, q);
            integrals[0] += w * measure * f;
            integrals[1] += w * measure * f.abs();
        }
        integrals
    }

    /// Whether c > 0 somewhere in cell `c`.
    pub fn reacts(&self, c: usize) -> bool {
        self.c.as_ref().is_some_and(|r| (0..self.mass.rule.points.len()).any(|q| r.at(c, q) > 0.0))
    }

    /// ∫ φ_a over cell `c`.
    pub fn basis_integrals(&self, c: usize) -> [f64; N] {
        let measure = Geometry::<V>::new(&corners(self.mesh, c)).measure;
        let mut integral = [0.0; N];
        for (w, phi) in self.mass.rule.weights.iter().zip(&self.mass.value) {
            for a in 0..N {
                integral[a] += w * measure * phi[a];
            }
        }
        integral
    }
}

impl CellConductivity {
    /// k at the points of `rule` in every cell.
    pub fn new<const V: usize>(k: &Conductivity, mesh: &Mesh, rule: &Rule<V>) -> Result<Self> {
        Ok(match k {
            Conductivity::Scalar(k) => CellConductivity::Scalar(k.on_cells("the conductivity", mesh, rule)?),
            Conductivity::Tensor(k) => {
                let entry = |i: usize| k[i].on_cells("a conductivity entry", mesh, rule);
                CellConductivity::Tensor([entry(0)?, entry(1)?, entry(2)?, entry(3)?, entry(4)?, entry(5)?])
            }
        })
    }

    /// k g at quadrature point `q` of cell `c`.
    #[inline]
    pub fn times(&self, c: usize, q: usize, g: [f64; 3]) -> [f64; 3] {
        match self {
            CellConductivity::Scalar(k) => g.map(|v| v * k.at(c, q)),
            CellConductivity::Tensor(k) => {
                std::array::from_fn(|i| (0..3).map(|j| k[tensor_entry(i, j)].at(c, q) * g[j]).sum())
            }
        }
    }
}

/// k must be positive (definite) at every quadrature point.
fn check_positive<const V: usize>(k: &CellConductivity, mesh: &Mesh, rule: &Rule<V>) -> Result<()> {
    match k {
        CellConductivity::Scalar(CellValues::Uniform(v)) if *v > 0.0 => Ok(()),
        CellConductivity::Scalar(k) => check_each(mesh, rule, |c, q| match k.at(c, q) {
            v if v > 0.0 => None,
            v => Some(format!("the conductivity is {v}, not positive,")),
        }),
        CellConductivity::Tensor(k) => {
            let dimension = if mesh.is_planar() { mesh.dimension() } else { 3 };
            check_each(mesh, rule, |c, q| {
                let [xx, yy, zz, xy, yz, xz] = std::array::from_fn(|i| k[i].at(c, q));
                let minors = [
                    xx,
                    xx * yy - xy * xy,
                    xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz),
                ];
                minors[..dimension].iter().any(|m| m.is_nan() || *m <= 0.0).then(|| {
                    format!("the conductivity tensor (xx {xx}, yy {yy}, zz {zz}, xy {xy}, yz {yz}, xz {xz}) is not positive definite")
                })
            })
        }
    }
}

/// The first complaint over all quadrature points, with its place, as an error.
fn check_each<const V: usize>(
    mesh: &Mesh,
    rule: &Rule<V>,
    complaint: impl Fn(usize, usize) -> Option<String> + Sync,
) -> Result<()> {
    let found = (0..mesh.cell_count())
        .into_par_iter()
        .with_min_len(1024)
        .find_map_first(|c| (0..rule.points.len()).find_map(|q| complaint(c, q).map(|what| (c, q, what))));
    match found {
        None => Ok(()),
        Some((c, q, what)) => Err(Error::Problem {
            what: format!("{what} at {} in cell {c}", show(place(&corners::<V>(mesh, c), &rule.points[q]))),
            help: "the equation is elliptic only where k > 0 and c >= 0 everywhere".into(),
        }),
    }
}
