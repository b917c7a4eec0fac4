//! A finite element solution to measure errors by, where a problem gives no exact one.
//!
//! An equation a Δu = c u − f with u given on all of the boundary, hard or softly, is −Δu + (c / a) u = f / a: elements of degree 2. On a
//! rectangle they are a lattice of triangles, whose vertices are the points of the error's grid ([`referee`](super::referee)) with
//! [`REFERENCE_CELLS`] along a side; where a mesh gave the domain, its uniform refinement, linear between vertices. What equation and
//! conditions are is read off their residuals: r at u = 0 and its partial derivatives, which do not depend on u where they are linear.

use super::grid::Grid;
use super::{Domain, Function, Part, Problem, Residual, Site};
use crate::assembly::{Coefficient, Poisson};
use crate::error::Result;
use crate::mesh::topology::boundary_facets;
use crate::mesh::{Locator, Mesh, refine, shapes};
use crate::solver::{SolverConfig, StopRule, unobserved};
use std::sync::Arc;

/// Cells along a side of the error's grid.
pub const REFERENCE_CELLS: usize = 255;
/// Relative difference that is rounding.
const SAME: f64 = 1e-9;
/// Relative residual of the linear solve.
const TOLERANCE: f64 = 1e-11;

/// A residual at x with all channels of u alike, and its partial derivatives.
fn read(problem: &Problem, residual: &dyn Residual, x: &[f64], u: f64) -> (f64, Vec<f64>) {
    let channels = problem.channels();
    let mut partials = vec![0.0; channels];
    let site = Site { x, normal: &[0.0; 2] };
    (residual.residual(site, &vec![u; channels], &[], &mut partials), partials)
}

/// a, c and f of a linear equation a Δu = c u − f at x; `None` where it is another equation.
fn coefficients(problem: &Problem, x: &[f64]) -> Option<[f64; 3]> {
    let read = |u: f64| read(problem, &*problem.equation, x, u);
    let ((r, partials), (_, others)) = (read(0.0), read(0.7));
    let mut second = [[0.0; 2]; 2];
    for (form, p) in problem.forms.iter().zip(&partials[3..]) {
        form.0.iter().for_each(|&(i, j, w)| second[i.min(j)][i.max(j)] += w * p);
    }
    let a = second[0][0];
    let close = |v: f64, w: f64| (v - w).abs() <= SAME * a.abs();
    let is_linear = partials.iter().zip(&others).all(|(p, q)| close(*p, *q));
    let is_laplacian =
        close(second[1][1], a) && close(second[0][1], 0.0) && partials[1..3].iter().all(|p| close(*p, 0.0));
    // r = a Δu + partials[0] u + r(0)
    (a != 0.0 && is_linear && is_laplacian && -partials[0] / a >= 0.0).then_some([a, -partials[0], r])
}

/// Triangles that carry the solution: `cells`² rectangles of two each on a box, or the problem's own mesh, refined until it has as many
/// vertices; `None` where there is neither.
fn carrier(problem: &Problem, cells: usize) -> Result<Option<Mesh>> {
    if let Some(mesh) = &problem.mesh {
        let mut mesh = refine(mesh)?;
        while mesh.points.len() < cells * cells {
            mesh = refine(&mesh)?;
        }
        return Ok(Some(mesh));
    }
    let Domain::Box(sides) = &problem.domain else { return Ok(None) };
    let Ok(bounds) = <[[f64; 2]; 2]>::try_from(sides.as_slice()) else { return Ok(None) };
    let mut mesh = shapes::built_in(&format!("square:{cells}")).transpose()?;
    for p in mesh.iter_mut().flat_map(|mesh| &mut mesh.points) {
        (0..2).for_each(|i| p[i] = bounds[i][0] + p[i] * (bounds[i][1] - bounds[i][0]));
    }
    Ok(mesh)
}

