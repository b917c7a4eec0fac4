//! Operations of nets and their gradients: CUDA = CPU.

use crate::operations::{Build, Operation, op, operations};
use crate::standin::{cuda, difference, wide};
use filet::device::cuda::{Buffer, Cuda};
use filet::mgno::{CycleConfig, MgNo, MgNoConfig, UNet, UNetConfig};
use filet::nn::ops::conv::{conv, conv_linear, conv_transpose};
use filet::nn::ops::cuda::{Arithmetic, CudaConv, CudaPointwise, Gpu, gather_blocks, spread_blocks};
use filet::nn::ops::{add, average_pool, mul, sum, upsample};
use filet::nn::{Backend, Boundary, Conv, Layer, Padding, Tape, Tensor, Var};
use rand::SeedableRng;
use rand_pcg::Pcg64;

fn down(cuda: &Cuda, buffer: &Buffer<f32>) -> Vec<f64> {
    let mut out = vec![0.0; buffer.len()];
    cuda.download(buffer, &mut out).unwrap();
    wide(&out)
}

fn same(cuda: &Cuda, device: &Buffer<f32>, host: &Tensor, what: &str) {
    let off = difference(&down(cuda, device), &wide(host.data()));
    assert!(off < 3e-5, "{what}: {off}");
}

/// Sides that end inside a tile of convolutions and at its edge.
const SIDES: [[usize; 3]; 3] = [[4, 8, 16], [5, 3, 18], [6, 10, 4]];

/// The result for inputs on a backend, and the gradients of its sum weighted by normal numbers, all here.
fn evaluated(build: &Build, inputs: &[Tensor], backend: &Backend) -> Vec<Tensor> {
    let leaves: Vec<Var> = inputs.iter().map(|t| Var::leaf(backend.put(t.clone()))).collect();
    let y = build(&leaves);
    let weights = Tensor::normal(y.shape(), &mut Pcg64::seed_from_u64(11));
    let gradients = sum(&mul(&y, &Var::constant(backend.put(weights)))).backward();
    let found = leaves.iter().map(|leaf| gradients.of(leaf).expect("a gradient").here().unwrap());
    std::iter::once(y.value().here().unwrap()).chain(found).collect()
}

/// The largest differences of result and gradients, relative to the largest numbers.
fn apart(build: &Build, inputs: &[Tensor], backends: [&Backend; 2]) -> Vec<f64> {
    let [a, b] = backends.map(|backend| evaluated(build, inputs, backend));
    let of = |(a, b): (&Tensor, &Tensor)| {
        assert_eq!(a.shape(), b.shape());
        difference(&wide(b.data()), &wide(a.data()))
    };
    a.iter().zip(&b).map(of).collect()
}

fn shown(off: &[f64]) -> String {
    off.iter().map(|off| format!("{off:.1e}")).collect::<Vec<_>>().join(", ")
}

fn random(shapes: &[Vec<usize>]) -> Vec<Tensor> {
    let mut rng = Pcg64::seed_from_u64(7);
    shapes.iter().map(|s| Tensor::normal(s, &mut rng)).collect()
}

/// Convolutions that take the kernels for 3 x 3 x 3, and those of nets on lattices with many cells, channels and shares.
fn convolutions() -> Vec<Operation> {
    let mut all = Vec::new();
    for [n0, n1, n2] in SIDES.into_iter().chain([[5, 12, 21]]) {
        for (channels, rectify) in [(1, false), (16, true), (16, false)] {
            let name = format!("{n0} x {n1} x {n2}, {channels} channels, rectified: {rectify}");
            let shapes: [&[usize]; 3] = [&[2, n0, n1, n2, channels], &[3, 3, 3, channels, 16], &[16]];
            all.push(op(&name, &shapes, move |v| conv(&v[0], &v[1], &v[2], Conv { rectify, ..Conv::default() })));
        }
    }
    let faces = |stride: usize, widths: [usize; 2], beyond: Boundary| {
        let padding = Padding::Faces { widths: [[0; 2], widths, widths], beyond: [[beyond; 2]; 3] };
        Conv { stride: [1, stride, stride], padding, rectify: false }
    };
    for beyond in [Boundary::Zero, Boundary::Reflect, Boundary::Periodic] {
        let how = faces(1, [1, 1], beyond);
        all.push(op(&format!("plane, {beyond:?}"), &[&[2, 1, 40, 33, 7], &[1, 3, 3, 7, 9], &[9]], move |v| {
            conv(&v[0], &v[1], &v[2], how)
        }));
        let how = faces(2, [1, 1], beyond);
        all.push(op(&format!("plane, stride 2, {beyond:?}"), &[&[2, 1, 17, 20, 33], &[1, 3, 3, 33, 40]], move |v| {
            conv_linear(&v[0], &v[1], how)
        }));
        let how = faces(2, [1, 2], beyond);
        all.push(op(&format!("plane, transposed, {beyond:?}"), &[&[2, 1, 9, 8, 5], &[1, 4, 4, 6, 5]], move |v| {
            conv_transpose(&v[0], &v[1], how, [1, 17, 15])
        }));
    }
    all
}

