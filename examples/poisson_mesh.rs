//! −Δu = 1 on a plate with two holes: cold on the left hole, insulated outside, convection on the right hole.
//!
//! `cargo run --release --example poisson_mesh`

use filet::assembly::Poisson;
use filet::mesh::io;
use filet::report::plot::{self, SolutionPlot};
use filet::solver::{SolverConfig, unobserved};

fn main() -> filet::Result<()> {
    let mesh = io::read("meshes/plate.msh")?.mesh;
    let problem = Poisson { source: 1.0.into(), ..Default::default() }.dirichlet(Some("hole_left"), 0.0).robin(
        Some("hole_right"),
        2.0,
        |p: [f64; 3]| 1.0 + p[1],
    );
    let system = problem.assemble(&mesh)?; // A x = b, A symmetric positive definite

    let mut solver = SolverConfig::default().build(&system.a, mesh.dimension())?; // set up once ...
    let mut x = vec![0.0; system.unknowns()];
    let report = solver.solve(&system.a, &system.b, &mut x, &mut unobserved)?.require_converged()?; // ... solve often

    let u = system.solution(&x);
    let picture = std::env::temp_dir().join("filet_plate.png");
    plot::solution(&picture, &mesh, &u, &SolutionPlot::default())?;
    println!(
        "{} iterations, max u = {:.6}, {}",
        report.iterations,
        u.iter().copied().fold(0.0, f64::max),
        picture.display()
    );
    Ok(())
}
