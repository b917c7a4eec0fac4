//! The layers of the published net on buffers of the device, for directions: into images that are there already, the skip added on the
//! way. `kernels/convolution.cu` and `kernels/image.cu` have the formulas; images are `[n0, n1, n2, channels]`.

use super::Arithmetic;
use super::conv::{CHANNELS, cube_kernel};
use crate::device::cuda::{Buffer, Cuda, IMAGE, Shape, TENSOR, float, int, optional};
use crate::error::Result;
use crate::nn::Tensor;

/// A convolution to 16 channels with bias, on the device.
pub struct CudaConv {
    weight: Buffer<f32>,
    bias: Buffer<f32>,
    channels: usize,
    rectify: bool,
    arithmetic: Arithmetic,
}

fn cells(n: [usize; 3]) -> usize {
    n.iter().product()
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
        let (source, name, threads) = cube_kernel(self.arithmetic, self.channels, 1, n);
        let ([n0, n1, n2], rectify) = (n.map(int), int(usize::from(self.rectify)));
        let weights = [self.weight.get(), self.bias.get(), optional(skip)];
        let args = [&[y.set(), x.get()], &weights[..], &[rectify, n0, n1, n2]].concat();
        cuda.launch(source, name, threads, &args)
    }
}

/// y <- `factor` × the sums over blocks of 2 × 2 × 2, m blocks in each direction: means with ⅛, the gradient of copies with 1.
///
/// Errors: a launch that fails.
pub fn gather_blocks(cuda: &Cuda, m: [usize; 3], x: &Buffer<f32>, factor: f32, y: &mut Buffer<f32>) -> Result<()> {
    let [m0, m1, m2] = m.map(int);
    let args = [y.set(), x.get(), float(factor), int(CHANNELS), int(2), m0, m1, m2];
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
    let args = [y.set(), x.get(), optional(skip), float(factor), int(CHANNELS), int(2), n0, n1, n2];
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
