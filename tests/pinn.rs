//! PINNs: derivatives against differences, optimisers on known problems, samplers, resume, errors of the built-in problems.

use filet::mesh::io::{self, MeshFile};
use filet::mesh::shapes;
use filet::pinn::{
    Activation, Approximation, Cloud, Ending, Form, LANES, Mlp, MlpConfig, Objective, OptimizerKind, Problem, Run,
    RunConfig, SamplerKind, Sweep, finite_element_solution, parse_problem, problems, residual_at, solution_at,
};
use filet::train::{Broyden, Function, Lbfgs, LeastSquares, LevenbergMarquardt, Minimiser, NewtonCg, Step};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use std::ops::ControlFlow;
use std::path::Path;

fn net(activation: Activation, waves: usize, periodic: bool) -> (Mlp, Vec<f64>) {
    let config = MlpConfig { depth: 2, width: 5, activation, waves, wave_scale: 2.0 };
    let mut rng = Pcg64::seed_from_u64(3);
    let net = Mlp::new(&config, &[[-1.0, 2.0], [0.0, 1.0]], &[periodic, false], &mut rng);
    // Smooth enough for differences.
    let theta = net.initial(&mut rng).iter().map(|t| 0.5 * t).collect();
    (net, theta)
}

#[test]
fn jets_equal_central_differences() {
    let forms = [Form::laplacian(2), Form::second(0, 1), Form(vec![(0, 0, -3.0), (1, 0, 0.7)])];
    for (activation, waves, periodic) in
        [(Activation::Tanh, 0, false), (Activation::Sine, 3, false), (Activation::Gelu, 2, true)]
    {
        let (net, theta) = net(activation, waves, periodic);
        let x = [0.3, 0.4, -0.7, 0.9];
        let out = Sweep::new(&net, &forms).forward(&theta, &x).to_vec();
        let value = |x: [f64; 2]| Sweep::values(&net).forward(&theta, &x)[0];
        for (lane, x) in x.chunks(2).enumerate() {
            let h = 1e-4;
            let u = |i: f64, j: f64| value([x[0] + i * h, x[1] + j * h]);
            let [xx, yy] = [[1.0, 0.0], [0.0, 1.0]].map(|[i, j]| (u(i, j) - 2.0 * u(0.0, 0.0) + u(-i, -j)) / (h * h));
            let xy = (u(1.0, 1.0) - u(1.0, -1.0) - u(-1.0, 1.0) + u(-1.0, -1.0)) / (4.0 * h * h);
            let expected = [
                u(0.0, 0.0),
                (u(1.0, 0.0) - u(-1.0, 0.0)) / (2.0 * h),
                (u(0.0, 1.0) - u(0.0, -1.0)) / (2.0 * h),
                xx + yy,
                xy,
                -3.0 * xx + 0.7 * xy,
            ];
            for (c, e) in expected.iter().enumerate() {
                let found = out[c * LANES + lane];
                assert!((found - e).abs() < 1e-6 * (1.0 + e.abs()), "{activation:?}, channel {c}: {found} {e}");
            }
        }
    }
}

/// A problem with every kind of term: a nonlinear equation, a lift, soft conditions, data, an unknown coefficient.
fn rich() -> Problem {
    let text = r#"
        coordinates = ["x", "t"]
        residual = "u_t + c*u*u_x - 0.1*u_xx + 0.2*u_xt - x*t + c^2"
        domain = { box = [[-1, 2], [0, 1]] }
        hard = { value = "sin(x)*t", distance = "t*(1 + 0.5*x^2)" }
        [unknowns]
        c = 0.7
        [[condition]]
        side = "x+"
        neumann = "t"
        weight = 2
        [[condition]]
        residual = "u_x*u - c*u_t"
        [[data]]
        points = [[0.5, 0.5], [1, 0.25]]
        values = [1, 2]
    "#;
    parse_problem("rich", Path::new("rich.toml"), text).unwrap()
}

/// As many points inside, and 40 of each condition.
fn clouds(problem: &Problem, points: usize) -> Vec<Cloud> {
    let mut rng = Pcg64::seed_from_u64(8);
    let inside = Cloud::even(filet::pinn::sampler::uniform(&problem.domain, points, &mut rng), 2);
    let on = problem.conditions.iter().map(|c| Cloud::boundary(&problem.domain, &c.part, 40, &mut rng));
    std::iter::once(inside).chain(on).collect()
}

