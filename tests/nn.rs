//! Nets: the gradient of every operation against differences, weight files.

use filet::assembly::VoxelSystem;
use filet::nn::layers::ConvLayer;
use filet::nn::{Boundary, Conv, Layer, Padding, Tape, Tensor, Var, Weights, ops, read_weights, write_weights};
use filet::operator::LinearOperator;
use filet::operator::voxel::VoxelOperator;
use filet::voxel::{Family, generate};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use std::sync::Arc;

type Build = Box<dyn Fn(&[Var]) -> Var>;

/// A name, the shapes of the inputs, and the operation.
fn op(name: &str, shapes: &[&[usize]], build: impl Fn(&[Var]) -> Var + 'static) -> (String, Vec<Vec<usize>>, Build) {
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

/// Every operation there is.
fn operations() -> Vec<(String, Vec<Vec<usize>>, Build)> {
    let pair: [&[usize]; 2] = [&[3, 7], &[3, 7]];
    let image: &[usize] = &[2, 4, 6, 8, 3];
    let places: Arc<[u32]> = vec![4, 0, 4, 2].into();
    let again = places.clone();
    let scene = generate(Family::Smoke, &[5, 4, 6], 1).unwrap();
    let stencil: Arc<dyn LinearOperator + Send> = Arc::new(VoxelOperator::new(&scene.grid));
    let matrix = VoxelSystem::new(&scene.grid, &VoxelOperator::new(&scene.grid)).unwrap().a;
    let unknowns = matrix.nrows();
    let matrix: Arc<dyn LinearOperator + Send> = Arc::new(matrix);
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
        op("sin", &[&[40]], |v| ops::sin(&v[0])),
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
        op("gather", &[&[5, 3]], move |v| ops::gather(&v[0], &places)),
        op("scatter_add", &[&[4, 3]], move |v| ops::scatter_add(&v[0], &again, 6)),
        op("join", &[&[3, 2, 4], &[3, 2, 1], &[3, 2, 2]], |v| ops::join(&[&v[0], &v[1], &v[2]])),
        op("mean_messages", &[&[8, 3], &[8, 3], &[16, 3]], |v| {
            let graph = Arc::new(ops::Neighbours::new(4, &[[2, 0], [0, 1], [1, 2], [3, 1]]));
            ops::mean_messages(&v[0], &v[1], &v[2], &graph)
        }),
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
        op("mix", &[&[2, 3, 2, 4], &[6, 4, 3]], |v| ops::mix(&v[0], &v[1])),
        op("standardise", &[&[3, 4, 5]], |v| ops::standardise(&v[0])),
        op("scale_shift", &[&[3, 4, 5], &[4, 5], &[4, 5]], |v| ops::scale_shift(&v[0], &v[1], &v[2])),
        op("apply_symmetric, stencil", &[&[2, 5, 4, 6, 1]], move |v| ops::apply_symmetric(&stencil, &v[0])),
        op("apply_symmetric, matrix", &[&[2, unknowns]], move |v| ops::apply_symmetric(&matrix, &v[0])),
    ]
}

