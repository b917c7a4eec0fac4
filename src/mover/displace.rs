//! Prescribed boundary motion: groups move as told, the other boundary stays, the inside follows.
//!
//! The displacement is harmonic, −Δu = 0 for each component with its boundary values (the Laplacian smoothing of W. Jones and J. Menon
//! and of most moving-boundary codes), made in steps: where a step would fold a cell it is halved, and each begins with a mesh that
//! the variational functional has evened out, the boundary held, once steps become short.

use super::variational::{VariationalConfig, minimise};
use super::{BoundaryConfig, check_mesh};
use crate::assembly::{BoundaryCondition, Coefficient, Condition, Poisson};
use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::mesh::Mesh;
use crate::solver::{SolverConfig, StopRule, unobserved};

/// The shortest part of the whole motion that is tried as one step.
const SHORTEST: f64 = 1.0 / 256.0;
/// Steps shorter than this are followed by smoothing.
const SHORT: f64 = 0.5;

/// Moves the nodes of each group by the vector given for it as expressions of the place before; the rest of the boundary stays.
///
/// Errors: an unknown group; a displacement that is not finite; one that no mesh with these cells can follow.
pub fn displace(mesh: &Mesh, moves: &[(String, [Expression; 3])]) -> Result<Mesh> {
    check_mesh(mesh)?;
    let d = mesh.dimension();
    let whole = harmonic(mesh, moves)?;
    let smallest = |mesh: &Mesh| (0..mesh.cell_count()).map(|c| mesh.signed_volume(c)).fold(f64::INFINITY, f64::min);
    let shifted = |from: &Mesh, part: f64| {
        let mut out = from.clone();
        for (v, p) in out.points.iter_mut().enumerate() {
            (0..d).for_each(|k| p[k] += part * whole[k][v]);
        }
        out
    };
    let names: Vec<String> = mesh.groups.iter().filter(|g| g.dimension + 1 == d).map(|g| g.name.clone()).collect();
    let smoothing = VariationalConfig {
        max_iterations: 30,
        boundary: BoundaryConfig { fixed: names, ..BoundaryConfig::default() },
        ..VariationalConfig::default()
    };
    let (mut at, mut done, mut step) = (mesh.clone(), 0.0, 1.0);
    while done < 1.0 {
        let next = shifted(&at, f64::min(step, 1.0 - done));
        if smallest(&next) > 0.0 {
            done += step;
            at = next;
            if step < SHORT {
                // Cells keep the shape they had at first as far as the boundary lets them.
                at = minimise(&smoothing, mesh, at, &|_: [f64; 3]| 1.0)?.mesh;
            }
        } else if step <= SHORTEST {
            return Err(Error::Mesh {
                what: format!(
                    "the boundary can be displaced by {:.1} % of what is asked before cells fold",
                    100.0 * done
                ),
                help: "displace it less, or take a finer mesh of the domain as it is then".into(),
            });
        } else {
            step *= 0.5;
        }
    }
    Ok(at)
}

/// The components of the harmonic displacement at all points.
fn harmonic(mesh: &Mesh, moves: &[(String, [Expression; 3])]) -> Result<Vec<Vec<f64>>> {
    let component = |k: usize| {
        let on = |(group, move_by): &(String, [Expression; 3])| BoundaryCondition {
            group: Some(group.clone()),
            condition: Condition::Dirichlet(Coefficient::from(move_by[k].clone())),
        };
        // The later condition holds where two meet: what is moved wins over what stays.
        let mut boundary =
            vec![BoundaryCondition { group: None, condition: Condition::Dirichlet(Coefficient::from(0.0)) }];
        boundary.extend(moves.iter().map(on));
        let system = Poisson { boundary, ..Poisson::default() }.assemble(mesh)?;
        let config = SolverConfig { stop: StopRule { rtol: 1e-10, ..StopRule::default() }, ..SolverConfig::default() };
        let mut x = vec![0.0; system.unknowns()];
        let mut solver = config.build(&system.a, mesh.dimension())?;
        solver.solve(&system.a, &system.b, &mut x, &mut unobserved)?.require_converged()?;
        Ok(system.solution(&x))
    };
    (0..mesh.dimension()).map(component).collect()
}
