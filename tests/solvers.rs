//! The cases every solver is walked through: zero right-hand side, warm start, observer, limits, breakdown, NaN.

mod common;

use common::{Problem, wave};
use filet::Result;
use filet::precond::{IcConfig, Identity, Jacobi, MeanFree, Preconditioner};
use filet::solver::{
    Cg, DirectionModel, Iterate, Observer, Outcome, Report, StopRule, cg, conjugate_direction, direct, unobserved,
};
use filet::sparse::vector::{norm2, remove_mean};
use filet::sparse::{Cholesky, Csr};
use std::ops::ControlFlow;

type Solve = fn(&Csr, &mut dyn Preconditioner, &[f64], &mut [f64], &StopRule, &mut Observer) -> Result<Report>;

/// A model that is not linear: what the preconditioner says, with the negative parts cut to a half.
struct Bent<'a>(&'a mut dyn Preconditioner);

impl DirectionModel for Bent<'_> {
    fn propose(&mut self, unit_residual: &[f64], d: &mut [f64]) -> Result<()> {
        self.0.apply(unit_residual, d);
        d.iter_mut().for_each(|d| *d = if *d < 0.0 { 0.5 * *d } else { *d });
        Ok(())
    }
}

/// A preconditioner as the model itself.
struct Linear<'a>(&'a mut dyn Preconditioner);

impl DirectionModel for Linear<'_> {
    fn propose(&mut self, unit_residual: &[f64], d: &mut [f64]) -> Result<()> {
        self.0.apply(unit_residual, d);
        Ok(())
    }
}

/// Every iterative solver.
const SOLVERS: &[(&str, Solve)] = &[
    ("cg", |a, m, b, x, stop, watch| cg(a, m, b, x, stop, watch)),
    ("conjugate_direction, memory 0", |a, m, b, x, s, w| conjugate_direction(a, &mut Linear(m), 0, b, x, s, w)),
    ("conjugate_direction, memory 1", |a, m, b, x, s, w| conjugate_direction(a, &mut Linear(m), 1, b, x, s, w)),
    ("conjugate_direction, memory 2", |a, m, b, x, s, w| conjugate_direction(a, &mut Linear(m), 2, b, x, s, w)),
    ("conjugate_direction, bent", |a, m, b, x, s, w| conjugate_direction(a, &mut Bent(m), 3, b, x, s, w)),
];

fn precise() -> StopRule {
    StopRule { rtol: 1e-10, ..StopRule::default() }
}

fn preconditioners(a: &Csr) -> Vec<(&'static str, Box<dyn Preconditioner>)> {
    vec![
        ("identity", Box::new(Identity)),
        ("jacobi", Box::new(Jacobi::new(a).unwrap())),
        ("ic", Box::new(IcConfig::default().build(a).unwrap())),
    ]
}

#[test]
fn definite_systems_are_solved() {
    for problem in common::definite() {
        for (solver, solve) in SOLVERS {
            for (name, mut m) in preconditioners(&problem.a) {
                // steepest descent needs help, and bad scaling needs a preconditioner
                let descent = solver.ends_with("memory 0") && name != "ic";
                if descent || (name == "identity" && problem.name == "graded_diagonal") {
                    continue;
                }
                let mut x = vec![0.0; problem.n()];
                let report = solve(&problem.a, &mut m, &problem.b, &mut x, &precise(), &mut unobserved).unwrap();
                let context = format!("{solver} with {name} on {}: {report:?}", problem.name);
                assert_eq!(report.outcome, Outcome::Converged, "{context}");
                assert!(problem.relative_residual(&x) <= 1e-10, "{context}");
                assert!(problem.relative_error(&x) <= 1e-5, "{context}");
                assert_eq!(report.residuals.len(), report.iterations + 1, "{context}");
                let (told, real) = (report.relative_residual(), problem.relative_residual(&x));
                assert!((told - real).abs() <= 1e-6 * real, "{real} of {context}");
                assert!(report.bytes >= 32 * problem.n(), "{context}");
            }
        }
    }
}

