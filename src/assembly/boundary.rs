//! Boundary conditions: which facets each holds on, Dirichlet values at nodes, Neumann and Robin integrals.

use super::coefficient::{Coefficient, corners_of, show};
use super::element::{Geometry, Table, place};
use super::problem::{BoundaryCondition, Condition};
use super::rows::{FIXED, Matrix, Numbering};
use super::space::Space;
use crate::error::{Error, Result};
use crate::mesh::topology::boundary_facets_among;
use crate::mesh::{Group, Mesh};
use std::collections::HashSet;

/// A condition with the simplices it holds on.
pub(super) struct Resolved<'p> {
    pub condition: &'p Condition,
    /// Vertices of one simplex.
    pub vertices: usize,
    /// All simplices' vertices, flat.
    pub simplices: Vec<u32>,
}

/// Finds the facets of every condition; `around`: the cells around each vertex.
pub(super) fn resolve<'p>(
    mesh: &Mesh,
    around: &(Vec<u32>, Vec<u32>),
    conditions: &'p [BoundaryCondition],
) -> Result<Vec<Resolved<'p>>> {
    let named: Vec<Option<&Group>> = conditions
        .iter()
        .map(|c| c.group.as_deref().map(|name| find(mesh, name, &c.condition)).transpose())
        .collect::<Result<_>>()?;
    let rest = match named.iter().any(Option::is_none) {
        true => rest_of_boundary(mesh, around, &named),
        false => Vec::new(),
    };
    let resolve = |(c, group): (&'p BoundaryCondition, &Option<&Group>)| match group {
        None => Resolved { condition: &c.condition, vertices: mesh.dimension(), simplices: rest.clone() },
        Some(g) if g.dimension == mesh.dimension() => {
            let simplices = g.members.iter().flat_map(|&c| mesh.cell(c as usize)).copied().collect();
            Resolved { condition: &c.condition, vertices: g.dimension + 1, simplices }
        }
        Some(g) => Resolved { condition: &c.condition, vertices: g.dimension + 1, simplices: g.members.clone() },
    };
    Ok(conditions.iter().zip(&named).map(resolve).collect())
}

/// The group of that name the condition can hold on: facets for Neumann and Robin, anything for Dirichlet, facets first.
fn find<'m>(mesh: &'m Mesh, name: &str, condition: &Condition) -> Result<&'m Group> {
    let facets = mesh.dimension() - 1;
    let mut candidates: Vec<&Group> = mesh.groups.iter().filter(|g| g.name == name).collect();
    candidates.sort_by_key(|g| g.dimension.abs_diff(facets));
    match candidates.first() {
        None => Err(Error::UnknownGroup {
            name: name.to_string(),
            available: mesh.groups.iter().map(|g| g.name.clone()).collect(),
        }),
        Some(g) if g.dimension != facets && !matches!(condition, Condition::Dirichlet(_)) => Err(Error::Problem {
            what: format!(
                "the group \"{name}\" has dimension {}, and a Neumann or Robin condition needs dimension {facets}",
                g.dimension
            ),
            help: "name a group of boundary facets (filet mesh info lists the groups with their dimensions)".into(),
        }),
        Some(g) => Ok(g),
    }
}

/// Boundary facets in none of the named groups.
fn rest_of_boundary(mesh: &Mesh, around: &(Vec<u32>, Vec<u32>), named: &[Option<&Group>]) -> Vec<u32> {
    let size = mesh.dimension();
    let key = |facet: &[u32]| {
        let mut sorted = [u32::MAX; 3];
        sorted[..size].copy_from_slice(facet);
        sorted.sort_unstable();
        sorted
    };
    let facet_groups = named.iter().flatten().filter(|g| g.dimension + 1 == size);
    let taken: HashSet<[u32; 3]> = facet_groups.flat_map(|g| g.members.chunks(size).map(key)).collect();
    let all = boundary_facets_among(mesh, around);
    if taken.is_empty() {
        return all;
    }
    all.chunks(size).filter(|f| !taken.contains(&key(f))).flatten().copied().collect()
}

