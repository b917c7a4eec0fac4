//! What every preconditioner and every operator must keep, run on every one there is. A new type is done when it is in
//! the table.

mod common;

use common::{Problem, agree, wave};
use filet::Result;
use filet::operator::LinearOperator;
use filet::precond::amg::{AmgConfig, Precision};
use filet::precond::{DeflationConfig, IcConfig, Identity, Jacobi, MeanFree, Preconditioner};
use filet::sparse::Csr;
use filet::sparse::vector::{dot, norm2};

type Build = fn(&Csr) -> Result<Box<dyn Preconditioner>>;

/// Every preconditioner: name, constructor.
const PRECONDITIONERS: &[(&str, Build)] = &[
    ("identity", |_| Ok(Box::new(Identity))),
    ("jacobi", |a| Ok(Box::new(Jacobi::new(a)?))),
    ("ic", |a| Ok(Box::new(IcConfig::default().build(a)?))),
    ("deflation", |a| Ok(Box::new(DeflationConfig::default().build(a)?))),
    ("amg", |a| Ok(Box::new(AmgConfig { precision: Precision::F64, ..Default::default() }.build(a)?))),
];

/// Tolerance of equalities that hold up to rounding.
const ROUNDING: f64 = 1e-11;

fn apply(m: &mut dyn Preconditioner, r: &[f64]) -> Vec<f64> {
    let mut z = vec![f64::NAN; r.len()]; // what was in z must not matter
    m.apply(r, &mut z);
    z
}

/// Symmetric, positive, fixed, linear; on vectors of mean zero only where the preconditioner projects.
fn check_preconditioner(name: &str, m: &mut dyn Preconditioner, problem: &Problem, projects: bool) {
    let n = problem.n();
    let context = format!("{name} on {}", problem.name);
    let (mut u, v) = (wave(n, 1.0), wave(n, 2.5));
    let (bu, bv) = (apply(m, &u), apply(m, &v));
    assert!(agree(&bu, &v, &u, &bv), "{context}: (B u, v) = (u, B v)");
    assert_eq!(apply(m, &u), bu, "{context}: the same bits the second time");

    let combined: Vec<f64> = u.iter().zip(&v).map(|(u, v)| 2.0 * u - 3.0 * v).collect();
    let b_combined = apply(m, &combined);
    let deviation: Vec<f64> = (0..n).map(|i| b_combined[i] - (2.0 * bu[i] - 3.0 * bv[i])).collect();
    assert!(norm2(&deviation) <= ROUNDING * (norm2(&bu) + norm2(&bv)), "{context}: linear");

    if projects {
        u = problem.x.clone();
    }
    let bu = apply(m, &u);
    assert!(dot(&bu, &u) > 0.0, "{context}: (B u, u) > 0");
    if projects {
        assert!(bu.iter().sum::<f64>().abs() <= ROUNDING * n as f64 * norm2(&bu), "{context}: no constant part");
        assert!(norm2(&apply(m, &vec![1.0; n])) <= ROUNDING * n as f64, "{context}: B 1 = 0");
    }
}

#[test]
fn preconditioners_are_symmetric_positive_fixed_and_linear() {
    for problem in common::definite().iter().chain(&common::singular()) {
        for (name, build) in PRECONDITIONERS {
            let mut m = build(&problem.a).unwrap_or_else(|e| panic!("{name} on {}: {e}", problem.name));
            check_preconditioner(name, &mut m, problem, false);
        }
    }
}

#[test]
fn mean_free_preconditioners_are_so_on_vectors_of_mean_zero() {
    for problem in common::singular() {
        for (name, build) in PRECONDITIONERS {
            let mut m = MeanFree::new(build(&problem.a).unwrap(), problem.n());
            check_preconditioner(&format!("mean-free {name}"), &mut m, &problem, true);
        }
    }
}

#[test]
fn preconditioners_that_hold_something_say_how_much() {
    let problem = common::laplacian_2d();
    for (name, build) in PRECONDITIONERS.iter().skip(1) {
        let bytes = build(&problem.a).unwrap().bytes();
        assert!(bytes >= 8 * problem.n(), "{name}: {bytes} bytes");
    }
}

#[test]
fn preconditioners_refuse_a_matrix_that_is_not_positive_with_the_row() {
    let a = common::from_dense([[2.0, -1.0, 0.0], [-1.0, -2.0, -1.0], [0.0, -1.0, 2.0]]);
    for (name, build) in PRECONDITIONERS.iter().skip(1) {
        let error = build(&a).err().unwrap_or_else(|| panic!("{name} takes a negative diagonal")).to_string();
        assert!(error.contains("row 1"), "{name}: {error}");
    }
}

/// Symmetric, linear, and r = b − A x.
fn check_operator(name: &str, a: &dyn LinearOperator) {
    let n = a.nrows();
    assert_eq!(n, a.ncols(), "{name}: square");
    let image = |x: &[f64]| {
        let mut y = vec![f64::NAN; n];
        a.apply(x, &mut y);
        y
    };
    let (u, v) = (wave(n, 1.0), wave(n, 2.5));
    let (au, av) = (image(&u), image(&v));
    assert!(agree(&au, &v, &u, &av), "{name}: (A u, v) = (u, A v)");
    let combined: Vec<f64> = u.iter().zip(&v).map(|(u, v)| 2.0 * u - 3.0 * v).collect();
    let a_combined = image(&combined);
    let mut r = vec![f64::NAN; n];
    a.residual(&v, &u, &mut r);
    for i in 0..n {
        let size = norm2(&au) + norm2(&av);
        assert!((a_combined[i] - (2.0 * au[i] - 3.0 * av[i])).abs() <= ROUNDING * size, "{name}: linear, row {i}");
        assert!((r[i] - (v[i] - au[i])).abs() <= ROUNDING * (size + 1.0), "{name}: r = b − A x, row {i}");
    }
    assert_eq!(image(&u), au, "{name}: the same bits the second time");
}

#[test]
fn operators_are_symmetric_and_linear_and_agree_with_their_residual() {
    for problem in common::definite().iter().chain(&common::singular()) {
        check_operator(&format!("csr of {}", problem.name), &problem.a);
    }
}
