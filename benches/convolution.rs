//! Convolution of 16 channels with a 3³ kernel at 64³, what the nets of directions are made of: forward, and with the backward pass.
//! `benches/convolution_twin.py` measures PyTorch on the same numbers.
//!
//! `cargo bench --bench convolution`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use filet::nn::ops::conv::{Conv, conv};
use filet::nn::ops::{mul, sum};
use filet::nn::{Tensor, Var};
use rand::SeedableRng;
use rand_pcg::Pcg64;

const SIDE: usize = 64;
const CHANNELS: usize = 16;

fn convolution(c: &mut Criterion) {
    let mut rng = Pcg64::seed_from_u64(0);
    let x = Tensor::normal(&[1, SIDE, SIDE, SIDE, CHANNELS], &mut rng);
    let w = Tensor::normal(&[3, 3, 3, CHANNELS, CHANNELS], &mut rng);
    let b = Tensor::zeros(&[CHANNELS]);
    let g = Var::constant(Tensor::normal(x.shape(), &mut rng));
    let flops = 2 * 27 * (CHANNELS * CHANNELS * SIDE.pow(3)) as u64;
    let mut group = c.benchmark_group("convolution 16->16, 3x3x3, 64x64x64 (elements: floating-point operations)");
    group.sample_size(10);
    group.throughput(Throughput::Elements(flops));
    group.bench_function("forward", |bench| {
        let [x, w, b] = [&x, &w, &b].map(|t| Var::constant(t.clone()));
        bench.iter(|| conv(&x, &w, &b, Conv::default()))
    });
    group.throughput(Throughput::Elements(3 * flops));
    group.bench_function("forward and backward", |bench| {
        let [x, w, b] = [&x, &w, &b].map(|t| Var::leaf(t.clone()));
        bench.iter(|| sum(&mul(&conv(&x, &w, &b, Conv::default()), &g)).backward())
    });
    group.finish();
}

criterion_group!(benches, convolution);
criterion_main!(benches);
