//! The gradient, by all parameters, of a mean square residual with a Laplacian: tanh, 4 layers of 64, 10⁴ points of the plane, f64 and f32.
//! `benches/laplacian_twin.py` measures PyTorch, by nested differentiation and by the same forward pass.
//!
//! `cargo bench --bench laplacian`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use filet::pinn::{Cloud, Mlp, MlpConfig, Objective, problems, sampler::uniform};
use filet::train::Function;
use rand::SeedableRng;
use rand_pcg::Pcg64;

const POINTS: usize = 10_000;

fn laplacian(c: &mut Criterion) {
    let problem = problems::builtin("one-peak").expect("a built-in problem");
    let mut rng = Pcg64::seed_from_u64(0);
    let config = MlpConfig { depth: 4, width: 64, ..MlpConfig::default() };
    let net = Mlp::new(&config, &problem.domain.bounds(), &[false; 2], &mut rng);
    let theta = net.initial(&mut rng);
    let clouds = [Cloud::even(uniform(&problem.domain, POINTS, &mut rng), 2)];
    let double = Objective::<f64>::new(&problem, &net, &clouds);
    let single = Objective::<f32>::new(&problem, &net, &clouds);
    let mut gradient = vec![0.0; theta.len()];
    let mut group = c.benchmark_group("mean square residual of -Δu = f, tanh 4 x 64 (elements: points)");
    group.sample_size(10);
    group.throughput(Throughput::Elements(POINTS as u64));
    group.bench_function("value", |bench| bench.iter(|| double.value(&theta)));
    group.bench_function("value and gradient", |bench| bench.iter(|| double.gradient(&theta, &mut gradient)));
    group.bench_function("value and gradient, f32", |bench| bench.iter(|| single.gradient(&theta, &mut gradient)));
    group.finish();
}

criterion_group!(benches, laplacian);
criterion_main!(benches);
