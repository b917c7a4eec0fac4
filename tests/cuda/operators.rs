//! The voxel operator, its fused updates, multigrid's cycle and sparse rows: CUDA = CPU.

use crate::standin::{cuda, difference, reset, wide};
use filet::dcdm::shipped_cycle;
use filet::device::cuda::{Buffer, CSR, Cuda, KRYLOV, Shape, int};
use filet::operator::LinearOperator;
use filet::operator::voxel::{CudaVoxels, VoxelOperator};
use filet::precond::voxel::{CudaCycle, CudaMultigrid, CycleParameters, RediscretisedMultigrid, VoxelMultigrid};
use filet::precond::{CudaPreconditioner, Preconditioner};
use filet::sparse::gallery;
use filet::voxel::{Family, Scene, VoxelGrid, generate};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

/// Boxes that end inside a tile, at its edge, and in the plane.
fn scenes() -> Vec<Scene> {
    let shapes: [(Family, &[usize]); 5] = [
        (Family::Smoke, &[5, 4, 6]),
        (Family::Dam, &[18, 9, 33]),
        (Family::Walls, &[16, 8, 32]),
        (Family::Smoke, &[19, 35]),
        (Family::Pockets, &[20, 17, 7]),
    ];
    shapes.into_iter().map(|(family, sides)| generate(family, sides, 3).unwrap()).collect()
}

/// Random numbers in the fluid that has a neighbour, 0 elsewhere.
fn field(operator: &VoxelOperator, n: usize, seed: u64) -> Vec<f64> {
    let mut rng = Pcg64::seed_from_u64(seed);
    (0..n).map(|c| if operator.diagonal(c) > 0.0 { rng.random_range(-1.0..1.0) } else { 0.0 }).collect()
}

/// Rounded to single precision, for both sides of a comparison.
fn single(v: &[f64]) -> Vec<f32> {
    v.iter().map(|v| *v as f32).collect()
}