#[test]
fn every_operation_and_its_gradients_are_those_of_the_processor() {
    let (_shared, cuda) = cuda();
    for arithmetic in [Arithmetic::Single, Arithmetic::ThreeTf32] {
        let backend = Backend::Gpu(Gpu::with(&cuda, arithmetic));
        for (name, shapes, build) in operations(&backend).into_iter().chain(convolutions()) {
            let inputs = random(&shapes);
            // The operator's copy on the device serves the processors, too.
            let off = apart(&build, &inputs, [&Backend::Cpu, &backend]);
            println!("{name}, {arithmetic:?}: {}", shown(&off));
            assert!(off.iter().all(|off| *off < 5e-6), "{name}, {arithmetic:?}: {off:?}");
        }
    }
}

#[test]
fn gradients_on_tensor_cores_are_what_their_arithmetic_promises() {
    let (_shared, cuda) = cuda();
    let [plain, one, three] = [Arithmetic::Single, Arithmetic::Tf32, Arithmetic::ThreeTf32]
        .map(|arithmetic| Backend::Gpu(Gpu::with(&cuda, arithmetic)));
    let sixteen = |(_, shapes, _): &Operation| shapes[1] == [3, 3, 3, 16, 16];
    for (name, shapes, build) in convolutions().into_iter().filter(sixteen) {
        let inputs = random(&shapes);
        let [one, three] = [&one, &three].map(|backend| apart(&build, &inputs, [&plain, backend]));
        println!("{name}: one product {}; three {}", shown(&one), shown(&three));
        assert!(three.iter().all(|off| *off < 5e-6), "{name}: {three:?}");
        // They are no other kernel under the same name. A rectifier cuts the gradient off where one rounding does and the other not.
        let rectified = name.contains("true");
        assert!(one[..3].iter().all(|off| *off > 1e-5 && (rectified || *off < 2e-3)), "{name}: {one:?}");
    }
}

#[test]
fn tensor_cores_give_what_their_arithmetic_promises() {
    let (_shared, cuda) = cuda();
    let mut rng = Pcg64::seed_from_u64(17);
    for n in SIDES {
        let [n0, n1, n2] = n;
        let [x, skip] = [0, 1].map(|_| Tensor::normal(&[1, n0, n1, n2, 16], &mut rng));
        let (w, b) = (Tensor::normal(&[3, 3, 3, 16, 16], &mut rng), Tensor::normal(&[16], &mut rng));
        let up = |t: &Tensor| cuda.upload(t.data()).unwrap();
        let of = |arithmetic: Arithmetic, rectify: bool| {
            let layer = CudaConv::new(&cuda, &w, &b, rectify).unwrap().with(&cuda, arithmetic);
            let mut out = cuda.zeros(x.len()).unwrap();
            layer.forward(&cuda, n, &up(&x), Some(&up(&skip)), &mut out).unwrap();
            down(&cuda, &out)
        };
        for rectify in [false, true] {
            let plain = of(Arithmetic::Single, rectify);
            let [one, three] = [Arithmetic::Tf32, Arithmetic::ThreeTf32].map(|a| difference(&of(a, rectify), &plain));
            println!("{n:?}, rectified {rectify}: one product {one:.1e}, three {three:.1e} of the largest apart");
            assert!(one < 1e-3 && three < 2e-6, "{n:?}: {one} {three}");
            // They are no other kernel under the same name.
            assert!(one > 1e-5);
        }
    }
}

/// A net on the processor and on the stand-in, from the same random images of two samples.
fn nets_agree(what: &str, n: [usize; 3], channels: usize, net: &mut dyn Layer) {
    let (_shared, cuda) = cuda();
    let x = Tensor::normal(&[2, n[0], n[1], n[2], channels], &mut Pcg64::seed_from_u64(3));
    let expected = net.forward(&Tape::inference(), &Var::constant(x.clone()));
    let backend = Backend::Gpu(Gpu::new(&cuda));
    net.move_to(&backend).unwrap();
    let tape = Tape::inference().on(backend);
    let found = net.forward(&tape, &tape.constant(x)).value().here().unwrap();
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let off = difference(&wide(found.data()), &wide(expected.value().data()));
    println!("{what}: {off:.1e} apart");
    assert!(off < 1e-5, "{what}: {off}");
}