#[test]
fn singular_consistent_systems_are_solved_up_to_a_constant() {
    for problem in common::singular() {
        for (solver, solve) in SOLVERS {
            for (name, m) in preconditioners(&problem.a) {
                let mut m = MeanFree::new(m, problem.n());
                let mut x = vec![0.0; problem.n()];
                let report = solve(&problem.a, &mut m, &problem.b, &mut x, &precise(), &mut unobserved).unwrap();
                let context = format!("{solver} with {name} on {}: {report:?}", problem.name);
                assert_eq!(report.outcome, Outcome::Converged, "{context}");
                assert!(problem.relative_residual(&x) <= 1e-10, "{context}");
                if solver.ends_with("bent") {
                    remove_mean(&mut x); // this model puts the constants back in
                }
                assert!(problem.relative_error(&x) <= 1e-7, "mean zero without being asked: {context}");
            }
        }
    }
}

#[test]
fn a_singular_system_that_is_not_consistent_ends() {
    let mut problem = common::singular_consistent();
    problem.b[0] += 1.0;
    for (solver, solve) in SOLVERS {
        let mut x = vec![0.0; problem.n()];
        let mut m = MeanFree::new(Identity, problem.n());
        let stop = StopRule { max_iterations: 2000, ..precise() };
        let report = solve(&problem.a, &mut m, &problem.b, &mut x, &stop, &mut unobserved).unwrap();
        assert_ne!(report.outcome, Outcome::Converged, "{solver}");
    }
}

#[test]
fn a_zero_right_hand_side_gives_zero() {
    let problem = common::laplacian_2d();
    let zero = vec![0.0; problem.n()];
    for (solver, solve) in SOLVERS {
        let mut x = wave(problem.n(), 1.0);
        let report = solve(&problem.a, &mut Identity, &zero, &mut x, &precise(), &mut unobserved).unwrap();
        assert_eq!(
            (report.outcome, report.iterations, report.residuals),
            (Outcome::Converged, 0, vec![0.0]),
            "{solver}"
        );
        assert_eq!(x, zero, "{solver}");
    }
}

#[test]
fn a_good_guess_is_kept_and_a_fair_one_used() {
    let problem = common::laplacian_2d();
    for (solver, solve) in SOLVERS {
        let run = |x: &mut [f64]| {
            let mut m = Jacobi::new(&problem.a).unwrap();
            solve(&problem.a, &mut m, &problem.b, x, &precise(), &mut unobserved).unwrap()
        };
        let mut x = problem.x.clone();
        let report = run(&mut x);
        assert_eq!((report.outcome, report.iterations), (Outcome::Converged, 0), "{solver}");
        assert_eq!(x, problem.x, "{solver}: the exact solution is left alone");

        let cold = run(&mut vec![0.0; problem.n()]);
        let mut x: Vec<f64> = problem.x.iter().zip(wave(problem.n(), 5.0)).map(|(x, e)| x + 1e-6 * e).collect();
        let warm = run(&mut x);
        assert_eq!(warm.outcome, Outcome::Converged, "{solver}");
        assert!(warm.iterations < cold.iterations, "{solver}: {} < {}", warm.iterations, cold.iterations);
        assert!(problem.relative_residual(&x) <= 1e-10, "{solver}");
    }
}

#[test]
fn the_observer_sees_every_iteration_and_can_stop() {
    let problem = common::laplacian_2d();
    for (solver, solve) in SOLVERS {
        let mut x = vec![0.0; problem.n()];
        let mut seen = Vec::new();
        let mut last = Vec::new();
        let mut watch = |now: &Iterate<'_>| {
            assert!((problem.relative_residual(now.x) - now.relative_residual).abs() < 1e-9);
            seen.push((now.iteration, now.relative_residual));
            last = now.x.to_vec();
            if now.iteration == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let report = solve(&problem.a, &mut Identity, &problem.b, &mut x, &precise(), &mut watch).unwrap();
        assert_eq!((report.outcome, report.iterations), (Outcome::Stopped, 5), "{solver}");
        assert_eq!(seen, (1..=5).map(|k| (k, report.residuals[k])).collect::<Vec<_>>(), "{solver}");
        assert_eq!(x, last, "{solver}: x is the last iterate");
    }
}

#[test]
fn the_iteration_limit_ends_a_solve_that_others_may_refuse() {
    let problem = common::laplacian_2d();
    for (solver, solve) in SOLVERS {
        for limit in [0, 3] {
            let stop = StopRule { max_iterations: limit, ..precise() };
            let mut x = vec![0.0; problem.n()];
            let report = solve(&problem.a, &mut Identity, &problem.b, &mut x, &stop, &mut unobserved).unwrap();
            assert_eq!((&report.outcome, report.iterations), (&Outcome::MaxIterations, limit), "{solver}");
            let error = report.require_converged().unwrap_err().to_string();
            assert!(error.contains(&format!("iteration limit reached after {limit} iterations")), "{error}");
        }
    }
}

