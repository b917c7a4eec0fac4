//! Errors against an exact solution, and the gradient and flux of a solution.

use super::coefficient::corners;
use super::element::{Geometry, Table, dot, place, slopes, with_element};
use super::local::CellConductivity;
use super::problem::Poisson;
use super::quadrature::Rule;
use super::space::Space;
use crate::error::Result;
use crate::expression::Expression;
use rayon::prelude::*;

/// ‖u − u_h‖ in two norms.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Errors {
    /// L²: (∫ (u − u_h)²)^½
    pub l2: f64,
    /// H¹: (∫ (u − u_h)² + |∇u − ∇u_h|²)^½
    pub h1: f64,
}

/// Cells integrated together; block sums are added in order.
const BLOCK: usize = 1024;

impl Errors {
    /// The errors of `u` (all degrees of freedom) against `exact`, by quadrature of degree 6.
    pub fn of(space: &Space, u: &[f64], exact: &Expression) -> Errors {
        with_element!(space.mesh.kind, space.degree, errors(space, u, exact))
    }
}

fn errors<const V: usize, const N: usize>(space: &Space, u: &[f64], exact: &Expression) -> Errors {
    let table = Table::<V, N>::new(6);
    let flat = V == 3 && space.mesh.is_planar() && !exact.depends_on(2);
    let cell = |c: usize| {
        let p = corners::<V>(space.mesh, c);
        let geometry = Geometry::new(&p);
        let dofs = &space.cell_dofs[c * N..(c + 1) * N];
        let mut sums = [0.0; 2];
        for (q, w) in table.rule.weights.iter().enumerate() {
            let jet = exact.jet(place(&p, &table.rule.points[q]));
            let uh: f64 = (0..N).map(|a| u[dofs[a] as usize] * table.value[q][a]).sum();
            let gradient = gradient(&geometry, &table.slope[q], dofs, u);
            // In a space of the cell's own dimension the exact gradient is tangential already.
            let exact = if V == 4 || flat { jet.gradient } else { tangential(&geometry, jet.gradient) };
            let difference: f64 = (0..3).map(|i| (exact[i] - gradient[i]).powi(2)).sum();
            sums[0] += w * geometry.measure * (jet.value - uh).powi(2);
            sums[1] += w * geometry.measure * difference;
        }
        sums
    };
    let cells: Vec<usize> = (0..space.mesh.cell_count()).collect();
    let blocks: Vec<[f64; 2]> = cells
        .par_chunks(BLOCK)
        .map(|block| block.iter().map(|&c| cell(c)).fold([0.0; 2], |s, t| [s[0] + t[0], s[1] + t[1]]))
        .collect();
    let [l2, semi] = blocks.iter().fold([0.0; 2], |s, t| [s[0] + t[0], s[1] + t[1]]);
    Errors { l2: l2.sqrt(), h1: (l2 + semi).sqrt() }
}

/// The part of `g` within the cell's own plane or line, by Gram-Schmidt on the ∇λ, which span it.
fn tangential<const V: usize>(geometry: &Geometry<V>, g: [f64; 3]) -> [f64; 3] {
    let mut basis: Vec<[f64; 3]> = Vec::with_capacity(V - 1);
    let mut out = [0.0; 3];
    for a in 1..V {
        let mut v = geometry.gradient[a];
        for b in &basis {
            let along = dot(v, *b);
            (0..3).for_each(|i| v[i] -= along * b[i]);
        }
        let norm = dot(v, v).sqrt();
        let unit = v.map(|x| x / norm);
        let along = dot(g, unit);
        (0..3).for_each(|i| out[i] += along * unit[i]);
        basis.push(unit);
    }
    out
}

/// ∇u_h from the barycentric slopes at one point of a cell.
fn gradient<const V: usize, const N: usize>(
    geometry: &Geometry<V>,
    slope: &[[f64; V]; N],
    dofs: &[u32],
    u: &[f64],
) -> [f64; 3] {
    let mut along = [0.0; V];
    for a in 0..N {
        let value = u[dofs[a] as usize];
        (0..V).for_each(|b| along[b] += value * slope[a][b]);
    }
    std::array::from_fn(|i| (0..V).map(|b| along[b] * geometry.gradient[b][i]).sum())
}

/// The flux −k ∇u_h at the middle of every cell, three numbers each, from [`cell_gradients`].
///
/// Errors: a conductivity that is not finite somewhere, with the point.
pub fn cell_fluxes(space: &Space, problem: &Poisson, gradients: &[f64]) -> Result<Vec<f64>> {
    with_element!(space.mesh.kind, space.degree, fluxes(space, problem, gradients))
}

fn fluxes<const V: usize, const N: usize>(space: &Space, problem: &Poisson, gradients: &[f64]) -> Result<Vec<f64>> {
    let middle = Rule { points: vec![[1.0 / V as f64; V]], weights: vec![1.0] };
    let k = CellConductivity::new(&problem.conductivity, space.mesh, &middle)?;
    let mut out = gradients.to_vec();
    out.par_chunks_mut(3).with_min_len(BLOCK).enumerate().for_each(|(c, g)| {
        g.copy_from_slice(&k.times(c, 0, [-g[0], -g[1], -g[2]]));
    });
    Ok(out)
}

/// ∇u_h at the middle of every cell, three numbers each.
pub fn cell_gradients(space: &Space, u: &[f64]) -> Vec<f64> {
    with_element!(space.mesh.kind, space.degree, gradients(space, u))
}

fn gradients<const V: usize, const N: usize>(space: &Space, u: &[f64]) -> Vec<f64> {
    let middle = slopes::<V, N>(&[1.0 / V as f64; V]);
    let mut out = vec![0.0; 3 * space.mesh.cell_count()];
    out.par_chunks_mut(3 * BLOCK).enumerate().for_each(|(block, out)| {
        for (i, out) in out.chunks_mut(3).enumerate() {
            let c = block * BLOCK + i;
            space.mesh.prefetch_after(c);
            let geometry = Geometry::new(&corners::<V>(space.mesh, c));
            out.copy_from_slice(&gradient(&geometry, &middle, &space.cell_dofs[c * N..(c + 1) * N], u));
        }
    });
    out
}
