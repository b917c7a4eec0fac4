//! Where tensors are, and with them where nets are computed: an operation is done where its inputs are.

use super::Tensor;
#[cfg(feature = "cuda")]
use super::ops::cuda::Gpu;
use crate::device::Device;
use crate::error::Result;

/// The processors, or a GPU.
///
/// ```text
/// let backend = Backend::open(Device::Cuda)?;
/// net.move_to(&backend)?;                                // parameters up, once
/// let tape = Tape::training().on(backend);
/// let loss = objective.loss(&net, &tape, step)?;         // data up through tape.constant
/// let value = loss.value().here()?;                      // the loss down, and faults with it
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Backend {
    /// The processors.
    #[default]
    Cpu,
    /// A GPU. What goes wrong there is kept until numbers are fetched with [`Tensor::here`], as CUDA itself does.
    #[cfg(feature = "cuda")]
    Gpu(Gpu),
}

impl Backend {
    /// That device.
    ///
    /// Errors: as [`Device::probe`].
    pub fn open(device: Device) -> Result<Self> {
        match device {
            Device::Cpu => Ok(Backend::Cpu),
            #[cfg(feature = "cuda")]
            Device::Cuda => Ok(Backend::Gpu(Gpu::new(&crate::device::cuda::Cuda::open()?))),
            #[cfg(not(feature = "cuda"))]
            Device::Cuda => Err(Device::not_built()),
        }
    }

    /// A copy there of a tensor that is here; itself where it is there already.
    ///
    /// # Panics
    ///
    /// Where it is on another device.
    pub fn put(&self, tensor: Tensor) -> Tensor {
        match self {
            Backend::Cpu => {
                assert_eq!(tensor.backend(), Backend::Cpu, "a tensor that is here");
                tensor
            }
            #[cfg(feature = "cuda")]
            Backend::Gpu(gpu) => gpu.put(&tensor),
        }
    }

    /// Zeros there.
    pub fn zeros(&self, shape: &[usize]) -> Tensor {
        match self {
            Backend::Cpu => Tensor::zeros(shape),
            #[cfg(feature = "cuda")]
            Backend::Gpu(gpu) => gpu.zeros(shape),
        }
    }

    /// Whether all went well so far.
    ///
    /// Errors: the first fault there.
    pub fn check(&self) -> Result<()> {
        match self {
            Backend::Cpu => Ok(()),
            #[cfg(feature = "cuda")]
            Backend::Gpu(gpu) => gpu.check(),
        }
    }
}

impl Tensor {
    /// Where its numbers are.
    pub fn backend(&self) -> Backend {
        #[cfg(feature = "cuda")]
        if let Some(gpu) = self.gpu() {
            return Backend::Gpu(gpu.clone());
        }
        Backend::Cpu
    }
}