#[test]
fn gradient_and_jacobian_equal_central_differences() {
    let problem = rich();
    let (net, mut theta) = net(Activation::Tanh, 2, false);
    theta.push(0.7);
    let clouds = clouds(&problem, 150);
    let f = Objective::<f64>::new(&problem, &net, &clouds);
    let (n, m) = (f.unknowns(), f.rows());
    assert_eq!((n, m), (theta.len(), 150 + 40 + 40 + 2));
    let mut gradient = vec![0.0; n];
    let value = f.gradient(&theta, &mut gradient);
    assert!((value - f.value(&theta)).abs() < 1e-12 * value);
    let (mut rho, mut j) = (vec![0.0; m], vec![0.0; m * n]);
    f.jacobian(&theta, &mut rho, &mut j);
    assert!((0.5 * rho.iter().map(|r| r * r).sum::<f64>() - value).abs() < 1e-12 * value);
    // Jᵀw without J.
    let w: Vec<f64> = (0..m).map(|i| (i as f64).sin()).collect();
    let mut back = vec![0.0; n];
    f.transposed(&theta, &w, &mut back);
    for (k, b) in back.iter().enumerate() {
        let sum: f64 = w.iter().enumerate().map(|(i, w)| w * j[i * n + k]).sum();
        assert!((sum - b).abs() < 1e-11 * (1.0 + sum.abs()), "{k}: {sum} {b}");
    }
    let h = 1e-6;
    for k in 0..n {
        let moved = |s: f64| {
            let mut theta = theta.clone();
            theta[k] += s;
            let mut rho = vec![0.0; m];
            f.jacobian(&theta, &mut rho, &mut vec![0.0; m * n]);
            (f.value(&theta), rho)
        };
        let (plus, minus) = (moved(h), moved(-h));
        let slope = (plus.0 - minus.0) / (2.0 * h);
        assert!((slope - gradient[k]).abs() < 1e-6 * (1.0 + slope.abs()), "{k}: {slope} {}", gradient[k]);
        for i in (0..m).step_by(7) {
            let slope = (plus.1[i] - minus.1[i]) / (2.0 * h);
            assert!((slope - j[i * n + k]).abs() < 1e-6 * (1.0 + slope.abs()), "{i} {k}: {slope} {}", j[i * n + k]);
        }
    }
}

/// (1 − x)² + 100 (y − x²)² as two residuals.
struct Rosenbrock;

impl Function for Rosenbrock {
    fn unknowns(&self) -> usize {
        2
    }
    fn value(&self, x: &[f64]) -> f64 {
        self.gradient(x, &mut [0.0; 2])
    }
    fn gradient(&self, x: &[f64], gradient: &mut [f64]) -> f64 {
        let (mut r, mut j) = ([0.0; 2], [0.0; 4]);
        self.jacobian(x, &mut r, &mut j);
        gradient[0] = r[0] * j[0] + r[1] * j[2];
        gradient[1] = r[0] * j[1] + r[1] * j[3];
        0.5 * (r[0] * r[0] + r[1] * r[1])
    }
}

impl LeastSquares for Rosenbrock {
    fn rows(&self) -> usize {
        2
    }
    fn residuals(&self, x: &[f64], r: &mut [f64]) {
        self.jacobian(x, r, &mut [0.0; 4]);
    }
    fn jacobian(&self, x: &[f64], r: &mut [f64], j: &mut [f64]) {
        r.copy_from_slice(&[1.0 - x[0], 10.0 * (x[1] - x[0] * x[0])]);
        j.copy_from_slice(&[-1.0, 0.0, -20.0 * x[0], 10.0]);
    }
}

#[test]
fn second_order_methods_solve_rosenbrock() {
    let methods: [(&str, Box<dyn Minimiser>); 4] = [
        ("lm", Box::new(LevenbergMarquardt::default())),
        ("newton-cg", Box::new(NewtonCg::default())),
        ("lbfgs", Box::new(Lbfgs::default())),
        ("broyden", Box::new(Broyden::default())),
    ];
    for (name, mut method) in methods {
        let mut x = [-1.2, 1.0];
        let mut value = f64::INFINITY;
        for _ in 0..80 {
            match method.step(&Rosenbrock, &mut x) {
                Step::Moved(v) => value = v,
                Step::Stuck(v, _) => {
                    value = v;
                    break;
                }
            }
        }
        assert!(value < 1e-20, "{name}: {value} at {x:?}");
    }
}

