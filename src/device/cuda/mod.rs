//! One NVIDIA GPU: kernels compiled for it at first use, buffers from a pool, launches on one stream.
//!
//! | what | here |
//! |---|---|
//! | the GPU, opened | [`Cuda`] |
//! | numbers on it | [`Buffer`] |
//! | a kernel's parameters | [`Arg`], checked against the kernel's declaration |
//! | the kernels' text | [`Source`] |
//!
//! Work on the stream is done in the order it is asked for; only [`Cuda::download`] and [`Cuda::read`] wait for it. Copies go through
//! pinned memory (`staging`).

mod buffer;
mod compile;
mod probe;
mod source;
mod staging;
mod traffic;

pub use buffer::{Arg, Buffer, Number, float, int, optional, real};
pub use compile::compile;
pub use source::{
    ADAM, AMG, CONVOLUTION, CSR, CYCLE, IMAGE, KRYLOV, LATTICE, LATTICE_TENSOR, MOVER, MULTIGRID, POINTWISE, REDUCE,
    SOURCES, Signature, Source, TENSOR, VOXEL,
};
pub use traffic::{Traffic, tensor_products};

use super::DeviceInfo;
use crate::error::{Error, Result};
use buffer::Pool;
use cudarc::driver::{
    CudaContext, CudaFunction, CudaStream, DriverError, LaunchConfig, PinnedHostSlice, PushKernelArg, sys,
};
use staging::Staging;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A GPU with its stream, its compiled kernels and its pool of memory. Shared by all that works on it.
pub struct Cuda {
    stream: Arc<CudaStream>,
    info: DeviceInfo,
    pool: Arc<Pool>,
    /// Made at the first copy.
    staging: Mutex<Option<Staging>>,
    kernels: Mutex<HashMap<&'static str, Arc<HashMap<String, Kernel>>>>,
    traffic: Mutex<BTreeMap<String, Traffic>>,
    /// Bytes copied there and back.
    copied: [AtomicUsize; 2],
}

struct Kernel {
    function: CudaFunction,
    parameters: Vec<String>,
}

/// Blocks of a launch, and threads of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Blocks in x, y and z.
    pub blocks: [usize; 3],
    /// Threads in x and y.
    pub threads: [usize; 2],
}

/// Threads of a block of the kernels on cells: TK and TJ of `kernels/common.cuh`.
pub const THREADS: [usize; 2] = [32, 8];
/// Planes a block marches through.
const PLANES: usize = 16;
/// Most blocks of a launch over a vector: more than any GPU runs at a time.
const BLOCKS: usize = 1024;

impl Shape {
    /// Tiles of the planes of a box, as `march` takes them.
    pub fn march([n0, n1, n2]: [usize; 3]) -> Self {
        let blocks = [n2.div_ceil(THREADS[0]), n1.div_ceil(THREADS[1]), n0.div_ceil(PLANES)];
        Shape { blocks, threads: THREADS }
    }

    /// For kernels that walk over `n` numbers with as many threads as there are.
    pub fn walk(n: usize) -> Self {
        let count = THREADS[0] * THREADS[1];
        Shape { blocks: [n.div_ceil(count).clamp(1, BLOCKS), 1, 1], threads: THREADS }
    }

    /// One thread for each of `n` numbers.
    pub fn each(n: usize) -> Self {
        let count = THREADS[0] * THREADS[1];
        Shape { blocks: [n.div_ceil(count).max(1), 1, 1], threads: [count, 1] }
    }

    /// One block.
    pub fn one() -> Self {
        Shape { blocks: [1; 3], threads: THREADS }
    }

    /// How many blocks there are: the partial sums a kernel leaves.
    pub fn count(&self) -> usize {
        self.blocks.iter().product()
    }
}

impl Cuda {
    /// Opens the first GPU.
    ///
    /// Errors: no driver, one too old, no GPU, no NVRTC; each says what to do.
    pub fn open() -> Result<Arc<Self>> {
        let (context, info) = probe::open()?;
        // One stream: the order of the calls is the order of the work, and no events are needed for it.
        // SAFETY: there is no other stream that could see unfinished work.
        unsafe { context.disable_event_tracking() };
        let stream = context.default_stream();
        let pool = Arc::new(Pool::new(stream.clone()));
        Ok(Arc::new(Cuda {
            stream,
            info,
            pool,
            staging: Mutex::default(),
            kernels: Mutex::default(),
            traffic: Mutex::default(),
            copied: Default::default(),
        }))
    }

