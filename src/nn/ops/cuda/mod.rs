//! Operations on images on the GPU, and their gradients: `kernels/convolution.cu` and `kernels/image.cu` have the formulas.
//!
//! Here images are `[n0, n1, n2, channels]` with 16 channels or one; the operations are those of `conv.rs` and `pool.rs` with a kernel of
//! 3 × 3 × 3, stride 1 and as many zeros outside as keep the sides. [`CudaImages`] has those of any channels, kernel and stride.

mod images;

pub use images::{CudaImage, CudaImages};

use crate::device::cuda::{Buffer, CONVOLUTION, Cuda, IMAGE, Shape, TENSOR, THREADS, float, int, optional};
use crate::error::Result;
use crate::nn::Tensor;

/// Channels of images with more than one.
pub const CHANNELS: usize = 16;
/// Taps of a kernel.
const TAPS: usize = 27;
/// Cells whose share of a gradient a block adds up: SHARE of `kernels/convolution.cu`.
const SHARE: usize = 1024;

/// A convolution to 16 channels with bias, on the device.
pub struct CudaConv {
    weight: Buffer<f32>,
    bias: Buffer<f32>,
    channels: usize,
    rectify: bool,
    arithmetic: Arithmetic,
}

/// What a convolution from 16 channels to 16 is computed in; sums are in single precision throughout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// Single precision.
    Single,
    /// Tensor cores, numbers rounded to TF32: to one part in 2048.
    Tf32,
    /// Tensor cores, each number as two of TF32 in three products: to about one part in 2²¹.
    ThreeTf32,
}

fn cells(n: [usize; 3]) -> usize {
    n.iter().product()
}

/// Tiles of cells as the convolutions take them: CI, CJ and CK of `kernels/convolution.cu` and `kernels/tensor.cu`.
fn tiles([n0, n1, n2]: [usize; 3]) -> [usize; 3] {
    [n2.div_ceil(16), n1.div_ceil(8), n0.div_ceil(4)]
}

/// Threads of a tile without tensor cores.
const PLAIN: [usize; 2] = [16, 8];

fn shares(n: [usize; 3]) -> usize {
    cells(n).div_ceil(SHARE)
}

impl CudaConv {
    /// Copies weights `[3, 3, 3, channels, 16]`, with 1 or 16 channels, and 16 biases to the device.
    ///
    /// Errors: no memory left on the device.
    ///
    /// # Panics
    ///
    /// Where the weights have another shape.
    pub fn new(cuda: &Cuda, weight: &Tensor, bias: &Tensor, rectify: bool) -> Result<Self> {
        let channels = match weight.shape()[..] {
            [3, 3, 3, channels @ (1 | CHANNELS), CHANNELS] => channels,
            _ => panic!("a kernel of the shape [3, 3, 3, 1 or 16, 16], not {:?}", weight.shape()),
        };
        let (weight, bias) = (cuda.upload(weight.data())?, cuda.upload(bias.data())?);
        Ok(CudaConv { weight, bias, channels, rectify, arithmetic: Arithmetic::Single })
    }

    /// The same in another arithmetic, where the GPU has tensor cores that know it, and there are 16 channels.
    pub fn with(self, cuda: &Cuda, arithmetic: Arithmetic) -> Self {
        let there = cuda.can(&TENSOR) && self.channels == CHANNELS;
        CudaConv { arithmetic: if there { arithmetic } else { Arithmetic::Single }, ..self }
    }

    fn launch(
        &self,
        cuda: &Cuda,
        n: [usize; 3],
        y: &mut Buffer<f32>,
        [x, weight]: [&Buffer<f32>; 2],
        [bias, skip]: [Option<&Buffer<f32>>; 2],
        rectify: bool,
    ) -> Result<()> {
        let (source, name, threads) = match (self.arithmetic, self.channels) {
            (_, 1) => (&CONVOLUTION, "convolve_1", PLAIN),
            (Arithmetic::Single, _) => (&CONVOLUTION, "convolve_16", PLAIN),
            (Arithmetic::Tf32, _) => (&TENSOR, "convolve_16_tf32", THREADS),
            (Arithmetic::ThreeTf32, _) => (&TENSOR, "convolve_16_3tf32", THREADS),
        };
        let [n0, n1, n2] = n.map(int);
        let rest = [optional(bias), optional(skip), int(usize::from(rectify)), n0, n1, n2];
        let args = [&[y.set(), x.get(), weight.get()], &rest[..]].concat();
        cuda.launch(source, name, Shape { blocks: tiles(n), threads }, &args)
    }

