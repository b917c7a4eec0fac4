//! Every operation of nets on small inputs, for tests of its gradient and of what a GPU makes of it.

use filet::assembly::VoxelSystem;
use filet::nn::ops::Symmetric;
use filet::nn::{Backend, Boundary, Conv, Padding, Tensor, Var, ops};
use filet::operator::voxel::VoxelOperator;
use filet::voxel::{Family, generate};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use std::sync::Arc;

/// What makes the result from the inputs.
pub type Build = Box<dyn Fn(&[Var]) -> Var>;

/// A name, the shapes of the inputs, and the operation.
pub type Operation = (String, Vec<Vec<usize>>, Build);

pub fn op(name: &str, shapes: &[&[usize]], build: impl Fn(&[Var]) -> Var + 'static) -> Operation {
    (name.to_string(), shapes.iter().map(|s| s.to_vec()).collect(), Box::new(build))
}

fn positive(x: &Var) -> Var {
    ops::exp(x)
}

/// A convolution of kernels of 3 within a cell of that boundary.
fn around(beyond: Boundary, stride: usize) -> Conv {
    let padding = Padding::Faces { widths: [[1; 2]; 3], beyond: [[beyond; 2]; 3] };
    Conv { stride: [stride; 3], padding, rectify: false }
}

/// A matrix of 5 rows.
fn wide(columns: usize) -> Arc<Tensor> {
    Arc::new(Tensor::normal(&[5, columns], &mut Pcg64::seed_from_u64(9)))
}

