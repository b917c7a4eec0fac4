#![no_main]
//! The readers of samples must neither panic nor hang nor allocate without measure, whatever the bytes: HDF5 or MATLAB 7.3 where
//! they begin as that, else NumPy.

mod file;

use filet::mgno::{Selection, read_samples};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let hdf5 = data.starts_with(b"\x89HDF") || data.starts_with(b"MATLAB");
    let path = file::holding(if hdf5 { "samples.h5" } else { "samples.npz" }, data);
    if let Ok(samples) = read_samples(path, &Selection::default()) {
        assert_eq!(samples.inputs.shape()[0], samples.outputs.shape()[0]);
        assert!(samples.outputs.data().iter().all(|u| u.is_finite()));
    }
});
