//! Where the work is done: this machine's processors, or an NVIDIA GPU ([`Device::Cuda`], in builds with the feature `cuda`).
//!
//! Nothing here panics or needs CUDA to be there: [`Device::probe`] tells in one sentence what is missing.
//!
//! ```
//! use filet::device::Device;
//!
//! let device = match Device::probe() {
//!     Ok(gpu) => {
//!         println!("{}, {} GB", gpu.name, gpu.memory >> 30);
//!         Device::Cuda
//!     }
//!     Err(why) => {
//!         println!("on the processors: {why}");
//!         Device::Cpu
//!     }
//! };
//! # let _ = device;
//! ```

#[cfg(feature = "cuda")]
pub mod cuda;

use crate::error::{Error, Result};

/// Where the work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The processors.
    #[default]
    Cpu,
    /// The first NVIDIA GPU.
    Cuda,
}

/// What a device is.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct DeviceInfo {
    /// As the driver calls it.
    pub name: String,
    /// Compute capability: 8.0 for an A100, 9.0 for an H100.
    pub capability: [i32; 2],
    /// Bytes of its memory.
    pub memory: usize,
    /// The newest CUDA version the driver knows.
    pub driver: [i32; 2],
    /// Version of NVRTC, the compiler of the kernels.
    pub compiler: [i32; 2],
}

impl Device {
    /// Its name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Cuda => "cuda",
        }
    }

    /// What the GPU is.
    ///
    /// Errors: a build without CUDA, no driver, one too old, no GPU, no NVRTC; each says what to do.
    pub fn probe() -> Result<DeviceInfo> {
        #[cfg(feature = "cuda")]
        return cuda::Cuda::open().map(|cuda| cuda.info().clone());
        #[cfg(not(feature = "cuda"))]
        Err(Device::not_built())
    }

    /// The error of builds without the feature `cuda`.
    #[cfg(not(feature = "cuda"))]
    pub(crate) fn not_built() -> Error {
        Error::Device {
            what: "this filet was built without CUDA".into(),
            help: "build it with `cargo build --release --features cuda`".into(),
        }
    }
}

impl std::str::FromStr for Device {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Device::Cpu, Device::Cuda].into_iter().find(|d| d.name() == name).ok_or_else(|| Error::Option {
            option: "--device".into(),
            value: name.into(),
            what: "is cpu or cuda".into(),
        })
    }
}
