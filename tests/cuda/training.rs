//! Training on the device: the same steps as on the processor to rounding, from and to the same checkpoints, the same bits when resumed.

use crate::solves::filet;
use crate::standin::{cuda, difference, wide};
use filet::dcdm::{DirectionNet, NetSize, ResidualLoss};
use filet::mgno::generate::{Problem, Recipe};
use filet::mgno::{CycleConfig, Form, MgNoConfig, NetConfig, Norm, Operator, SampleLoss, Samples, UNetConfig};
use filet::nn::ops::cuda::{Arithmetic, Gpu};
use filet::nn::{Backend, Boundary, Layer, Weights};
use filet::train::{Checkpoint, Objective, TrainConfig, train};
use filet::voxel::{Family, generate};
use std::ops::ControlFlow;

/// Losses and weights.
type Trained = (Vec<f32>, Vec<f64>);

/// Trains on each of the backends up to a step, from one to the next through a checkpoint, and gives losses and weights.
fn trained<O: Objective>(
    net: &mut dyn Layer,
    objective: impl Fn(&Backend) -> O,
    steps: usize,
    course: &[(&Backend, usize)],
) -> Trained {
    let folder = tempfile::tempdir().unwrap();
    let (path, run) = (folder.path().join("run.checkpoint"), serde_json::json!({ "seed": 3 }));
    let config = TrainConfig { steps, ..TrainConfig::default() };
    let mut state = Checkpoint::default();
    for (backend, until) in course {
        if state.step() > 0 {
            state = Checkpoint::read(&path, net, &run).unwrap();
        }
        net.move_to(backend).unwrap();
        train(net, &mut objective(backend), &config, &mut state, &mut |net, state| {
            assert_eq!(net.backend(), **backend);
            let stop = state.step() == *until;
            if stop {
                state.write(&path, net, &run).unwrap();
            }
            Ok(if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .unwrap();
    }
    net.move_to(&Backend::Cpu).unwrap();
    let weights = Weights::of(net, serde_json::Value::Null);
    (state.losses().to_vec(), weights.tensors.values().flat_map(|t| wide(t.data())).collect())
}

/// All ways to the last step give the same, those on the device alone the same bits.
pub fn every_way_is_the_same<N: Layer, O: Objective>(
    what: &str,
    arithmetic: Arithmetic,
    net: impl Fn() -> N,
    objective: impl Fn(&Backend) -> O,
) {
    let (_shared, cuda) = cuda();
    let (cpu, gpu) = (Backend::Cpu, Backend::Gpu(Gpu::with(&cuda, arithmetic)));
    let run = |course: &[(&Backend, usize)]| trained(&mut net(), &objective, 3, course);
    let [host, device, resumed] = [&[(&cpu, 3)][..], &[(&gpu, 3)], &[(&gpu, 1), (&gpu, 3)]].map(run);
    assert_eq!(device, resumed, "{what}");
    let mixed = [[(&cpu, 2), (&gpu, 3)], [(&gpu, 1), (&cpu, 3)]].map(|course| run(&course));
    for (losses, weights) in [&device, &mixed[0], &mixed[1]] {
        let off = [difference(&wide(losses), &wide(&host.0)), difference(weights, &host.1)];
        println!("{what}: losses {:.1e}, weights {:.1e} apart after {} steps", off[0], off[1], losses.len());
        assert!(off[0] < 1e-5 && off[1] < 1e-4, "{what}: {off:?}");
        assert!(losses[2] != losses[0]);
    }
}

#[test]
fn direction_nets_are_trained_as_on_the_processor() {
    // With a free surface: in a closed box the last bias, which the loss does not see, has a gradient of rounding alone, and of that
    // Adam makes a step of full size.
    let grids = [Family::Dam, Family::Splash].map(|family| generate(family, &[4, 4, 6], 0).unwrap().grid);
    every_way_is_the_same(
        "direction net",
        Arithmetic::ThreeTf32,
        || DirectionNet::new(NetSize { fine: 1, coarse: 1 }, 3),
        |backend| ResidualLoss::new(&grids, 20, 2, 3, backend).unwrap(),
    );
}

fn samples() -> Samples {
    let recipe = Recipe { problem: Problem::DarcyRough, size: 12, dimension: 2, samples: 4, seed: 7, refine: 1 };
    recipe.make(&|_| ()).unwrap()
}

#[test]
fn operators_are_trained_as_on_the_processor() {
    let samples = samples();
    let n = samples.sides();
    let mgno = |cycle: CycleConfig| MgNoConfig { layers: 1, width: 4, cycle, ..MgNoConfig::default() };
    let normed = CycleConfig { bias: true, norm: Some(n), ..CycleConfig::levels(2, 2).within(Boundary::Periodic) };
    let residual = CycleConfig { form: Form::Residual, ..CycleConfig::levels(2, 2) };
    let nets = [
        ("published", NetConfig::Mgno(mgno(CycleConfig::levels(2, 2))), Norm::H1),
        ("residual, reflected", NetConfig::Mgno(mgno(residual.within(Boundary::Reflect))), Norm::L2),
        ("periodic, normalised", NetConfig::Mgno(mgno(normed)), Norm::H1),
        ("u-net", NetConfig::Unet(UNetConfig { levels: 2, width: 4, ..UNetConfig::default() }), Norm::H1),
    ];
    for (what, config, norm) in nets {
        every_way_is_the_same(
            what,
            Arithmetic::ThreeTf32,
            || Operator::new(&config, &samples, 5).unwrap(),
            |_| SampleLoss::new(&samples, norm, 2, true, 1).unwrap(),
        );
    }
}

/// Bytes up and down in a step, after those that take memory from the driver; no later one does.
pub fn bytes_of_a_step(net: &mut dyn Layer, objective: &mut dyn Objective) -> [usize; 2] {
    let (_alone, cuda) = crate::standin::cuda_alone();
    net.move_to(&Backend::Gpu(Gpu::with(&cuda, Arithmetic::Single))).unwrap();
    let config = TrainConfig { steps: 4, ..TrainConfig::default() };
    let mut after = Vec::new();
    train(net, objective, &config, &mut Checkpoint::default(), &mut |_, _| {
        after.push((cuda.copied(), crate::standin::used()));
        Ok(ControlFlow::Continue(()))
    })
    .unwrap();
    assert_eq!(after[1].1, after[3].1, "memory that steps take is what steps before gave back");
    [0, 1].map(|way| after[3].0[way] - after[2].0[way])
}

#[test]
fn a_step_brings_data_up_and_a_number_down_and_takes_no_new_memory() {
    let samples = samples();
    let config = NetConfig::Unet(UNetConfig { levels: 2, width: 4, ..UNetConfig::default() });
    let mut net = Operator::new(&config, &samples, 5).unwrap();
    let mut objective = SampleLoss::new(&samples, Norm::H1, 2, false, 1).unwrap();
    let [up, down] = bytes_of_a_step(&mut net, &mut objective);
    let batch = 4 * 2 * 2 * samples.inputs.len() / samples.len();
    println!("a step: {up} bytes up, {down} down; a batch has {batch}");
    assert_eq!(down, 4);
    // Besides the batch the scaling of inputs and outputs, one number and its shift each, and the 1 that gradients start with.
    assert!((batch..=batch + 64).contains(&up), "{up}");
}

#[test]
fn the_command_trains_on_the_device_and_says_what_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let run = |name: &str, options: &[&str]| {
        let (weights, csv) = (path(&format!("{name}.safetensors")), path(&format!("{name}.csv")));
        let out = if options[1] == "mgno" { "--weights" } else { "--output" };
        let (code, _, error) = filet(&[options, &[out, &weights, "--csv", &csv]].concat());
        assert_eq!(code, 0, "{error}");
        let text = std::fs::read_to_string(csv).unwrap();
        text.lines().skip(1).map(|l| l.split(',').nth(1).unwrap().parse().unwrap()).collect::<Vec<f64>>()
    };
    let mgno =
        ["train", "mgno", "--data", "darcy-rough:16", "--samples", "6", "--test", "2", "--epochs", "2", "--batch", "2"];
    let cases: [&[&str]; 4] = [
        &["train", "mover", "--batch", "1", "--steps", "1"],
        &["train", "direction", "--size", "4", "--vectors", "10", "--batch", "1", "--steps", "2"],
        &[&mgno[..], &["--width", "3", "--layers", "1", "--levels", "2"]].concat(),
        &[&mgno[..], &["--net", "unet", "--width", "3", "--levels", "2"]].concat(),
    ];
    for case in cases {
        let host = run("host", case);
        let device = run("device", &[case, &["--device", "cuda"]].concat());
        assert!(difference(&device, &host) < 1e-5, "{case:?}: {host:?} {device:?}");
    }
    let weights = path("fno.safetensors");
    let fno = ["--net", "fno", "--device", "cuda", "--weights", &weights];
    let (code, _, error) = filet(&[&mgno[..], &fno].concat());
    assert!(code == 2 && error.contains("fno does not run on a GPU"), "{error}");
}
