//! The multigrid layer and the operators made of it: contracts, the published sizes.

use filet::mgno::{CycleConfig, Form, MgConv, MgNo, MgNoConfig};
use filet::nn::{Boundary, Layer, Tape, Tensor, Var, ops};
use rand::SeedableRng;
use rand_pcg::Pcg64;

/// Images of one, two and three directions, odd and even, down to a few cells.
const SIDES: [[usize; 3]; 6] = [[1, 1, 29], [1, 16, 16], [1, 13, 21], [7, 6, 9], [1, 3, 2], [1, 1, 1]];

const BOUNDARIES: [Boundary; 3] = [Boundary::Zero, Boundary::Reflect, Boundary::Periodic];

fn dimension(n: [usize; 3]) -> usize {
    if n[0] > 1 {
        3
    } else if n[1] > 1 {
        2
    } else {
        1
    }
}

fn apply(layer: &MgConv, x: &Tensor) -> Tensor {
    layer.forward(&Tape::inference(), &Var::constant(x.clone())).value().clone()
}

fn image(n: [usize; 3], channels: usize, rng: &mut Pcg64) -> Tensor {
    Tensor::normal(&[2, n[0], n[1], n[2], channels], rng)
}

fn dot(a: &Tensor, b: &Tensor) -> f64 {
    a.data().iter().zip(b.data()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[test]
fn the_published_nets_have_the_published_numbers_of_parameters() {
    let small = |layers, width| MgNoConfig { layers, width, ..MgNoConfig::default() };
    let nets = [
        (MgNoConfig::darcy_rough(), 572_661),
        (MgNoConfig::darcy_smooth(), 678_093),
        (MgNoConfig::pipe(), 783_876),
        (MgNoConfig::navier_stokes(), 2_885_194),
        (MgNoConfig::helmholtz(), 5_351_806 - 11_241),
        (small(4, 24), 467_964),
        (small(4, 16), 208_564),
        (small(3, 16), 148_132),
        (small(3, 12), 83_652),
    ];
    for (config, numbers) in nets {
        assert_eq!(MgNo::new(&config, 0).unwrap().parameters(), numbers, "{config:?}");
    }
}

#[test]
fn the_published_nets_run_on_their_grids() {
    for (mut config, n) in [
        (MgNoConfig::darcy_smooth(), [1, 211, 211]),
        (MgNoConfig::navier_stokes(), [1, 64, 64]),
        (MgNoConfig::helmholtz(), [1, 101, 101]),
    ] {
        config.layers = 1;
        let net = MgNo::new(&config, 1).unwrap();
        let x = Tensor::normal(&[1, n[0], n[1], n[2], 1], &mut Pcg64::seed_from_u64(1));
        let y = net.forward(&Tape::inference(), &Var::constant(x));
        assert_eq!(y.shape(), [1, n[0], n[1], n[2], 1]);
        assert!(y.value().data().iter().all(|v| v.is_finite()));
    }
}

/// A layer of every form, boundary and dimension.
fn each_layer(mut visit: impl FnMut(&MgConv, [usize; 3], &str)) {
    for n in SIDES {
        for (form, boundary) in
            [Form::Published, Form::Residual, Form::Symmetric].into_iter().flat_map(|f| BOUNDARIES.map(|b| (f, b)))
        {
            let mut config = CycleConfig::levels(dimension(n), 3).within(boundary);
            config.smoothing = vec![[2, 2], [1, 1], [1, 1]];
            config.form = form;
            let layer = MgConv::new("w", &config, [3, 3], &mut Pcg64::seed_from_u64(5)).unwrap();
            visit(&layer, n, &format!("{form:?}, {boundary:?}, {n:?}"));
        }
    }
}

#[test]
fn the_layer_is_linear_and_keeps_sides() {
    let mut rng = Pcg64::seed_from_u64(1);
    each_layer(|layer, n, name| {
        let (x, y) = (image(n, 3, &mut rng), image(n, 3, &mut rng));
        let both: Vec<f32> = x.data().iter().zip(y.data()).map(|(x, y)| 2.0 * x - 3.0 * y).collect();
        let [wx, wy, wb] = [&x, &y, &Tensor::new(x.shape(), both)].map(|x| apply(layer, x));
        assert_eq!(wx.shape(), x.shape(), "{name}");
        let size = dot(&wb, &wb).sqrt();
        let numbers = wb.data().iter().zip(wx.data()).zip(wy.data());
        let off = numbers.map(|((b, x), y)| f64::from(b - 2.0 * x + 3.0 * y).powi(2)).sum::<f64>().sqrt();
        assert!(off < 1e-5 * size, "{name}: {off} of {size}");
    });
}

#[test]
fn the_tape_gives_the_layers_adjoint() {
    let mut rng = Pcg64::seed_from_u64(2);
    each_layer(|layer, n, name| {
        let (x, y) = (image(n, 3, &mut rng), image(n, 3, &mut rng));
        // y · W x has the gradient Wᵀ y for x.
        let leaf = Var::leaf(x.clone());
        let product = ops::sum(&ops::mul(&Var::constant(y.clone()), &layer.forward(&Tape::inference(), &leaf)));
        let adjoint = product.backward().of(&leaf).unwrap().clone();
        let z = image(n, 3, &mut rng);
        let (a, b) = (dot(&y, &apply(layer, &z)), dot(&adjoint, &z));
        let size = (dot(&adjoint, &adjoint) * dot(&z, &z)).sqrt();
        assert!((a - b).abs() < 1e-5 * size, "{name}: {a} {b}");
    });
}

#[test]
fn the_symmetric_form_is_symmetric_for_all_weights_and_begins_positive_definite() {
    for (n, boundary) in SIDES.into_iter().flat_map(|n| BOUNDARIES.map(|b| (n, b))) {
        let config = CycleConfig::symmetric(dimension(n), 3).within(boundary);
        let mut layer = MgConv::new("w", &config, [2, 2], &mut Pcg64::seed_from_u64(5)).unwrap();
        let matrix = |layer: &MgConv| {
            let m = n.iter().product::<usize>() * 2;
            let column = |j: usize| {
                let mut x = Tensor::zeros(&[1, n[0], n[1], n[2], 2]);
                x.data_mut()[j] = 1.0;
                apply(layer, &x).into_data()
            };
            let columns: Vec<Vec<f32>> = (0..m.min(48)).map(column).collect();
            let m = columns.len();
            faer::Mat::<f64>::from_fn(m, m, |i, j| f64::from(columns[j][i]))
        };
        let asymmetry = |w: &faer::Mat<f64>| (w - w.transpose()).norm_max() / w.norm_max();
        let w = matrix(&layer);
        assert!(asymmetry(&w) < 1e-5, "{n:?}, {boundary:?}: {}", asymmetry(&w));
        // A principal minor of a positive definite matrix is one, too.
        let eigenvalues = w.self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
        assert!(eigenvalues[0] > 0.0, "{n:?}, {boundary:?}: {eigenvalues:?}");
        // Other weights, of which nothing is known.
        let mut rng = Pcg64::seed_from_u64(11);
        layer.visit(&mut |p| p.value = Tensor::uniform(p.value.shape(), 0.3, &mut rng));
        assert!(asymmetry(&matrix(&layer)) < 1e-4, "{n:?}, {boundary:?}: {}", asymmetry(&matrix(&layer)));
    }
}

#[test]
fn a_periodic_layer_commutes_with_shifts_by_its_coarsest_cell() {
    let config = CycleConfig::levels(2, 3).within(Boundary::Periodic);
    let layer = MgConv::new("w", &config, [1, 2], &mut Pcg64::seed_from_u64(5)).unwrap();
    let x = Tensor::normal(&[1, 1, 16, 16, 1], &mut Pcg64::seed_from_u64(6));
    let shifted = |x: &Tensor, channels: usize| {
        let mut out = x.clone();
        for (i, j, c) in (0..256 * channels).map(|q| (q / channels / 16, q / channels % 16, q % channels)) {
            out.data_mut()[(i * 16 + j) * channels + c] = x.data()[((i + 4) % 16 * 16 + (j + 8) % 16) * channels + c];
        }
        out
    };
    let (a, b) = (shifted(&apply(&layer, &x), 2), apply(&layer, &shifted(&x, 1)));
    let off = a.data().iter().zip(b.data()).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
    assert!(off < 1e-5, "{off}");
}

#[test]
fn shapes_that_make_no_sense_are_refused() {
    let message = |config: CycleConfig, channels| {
        MgConv::new("w", &config, channels, &mut Pcg64::seed_from_u64(1)).unwrap_err().to_string()
    };
    let base = || CycleConfig::levels(2, 3);
    assert!(message(CycleConfig { smoothing: vec![], ..base() }, [1, 1]).contains("begins"));
    assert!(message(CycleConfig { prolongation: vec![5], ..base() }, [1, 1]).contains("kernels of P"));
    assert!(message(CycleConfig { form: Form::Symmetric, ..base() }, [1, 2]).contains("symmetric"));
    assert!(message(CycleConfig { dimension: 4, ..base() }, [1, 1]).contains("dimension"));
    let mut half = base();
    half.boundary[2][0] = Boundary::Periodic;
    assert!(message(half, [1, 1]).contains("periodic"));
}
