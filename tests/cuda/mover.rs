//! The learned mover on the device: loss, gradients, training and guess are the processor's. Its operations are tested in every
//! arithmetic, the whole in the one that takes the stand-in least.

use crate::standin::{cuda, difference, wide};
use crate::training::every_way_is_the_same;
use filet::mesh::shapes::built_in;
use filet::mover::{LearnedMover, MoveConfig, Mover, PotentialLoss, PotentialNet};
use filet::nn::ops::add;
use filet::nn::ops::cuda::{Arithmetic, Gpu};
use filet::nn::{Backend, Layer, Param, Tape, Var};

/// Losses and the gradient of their sum for all parameters.
fn losses_and_gradient(net: &mut dyn Layer, backend: &Backend) -> [Vec<f64>; 2] {
    net.move_to(backend).unwrap();
    let tape = Tape::training().on(backend.clone());
    let losses = PotentialLoss { batch: 2, seed: 4 }.on(net, &tape, 0..2);
    let sum = losses.iter().cloned().reduce(|a, b| add(&a, &b)).unwrap();
    let gradients = tape.gradients(&sum);
    let here = |t: &filet::nn::Tensor| wide(t.here().unwrap().data());
    [losses.iter().flat_map(|l| here(l.value())).collect(), gradients.values().flat_map(here).collect()]
}

#[test]
fn losses_of_series_and_their_gradients_are_those_of_the_processor() {
    let (_shared, cuda) = cuda();
    let gpu = Backend::Gpu(Gpu::with(&cuda, Arithmetic::Single));
    // The larger numbers fold the map here and there: the barrier and the tangent of the logarithm are at work.
    for larger in [1.0, 2.0] {
        let mut net = PotentialNet::new(3);
        net.visit(&mut |p| p.value.data_mut().iter_mut().for_each(|v| *v *= larger));
        let [host, device] = [&Backend::Cpu, &gpu].map(|backend| losses_and_gradient(&mut net, backend));
        let off = [0, 1].map(|k| difference(&device[k], &host[k]));
        println!("weights times {larger}: losses {:?}, {:.1e} apart, gradients {:.1e}", host[0], off[0], off[1]);
        assert!(off[0] < 1e-5 && off[1] < 1e-4, "{off:?}");
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