/// The operations that run everywhere.
pub fn operations(backend: &Backend) -> Vec<Operation> {
    let pair: [&[usize]; 2] = [&[3, 7], &[3, 7]];
    let image: &[usize] = &[2, 4, 6, 8, 3];
    let scene = generate(Family::Smoke, &[5, 4, 6], 1).unwrap();
    let stencil = Symmetric::voxels(VoxelOperator::new(&scene.grid), scene.grid.shape(), backend).unwrap();
    let strided = Conv { stride: [1, 2, 2], padding: Padding::Zeros([0, 1, 1]), rectify: false };
    vec![
        op("add", &pair, |v| ops::add(&v[0], &v[1])),
        op("sub", &pair, |v| ops::sub(&v[0], &v[1])),
        op("mul", &pair, |v| ops::mul(&v[0], &v[1])),
        op("div", &pair, |v| ops::div(&v[0], &positive(&v[1]))),
        op("the same twice", &[&[5]], |v| ops::mul(&v[0], &v[0])),
        op("relu", &[&[40]], |v| ops::relu(&v[0])),
        op("tanh", &[&[40]], |v| ops::tanh(&v[0])),
        op("gelu", &[&[40]], |v| ops::gelu(&v[0])),
        op("exp", &[&[40]], |v| ops::exp(&v[0])),
        op("ln", &[&[40]], |v| ops::ln(&positive(&v[0]))),
        op("sqrt", &[&[40]], |v| ops::sqrt(&positive(&v[0]))),
        op("scale", &[&[40]], |v| ops::scale(&v[0], -2.5)),
        op("reshape", &[&[4, 6]], |v| ops::reshape(&v[0], &[2, 12])),
        op("sum", &[&[4, 6]], |v| ops::sum(&v[0])),
        op("mean", &[&[4, 6]], |v| ops::mean(&v[0])),
        op("dot_samples", &pair, |v| ops::dot_samples(&v[0], &v[1])),
        op("scale_samples", &[&[3, 2, 5], &[3]], |v| ops::scale_samples(&v[0], &v[1])),
        op("linear", &[&[2, 5, 4], &[4, 3], &[3]], |v| ops::linear(&v[0], &v[1], &v[2])),
        op("average_pool", &[image], |v| ops::average_pool(&v[0])),
        op("upsample", &[image], |v| ops::upsample(&v[0])),
        op("average_pool in the plane", &[&[1, 1, 6, 4, 2]], |v| ops::average_pool(&v[0])),
        op("upsample in the plane", &[&[1, 1, 6, 4, 2]], |v| ops::upsample(&v[0])),
        op("conv", &[image, &[3, 3, 3, 3, 5], &[5]], |v| ops::conv::conv(&v[0], &v[1], &v[2], Conv::default())),
        op("conv, rectified", &[image, &[1, 3, 3, 3, 17], &[17]], |v| {
            ops::conv::conv(&v[0], &v[1], &v[2], Conv { rectify: true, ..Conv::default() })
        }),
        op("conv of stride 2", &[&[2, 1, 8, 6, 3], &[1, 4, 4, 3, 2], &[2]], move |v| {
            ops::conv::conv(&v[0], &v[1], &v[2], strided)
        }),
        op("conv_transpose", &[&[2, 1, 4, 3, 2], &[1, 4, 4, 3, 2]], move |v| {
            ops::conv::conv_transpose(&v[0], &v[1], strided, [1, 8, 6])
        }),
        op("conv, mirrored", &[image, &[3, 3, 3, 3, 5]], move |v| {
            ops::conv::conv_linear(&v[0], &v[1], around(Boundary::Reflect, 1))
        }),
        op("conv, periodic, stride 2", &[image, &[3, 3, 3, 3, 5]], move |v| {
            ops::conv::conv_linear(&v[0], &v[1], around(Boundary::Periodic, 2))
        }),
        op("conv_transpose, mirrored, stride 2", &[&[2, 2, 3, 4, 5], &[3, 3, 3, 3, 5]], move |v| {
            ops::conv::conv_transpose(&v[0], &v[1], around(Boundary::Reflect, 2), [4, 6, 8])
        }),
        op("along the last side", &[&[2, 3, 4]], |v| ops::along(&v[0], &wide(4), 2)),
        op("along a side", &[&[2, 4, 3, 2]], |v| ops::along(&v[0], &wide(4), 1)),
        op("join", &[&[3, 2, 4], &[3, 2, 1], &[3, 2, 2]], |v| ops::join(&[&v[0], &v[1], &v[2]])),
        op("known", &[&[3, 4]], |v| {
            let (squares, slopes) = (ops::dot_samples(&v[0], &v[0]), ops::scale(&v[0], 2.0));
            ops::known(&v[0], squares.value().clone(), slopes.value().clone())
        }),
        op("standardise", &[&[3, 4, 5]], |v| ops::standardise(&v[0])),
        op("scale_shift", &[&[3, 4, 5], &[4, 5], &[4, 5]], |v| ops::scale_shift(&v[0], &v[1], &v[2])),
        op("apply_symmetric, stencil", &[&[2, 5, 4, 6, 1]], move |v| ops::apply_symmetric(&stencil, &v[0])),
    ]
}

/// Those that run on the processors alone.
#[allow(dead_code)]
pub fn on_processors() -> Vec<Operation> {
    let places: Arc<[u32]> = vec![4, 0, 4, 2].into();
    let again = places.clone();
    let scene = generate(Family::Smoke, &[5, 4, 6], 1).unwrap();
    let matrix = VoxelSystem::new(&scene.grid, &VoxelOperator::new(&scene.grid)).unwrap().a;
    let unknowns = matrix.nrows();
    let matrix = Symmetric::new(Arc::new(matrix));
    vec![
        op("gather", &[&[5, 3]], move |v| ops::gather(&v[0], &places)),
        op("scatter_add", &[&[4, 3]], move |v| ops::scatter_add(&v[0], &again, 6)),
        op("mean_messages", &[&[8, 3], &[8, 3], &[16, 3]], |v| {
            let graph = Arc::new(ops::Neighbours::new(4, &[[2, 0], [0, 1], [1, 2], [3, 1]]));
            ops::mean_messages(&v[0], &v[1], &v[2], &graph)
        }),
        op("sin", &[&[40]], |v| ops::sin(&v[0])),
        op("mix", &[&[2, 3, 2, 4], &[6, 4, 3]], |v| ops::mix(&v[0], &v[1])),
        op("apply_symmetric, matrix", &[&[2, unknowns]], move |v| ops::apply_symmetric(&matrix, &v[0])),
    ]
}
