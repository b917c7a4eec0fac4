//! Operations on a GPU: the device's side of those in `ops`, on tensors that stay there. `kernels/` has the formulas.
//!
//! | here | operations |
//! |---|---|
//! | `pointwise` | functions of one and two numbers, rectifiers |
//! | `reduce` | sums, scalar products, normalisation, products with a matrix along a direction |
//! | `conv` | convolutions, transposes, dense layers |
//! | `pool` | means over and copies into blocks |
//! | `join` | channels beside each other |
//! | `operator` | the voxel operator |
//! | `layers` | the layers of the published net on buffers, for directions |
//!
//! No operation here fails: the first fault is kept, all that comes after it is left undone, and whoever fetches numbers gets it.

mod conv;
mod join;
mod layers;
mod operator;
mod pointwise;
mod pool;
mod reduce;

pub use conv::CHANNELS;
pub use layers::{CudaConv, CudaPointwise, direction_of_image, gather_blocks, image_of_residual, spread_blocks};

use crate::device::cuda::{ADAM, Arg, Buffer, Cuda, Number, Shape, Source, TENSOR, int, optional, real};
use crate::error::{Error, Result};
use crate::nn::Tensor;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The device's side of an operation: what [`Op`](crate::nn::Op) and the operation's function are on the processors. All tensors are
/// on the GPU.
pub trait CudaOp {
    /// The result.
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor;

    /// The gradients for the inputs, from the gradient for the output; `wanted` says which are used.
    fn backward(
        &self,
        gpu: &Gpu,
        inputs: &[&Tensor],
        output: &Tensor,
        gradient: &Tensor,
        wanted: &[bool],
    ) -> Vec<Option<Tensor>>;
}

/// What convolutions are computed in; sums are in single precision throughout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// Single precision.
    Single,
    /// Tensor cores, numbers rounded to TF32, to one part in 2048: convolutions 3 × 3 × 3 of 16 channels alone, others as below.
    Tf32,
    /// Tensor cores, each number as two of TF32 in three products: to about one part in 2²¹.
    ThreeTf32,
}

/// A GPU that nets are computed on. Cheap to clone.
#[derive(Clone)]
pub struct Gpu(Arc<Shared>);

struct Shared {
    cuda: Arc<Cuda>,
    arithmetic: Arithmetic,
    /// What and help of the first fault.
    fault: Mutex<Option<[String; 2]>>,
    /// How kernels lie between lattices, as the device takes it.
    lattices: Mutex<HashMap<Vec<i32>, Arc<Buffer<i32>>>>,
}

/// The numbers of a tensor on a GPU; none where a fault came before them.
#[derive(Clone)]
pub(in crate::nn) struct OnGpu {
    gpu: Gpu,
    data: Option<Arc<Buffer<f32>>>,
}

impl Gpu {
    /// With three products of TF32 in convolutions, where the GPU has tensor cores that know it.
    pub fn new(cuda: &Arc<Cuda>) -> Self {
        Gpu::with(cuda, Arithmetic::ThreeTf32)
    }

    /// With convolutions in that arithmetic, or in single precision where the GPU has no tensor cores for it.
    pub fn with(cuda: &Arc<Cuda>, arithmetic: Arithmetic) -> Self {
        let arithmetic = if cuda.can(&TENSOR) { arithmetic } else { Arithmetic::Single };
        Gpu(Arc::new(Shared { cuda: cuda.clone(), arithmetic, fault: Mutex::default(), lattices: Mutex::default() }))
    }

    /// The device.
    pub fn cuda(&self) -> &Arc<Cuda> {
        &self.0.cuda
    }

    /// A copy there of a tensor that is here; itself where it is there already.
    ///
    /// # Panics
    ///
    /// Where it is on another GPU.
    pub fn put(&self, tensor: &Tensor) -> Tensor {
        if let Some(there) = tensor.on_gpu() {
            assert!(there.gpu == *self, "tensors of one GPU");
            return tensor.clone();
        }
        let data = self.unless_lost(|| self.cuda().upload(tensor.data()));
        self.tensor(tensor.shape(), data.map(Arc::new))
    }

    /// Zeros.
    pub fn zeros(&self, shape: &[usize]) -> Tensor {
        let data = self.unless_lost(|| self.cuda().zeros(shape.iter().product()));
        self.tensor(shape, data.map(Arc::new))
    }

