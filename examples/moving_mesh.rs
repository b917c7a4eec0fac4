//! A hot spot that goes around on a square, ∂u/∂t = κ Δu + s(x, t), implicit Euler, on a mesh that follows the solution: every step
//! moves the mesh to where u bends, beginning with the potential of the step before, and brings u over by interpolation.
//!
//! `cargo run --release --example moving_mesh`

use filet::assembly::{Conductivity, Poisson};
use filet::mesh::{Locator, shapes};
use filet::mover::{FieldMonitor, Form, MongeAmpere, MongeAmpereConfig};
use filet::report::plot::{self, SolutionPlot};
use filet::solver::{SolverConfig, unobserved};

const STEPS: usize = 40;
const TAU: f64 = 0.01;
const KAPPA: f64 = 0.02;

fn main() -> filet::Result<()> {
    let fixed = shapes::built_in("square:40").expect("a built-in shape")?;
    let config = MongeAmpereConfig { rtol: 1e-3, smoothing: 4.0, ..MongeAmpereConfig::default() };
    let mut mover = MongeAmpere::new(&fixed, &config)?;
    let problem = Poisson {
        conductivity: Conductivity::Scalar(KAPPA.into()),
        reaction: (1.0 / TAU).into(),
        ..Default::default()
    };
    let problem = problem.dirichlet(None, 0.0);

    let (mut mesh, mut u) = (fixed.clone(), vec![0.0; fixed.points.len()]);
    for step in 1..=STEPS {
        let angle = std::f64::consts::TAU * step as f64 / STEPS as f64;
        let centre = [0.5 + 0.25 * angle.cos(), 0.5 + 0.25 * angle.sin()];
        let spot = |p: &[f64; 3]| 50.0 * (-((p[0] - centre[0]).powi(2) + (p[1] - centre[1]).powi(2)) / 0.002).exp();

        let monitor = FieldMonitor::of_function(&mesh, &u, Form::Optimal, 1.0)?;
        let moved = mover.solve(&monitor)?;
        let mut before = vec![0.0; u.len()];
        Locator::new(mesh).interpolate(&u, &moved.mesh.points, &mut before);
        mesh = moved.mesh;

        let mut system = problem.assemble(&mesh)?;
        let source: Vec<f64> = mesh.points.iter().zip(&before).map(|(p, u)| spot(p) + u / TAU).collect();
        system.set_source(&system.space.mass_matrix(), &source);
        let mut x = system.restrict(&before);
        let mut solver = SolverConfig::default().build(&system.a, 2)?;
        solver.solve(&system.a, &system.b, &mut x, &mut unobserved)?.require_converged()?;
        u = system.solution(&x);
        let (r, hottest) = (moved.report, u.iter().copied().fold(0.0, f64::max));
        println!(
            "step {step}: max u = {hottest:.4}; mesh moved in {} steps, variation {:.2}",
            r.iterations, r.after.variation
        );
    }
    let picture = std::env::temp_dir().join("filet_moving_mesh.png");
    plot::solution(&picture, &mesh, &u, &SolutionPlot::default())?;
    println!("{}", picture.display());
    Ok(())
}
