//! Convolutions, transposes and dense layers: `kernels/convolution.cu` and `tensor.cu` for those of 3 × 3 × 3 from 1 or 16 channels to
//! 16 that keep the sides, `kernels/lattice.cu` and `lattice_tensor.cu` for all.

use super::{Arithmetic, CudaOp, Gpu, arg, if_any, optional};
use crate::device::cuda::{Arg, Buffer, CONVOLUTION, LATTICE, LATTICE_TENSOR, Shape, Source, TENSOR, THREADS, int};
use crate::nn::ops::conv::{Transpose, kernel};
use crate::nn::ops::linear::Linear;
use crate::nn::ops::pointwise::Function;
use crate::nn::{Boundary, Conv, Padding, Tensor};
use std::sync::Arc;

/// Channels of images with more than one, in the kernels for 3 × 3 × 3.
pub const CHANNELS: usize = 16;
/// Taps of a kernel there.
const TAPS: usize = 27;
/// Cells whose share of a gradient a block adds up: SHARE of `kernels/convolution.cu`.
const SHARE: usize = 1024;
/// The same of `kernels/lattice.cuh`.
const LATTICE_SHARE: usize = 2048;
/// Outputs of a channel that a thread computes: CELLS of `kernels/lattice.cu`.
const CELLS: usize = 4;
/// What a block computes of a product: ROWS and COLUMNS of `kernels/lattice_tensor.cu`.
const PRODUCT: [usize; 2] = [64, 32];
/// A block's tile, and how many it takes: GI, GJ, CK and GRADIENT_TILES of `kernels/tensor.cu`.
const GRADIENT_TILE: ([usize; 3], usize) = ([2, 4, 16], 16);

/// The kernel of a convolution 3 × 3 × 3 from that many channels, and its launch on `batch` images of n cells.
pub(super) fn cube_kernel(
    arithmetic: Arithmetic,
    channels: usize,
    batch: usize,
    [n0, n1, n2]: [usize; 3],
) -> (&'static Source, &'static str, Shape) {
    // CI, CJ and CK of `kernels/convolution.cu` and `kernels/tensor.cu`.
    let blocks = [n2.div_ceil(16), n1.div_ceil(8), batch * n0.div_ceil(4)];
    let plain = Shape { blocks, threads: [16, 8] };
    let tensor = Shape { blocks, threads: THREADS };
    match (arithmetic, channels) {
        (_, 1) => (&CONVOLUTION, "convolve_1", plain),
        (Arithmetic::Single, _) => (&CONVOLUTION, "convolve_16", plain),
        (Arithmetic::Tf32, _) => (&TENSOR, "convolve_16_tf32", tensor),
        (Arithmetic::ThreeTf32, _) => (&TENSOR, "convolve_16_3tf32", tensor),
    }
}

/// Channels of x, where the kernels for 3 × 3 × 3 do it.
fn cube(how: &Conv, w: &Tensor) -> Option<usize> {
    let same = how.stride == [1; 3] && how.padding == Padding::Same;
    match w.shape()[..] {
        [3, 3, 3, channels @ (1 | CHANNELS), CHANNELS] if same => Some(channels),
        _ => None,
    }
}

impl Gpu {
    fn arithmetic(&self) -> Arithmetic {
        self.0.arithmetic
    }

    fn convolve_cube(&self, x: &Tensor, w: &Tensor, bias: Option<&&Tensor>, rectify: bool) -> Tensor {
        let (batch, n, channels) = x.image();
        let (source, name, threads) = cube_kernel(self.arithmetic(), channels, batch, n);
        let [n0, n1, n2] = n.map(|n| self.count(n));
        let rest = [if_any(bias), optional::<f32>(None), int(usize::from(rectify)), n0, n1, n2];
        let args = [&[arg(x), arg(w)], &rest[..]].concat();
        self.make(&[batch, n[0], n[1], n[2], CHANNELS], source, name, threads, &args)
    }

    /// The gradient for x of 16 channels: the convolution with the kernel turned round.
    fn cube_input_gradient(&self, g: &Tensor, w: &Tensor) -> Tensor {
        let turned = self.each(w.shape(), &CONVOLUTION, "turn_weights", &[arg(w)]);
        self.convolve_cube(g, &turned, None, false)
    }

