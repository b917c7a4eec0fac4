//! The voxel solver: set-up, update where some flags change, solve, and each sweep with its fraction of the memory's speed.
//!
//! `cargo bench --bench voxel`

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use filet::report::memory::triad_bytes_per_second;
use filet::solver::{StopRule, VoxelSolver, unobserved};
use filet::voxel::{AIR, FLUID, VoxelGrid, built_in};

fn voxel(c: &mut Criterion) {
    let mut group = c.benchmark_group("voxel");
    group.sample_size(10);
    for name in ["smoke:128", "dam:128", "walls:128", "smoke:1024x1024"] {
        let scene = built_in(name, 0).expect("a family").expect("a scene");
        let mut solver = VoxelSolver::new(&scene.grid).expect("a solver");
        let triad = triad_bytes_per_second();
        for sweep in solver.profile(&scene.rhs, 20).expect("a scene that can be solved") {
            let rate = sweep.bytes / sweep.seconds;
            println!(
                "{name} {:14} {:5.1} B/cell {:7.3} ms {:5.1} GB/s, {:.2} of the triad",
                sweep.name,
                sweep.bytes / scene.grid.cells() as f64,
                1e3 * sweep.seconds,
                1e-9 * rate,
                rate / triad
            );
        }
        group.throughput(Throughput::Elements(scene.grid.cells() as u64));
        group.bench_function(BenchmarkId::new("set-up", name), |b| b.iter(|| VoxelSolver::new(&scene.grid)));
        let mut flags = scene.grid.flags().to_vec();
        flags.iter_mut().step_by(997).filter(|flag| **flag == FLUID).for_each(|flag| *flag = AIR);
        let other = VoxelGrid::new(scene.grid.sides(), flags).expect("a grid");
        let mut grids = [&other, &scene.grid].into_iter().cycle();
        group.bench_function(BenchmarkId::new("update", name), |b| {
            b.iter(|| solver.update(grids.next().expect("an endless iterator")))
        });
        solver.update(&scene.grid).expect("the scene's own grid");
        let stop = StopRule { rtol: 1e-6, ..StopRule::default() };
        let mut x = vec![0.0; scene.rhs.len()];
        group.bench_function(BenchmarkId::new("solve to 1e-6", name), |b| {
            b.iter(|| {
                x.fill(0.0);
                solver.solve(&scene.rhs, &mut x, &stop, &mut unobserved).expect("a solution")
            })
        });
    }
    group.finish();
}

criterion_group!(benches, voxel);
criterion_main!(benches);