    /// y <- `skip` + max(0, w * x + b), the rectifier where there is one.
    ///
    /// Errors: a launch that fails.
    pub fn forward(
        &self,
        cuda: &Cuda,
        n: [usize; 3],
        x: &Buffer<f32>,
        skip: Option<&Buffer<f32>>,
        y: &mut Buffer<f32>,
    ) -> Result<()> {
        self.launch(cuda, n, y, [x, &self.weight], [Some(&self.bias), skip], self.rectify)
    }

    /// The gradient for what was before the rectifier, from the gradient `g` for the result `y` (without skip).
    ///
    /// Errors: a launch that fails; no memory left on the device.
    pub fn mask(&self, cuda: &Cuda, g: &Buffer<f32>, y: &Buffer<f32>) -> Result<Buffer<f32>> {
        let mut out = cuda.zeros(g.len())?;
        let args = [out.set(), g.get(), y.get(), int(g.len())];
        cuda.launch(&CONVOLUTION, "mask_gradient", Shape::each(g.len()), &args)?;
        Ok(out)
    }

    /// The gradient for x, from the gradient `g` for w * x + b.
    ///
    /// Errors: a launch that fails; no memory left on the device.
    ///
    /// # Panics
    ///
    /// Where x has one channel: nothing asks for it.
    pub fn input_gradient(&self, cuda: &Cuda, n: [usize; 3], g: &Buffer<f32>) -> Result<Buffer<f32>> {
        assert_eq!(self.channels, CHANNELS, "the gradient for an image of 16 channels");
        let (mut turned, mut out) = (cuda.zeros(self.weight.len())?, cuda.zeros(g.len())?);
        let args = [turned.set(), self.weight.get()];
        cuda.launch(&CONVOLUTION, "turn_weights", Shape::each(self.weight.len()), &args)?;
        self.launch(cuda, n, &mut out, [g, &turned], [None, None], false)?;
        Ok(out)
    }

    /// The gradients for w and b, from x and the gradient `g` for w * x + b.
    ///
    /// Errors: a launch that fails; no memory left on the device.
    pub fn weight_gradients(&self, cuda: &Cuda, n: [usize; 3], [x, g]: [&Buffer<f32>; 2]) -> Result<[Buffer<f32>; 2]> {
        let name = if self.channels == 1 { "weight_shares_1" } else { "weight_shares_16" };
        let mut parts = cuda.zeros(shares(n) * self.weight.len())?;
        let [n0, n1, n2] = n.map(int);
        let shape = Shape { blocks: [shares(n), TAPS, 1], threads: [256, 1] };
        cuda.launch(&CONVOLUTION, name, shape, &[parts.set(), x.get(), g.get(), n0, n1, n2])?;
        let for_weight = add_shares(cuda, &parts, shares(n), self.weight.len())?;
        let mut parts = cuda.zeros(shares(n) * CHANNELS)?;
        let shape = Shape { blocks: [shares(n), 1, 1], threads: [256, 1] };
        cuda.launch(&CONVOLUTION, "bias_shares", shape, &[parts.set(), g.get(), int(cells(n))])?;
        Ok([for_weight, add_shares(cuda, &parts, shares(n), CHANNELS)?])
    }
}

fn add_shares(cuda: &Cuda, parts: &Buffer<f32>, shares: usize, numbers: usize) -> Result<Buffer<f32>> {
    let mut out = cuda.zeros(numbers)?;
    let args = [out.set(), parts.get(), int(shares), int(numbers)];
    cuda.launch(&CONVOLUTION, "add_shares", Shape::each(numbers), &args)?;
    Ok(out)
}

/// y <- `factor` × the sums over blocks of 2 × 2 × 2, m blocks in each direction: means with ⅛, the gradient of copies with 1.
///
/// Errors: a launch that fails.
pub fn gather_blocks(cuda: &Cuda, m: [usize; 3], x: &Buffer<f32>, factor: f32, y: &mut Buffer<f32>) -> Result<()> {
    let [m0, m1, m2] = m.map(int);
    let args = [y.set(), x.get(), float(factor), m0, m1, m2];
    cuda.launch(&IMAGE, "gather_blocks", Shape::each(cells(m) * CHANNELS), &args)
}

