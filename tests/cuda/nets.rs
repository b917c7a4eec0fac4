//! Operations of nets and their gradients: CUDA = CPU.

use crate::standin::{cuda, difference, wide};
use filet::device::cuda::{Buffer, Cuda};
use filet::mgno::{CycleConfig, MgNo, MgNoConfig, UNet, UNetConfig};
use filet::nn::ops::conv::conv;
use filet::nn::ops::cuda::{Arithmetic, CudaConv, CudaImages, CudaPointwise, gather_blocks, spread_blocks};
use filet::nn::ops::{add, average_pool, mul, sum, upsample};
use filet::nn::{Boundary, Conv, Gradients, Layer, Tape, Tensor, Var};
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

/// Gradients of the sum of y times g: those for which g is the gradient for y.
fn gradients(y: &Var, g: &Tensor) -> Gradients {
    sum(&mul(y, &Var::constant(g.clone()))).backward()
}

/// Sides that end inside a tile of convolutions and at its edge.
const SIDES: [[usize; 3]; 3] = [[4, 8, 16], [5, 3, 18], [6, 10, 4]];

#[test]
fn convolutions_and_their_gradients_are_those_of_the_processor() {
    let (_shared, cuda) = cuda();
    let mut rng = Pcg64::seed_from_u64(7);
    for n in SIDES {
        for (channels, rectify) in [(1, false), (16, true), (16, false)] {
            let what = format!("{n:?}, {channels} channels, rectified: {rectify}");
            let [n0, n1, n2] = n;
            let x = Tensor::normal(&[1, n0, n1, n2, channels], &mut rng);
            let (w, b) = (Tensor::normal(&[3, 3, 3, channels, 16], &mut rng), Tensor::normal(&[16], &mut rng));
            let [g, skip] = [0, 1].map(|_| Tensor::normal(&[1, n0, n1, n2, 16], &mut rng));
            let [vx, vw, vb] = [&x, &w, &b].map(|t| Var::leaf(t.clone()));
            let y = conv(&vx, &vw, &vb, Conv { rectify, ..Conv::default() });
            let host = gradients(&y, &g);

            let layer = CudaConv::new(&cuda, &w, &b, rectify).unwrap();
            let up = |t: &Tensor| cuda.upload(t.data()).unwrap();
            let (on_x, on_g) = (up(&x), up(&g));
            let mut out = cuda.zeros(g.len()).unwrap();
            layer.forward(&cuda, n, &on_x, Some(&up(&skip)), &mut out).unwrap();
            let with_skip = add(&y, &Var::constant(skip.clone()));
            same(&cuda, &out, with_skip.value(), &format!("{what}, with skip"));
            layer.forward(&cuda, n, &on_x, None, &mut out).unwrap();
            same(&cuda, &out, y.value(), &what);

            let masked = if rectify { layer.mask(&cuda, &on_g, &out).unwrap() } else { on_g };
            let [for_w, for_b] = layer.weight_gradients(&cuda, n, [&on_x, &masked]).unwrap();
            same(&cuda, &for_w, host.of(&vw).unwrap(), &format!("{what}, for w"));
            same(&cuda, &for_b, host.of(&vb).unwrap(), &format!("{what}, for b"));
            if channels > 1 {
                let for_x = layer.input_gradient(&cuda, n, &masked).unwrap();
                same(&cuda, &for_x, host.of(&vx).unwrap(), &format!("{what}, for x"));
            }
        }
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

/// Nets on the processor and on the stand-in, from the same random images of two samples.
fn nets_agree(
    what: &str,
    n: [usize; 3],
    channels: usize,
    host: &dyn Layer,
    device: impl Fn(&CudaImages, &Tensor) -> Tensor,
) {
    let (_shared, cuda) = cuda();
    let x = Tensor::normal(&[2, n[0], n[1], n[2], channels], &mut Pcg64::seed_from_u64(3));
    let expected = host.forward(&Tape::inference(), &Var::constant(x.clone()));
    let found = device(&CudaImages::new(&cuda), &x);
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
        let net = MgNo::new(&config, 5).unwrap();
        nets_agree(what, n, config.inputs, &net, |on, x| {
            on.download(&net.on(on, &on.upload(x).unwrap()).unwrap()).unwrap()
        });
    }
    let net = UNet::new(&UNetConfig { levels: 3, width: 4, ..UNetConfig::default() }, 2);
    nets_agree("u-net", [1, 18, 21], 1, &net, |on, x| {
        on.download(&net.on(on, &on.upload(x).unwrap()).unwrap()).unwrap()
    });
}

#[test]
fn weight_gradients_add_up_over_many_shares() {
    let (_shared, cuda) = cuda();
    let mut rng = Pcg64::seed_from_u64(8);
    let n @ [n0, n1, n2] = [9, 12, 21];
    let [x, g] = [0, 1].map(|_| Tensor::normal(&[1, n0, n1, n2, 16], &mut rng));
    let (w, b) = (Tensor::normal(&[3, 3, 3, 16, 16], &mut rng), Tensor::normal(&[16], &mut rng));
    let [vx, vw, vb] = [&x, &w, &b].map(|t| Var::leaf(t.clone()));
    let host = gradients(&conv(&vx, &vw, &vb, Conv::default()), &g);
    let layer = CudaConv::new(&cuda, &w, &b, false).unwrap();
    let up = |t: &Tensor| cuda.upload(t.data()).unwrap();
    let [for_w, for_b] = layer.weight_gradients(&cuda, n, [&up(&x), &up(&g)]).unwrap();
    same(&cuda, &for_w, host.of(&vw).unwrap(), "for w");
    same(&cuda, &for_b, host.of(&vb).unwrap(), "for b");
}

#[test]
fn means_copies_and_their_gradients_are_those_of_the_processor() {
    let (_shared, cuda) = cuda();
    let mut rng = Pcg64::seed_from_u64(9);
    let (n @ [n0, n1, n2], m @ [m0, m1, m2]) = ([6, 4, 10], [3, 2, 5]);
    let [fine, skip] = [0, 1].map(|_| Tensor::normal(&[1, n0, n1, n2, 16], &mut rng));
    let half = Tensor::normal(&[1, m0, m1, m2, 16], &mut rng);
    let up = |t: &Tensor| cuda.upload(t.data()).unwrap();
    let (on_fine, on_half) = (up(&fine), up(&half));
    let (mut small, mut large) = (cuda.zeros(half.len()).unwrap(), cuda.zeros(fine.len()).unwrap());
    let [leaf_fine, leaf_half] = [&fine, &half].map(|t| Var::leaf(t.clone()));

    let pooled = average_pool(&leaf_fine);
    gather_blocks(&cuda, m, &on_fine, 0.125, &mut small).unwrap();
    same(&cuda, &small, pooled.value(), "means");
    spread_blocks(&cuda, n, &on_half, None, 0.125, &mut large).unwrap();
    same(&cuda, &large, gradients(&pooled, &half).of(&leaf_fine).unwrap(), "the gradient of means");

    let copied = upsample(&leaf_half);
    spread_blocks(&cuda, n, &on_half, Some(&up(&skip)), 1.0, &mut large).unwrap();
    same(&cuda, &large, add(&copied, &Var::constant(skip)).value(), "copies");
    gather_blocks(&cuda, m, &on_fine, 1.0, &mut small).unwrap();
    same(&cuda, &small, gradients(&copied, &fine).of(&leaf_half).unwrap(), "the gradient of copies");
}

#[test]
fn the_layer_to_one_channel_and_its_gradients_are_those_of_the_processor() {
    let (_shared, cuda) = cuda();
    let mut rng = Pcg64::seed_from_u64(10);
    let shape = |channels: usize| [1, 11, 13, 17, channels];
    let (x, g) = (Tensor::normal(&shape(16), &mut rng), Tensor::normal(&shape(1), &mut rng));
    let (w, b) = (Tensor::normal(&[1, 1, 1, 16, 1], &mut rng), Tensor::normal(&[1], &mut rng));
    let [vx, vw, vb] = [&x, &w, &b].map(|t| Var::leaf(t.clone()));
    let y = conv(&vx, &vw, &vb, Conv::default());
    let host = gradients(&y, &g);
    let layer = CudaPointwise::new(&cuda, &w, &b).unwrap();
    let up = |t: &Tensor| cuda.upload(t.data()).unwrap();
    let (on_x, mut out) = (up(&x), cuda.zeros(g.len()).unwrap());
    layer.forward(&cuda, &on_x, &mut out).unwrap();
    same(&cuda, &out, y.value(), "the layer");
    let [for_x, for_both] = layer.gradients(&cuda, [&on_x, &up(&g)]).unwrap();
    same(&cuda, &for_x, host.of(&vx).unwrap(), "for x");
    let both = [host.of(&vw).unwrap().data(), host.of(&vb).unwrap().data()].concat();
    same(&cuda, &for_both, &Tensor::new(&[17], both), "for w and b");
}
