//! Hard conditions u = A + G N: A has the boundary's values, G vanishes on the boundary.
//!
//! Without an expression G is the domain's own: Π 4 (x − a)(b − x) / (b − a)² on a box, 1 − |x − m|² / R² on a ball. Where the
//! domain has fewer coordinates than x, G does not depend on the others: they are parameters, without a boundary condition.

use super::{Domain, Form, Lift};
use crate::expression::Expression;

/// A and G as expressions in the first up to three coordinates, or the domain's G.
#[derive(Debug)]
pub(super) struct Hard {
    /// 0 where there is none.
    pub value: Option<Expression>,
    /// The domain's own where there is none.
    pub distance: Option<Expression>,
    /// Ω
    pub domain: Domain,
}

impl Lift for Hard {
    fn lift(&self, x: &[f64], forms: &[Form], a: &mut [f64], g: &mut [f64]) {
        match &self.value {
            Some(value) => of_expression(value, x, forms, a),
            None => a.fill(0.0),
        }
        match &self.distance {
            Some(distance) => of_expression(distance, x, forms, g),
            None => of_domain(&self.domain, x, forms, g),
        }
    }
}

fn of_expression(f: &Expression, x: &[f64], forms: &[Form], out: &mut [f64]) {
    let jet = f.jet(std::array::from_fn(|i| x.get(i).copied().unwrap_or(0.0)));
    let hessian = |i: usize, j: usize| jet.hessian[i][j];
    fill(jet.value, |i| jet.gradient[i], hessian, x.len(), forms, out);
}

fn of_domain(domain: &Domain, x: &[f64], forms: &[Form], out: &mut [f64]) {
    match domain {
        Domain::Ball { centre, radius } => {
            let r2 = radius * radius;
            let square: f64 = x.iter().zip(centre).map(|(x, c)| (x - c) * (x - c)).sum();
            let hessian = |i: usize, j: usize| if i == j { -2.0 / r2 } else { 0.0 };
            fill(1.0 - square / r2, |i| -2.0 * (x[i] - centre[i]) / r2, hessian, x.len(), forms, out);
        }
        _ => {
            // One factor a coordinate: value, first and second derivative.
            let factor = |(x, [a, b]): (&f64, [f64; 2])| {
                let s = 4.0 / (b - a).powi(2);
                [s * (x - a) * (b - x), s * (a + b - 2.0 * x), -2.0 * s]
            };
            let parameters = std::iter::repeat([1.0, 0.0, 0.0]);
            let factors: Vec<[f64; 3]> =
                x.iter().zip(domain.bounds()).map(factor).chain(parameters).take(x.len()).collect();
            let product = |orders: &dyn Fn(usize) -> usize| -> f64 {
                factors.iter().enumerate().map(|(k, f)| f[orders(k)]).product()
            };
            let hessian = |i: usize, j: usize| product(&|k| usize::from(k == i) + usize::from(k == j));
            fill(product(&|_| 0), |i| product(&|k| usize::from(k == i)), hessian, x.len(), forms, out);
        }
    }
}

fn fill(
    value: f64,
    gradient: impl Fn(usize) -> f64,
    hessian: impl Fn(usize, usize) -> f64,
    d: usize,
    forms: &[Form],
    out: &mut [f64],
) {
    out[0] = value;
    (0..d).for_each(|i| out[1 + i] = gradient(i));
    for (out, form) in out[1 + d..].iter_mut().zip(forms) {
        *out = form.0.iter().map(|&(i, j, w)| w * hessian(i, j)).sum();
    }
}
