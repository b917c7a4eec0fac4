//! Images of any channels on the GPU: `kernels/lattice.cu` has the operations.

use crate::device::cuda::{Arg, Buffer, Cuda, LATTICE, Shape, float, int, optional};
use crate::error::{Error, Result};
use crate::nn::ops::conv::kernel;
use crate::nn::{Boundary, Conv, Images, Param, Tensor};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Outputs of a channel that a thread computes: CELLS of `kernels/lattice.cu`.
const CELLS: usize = 4;

/// Runs nets on the GPU. Parameters are copied there once, by name: it is for one net.
pub struct CudaImages {
    cuda: Arc<Cuda>,
    parameters: RefCell<HashMap<String, Rc<Buffer<f32>>>>,
    lattices: RefCell<HashMap<Vec<i32>, Rc<Buffer<i32>>>>,
}

/// An image on the GPU.
#[derive(Clone)]
pub struct CudaImage {
    data: Rc<Buffer<f32>>,
    shape: [usize; 5],
}

/// The shape of an image.
fn image(batch: usize, [n0, n1, n2]: [usize; 3], channels: usize) -> [usize; 5] {
    [batch, n0, n1, n2, channels]
}

impl CudaImages {
    /// For one net.
    pub fn new(cuda: &Arc<Cuda>) -> Self {
        CudaImages { cuda: cuda.clone(), parameters: RefCell::default(), lattices: RefCell::default() }
    }

    /// A copy of an image on the device.
    ///
    /// Errors: no memory left on the device.
    ///
    /// # Panics
    ///
    /// Where the tensor is no image.
    pub fn upload(&self, x: &Tensor) -> Result<CudaImage> {
        let (batch, n, channels) = x.image();
        Ok(CudaImage { data: Rc::new(self.cuda.upload(x.data())?), shape: image(batch, n, channels) })
    }

    /// A copy of an image here.
    ///
    /// Errors: a fault of the device.
    pub fn download(&self, x: &CudaImage) -> Result<Tensor> {
        let mut data = vec![0.0; x.data.len()];
        self.cuda.download(&x.data, &mut data)?;
        Ok(Tensor::new(&x.shape, data))
    }

    /// y = factor x + offset, channel by channel.
    ///
    /// Errors: a fault of the device.
    pub fn scale_channels(&self, x: &CudaImage, by: &[[f32; 2]]) -> Result<CudaImage> {
        let part = |i: usize| self.cuda.upload(&by.iter().map(|b| b[i]).collect::<Vec<f32>>());
        let [factors, offsets] = [part(0)?, part(1)?];
        let [channels, n] = [int(by.len()), int(x.data.len())];
        self.launch("scale_channels", x.shape, 1, &[x.data.get(), factors.get(), offsets.get(), channels, n])
    }

    fn add_scaled(&self, x: &CudaImage, y: &CudaImage, factor: f32) -> Result<CudaImage> {
        assert_eq!(x.shape, y.shape, "images of one shape");
        let args = [x.data.get(), y.data.get(), float(factor), int(x.data.len())];
        self.launch("add_scaled", x.shape, 1, &args)
    }

    fn parameter(&self, p: &Param) -> Result<Rc<Buffer<f32>>> {
        if let Some(there) = self.parameters.borrow().get(&p.name) {
            return Ok(there.clone());
        }
        let buffer = Rc::new(self.cuda.upload(p.value.data())?);
        self.parameters.borrow_mut().insert(p.name.clone(), buffer.clone());
        Ok(buffer)
    }

    /// A new image of this shape from a kernel that computes `each` cells of a channel a thread; `args` after the image.
    fn launch(&self, name: &str, shape: [usize; 5], each: usize, args: &[Arg]) -> Result<CudaImage> {
        let channels = shape[4];
        let cells = shape.iter().product::<usize>() / channels;
        self.launch_on(name, shape, Shape::each(cells.div_ceil(each) * channels), args)
    }

    fn launch_on(&self, name: &str, shape: [usize; 5], threads: Shape, args: &[Arg]) -> Result<CudaImage> {
        let mut data = self.cuda.zeros(shape.iter().product())?;
        self.cuda.launch(&LATTICE, name, threads, &[&[data.set()], args].concat())?;
        Ok(CudaImage { data: Rc::new(data), shape })
    }