#[test]
fn an_indefinite_matrix_is_a_breakdown_with_the_curvature() {
    let a = common::from_dense([[1.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 3.0]]);
    for (solver, solve) in SOLVERS {
        let mut x = vec![0.0; 3];
        let report = solve(&a, &mut Identity, &[0.1, 1.0, 0.1], &mut x, &precise(), &mut unobserved).unwrap();
        let Outcome::Breakdown { quantity: "p·Ap", value } = report.outcome else {
            panic!("{solver}: {:?}", report.outcome)
        };
        assert!(value < 0.0, "{solver}: {value}");
    }
}

/// z <- −r: not a preconditioner.
struct Negative;

impl Preconditioner for Negative {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        z.iter_mut().zip(r).for_each(|(z, r)| *z = -r);
    }

    fn bytes(&self) -> usize {
        0
    }
}

#[test]
fn a_preconditioner_that_is_not_positive_is_a_breakdown_of_cg() {
    let problem = common::laplacian_2d();
    let mut x = vec![0.0; problem.n()];
    let report = cg(&problem.a, &mut Negative, &problem.b, &mut x, &precise(), &mut unobserved).unwrap();
    assert!(matches!(report.outcome, Outcome::Breakdown { quantity: "r·z", value } if value < 0.0));
}

#[test]
fn nan_anywhere_is_a_breakdown_at_once() {
    let problem = common::laplacian_2d();
    let n = problem.n();
    let spoil = |v: &[f64], value: f64| {
        let mut v = v.to_vec();
        v[n / 2] = value;
        v
    };
    let mut values = problem.a.values().to_vec();
    values[n] = f64::NAN;
    let spoilt = Csr::new(n, n, problem.a.indptr().to_vec(), problem.a.indices().to_vec(), values);
    for (solver, solve) in SOLVERS {
        for bad in [f64::NAN, f64::INFINITY] {
            for (a, b, mut x) in [
                (&problem.a, spoil(&problem.b, bad), vec![0.0; n]),
                (&problem.a, problem.b.clone(), spoil(&problem.x, bad)),
                (&spoilt, problem.b.clone(), vec![0.0; n]),
            ] {
                let report = solve(a, &mut Identity, &b, &mut x, &precise(), &mut unobserved).unwrap();
                assert!(matches!(report.outcome, Outcome::Breakdown { .. }), "{solver}: {:?}", report.outcome);
                assert!(report.iterations <= 1, "{solver}: {}", report.iterations);
            }
        }
    }
}

#[test]
fn a_tolerance_beyond_the_arithmetic_is_stagnation() {
    let problem = common::laplacian_2d();
    for (solver, solve) in SOLVERS.iter().filter(|(solver, _)| !solver.ends_with("memory 0")) {
        for rtol in [1e-18, 0.0] {
            let mut x = vec![0.0; problem.n()];
            let mut m = IcConfig::default().build(&problem.a).unwrap();
            let stop = StopRule { rtol, ..precise() };
            let report = solve(&problem.a, &mut m, &problem.b, &mut x, &stop, &mut unobserved).unwrap();
            assert_eq!(report.outcome, Outcome::Stagnated, "{solver}, rtol {rtol}");
            assert!(problem.relative_residual(&x) < 1e-14, "{solver}, rtol {rtol}: {report:?}");
            assert!(report.iterations < 500, "{solver}, rtol {rtol}: {}", report.iterations);
        }
    }
}

#[test]
fn the_unit_of_the_right_hand_side_changes_no_bit_of_the_residuals() {
    let problem = common::laplacian_2d();
    for (solver, solve) in SOLVERS {
        let run = |unit: f64| {
            let b: Vec<f64> = problem.b.iter().map(|b| b * unit).collect();
            let mut x = vec![0.0; problem.n()];
            let report = solve(&problem.a, &mut Identity, &b, &mut x, &precise(), &mut unobserved).unwrap();
            assert_eq!(report.outcome, Outcome::Converged, "{solver}, unit {unit}");
            report.residuals
        };
        let one = run(1.0);
        for exponent in [-600, -100, 600] {
            assert_eq!(one, run(2.0_f64.powi(exponent)), "{solver}, unit 2^{exponent}");
        }
    }
}