    /// Whether all went well so far.
    ///
    /// Errors: the first fault.
    pub fn check(&self) -> Result<()> {
        match &*self.0.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some([what, help]) => Err(Error::Device { what: what.clone(), help: help.clone() }),
        }
    }

    fn tensor(&self, shape: &[usize], data: Option<Arc<Buffer<f32>>>) -> Tensor {
        Tensor::of_gpu(shape, OnGpu { gpu: self.clone(), data })
    }

    /// What `make` gives, unless something went wrong before or does now.
    fn unless_lost<T>(&self, make: impl FnOnce() -> Result<T>) -> Option<T> {
        self.check().is_ok().then(make)?.map_err(|e| self.keep(e)).ok()
    }

    fn keep(&self, fault: Error) {
        let words = match fault {
            Error::Device { what, help } => [what, help],
            other => [other.to_string(), String::new()],
        };
        self.0.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(words);
    }

    /// A number of things for a kernel.
    pub(crate) fn count(&self, n: usize) -> Arg<'static> {
        if i32::try_from(n).is_ok() {
            return int(n);
        }
        self.keep(Error::Device {
            what: format!("a tensor of {n} numbers: kernels count in 32 bits"),
            help: "take smaller batches or images".into(),
        });
        int(0)
    }

    /// `len` numbers from a kernel whose first parameter they are; `args` are the others.
    fn fill<T: Number>(
        &self,
        len: usize,
        source: &Source,
        kernel: &str,
        threads: Shape,
        args: &[Arg],
    ) -> Option<Arc<Buffer<T>>> {
        self.count(len);
        self.unless_lost(|| {
            let mut out = self.cuda().empty(len)?;
            self.cuda().launch(source, kernel, threads, &[&[out.set()], args].concat())?;
            Ok(Arc::new(out))
        })
    }

    /// Tensors of these shapes from a kernel whose first parameters they are; `args` are the others.
    pub(crate) fn several<const K: usize>(
        &self,
        shapes: [&[usize]; K],
        source: &Source,
        kernel: &str,
        threads: Shape,
        args: &[Arg],
    ) -> [Tensor; K] {
        let made = self.unless_lost(|| {
            let empty = |shape: &&[usize]| self.cuda().empty::<f32>(shape.iter().product());
            let mut out = shapes.iter().map(empty).collect::<Result<Vec<_>>>()?;
            let all: Vec<Arg> = out.iter_mut().map(Buffer::set).chain(args.iter().copied()).collect();
            self.cuda().launch(source, kernel, threads, &all)?;
            Ok(out)
        });
        let mut made = made.into_iter().flatten().map(Arc::new);
        shapes.map(|shape| self.tensor(shape, made.next()))
    }

    /// A copy there of numbers in double precision, for kernels.
    pub(crate) fn doubles(&self, numbers: &[f64]) -> Option<Arc<Buffer<f64>>> {
        self.unless_lost(|| self.cuda().upload(numbers)).map(Arc::new)
    }

    /// A tensor of this shape from a kernel, one thread a number.
    pub(crate) fn each(&self, shape: &[usize], source: &Source, kernel: &str, args: &[Arg]) -> Tensor {
        self.make(shape, source, kernel, Shape::each(shape.iter().product()), args)
    }

    /// A tensor of this shape from a kernel.
    pub(crate) fn make(&self, shape: &[usize], source: &Source, kernel: &str, threads: Shape, args: &[Arg]) -> Tensor {
        self.tensor(shape, self.fill(shape.iter().product(), source, kernel, threads, args))
    }

    /// Adam's step on a parameter and its moments, from their gradient: `numbers` are β₁, β₂, 1 − β₁ᵗ, 1 − β₂ᵗ, the rate and ε.
    pub fn adam(&self, state: [&mut Tensor; 3], gradient: &Tensor, numbers: [f64; 6]) {
        let old = [&*state[0], &*state[1], &*state[2]].map(|t| self.put(t));
        let [theta, m, v] = [&old[0], &old[1], &old[2]].map(arg);
        let args = [&[theta, m, v, arg(gradient)], &numbers.map(real)[..], &[self.count(gradient.len())]].concat();
        let threads = Shape::each(gradient.len());
        let made = self.several([gradient.shape(); 3], &ADAM, "adam", threads, &args);
        state.into_iter().zip(made).for_each(|(old, new)| *old = new);
    }
}

/// A tensor as a `const` parameter.
pub(crate) fn arg(tensor: &Tensor) -> Arg<'_> {
    optional(tensor.on_gpu().expect("a tensor on the GPU").data.as_deref())
}

/// One that the kernel can do without.
fn if_any<'a>(tensor: Option<&&'a Tensor>) -> Arg<'a> {
    tensor.map_or(optional::<f32>(None), |t| arg(t))
}

impl OnGpu {
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// The numbers.
    ///
    /// Errors: the first fault of the device.
    pub fn download(&self) -> Result<Vec<f32>> {
        let fetch = || {
            let data = self.data.as_ref().expect("numbers, as nothing went wrong");
            let mut out = vec![0.0; data.len()];
            self.gpu.cuda().download(data, &mut out)?;
            Ok(out)
        };
        match self.gpu.unless_lost(fetch) {
            Some(out) => Ok(out),
            None => self.gpu.check().map(|()| Vec::new()),
        }
    }
}

impl PartialEq for Gpu {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for OnGpu {
    /// Whether it is the same memory.
    fn eq(&self, other: &Self) -> bool {
        self.gpu == other.gpu && self.data.as_ref().map(Arc::as_ptr) == other.data.as_ref().map(Arc::as_ptr)
    }
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gpu({})", self.cuda().info().name)
    }
}

impl fmt::Debug for OnGpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on {:?}", self.gpu)
    }
}
