//! Monitors made of the derivatives of a function u: what the mesh is for.
//!
//! | name | m |
//! |---|---|
//! | arc length | √(1 + a \|∇u\|²) |
//! | gradient | 1 + a \|∇u\|² / max \|∇u\|² |
//! | Hessian | 1 + a ‖D²u‖ / max ‖D²u‖ |
//! | optimal | 1 + (‖D²u‖ / α)^q, α such that the mean of the second term is a |
//!
//! ‖·‖ is Frobenius' norm. With N nodes the error of linear interpolation is least, over isotropic meshes, where the density
//! of nodes is ‖D²u‖^q with q = 2d/(d + 4) for the L2 norm and q = 2d/(d + 2) for the H1 seminorm; the 1 keeps nodes where
//! u is straight, and a = 1 gives half of them to where it is not.
//!
//! Reference: W. Huang and R. Russell, *Adaptive Moving Mesh Methods*, Springer 2011, §2.4, doi:10.1007/978-1-4419-7916-2.

use super::monitor::Monitor;
use crate::assembly::{Space, cell_gradients};
use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::mesh::topology::boundary_facets;
use crate::mesh::{Locator, Mesh};
use rayon::prelude::*;

/// Which monitor is made of the derivatives; the table is at the head of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// √(1 + a |∇u|²)
    ArcLength,
    /// 1 + a |∇u|² / max
    Gradient,
    /// 1 + a ‖D²u‖ / max
    Hessian,
    /// Least interpolation error in the L2 norm.
    Optimal,
    /// Least interpolation error in the H1 seminorm.
    OptimalH1,
}

impl Form {
    /// Every form with its name on the command line.
    pub const ALL: [(Form, &'static str); 5] = [
        (Form::ArcLength, "arc-length"),
        (Form::Gradient, "gradient"),
        (Form::Hessian, "hessian"),
        (Form::Optimal, "optimal"),
        (Form::OptimalH1, "optimal-h1"),
    ];

    /// a where none is given.
    pub fn usual_amount(self) -> f64 {
        match self {
            Form::ArcLength | Form::Optimal | Form::OptimalH1 => 1.0,
            Form::Gradient => 10.0,
            Form::Hessian => 5.0,
        }
    }

    /// The derivative that counts, from |∇u|² and ‖D²u‖, to the power of the form.
    fn feature(self, dimension: usize, slope_squared: f64, curvature: f64) -> f64 {
        let d = dimension as f64;
        match self {
            Form::ArcLength | Form::Gradient => slope_squared,
            Form::Hessian => curvature,
            Form::Optimal => curvature.powf(2.0 * d / (d + 4.0)),
            Form::OptimalH1 => curvature.powf(2.0 * d / (d + 2.0)),
        }
    }

    /// What features are multiplied by: a over their maximum or mean.
    fn factor(self, amount: f64, features: &[f64], weights: &[f64]) -> f64 {
        let size = match self {
            Form::ArcLength => 1.0,
            Form::Gradient | Form::Hessian => features.iter().fold(0.0, |m: f64, &f| m.max(f)),
            Form::Optimal | Form::OptimalH1 => {
                let sum: f64 = features.iter().zip(weights).map(|(f, w)| f * w).sum();
                sum / weights.iter().sum::<f64>()
            }
        };
        // A function that is straight everywhere asks for nothing.
        if size > 0.0 { amount / size } else { 0.0 }
    }

    fn monitor(self, scaled: f64) -> f64 {
        if self == Form::ArcLength { (1.0 + scaled).sqrt() } else { 1.0 + scaled }
    }
}

/// The monitor of a function given as an expression: its derivatives are exact.
#[derive(Debug, Clone)]
pub struct ExactMonitor {
    u: Expression,
    form: Form,
    dimension: usize,
    factor: f64,
}

impl ExactMonitor {
    /// Of u with the amount a; maxima and means are those over `mesh`.
    ///
    /// Errors: a negative amount; derivatives that are not finite somewhere on the mesh.
    pub fn new(u: &Expression, form: Form, amount: f64, mesh: &Mesh) -> Result<Self> {
        check_amount(amount)?;
        let mut out = ExactMonitor { u: u.clone(), form, dimension: mesh.dimension(), factor: 1.0 };
        let features: Vec<f64> = mesh.points.par_iter().map(|&p| out.feature(p)).collect();
        if let Some(v) = features.iter().position(|f| !f.is_finite()) {
            return Err(Error::Problem {
                what: format!("the derivatives of {u} are not finite at {:?}", mesh.points[v]),
                help: "change the expression so that it is smooth on the whole mesh".into(),
            });
        }
        out.factor = form.factor(amount, &features, &node_weights(mesh));
        Ok(out)
    }

