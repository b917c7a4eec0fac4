//! Assembly from arrays to CSR, P1 and P2, on a lattice and on a mesh whose numbering scatters neighbours.
//!
//! `cargo bench --bench assembly`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use filet::assembly::Poisson;
use filet::mesh::{Mesh, shapes};
use std::hint::black_box;

/// The same mesh with its points renumbered by a fixed permutation that keeps no neighbours together.
fn scattered(mesh: &Mesh) -> Mesh {
    let n = mesh.points.len();
    let step = (0..).map(|i| 982_451_653 % n + i).find(|s| gcd(*s, n) == 1).unwrap_or(1);
    let place: Vec<u32> = (0..n).map(|i| (i * step % n) as u32).collect();
    let mut moved = mesh.clone();
    for (i, p) in mesh.points.iter().enumerate() {
        moved.points[place[i] as usize] = *p;
    }
    moved.cells.iter_mut().for_each(|v| *v = place[*v as usize]);
    moved.groups.clear();
    moved
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn assembly(c: &mut Criterion) {
    let lattice = shapes::built_in("square:1000").expect("a shape").expect("a mesh");
    let ball = shapes::built_in("ball:24").expect("a shape").expect("a mesh");
    let mut group = c.benchmark_group("assembly");
    group.sample_size(10);
    for (name, mesh, degree) in [
        ("square:1000 P1", &lattice, 1),
        ("square:1000 scattered P1", &scattered(&lattice), 1),
        ("square:1000 P2", &lattice, 2),
        ("ball:24 P1", &ball, 1),
        ("ball:24 P2", &ball, 2),
    ] {
        let problem = Poisson { source: 1.0.into(), degree, ..Default::default() }.dirichlet(None, 0.0);
        group.throughput(Throughput::Elements(mesh.points.len() as u64));
        group.bench_function(name, |b| b.iter(|| black_box(problem.assemble(mesh)).expect("a system")));
    }
    group.finish();
}

criterion_group!(benches, assembly);
criterion_main!(benches);