#[test]
fn single_precision_is_double_precision_to_six_digits() {
    let problem = rich();
    for activation in [Activation::Tanh, Activation::Sine, Activation::Gelu] {
        let (net, mut theta) = net(activation, 2, false);
        theta.push(0.7);
        let clouds = clouds(&problem, 300);
        let (double, single) =
            (Objective::<f64>::new(&problem, &net, &clouds), Objective::<f32>::new(&problem, &net, &clouds));
        let (mut exact, mut rounded) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
        let (f, g) = (double.gradient(&theta, &mut exact), single.gradient(&theta, &mut rounded));
        assert!((f - g).abs() < 1e-5 * f, "{activation:?}: {f} {g}");
        let size = exact.iter().map(|g| g * g).sum::<f64>().sqrt();
        let off = exact.iter().zip(&rounded).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        assert!(off > 0.0 && off < 1e-5 * size, "{activation:?}: {off} of {size}");
        let rows = double.rows();
        let (mut exact, mut rounded) = (vec![0.0; rows * theta.len()], vec![0.0; rows * theta.len()]);
        double.jacobian(&theta, &mut vec![0.0; rows], &mut exact);
        single.jacobian(&theta, &mut vec![0.0; rows], &mut rounded);
        let largest = exact.iter().fold(0.0, |m: f64, j| m.max(j.abs()));
        assert!(exact.iter().zip(&rounded).all(|(a, b)| (a - b).abs() < 1e-5 * largest), "{activation:?}");
    }
}

/// On a network of 49 numbers.
#[test]
fn steps_without_a_matrix_make_the_loss_as_small_as_those_with_one() {
    let problem = problems::builtin("poisson").unwrap();
    let bounds = problem.domain.bounds();
    let mut rng = Pcg64::seed_from_u64(3);
    let net = Mlp::new(&MlpConfig { depth: 1, width: 12, ..MlpConfig::default() }, &bounds, &[false; 2], &mut rng);
    let start = net.initial(&mut rng);
    let clouds = [Cloud::even(filet::pinn::sampler::uniform(&problem.domain, 300, &mut rng), 2)];
    let f = Objective::<f64>::new(&problem, &net, &clouds);
    let after = |mut method: Box<dyn Minimiser>| {
        let mut theta = start.clone();
        (0..25).fold(f64::INFINITY, |_, _| method.step(&f, &mut theta).value())
    };
    let (dense, free) = (after(Box::<LevenbergMarquardt>::default()), after(Box::<NewtonCg>::default()));
    assert!(free < 1e-2 * f.value(&start) && free < 100.0 * dense, "{free} {dense} of {}", f.value(&start));
}

#[test]
fn finite_elements_are_a_reference_of_fourth_order_at_vertices() {
    let problem = problems::builtin("poisson").unwrap();
    let exact = problem.exact.as_ref().unwrap();
    let error = |cells: usize| {
        let u = finite_element_solution(&problem, cells).unwrap().unwrap();
        let at = |k: usize| [(k % 9) as f64 / 4.0 - 1.0, (k / 9) as f64 / 4.0 - 1.0];
        (0..81).map(|k| (u(&at(k)) - exact(&at(k))).abs()).fold(0.0, f64::max)
    };
    let errors = [error(16), error(32)];
    assert!(errors[1] < 2e-4 && (errors[0] / errors[1]).log2() > 2.7, "{errors:?}");
    let reaction = "residual = \"2*u_xx + 2*u_yy - (1 + x)*u + x\"\ndomain = { box = [[0, 1], [0, 2]] }\nhard = { value = \"x*y\", distance = \"x*(1-x)*y*(2-y)\" }";
    let problem = parse_problem("p", Path::new("p.toml"), reaction).unwrap();
    let u = finite_element_solution(&problem, 24).unwrap().unwrap();
    assert!((u(&[1.0, 1.5]) - 1.5).abs() < 1e-12, "the boundary's value");
    let h = 1.0 / 24.0;
    let [x, y] = [12.0 * h, 1.0];
    let around = u(&[x + h, y]) + u(&[x - h, y]) - 2.0 * u(&[x, y]);
    let along = u(&[x, y + 2.0 * h]) + u(&[x, y - 2.0 * h]) - 2.0 * u(&[x, y]);
    let r = 2.0 * around / (h * h) + 2.0 * along / (4.0 * h * h) - (1.0 + x) * u(&[x, y]) + x;
    assert!(r.abs() < 2e-2, "{r}");
    // u = x² + x y on a mesh of its own, the boundary's value a soft condition: elements of degree 2 hold it.
    let folder = tempfile::tempdir().unwrap();
    let mesh = shapes::built_in("l_shape:4").unwrap().unwrap();
    let file = MeshFile::from(mesh);
    io::write(folder.path().join("l.msh"), &file).unwrap();
    let text =
        "residual = \"u_xx + u_yy - 2\"\ndomain = { mesh = \"l.msh\" }\n[[condition]]\ndirichlet = \"x^2 + x*y\"";
    let mut problem = parse_problem("p", &folder.path().join("p.toml"), text).unwrap();
    let u = finite_element_solution(&problem, 24).unwrap().unwrap();
    for p in &problem.mesh.as_ref().unwrap().points {
        assert!((u(&p[..2]) - p[0] * p[0] - p[0] * p[1]).abs() < 1e-9, "{p:?}");
    }
    problem.conditions.clear();
    assert!(finite_element_solution(&problem, 8).unwrap().is_none(), "nothing holds the boundary");
    for name in ["burgers", "l-shape", "helmholtz", "ten", "two-peak"] {
        assert!(finite_element_solution(&problems::builtin(name).unwrap(), 4).unwrap().is_none(), "{name}");
    }
}

