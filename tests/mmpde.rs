//! The solver on the moved mesh: trajectories and their files, what the net keeps whatever its weights, training, roll-outs.

use filet::mesh::shapes::built_in;
use filet::mesh::{Locator, Mesh};
use filet::mmpde::{
    BranchKind, MeshMover, MmPde, MmPdeConfig, Movement, Problem, Recipe, RollOutLoss, Scheme, State, Trajectories,
    Transfer, errors, roll_out,
};
use filet::mover::{FieldMonitor, Form, MongeAmpere, MongeAmpereConfig};
use filet::nn::{Layer, Tape, Tensor};
use filet::train::{Checkpoint, Objective, TrainConfig, train};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use std::ops::ControlFlow;

fn small(cells: usize) -> Recipe {
    Recipe { cells, trajectories: 6, steps: 4, refine: 4, ..Recipe::default() }
}

fn data(cells: usize) -> Trajectories {
    small(cells).make(&|_| {}).unwrap()
}

/// A net whose numbers are all random: new ones begin with zeros.
fn net(config: &MmPdeConfig, seed: u64) -> MmPde {
    let mut net = MmPde::new(config, seed).unwrap();
    let mut rng = Pcg64::seed_from_u64(seed);
    // Kernels of cycles are applied one after the other many times.
    let bound = |name: &str| if name.contains("cycle") { 0.1 } else { 0.3 };
    net.visit(&mut |p| p.value = Tensor::uniform(p.value.shape(), bound(&p.name), &mut rng));
    net
}

fn tiny() -> MmPdeConfig {
    let (branch, transfer) = (BranchKind::Graph, Transfer::Learned);
    MmPdeConfig { cells: 8, width: 6, layers: 2, branch, transfer, ..MmPdeConfig::default() }
}

fn with(scheme: Scheme, mover: Movement) -> MmPdeConfig {
    MmPdeConfig { scheme, mover, ..tiny() }
}

/// Both schemes, messages and multigrid, learned and cubic interpolation.
fn kinds() -> Vec<MmPdeConfig> {
    let kinds = [
        (Scheme::Carried, BranchKind::Graph, Transfer::Learned),
        (Scheme::Published, BranchKind::Graph, Transfer::Learned),
        (Scheme::Carried, BranchKind::Mgno, Transfer::Learned),
        (Scheme::Carried, BranchKind::Mgno, Transfer::Cubic),
        (Scheme::Published, BranchKind::Mgno, Transfer::Cubic),
    ];
    kinds.map(|(scheme, branch, transfer)| MmPdeConfig { scheme, branch, transfer, ..tiny() }).to_vec()
}

fn lattice(mesh: &Mesh) -> Vec<[f32; 2]> {
    mesh.points.iter().map(|p| [p[0] as f32, p[1] as f32]).collect()
}

#[test]
fn trajectories_come_back_from_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.h5");
    let made = data(8);
    made.write(&path).unwrap();
    assert_eq!(Trajectories::read(&path).unwrap(), made);
    assert_eq!((made.cells, made.refine), (32, 4));
    assert_eq!((made.len(), made.frames, made.viscosities[..4].to_vec()), (6, 5, vec![0.03, 0.01, 0.004, 0.03]));
    // The same starts on another lattice, the same numbers with another number of threads.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| data(8)), made);
    let fine = data(16);
    let at = |t: &Trajectories, i: usize| t.frame(3, 0)[i * (t.cells + 1) + i];
    assert!((at(&made, 12) - at(&fine, 24)).abs() < 1e-6);
    let points = [[0.375, 0.375], [0.1, 0.9]];
    assert_eq!(made.at(3, 0, &points)[0], at(&made, 12));
    assert!((made.at(3, 0, &points)[1] - fine.at(3, 0, &points)[1]).abs() < 1e-4);
    let viscous = |i: usize| made.frame(i, 4).iter().map(|u| u * u).sum::<f32>();
    assert!(viscous(0) < viscous(1) && viscous(1) < viscous(2), "more viscosity, less energy");
    std::fs::write(&path, b"nothing").unwrap();
    assert!(Trajectories::read(&path).is_err());
    assert!(Recipe { viscosities: vec![-1.0], ..small(8) }.make(&|_| {}).is_err());
    assert!(made.part(3, 9).is_err());
}