/// u at the vertices on the boundary, 0 elsewhere: by a hard condition whose distance vanishes there, or by one soft condition u = g on
/// all of it; `None` where conditions are others.
fn boundary_values(problem: &Problem, mesh: &Mesh) -> Option<Vec<f64>> {
    let mut values = vec![0.0; mesh.points.len()];
    let mut boundary = boundary_facets(mesh);
    boundary.sort_unstable();
    boundary.dedup();
    let at = |v: u32| &mesh.points[v as usize][..2];
    let channels = problem.channels();
    match (&problem.lift, &problem.conditions[..]) {
        (Some(_), []) => {
            let distance = |x: &[f64]| problem.lifts(x)[channels].abs();
            let inside = mesh.points.iter().map(|p| distance(&p[..2])).fold(0.0, f64::max);
            if boundary.iter().any(|v| distance(at(*v)) > SAME * inside) {
                return None;
            }
            boundary.iter().for_each(|v| values[*v as usize] = problem.lifts(at(*v))[0]);
        }
        (None, [condition]) if condition.part == Part::Whole => {
            for v in boundary {
                let read = |u: f64| read(problem, &*condition.residual, at(v), u);
                let ((r, partials), (_, others)) = (read(0.0), read(0.7));
                if partials[0] == 0.0 || partials != others || partials[1..].iter().any(|p| *p != 0.0) {
                    return None;
                }
                values[v as usize] = -r / partials[0];
            }
        }
        _ => return None,
    }
    Some(values)
}

/// The finite element solution of a problem in the plane, on [`cells`² rectangles](REFERENCE_CELLS), at least 3², or on the refined mesh of its
/// domain; `None` where its equation, domain or conditions are of another kind.
///
/// Errors: those of the linear solve.
pub fn finite_element_solution(problem: &Problem, cells: usize) -> Result<Option<Function>> {
    if problem.dimension() != 2 || !problem.unknowns.is_empty() || problem.periodic.contains(&true) {
        return Ok(None);
    }
    let Ok(bounds) = <[[f64; 2]; 2]>::try_from(problem.domain.bounds().as_slice()) else { return Ok(None) };
    // Read at the nodes of a lattice, and given to the elements as functions of the point.
    let side = 2 * cells + 1;
    let between = |i: usize, k: usize| bounds[i][0] + k as f64 / (side - 1) as f64 * (bounds[i][1] - bounds[i][0]);
    let nodes = (0..side * side).map(|k| [between(0, k % side), between(1, k / side)]);
    let values: Option<Vec<[f64; 3]>> = nodes.map(|x| coefficients(problem, &x)).collect();
    let Some(values) = values else { return Ok(None) };
    let Some(mesh) = carrier(problem, cells)? else { return Ok(None) };
    let on_lattice = problem.mesh.is_none();
    // With the middles of sides, which the elements ask for.
    let outline = if on_lattice { mesh.clone() } else { refine(&mesh)? };
    let Some(held) = boundary_values(problem, &outline) else { return Ok(None) };
    let field = |of: &dyn Fn(&[f64; 3]) -> f64| {
        let grid = Arc::new(Grid { bounds, cells: [2 * cells; 2], values: values.iter().map(of).collect() });
        Coefficient::from(move |p: [f64; 3]| grid.at(&p[..2]))
    };
    let function = |mesh: &Mesh, values: Vec<f64>| -> Function {
        if on_lattice {
            let grid = Grid { bounds, cells: [cells; 2], values };
            return Box::new(move |x| grid.at(x));
        }
        let locator = Locator::new(mesh.clone());
        Box::new(move |x| locator.value(&values, [x[0], x[1], 0.0]))
    };
    let boundary = function(&outline, held);
    let poisson = Poisson {
        reaction: if values.iter().any(|[_, c, _]| *c != 0.0) {
            field(&|[a, c, _]| (c / a).max(0.0))
        } else {
            0.0.into()
        },
        source: field(&|[a, _, f]| f / a),
        degree: 2,
        ..Poisson::default()
    };
    let system = poisson.dirichlet(None, Coefficient::from(move |p: [f64; 3]| boundary(&p[..2]))).assemble(&mesh)?;
    let mut x = vec![0.0; system.unknowns()];
    let stop = StopRule { rtol: TOLERANCE, ..StopRule::default() };
    let config = SolverConfig { stop, ..SolverConfig::default() };
    config.build(&system.a, 2)?.solve(&system.a, &system.b, &mut x, &mut unobserved)?.require_converged()?;
    let mut values = system.solution(&x);
    values.truncate(mesh.points.len()); // the vertices come first
    Ok(Some(function(&mesh, values)))
}
