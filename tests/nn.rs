//! Nets: the gradient of every operation against differences, weight files.

#[path = "common/operations.rs"]
mod operations;

use filet::nn::layers::ConvLayer;
use filet::nn::{
    Backend, Boundary, Conv, Layer, Padding, Tape, Tensor, Var, Weights, ops, read_weights, write_weights,
};
use operations::{on_processors, operations};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use std::sync::Arc;

#[test]
fn gradients_are_the_limits_of_differences() {
    for (name, shapes, build) in operations(&Backend::Cpu).into_iter().chain(on_processors()) {
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
