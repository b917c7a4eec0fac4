//! What the user gives as data: numbers, expressions, functions, or one of these for each group.

use super::element::place;
use super::quadrature::Rule;
use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::mesh::{Group, Mesh};
use rayon::prelude::*;
use std::fmt;
use std::sync::Arc;

/// A scalar function of the place.
#[derive(Clone)]
pub enum Coefficient {
    /// An expression in x, y, z, or a number.
    Expression(Expression),
    /// A function of the caller's.
    Function(Arc<dyn Fn([f64; 3]) -> f64 + Send + Sync>),
    /// A value for each cell group by name, and one for cells in none of them; a cell in several takes the last.
    PerGroup(Vec<(String, Coefficient)>, Box<Coefficient>),
}

impl fmt::Debug for Coefficient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Coefficient::Expression(e) => write!(f, "{e}"),
            Coefficient::Function(_) => f.write_str("a function"),
            Coefficient::PerGroup(groups, rest) => {
                f.debug_map().entries(groups.iter().map(|(n, c)| (n, c))).finish().and(write!(f, " else {rest:?}"))
            }
        }
    }
}

impl From<f64> for Coefficient {
    fn from(value: f64) -> Self {
        Coefficient::Expression(Expression::constant(value))
    }
}

impl From<Expression> for Coefficient {
    fn from(expression: Expression) -> Self {
        Coefficient::Expression(expression)
    }
}

impl<F: Fn([f64; 3]) -> f64 + Send + Sync + 'static> From<F> for Coefficient {
    fn from(function: F) -> Self {
        Coefficient::Function(Arc::new(function))
    }
}

impl TryFrom<&str> for Coefficient {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        Ok(Coefficient::Expression(Expression::parse(text)?))
    }
}

/// A coefficient evaluated on the cells of a mesh.
#[derive(Debug, Clone)]
pub(super) enum CellValues {
    Uniform(f64),
    /// One number a cell.
    PerCell(Vec<f64>),
    /// One number a quadrature point, `stride` of them a cell.
    PerPoint {
        values: Vec<f64>,
        stride: usize,
    },
}

impl CellValues {
    /// The value in cell `c` at quadrature point `q`.
    #[inline]
    pub fn at(&self, c: usize, q: usize) -> f64 {
        match self {
            CellValues::Uniform(v) => *v,
            CellValues::PerCell(v) => v[c],
            CellValues::PerPoint { values, stride } => values[c * stride + q],
        }
    }

    /// Each cell's mean by the rule's weights: all that constant gradients see.
    pub fn averaged(self, weights: &[f64]) -> Self {
        match self {
            CellValues::PerPoint { values, stride } => CellValues::PerCell(
                values.par_chunks(stride).map(|v| v.iter().zip(weights).map(|(v, w)| v * w).sum()).collect(),
            ),
            other => other,
        }
    }
}

/// Cells evaluated together, so that expressions run on blocks.
const BLOCK: usize = 256;

impl Coefficient {
    /// Its value at a point (of no group: `PerGroup` gives its remainder).
    pub fn at(&self, point: [f64; 3]) -> f64 {
        match self {
            Coefficient::Expression(e) => e.eval(point),
            Coefficient::Function(f) => f(point),
            Coefficient::PerGroup(_, rest) => rest.at(point),
        }
    }

    /// Whether it is the number 0 everywhere.
    pub fn is_zero(&self) -> bool {
        matches!(self, Coefficient::Expression(e) if e.as_constant() == Some(0.0))
    }