/// Writes the Dirichlet values into `fixed` (NaN where free), later conditions over earlier ones.
pub(super) fn dirichlet(space: &Space, resolved: &[Resolved], fixed: &mut [f64]) -> Result<()> {
    for r in resolved {
        let Condition::Dirichlet(g) = r.condition else { continue };
        for simplex in r.simplices.chunks(r.vertices) {
            for dof in simplex_dofs(space, simplex)? {
                let point = space.point(dof as usize);
                let mut value = [0.0];
                g.eval_many("the Dirichlet value", &[point], &mut value)?;
                fixed[dof as usize] = value[0];
            }
        }
    }
    Ok(())
}

fn simplex_dofs(space: &Space, simplex: &[u32]) -> Result<Vec<u32>> {
    space.simplex_dofs(simplex).ok_or_else(|| Error::Mesh {
        what: format!("the boundary simplex with vertices {simplex:?} is not a part of any cell"),
        help: "mesh the boundary and the inside together, so that they share their nodes".into(),
    })
}

/// Where boundary integrals go.
pub(super) struct Target<'a> {
    pub numbering: &'a Numbering,
    pub matrix: &'a mut Matrix,
    pub load: &'a mut [f64],
    /// For each vertex's part of the domain: ∫ g and ∫ |g|, and whether α > 0 somewhere.
    pub flux: Vec<[f64; 2]>,
}

/// Adds ∫ g φ_a and ∫ α φ_a φ_b over the facets of every Neumann and Robin condition.
pub(super) fn natural(
    space: &Space,
    resolved: &[Resolved],
    part: &dyn Fn(u32) -> usize,
    target: &mut Target,
) -> Result<()> {
    for r in resolved {
        let (alpha, g) = match r.condition {
            Condition::Dirichlet(_) => continue,
            Condition::Neumann(g) => (None, g),
            Condition::Robin { alpha, g } => (Some(alpha), g),
        };
        match (r.vertices, space.degree) {
            (1, _) => facets::<1, 1>(space, &r.simplices, alpha, g, part, target)?,
            (2, 1) => facets::<2, 2>(space, &r.simplices, alpha, g, part, target)?,
            (2, _) => facets::<2, 3>(space, &r.simplices, alpha, g, part, target)?,
            (_, 1) => facets::<3, 3>(space, &r.simplices, alpha, g, part, target)?,
            (_, _) => facets::<3, 6>(space, &r.simplices, alpha, g, part, target)?,
        }
    }
    Ok(())
}

fn facets<const V: usize, const N: usize>(
    space: &Space,
    simplices: &[u32],
    alpha: Option<&Coefficient>,
    g: &Coefficient,
    part: &dyn Fn(u32) -> usize,
    target: &mut Target,
) -> Result<()> {
    let table = Table::<V, N>::new(2 * space.degree);
    let mut values = vec![0.0; table.rule.points.len()];
    let mut alphas = vec![0.0; values.len()];
    for simplex in simplices.chunks(V) {
        let dofs = simplex_dofs(space, simplex)?;
        let corners = corners_of::<V>(space.mesh, simplex);
        let measure = Geometry::<V>::new(&corners).measure;
        let points: Vec<_> = table.rule.points.iter().map(|l| place(&corners, l)).collect();
        g.eval_many("the boundary value", &points, &mut values)?;
        if let Some(alpha) = alpha {
            alpha.eval_many("the Robin coefficient", &points, &mut alphas)?;
            if let Some(q) = alphas.iter().position(|a| *a < 0.0) {
                return Err(Error::Problem {
                    what: format!("the Robin coefficient is {} at {}, which is negative", alphas[q], show(points[q])),
                    help: "the matrix stays positive definite only where alpha >= 0".into(),
                });
            }
        }
        for (q, w) in table.rule.weights.iter().enumerate() {
            let (weight, phi) = (w * measure, &table.value[q]);
            let flux = &mut target.flux[part(simplex[0])];
            flux[0] += weight * values[q];
            flux[1] += weight * values[q].abs();
            for a in 0..N {
                let row = target.numbering.unknown[dofs[a] as usize];
                if row == FIXED {
                    continue;
                }
                target.load[row as usize] += weight * values[q] * phi[a];
                for b in (0..N).filter(|_| alphas[q] > 0.0) {
                    let entry = weight * alphas[q] * phi[a] * phi[b];
                    match target.numbering.unknown[dofs[b] as usize] {
                        FIXED => target.load[row as usize] -= entry * target.numbering.fixed[dofs[b] as usize],
                        column => target.matrix.add(row, column, entry),
                    }
                }
            }
        }
    }
    Ok(())
}