    fn cube_weight_gradient(&self, x: &Tensor, g: &Tensor, w: &Tensor) -> Tensor {
        let (batch, n, channels) = x.image();
        let numbers = [batch, n[0], n[1], n[2]].map(|n| self.count(n));
        let args = [&[arg(x), arg(g)], &numbers[..]].concat();
        let (tile, tiles) = GRADIENT_TILE;
        let of_tiles = (batch * (0..3).map(|d| n[d].div_ceil(tile[d])).product::<usize>()).div_ceil(tiles);
        let of_cells = (g.len() / CHANNELS).div_ceil(SHARE);
        let plain = Shape { blocks: [of_cells, TAPS, 1], ..Shape::each(1) };
        let tensor = Shape { blocks: [of_tiles, 1, 1], threads: THREADS };
        let (source, name, shares, threads) = match (self.arithmetic(), channels) {
            (_, 1) => (&CONVOLUTION, "weight_shares_1", of_cells, plain),
            (Arithmetic::Single, _) => (&CONVOLUTION, "weight_shares_16", of_cells, plain),
            (Arithmetic::Tf32, _) => (&TENSOR, "weight_shares_16_tf32", of_tiles, tensor),
            (Arithmetic::ThreeTf32, _) => (&TENSOR, "weight_shares_16_3tf32", of_tiles, tensor),
        };
        let parts = self.fill::<f32>(shares * w.len(), source, name, threads, &args);
        self.products(name, g.len() / CHANNELS * w.len());
        self.add_shares(w.shape(), &parts, [shares, w.len(), 0])
    }

    fn cube_bias_gradient(&self, g: &Tensor) -> Tensor {
        let cells = g.len() / CHANNELS;
        let shares = cells.div_ceil(SHARE);
        let threads = Shape { blocks: [shares, 1, 1], ..Shape::each(1) };
        let args = [arg(g), self.count(cells)];
        let parts = self.fill::<f32>(shares * CHANNELS, &CONVOLUTION, "bias_shares", threads, &args);
        self.add_shares(&[CHANNELS], &parts, [shares, CHANNELS, 0])
    }

    /// Counts products for the roofline: each a multiplication and an addition.
    fn products(&self, kernel: &str, count: usize) {
        self.cuda().computed(kernel, 2.0 * count as f64);
    }

    /// The sums over shares of `stride` numbers of those from `first` on.
    fn add_shares(&self, shape: &[usize], parts: &Option<Arc<Buffer<f32>>>, numbers: [usize; 3]) -> Tensor {
        let [shares, stride, first] = numbers.map(|n| self.count(n));
        let args = [optional(parts.as_deref()), shares, stride, first, self.count(shape.iter().product())];
        self.each(shape, &LATTICE, "add_shares", &args)
    }
}

/// `shape` of `kernels/lattice.cuh`; none after a fault.
type Lattice = Option<Arc<Buffer<i32>>>;

/// How a kernel lies between n cells and m.
struct Laid<'a> {
    gpu: &'a Gpu,
    n: [usize; 3],
    m: [usize; 3],
    shape: Lattice,
    /// The same to the image continued beyond the faces, where that holds more than zeros, and the cells of that.
    continued: Option<([usize; 3], Lattice)>,
    taps: usize,
    /// C and D.
    channels: [usize; 2],
}

impl<'a> Laid<'a> {
    fn new(gpu: &'a Gpu, how: &Conv, w: &Tensor, n: [usize; 3]) -> Self {
        let (k, channels) = kernel(w);
        let (widths, beyond) = how.faces(k);
        let larger: [usize; 3] = std::array::from_fn(|d| n[d] + widths[d][0] + widths[d][1]);
        assert!((0..3).all(|d| larger[d] >= k[d]), "a kernel of {k:?} on {n:?} cells within {widths:?}");
        let m: [usize; 3] = std::array::from_fn(|d| (larger[d] - k[d]) / how.stride[d] + 1);
        let code = |b: Boundary| match b {
            Boundary::Zero => 0,
            Boundary::Reflect => 1,
            Boundary::Periodic => 2,
        };
        let shape = |n: [usize; 3], widths: [[usize; 2]; 3], beyond: [[Boundary; 2]; 3]| {
            let direction = |d: usize| {
                let ([before, after], [first, last]) = (widths[d], beyond[d].map(code));
                [n[d], m[d], k[d], how.stride[d], before, after, first, last].map(|v| v as i32)
            };
            gpu.lattice((0..3).flat_map(direction).collect())
        };
        let zeros = [[Boundary::Zero; 2]; 3];
        let continued = (beyond != zeros).then(|| (larger, shape(larger, [[0; 2]; 3], zeros)));
        Laid { gpu, n, m, shape: shape(n, widths, beyond), continued, taps: k.iter().product(), channels }
    }