#[test]
fn the_absolute_tolerance_counts() {
    let problem = common::laplacian_2d();
    let stop = StopRule { rtol: 0.0, atol: 1e-3 * norm2(&problem.b), ..StopRule::default() };
    let mut x = vec![0.0; problem.n()];
    let report = cg(&problem.a, &mut Identity, &problem.b, &mut x, &stop, &mut unobserved).unwrap();
    assert_eq!(report.outcome, Outcome::Converged);
    assert!((1e-5..=1e-3).contains(&problem.relative_residual(&x)));
}

#[test]
fn sizes_and_tolerances_that_make_no_sense_are_errors() {
    let problem = common::laplacian_2d();
    for (solver, solve) in SOLVERS {
        let try_it = |b: &[f64], n: usize, stop: StopRule| {
            let mut x = vec![0.0; n];
            solve(&problem.a, &mut Identity, b, &mut x, &stop, &mut unobserved).err().map(|e| e.to_string())
        };
        let error = try_it(&problem.b[1..], problem.n(), precise()).unwrap();
        assert!(error.contains("A is 576 x 576, b has 575 entries and x has 576"), "{solver}: {error}");
        assert!(try_it(&problem.b, 3, precise()).is_some(), "{solver}");
        for bad in [-1e-8, f64::NAN, f64::INFINITY] {
            assert!(try_it(&problem.b, problem.n(), StopRule { rtol: bad, ..precise() }).is_some(), "{solver}");
            assert!(try_it(&problem.b, problem.n(), StopRule { atol: bad, ..precise() }).is_some(), "{solver}");
        }
    }
    let mut small = Cg::new(3);
    let mut x = vec![0.0; problem.n()];
    assert!(small.solve(&problem.a, &mut Identity, &problem.b, &mut x, &precise(), &mut unobserved).is_err());
}

/// Compares the first `limit` entries of two histories, as long as the residual stands clear of rounding.
fn histories_agree(a: &[f64], b: &[f64], limit: usize, tolerance: f64) -> usize {
    let clear = |h: &[f64]| h.iter().take(limit).take_while(|r| **r > 1e-6).count();
    let steps = clear(a).min(clear(b));
    for k in 0..steps {
        assert!((a[k] - b[k]).abs() <= tolerance * a[k], "iteration {k}: {} and {}", a[k], b[k]);
    }
    steps
}

#[test]
fn memory_1_and_a_symmetric_model_is_pcg() {
    for problem in common::definite().iter().filter(|p| p.name != "graded_diagonal") {
        for (name, mut m) in preconditioners(&problem.a) {
            let (mut x, mut y) = (vec![0.0; problem.n()], vec![0.0; problem.n()]);
            let pcg = cg(&problem.a, &mut m, &problem.b, &mut x, &precise(), &mut unobserved).unwrap();
            let one =
                conjugate_direction(&problem.a, &mut m, 1, &problem.b, &mut y, &precise(), &mut unobserved).unwrap();
            // the two round differently, and CG amplifies that as it goes on
            let steps = histories_agree(&pcg.residuals, &one.residuals, 40, 1e-8);
            assert!(steps > pcg.iterations.min(60) / 3, "{name} on {}: only {steps} steps compared", problem.name);
            let counts = (pcg.iterations, one.iterations);
            assert!(counts.0.abs_diff(counts.1) <= 1 + counts.0 / 10, "{name} on {}: {counts:?}", problem.name);
        }
    }
}

#[test]
fn memory_0_is_preconditioned_steepest_descent() {
    let problem = common::laplacian_3d();
    let n = problem.n();
    let mut m = Jacobi::new(&problem.a).unwrap();
    let stop = StopRule { max_iterations: 40, ..precise() };
    let mut x = vec![0.0; n];
    let got = conjugate_direction(&problem.a, &mut m, 0, &problem.b, &mut x, &stop, &mut unobserved).unwrap();

    use filet::operator::LinearOperator;
    let (mut y, mut r, mut z, mut az) = (vec![0.0; n], problem.b.clone(), vec![0.0; n], vec![0.0; n]);
    let mut history = vec![1.0];
    let inner = |u: &[f64], v: &[f64]| u.iter().zip(v).map(|(u, v)| u * v).sum::<f64>();
    for _ in 0..40 {
        m.apply(&r, &mut z);
        problem.a.apply(&z, &mut az);
        let alpha = inner(&z, &r) / inner(&z, &az);
        y.iter_mut().zip(&z).for_each(|(y, z)| *y += alpha * z);
        problem.a.residual(&problem.b, &y, &mut r);
        history.push(norm2(&r) / norm2(&problem.b));
    }
    assert_eq!(histories_agree(&history, &got.residuals, 41, 1e-10), 41);
}

