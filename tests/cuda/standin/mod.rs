//! Builds the stand-in driver and compiler, and opens a device on them.

use filet::device::cuda::Cuda;
use std::ffi::{CString, c_char, c_int, c_long, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

unsafe extern "C" {
    fn dlopen(path: *const c_char, how: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

const NOW_FOR_ALL: c_int = 2 | 0x100;

/// The folder with both libraries, built if need be. A program with it in `LD_LIBRARY_PATH` takes them for NVIDIA's.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cuda/standin");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("standin");
        std::fs::create_dir_all(&folder).unwrap();
        // What was compiled with another header calls through a table of another layout.
        if std::fs::read(source.join("device.h")).unwrap() != std::fs::read(folder.join("device.h")).unwrap_or_default()
        {
            let _ = std::fs::remove_dir_all(folder.join("cache"));
        }
        std::fs::copy(source.join("device.h"), folder.join("device.h")).unwrap();
        for (file, library) in [("driver.cpp", "libcuda.so"), ("nvrtc.cpp", "libnvrtc.so")] {
            let part = folder.join(format!("{library}.{}", std::process::id()));
            let output = Command::new("g++")
                .args(["-std=c++17", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC"])
                .arg(format!("-Wl,-soname,{library}"))
                .arg(source.join(file))
                .arg("-o")
                .arg(&part)
                .arg("-ldl")
                .output()
                .expect("g++, which compiles the stand-in");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            std::fs::rename(&part, folder.join(library)).unwrap();
        }
        folder
    })
}

struct Standin {
    cuda: Arc<Cuda>,
    reset: unsafe extern "C" fn(c_long),
    used: unsafe extern "C" fn() -> c_long,
}

/// Tests that fault the device run alone: a fault is everybody's.
static ALONE: RwLock<()> = RwLock::new(());

fn standin() -> &'static Standin {
    static ONE: OnceLock<Standin> = OnceLock::new();
    ONE.get_or_init(|| {
        let path = |name: &str| CString::new(folder().join(name).to_str().unwrap()).unwrap();
        // A library that is loaded is found again by its name, before any other of that name on the machine.
        // SAFETY: the libraries are ours, and no other thread reads the environment before this is done.
        unsafe {
            std::env::set_var("XDG_CACHE_HOME", folder().join("cache"));
            assert!(!dlopen(path("libnvrtc.so").as_ptr(), NOW_FOR_ALL).is_null());
            let driver = dlopen(path("libcuda.so").as_ptr(), NOW_FOR_ALL);
            assert!(!driver.is_null());
            let [reset, used] = [c"standin_reset", c"standin_used"].map(|name| dlsym(driver, name.as_ptr()));
            assert!(!reset.is_null() && !used.is_null());
            let reset = std::mem::transmute::<*mut c_void, unsafe extern "C" fn(c_long)>(reset);
            let used = std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> c_long>(used);
            Standin { cuda: Cuda::open().unwrap(), reset, used }
        }
    })
}

/// The device on the stand-in.
pub fn cuda() -> (RwLockReadGuard<'static, ()>, Arc<Cuda>) {
    let shared = ALONE.read().unwrap_or_else(PoisonError::into_inner);
    (shared, standin().cuda.clone())
}

/// The device for a test that faults it; [`reset`] makes it whole again.
pub fn cuda_alone() -> (RwLockWriteGuard<'static, ()>, Arc<Cuda>) {
    let alone = ALONE.write().unwrap_or_else(PoisonError::into_inner);
    (alone, standin().cuda.clone())
}

/// Forgets faults; orders are random from `seed` on.
pub fn reset(seed: i64) {
    // SAFETY: a function of the stand-in, with its own lock.
    unsafe { (standin().reset)(seed) };
}

/// Bytes of the device that are given out.
pub fn used() -> i64 {
    // SAFETY: a function of the stand-in.
    unsafe { (standin().used)() }
}

/// The largest difference, relative to the largest of `b`.
pub fn difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(f64::MIN_POSITIVE, |m, v| m.max(v.abs()));
    let off = |(a, b): (&f64, &f64)| if a.is_nan() || b.is_nan() { f64::INFINITY } else { (a - b).abs() };
    a.iter().zip(b).map(off).fold(0.0, f64::max) / largest
}

/// Single precision as double.
pub fn wide(v: &[f32]) -> Vec<f64> {
    v.iter().map(|v| f64::from(*v)).collect()
}