/// y <- `factor` × the block's value + `skip` in each of n cells in each direction: copies with 1, the gradient of means with ⅛.
///
/// Errors: a launch that fails.
pub fn spread_blocks(
    cuda: &Cuda,
    n: [usize; 3],
    x: &Buffer<f32>,
    skip: Option<&Buffer<f32>>,
    factor: f32,
    y: &mut Buffer<f32>,
) -> Result<()> {
    let [n0, n1, n2] = n.map(int);
    let args = [y.set(), x.get(), optional(skip), float(factor), n0, n1, n2];
    cuda.launch(&IMAGE, "spread_blocks", Shape::each(cells(n) * CHANNELS), &args)
}

/// The layer from 16 channels to one, on the device.
pub struct CudaPointwise {
    weight: Buffer<f32>,
    bias: Buffer<f32>,
}

impl CudaPointwise {
    /// Copies weights `[1, 1, 1, 16, 1]` and one bias to the device.
    ///
    /// Errors: no memory left on the device.
    ///
    /// # Panics
    ///
    /// Where there are other numbers of weights.
    pub fn new(cuda: &Cuda, weight: &Tensor, bias: &Tensor) -> Result<Self> {
        assert_eq!((weight.len(), bias.len()), (CHANNELS, 1), "the weights of a layer from 16 channels to one");
        Ok(CudaPointwise { weight: cuda.upload(weight.data())?, bias: cuda.upload(bias.data())? })
    }

    /// y <- w x + b.
    ///
    /// Errors: a launch that fails.
    pub fn forward(&self, cuda: &Cuda, x: &Buffer<f32>, y: &mut Buffer<f32>) -> Result<()> {
        let n = x.len() / CHANNELS;
        let args = [y.set(), x.get(), self.weight.get(), self.bias.get(), int(n)];
        cuda.launch(&IMAGE, "pointwise", Shape::each(n), &args)
    }

    /// The gradients for x, and for w and b in one buffer of 17.
    ///
    /// Errors: a launch that fails; no memory left on the device.
    pub fn gradients(&self, cuda: &Cuda, [x, g]: [&Buffer<f32>; 2]) -> Result<[Buffer<f32>; 2]> {
        let n = g.len();
        let mut for_x = cuda.zeros(n * CHANNELS)?;
        let args = [for_x.set(), g.get(), self.weight.get(), int(n)];
        cuda.launch(&IMAGE, "pointwise_gradient", Shape::each(n * CHANNELS), &args)?;
        let shares = n.div_ceil(SHARE);
        let mut parts = cuda.zeros(shares * (CHANNELS + 1))?;
        let shape = Shape { blocks: [shares, 1, 1], threads: [256, 1] };
        cuda.launch(&IMAGE, "pointwise_shares", shape, &[parts.set(), x.get(), g.get(), int(n)])?;
        Ok([for_x, add_shares(cuda, &parts, shares, CHANNELS + 1)?])
    }
}

/// `image` (m cells in each direction) <- r (n cells) times the number that makes its mean square 1; r·r lies in the slot RR of `scalars`.
///
/// Errors: a launch that fails.
pub fn image_of_residual(
    cuda: &Cuda,
    [n, m]: [[usize; 3]; 2],
    r: &Buffer<f64>,
    scalars: &Buffer<f64>,
    image: &mut Buffer<f32>,
) -> Result<()> {
    let sides = [n, m].map(|n| n.map(int)).concat();
    let args = [&[image.set(), r.get(), scalars.get()], &sides[..]].concat();
    cuda.launch(&IMAGE, "image_of_residual", Shape::each(cells(m)), &args)
}

/// d (n cells in each direction) <- `image` (m cells) where `degree` is not 0, else 0.
///
/// Errors: a launch that fails.
pub fn direction_of_image(
    cuda: &Cuda,
    [n, m]: [[usize; 3]; 2],
    image: &Buffer<f32>,
    degree: &Buffer<u8>,
    d: &mut Buffer<f64>,
) -> Result<()> {
    let [n0, n1, n2] = n.map(int);
    let args = [d.set(), image.get(), degree.get(), n0, n1, n2, int(m[1]), int(m[2])];
    cuda.launch(&IMAGE, "direction_of_image", Shape::each(cells(n)), &args)
}
