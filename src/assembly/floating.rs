//! Parts of the domain on which u is determined only up to a constant (pure Neumann).
//!
//! On such a part ∫ f + ∫ g must vanish. One degree of freedom is pinned to 0, which keeps A positive definite, and
//! the mean is moved to zero afterwards. A small imbalance, such as a polygon's against its circle's, is spread evenly over f.

use super::local::LocalForm;
use super::rows::{FIXED, Numbering};
use super::space::Space;
use crate::error::{Error, Result};
use crate::mesh::topology::connected_parts;

/// |∫ f + ∫ g| may be this large relative to ∫ |f| + ∫ |g| before the data count as incompatible.
const IMBALANCE: f64 = 0.02;

/// A part of the domain that floats.
#[derive(Debug)]
pub(super) struct Floating {
    /// Which part.
    pub part: usize,
    /// The degree of freedom held at 0 while solving.
    pub pinned: u32,
    /// Its degrees of freedom and ∫ φ_i.
    integrals: Vec<(u32, f64)>,
}

impl Floating {
    /// u <- u - (∫ u) / |part| on the part.
    pub fn remove_mean(&self, u: &mut [f64]) {
        let measure: f64 = self.integrals.iter().map(|(_, m)| m).sum();
        let integral: f64 = self.integrals.iter().map(|&(i, m)| m * u[i as usize]).sum();
        for &(i, _) in &self.integrals {
            u[i as usize] -= integral / measure;
        }
    }
}

/// The unconnected parts of the domain, and those that float.
pub(super) struct Parts {
    pub count: usize,
    of_points: Vec<u32>,
    pub floating: Vec<Floating>,
}

impl Parts {
    pub fn part_of(&self, vertex: u32) -> usize {
        self.of_points[vertex as usize] as usize
    }
}

/// Finds the parts without Dirichlet value (`fixed` is NaN where free), Robin facet or reaction.
pub(super) fn find<const V: usize, const N: usize>(
    form: &LocalForm<V, N>,
    space: &Space,
    fixed: &[f64],
    robin: &[u32],
) -> Parts {
    let mesh = space.mesh;
    let parts = connected_parts(mesh);
    let (count, of_points) = (parts.count, parts.of_points);
    let mut held = vec![false; count];
    for (vertex, &part) in of_points.iter().enumerate() {
        held[part as usize] |= !fixed[vertex].is_nan();
    }
    for &vertex in robin {
        held[of_points[vertex as usize] as usize] = true;
    }
    for c in 0..mesh.cell_count() {
        if held.iter().all(|h| *h) {
            break;
        }
        let part = of_points[mesh.cell(c)[0] as usize] as usize;
        held[part] = held[part] || form.reacts(c);
    }
    let mut floating: Vec<Floating> = (0..count)
        .filter(|&p| !held[p])
        .map(|part| Floating { part, pinned: u32::MAX, integrals: Vec::new() })
        .collect();
    if !floating.is_empty() {
        integrate(form, space, &of_points, &mut floating);
    }
    Parts { count, of_points, floating }
}

/// Fills in ∫ φ_i and the pinned degree of freedom, the lowest-numbered vertex.
fn integrate<const V: usize, const N: usize>(
    form: &LocalForm<V, N>,
    space: &Space,
    of_points: &[u32],
    floating: &mut [Floating],
) {
    let (mut integral, mut part) = (vec![0.0; space.len()], vec![u32::MAX; space.len()]);
    for (c, dofs) in space.cell_dofs.chunks(N).enumerate() {
        for (&dof, m) in dofs.iter().zip(form.basis_integrals(c)) {
            integral[dof as usize] += m;
            part[dof as usize] = of_points[dofs[0] as usize];
        }
    }
    for f in floating {
        f.integrals = (0..space.len() as u32)
            .filter(|&i| part[i as usize] == f.part as u32)
            .map(|i| (i, integral[i as usize]))
            .collect();
        f.pinned = f.integrals.first().map_or(u32::MAX, |(i, _)| *i);
    }
}

/// Checks that the data of each floating part balance and spreads a small remainder over f.
pub(super) fn balance<const V: usize, const N: usize>(
    form: &LocalForm<V, N>,
    space: &Space,
    parts: &Parts,
    flux: &[[f64; 2]],
    numbering: &Numbering,
    b: &mut [f64],
) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    for f in &parts.floating {
        let mut source = [0.0; 2];
        for c in (0..space.mesh.cell_count()).filter(|&c| parts.part_of(space.mesh.cell(c)[0]) == f.part) {
            let [integral, absolute] = form.source_integrals(c);
            source[0] += integral;
            source[1] += absolute;
        }
        let (total, scale) = (source[0] + flux[f.part][0], source[1] + flux[f.part][1]);
        let place = match parts.count {
            1 => String::new(),
            _ => format!(" on the unconnected part {} of the mesh", f.part + 1),
        };
        if total.abs() > IMBALANCE * scale {
            return Err(Error::Problem {
                what: format!(
                    "a pure Neumann problem{place} needs ∫ f + ∫ g = 0, but ∫ f = {:.6e} and ∫ g = {:.6e}, off by {total:.6e}",
                    source[0], flux[f.part][0]
                ),
                help: "balance the source and the boundary flux, or fix u somewhere with --dirichlet or --robin".into(),
            });
        }
        let measure: f64 = f.integrals.iter().map(|(_, m)| m).sum();
        for &(dof, m) in &f.integrals {
            if numbering.unknown[dof as usize] != FIXED {
                b[numbering.unknown[dof as usize] as usize] -= total / measure * m;
            }
        }
        notes.push(format!(
            "pure Neumann{place}: u is determined up to a constant, its mean is set to zero (∫ f + ∫ g = {total:.1e}, spread evenly)"
        ));
    }
    Ok(notes)
}
