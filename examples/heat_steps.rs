//! Many right-hand sides, one set-up: heat flow ∂u/∂t = Δu on a disc, implicit Euler. Each step solves
//! −Δu + u/τ = u_before/τ, so only the right-hand side changes; the hierarchy and the starting guess are kept.
//!
//! `cargo run --release --example heat_steps`

use filet::assembly::Poisson;
use filet::mesh::shapes;
use filet::solver::{Method, SolverConfig, StopRule, unobserved};
use std::time::Instant;

const TAU: f64 = 1e-3;
const STEPS: usize = 400;

/// First zero of the Bessel function J0: the slowest mode of the disc decays like exp(−j² t).
const J01: f64 = 2.404_825_557_695_773;

fn main() -> filet::Result<()> {
    let mesh = shapes::built_in("disc:64").expect("a built-in shape")?;
    let problem = Poisson { reaction: (1.0 / TAU).into(), ..Default::default() }.dirichlet(None, 0.0);
    let clock = Instant::now();
    let mut system = problem.assemble(&mesh)?;
    let mass = system.space.mass_matrix();
    let config = SolverConfig {
        method: Method::PcgAmg,
        stop: StopRule { rtol: 1e-8, ..Default::default() },
        ..Default::default()
    };
    let mut solver = config.build(&system.a, mesh.dimension())?;
    println!("{} unknowns, set up in {:.1} ms", system.unknowns(), clock.elapsed().as_secs_f64() * 1e3);

    let mut u: Vec<f64> = mesh.points.iter().map(|p| 1.0 - p[0] * p[0] - p[1] * p[1]).collect();
    let (mut iterations, mut before, clock) = (0, 0.0, Instant::now());
    for _ in 0..STEPS {
        before = u[0];
        let source: Vec<f64> = u.iter().map(|v| v / TAU).collect();
        system.set_source(&mass, &source);
        let mut x = system.restrict(&u);
        iterations += solver.solve(&system.a, &system.b, &mut x, &mut unobserved)?.require_converged()?.iterations;
        u = system.solution(&x);
    }
    let per_step = clock.elapsed().as_secs_f64() / STEPS as f64;
    println!("{STEPS} steps, {:.1} iterations and {:.2} ms a step", iterations as f64 / STEPS as f64, per_step * 1e3);
    let decay = (before / u[0] - 1.0) / TAU;
    println!("u(0) = {:.5}; decay rate {decay:.3}, slowest mode {:.3}", u[0], J01 * J01);
    Ok(())
}