fn down<T: filet::device::cuda::Number + Default>(cuda: &Cuda, buffer: &Buffer<T>) -> Vec<T> {
    let mut out = vec![T::default(); buffer.len()];
    cuda.download(buffer, &mut out).unwrap();
    out
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The sum number `i` of `sums` from the parts left by a kernel.
fn total(cuda: &Cuda, parts: &Buffer<f64>, blocks: usize, sums: usize, i: usize) -> f64 {
    down(cuda, parts)[..blocks * sums].iter().skip(i).step_by(sums).sum()
}

fn close(a: f64, b: f64, bound: f64, what: &str) {
    assert!((a - b).abs() <= bound * b.abs().max(1e-3), "{what}: {a} and {b}");
}

#[test]
fn copies_in_pieces_arrive_whole_with_the_memory_used_again_at_once() {
    let (_shared, cuda) = cuda();
    // Pieces are of 4 MiB: none, a part of one, one to the byte, and some and a part, in turn with others on the way.
    for n in [0usize, 1, 1000, 1 << 20, (3 << 20) + 77] {
        let mut values: Vec<f32> = (0..n).map(|i| i as f32).collect();
        let first = cuda.upload(&values).unwrap();
        values.iter_mut().for_each(|v| *v = -*v);
        let second = cuda.upload(&values).unwrap();
        values.fill(0.5);
        let (first, second) = (down(&cuda, &first), down(&cuda, &second));
        assert!((0..n).all(|i| first[i] == i as f32 && second[i] == -(i as f32)), "{n} numbers");
    }
}

#[test]
fn the_voxel_operator_and_its_updates_are_those_of_the_processor() {
    let (_shared, cuda) = cuda();
    for scene in scenes() {
        let (n, operator) = (scene.grid.cells(), VoxelOperator::new(&scene.grid));
        let on = CudaVoxels::new(&cuda, scene.grid.shape(), &operator).unwrap();
        let what = format!("{:?}", scene.grid.sides());
        let fields: Vec<Vec<f64>> = (0..6).map(|seed| field(&operator, n, seed)).collect();
        let product = |x: &[f64]| {
            let mut y = vec![0.0; n];
            operator.apply(x, &mut y);
            y
        };
        let mut parts = cuda.zeros(2 * on.parts()).unwrap();
        let up = |v: &[f64]| cuda.upload(v).unwrap();
        // RZ, BETA, PQ, ALPHA, RR, PR, C, C, CURVATURE, CURVATURE
        let scalars = up(&[0.0, 0.3, 0.0, -0.7, 0.0, 0.0, 0.4, -1.2, 1.0, 1.0]);

        let (b, x) = (&fields[0], &fields[1]);
        let (mut r, mut small) = (cuda.zeros(n).unwrap(), cuda.zeros(n).unwrap());
        on.residual(&mut r, &mut small, [&up(b), &up(x)], 0.5, &mut parts).unwrap();
        let expected: Vec<f64> = product(x).iter().zip(b).map(|(ax, b)| 0.5 * (b - ax)).collect();
        assert!(difference(&down(&cuda, &r), &expected) < 1e-14, "{what}");
        assert_eq!(down(&cuda, &small), single(&down(&cuda, &r)), "{what}");
        close(total(&cuda, &parts, on.parts(), 1, 0), dot(&expected, &expected), 1e-12, &what);

        let (z, p) = (single(&fields[2]), single(&fields[3]));
        let mut q = cuda.zeros(n).unwrap();
        let sides = [&cuda.upload(&z).unwrap(), &cuda.upload(&p).unwrap()];
        on.direction(&mut q, sides, &scalars, &mut parts).unwrap();
        let expected: Vec<f32> = z.iter().zip(&p).map(|(z, p)| z + 0.3 * p).collect();
        assert!(difference(&wide(&down(&cuda, &q)), &wide(&expected)) < 1e-6, "{what}");
        let exact = wide(&down(&cuda, &q));
        close(total(&cuda, &parts, on.parts(), 1, 0), dot(&exact, &product(&exact)), 1e-12, &what);

        let (mut on_x, mut on_r) = (up(x), up(b));
        let p64 = wide(&p);
        on.advance([&mut on_x, &mut on_r], &mut small, sides[1], &scalars, 0.5, &mut parts).unwrap();
        let expected: Vec<f64> = x.iter().zip(&p64).map(|(x, p)| x - 0.7 / 0.5 * p).collect();
        assert!(difference(&down(&cuda, &on_x), &expected) < 1e-14, "{what}");
        let expected: Vec<f64> = b.iter().zip(product(&p64)).map(|(r, q)| r + 0.7 * q).collect();
        assert!(difference(&down(&cuda, &on_r), &expected) < 1e-14, "{what}");
        close(total(&cuda, &parts, on.parts(), 1, 0), dot(&expected, &expected), 1e-12, &what);

        for past in 0..3 {
            let (mut p, mut q) = (cuda.zeros(n).unwrap(), cuda.zeros(n).unwrap());
            let before = [&up(&fields[3]), &up(&fields[4])];
            let r = &up(&fields[5]);
            on.oriented_product([&mut p, &mut q], &up(&fields[2]), before, past, [r, &scalars], &mut parts).unwrap();
            let coefficients = [if past > 0 { 0.4 } else { 0.0 }, if past > 1 { -1.2 } else { 0.0 }];
            let expected: Vec<f64> = (0..n)
                .map(|c| fields[2][c] - coefficients[0] * fields[3][c] - coefficients[1] * fields[4][c])
                .collect();
            assert!(difference(&down(&cuda, &p), &expected) < 1e-14, "{what} {past}");
            let image = product(&expected);
            assert!(difference(&down(&cuda, &q), &image) < 1e-13, "{what} {past}");
            close(total(&cuda, &parts, on.parts(), 2, 0), dot(&expected, &image), 1e-12, &what);
            close(total(&cuda, &parts, on.parts(), 2, 1), dot(&expected, &fields[5]), 1e-12, &what);
        }
    }
}

/// B r of both, and the largest difference relative to the largest of the processor's; also checks r·z.
fn cycles_differ_by(
    cuda: &Cuda,
    grid: &VoxelGrid,
    host: &mut dyn Preconditioner,
    device: &mut dyn CudaPreconditioner,
) -> f64 {
    let r = wide(&single(&field(&VoxelOperator::new(grid), grid.cells(), 5)));
    let mut z = vec![0.0; r.len()];
    host.apply(&r, &mut z);
    let mut parts = cuda.zeros(2 * device.parts()).unwrap();
    cuda.write(&single(&r), device.r()).unwrap();
    device.apply(&mut parts).unwrap();
    let found = wide(&down(cuda, device.z()));
    let what = format!("{:?}", grid.sides());
    close(total(cuda, &parts, device.parts(), 1, 0), dot(&r, &found), 1e-10, &what);
    difference(&found, &z)
}

#[test]
fn the_cycles_of_gmg_and_dcdm_are_those_of_the_processor() {
    let (_shared, cuda) = cuda();
    let mut all: Vec<VoxelGrid> = scenes().into_iter().map(|s| s.grid).collect();
    // One side of one cell; several levels; walls that end the grids, in space and in the plane; a plane with several levels.
    let more: [(Family, &[usize]); 6] = [
        (Family::Box, &[9, 1, 23]),
        (Family::Smoke, &[40, 34, 52]),
        (Family::Box, &[33, 40, 41]),
        (Family::Walls, &[36, 20, 40]),
        (Family::Channels, &[61, 50]),
        (Family::Splash, &[300, 270]),
    ];
    all.extend(more.map(|(family, sides)| generate(family, sides, 4).unwrap().grid));
    let mut most_levels = 0;
    for grid in all {
        for (numbers, parameters) in [("analysis", CycleParameters::default()), ("learned", shipped_cycle())] {
            let mut host = VoxelMultigrid::tuned(&grid, &parameters).unwrap();
            let mut device = CudaCycle::new(&cuda, &host).unwrap();
            let off = cycles_differ_by(&cuda, &grid, &mut host, &mut device);
            let (levels, sparse) = (host.grid_levels(), host.sparse_unknowns());
            println!("{:?}, {numbers}: {levels} levels, {sparse} unknowns below, {off:.1e} apart", grid.sides());
            assert!(off < 1e-5, "{:?}, {numbers}, {levels} levels: {off}", grid.sides());
            most_levels = most_levels.max(levels);
        }
    }
    assert!(most_levels > 1);
}

#[test]
fn the_multigrid_cycle_is_that_of_the_processor() {
    let (_shared, cuda) = cuda();
    let mut all: Vec<VoxelGrid> = scenes().into_iter().map(|s| s.grid).collect();
    // One level only; a side of one cell; all fluid with air on one side.
    all.push(generate(Family::Box, &[4, 4, 3], 0).unwrap().grid);
    all.push(generate(Family::Box, &[9, 1, 23], 0).unwrap().grid);
    all.push(generate(Family::Box, &[34, 12, 40], 0).unwrap().grid);
    for grid in all {
        let mut host = RediscretisedMultigrid::new(&grid).unwrap();
        let mut device = CudaMultigrid::new(&cuda, &host).unwrap();
        let off = cycles_differ_by(&cuda, &grid, &mut host, &mut device);
        assert!(off < 1e-5, "{:?}, {} levels: {off}", grid.sides(), host.grid_levels());
    }
}

#[test]
fn sparse_rows_are_multiplied_as_on_the_processor() {
    let (_shared, cuda) = cuda();
    for a in [gallery::poisson_2d(7), gallery::poisson_3d(11)] {
        let n = a.nrows();
        let mut rng = Pcg64::seed_from_u64(1);
        let x: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
        let mut expected = vec![0.0; n];
        a.apply(&x, &mut expected);
        let up = |v: Vec<i32>| cuda.upload(&v).unwrap();
        let starts = up(a.indptr().iter().map(|v| *v as i32).collect());
        let columns = up(a.indices().iter().map(|v| *v as i32).collect());
        let values = cuda.upload(a.values()).unwrap();
        let blocks = n.div_ceil(32);
        let (mut y, mut parts) = (cuda.zeros::<f64>(n).unwrap(), cuda.zeros::<f64>(blocks).unwrap());
        let on_x = cuda.upload(&x).unwrap();
        let shape = Shape { blocks: [blocks, 1, 1], ..Shape::one() };
        let args = [y.set(), on_x.get(), starts.get(), columns.get(), values.get(), parts.set(), int(n)];
        cuda.launch(&CSR, "multiply_rows", shape, &args).unwrap();
        assert!(difference(&down(&cuda, &y), &expected) < 1e-14);
        close(total(&cuda, &parts, blocks, 1, 0), dot(&x, &expected), 1e-12, "x.Ax");
    }
}

#[test]
fn sums_have_the_same_bits_in_every_order_of_blocks_and_threads() {
    let (_shared, cuda) = cuda();
    let n = 100_000;
    let mut rng = Pcg64::seed_from_u64(1);
    let mut random = || cuda.upload(&(0..n).map(|_| rng.random_range(-1.0..1.0)).collect::<Vec<f64>>()).unwrap();
    let (d, q0, q1) = (random(), random(), random());
    let shape = Shape::walk(n);
    let of = |seed: i64| {
        reset(seed);
        let mut parts = cuda.zeros::<f64>(2 * shape.count()).unwrap();
        let mut scalars = cuda.upload(&[1.0f64; 10]).unwrap();
        let args = [d.get(), q0.get(), q1.get(), parts.set(), int(n)];
        cuda.launch(&KRYLOV, "past_products", shape, &args).unwrap();
        let [step, flag] = [int(5), int(2)];
        let args = [parts.get(), int(shape.count()), int(2), scalars.update(), step, flag];
        cuda.launch(&KRYLOV, "finish", Shape::one(), &args).unwrap();
        down(&cuda, &scalars)[6..8].iter().map(|v| v.to_bits()).collect::<Vec<u64>>()
    };
    let first = of(1);
    assert!((2..5).all(|seed| of(seed) == first));
    let expected = dot(&down(&cuda, &d), &down(&cuda, &q1));
    close(f64::from_bits(first[1]), expected, 1e-11, "the second sum");
}
