//! The GPU path: what every kernel moves and computes, the bound on its time that follows, and, on a real GPU, the time it takes.
//!
//! `cargo bench --features cuda --bench cuda`
//!
//! Bytes count every number of every buffer once (twice where it is read and written); flops are those of the formula. The bound is the
//! larger of bytes over the memory's speed and flops over the arithmetic's, both as published: no measurement, and nothing reaches it.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use filet::dcdm::{CudaNetDirection, DirectionNet, NetSize, ResidualLoss, SHIPPED, shipped_cycle};
use filet::device::cuda::{Cuda, tensor_products};
use filet::mgno::generate::{Problem, Recipe};
use filet::mgno::{MgNoConfig, NetConfig, Norm, Operator, SampleLoss};
use filet::mover::{PotentialLoss, PotentialNet};
use filet::nn::ops::cuda::{Arithmetic, Gpu};
use filet::nn::{Backend, Layer, Weights, parse_weights};
use filet::solver::{Method, SceneSolver, SolverConfig, StopRule, unobserved};
use filet::sparse::gallery::poisson_2d;
use filet::train::{Checkpoint, Objective, TrainConfig, train};
use filet::voxel::{Scene, built_in};
use std::ops::ControlFlow;
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

/// What was launched since the last table, for each of so many cells.
fn table(cuda: &Cuda, title: &str, cells: usize) {
    println!("{title}");
    println!("{:<24} {:>8} {:>10} {:>10}  bound in ns a cell", "kernel", "launches", "B/cell", "flop/cell");
    let mut total = (0, [0.0; 2]);
    for (kernel, traffic) in cuda.take_traffic() {
        let [bytes, work] = [traffic.bytes as f64, traffic.flops].map(|v| v / cells as f64);
        let bounds = GPUS.map(|(gpu, memory, single, tensor)| {
            let arithmetic = tensor_products(&kernel).map_or(single, |products| tensor / products);
            let by_memory = bytes / memory > work / arithmetic;
            let limit = if by_memory { "memory" } else { "arithmetic" };
            format!("{gpu} {:.4} ({limit})", 1e9 * (bytes / memory).max(work / arithmetic))
        });
        println!("{kernel:<24} {:>8} {bytes:>10.2} {work:>10.1}  {}", traffic.launches, bounds.join(", "));
        total = (total.0 + traffic.launches, [total.1[0] + bytes, total.1[1] + work]);
    }
    println!("{:<24} {:>8} {:>10.2} {:>10.1}", "all", total.0, total.1[0], total.1[1]);
}

/// Counts the launches of two iterations.
fn solve(cuda: &Arc<Cuda>, method: Method, name: &str) {
    let scene = built_in(name, 0).expect("a family").expect("a scene");
    let stop = StopRule { rtol: 1e-12, max_iterations: 2, ..StopRule::default() };
    let mut solver = solver(&scene, cuda, method, stop, false);
    cuda.take_traffic();
    let mut x = vec![0.0; scene.rhs.len()];
    solver.solve(&scene.rhs, &mut x, &mut unobserved).expect("a solve");
    let title = format!("{} on {name}: two iterations and the residuals before and after", method.name());
    table(cuda, &title, scene.grid.cells());
}

/// The same for a mesh's matrix.
fn solve_rows(cuda: &Arc<Cuda>, side: usize) {
    let a = poisson_2d(side);
    let stop = StopRule { rtol: 1e-12, max_iterations: 2, ..StopRule::default() };
    let config = SolverConfig { method: Method::PcgAmg, stop, ..SolverConfig::default() };
    let mut solver = config.build_on_cuda(&a, cuda).expect("a solver");
    cuda.take_traffic();
    let (b, mut x) = (vec![1.0; a.nrows()], vec![0.0; a.nrows()]);
    solver.solve(&a, &b, &mut x, &mut unobserved).expect("a solve");
    table(cuda, &format!("pcg-amg on a lattice of {side} x {side}: two iterations and the residuals"), a.nrows());
}

