//! From text to PTX for one architecture, by NVRTC, kept on disk.

use super::Source;
use crate::error::{Error, Result};
use crate::file::write_atomic;
use cudarc::nvrtc;
use std::io::Write;
use std::path::PathBuf;

/// PTX for compute capability `[major, minor]`.
///
/// It is looked up under a hash of text and architecture in `$XDG_CACHE_HOME/filet` (`~/.cache/filet`), and put there once
/// compiled; without such a folder, or where it cannot be written, it is compiled every time.
///
/// Errors: no NVRTC; text it refuses, with its message.
pub(super) fn ptx(source: &Source, capability: [i32; 2]) -> Result<String> {
    let arch = format!("compute_{}{}", capability[0], capability[1]);
    let path = cache().map(|folder| folder.join(format!("{:016x}-{arch}.ptx", hash(source.text))));
    if let Some(text) = path.as_ref().and_then(|p| std::fs::read_to_string(p).ok()) {
        return Ok(text);
    }
    let text = compile(source, &arch)?;
    if let Some(path) = path {
        // A full or read-only disk costs time at the next start, nothing else.
        let _ = path.parent().map(std::fs::create_dir_all);
        let _ = write_atomic(&path, |file| file.write_all(text.as_bytes()));
    }
    Ok(text)
}

/// Forgets the text of a source that the driver did not take: it may come from another NVRTC.
pub(super) fn forget(source: &Source, capability: [i32; 2]) {
    let name = format!("{:016x}-compute_{}{}.ptx", hash(source.text), capability[0], capability[1]);
    if let Some(folder) = cache() {
        let _ = std::fs::remove_file(folder.join(name));
    }
}

/// Compiles for `arch`, such as `compute_80`.
///
/// Errors: no NVRTC; text it refuses, with its message.
pub fn compile(source: &Source, arch: &str) -> Result<String> {
    version()?;
    let options = nvrtc::CompileOptions {
        options: vec![format!("--gpu-architecture={arch}"), "--std=c++17".into()],
        name: Some(source.name.into()),
        ..Default::default()
    };
    let fault = |what: String| Error::Device {
        what: format!("NVRTC does not compile kernels/{} for {arch}: {what}", source.name),
        help: "install an NVRTC of CUDA 12 that knows this GPU, or report this".into(),
    };
    match nvrtc::compile_ptx_with_opts(source.text, options) {
        Ok(ptx) => Ok(ptx.to_src()),
        Err(nvrtc::CompileError::CompileError { log, .. }) => Err(fault(log.to_string_lossy().into_owned())),
        Err(other) => Err(fault(other.to_string())),
    }
}

/// NVRTC's version.
///
/// Errors: no NVRTC.
pub(super) fn version() -> Result<[i32; 2]> {
    let missing = || Error::Device {
        what: "there is no NVRTC (libnvrtc.so.12) to compile kernels with".into(),
        help: "install NVIDIA's CUDA 12 toolkit, or `pip install nvidia-cuda-nvrtc-cu12` and name its lib folder in \
               LD_LIBRARY_PATH"
            .into(),
    };
    // SAFETY: only looks whether a library can be loaded.
    if !unsafe { nvrtc::sys::is_culib_present() } {
        return Err(missing());
    }
    let [mut major, mut minor] = [0, 0];
    // SAFETY: both places are valid, and the library is there.
    match unsafe { nvrtc::sys::nvrtcVersion(&mut major, &mut minor) }.result() {
        Ok(()) => Ok([major, minor]),
        Err(_) => Err(missing()),
    }
}

fn cache() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    of("XDG_CACHE_HOME").or_else(|| Some(of("HOME")?.join(".cache"))).map(|folder| folder.join("filet"))
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}
