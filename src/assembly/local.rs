//! The weak form on one cell: ∫_K k ∇φ_a·∇φ_b + c φ_a φ_b and ∫_K f φ_a.
//!
//! Because Σ_i ∇λ_i = 0, the stiffness entry is a sum over the cell's edges e = (i, j):
//!
//! K_ab = Σ_q Σ_e s_e(x_q) w_q d_e φ_a(x_q) d_e φ_b(x_q),  s_e = −|K| ∇λ_i·k ∇λ_j,  d_e φ = ∂φ/∂λ_i − ∂φ/∂λ_j.
//!
//! The couplings s_e (cotangents for k = 1 in the plane) are computed once a cell; the rest is the same for all cells.
//! A rule of degree 2(p − 1) keeps the order of the method for smooth k (Ciarlet 1978, theorem 4.1.6); one of degree 2p is
//! used for c and f. Slopes of degree 1 are constant, so there k enters by its cell mean.

use super::coefficient::{CellValues, corners, show};
use super::element::{Geometry, Table, dot, local_edges, place};
use super::problem::{Conductivity, Poisson, tensor_entry};
use super::quadrature::Rule;
use crate::error::{Error, Result};
use crate::mesh::Mesh;
use crate::prefetch::prefetch;
use rayon::prelude::*;

/// The conductivity on the cells.
pub(super) enum CellConductivity {
    Scalar(CellValues),
    Tensor([CellValues; 6]),
}

/// w_q d_e φ_a d_e φ_b for all a, b and edges e, at one quadrature point or summed over them.
type Reference<const N: usize> = Box<[[[f64; 6]; N]; N]>;

/// Everything needed to integrate over any cell of the mesh.
pub(super) struct LocalForm<const V: usize, const N: usize> {
    /// For each cell: |K|, then the couplings s_e, for each point of the stiffness rule where k varies within cells.
    cells: Vec<f64>,
    /// One for each set of couplings.
    reference: Vec<Reference<N>>,
    mass: Table<V, N>,
    /// Σ_q w_q φ_a: the mean of each basis function.
    mean: [f64; N],
    c: Option<CellValues>,
    f: CellValues,
}

impl<const V: usize, const N: usize> LocalForm<V, N> {
    const EDGES: usize = V * (V - 1) / 2;

    pub fn new(mesh: &Mesh, problem: &Poisson) -> Result<Self> {
        let stiffness = Table::<V, N>::new(2);
        let mass = Table::<V, N>::new(2 * problem.degree);
        let k = CellConductivity::new(&problem.conductivity, mesh, &stiffness.rule)?;
        check_positive::<V>(&k, mesh, &stiffness.rule)?;
        let k = if N == V { k.averaged(&stiffness.rule.weights) } else { k };
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
        let reference = references(&stiffness, k.varies_within_cells());
        let cells = couplings::<V>(mesh, &k, reference.len());
        Ok(LocalForm { cells, reference, mean: means(&mass), mass, c, f })
    }

    /// The form of the mass matrix: k = 0, c = 1, f = 0.
    pub fn mass(mesh: &Mesh, degree: usize) -> Self {
        let k = CellConductivity::Scalar(CellValues::Uniform(0.0));
        LocalForm {
            cells: couplings::<V>(mesh, &k, 1),
            reference: references(&Table::<V, N>::new(2), false),
            mean: [0.0; N], // only a source asks for it
            mass: Table::new(2 * degree),
            c: Some(CellValues::Uniform(1.0)),
            f: CellValues::Uniform(0.0),
        }
    }

    /// The numbers of cell `c`: |K| and the couplings.
    #[inline]
    fn cell(&self, c: usize) -> (f64, &[f64]) {
        let stride = 1 + Self::EDGES * self.reference.len();
        let numbers = &self.cells[c * stride..(c + 1) * stride];
        (numbers[0], &numbers[1..])
    }

    /// Fetches what [`row`](Self::row) needs of cell `c`.
    #[inline]
    pub fn prefetch(&self, c: usize) {
        prefetch(self.cells.as_ptr(), c * (1 + Self::EDGES * self.reference.len()));
    }

