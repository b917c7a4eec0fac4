//! From a problem and a mesh to A x = b, and from x back to the solution.

use super::boundary::{self, Resolved, Target};
use super::element::with_element;
use super::floating::{self, Floating};
use super::local::LocalForm;
use super::order::locality_order;
use super::problem::{Condition, Poisson};
use super::rows::{self, FIXED, Numbering};
use super::space::Space;
use crate::error::{Error, Result};
use crate::mesh::Mesh;
use crate::sparse::Csr;
use rayon::prelude::*;

/// A x = b over the unknowns of a problem, with A symmetric positive definite.
#[derive(Debug)]
pub struct System<'m> {
    /// The matrix.
    pub a: Csr,
    /// The right-hand side.
    pub b: Vec<f64>,
    /// The degrees of freedom.
    pub space: Space<'m>,
    /// Unknown -> degree of freedom; unknowns are numbered along a space-filling curve where that brings neighbours closer.
    pub free: Vec<u32>,
    /// What was decided on the way, one sentence each.
    pub notes: Vec<String>,
    fixed: Vec<f64>,
    boundary_load: Vec<f64>,
    floating: Vec<Floating>,
}

impl Poisson {
    /// Assembles the system on `mesh`.
    ///
    /// Errors: an unknown group; a coefficient that is not finite, k ≤ 0, c < 0 or α < 0 (with the place); data of a pure
    /// Neumann problem that do not balance; every degree of freedom fixed.
    pub fn assemble<'m>(&self, mesh: &'m Mesh) -> Result<System<'m>> {
        if self.degree != 1 && self.degree != 2 {
            return Err(Error::Option {
                option: "degree".into(),
                value: self.degree.to_string(),
                what: "elements are of degree 1 or 2".into(),
            });
        }
        with_element!(mesh.kind, self.degree, assemble(self, mesh))
    }
}

fn assemble<'m, const V: usize, const N: usize>(problem: &Poisson, mesh: &'m Mesh) -> Result<System<'m>> {
    let space = Space::new(mesh, problem.degree);
    let around = space.cells_around();
    let resolved = boundary::resolve(mesh, &around, &problem.boundary)?;
    let form = LocalForm::<V, N>::new(mesh, problem)?;
    let mut fixed = vec![f64::NAN; space.len()];
    boundary::dirichlet(&space, &resolved, &mut fixed)?;
    let parts = floating::find(&form, &space, &fixed, &robin_facets(&resolved));
    for floating in &parts.floating {
        fixed[floating.pinned as usize] = 0.0;
    }
    let numbering = number(&space, fixed)?;
    let (mut matrix, load) = rows::assemble(&form, &space, &around, &numbering);
    // What stays when the source changes: eliminated columns and boundary integrals.
    let mut boundary_load = load.lift;
    let flux = vec![[0.0; 2]; parts.count];
    let mut target = Target { numbering: &numbering, matrix: &mut matrix, load: &mut boundary_load, flux };
    boundary::natural(&space, &resolved, &|vertex| parts.part_of(vertex), &mut target)?;
    let flux = target.flux;
    let mut b: Vec<f64> = load.source.iter().zip(&boundary_load).map(|(f, g)| f + g).collect();
    let notes = floating::balance(&form, &space, &parts, &flux, &numbering, &mut b)?;
    let n = numbering.free.len();
    let a = Csr::new(n, n, matrix.indptr, matrix.columns, matrix.values);
    Ok(System {
        a,
        b,
        space,
        notes,
        boundary_load,
        fixed: numbering.fixed,
        free: numbering.free,
        floating: parts.floating,
    })
}

/// Vertices of the facets on which α may be positive.
fn robin_facets(resolved: &[Resolved]) -> Vec<u32> {
    let robin = |r: &&Resolved| matches!(r.condition, Condition::Robin { alpha, .. } if !alpha.is_zero());
    resolved.iter().filter(robin).flat_map(|r| r.simplices.iter().copied()).collect()
}

/// Numbers the degrees of freedom whose value is NaN as unknowns.
fn number(space: &Space, mut fixed: Vec<f64>) -> Result<Numbering> {
    let free: Vec<u32> = (0..fixed.len() as u32).filter(|&i| fixed[i as usize].is_nan()).collect();
    if free.is_empty() {
        return Err(Error::Problem {
            what: format!(
                "all {} degrees of freedom are fixed by Dirichlet conditions: nothing is unknown",
                fixed.len()
            ),
            help: "refine the mesh (--refine 1) or put the condition on fewer groups".into(),
        });
    }
    let free = locality_order(space, free);
    let mut unknown = vec![FIXED; fixed.len()];
    for (i, &dof) in free.iter().enumerate() {
        unknown[dof as usize] = i as u32;
        fixed[dof as usize] = 0.0;
    }
    Ok(Numbering { free, unknown, fixed })
}

impl System<'_> {
    /// Number of unknowns.
    pub fn unknowns(&self) -> usize {
        self.free.len()
    }

    /// Where the unknowns lie.
    pub fn points(&self) -> Vec<[f64; 3]> {
        self.free.par_iter().map(|&dof| self.space.point(dof as usize)).collect()
    }

    /// The values at all degrees of freedom: `x` at the unknowns, the given ones elsewhere, floating parts moved to mean zero.
    pub fn solution(&self, x: &[f64]) -> Vec<f64> {
        let mut u = self.fixed.clone();
        for (&dof, value) in self.free.iter().zip(x) {
            u[dof as usize] = *value;
        }
        for part in &self.floating {
            part.remove_mean(&mut u);
        }
        u
    }

    /// The unknowns' entries of a vector over all degrees of freedom: a starting guess.
    pub fn restrict(&self, u: &[f64]) -> Vec<f64> {
        self.free.iter().map(|&dof| u[dof as usize]).collect()
    }

    /// Replaces the source by f = Σ_j `source[j]` φ_j, boundary data as assembled: b ← boundary terms + M f, with `mass`
    /// from [`Space::mass_matrix`]. Only for problems with no floating part and fixed values zero or unchanged.
    pub fn set_source(&mut self, mass: &Csr, source: &[f64]) {
        for (i, &dof) in self.free.iter().enumerate() {
            let (columns, values) = mass.row(dof as usize);
            let load: f64 = columns.iter().zip(values).map(|(&j, m)| m * source[j as usize]).sum();
            self.b[i] = self.boundary_load[i] + load;
        }
    }
}

impl Space<'_> {
    /// M_ij = ∫ φ_i φ_j over all degrees of freedom.
    pub fn mass_matrix(&self) -> Csr {
        with_element!(self.mesh.kind, self.degree, mass(self))
    }
}

fn mass<const V: usize, const N: usize>(space: &Space) -> Csr {
    let all: Vec<u32> = (0..space.len() as u32).collect();
    let numbering = Numbering { unknown: all.clone(), free: all, fixed: vec![0.0; space.len()] };
    let form = LocalForm::<V, N>::mass(space.mesh, space.degree);
    let (m, _) = rows::assemble(&form, space, &space.cells_around(), &numbering);
    Csr::new(space.len(), space.len(), m.indptr, m.columns, m.values)
}