#[test]
fn gradients_are_the_limits_of_differences() {
    for (name, shapes, build) in operations() {
        let mut rng = Pcg64::seed_from_u64(7);
        let inputs: Vec<Tensor> = shapes.iter().map(|s| Tensor::normal(s, &mut rng)).collect();
        // L = w · f(x)², smooth in what f gives.
        let weights = Tensor::uniform(build(&leaves(&inputs)).shape(), 1.0, &mut rng);
        let loss = |vars: &[Var]| {
            let y = build(vars);
            ops::sum(&ops::mul(&Var::constant(weights.clone()), &ops::mul(&y, &y)))
        };
        let vars = leaves(&inputs);
        let gradients = loss(&vars).backward();
        for (input, var) in vars.iter().enumerate() {
            let gradient = gradients.of(var).unwrap_or_else(|| panic!("{name}: no gradient for input {input}"));
            for _ in 0..3 {
                let direction = Tensor::normal(&shapes[input], &mut rng);
                let along: f64 = dot(gradient, &direction);
                // The best of some steps: large ones cross the rectifier's kinks, small ones drown in rounding.
                let off = [3e-2f32, 1e-2, 3e-3, 1e-3].map(|h| {
                    let at = |h: f32| {
                        let mut moved = inputs.clone();
                        let steps = moved[input].data_mut().iter_mut().zip(direction.data());
                        steps.for_each(|(x, d)| *x += h * d);
                        f64::from(loss(&leaves(&moved)).value().item())
                    };
                    let difference = (at(h) - at(-h)) / (2.0 * f64::from(h));
                    (difference - along).abs() / (along.abs() + dot(gradient, gradient).sqrt())
                });
                let best = off.into_iter().fold(f64::INFINITY, f64::min);
                assert!(best < 4e-3, "{name}, input {input}: off by {off:?}");
            }
        }
    }
}

fn leaves(inputs: &[Tensor]) -> Vec<Var> {
    inputs.iter().map(|t| Var::leaf(t.clone())).collect()
}

