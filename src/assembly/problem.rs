//! The problem: −∇·(k ∇u) + c u = f in the domain, with conditions on its boundary.

use super::coefficient::Coefficient;
use crate::expression::Expression;

/// k: a positive scalar, or a symmetric positive definite tensor.
#[derive(Debug, Clone)]
pub enum Conductivity {
    /// k I
    Scalar(Coefficient),
    /// Entries xx, yy, zz, xy, yz, xz; those of absent dimensions are not looked at.
    Tensor(Box<[Coefficient; 6]>),
}

/// What holds on a part of the boundary; n is the outward unit normal.
#[derive(Debug, Clone)]
pub enum Condition {
    /// u = g
    Dirichlet(Coefficient),
    /// k ∂u/∂n = g
    Neumann(Coefficient),
    /// k ∂u/∂n + α u = g
    Robin {
        /// α ≥ 0
        alpha: Coefficient,
        /// g
        g: Coefficient,
    },
}

/// A condition and where it holds.
#[derive(Debug, Clone)]
pub struct BoundaryCondition {
    /// The group's name; `None` is the boundary outside all groups that have a condition of their own.
    pub group: Option<String>,
    /// What holds there.
    pub condition: Condition,
}

/// −∇·(k ∇u) + c u = f. Where no condition is given, k ∂u/∂n = 0. Without any Dirichlet or Robin condition and with c = 0 a
/// part of the domain determines u up to a constant; its mean is then set to zero. Where two Dirichlet conditions meet, the
/// later one holds; Dirichlet values win over other conditions at the nodes they share.
#[derive(Debug, Clone)]
pub struct Poisson {
    /// k > 0 (default 1)
    pub conductivity: Conductivity,
    /// c ≥ 0 (default 0)
    pub reaction: Coefficient,
    /// f (default 0)
    pub source: Coefficient,
    /// Conditions on the boundary (default none).
    pub boundary: Vec<BoundaryCondition>,
    /// Polynomial degree of the elements, 1 or 2 (default 1).
    pub degree: usize,
}

impl Default for Poisson {
    fn default() -> Self {
        Poisson {
            conductivity: Conductivity::Scalar(1.0.into()),
            reaction: 0.0.into(),
            source: 0.0.into(),
            boundary: Vec::new(),
            degree: 1,
        }
    }
}

impl Poisson {
    /// Adds u = `value` on `group`, or on the rest of the boundary.
    pub fn dirichlet(self, group: Option<&str>, value: impl Into<Coefficient>) -> Self {
        self.on(group, Condition::Dirichlet(value.into()))
    }

    /// Adds k ∂u/∂n = `value` on `group`, or on the rest of the boundary.
    pub fn neumann(self, group: Option<&str>, value: impl Into<Coefficient>) -> Self {
        self.on(group, Condition::Neumann(value.into()))
    }

    /// Adds k ∂u/∂n + `alpha` u = `g` on `group`, or on the rest of the boundary.
    pub fn robin(self, group: Option<&str>, alpha: impl Into<Coefficient>, g: impl Into<Coefficient>) -> Self {
        self.on(group, Condition::Robin { alpha: alpha.into(), g: g.into() })
    }

    fn on(mut self, group: Option<&str>, condition: Condition) -> Self {
        self.boundary.push(BoundaryCondition { group: group.map(str::to_string), condition });
        self
    }

    /// Sets f so that `exact` is the solution: f = −∇·(k ∇u) + c u, by exact differentiation of the expressions
    /// (method of manufactured solutions) in the first `dimension` coordinates. `None` where k is not made of expressions
    /// or varies by group.
    pub fn manufactured_source(&self, exact: &Expression, dimension: usize) -> Option<Coefficient> {
        fn expression(c: &Coefficient) -> Option<Expression> {
            match c {
                Coefficient::Expression(e) => Some(e.clone()),
                _ => None,
            }
        }
        let k: Vec<Expression> = match &self.conductivity {
            Conductivity::Scalar(k) => vec![expression(k)?],
            Conductivity::Tensor(k) => k.iter().map(expression).collect::<Option<_>>()?,
        };
        let (u, c) = (exact.clone(), self.reaction.clone());
        Some(Coefficient::from(move |p: [f64; 3]| {
            let u = u.jet(p);
            let mut divergence = 0.0;
            for i in 0..dimension {
                for j in 0..dimension {
                    let entry = match (k.len(), i == j) {
                        (1, true) => &k[0],
                        (1, false) => continue,
                        _ => &k[tensor_entry(i, j)],
                    };
                    let k = entry.jet(p);
                    divergence += k.gradient[i] * u.gradient[j] + k.value * u.hessian[i][j];
                }
            }
            c.at(p) * u.value - divergence
        }))
    }
}

/// Where entry (i, j) stands in [`Conductivity::Tensor`].
pub(super) fn tensor_entry(i: usize, j: usize) -> usize {
    match (i.min(j), i.max(j)) {
        (0, 1) => 3,
        (1, 2) => 4,
        (0, 2) => 5,
        (i, _) => i,
    }
}
