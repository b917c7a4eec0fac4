//! Whole solves, set-up included, from x = 0 to 1e-6: every method on a mesh in the plane, one in space and a voxel scene.
//!
//! `cargo bench --bench solve`; `filet bench` has more problems, memory and outside solvers.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use filet::assembly::Poisson;
use filet::dcdm::shipped_cycle;
use filet::mesh::shapes;
use filet::precond::voxel::CycleParameters;
use filet::solver::{Method, SceneSolver, SolverConfig, StopRule, unobserved};
use filet::voxel::built_in;

const RTOL: f64 = 1e-6;

fn config(method: Method) -> SolverConfig {
    SolverConfig { method, stop: StopRule { rtol: RTOL, ..Default::default() }, ..Default::default() }
}

fn meshes(c: &mut Criterion) {
    let mut group = c.benchmark_group("solve");
    group.sample_size(10);
    for shape in ["square:300", "ball:16"] {
        let mesh = shapes::built_in(shape).expect("a shape").expect("a mesh");
        let problem = Poisson { source: 1.0.into(), ..Default::default() }.dirichlet(None, 0.0);
        let system = problem.assemble(&mesh).expect("a system");
        group.throughput(Throughput::Elements(system.unknowns() as u64));
        let methods = [Method::Cg, Method::PcgJacobi, Method::PcgIc, Method::PcgAmg, Method::Dcdm, Method::Direct];
        for method in methods {
            group.bench_function(BenchmarkId::new(method.name(), shape), |b| {
                b.iter(|| {
                    let mut solver = config(method).build_on(&system, &CycleParameters::default()).expect("a solver");
                    let mut x = vec![0.0; system.unknowns()];
                    let report = solver.solve(&system.a, &system.b, &mut x, &mut unobserved).expect("a report");
                    report.require_converged().expect("a solution")
                })
            });
        }
    }
    group.finish();
}

fn scenes(c: &mut Criterion) {
    let mut group = c.benchmark_group("solve");
    group.sample_size(10);
    let name = "smoke:64";
    let scene = built_in(name, 0).expect("a family").expect("a scene");
    group.throughput(Throughput::Elements(scene.grid.fluid_cells() as u64));
    let stop = config(Method::Gmg).stop;
    for method in [Method::Cg, Method::PcgIc, Method::PcgAmg, Method::GmgPlain, Method::Gmg, Method::Dcdm] {
        group.bench_function(BenchmarkId::new(method.name(), name), |b| {
            b.iter(|| {
                let mut solver = match method {
                    Method::Dcdm => SceneSolver::with_parameters(&stop, &scene.grid, &shipped_cycle()),
                    _ => SceneSolver::new(&config(method), &scene.grid),
                }
                .expect("a solver");
                let mut x = vec![0.0; scene.rhs.len()];
                let report = solver.solve(&scene.rhs, &mut x, &mut unobserved).expect("a report");
                report.require_converged().expect("a solution")
            })
        });
    }
    group.finish();
}

criterion_group!(benches, meshes, scenes);
criterion_main!(benches);