#[test]
fn flows_past_a_cylinder_are_kept_apart_from_other_problems() {
    let path = tempfile::tempdir().unwrap().keep().join("c.h5");
    let recipe = Recipe { cells: 8, trajectories: 3, steps: 1, refine: 3, ..Problem::Cylinder.recipe() };
    let made = recipe.make(&|_| {}).unwrap();
    made.write(&path).unwrap();
    assert_eq!(Trajectories::read(&path).unwrap(), made);
    let flow = MmPdeConfig { problem: Problem::Cylinder, ..tiny() };
    assert!(net(&tiny(), 1).check(&made).is_err() && net(&flow, 1).check(&made).is_ok());
    // In the cylinder and where the stream comes in u stays, elsewhere it goes.
    let out = roll_out(&net(&flow, 1), &|points| made.at(1, 0, points), 0.004, 1).unwrap();
    let start = made.at(1, 0, &out.home[1]);
    let held = |q: &usize| Problem::Cylinder.holds(out.home[1][*q]) && Problem::Cylinder.holds(out.home[0][*q]);
    assert!((0..81).filter(held).count() > 10);
    assert!((0..9).all(|j| (out.states[1][9 * j] - 1.0).abs() < 1e-6), "the stream comes in");
    assert!((0..9).any(|j| (out.states[1][9 * j + 8] - start[9 * j + 8]).abs() > 1e-3), "and goes out");
}

#[test]
fn meshes_go_where_the_front_is_and_do_not_tangle() {
    let mesh = built_in("square:16").unwrap().unwrap();
    let mut mover = MeshMover::new(&mesh, Movement::Newton).unwrap();
    let front = |x: f64, y: f64| ((20.0 * (x + y - 1.1)).tanh() * x * y * (1.0 - x) * (1.0 - y)) as f32;
    let u: Vec<f32> = mesh.points.iter().map(|p| front(p[0], p[1])).collect();
    let home = lattice(&mesh);
    let nodes = mover.nodes(&u, &home).unwrap();
    let near = |points: &mut dyn Iterator<Item = [f64; 2]>| points.filter(|[x, y]| (x + y - 1.1).abs() < 0.1).count();
    let before = near(&mut mesh.points.iter().map(|p| [p[0], p[1]]));
    let after = near(&mut nodes.iter().map(|p| p.map(f64::from)));
    assert!(after > before, "{before} {after}");
    assert_eq!(mover.tangled(), 0);
    assert!(mover.nodes(&vec![f32::NAN; u.len()], &home).is_err());
    assert_eq!(MeshMover::new(&mesh, Movement::None).unwrap().nodes(&u, &home).unwrap(), home);
    // From the moved nodes, too, and hardly further.
    let u: Vec<f32> = nodes.iter().map(|[x, y]| front(f64::from(*x), f64::from(*y))).collect();
    let again = mover.nodes(&u, &nodes).unwrap();
    assert!(near(&mut again.iter().map(|p| p.map(f64::from))) > before);
}

/// Zero changes: the state stays, or goes with the nodes. The boundary stays under any weights.
#[test]
fn the_residual_path_is_the_state_and_the_boundary_stays() {
    let trajectories = data(8);
    let start = |points: &[[f32; 2]]| trajectories.at(2, 0, points);
    let twin = with(Scheme::Carried, Movement::None);
    for config in kinds().into_iter().chain([twin, with(Scheme::Carried, Movement::Learned)]) {
        let mut silent = net(&config, 1);
        silent.visit(&mut |p| {
            if p.name.contains("decoder") || p.name.contains("there.out") {
                p.value = Tensor::zeros(p.value.shape());
            }
        });
        let made = roll_out(&silent, &start, 0.004, 2).unwrap();
        assert_eq!((made.states.len(), made.next.len(), made.tangled), (3, 2, 0));
        let exact = start(&made.home[2]);
        let off = made.states[2].iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let bound = if config.carries() { 0.1 } else { 0.0 };
        assert!(off <= bound, "{config:?}: {off}");
        assert!(config.carries() || made.home[0] == made.home[2]);
        let loud = roll_out(&net(&config, 2), &start, 0.004, 2).unwrap();
        assert_ne!(loud.states[1], made.states[1]);
        let edge = |q: usize| [q % 9, q / 9].iter().any(|i| i % 8 == 0);
        assert!((0..81).all(|q| !edge(q) || loud.states[2][q].abs() < 1e-6), "{config:?}");
    }
}

