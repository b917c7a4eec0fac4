//! The learned mover on the device: loss, gradients, training and guess are the processor's. Its operations are tested in every
//! arithmetic, the whole in the one that takes the stand-in least.

use crate::solves::filet;
use crate::standin::{cuda, difference, wide};
use crate::training::{bytes_of_a_step, every_way_is_the_same};
use filet::mesh::shapes::built_in;
use filet::mover::{DmmLoss, DmmNet, LearnedMover, MoveConfig, Mover, PotentialLoss, PotentialNet};
use filet::nn::ops::cuda::{Arithmetic, Gpu};
use filet::nn::{Backend, Layer, Param, Tape, Tensor, Var};
use filet::train::Objective;

/// A loss, and its gradient for all parameters.
fn loss_and_gradient(net: &mut dyn Layer, objective: &mut dyn Objective, backend: &Backend) -> [Vec<f64>; 2] {
    net.move_to(backend).unwrap();
    let tape = Tape::training().on(backend.clone());
    let loss = objective.loss(net, &tape, 0).unwrap();
    let gradients = tape.gradients(&loss);
    let here = |t: &Tensor| wide(t.here().unwrap().data());
    [here(loss.value()), gradients.values().flat_map(here).collect()]
}

/// With weights as they are and `larger` ones, under which the map folds here and there: barriers and tangents are at work.
fn losses_agree(what: &str, net: &mut dyn Layer, objective: &mut dyn Objective, larger: f32) {
    let (_shared, cuda) = cuda();
    let gpu = Backend::Gpu(Gpu::with(&cuda, Arithmetic::Single));
    for larger in [1.0, larger] {
        net.visit(&mut |p| p.value.data_mut().iter_mut().for_each(|v| *v *= larger));
        let [device, host] = [&gpu, &Backend::Cpu].map(|backend| loss_and_gradient(net, objective, backend));
        let off = [0, 1].map(|k| difference(&device[k], &host[k]));
        println!("{what}, weights times {larger}: loss {}, {:.1e} apart, gradients {:.1e}", host[0][0], off[0], off[1]);
        assert!(off[0] < 1e-6 && off[1] < 5e-6, "{what}: {off:?}");
    }
}

#[test]
fn losses_and_their_gradients_are_those_of_the_processor() {
    losses_agree("series", &mut PotentialNet::new(3), &mut PotentialLoss { batch: 2, seed: 4 }, 2.0);
    for as_published in [false, true] {
        let mut objective = DmmLoss { batch: 2, seed: 4, as_published };
        losses_agree("dmm", &mut DmmNet::of_width(12, 1), &mut objective, 1.5);
    }
}

/// All parameters but the last bias, a constant in the image of −Δφ, which a series with vanishing normal derivatives does not have: its
/// gradient is rounding alone, and of that Adam makes a step of full size.
struct Seen(PotentialNet);

impl Layer for Seen {
    fn forward(&self, tape: &Tape, x: &Var) -> Var {
        self.0.forward(tape, x)
    }

    fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        self.0.visit(&mut |p| {
            if p.name != "head.bias" {
                see(p);
            }
        });
    }

    fn move_to(&mut self, backend: &Backend) -> filet::error::Result<()> {
        self.0.move_to(backend)
    }
}

#[test]
fn nets_of_series_are_trained_as_on_the_processor() {
    let net = || Seen(PotentialNet::new(1));
    every_way_is_the_same("series", Arithmetic::Single, net, |_| PotentialLoss { batch: 1, seed: 1 });
}

#[test]
fn published_nets_are_trained_as_on_the_processor() {
    let objective = |_: &Backend| DmmLoss { batch: 1, seed: 1, as_published: false };
    every_way_is_the_same("dmm", Arithmetic::Single, || DmmNet::of_width(8, 1), objective);
}

#[test]
fn a_step_brings_monitors_up_and_a_number_down() {
    let [up, down] = bytes_of_a_step(&mut PotentialNet::new(1), &mut PotentialLoss { batch: 1, seed: 1 });
    // Seven numbers of each of three features, and the 1 that gradients start with.
    assert_eq!([up, down], [8 * 7 * 3 + 4, 4]);
}

#[test]
fn guesses_are_those_of_the_processor() {
    let (_shared, cuda) = cuda();
    let gpu = Backend::Gpu(Gpu::with(&cuda, Arithmetic::Single));
    let mesh = built_in("square:12").unwrap().unwrap();
    let monitor = |p: [f64; 3]| 1.0 + 10.0 * (-30.0 * ((p[0] - 0.4).powi(2) + (p[1] - 0.6).powi(2))).exp();
    let config = MoveConfig { max_iterations: 0, ..MoveConfig::default() };
    let [host, device] = [&Backend::Cpu, &gpu].map(|backend| {
        let mut mover = LearnedMover::on(&LearnedMover::shipped_weights(), &config, backend).unwrap();
        mover.move_mesh(&mesh, &monitor).unwrap()
    });
    assert_eq!([host.report.method, device.report.method], ["learned"; 2]);
    let [host, device] = [host, device].map(|moved| moved.mesh.points.into_flattened());
    let off = difference(&device, &host);
    println!("points {off:.1e} apart");
    assert!(off < 1e-6 && difference(&host, mesh.points.as_flattened()) > 0.01, "{off}");
}

#[test]
fn the_command_moves_with_the_net_on_the_device() {
    let ring = ["move", "square:8", "--monitor", "ring:5,20,0.1", "--method", "learned", "--json", "-q"];
    let told = |more: &[&str]| {
        let (code, text, error) = filet(&[&ring[..], more].concat());
        assert_eq!(code, 0, "{error}");
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let [host, device] = [told(&[]), told(&["--device", "cuda"])];
    assert_eq!([&host["device"], &device["device"]], ["cpu", "cuda"]);
    assert_eq!([&host["method"], &device["method"]], ["learned"; 2]);
    assert_eq!(host["iterations"], device["iterations"]);
    let variation = |of: &serde_json::Value| of["after"]["variation"].as_f64().unwrap();
    assert!((variation(&host) - variation(&device)).abs() < 1e-6 * variation(&host));
}
