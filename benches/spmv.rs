//! y <- A x for P1 matrices, in bytes of the matrix a second, after the memory bandwidth of the machine (triad): their ratio
//! is the fraction of the bound.
//!
//! `cargo bench --bench spmv`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use filet::assembly::Poisson;
use filet::mesh::shapes;
use filet::operator::LinearOperator;
use filet::report::memory::triad_bytes_per_second;
use std::hint::black_box;

fn spmv(c: &mut Criterion) {
    println!("triad {:.1} GB/s", triad_bytes_per_second() / 1e9);
    let mut group = c.benchmark_group("spmv");
    for shape in ["square:1000", "cube:66"] {
        let mesh = shapes::built_in(shape).expect("a shape").expect("a mesh");
        let system = Poisson::default().dirichlet(None, 0.0).assemble(&mesh).expect("a system");
        let x: Vec<f64> = (0..system.unknowns()).map(|i| (i as f64).sin()).collect();
        let mut y = vec![0.0; x.len()];
        group.throughput(Throughput::BytesDecimal(system.a.bytes() as u64));
        group.bench_function(format!("{shape} P1"), |b| b.iter(|| system.a.apply(black_box(&x), black_box(&mut y))));
    }
    group.finish();
    println!("triad {:.1} GB/s", triad_bytes_per_second() / 1e9);
}

criterion_group!(benches, spmv);
criterion_main!(benches);