#[test]
fn nodes_stay_between_moves() {
    let trajectories = data(8);
    for scheme in [Scheme::Carried, Scheme::Published] {
        let config = MmPdeConfig { move_every: 3, scheme, ..tiny() };
        let made = roll_out(&net(&config, 3), &|points| trajectories.at(2, 0, points), 0.004, 4).unwrap();
        assert_eq!((&made.next[1], &made.next[2]), (&made.next[0], &made.next[0]), "{scheme:?}");
        assert_ne!(made.next[3], made.next[0], "{scheme:?}");
        if config.carries() {
            assert_eq!(made.home[1..], made.next[..]);
        }
    }
    assert!(MmPde::new(&MmPdeConfig { move_every: 0, ..tiny() }, 0).is_err());
}

#[test]
fn gradients_are_the_limits_of_differences() {
    kinds().iter().for_each(check_gradients);
}

fn check_gradients(config: &MmPdeConfig) {
    let trajectories = data(8);
    let mut net = net(config, 3);
    let mut objective = RollOutLoss::new(&net, &trajectories, 3, [1, 0], 5, &|_| {}).unwrap();
    let tape = Tape::training();
    let gradients = tape.gradients(&objective.loss(&net, &tape, 0).unwrap());
    let mut names = Vec::new();
    net.visit(&mut |p| names.push((p.name.clone(), p.value.shape().to_vec())));
    assert_eq!(names.len(), gradients.len(), "every number has a part in the loss");
    let mut rng = Pcg64::seed_from_u64(9);
    // Pushed states depend on the weights without gradient: look at a step without any.
    let mut objective = RollOutLoss::new(&net, &trajectories, 3, [0, 0], 5, &|_| {}).unwrap();
    let tape = Tape::training();
    let gradients = tape.gradients(&objective.loss(&net, &tape, 0).unwrap());
    for (name, shape) in names {
        let direction = Tensor::normal(&shape, &mut rng);
        let pairs = gradients[&name].data().iter().zip(direction.data());
        let along: f64 = pairs.map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        let mut at = |t: f32, net: &mut MmPde| {
            let shift = |net: &mut MmPde, t: f32| {
                net.visit(&mut |p| {
                    if p.name == name {
                        p.value.data_mut().iter_mut().zip(direction.data()).for_each(|(x, d)| *x += t * d);
                    }
                });
            };
            shift(net, t);
            let loss = f64::from(objective.loss(net, &Tape::inference(), 0).unwrap().value().item());
            shift(net, -t);
            loss
        };
        // The best of some steps: large ones are curved, small ones drown in rounding.
        let off = [3e-2f32, 1e-2, 3e-3].map(|t| {
            let difference = (at(t, &mut net) - at(-t, &mut net)) / f64::from(2.0 * t);
            (difference - along).abs() / (1e-3 + along.abs().max(difference.abs()))
        });
        assert!(off.iter().any(|o| *o < 2e-2), "{name}: {along} off by {off:?}");
    }
}

/// A square turned by half a circle about its middle is the same mesh with its nodes in another order.
#[test]
fn turned_states_have_turned_geometry() {
    [Scheme::Carried, Scheme::Published].into_iter().for_each(|scheme| check_turned(&with(scheme, Movement::Newton)));
}