    /// What GPU it is.
    pub fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// Whether it can run what this source has.
    pub fn can(&self, source: &Source) -> bool {
        let [major, minor] = self.info.capability;
        10 * major + minor >= source.since
    }

    fn context(&self) -> &Arc<CudaContext> {
        self.stream.context()
    }

    /// `len` numbers of any value, for a kernel to fill.
    ///
    /// Errors: no memory left, with the numbers.
    pub fn empty<T: Number>(&self, len: usize) -> Result<Buffer<T>> {
        self.pool.take(len)
    }

    /// `len` numbers, all zero.
    ///
    /// Errors: no memory left, with the numbers; a fault of the device.
    pub fn zeros<T: Number>(&self, len: usize) -> Result<Buffer<T>> {
        let mut buffer = self.pool.take(len)?;
        let out_of = |e| fault("cannot clear memory", e);
        self.stream.memset_zeros(buffer.slice_mut()).map_err(out_of)?;
        Ok(buffer)
    }

    /// A copy of `values` on the device.
    ///
    /// Errors: as [`Self::zeros`].
    pub fn upload<T: Number>(&self, values: &[T]) -> Result<Buffer<T>> {
        let mut buffer = self.pool.take(values.len())?;
        self.write(values, &mut buffer)?;
        Ok(buffer)
    }

    /// `buffer` <- `values`.
    ///
    /// Errors: a fault of the device.
    ///
    /// # Panics
    ///
    /// Where the lengths differ.
    pub fn write<T: Number>(&self, values: &[T], buffer: &mut Buffer<T>) -> Result<()> {
        assert_eq!(values.len(), buffer.len(), "numbers for a buffer");
        self.copied[0].fetch_add(size_of_val(values), Ordering::Relaxed);
        if values.is_empty() {
            return Ok(());
        }
        self.staged(|staging| staging.up(values, buffer)).map_err(|e| fault("cannot copy to the device", e))
    }

    /// `values` <- `buffer`, once all work asked for is done.
    ///
    /// Errors: a fault of the device, such as of a kernel launched before.
    ///
    /// # Panics
    ///
    /// Where the lengths differ.
    pub fn download<T: Number>(&self, buffer: &Buffer<T>, values: &mut [T]) -> Result<()> {
        assert_eq!(values.len(), buffer.len(), "room for a buffer");
        self.copied[1].fetch_add(size_of_val(values), Ordering::Relaxed);
        if values.is_empty() {
            return Ok(());
        }
        self.staged(|staging| staging.down(buffer, values)).map_err(|e| fault("work on the device failed", e))
    }

    fn staged(
        &self,
        copy: impl FnOnce(&mut Staging) -> std::result::Result<(), DriverError>,
    ) -> std::result::Result<(), DriverError> {
        let mut staging = self.staging.lock().unwrap_or_else(PoisonError::into_inner);
        if staging.is_none() {
            *staging = Some(Staging::new(self.stream.clone())?);
        }
        copy(staging.as_mut().expect("made above"))
    }

    /// Memory of this machine that the device copies to without a detour, for [`Self::read`].
    ///
    /// Errors: no such memory left.
    pub fn pinned(&self, len: usize) -> Result<Pinned> {
        // SAFETY: it is filled before it is looked at.
        let slice = unsafe { self.context().alloc_pinned_with_flags(len, 0) };
        Ok(Pinned(slice.map_err(|e| fault("cannot get pinned memory", e))?))
    }