#[test]
fn multigrid_neural_operators_are_those_of_the_processor() {
    let within = |boundary, config: CycleConfig| config.within(boundary);
    let plain = |cycle: CycleConfig| MgNoConfig { layers: 2, width: 6, cycle, ..MgNoConfig::default() };
    let normed =
        CycleConfig { bias: true, norm: Some([1, 12, 12]), ..within(Boundary::Periodic, CycleConfig::levels(2, 3)) };
    let reflected = CycleConfig {
        prolongation: vec![3, 4],
        margin: 0,
        bias: true,
        widening: true,
        ..within(Boundary::Reflect, CycleConfig::levels(2, 3))
    };
    let residual =
        CycleConfig { form: filet::mgno::Form::Residual, smoothing: vec![[1, 1]; 3], ..CycleConfig::levels(2, 3) };
    let cases = [
        ("zeros around", [1, 17, 20], plain(CycleConfig::levels(2, 4))),
        ("along a line", [1, 1, 21], plain(CycleConfig::levels(1, 3))),
        ("in space", [6, 7, 9], plain(CycleConfig::levels(3, 2))),
        ("periodic, normalised, with skip", [1, 12, 12], MgNoConfig { skip: true, pointwise: false, ..plain(normed) }),
        (
            "reflected, widening, normalised, a cycle as head",
            [1, 19, 19],
            MgNoConfig { cycle_head: true, norm: Some([1, 19, 19]), ..plain(reflected) },
        ),
        ("the residual restricted", [1, 16, 13], plain(residual)),
        (
            "symmetric",
            [1, 15, 14],
            MgNoConfig { inputs: 6, ..plain(within(Boundary::Reflect, CycleConfig::symmetric(2, 3))) },
        ),
        (
            "symmetric, periodic",
            [1, 16, 12],
            MgNoConfig { inputs: 6, ..plain(within(Boundary::Periodic, CycleConfig::symmetric(2, 2))) },
        ),
    ];
    for (what, n, config) in cases {
        nets_agree(what, n, config.inputs, &mut MgNo::new(&config, 5).unwrap());
    }
    let mut net = UNet::new(&UNetConfig { levels: 3, width: 4, ..UNetConfig::default() }, 2);
    nets_agree("u-net", [1, 18, 21], 1, &mut net);
}

#[test]
fn means_and_copies_are_those_of_the_processor() {
    let (_shared, cuda) = cuda();
    let mut rng = Pcg64::seed_from_u64(9);
    let (n @ [n0, n1, n2], m @ [m0, m1, m2]) = ([6, 4, 10], [3, 2, 5]);
    let [fine, skip] = [0, 1].map(|_| Tensor::normal(&[1, n0, n1, n2, 16], &mut rng));
    let half = Tensor::normal(&[1, m0, m1, m2, 16], &mut rng);
    let up = |t: &Tensor| cuda.upload(t.data()).unwrap();
    let (mut small, mut large) = (cuda.zeros(half.len()).unwrap(), cuda.zeros(fine.len()).unwrap());
    let constant = |t: &Tensor| Var::constant(t.clone());
    gather_blocks(&cuda, m, &up(&fine), 0.125, &mut small).unwrap();
    same(&cuda, &small, average_pool(&constant(&fine)).value(), "means");
    spread_blocks(&cuda, n, &up(&half), Some(&up(&skip)), 1.0, &mut large).unwrap();
    same(&cuda, &large, add(&upsample(&constant(&half)), &constant(&skip)).value(), "copies");
}

#[test]
fn the_layer_to_one_channel_is_that_of_the_processor() {
    let (_shared, cuda) = cuda();
    let mut rng = Pcg64::seed_from_u64(10);
    let x = Tensor::normal(&[1, 11, 13, 17, 16], &mut rng);
    let (w, b) = (Tensor::normal(&[1, 1, 1, 16, 1], &mut rng), Tensor::normal(&[1], &mut rng));
    let [vx, vw, vb] = [&x, &w, &b].map(|t| Var::constant(t.clone()));
    let layer = CudaPointwise::new(&cuda, &w, &b).unwrap();
    let mut out = cuda.zeros(x.len() / 16).unwrap();
    layer.forward(&cuda, &cuda.upload(x.data()).unwrap(), &mut out).unwrap();
    same(&cuda, &out, conv(&vx, &vw, &vb, Conv::default()).value(), "the layer");
}
