//! Manufactured solutions: the fitted orders of P1 and P2 in L2 and H1 are those of theory, on every kind of cell, with
//! every kind of condition and coefficient.

use filet::assembly::{Coefficient, Conductivity, Errors, Poisson};
use filet::expression::Expression;
use filet::mesh::{Mesh, shapes};
use filet::solver::{Method, SolverConfig, unobserved};

fn expression(text: &str) -> Expression {
    Expression::parse(text).unwrap()
}

fn coefficient(text: &str) -> Coefficient {
    expression(text).into()
}

/// Errors of `problem`, whose source is made from `exact`, on a mesh.
fn errors(problem: &Poisson, exact: &Expression, mesh: &Mesh) -> Errors {
    let problem = Poisson { source: problem.manufactured_source(exact, mesh.dimension()).unwrap(), ..problem.clone() };
    let system = problem.assemble(mesh).unwrap();
    let config = SolverConfig { method: Method::Direct, ..Default::default() };
    let mut x = vec![0.0; system.unknowns()];
    let mut solver = config.build(&system.a, mesh.dimension()).unwrap();
    solver.solve(&system.a, &system.b, &mut x, &mut unobserved).unwrap().require_converged().unwrap();
    Errors::of(&system.space, &system.solution(&x), exact)
}

/// Fits the orders over meshes whose sizes halve; `ceiling` bounds the last L2 error.
fn check(name: &str, problem: &Poisson, exact: &str, meshes: &[&str], ceiling: f64) {
    let exact = expression(exact);
    for degree in [1, 2] {
        let problem = Poisson { degree, ..problem.clone() };
        let e: Vec<Errors> =
            meshes.iter().map(|m| errors(&problem, &exact, &shapes::built_in(m).unwrap().unwrap())).collect();
        let order = |of: fn(&Errors) -> f64| (of(&e[e.len() - 2]) / of(&e[e.len() - 1])).log2();
        let (l2, h1) = (order(|e| e.l2), order(|e| e.h1));
        println!("{name} P{degree}: L2 order {l2:.3}, H1 order {h1:.3}, last {:?}", e[e.len() - 1]);
        let expected = degree as f64;
        assert!((l2 - expected - 1.0).abs() < 0.1, "{name} P{degree}: L2 order {l2} over {e:?}");
        assert!((h1 - expected).abs() < 0.1, "{name} P{degree}: H1 order {h1} over {e:?}");
        assert!(e[e.len() - 1].l2 < ceiling, "{name} P{degree}: {e:?}");
    }
}

const SQUARES: [&str; 3] = ["square:16", "square:32", "square:64"];
const CUBES: [&str; 3] = ["cube:4", "cube:8", "cube:16"];
const WAVE_2D: &str = "sin(pi*x)*cos(2*y) + x*y";
const WAVE_3D: &str = "sin(2*x)*cos(y)*exp(z)";

#[test]
fn dirichlet_on_intervals_triangles_and_tetrahedra() {
    let on_boundary = |exact| Poisson::default().dirichlet(None, coefficient(exact));
    check("interval", &on_boundary("exp(x)"), "exp(x)", &["interval:16", "interval:32", "interval:64"], 1e-3);
    check("square", &on_boundary(WAVE_2D), WAVE_2D, &SQUARES, 1e-3);
    check("cube", &on_boundary(WAVE_3D), WAVE_3D, &CUBES, 1e-2);
}

#[test]
fn neumann_and_robin_with_reaction() {
    // u = WAVE_2D: on x = 1, ∂u/∂x = −π cos(2 y) + y; on y = 1, ∂u/∂y = −2 sin(π x) sin(2) + x.
    let problem = Poisson { reaction: coefficient("1 + x^2"), ..Default::default() }
        .dirichlet(Some("left"), coefficient(WAVE_2D))
        .dirichlet(Some("bottom"), coefficient(WAVE_2D))
        .neumann(Some("right"), coefficient("-pi*cos(2*y) + y"))
        .robin(
            Some("top"),
            coefficient("1 + x"),
            coefficient("-2*sin(pi*x)*sin(2) + x + (1 + x)*(sin(pi*x)*cos(2) + x)"),
        );
    check("mixed square", &problem, WAVE_2D, &SQUARES, 1e-3);
    // u = WAVE_3D: the flux on x = 1 is 2 cos(2) cos(y) exp(z), on z = 1 it is u.
    let problem = Poisson::default()
        .dirichlet(None, coefficient(WAVE_3D))
        .neumann(Some("right"), coefficient("2*cos(2)*cos(y)*exp(z)"))
        .robin(Some("top"), 2.0, coefficient("3*sin(2*x)*cos(y)*exp(1)"));
    check("mixed cube", &problem, WAVE_3D, &CUBES, 1e-2);
}

#[test]
fn variable_and_tensor_conductivity() {
    let variable = Poisson { conductivity: Conductivity::Scalar(coefficient("1 + x + y^2")), ..Default::default() };
    check("variable k", &variable.dirichlet(None, coefficient(WAVE_2D)), WAVE_2D, &SQUARES, 1e-3);
    let tensor = ["2 + x", "1 + y", "3", "0.5*x", "0.2*z", "0.3"].map(coefficient);
    let tensor = Poisson { conductivity: Conductivity::Tensor(Box::new(tensor)), ..Default::default() };
    check("tensor k", &tensor.clone().dirichlet(None, coefficient(WAVE_2D)), WAVE_2D, &SQUARES, 1e-3);
    check("tensor k", &tensor.dirichlet(None, coefficient(WAVE_3D)), WAVE_3D, &CUBES, 1e-2);
}

#[test]
fn pure_neumann_with_mean_zero() {
    let exact = "cos(pi*x)*cos(2*pi*y)";
    check("pure Neumann", &Poisson::default(), exact, &SQUARES, 1e-2);
    check("pure Neumann", &Poisson::default(), "cos(pi*x)*cos(pi*y)*cos(pi*z)", &CUBES, 1e-1);
}

#[test]
fn the_same_bits_with_any_number_of_threads() {
    let problem =
        Poisson { reaction: coefficient("x"), source: coefficient("sin(7*x)*y"), degree: 2, ..Default::default() }
            .dirichlet(Some("left"), coefficient("y"))
            .robin(None, 1.0, coefficient("x*y"));
    // 160 801 degrees of freedom: more than are assembled in one wave.
    let mesh = shapes::built_in("graded_square:200").unwrap().unwrap();
    let assemble = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let system = problem.assemble(&mesh).unwrap();
            (system.a, system.b, system.free)
        })
    };
    assert!(assemble(1) == assemble(4));
}
