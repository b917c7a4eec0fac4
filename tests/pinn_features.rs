//! Least squares on random local features: errors, derivatives, what is refused.

use filet::pinn::{Approximation, FeatureConfig, FeatureRun, Problem, parse_problem, problems};
use std::ops::ControlFlow;
use std::path::Path;

/// A Gaussian peak off the boxes' lattice, which is not told where it is.
fn peak(sharp: f64) -> Problem {
    let text = format!(
        r#"
        residual = "u_xx + u_yy - 4*{sharp}*({sharp}*((x-0.21)^2+(y+0.33)^2) - 1)*exp(-{sharp}*((x-0.21)^2+(y+0.33)^2))"
        domain = {{ box = [[-1, 1], [-1, 1]] }}
        hard = {{}}
        exact = "exp(-{sharp}*((x-0.21)^2+(y+0.33)^2))"
    "#
    );
    parse_problem("peak", Path::new("peak.toml"), &text).unwrap()
}

fn fit<'a>(problem: &'a Problem, config: &FeatureConfig) -> FeatureRun<'a> {
    let mut run = FeatureRun::new(problem, config.clone()).unwrap();
    run.advance(&mut |_| Ok(ControlFlow::Continue(()))).unwrap();
    run
}

#[test]
fn features_follow_a_peak_and_solve_smooth_and_singular_problems() {
    let config = FeatureConfig { features: 15, points: 6000, ..FeatureConfig::default() };
    let problem = peak(100.0);
    let run = fit(&problem, &config);
    let error = run.score().unwrap().relative_l2;
    // Boxes crowd around the peak, though only the source says where it is; grading them adds a few.
    let points = &run.cloud().points;
    let near = points.chunks_exact(2).filter(|x| (x[0] - 0.21).abs() < 0.3 && (x[1] + 0.33).abs() < 0.3).count();
    let n = points.len() / 2;
    assert!(n <= 6600 && near > n / 5, "{near} of {n} points in 9 % of the square");
    for (name, bound) in [("poisson", 5e-4), ("l-shape", 2e-2), ("diffusion", 1e-3)] {
        let problem = problems::builtin(name).unwrap();
        let error = fit(&problem, &FeatureConfig { steps: 2, ..config.clone() }).score().unwrap().relative_l2;
        assert!(error < bound, "{name}: {error}");
    }
    assert!(error < 1e-2, "peak: {error}");
}

#[test]
fn residuals_of_features_equal_differences_of_the_solution() {
    let problem = peak(20.0);
    let run = fit(&problem, &FeatureConfig { features: 10, points: 5000, steps: 2, ..FeatureConfig::default() });
    let h = 1e-3;
    for [x, y] in [[0.2, -0.3], [0.05, 0.4], [-0.9, -0.35]] {
        let u = run.solution(&[x, y, x + h, y, x - h, y, x, y + h, x, y - h]);
        let square = (x - 0.21) * (x - 0.21) + (y + 0.33) * (y + 0.33);
        let source = 80.0 * (20.0 * square - 1.0) * (-20.0 * square).exp();
        let r = (u[1..].iter().sum::<f64>() - 4.0 * u[0]) / (h * h) - source;
        let found = run.residual(&[x, y])[0];
        assert!((found - r).abs() < 1e-2, "{found} {r} at {x}, {y}");
    }
}

#[test]
fn features_refuse_what_they_cannot_do() {
    for (name, part) in [("ten", "3 dimensions"), ("diffusivity", "no coefficients such as k")] {
        let problem = problems::builtin(name).unwrap();
        let error = FeatureRun::new(&problem, FeatureConfig::default()).err().unwrap().to_string();
        assert!(error.contains(part), "{name}: {error}");
    }
    let problem = problems::builtin("poisson").unwrap();
    let few = FeatureConfig { points: 10, ..FeatureConfig::default() };
    assert!(FeatureRun::new(&problem, few).err().unwrap().to_string().contains("--points"));
}