    fn tensor_cores(&self) -> bool {
        self.gpu.arithmetic() != Arithmetic::Single
    }

    /// Blocks of a product of matrices of so many rows, columns and shares.
    fn blocks(rows: usize, columns: usize, shares: usize) -> Shape {
        let blocks = [rows.div_ceil(PRODUCT[0]), columns.div_ceil(PRODUCT[1]), shares];
        Shape { blocks, ..Shape::each(1) }
    }

    fn numbers(&self, batch: usize) -> [Arg<'static>; 3] {
        [batch, self.channels[0], self.channels[1]].map(|n| self.gpu.count(n))
    }

    /// w * x + b.
    fn convolve(&self, x: &Tensor, w: &Tensor, bias: Option<&&Tensor>) -> Tensor {
        let ((batch, n, c), [m0, m1, m2], d) = (x.image(), self.m, self.channels[1]);
        assert_eq!((c, n), (self.channels[0], self.n), "channels and sides of an image and of a kernel");
        let args =
            [&[arg(x), arg(w), if_any(bias), optional(self.shape.as_deref())], &self.numbers(batch)[..]].concat();
        let cells = batch * m0 * m1 * m2;
        let (source, name, threads) = match self.tensor_cores() {
            true => (&LATTICE_TENSOR, "convolve_lattice_3tf32", Laid::blocks(cells, d, 1)),
            false => (&LATTICE, "convolve_lattice", Shape::each(cells.div_ceil(CELLS) * d)),
        };
        self.gpu.products(name, cells * d * self.taps * c);
        self.gpu.make(&[batch, m0, m1, m2, d], source, name, threads, &args)
    }

    /// The transpose of w * applied to g.
    fn transpose(&self, g: &Tensor, w: &Tensor) -> Tensor {
        let ((batch, m, d), c) = (g.image(), self.channels[0]);
        assert_eq!((d, m), (self.channels[1], self.m), "an image in the convolution's range");
        let image = |n: [usize; 3]| [batch, n[0], n[1], n[2], c];
        let args = |shape| [&[arg(g), arg(w), optional::<i32>(shape)], &self.numbers(batch)[..]].concat();
        // As many as the convolution has; on tensor cores those with cells between the kernel's places are made and are 0.
        let products = g.len() * self.taps * c;
        if !self.tensor_cores() {
            self.gpu.products("transpose_lattice", products);
            return self.gpu.each(&image(self.n), &LATTICE, "transpose_lattice", &args(self.shape.as_deref()));
        }
        self.gpu.products("transpose_lattice_3tf32", products);
        let product = |n: [usize; 3], shape| {
            let threads = Laid::blocks(batch * n.iter().product::<usize>(), c, 1);
            self.gpu.make(&image(n), &LATTICE_TENSOR, "transpose_lattice_3tf32", threads, &args(shape))
        };
        let Some((larger, shape)) = &self.continued else { return product(self.n, self.shape.as_deref()) };
        let continued = product(*larger, shape.as_deref());
        let [batch, c, _] = self.numbers(batch);
        let args = [arg(&continued), optional(self.shape.as_deref()), batch, c];
        self.gpu.each(&image(self.n), &LATTICE_TENSOR, "fold_lattice", &args)
    }