    /// Its values at many points, checked finite; `what` names it in the error.
    pub fn eval_many(&self, what: &str, points: &[[f64; 3]], out: &mut [f64]) -> Result<()> {
        match self {
            Coefficient::Expression(e) => e.eval_many(points, out),
            other => out.iter_mut().zip(points).for_each(|(v, p)| *v = other.at(*p)),
        }
        match out.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(i) => Err(Error::Problem {
                what: format!("{what} {self:?} is {} at {}", out[i], show(points[i])),
                help: "change the expression so that it is finite on the whole mesh, or the mesh so that it leaves that point out"
                    .into(),
            }),
        }
    }

    /// Its values at the points of `rule` in every cell.
    pub(super) fn on_cells<const V: usize>(&self, what: &str, mesh: &Mesh, rule: &Rule<V>) -> Result<CellValues> {
        match self {
            Coefficient::Expression(e) if e.as_constant().is_some_and(f64::is_finite) => {
                Ok(CellValues::Uniform(e.as_constant().unwrap_or_default()))
            }
            Coefficient::PerGroup(groups, rest) => per_group(groups, rest, what, mesh, rule),
            _ => {
                let values = self.sample(what, mesh, rule, mesh.cell_count(), |c| c)?;
                Ok(CellValues::PerPoint { values, stride: rule.points.len() })
            }
        }
    }

    /// Its values at the points of `rule` in the cells `cell(0), .., cell(count - 1)`.
    fn sample<const V: usize>(
        &self,
        what: &str,
        mesh: &Mesh,
        rule: &Rule<V>,
        count: usize,
        cell: impl Fn(usize) -> usize + Sync,
    ) -> Result<Vec<f64>> {
        let stride = rule.points.len();
        let mut values = vec![0.0; count * stride];
        values.par_chunks_mut(BLOCK * stride).enumerate().try_for_each_init(Vec::new, |points, (block, out)| {
            points.clear();
            for i in block * BLOCK..block * BLOCK + out.len() / stride {
                let corners = corners::<V>(mesh, cell(i));
                points.extend(rule.points.iter().map(|l| place(&corners, l)));
            }
            self.eval_many(what, points, out)
        })?;
        Ok(values)
    }
}

fn per_group<const V: usize>(
    groups: &[(String, Coefficient)],
    rest: &Coefficient,
    what: &str,
    mesh: &Mesh,
    rule: &Rule<V>,
) -> Result<CellValues> {
    let mut owner = vec![0usize; mesh.cell_count()];
    for (i, (name, _)) in groups.iter().enumerate() {
        for &c in &cell_group(mesh, name)?.members {
            owner[c as usize] = i + 1;
        }
    }
    let parts: Vec<&Coefficient> = std::iter::once(rest).chain(groups.iter().map(|(_, c)| c)).collect();
    let number =
        |c: &&Coefficient| matches!(c, Coefficient::Expression(e) if e.as_constant().is_some_and(f64::is_finite));
    if parts.iter().all(number) {
        return Ok(CellValues::PerCell(owner.iter().map(|&o| parts[o].at([0.0; 3])).collect()));
    }
    let stride = rule.points.len();
    let mut values = vec![0.0; owner.len() * stride];
    for (part, coefficient) in parts.iter().enumerate() {
        let cells: Vec<usize> = (0..owner.len()).filter(|&c| owner[c] == part).collect();
        let sampled = coefficient.sample(what, mesh, rule, cells.len(), |i| cells[i])?;
        for (&c, v) in cells.iter().zip(sampled.chunks(stride)) {
            values[c * stride..(c + 1) * stride].copy_from_slice(v);
        }
    }
    Ok(CellValues::PerPoint { values, stride })
}

/// The group of cells of that name.
fn cell_group<'m>(mesh: &'m Mesh, name: &str) -> Result<&'m Group> {
    let of_cells = |g: &&Group| g.dimension == mesh.dimension();
    mesh.groups.iter().filter(of_cells).find(|g| g.name == name).ok_or_else(|| Error::UnknownGroup {
        name: name.to_string(),
        available: mesh.groups.iter().filter(of_cells).map(|g| g.name.clone()).collect(),
    })
}

/// The corners of a simplex given by its vertices.
#[inline]
pub(super) fn corners_of<const V: usize>(mesh: &Mesh, vertices: &[u32]) -> [[f64; 3]; V] {
    std::array::from_fn(|a| mesh.points[vertices[a] as usize])
}

/// The corners of cell `c`.
#[inline]
pub(super) fn corners<const V: usize>(mesh: &Mesh, c: usize) -> [[f64; 3]; V] {
    corners_of(mesh, mesh.cell(c))
}

/// A point as text.
pub(crate) fn show(p: [f64; 3]) -> String {
    format!("({}, {}, {})", p[0], p[1], p[2])
}
