//! What goes wrong is said in a sentence, and the stand-in sees what it is there to see.

use crate::standin::{cuda_alone, folder, reset};
use filet::device::cuda::{Cuda, Shape, Source, int};
use std::process::Command;

/// The command on the stand-in with these settings: it must fail with exit code 2, say this, and not panic.
fn refused(settings: &[(&str, &str)], args: &[&str], expected: &[&str]) {
    let cache = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_filet"));
    command.env("LD_LIBRARY_PATH", folder()).env("XDG_CACHE_HOME", cache.path());
    settings.iter().for_each(|(name, value)| {
        command.env(name, value);
    });
    let output = command.args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{settings:?}: {text}");
    assert!(!text.contains("panicked"), "{text}");
    for expected in expected {
        assert!(text.contains(expected), "{settings:?}: {expected} in {text}");
    }
}

const SOLVE: [&str; 6] = ["solve", "box:12", "--method", "gmg-plain", "--device", "cuda"];

#[test]
fn what_is_missing_is_named() {
    refused(&[("STANDIN_DRIVER", "11040")], &["info", "device"], &["too old", "CUDA 11.4", "12.0"]);
    refused(&[("STANDIN_DEVICES", "0")], &["info", "device"], &["finds no GPU", "nvidia-smi"]);
    refused(&[("STANDIN_DEVICES", "0")], &SOLVE, &["finds no GPU"]);
    refused(&[("STANDIN_COMPILER_FAILS", "1")], &SOLVE, &["does not compile kernels/", "told to fail"]);
}

#[test]
fn a_driver_without_a_compiler_is_named() {
    let alone = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(folder().join("libcuda.so"), alone.path().join("libcuda.so")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_filet"));
    let output = command.env("LD_LIBRARY_PATH", alone.path()).args(["info", "device"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    // A machine with the toolkit has a compiler elsewhere.
    if output.status.code() != Some(0) {
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("no NVRTC") && text.contains("pip install"), "{text}");
    }
}

#[test]
fn a_device_that_runs_out_of_memory_says_how_much_was_asked_for() {
    refused(&[("STANDIN_MEMORY", "60000")], &SOLVE, &["cannot get", "MB are free", "out of memory", "smaller problem"]);
    let mesh = ["solve", "square:40", "--method", "cg", "--device", "cuda"];
    refused(&[("STANDIN_MEMORY", "60000")], &mesh, &["out of memory"]);
}

#[test]
fn a_launch_that_fails_ends_the_solve() {
    for launch in ["1", "7", "40"] {
        refused(&[("STANDIN_FAIL_LAUNCH", launch)], &SOLVE, &["cannot launch the kernel", "--device cpu"]);
    }
    let mesh = ["solve", "square:12", "--method", "pcg-jacobi", "--device", "cuda"];
    refused(&[("STANDIN_FAIL_LAUNCH", "9")], &mesh, &["cannot launch the kernel"]);
}

#[test]
fn training_ends_with_the_first_fault() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("net.safetensors");
    let output = output.to_str().unwrap();
    let direction =
        ["train", "direction", "--size", "4", "--vectors", "8", "--batch", "1", "--steps", "2", "--output", output];
    let mgno =
        ["train", "mgno", "--data", "darcy-rough:8", "--samples", "4", "--test", "2", "--batch", "2", "--epochs", "2"];
    let mgno = [&mgno[..], &["--levels", "2", "--width", "3", "--weights", output]].concat();
    for case in [&direction[..], &mgno] {
        let case = [case, &["--device", "cuda"]].concat();
        refused(&[("STANDIN_DEVICES", "0")], &case, &["finds no GPU"]);
        refused(&[("STANDIN_MEMORY", "40000")], &case, &["cannot get", "MB are free", "out of memory"]);
        // Forward, backward, and Adam's step.
        for launch in ["1", "30", "90", "150"] {
            refused(&[("STANDIN_FAIL_LAUNCH", launch)], &case, &["cannot launch the kernel", "--device cpu"]);
        }
        assert!(!std::path::Path::new(output).exists());
    }
}

/// Runs a kernel `f(float *out, int n)` of this text with a buffer of n numbers; the error, if any.
fn run(cuda: &Cuda, name: &'static str, text: &'static str, n: usize, threads: usize) -> Result<Vec<f32>, String> {
    let source = Source { name, text, since: 0 };
    let mut out = cuda.zeros(n).map_err(|e| e.to_string())?;
    let shape = Shape { blocks: [1; 3], threads: [threads, 1] };
    cuda.launch(&source, "f", shape, &[out.set(), int(n)]).map_err(|e| e.to_string())?;
    let mut values = vec![0.0; n];
    cuda.download(&out, &mut values).map_err(|e| e.to_string())?;
    Ok(values)
}

#[test]
fn the_stand_in_catches_what_goes_beside_buffers() {
    let (_alone, cuda) = cuda_alone();
    // Memory lies against a forbidden page before it or behind it by chance; the other end is watched.
    for seed in 0..6 {
        reset(seed);
        let text = "extern \"C\" __global__ void f(float *out, int n) { out[n + threadIdx.x] = 1; }";
        let error = run(&cuda, "beyond", text, 1000 + seed as usize, 4).unwrap_err();
        assert!(error.contains("illegal memory access"), "{error}");
        reset(seed);
        let text = "extern \"C\" __global__ void f(float *out, int n) { out[-1 - int(threadIdx.x)] = 1; }";
        let error = run(&cuda, "before", text, 2000 + seed as usize, 4).unwrap_err();
        assert!(error.contains("illegal memory access"), "{error}");
    }
    reset(1);
}

#[test]
fn the_stand_in_catches_threads_that_miss_a_barrier() {
    let (_alone, cuda) = cuda_alone();
    let text = "extern \"C\" __global__ void f(float *out, int n) { if (threadIdx.x == 3) return; __syncthreads(); out[0] = n; }";
    let error = run(&cuda, "barrier", text, 10, 32).unwrap_err();
    reset(1);
    assert!(error.contains("launch failure"), "{error}");
}

#[test]
fn the_stand_in_shows_a_missing_barrier() {
    let (_alone, cuda) = cuda_alone();
    // Every thread reads what its neighbour wrote, with and without waiting for it.
    let without = "extern \"C\" __global__ void f(float *out, int n) {
        __shared__ float s[64]; const int t = threadIdx.x; s[t] = -1; __syncthreads(); s[t] = t; out[t] = s[(t + 1) % n]; }";
    let with = "extern \"C\" __global__ void f(float *out, int n) {
        __shared__ float s[64]; const int t = threadIdx.x; s[t] = t; __syncthreads(); out[t] = s[(t + 1) % n]; }";
    let expected: Vec<f32> = (0..64).map(|t| ((t + 1) % 64) as f32).collect();
    for seed in 1..4 {
        reset(seed);
        assert_eq!(run(&cuda, "with", with, 64, 64).unwrap(), expected);
        assert_ne!(run(&cuda, "without", without, 64, 64).unwrap(), expected);
    }
}

#[test]
#[should_panic(expected = "takes")]
fn arguments_of_other_types_than_the_kernel_declares_are_refused() {
    let (_alone, cuda) = cuda_alone();
    let source =
        Source { name: "types", text: "extern \"C\" __global__ void f(float *out, int n) { out[0] = n; }", since: 0 };
    let mut out = cuda.zeros::<f64>(3).unwrap();
    let _ = cuda.launch(&source, "f", Shape::one(), &[out.set(), int(3)]);
}