    /// Row `a` of the matrix of cell `c`, and its load ∫ f φ_a.
    #[inline]
    pub fn row(&self, c: usize, a: usize, row: &mut [f64; N]) -> f64 {
        let (measure, couplings) = self.cell(c);
        *row = [0.0; N];
        if N == V {
            // Slopes ±1: each edge at vertex a couples it to the other end.
            for (s, &[i, j]) in couplings.iter().zip(local_edges(V)) {
                if i == a || j == a {
                    row[i + j - a] = -s;
                    row[a] += s;
                }
            }
        } else {
            self.add_stiffness(couplings, a, row);
        }
        if let (None, CellValues::Uniform(f)) = (&self.c, &self.f) {
            return f * measure * self.mean[a];
        }
        let mut load = 0.0;
        for (q, w) in self.mass.rule.weights.iter().enumerate() {
            let phi = &self.mass.value[q];
            let weight = w * measure * phi[a];
            load += weight * self.f.at(c, q);
            if let Some(reaction) = &self.c {
                let weight = weight * reaction.at(c, q);
                for (entry, phi) in row.iter_mut().zip(phi) {
                    *entry += weight * phi;
                }
            }
        }
        load
    }

    /// Row `a` of the stiffness, added to `row`.
    #[inline]
    fn add_stiffness(&self, couplings: &[f64], a: usize, row: &mut [f64; N]) {
        for (s, reference) in couplings.chunks_exact(Self::EDGES).zip(&self.reference) {
            for (entry, reference) in row.iter_mut().zip(&reference[a]) {
                for e in 0..Self::EDGES {
                    *entry += s[e] * reference[e];
                }
            }
        }
    }

    /// ∫ f and ∫ |f| over cell `c`.
    pub fn source_integrals(&self, c: usize) -> [f64; 2] {
        let (measure, _) = self.cell(c);
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
        let (measure, _) = self.cell(c);
        self.mean.map(|mean| measure * mean)
    }
}

fn means<const V: usize, const N: usize>(table: &Table<V, N>) -> [f64; N] {
    std::array::from_fn(|a| table.rule.weights.iter().zip(&table.value).map(|(w, phi)| w * phi[a]).sum())
}

/// One reference for all quadrature points, or one for each.
fn references<const V: usize, const N: usize>(table: &Table<V, N>, each: bool) -> Vec<Reference<N>> {
    let mut references: Vec<Reference<N>> = Vec::new();
    for (q, w) in table.rule.weights.iter().enumerate() {
        if each || q == 0 {
            references.push(Box::new([[[0.0; 6]; N]; N]));
        }
        let last = references.len() - 1;
        let slope = &table.slope[q];
        for (e, &[i, j]) in local_edges(V).iter().enumerate() {
            for a in 0..N {
                for b in 0..N {
                    references[last][a][b][e] += w * (slope[a][i] - slope[a][j]) * (slope[b][i] - slope[b][j]);
                }
            }
        }
    }
    references
}

/// |K| and `sets` sets of s_e = −|K| ∇λ_i·k_q ∇λ_j for every cell.
fn couplings<const V: usize>(mesh: &Mesh, k: &CellConductivity, sets: usize) -> Vec<f64> {
    let edges = local_edges(V);
    let mut cells = vec![0.0; mesh.cell_count() * (1 + edges.len() * sets)];
    cells.par_chunks_exact_mut(1 + edges.len() * sets).with_min_len(4096).enumerate().for_each(|(c, numbers)| {
        mesh.prefetch_after(c);
        let geometry = Geometry::<V>::new(&corners(mesh, c));
        numbers[0] = geometry.measure;
        for (q, set) in numbers[1..].chunks_exact_mut(edges.len()).enumerate() {
            for (s, &[i, j]) in set.iter_mut().zip(edges) {
                *s = -geometry.measure * dot(geometry.gradient[i], k.times(c, q, geometry.gradient[j]));
            }
        }
    });
    cells
}

impl CellConductivity {
    /// Cell means in place of values at quadrature points.
    fn averaged(self, weights: &[f64]) -> Self {
        match self {
            CellConductivity::Scalar(k) => CellConductivity::Scalar(k.averaged(weights)),
            CellConductivity::Tensor(k) => CellConductivity::Tensor(k.map(|k| k.averaged(weights))),
        }
    }

    fn varies_within_cells(&self) -> bool {
        let varies = |k: &CellValues| matches!(k, CellValues::PerPoint { .. });
        match self {
            CellConductivity::Scalar(k) => varies(k),
            CellConductivity::Tensor(k) => k.iter().any(varies),
        }
    }

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