#[test]
fn memory_n_is_finite_with_any_model() {
    let problem = common::symmetric_definite();
    let n = problem.n();
    let mut x = vec![0.0; n];
    let mut identity = Identity;
    let report =
        conjugate_direction(&problem.a, &mut Bent(&mut identity), n, &problem.b, &mut x, &precise(), &mut unobserved)
            .unwrap();
    assert_eq!(report.outcome, Outcome::Converged);
    assert!(report.iterations <= n, "{report:?}");

    // on a larger system each further direction remembered can only help
    let problem = common::laplacian_1d();
    let mut iterations = |memory: usize| {
        let mut x = vec![0.0; problem.n()];
        let model = &mut Bent(&mut identity);
        conjugate_direction(&problem.a, model, memory, &problem.b, &mut x, &precise(), &mut unobserved)
            .unwrap()
            .iterations
    };
    let full = iterations(problem.n());
    assert!(full <= problem.n() + 1, "{full} iterations for {} unknowns", problem.n());
    assert!(full < iterations(1));
}

#[test]
fn useless_directions_are_replaced_by_the_residual() {
    struct Useless(usize);
    impl DirectionModel for Useless {
        fn propose(&mut self, unit_residual: &[f64], d: &mut [f64]) -> Result<()> {
            self.0 += 1;
            match self.0 % 3 {
                0 => d.fill(0.0),
                1 => d.fill(f64::NAN),
                _ => d.copy_from_slice(unit_residual),
            }
            Ok(())
        }
    }
    let problem = common::laplacian_1d();
    let mut x = vec![0.0; problem.n()];
    let report =
        conjugate_direction(&problem.a, &mut Useless(0), 2, &problem.b, &mut x, &precise(), &mut unobserved).unwrap();
    assert_eq!(report.outcome, Outcome::Converged, "{:?}", report.outcome);
    assert!(report.restarts > 0);
    assert!(problem.relative_residual(&x) <= 1e-10);
}

#[test]
fn the_direct_solver_needs_one_solve_and_refines_to_rounding() {
    for problem in common::definite() {
        let mut factor = Cholesky::new(&problem.a).unwrap();
        let mut x = wave(problem.n(), 4.0); // not used
        let report = direct(&problem.a, &mut factor, &problem.b, &mut x, &precise()).unwrap();
        assert_eq!((&report.outcome, report.iterations), (&Outcome::Converged, 1), "{}: {report:?}", problem.name);
        assert!(problem.relative_residual(&x) <= 1e-10, "{}", problem.name);
        let report = direct(&problem.a, &mut factor, &problem.b, &mut x, &StopRule { rtol: 0.0, ..precise() }).unwrap();
        assert!(matches!(report.outcome, Outcome::Stagnated | Outcome::Converged), "{report:?}");
        assert!(problem.relative_residual(&x) <= 1e-13, "{}: {report:?}", problem.name);
    }
    for Problem { a, b, x, name, .. } in common::singular() {
        let mut factor = Cholesky::new_singular_constant(&a).unwrap();
        let mut y = vec![0.0; b.len()];
        let report = direct(&a, &mut factor, &b, &mut y, &precise()).unwrap();
        assert_eq!(report.outcome, Outcome::Converged, "{name}");
        assert!(x.iter().zip(&y).all(|(x, y)| (x - y).abs() < 1e-10), "{name}");
    }
}

#[test]
fn the_same_bits_with_any_number_of_threads() {
    let a = filet::sparse::gallery::poisson_2d(300);
    let b = wave(a.nrows(), 0.7);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut x = vec![0.0; b.len()];
            let mut m = IcConfig::default().build(&a).unwrap();
            let stop = StopRule { max_iterations: 30, ..precise() };
            let report = cg(&a, &mut m, &b, &mut x, &stop, &mut unobserved).unwrap();
            (x, report.residuals)
        })
    };
    assert_eq!(with(1), with(4));
}
