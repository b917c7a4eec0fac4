//! y <- A x for P1 matrices, in bytes of the matrix a second, beside two bounds: reading the matrix alone, and the memory
//! bandwidth of the machine (triad).
//!
//! `cargo bench --bench spmv`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use filet::assembly::Poisson;
use filet::mesh::shapes;
use filet::operator::LinearOperator;
use filet::report::memory::triad_bytes_per_second;
use filet::sparse::Csr;
use rayon::prelude::*;
use std::hint::black_box;

/// Reads every entry once and does as good as nothing with it.
fn read(a: &Csr) -> u64 {
    const PIECE: usize = 1 << 14;
    let pieces = a.indices().par_chunks(PIECE).zip(a.values().par_chunks(PIECE));
    let sum = |(columns, values): (&[u32], &[f64])| {
        let columns = columns.iter().fold(0, |sum: u32, j| sum.wrapping_add(*j));
        values.iter().fold(u64::from(columns), |sum, v| sum.wrapping_add(v.to_bits()))
    };
    pieces.map(sum).reduce(|| 0, u64::wrapping_add)
}

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
        group.throughput(Throughput::BytesDecimal(12 * system.a.nnz() as u64));
        group.bench_function(format!("{shape} P1 read only"), |b| b.iter(|| read(black_box(&system.a))));
    }
    group.finish();
    println!("triad {:.1} GB/s", triad_bytes_per_second() / 1e9);
}

criterion_group!(benches, spmv);
criterion_main!(benches);