fn dot(a: &Tensor, b: &Tensor) -> f64 {
    a.data().iter().zip(b.data()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[test]
fn a_transposed_convolution_is_the_transpose_with_every_boundary_stride_and_side() {
    let mut rng = Pcg64::seed_from_u64(3);
    let sides = [[1, 10, 8], [5, 7, 9], [1, 1, 13], [6, 1, 4], [2, 3, 3]];
    let faces =
        [[Boundary::Zero; 2], [Boundary::Reflect; 2], [Boundary::Periodic; 2], [Boundary::Reflect, Boundary::Zero]];
    for (n, beyond) in sides.into_iter().flat_map(|n| faces.map(|f| (n, f))) {
        for (k, s, widths) in [(3, 1, [1, 1]), (3, 2, [1, 1]), (4, 2, [1, 2]), (2, 3, [1, 2]), (5, 3, [2, 2])] {
            let active = n.map(|n| n > 1);
            let side = |k: usize| active.map(|a| if a { k } else { 1 });
            let how = Conv {
                stride: side(s),
                padding: Padding::Faces {
                    widths: active.map(|a| if a { widths } else { [0; 2] }),
                    beyond: [beyond; 3],
                },
                rectify: false,
            };
            let w = Var::constant(Tensor::normal(&[&side(k)[..], &[3, 2]].concat(), &mut rng));
            let x = Var::constant(Tensor::normal(&[2, n[0], n[1], n[2], 3], &mut rng));
            let forth = ops::conv::conv_linear(&x, &w, how);
            let y = Var::constant(Tensor::normal(forth.shape(), &mut rng));
            let back = ops::conv::conv_transpose(&y, &w, how, n);
            let (a, b) = (dot(forth.value(), y.value()), dot(x.value(), back.value()));
            let size = (dot(forth.value(), forth.value()) * dot(y.value(), y.value())).sqrt();
            assert!((a - b).abs() < 1e-5 * size, "{n:?}, {beyond:?}, kernel {k}, stride {s}: {a} {b}");
        }
    }
}

#[test]
fn boundaries_continue_an_image_as_their_names_say() {
    let x = Var::constant(Tensor::new(&[1, 1, 1, 4, 1], vec![1.0, 2.0, 3.0, 5.0]));
    let one = Var::constant(Tensor::new(&[1, 1, 1, 1, 1], vec![1.0]));
    let line = |beyond| {
        let padding = Padding::Faces { widths: [[0; 2], [0; 2], [2, 1]], beyond: [[beyond; 2]; 3] };
        ops::conv::conv_linear(&x, &one, Conv { stride: [1; 3], padding, rectify: false }).value().data().to_vec()
    };
    assert_eq!(line(Boundary::Zero), [0.0, 0.0, 1.0, 2.0, 3.0, 5.0, 0.0]);
    assert_eq!(line(Boundary::Reflect), [3.0, 2.0, 1.0, 2.0, 3.0, 5.0, 3.0]);
    assert_eq!(line(Boundary::Periodic), [3.0, 5.0, 1.0, 2.0, 3.0, 5.0, 1.0]);
}

#[test]
fn without_a_parameter_nothing_is_remembered() {
    let mut layer = ConvLayer::new("a", [3; 3], [1, 2], Conv::default(), &mut Pcg64::seed_from_u64(1));
    let x = Var::constant(Tensor::zeros(&[1, 4, 4, 4, 1]));
    assert!(!layer.forward(&Tape::inference(), &x).tracked());
    let tape = Tape::training();
    let loss = ops::sum(&layer.forward(&tape, &x));
    let names: Vec<String> = tape.gradients(&loss).into_keys().collect();
    assert_eq!(names, ["a.bias", "a.weight"]);
    assert_eq!(layer.parameters(), 27 * 2 + 2);
}

#[test]
fn weights_come_back_from_their_file_and_what_is_wrong_with_one_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let mut net = ConvLayer::new("a", [3; 3], [1, 2], Conv::default(), &mut Pcg64::seed_from_u64(1));
    let weights = Weights::of(&mut net, serde_json::json!({ "net": "test", "seed": 1 }));
    write_weights(&path, &weights).unwrap();
    let first = std::fs::read(&path).unwrap();
    write_weights(&path, &weights).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), first, "the same bytes");
    let read = read_weights(&path).unwrap();
    assert_eq!((&read.tensors, &read.about), (&weights.tensors, &weights.about));
    let mut other = ConvLayer::new("a", [3; 3], [1, 2], Conv::default(), &mut Pcg64::seed_from_u64(2));
    read.load_into(&mut other).unwrap();
    assert_eq!(Weights::of(&mut other, weights.about.clone()).tensors, weights.tensors);

    let mut rng = Pcg64::seed_from_u64(1);
    let message = |net: &mut ConvLayer| read.load_into(net).unwrap_err().to_string();
    let wide = message(&mut ConvLayer::new("a", [3; 3], [1, 4], Conv::default(), &mut rng));
    assert!(wide.contains("a.weight") && wide.contains("4]"), "{wide}");
    assert!(message(&mut ConvLayer::new("b", [3; 3], [1, 2], Conv::default(), &mut rng)).contains("b.weight"));
    for length in [0, 4, 20, first.len() - 1] {
        std::fs::write(&path, &first[..length]).unwrap();
        assert!(read_weights(&path).is_err());
    }
    let mut spoilt = weights.clone();
    spoilt.tensors.get_mut("a.bias").unwrap().data_mut()[1] = f32::NAN;
    write_weights(&path, &spoilt).unwrap();
    assert!(read_weights(&path).unwrap_err().to_string().contains("a.bias: number 1 is NaN"));
}

#[test]
fn messages_are_those_of_gather_and_scatter() {
    let edges = [[2, 0], [0, 1], [1, 2], [3, 1], [4, 3]];
    let graph = Arc::new(ops::Neighbours::new(5, &edges));
    let mut rng = Pcg64::seed_from_u64(3);
    let [a, b] = [(); 2].map(|()| Var::constant(Tensor::normal(&[15, 4], &mut rng)));
    let e = Var::constant(Tensor::normal(&[30, 4], &mut rng));
    let here = ops::mean_messages(&a, &b, &e, &graph);
    let [receivers, senders] = graph.ends(3);
    let z = ops::add(&ops::add(&ops::gather(&a, &receivers), &ops::gather(&b, &senders)), &e);
    let sums = ops::scatter_add(&ops::gelu(&z), &receivers, 15);
    let shares = (0..15).map(|i| 1.0 / graph.of(i % 5).len() as f32).collect();
    let there = ops::scale_samples(&sums, &Var::constant(Tensor::new(&[15], shares)));
    for (here, there) in here.value().data().iter().zip(there.value().data()) {
        assert!((here - there).abs() < 1e-6, "{here} {there}");
    }
}