    /// The gradients for w and, where there is one, the bias.
    fn for_weights(&self, x: &Tensor, g: &Tensor, w: &Tensor, bias: bool) -> [Option<Tensor>; 2] {
        let (batch, [c, d]) = (x.image().0, self.channels);
        let (rows, shares) = (self.taps * c + 1, (g.len() / d).div_ceil(LATTICE_SHARE));
        let args = [&[arg(x), arg(g), optional(self.shape.as_deref())], &self.numbers(batch)[..]].concat();
        let (source, name, threads) = match self.tensor_cores() {
            true => (&LATTICE_TENSOR, "weight_lattice_3tf32", Laid::blocks(rows, d, shares)),
            false => {
                let each = Shape::each(rows * d);
                (&LATTICE, "weight_lattice", Shape { blocks: [each.blocks[0], shares, 1], ..each })
            }
        };
        self.gpu.products(name, g.len() * rows);
        let parts = self.gpu.fill::<f32>(shares * rows * d, source, name, threads, &args);
        let of = |shape: &[usize], first: usize| self.gpu.add_shares(shape, &parts, [shares, rows * d, first]);
        [Some(of(w.shape(), 0)), bias.then(|| of(&[d], (rows - 1) * d))]
    }
}

impl Gpu {
    /// The device's copy of how a kernel lies.
    fn lattice(&self, numbers: Vec<i32>) -> Lattice {
        let mut all = self.0.lattices.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(there) = all.get(&numbers) {
            return Some(there.clone());
        }
        let buffer = Arc::new(self.unless_lost(|| self.cuda().upload(&numbers))?);
        all.insert(numbers, buffer.clone());
        Some(buffer)
    }
}

impl CudaOp for Conv {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        let (x, w, bias) = (inputs[0], inputs[1], inputs.get(2));
        if let Some(channels) = cube(self, w) {
            assert_eq!(x.image().2, channels, "channels of an image and of a kernel");
            return gpu.convolve_cube(x, w, bias, self.rectify);
        }
        let y = Laid::new(gpu, self, w, x.image().1).convolve(x, w, bias);
        if self.rectify { gpu.map(&y, Function::Relu, 0.0) } else { y }
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], y: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let (x, w) = (inputs[0], inputs[1]);
        let g = if self.rectify { gpu.masked(g, y) } else { g.clone() };
        let bias = wanted.get(2).copied().unwrap_or(false);
        let laid = || Laid::new(gpu, self, w, x.image().1);
        let for_x = || match cube(self, w) {
            Some(CHANNELS) => gpu.cube_input_gradient(&g, w),
            _ => laid().transpose(&g, w),
        };
        let for_x = wanted[0].then(for_x);
        let [for_w, for_bias] = match cube(self, w) {
            _ if !wanted[1] && !bias => [None, None],
            Some(_) => [Some(gpu.cube_weight_gradient(x, &g, w)), bias.then(|| gpu.cube_bias_gradient(&g))],
            None => laid().for_weights(x, &g, w, bias),
        };
        vec![for_x, for_w, for_bias].into_iter().take(inputs.len()).collect()
    }
}

impl CudaOp for Transpose {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        Laid::new(gpu, &self.how, inputs[1], self.n).transpose(inputs[0], inputs[1])
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let ([x, w], laid) = ([inputs[0], inputs[1]], Laid::new(gpu, &self.how, inputs[1], self.n));
        let for_w = || laid.for_weights(g, x, w, false)[0].clone().expect("the gradient for w");
        vec![wanted[0].then(|| laid.convolve(g, w, None)), wanted[1].then(for_w)]
    }
}

impl Linear {
    /// x and w as an image and a kernel of one cell.
    fn as_conv(x: &Tensor, w: &Tensor) -> (Conv, [Tensor; 2]) {
        let (inner, outer) = (w.shape()[0], w.shape()[1]);
        let image = x.clone().reshaped(&[1, 1, 1, x.len() / inner, inner]);
        let how = Conv { padding: Padding::Zeros([0; 3]), ..Conv::default() };
        (how, [image, w.clone().reshaped(&[1, 1, 1, inner, outer])])
    }
}

impl CudaOp for Linear {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        let (how, [x, w]) = Linear::as_conv(inputs[0], inputs[1]);
        let mut shape = inputs[0].shape().to_vec();
        *shape.last_mut().expect("a last side") = inputs[1].shape()[1];
        how.forward(gpu, &[&x, &w, inputs[2]]).reshaped(&shape)
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], y: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let (how, [x, w]) = Linear::as_conv(inputs[0], inputs[1]);
        let rows = [1, 1, 1, g.len() / w.shape()[4], w.shape()[4]];
        let found = how.backward(gpu, &[&x, &w, inputs[2]], y, &g.clone().reshaped(&rows), wanted);
        found.into_iter().zip(inputs).map(|(found, input)| Some(found?.reshaped(input.shape()))).collect()
    }
}