    /// A few numbers, once all work asked for is done.
    ///
    /// Errors: as [`Self::download`].
    pub fn read<'a>(&self, buffer: &Buffer<f64>, into: &'a mut Pinned) -> Result<&'a [f64]> {
        let failed = |e| fault("work on the device failed", e);
        self.copied[1].fetch_add(8 * buffer.len(), Ordering::Relaxed);
        self.stream.memcpy_dtoh(buffer.slice(), &mut into.0).map_err(failed)?;
        self.stream.synchronize().map_err(failed)?;
        into.0.as_slice().map_err(failed)
    }

    /// Launches the kernel `name` of `source`.
    ///
    /// Errors: no NVRTC where the kernel has to be compiled; a launch the driver refuses.
    ///
    /// # Panics
    ///
    /// Where there is no such kernel, or `args` are not of its parameters' types.
    pub fn launch(&self, source: &Source, name: &str, shape: Shape, args: &[Arg]) -> Result<()> {
        let kernels = self.kernels(source)?;
        let kernel = kernels.get(name).unwrap_or_else(|| panic!("a kernel {name} in {}", source.name));
        let types: Vec<&str> = args.iter().map(|a| a.kind).collect();
        let fits = types.len() == kernel.parameters.len()
            && types.iter().zip(&kernel.parameters).all(|(a, p)| a == p || format!("const {a}") == *p);
        assert!(fits, "{name} takes {:?}, not {types:?}", kernel.parameters);
        self.count(name, args, &kernel.parameters);
        let mut builder = self.stream.launch_builder(&kernel.function);
        for arg in args {
            builder.arg(&arg.bits);
        }
        let side = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let [x, y, z] = shape.blocks.map(side);
        let config = LaunchConfig {
            grid_dim: (x, y, z),
            block_dim: (side(shape.threads[0]), side(shape.threads[1]), 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: the arguments have the parameters' types, and buffers that are written are borrowed for that. What a kernel does
        // inside its buffers' bounds is for its tests to show.
        unsafe { builder.launch(config) }.map_err(|e| fault(&format!("cannot launch the kernel {name}"), e))?;
        Ok(())
    }

    fn kernels(&self, source: &Source) -> Result<Arc<HashMap<String, Kernel>>> {
        let mut all = self.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kernels) = all.get(source.name) {
            return Ok(kernels.clone());
        }
        let kernels = Arc::new(self.load(source)?);
        all.insert(source.name, kernels.clone());
        Ok(kernels)
    }

    fn load(&self, source: &Source) -> Result<HashMap<String, Kernel>> {
        let capability = self.info.capability;
        let load = || -> Result<_> {
            let ptx = compile::ptx(source, capability)?;
            let module = self.context().load_module(ptx.into());
            Ok(module.map_err(|e| fault(&format!("the driver does not take kernels/{}", source.name), e)))
        };
        let module = match load()? {
            Ok(module) => module,
            Err(_) => {
                compile::forget(source, capability);
                load()??
            }
        };
        let entry = |s: Signature| {
            let function = module.load_function(&s.name).map_err(|e| fault(&format!("no kernel {}", s.name), e))?;
            Ok((s.name, Kernel { function, parameters: s.parameters }))
        };
        source.signatures().into_iter().map(entry).collect()
    }

    fn count(&self, name: &str, args: &[Arg], parameters: &[String]) {
        let mut all = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(name.to_string()).or_default().add(name, args, parameters);
    }

    /// Counts additions and multiplications of a kernel whose number its arguments do not tell.
    pub fn computed(&self, name: &str, flops: f64) {
        let mut all = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(name.to_string()).or_default().flops += flops;
    }

    /// Launches, bytes and flops of every kernel since the last call.
    pub fn take_traffic(&self) -> BTreeMap<String, Traffic> {
        std::mem::take(&mut *self.traffic.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Bytes copied to the device, and from it, so far.
    pub fn copied(&self) -> [usize; 2] {
        self.copied.each_ref().map(|bytes| bytes.load(Ordering::Relaxed))
    }

    /// Waits for all work asked for.
    ///
    /// Errors: a fault of that work.
    pub fn synchronize(&self) -> Result<()> {
        self.stream.synchronize().map_err(|e| fault("work on the device failed", e))
    }
}

/// Pinned memory of this machine.
pub struct Pinned(PinnedHostSlice<f64>);

/// A fault of the driver, in words.
fn fault(what: &str, error: DriverError) -> Error {
    use sys::CUresult::{CUDA_ERROR_ILLEGAL_ADDRESS, CUDA_ERROR_LAUNCH_FAILED, CUDA_ERROR_OUT_OF_MEMORY};
    let help = match error.0 {
        CUDA_ERROR_OUT_OF_MEMORY => "take a smaller problem, or free the GPU's memory of other programs",
        CUDA_ERROR_ILLEGAL_ADDRESS | CUDA_ERROR_LAUNCH_FAILED => {
            "please report this with the command; `--device cpu` gives the same answer"
        }
        _ => "see whether nvidia-smi finds the GPU in order; `--device cpu` gives the same answer",
    };
    let text = error.error_string().map_or_else(|_| format!("{:?}", error.0), |s| s.to_string_lossy().into_owned());
    Error::Device { what: format!("{what}: {text}"), help: help.into() }
}