fn quick(sampler: SamplerKind, optimizer: OptimizerKind) -> RunConfig {
    RunConfig {
        net: MlpConfig { depth: 2, width: 10, ..MlpConfig::default() },
        sampler,
        optimizer,
        points: 300,
        boundary_points: 80,
        steps: 14,
        refresh_every: 6,
        learning_rate: 5e-3,
        ..RunConfig::default()
    }
}

fn finish(problem: &Problem, config: RunConfig) -> (Ending, f64) {
    let mut run = Run::new(problem, config).unwrap();
    let ending = run.advance(&mut |_| Ok(ControlFlow::Continue(()))).unwrap();
    (ending, run.score().map_or(f64::NAN, |s| s.relative_l2))
}

/// 256 Gauss points on a square, 60 steps of Levenberg–Marquardt.
fn second_order() -> RunConfig {
    RunConfig { points: 1600, steps: 60, refresh_every: 0, ..quick(SamplerKind::Quadtree, OptimizerKind::Lm) }
}

#[test]
fn levenberg_marquardt_solves_smooth_and_singular_problems() {
    for (name, bound) in [("diffusion", 1e-5), ("l-shape", 8e-3)] {
        let (_, error) = finish(&problems::builtin(name).unwrap(), second_order());
        assert!(error < bound, "{name}: {error}");
    }
}

#[test]
fn an_unknown_coefficient_is_found() {
    let problem = problems::builtin("diffusivity").unwrap();
    let mut run = Run::new(&problem, second_order()).unwrap();
    run.advance(&mut |_| Ok(ControlFlow::Continue(()))).unwrap();
    let (name, k) = run.unknowns()[0];
    let error = run.score().unwrap().relative_l2;
    assert!(name == "k" && (k - 2.0).abs() < 1e-5 && error < 3e-5, "{name} = {k}, {error}");
}

