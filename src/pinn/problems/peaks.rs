//! The peaks of AAS, as functions: their sources are taken at every point of every step.

use crate::pinn::lift::Hard;
use crate::pinn::{Domain, Form, Problem, Residual, Site};

/// Sharpness of a peak: exp(−`SHARP` ρ²).
const SHARP: f64 = 1000.0;
/// That of `parametric`: on the boundary its peaks are at most e^−10, taken as 0.
const MILD: f64 = 40.0;

/// e^(−s |x − m|²) and |x − m|².
fn peak(x: &[f64], middle: f64, sharp: f64) -> (f64, f64) {
    let square: f64 = x.iter().map(|x| (x - middle) * (x - middle)).sum();
    ((-sharp * square).exp(), square)
}

/// −Δu = f with a peak of sharpness `MILD` at (a, b), for all a, b at once: u(x, y, a, b), Δ in x and y.
pub(super) fn parametric() -> Problem {
    let equation = |site: Site, u: &[f64], _: &[f64], partials: &mut [f64]| {
        let (p, square) = moving(site.x);
        partials[5] = -1.0;
        -u[5] + 4.0 * MILD * p * (MILD * square - 1.0)
    };
    let plane = Domain::Box(vec![[-1.0, 1.0]; 2]);
    Problem {
        coordinates: ["x", "y", "a", "b"].map(String::from).into(),
        domain: Domain::Box([[[-1.0, 1.0]; 2], [[-0.5, 0.5]; 2]].concat()),
        forms: vec![Form::laplacian(2)],
        lift: Some(Box::new(Hard { value: None, distance: None, domain: plane })),
        ..problem("parametric", 4, equation, |x| moving(x).0)
    }
}

/// e^(−s |(x, y) − (a, b)|²) and the square of the distance.
fn moving(x: &[f64]) -> (f64, f64) {
    peak(&[x[0] - x[2], x[1] - x[3]], 0.0, MILD)
}

fn problem(name: &str, d: usize, equation: impl Residual + 'static, exact: fn(&[f64]) -> f64) -> Problem {
    let domain = Domain::Box(vec![[-1.0, 1.0]; d]);
    let coordinates = if d == 2 { vec!["x".into(), "y".into()] } else { (1..=d).map(|i| format!("x{i}")).collect() };
    Problem {
        name: name.into(),
        coordinates,
        periodic: vec![false; d],
        forms: vec![Form::laplacian(d)],
        equation: Box::new(equation),
        lift: Some(Box::new(Hard { value: None, distance: None, domain: domain.clone() })),
        domain,
        conditions: Vec::new(),
        exact: Some(Box::new(exact)),
        mesh: None,
        unknowns: Vec::new(),
    }
}

/// −Δu = f; u is exp(−250) on the boundary, taken as 0.
pub(super) fn one_peak() -> Problem {
    let equation = |site: Site, u: &[f64], _: &[f64], partials: &mut [f64]| {
        let (p, square) = peak(site.x, 0.5, SHARP);
        partials[3] = -1.0;
        -u[3] + 4.0 * SHARP * p * (SHARP * square - 1.0)
    };
    problem("one-peak", 2, equation, |x| peak(x, 0.5, SHARP).0)
}

/// −∇·(u ∇v) + Δu = f with v = x² + y²: −2 (x u_x + y u_y) − 4 u + Δu = f.
pub(super) fn two_peak() -> Problem {
    let equation = |site: Site, u: &[f64], _: &[f64], partials: &mut [f64]| {
        let x = site.x;
        partials.copy_from_slice(&[-4.0, -2.0 * x[0], -2.0 * x[1], 1.0]);
        let source = |middle: f64| {
            let (p, square) = peak(x, middle, SHARP);
            let across = x[0] * (x[0] - middle) + x[1] * (x[1] - middle);
            p * (4.0 * SHARP * across - 4.0 + 4.0 * SHARP * (SHARP * square - 1.0))
        };
        u[3] - 2.0 * (x[0] * u[1] + x[1] * u[2]) - 4.0 * u[0] - source(0.5) - source(-0.5)
    };
    problem("two-peak", 2, equation, |x| peak(x, 0.5, SHARP).0 + peak(x, -0.5, SHARP).0)
}

/// −Δu + u − u³ = f in ten dimensions; u is at most e^−10 on the boundary, taken as 0.
pub(super) fn ten() -> Problem {
    let equation = |site: Site, u: &[f64], _: &[f64], partials: &mut [f64]| {
        let (p, square) = peak(site.x, 0.0, 10.0);
        partials[0] = 1.0 - 3.0 * u[0] * u[0];
        partials[11] = -1.0;
        let source = p * (200.0 - 400.0 * square) + p - p * p * p;
        -u[11] + u[0] - u[0] * u[0] * u[0] - source
    };
    problem("ten", 10, equation, |x| peak(x, 0.0, 10.0).0)
}
