//! AMG-PCG on P1 matrices: set-up, one V-cycle, and the solve to 1e-6.
//!
//! `cargo bench --bench amg`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use filet::assembly::Poisson;
use filet::mesh::shapes;
use filet::precond::Preconditioner;
use filet::precond::amg::AmgConfig;
use filet::solver::{Cg, StopRule, unobserved};
use std::hint::black_box;

fn amg(c: &mut Criterion) {
    let mut group = c.benchmark_group("amg");
    group.sample_size(10);
    for shape in ["square:1000", "graded_square:1000", "cube:66"] {
        let mesh = shapes::built_in(shape).expect("a shape").expect("a mesh");
        let problem = Poisson { source: 1.0.into(), ..Default::default() }.dirichlet(None, 0.0);
        let system = problem.assemble(&mesh).expect("a system");
        group.throughput(Throughput::Elements(system.unknowns() as u64));

        let config = AmgConfig::default();
        let build = || config.build(black_box(&system.a)).expect("a hierarchy");
        group.bench_function(format!("{shape} set-up"), |b| b.iter(build));

        let (mut cycle, mut x) = (build(), vec![0.0; system.unknowns()]);
        group.bench_function(format!("{shape} V-cycle"), |b| b.iter(|| cycle.apply(&system.b, black_box(&mut x))));

        let (mut workspace, stop) = (Cg::new(x.len()), StopRule { rtol: 1e-6, ..Default::default() });
        group.bench_function(format!("{shape} solve"), |b| {
            b.iter(|| {
                x.fill(0.0);
                workspace.solve(&system.a, &mut cycle, &system.b, &mut x, &stop, &mut unobserved).expect("a report");
            })
        });
    }
    group.finish();
}

criterion_group!(benches, amg);
criterion_main!(benches);