    fn feature(&self, p: [f64; 3]) -> f64 {
        let (jet, d) = (self.u.jet(p), self.dimension);
        let slope: f64 = jet.gradient[..d].iter().map(|g| g * g).sum();
        let curvature: f64 = jet.hessian[..d].iter().flat_map(|row| &row[..d]).map(|h| h * h).sum();
        self.form.feature(d, slope, curvature.sqrt())
    }
}

impl Monitor for ExactMonitor {
    fn eval(&self, points: &[[f64; 3]], m: &mut [f64]) -> Result<()> {
        let value = |p: [f64; 3]| self.form.monitor(self.factor * self.feature(p));
        value.eval(points, m)
    }
}

/// A monitor given by its values at the points of some mesh.
#[derive(Debug, Clone)]
pub struct FieldMonitor {
    locator: Locator,
    values: Vec<f64>,
}

impl FieldMonitor {
    /// The monitor itself, linear on the cells of `mesh`.
    ///
    /// Errors: another number of values than of points.
    pub fn of_values(mesh: &Mesh, values: &[f64]) -> Result<Self> {
        check_length(mesh, values)?;
        Ok(FieldMonitor { locator: Locator::new(mesh.clone()), values: values.to_vec() })
    }

    /// The monitor of a function u given by its values at the points, with derivatives recovered from them: gradients are means of
    /// those of the cells around a point, second derivatives come from the gradients in the same way; a point of the boundary
    /// takes the second derivatives of its neighbours inside.
    ///
    /// Errors: another number of values than of points; a negative amount.
    pub fn of_function(mesh: &Mesh, u: &[f64], form: Form, amount: f64) -> Result<Self> {
        check_length(mesh, u)?;
        check_amount(amount)?;
        let d = mesh.dimension();
        let gradient: Vec<Vec<f64>> = recovered(mesh, u);
        let mut curvature = vec![0.0; mesh.points.len()];
        for g in &gradient[..d] {
            for h in &recovered(mesh, g)[..d] {
                curvature.iter_mut().zip(h).for_each(|(c, h)| *c += h * h);
            }
        }
        curvature.iter_mut().for_each(|c| *c = c.sqrt());
        replace_on_boundary(mesh, &mut curvature);
        let slope = |v: usize| gradient[..d].iter().map(|g| g[v] * g[v]).sum::<f64>();
        let features: Vec<f64> = (0..u.len()).map(|v| form.feature(d, slope(v), curvature[v])).collect();
        let factor = form.factor(amount, &features, &node_weights(mesh));
        let values: Vec<f64> = features.into_iter().map(|f| form.monitor(factor * f)).collect();
        FieldMonitor::of_values(mesh, &values)
    }