#[test]
fn every_sampler_keeps_its_points_inside_and_its_weights_at_one() {
    let problem = problems::builtin("poisson").unwrap();
    for sampler in SamplerKind::ALL {
        let mut run = Run::new(&problem, RunConfig { steps: 7, ..quick(sampler, OptimizerKind::Adam) }).unwrap();
        run.advance(&mut |_| Ok(ControlFlow::Continue(()))).unwrap();
        let cloud = run.cloud();
        let n = cloud.weights.len();
        assert!((100..=300).contains(&n), "{}: {n} points", sampler.name());
        assert!(cloud.points.chunks(2).all(|x| problem.domain.contains(x)), "{}", sampler.name());
        assert!((cloud.weights.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{}", sampler.name());
        // ∫ p = 1 by the midpoint rule.
        let side = 200;
        let at = |i: usize| 2.0 * (i as f64 + 0.5) / side as f64 - 1.0;
        let grid: Vec<f64> = (0..side * side).flat_map(|c| [at(c / side), at(c % side)]).collect();
        if let Some(density) = run.density(&grid) {
            let integral = density.iter().sum::<f64>() * 4.0 / (side * side) as f64;
            assert!((integral - 1.0).abs() < 1e-3, "{}: {integral}", sampler.name());
        }
    }
}

#[test]
fn weights_undo_the_density_that_points_are_drawn_from() {
    let problem = problems::builtin("poisson").unwrap();
    for sampler in [SamplerKind::Das, SamplerKind::Aas, SamplerKind::AasExact] {
        let config = RunConfig { weighted: true, steps: 7, ..quick(sampler, OptimizerKind::Adam) };
        let mut run = Run::new(&problem, config).unwrap();
        run.advance(&mut |_| Ok(ControlFlow::Continue(()))).unwrap();
        let (cloud, density) = (run.cloud(), run.density(&run.cloud().points).unwrap());
        let product = |i: usize| cloud.weights[i] * density[i];
        assert!((1..density.len()).all(|i| (product(i) / product(0) - 1.0).abs() < 1e-12), "{}", sampler.name());
        assert!((cloud.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

#[test]
fn a_parameter_has_no_boundary_condition() {
    let problem = problems::builtin("parametric").unwrap();
    let run = Run::new(&problem, quick(SamplerKind::Aas, OptimizerKind::Adam)).unwrap();
    let u = run.solution(&[1.0, 0.2, 0.1, 0.1, 0.3, -1.0, 0.1, 0.1, 0.3, 0.2, 0.5, -0.5]);
    assert!(u[0].abs() < 1e-12 && u[1].abs() < 1e-12 && u[2].abs() > 1e-3, "{u:?}");
}

#[test]
fn a_run_resumed_makes_the_same_steps() {
    let problem = rich();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    for (sampler, optimizer) in [
        (SamplerKind::Aas, OptimizerKind::Adam),
        (SamplerKind::RarD, OptimizerKind::Lbfgs),
        (SamplerKind::R3, OptimizerKind::Broyden),
        (SamplerKind::Quadtree, OptimizerKind::Lm),
    ] {
        let config = quick(sampler, optimizer);
        let mut whole = Run::new(&problem, config.clone()).unwrap();
        whole.advance(&mut |_| Ok(ControlFlow::Continue(()))).unwrap();
        let mut cut = Run::new(&problem, config.clone()).unwrap();
        let ending = cut
            .advance(&mut |run| {
                run.write_checkpoint(&path)?;
                Ok(if run.step() == 8 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })
            .unwrap();
        assert_eq!(ending, Ending::Stopped);
        let mut resumed = Run::new(&problem, config.clone()).unwrap();
        resumed.read_checkpoint(&path).unwrap();
        resumed.advance(&mut |_| Ok(ControlFlow::Continue(()))).unwrap();
        assert_eq!(whole.losses(), resumed.losses(), "{} {}", sampler.name(), optimizer.name());
        let mut other = Run::new(&problem, RunConfig { seed: 1, ..config }).unwrap();
        assert!(other.read_checkpoint(&path).unwrap_err().to_string().contains("is of the run"));
        std::fs::write(&path, b"{}\n1234").unwrap();
        assert!(resumed.read_checkpoint(&path).is_err());
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let problem = problems::builtin("two-peak").unwrap();
    for (sampler, optimizer) in [(SamplerKind::Aas, OptimizerKind::Adam), (SamplerKind::Quadtree, OptimizerKind::Lm)] {
        let with = |n: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            pool.install(|| {
                let mut run = Run::new(&problem, RunConfig { steps: 8, ..quick(sampler, optimizer) }).unwrap();
                run.advance(&mut |_| Ok(ControlFlow::Continue(()))).unwrap();
                run.losses().to_vec()
            })
        };
        assert_eq!(with(1), with(3), "{} {}", sampler.name(), optimizer.name());
    }
}

/// The known solution has no residual: every built-in equation agrees with its solution.
#[test]
fn exact_solutions_satisfy_their_equations() {
    for name in problems::names() {
        let problem = problems::builtin(name).unwrap();
        let exact = problem.exact.as_ref().unwrap();
        let d = problem.dimension();
        let bounds = problem.domain.bounds();
        let c: Vec<f64> =
            problem.unknowns.iter().map(|(_, start)| if name == "diffusivity" { 2.0 } else { *start }).collect();
        for place in [0.31, 0.44, 0.71] {
            let x: Vec<f64> = bounds.iter().map(|[low, high]| low + place * (high - low)).collect();
            let h = 1e-4;
            let at = |moves: &[(usize, f64)]| {
                let mut x = x.clone();
                moves.iter().for_each(|(i, s)| x[*i] += s * h);
                exact(&x)
            };
            let mut u = vec![exact(&x)];
            u.extend((0..d).map(|i| (at(&[(i, 1.0)]) - at(&[(i, -1.0)])) / (2.0 * h)));
            let second = |i: usize, j: usize| {
                let corner = |a: f64, b: f64| at(&[(i, a), (j, b)]);
                if i == j {
                    (at(&[(i, 1.0)]) - 2.0 * u[0] + at(&[(i, -1.0)])) / (h * h)
                } else {
                    (corner(1.0, 1.0) - corner(1.0, -1.0) - corner(-1.0, 1.0) + corner(-1.0, -1.0)) / (4.0 * h * h)
                }
            };
            let forms: Vec<f64> =
                problem.forms.iter().map(|f| f.0.iter().map(|&(i, j, w)| w * second(i, j)).sum()).collect();
            u.extend(forms);
            let mut partials = vec![0.0; u.len() + c.len()];
            let site = filet::pinn::Site { x: &x, normal: &vec![0.0; d] };
            let r = problem.equation.residual(site, &u, &c, &mut partials);
            // By the size of the terms that cancel.
            let size: f64 = u.iter().zip(&partials).map(|(u, p)| (u * p).abs()).sum::<f64>() + 1e-3;
            assert!(r.abs() < 2e-3 * size, "{name} at {x:?}: {r} of {size}");
        }
    }
}

#[test]
fn hard_conditions_hold_for_any_network() {
    let problem = problems::builtin("burgers").unwrap();
    let run = Run::new(&problem, quick(SamplerKind::Uniform, OptimizerKind::Adam)).unwrap();
    let u = run.solution(&[0.3, 0.0, -1.0, 0.6, 1.0, 0.2]);
    let expected = [-(0.3 * std::f64::consts::PI).sin(), 0.0, 0.0];
    assert!(u.iter().zip(expected).all(|(u, e)| (u - e).abs() < 1e-12), "{u:?}");
}

#[test]
fn problem_files_are_refused_with_the_entry_and_the_cure() {
    let base = "residual = \"u_xx + u_yy\"\ndomain = { box = [[0, 1], [0, 1]] }\n";
    for (text, part) in [
        (base.to_string(), "nothing is said of u on the boundary"),
        (base.replace("u_yy", "u_yz") + "hard = {}", "u_yz"),
        (base.replace("[0, 1]]", "[1, 1]]") + "hard = {}", "no volume"),
        (base.replace("[[0, 1], [0, 1]]", "[[0, 1]]") + "hard = {}", "1 dimensions"),
        (base.to_string() + "hrad = {}", "hrad"),
        (base.to_string() + "[[condition]]\nside = \"z-\"\ndirichlet = 0", "no side \"z-\""),
        (base.to_string() + "[[condition]]\nside = \"x-\"", "says nothing"),
        (base.to_string() + "hard = { value = \"w\" }", "w"),
        (base.to_string() + "periodic = [\"t\"]", "no coordinate \"t\""),
        (base.to_string() + "hard = {}\n[[data]]\npoints = [[0.5]]\nvalues = [1]", "data 1"),
        ("residual = ".to_string(), "line 1"),
    ] {
        let error = parse_problem("p", Path::new("p.toml"), &text).unwrap_err();
        assert!(error.to_string().contains(part), "{text}: {error}");
        assert!(error.to_string().contains("p.toml") && error.help().is_some(), "{error}");
    }
}

#[test]
fn a_loss_that_is_no_number_names_the_points() {
    let text = "residual = \"u_xx + u_yy + sqrt(x - 0.5)\"\ndomain = { box = [[0, 1], [0, 1]] }\nhard = {}";
    let problem = parse_problem("p", Path::new("p.toml"), text).unwrap();
    for optimizer in OptimizerKind::ALL {
        let mut run = Run::new(&problem, quick(SamplerKind::Uniform, optimizer)).unwrap();
        let error = run.advance(&mut |_| Ok(ControlFlow::Continue(()))).unwrap_err().to_string();
        assert!(error.contains("step 0") && error.contains("NaN at ["), "{}: {error}", optimizer.name());
    }
}

#[test]
fn values_and_residuals_at_points_agree_with_jets() {
    let problem = rich();
    let (net, mut theta) = net(Activation::Tanh, 0, false);
    theta.push(0.7);
    let points = [0.2, 0.0, 1.5, 0.0];
    let u = solution_at(&problem, &net, &theta, &points);
    assert!(u.iter().all(|u| u.abs() < 1e-14), "the lift vanishes at t = 0: {u:?}");
    assert_eq!(residual_at(&problem, &net, &theta, &points).len(), 2);
}