    /// The cells m that a kernel gives from n, and how it lies between them as the device takes it.
    fn lattice(&self, how: Conv, w: &Param, n: [usize; 3]) -> Result<([usize; 3], Rc<Buffer<i32>>)> {
        let (k, _) = kernel(&w.value);
        let (widths, beyond) = how.faces(k);
        let m: [usize; 3] = std::array::from_fn(|d| (n[d] + widths[d][0] + widths[d][1] - k[d]) / how.stride[d] + 1);
        let code = |b: Boundary| match b {
            Boundary::Zero => 0,
            Boundary::Reflect => 1,
            Boundary::Periodic => 2,
        };
        let direction = |d: usize| {
            let ([before, after], [first, last]) = (widths[d], beyond[d].map(code));
            [n[d], m[d], k[d], how.stride[d], before, after, first, last].map(|v| v as i32)
        };
        let numbers: Vec<i32> = (0..3).flat_map(direction).collect();
        if let Some(there) = self.lattices.borrow().get(&numbers) {
            return Ok((m, there.clone()));
        }
        let buffer = Rc::new(self.cuda.upload(&numbers)?);
        self.lattices.borrow_mut().insert(numbers, buffer.clone());
        Ok((m, buffer))
    }
}

impl Images for CudaImages {
    type Image = CudaImage;
    type Fault = Error;

    fn sides(&self, x: &CudaImage) -> [usize; 3] {
        [x.shape[1], x.shape[2], x.shape[3]]
    }

    fn conv(&self, x: &CudaImage, w: &Param, b: Option<&Param>, how: Conv) -> Result<CudaImage> {
        let (_, [c, d]) = kernel(&w.value);
        assert!(x.shape[4] == c && !how.rectify, "an image of {c} channels, and no rectifier");
        let (m, lattice) = self.lattice(how, w, self.sides(x))?;
        let (w, b) = (self.parameter(w)?, b.map(|b| self.parameter(b)).transpose()?);
        let numbers = [int(x.shape[0]), int(c), int(d)];
        let args = [&[x.data.get(), w.get(), optional(b.as_deref()), lattice.get()], &numbers[..]].concat();
        self.launch("convolve_lattice", image(x.shape[0], m, d), CELLS, &args)
    }

    fn conv_transpose(&self, x: &CudaImage, w: &Param, how: Conv, n: [usize; 3]) -> Result<CudaImage> {
        let (_, [c, d]) = kernel(&w.value);
        let (m, lattice) = self.lattice(how, w, n)?;
        assert_eq!((x.shape[4], self.sides(x)), (d, m), "an image in the convolution's range");
        let (w, numbers) = (self.parameter(w)?, [int(x.shape[0]), int(c), int(d)]);
        let args = [&[x.data.get(), w.get(), lattice.get()], &numbers[..]].concat();
        self.launch("transpose_lattice", image(x.shape[0], n, c), 1, &args)
    }

    fn add(&self, x: &CudaImage, y: &CudaImage) -> Result<CudaImage> {
        self.add_scaled(x, y, 1.0)
    }

    fn sub(&self, x: &CudaImage, y: &CudaImage) -> Result<CudaImage> {
        self.add_scaled(x, y, -1.0)
    }

    fn gelu(&self, x: &CudaImage) -> Result<CudaImage> {
        self.launch("gelu", x.shape, 1, &[x.data.get(), int(x.data.len())])
    }

    fn normalise(&self, x: &CudaImage, [factor, shift]: &[Param; 2]) -> Result<CudaImage> {
        let (factor, shift) = (self.parameter(factor)?, self.parameter(shift)?);
        assert_eq!(factor.len() * x.shape[0], x.data.len(), "a factor for every number of a sample");
        let blocks = Shape { blocks: [x.shape[0], 1, 1], ..Shape::each(1) };
        let args = [x.data.get(), factor.get(), shift.get(), int(factor.len())];
        self.launch_on("normalise", x.shape, blocks, &args)
    }
}