/// Counts the launches of one step of Adam, after one that has to set up.
fn step(cuda: &Cuda, title: &str, cells: usize, net: &mut dyn Layer, objective: &mut dyn Objective, gpu: &Backend) {
    net.move_to(gpu).expect("room for the net");
    let config = TrainConfig { steps: 2, ..TrainConfig::default() };
    train(net, objective, &config, &mut Checkpoint::default(), &mut |_, state| {
        if state.step() == 1 {
            cuda.take_traffic();
        }
        Ok(ControlFlow::Continue(()))
    })
    .expect("two steps");
    table(cuda, title, cells);
}

/// A step of the trainings that run on a GPU.
fn training(cuda: &Arc<Cuda>, side: usize) {
    let gpu = Backend::Gpu(Gpu::new(cuda));
    let grid = built_in(&format!("box:{side}"), 0).expect("a family").expect("a scene").grid;
    let mut objective = ResidualLoss::new(&[grid], 8, 2, 0, &gpu).expect("a loss");
    let title = format!("a step of train direction on box:{side}, batches of 2");
    let cells = 2 * side * side * side;
    step(cuda, &title, cells, &mut DirectionNet::new(NetSize::N64, 0), &mut objective, &gpu);

    let recipe = Recipe { problem: Problem::DarcyRough, size: 32, dimension: 2, samples: 2, seed: 0, refine: 1 };
    let samples = recipe.make(&|_| ()).expect("samples");
    let config = NetConfig::Mgno(MgNoConfig { layers: 1, ..MgNoConfig::default() });
    let mut operator = Operator::new(&config, &samples, 0).expect("a net");
    let mut objective = SampleLoss::new(&samples, Norm::H1, 2, false, 0).expect("a loss");
    let title = "a step of train mgno with one layer on 32 x 32 cells, batches of 2";
    step(cuda, title, 2 * 32 * 32, &mut operator, &mut objective, &gpu);

    let title = "a step of train mover, batches of 2 monitors on 32 x 32 points";
    let mut objective = PotentialLoss { batch: 2, seed: 0 };
    step(cuda, title, 2 * 32 * 32, &mut PotentialNet::new(0), &mut objective, &gpu);
}

/// Ten steps of train direction, with the convolutions and their gradients in each arithmetic.
fn training_times(c: &mut Criterion, cuda: &Arc<Cuda>) {
    let mut group = c.benchmark_group("ten steps of train direction, box:64, batches of 2");
    group.sample_size(10);
    for arithmetic in [Arithmetic::Single, Arithmetic::Tf32, Arithmetic::ThreeTf32] {
        let gpu = Backend::Gpu(Gpu::with(cuda, arithmetic));
        let grid = built_in("box:64", 0).expect("a family").expect("a scene").grid;
        let mut objective = ResidualLoss::new(&[grid], 50, 2, 0, &gpu).expect("a loss");
        let config = TrainConfig { steps: 10, ..TrainConfig::default() };
        group.bench_function(format!("{arithmetic:?}"), |b| {
            b.iter(|| {
                let mut net = DirectionNet::new(NetSize::N64, 0);
                net.move_to(&gpu).expect("room for the net");
                let mut goes_on = |_: &mut dyn Layer, _: &Checkpoint| Ok(ControlFlow::Continue(()));
                train(&mut net, &mut objective, &config, &mut Checkpoint::default(), &mut goes_on).expect("steps");
            })
        });
    }
    group.finish();
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
        solve(&cuda, method, &format!("smoke:{}", sides[0]));
    }
    solve(&cuda, Method::DcdmNet, &format!("box:{}", sides[1]));
    solve_rows(&cuda, 4 * sides[1]);
    training(&cuda, sides[1]);
    if !real {
        return println!("no times: the stand-in runs kernels on the processor");
    }
    training_times(c, &cuda);
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