    /// Its values at the points of its mesh.
    pub fn values(&self) -> &[f64] {
        &self.values
    }
}

impl Monitor for FieldMonitor {
    fn eval(&self, points: &[[f64; 3]], m: &mut [f64]) -> Result<()> {
        self.locator.interpolate(&self.values, points, m);
        Ok(())
    }
}

/// ∫ψ_v.
fn node_weights(mesh: &Mesh) -> Vec<f64> {
    let mut weights = vec![0.0; mesh.points.len()];
    for c in 0..mesh.cell_count() {
        let share = mesh.cell_measure(c) / mesh.kind.vertices() as f64;
        mesh.cell(c).iter().for_each(|&v| weights[v as usize] += share);
    }
    weights
}

/// The three components of the gradient at the points: means over the cells around, by size.
fn recovered(mesh: &Mesh, u: &[f64]) -> Vec<Vec<f64>> {
    let slopes = cell_gradients(&Space::new(mesh, 1), u);
    let weights = node_weights(mesh);
    let mut out = vec![vec![0.0; u.len()]; 3];
    for c in 0..mesh.cell_count() {
        let share = mesh.cell_measure(c) / mesh.kind.vertices() as f64;
        for &v in mesh.cell(c) {
            (0..3).for_each(|k| out[k][v as usize] += share * slopes[3 * c + k]);
        }
    }
    out.iter_mut().for_each(|g| g.iter_mut().zip(&weights).for_each(|(g, w)| *g /= w));
    out
}

/// Gives points of the boundary the mean of their neighbours inside, where they have any.
fn replace_on_boundary(mesh: &Mesh, values: &mut [f64]) {
    let mut outer = vec![false; values.len()];
    boundary_facets(mesh).iter().for_each(|&v| outer[v as usize] = true);
    let (mut sum, mut count) = (vec![0.0; values.len()], vec![0.0; values.len()]);
    for cell in mesh.cells.chunks_exact(mesh.kind.vertices()) {
        for &v in cell.iter().filter(|&&v| outer[v as usize]) {
            for &w in cell.iter().filter(|&&w| !outer[w as usize]) {
                sum[v as usize] += values[w as usize];
                count[v as usize] += 1.0;
            }
        }
    }
    for v in (0..values.len()).filter(|&v| count[v] > 0.0) {
        values[v] = sum[v] / count[v];
    }
}

/// An estimate of |u − u_h| in the H1 seminorm, u given at the points: the distance of the gradient from the recovered one,
/// (∫|G u − ∇u|²)^½ (O. Zienkiewicz and J. Zhu, Int. J. Numer. Meth. Eng. 24 (1987), doi:10.1002/nme.1620240206).
pub fn estimated_error(mesh: &Mesh, u: &[f64]) -> f64 {
    let (slopes, smooth) = (cell_gradients(&Space::new(mesh, 1), u), recovered(mesh, u));
    let n = mesh.kind.vertices();
    let cell = |c: usize| {
        let difference = |v: u32, k: usize| smooth[k][v as usize] - slopes[3 * c + k];
        // ∫ a² of linear a: |K| ((Σ a_i)² + Σ a_i²) / (V (V + 1))
        let squares: f64 = (0..3)
            .map(|k| {
                let sum: f64 = mesh.cell(c).iter().map(|&v| difference(v, k)).sum();
                sum * sum + mesh.cell(c).iter().map(|&v| difference(v, k).powi(2)).sum::<f64>()
            })
            .sum();
        mesh.cell_measure(c) * squares / (n * (n + 1)) as f64
    };
    (0..mesh.cell_count()).map(cell).sum::<f64>().sqrt()
}

fn check_length(mesh: &Mesh, values: &[f64]) -> Result<()> {
    if values.len() == mesh.points.len() {
        return Ok(());
    }
    Err(Error::Problem {
        what: format!("{} values for a monitor at {} points", values.len(), mesh.points.len()),
        help: "give one value for each point of the mesh".into(),
    })
}

fn check_amount(amount: f64) -> Result<()> {
    if amount >= 0.0 && amount.is_finite() {
        return Ok(());
    }
    let what = "is a finite number from 0".into();
    Err(Error::Option { option: "amount".into(), value: amount.to_string(), what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::shapes::built_in;
    use crate::mover::monitor::evaluate;

    #[test]
    fn recovered_derivatives_come_near_the_exact_ones() {
        let u = Expression::parse("sin(2*x)*cos(y) + x*y").unwrap();
        for (form, name) in Form::ALL {
            let error = |n: u32| {
                let mesh = built_in(&format!("square:{n}")).unwrap().unwrap();
                let values: Vec<f64> = mesh.points.iter().map(|&p| u.eval(p)).collect();
                let recovered = FieldMonitor::of_function(&mesh, &values, form, 3.0).unwrap();
                let exact = ExactMonitor::new(&u, form, 3.0, &mesh).unwrap();
                let m = [evaluate(&recovered, &mesh.points).unwrap(), evaluate(&exact, &mesh.points).unwrap()];
                let difference: f64 = m[0].iter().zip(&m[1]).map(|(a, b)| (a - b).abs()).sum();
                difference / m[1].iter().sum::<f64>()
            };
            let (coarse, fine) = (error(16), error(32));
            assert!(fine < 0.65 * coarse && fine < 0.04, "{name}: {coarse} {fine}");
        }
    }

    #[test]
    fn the_optimal_monitor_gives_half_the_nodes_to_the_feature() {
        let mesh = built_in("square:24").unwrap().unwrap();
        let u = Expression::parse("exp(-50*((x-0.4)^2+(y-0.5)^2))").unwrap();
        let m = evaluate(&ExactMonitor::new(&u, Form::Optimal, 1.0, &mesh).unwrap(), &mesh.points).unwrap();
        let weights = node_weights(&mesh);
        let mean: f64 = m.iter().zip(&weights).map(|(m, w)| m * w).sum();
        assert!((mean - 2.0).abs() < 1e-12, "{mean}");
        let straight = Expression::parse("1 + x").unwrap();
        let m = evaluate(&ExactMonitor::new(&straight, Form::Optimal, 1.0, &mesh).unwrap(), &mesh.points).unwrap();
        assert!(m.iter().all(|&m| m == 1.0));
    }
}
