//! What has to be there, looked for in order, each with its sentence.

use super::{DeviceInfo, compile, fault};
use crate::error::{Error, Result};
use cudarc::driver::{CudaContext, sys};
use std::sync::Arc;

/// The oldest driver whose functions are all used here, as the driver counts: CUDA 12.0.
const OLDEST: i32 = 12_000;

pub(super) fn open() -> Result<(Arc<CudaContext>, DeviceInfo)> {
    let missing = |what: &str, help: &str| Error::Device { what: what.into(), help: help.into() };
    // SAFETY: only looks whether a library can be loaded.
    if !unsafe { sys::is_culib_present() } {
        return Err(missing(
            "there is no NVIDIA driver (libcuda.so) on this machine",
            "install the driver, or leave --device cuda out",
        ));
    }
    let mut version = 0;
    // SAFETY: the place is valid; every driver has this function.
    let known = unsafe { sys::cuDriverGetVersion(&mut version) }.result();
    if known.is_err() || version < OLDEST {
        let what = format!("the NVIDIA driver is too old: it knows CUDA {}", dotted(version));
        return Err(missing(&what, &format!("install a driver for CUDA {} or later", dotted(OLDEST))));
    }
    match CudaContext::device_count() {
        Ok(1..) => {}
        Err(e) if e.0 != sys::CUresult::CUDA_ERROR_NO_DEVICE => {
            return Err(fault("the NVIDIA driver does not start", e));
        }
        _ => {
            return Err(missing(
                "the NVIDIA driver finds no GPU",
                "see what nvidia-smi says, and whether CUDA_VISIBLE_DEVICES hides it",
            ));
        }
    }
    let compiler = compile::version()?;
    let failed = |e| fault("the GPU cannot be opened", e);
    let context = CudaContext::new(0).map_err(failed)?;
    let (major, minor) = context.compute_capability().map_err(failed)?;
    let info = DeviceInfo {
        name: context.name().map_err(failed)?,
        capability: [major, minor],
        memory: context.total_mem().map_err(failed)?,
        driver: [version / 1000, version % 1000 / 10],
        compiler,
    };
    Ok((context, info))
}

fn dotted(version: i32) -> String {
    format!("{}.{}", version / 1000, version % 1000 / 10)
}