fn check_turned(config: &MmPdeConfig) {
    let net = net(config, 4);
    let trajectories = data(8);
    let lattice = lattice(net.mesh());
    let moved = |frame: usize| {
        let u = trajectories.at(2, frame, &lattice);
        MeshMover::new(net.mesh(), Movement::Newton).unwrap().nodes(&u, &lattice).unwrap()
    };
    let (next, home) = (moved(2), if config.carries() { moved(1) } else { lattice.clone() });
    let u = &trajectories.at(2, 2, &home)[..];
    let state = State { u, home: &home, next: &next, viscosity: 0.004 };
    let alone = net.forward(&Tape::inference(), &net.input(std::iter::once(state))).value().data().to_vec();
    // A batch is its members one by one.
    let both = net.forward(&Tape::inference(), &net.input([state; 2].into_iter()));
    assert_eq!(both.value().data(), [&alone[..], &alone[..]].concat());
    // Exchanging x and y maps the triangles onto themselves. The weights of x and y differ, so exchange them in the net, too.
    let turned = |q: usize| (q % 9) * 9 + q / 9;
    let mut mirrored = self::net(config, 4);
    mirrored.visit(&mut |p| {
        let rows = p.value.shape()[0];
        // The way from X to X' comes last.
        if p.name == "second.encoder.weight" {
            let width = p.value.len() / rows;
            (0..width).for_each(|c| p.value.data_mut().swap((rows - 3) * width + c, (rows - 2) * width + c));
        }
        if p.name.ends_with("edge.weight") || p.name.ends_with("hidden.weight") {
            let width = p.value.len() / rows;
            (0..width).for_each(|c| p.value.data_mut().swap(c, width + c));
        }
    });
    let u_turned: Vec<f32> = (0..81).map(|q| u[turned(q)]).collect();
    let turn =
        |nodes: &[[f32; 2]]| -> Vec<[f32; 2]> { (0..81).map(|q| [nodes[turned(q)][1], nodes[turned(q)][0]]).collect() };
    let state = State { u: &u_turned, home: &turn(&home), next: &turn(&next), viscosity: 0.004 };
    let there = mirrored.forward(&Tape::inference(), &mirrored.input(std::iter::once(state)));
    for q in 0..81 {
        let (a, b) = (alone[turned(q)], there.value().data()[q]);
        assert!((a - b).abs() < 2e-4 * a.abs().max(1.0), "node {q}: {a} {b}");
    }
}

