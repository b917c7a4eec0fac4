//! The GPU path: what every kernel moves and computes, the bound on its time that follows, and, on a real GPU, the time it takes.
//!
//! `cargo bench --features cuda --bench cuda`
//!
//! Bytes count every number of every buffer once (twice where it is read and written); flops are those of the formula. The bound is the
//! larger of bytes over the memory's speed and flops over the arithmetic's, both as published: no measurement, and nothing reaches it.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use filet::dcdm::{CudaNetDirection, DirectionNet, NetSize, SHIPPED, shipped_cycle};
use filet::device::cuda::{Cuda, flops, tensor_products};
use filet::nn::{Weights, parse_weights};
use filet::solver::{Method, SceneSolver, SolverConfig, StopRule, unobserved};
use filet::voxel::{Scene, built_in};
use std::sync::Arc;

/// Name, bytes a second, single-precision flops a second outside tensor cores, TF32 ones on them without sparsity: A100 40 GB (NVIDIA's
/// data sheet of 2020), H100 SXM (data sheet of 2022).
const GPUS: [(&str, f64, f64, f64); 2] = [("A100", 1.555e12, 19.5e12, 156e12), ("H100", 3.35e12, 66.9e12, 494.7e12)];

const STAND_IN: &str = "stand-in";

/// Sets up; where only launches are counted the net need not be trained.
fn solver(scene: &Scene, cuda: &Arc<Cuda>, method: Method, stop: StopRule, trained: bool) -> SceneSolver {
    let config = SolverConfig { method, stop: stop.clone(), ..SolverConfig::default() };
    match method {
        Method::Dcdm => {
            SceneSolver::with_cuda_parameters(&stop, &scene.grid, cuda, &shipped_cycle()).expect("a solver")
        }
        Method::DcdmNet => {
            let weights = match trained {
                true => parse_weights("shipped", SHIPPED).expect("the shipped weights"),
                false => Weights::of(&mut DirectionNet::new(NetSize::N64, 0), serde_json::Value::Null),
            };
            let net = CudaNetDirection::new(cuda, &weights, &scene.grid).expect("a net");
            SceneSolver::with_cuda_directions(&stop, &scene.grid, cuda, Box::new(net)).expect("a solver")
        }
        _ => SceneSolver::on_cuda(&config, &scene.grid, cuda).expect("a solver"),
    }
}

/// Counts the launches of two iterations.
fn roofline(cuda: &Arc<Cuda>, method: Method, name: &str) {
    let scene = built_in(name, 0).expect("a family").expect("a scene");
    let cells = scene.grid.cells() as f64;
    let stop = StopRule { rtol: 1e-12, max_iterations: 2, ..StopRule::default() };
    let mut solver = solver(&scene, cuda, method, stop, false);
    cuda.take_traffic();
    let mut x = vec![0.0; scene.rhs.len()];
    solver.solve(&scene.rhs, &mut x, &mut unobserved).expect("a solve");
    println!("{} on {name}: two iterations and the residuals before and after", method.name());
    println!("{:<20} {:>8} {:>10} {:>10}  bound in ns a cell", "kernel", "launches", "B/cell", "flop/cell");
    let mut total = [0.0; 2];
    for (kernel, traffic) in cuda.take_traffic() {
        let (bytes, work) = (traffic.bytes as f64 / cells, flops(&kernel) * traffic.written as f64 / cells);
        let bounds = GPUS.map(|(gpu, memory, single, tensor)| {
            let arithmetic = tensor_products(&kernel).map_or(single, |products| tensor / products);
            let by_memory = bytes / memory > work / arithmetic;
            let limit = if by_memory { "memory" } else { "arithmetic" };
            format!("{gpu} {:.4} ({limit})", 1e9 * (bytes / memory).max(work / arithmetic))
        });
        println!("{kernel:<20} {:>8} {bytes:>10.2} {work:>10.1}  {}", traffic.launches, bounds.join(", "));
        total[0] += bytes;
        total[1] += work;
    }
    println!("{:<20} {:>8} {:>10.2} {:>10.1}", "all", "", total[0], total[1]);
}

fn cuda(c: &mut Criterion) {
    let cuda = match Cuda::open() {
        Ok(cuda) => cuda,
        Err(e) => return println!("no times: {e}"),
    };
    let real = !cuda.info().name.contains(STAND_IN);
    println!("device: {}", cuda.info().name);
    let sides = if real { [128, 64] } else { [64, 8] };
    for method in [Method::Gmg, Method::Dcdm, Method::GmgPlain] {
        roofline(&cuda, method, &format!("smoke:{}", sides[0]));
    }
    roofline(&cuda, Method::DcdmNet, &format!("box:{}", sides[1]));
    if !real {
        return println!("no times: the stand-in runs kernels on the processor");
    }
    let mut group = c.benchmark_group("cuda");
    group.sample_size(10);
    for (method, name, rtol) in [
        (Method::Gmg, "smoke:128", 1e-6),
        (Method::Dcdm, "smoke:128", 1e-6),
        (Method::Dcdm, "smoke:256", 1e-6),
        (Method::GmgPlain, "smoke:128", 1e-6),
        (Method::PcgJacobi, "smoke:128", 1e-6),
        (Method::DcdmNet, "box:64", 1e-4),
        (Method::DcdmNet, "box:128", 1e-4),
    ] {
        let scene = built_in(name, 0).expect("a family").expect("a scene");
        let stop = StopRule { rtol, ..StopRule::default() };
        let mut solver = solver(&scene, &cuda, method, stop, true);
        let mut x = vec![0.0; scene.rhs.len()];
        group.throughput(Throughput::Elements(scene.grid.cells() as u64));
        group.bench_function(BenchmarkId::new(method.name(), name), |b| {
            b.iter(|| {
                x.fill(0.0);
                solver.solve(&scene.rhs, &mut x, &mut unobserved).expect("a solution")
            })
        });
    }
    group.finish();
}

criterion_group!(benches, cuda);
criterion_main!(benches);
