//! A finite element solution to measure errors by, where a problem gives no exact one.
//!
//! An equation a Δu = c u − f with hard conditions on all of a rectangle's boundary is −Δu + (c / a) u = f / a there: elements of degree
//! 2 on a lattice of triangles; with [`REFERENCE_CELLS`] along a side its vertices are the points of the error's grid
//! ([`referee`](super::referee)). What the equation is is read off the residual: r at u = 0 and its partial derivatives, which do not
//! depend on u where it is linear.

use super::grid::Grid;
use super::{Domain, Function, Problem, Site};
use crate::assembly::{Coefficient, Poisson};
use crate::error::Result;
use crate::mesh::shapes;
use crate::solver::{SolverConfig, StopRule, unobserved};
use std::sync::Arc;

/// Cells along a side of the error's grid.
pub const REFERENCE_CELLS: usize = 255;
/// Points at which the equation is read, along a side.
const PROBES: usize = 7;
/// Relative difference that is rounding.
const SAME: f64 = 1e-9;
/// Relative residual of the linear solve.
const TOLERANCE: f64 = 1e-11;

/// a, c and f of a linear equation a Δu = c u − f at x; `None` where it is another equation.
fn coefficients(problem: &Problem, x: &[f64]) -> Option<[f64; 3]> {
    let channels = problem.channels();
    let read = |u: f64| {
        let mut partials = vec![0.0; channels];
        let site = Site { x, normal: &[0.0; 2] };
        let r = problem.equation.residual(site, &vec![u; channels], &[], &mut partials);
        (r, partials)
    };
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

/// The finite element solution of a problem on `cells`² rectangles, at least 3², of two triangles each; `None` where its equation, domain
/// or conditions are of another kind.
///
/// Errors: those of the linear solve.
pub fn finite_element_solution(problem: &Problem, cells: usize) -> Result<Option<Function>> {
    let (Domain::Box(sides), Some(_)) = (&problem.domain, &problem.lift) else { return Ok(None) };
    let Ok(bounds) = <[[f64; 2]; 2]>::try_from(sides.as_slice()) else { return Ok(None) };
    if !problem.conditions.is_empty() || !problem.unknowns.is_empty() || problem.periodic.contains(&true) {
        return Ok(None);
    }
    let between = |i: usize, s: f64| bounds[i][0] + s * (bounds[i][1] - bounds[i][0]);
    let step = |k: usize| k as f64 / (PROBES - 1) as f64;
    let inside = |k: usize| [between(0, 0.01 + 0.97 * step(k % PROBES)), between(1, 0.02 + 0.97 * step(k / PROBES))];
    let channels = problem.channels();
    let distance = |x: [f64; 2]| problem.lifts(&x)[channels];
    let edge = |k: usize| [[0.0, 1.0].map(|end| [end, step(k)]), [0.0, 1.0].map(|end| [step(k), end])].concat();
    let at_edge = (0..PROBES).flat_map(edge).map(|[s, t]| distance([between(0, s), between(1, t)]).abs());
    let middle = distance([between(0, 0.5), between(1, 0.5)]).abs();
    let is_held = at_edge.fold(0.0, f64::max) <= SAME * middle;
    if !is_held || (0..PROBES * PROBES).any(|k| coefficients(problem, &inside(k)).is_none()) {
        return Ok(None);
    }
    let Some(mut mesh) = shapes::built_in(&format!("square:{cells}")).transpose()? else { unreachable!("a shape") };
    mesh.points.iter_mut().for_each(|p| (0..2).for_each(|i| p[i] = between(i, p[i])));
    // Read at every node, and given to the elements as functions of the point.
    let side = 2 * cells + 1;
    let node = |k: usize| {
        [between(0, (k % side) as f64 / (side - 1) as f64), between(1, (k / side) as f64 / (side - 1) as f64)]
    };
    let values: Option<Vec<[f64; 3]>> = (0..side * side).map(|k| coefficients(problem, &node(k))).collect();
    let Some(values) = values else { return Ok(None) };
    let field = |of: &dyn Fn(&[f64; 3]) -> f64| {
        let grid = Arc::new(Grid { bounds, cells: [2 * cells; 2], values: values.iter().map(of).collect() });
        Coefficient::from(move |p: [f64; 3]| grid.at(&p[..2]))
    };
    let lifted: Vec<f64> = mesh.points.iter().map(|p| problem.lifts(&p[..2])[0]).collect();
    let boundary = Grid { bounds, cells: [cells; 2], values: lifted };
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
    let system = poisson.dirichlet(None, Coefficient::from(move |p: [f64; 3]| boundary.at(&p[..2]))).assemble(&mesh)?;
    let mut x = vec![0.0; system.unknowns()];
    let stop = StopRule { rtol: TOLERANCE, ..StopRule::default() };
    let config = SolverConfig { stop, ..SolverConfig::default() };
    config.build(&system.a, 2)?.solve(&system.a, &system.b, &mut x, &mut unobserved)?.require_converged()?;
    let mut values = system.solution(&x);
    values.truncate(mesh.points.len()); // the vertices come first
    let grid = Grid { bounds, cells: [cells; 2], values };
    Ok(Some(Box::new(move |x: &[f64]| grid.at(x))))
}