fn run(net: &mut MmPde, trajectories: &Trajectories, state: &mut Checkpoint, stop: usize) {
    let mut objective = RollOutLoss::new(net, trajectories, 2, [1, 3], 1, &|_| {}).unwrap();
    let config = TrainConfig { steps: 8, learning_rate: 3e-3, ..TrainConfig::default() };
    let mut watch = |_: &mut dyn Layer, state: &Checkpoint| {
        Ok(if state.step() == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    train(net, &mut objective, &config, state, &mut watch).unwrap();
}

#[test]
fn a_training_that_was_cut_off_goes_on_bit_for_bit() {
    let (trajectories, about) = (data(8), serde_json::json!({}));
    let path = tempfile::tempdir().unwrap().keep().join("c.safetensors");
    let (mut whole, mut state) = (MmPde::new(&tiny(), 7).unwrap(), Checkpoint::default());
    run(&mut whole, &trajectories, &mut state, 8);
    let (mut cut, mut half) = (MmPde::new(&tiny(), 7).unwrap(), Checkpoint::default());
    run(&mut cut, &trajectories, &mut half, 5);
    half.write(&path, &mut cut, &about).unwrap();
    let mut again = MmPde::new(&tiny(), 8).unwrap();
    let mut state_again = Checkpoint::read(&path, &mut again, &about).unwrap();
    run(&mut again, &trajectories, &mut state_again, 8);
    assert_eq!(state.losses(), state_again.losses());
    assert_eq!(whole.weights(about.clone()).tensors, again.weights(about).tensors);
}

#[test]
fn training_lowers_the_error_of_a_step() {
    let trajectories = data(8);
    let mut net = MmPde::new(&MmPdeConfig { width: 12, ..tiny() }, 1).unwrap();
    let mut objective = RollOutLoss::new(&net, &trajectories, 4, [0, 0], 1, &|_| {}).unwrap();
    // At the nodes, on batches that are not trained on.
    let mean = |net: &MmPde, objective: &mut RollOutLoss| {
        let mut loss = |k: usize| objective.loss(net, &Tape::inference(), 1000 + k).unwrap().value().item();
        (0..10).map(&mut loss).sum::<f32>() / 10.0
    };
    let before = mean(&net, &mut objective);
    let config = TrainConfig { steps: 80, learning_rate: 5e-3, ..TrainConfig::default() };
    let mut on = |_: &mut dyn Layer, _: &Checkpoint| Ok(ControlFlow::Continue(()));
    train(&mut net, &mut objective, &config, &mut Checkpoint::default(), &mut on).unwrap();
    let after = mean(&net, &mut objective);
    assert!(after < 0.5 * before, "{before} {after}");
    let scores = errors(&net, &trajectories).unwrap();
    assert!(scores.iter().all(|e| e.one_step.is_finite() && e.tangled == 0), "{scores:?}");
    assert!(RollOutLoss::new(&net, &data(9), 4, [0, 0], 1, &|_| {}).is_err(), "another lattice");
    let bare = Recipe { refine: 1, ..small(8) }.make(&|_| {}).unwrap();
    assert!(MmPde::new(&tiny(), 1).unwrap().check(&bare).is_err(), "no values between the lattice's points");
    assert!(RollOutLoss::new(&net, &trajectories, 4, [4, 0], 1, &|_| {}).is_err(), "longer than trajectories");
}

#[test]
fn the_twin_has_the_same_numbers_under_the_same_names() {
    let mut moved = MmPde::new(&tiny(), 1).unwrap();
    let mut fixed = MmPde::new(&with(Scheme::Carried, Movement::None), 1).unwrap();
    let about = serde_json::json!({});
    assert_eq!(moved.weights(about.clone()).tensors, fixed.weights(about.clone()).tensors);
    // A net comes back from its weights, and not from those of another.
    let again = MmPde::from_weights(&moved.weights(about.clone())).unwrap();
    assert_eq!(again.config(), moved.config());
    let mut strange = moved.weights(about);
    strange.about["net"] = serde_json::json!({ "mgno": {} });
    assert!(MmPde::from_weights(&strange).is_err());
    for config in [MmPdeConfig { width: 0, ..tiny() }, MmPdeConfig { layers: 65, ..tiny() }] {
        assert!(MmPde::new(&config, 0).is_err());
    }
}

fn wide(u: &[f32]) -> Vec<f64> {
    u.iter().map(|u| f64::from(*u)).collect()
}

/// The linear function with these values at the mesh's nodes, at points.
fn at(mesh: &Mesh, values: &[f64], points: &[[f64; 3]]) -> Vec<f64> {
    let mut out = vec![0.0; points.len()];
    Locator::new(mesh.clone()).interpolate(values, points, &mut out);
    out
}

/// ‖u − v‖ / ‖v‖.
fn off(u: &[f64], v: &[f64]) -> f64 {
    let square = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>();
    (square(&mut u.iter().zip(v).map(|(u, v)| u - v)) / square(&mut v.iter().copied())).sqrt()
}

/// How well the nodes of the lattice and moved ones hold a solution, as relative L2 errors of linear interpolation on the lattice of the
/// solve: with values of the solution at the moved nodes, with values that came from the lattice, after going back; and with values of the
/// solution at nodes of the learned mover, and at nodes moved for the frame before.
fn held(cells: usize, viscosity: f64) -> [f64; 6] {
    let refine = 144 / cells;
    let recipe =
        Recipe { cells, refine, trajectories: 4, steps: 12, viscosities: vec![viscosity], ..Recipe::default() };
    let data = recipe.make(&|_| {}).unwrap();
    let mesh = |n: usize| built_in(&format!("square:{n}")).unwrap().unwrap();
    let (lattice, solved) = (mesh(cells), mesh(144));
    let mut sums = [0.0; 6];
    for trajectory in 0..4 {
        let exact = wide(data.frame(trajectory, 12));
        let home = self::lattice(&lattice);
        let u = &data.at(trajectory, 12, &home);
        let moved_by = |movement: Movement, u: &[f32]| {
            let nodes = MeshMover::new(&lattice, movement).unwrap().nodes(u, &home).unwrap();
            let points = nodes.iter().map(|[x, y]| [f64::from(*x), f64::from(*y), 0.0]).collect();
            Mesh { points, ..lattice.clone() }
        };
        let moved = moved_by(Movement::Newton, u);
        let sampled = at(&solved, &exact, &moved.points);
        let others = [moved_by(Movement::Learned, u), moved_by(Movement::Newton, &data.at(trajectory, 11, &home))];
        let [learned, late] =
            others.map(|mesh| off(&at(&mesh, &at(&solved, &exact, &mesh.points), &solved.points), &exact));
        let u = wide(u);
        let carried = at(&lattice, &u, &moved.points);
        let errors = [
            off(&at(&lattice, &u, &solved.points), &exact),
            off(&at(&moved, &sampled, &solved.points), &exact),
            off(&at(&moved, &carried, &solved.points), &exact),
            off(&at(&moved, &carried, &lattice.points), &u),
            learned,
            late,
        ];
        sums.iter_mut().zip(errors).for_each(|(s, e)| *s += e / 4.0);
    }
    sums
}

#[test]
fn moved_nodes_hold_fronts_better_unless_their_values_come_from_the_lattice() {
    for viscosity in [0.03, 0.01, 0.004] {
        let errors = held(24, viscosity);
        println!("{viscosity}: {errors:.4?}");
        let [lattice, sampled, carried, back, learned, late] = errors;
        assert!(sampled < lattice && carried > sampled && back > 0.0, "{viscosity}: {errors:?}");
        assert!(learned < lattice && late < lattice, "{viscosity}: {errors:?}");
    }
}

/// Errors of linear interpolation on the lattice of the solve, as [`held`], on the lattice and on nodes moved for each form of monitor.
fn held_by_forms(viscosity: f64) -> Vec<f64> {
    let recipe = Recipe { trajectories: 2, steps: 12, viscosities: vec![viscosity], ..Recipe::default() };
    let data = recipe.make(&|_| {}).unwrap();
    let [lattice, solved] = [24, 144].map(|n| built_in(&format!("square:{n}")).unwrap().unwrap());
    let config = MongeAmpereConfig { rtol: 1e-2, max_iterations: 20, smoothing: 4.0, ..MongeAmpereConfig::default() };
    let mut sums = vec![0.0; 1 + Form::ALL.len()];
    for trajectory in 0..2 {
        let exact = wide(data.frame(trajectory, 12));
        let sampled = |mesh: &Mesh| wide(&data.at(trajectory, 12, &self::lattice(mesh)));
        let error = |mesh: &Mesh| off(&at(mesh, &sampled(mesh), &solved.points), &exact);
        let u = sampled(&lattice);
        let moved = Form::ALL.map(|(form, _)| {
            let monitor = FieldMonitor::of_function(&lattice, &u, form, form.usual_amount()).unwrap();
            MongeAmpere::new(&lattice, &config).unwrap().solve(&monitor).unwrap().mesh
        });
        let all = std::iter::once(&lattice).chain(&moved).map(error);
        sums.iter_mut().zip(all).for_each(|(s, e)| *s += e / 2.0);
    }
    sums
}

#[test]
fn every_monitor_holds_fronts_better_than_the_lattice_and_that_of_slopes_better_than_that_of_values() {
    for viscosity in [0.03, 0.01, 0.004] {
        let errors = held_by_forms(viscosity);
        println!("{viscosity}: {errors:.4?}");
        assert!(errors[1..].iter().all(|e| *e < errors[0]), "{viscosity}: {errors:?}");
        let of = |wanted: Form| errors[1 + Form::ALL.iter().position(|(form, _)| *form == wanted).unwrap()];
        assert!(of(Form::OptimalH1) < of(Form::Optimal), "{viscosity}: {errors:?}");
    }
}
