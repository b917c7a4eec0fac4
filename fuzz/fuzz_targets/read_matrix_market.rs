#![no_main]
//! The Matrix Market reader must neither panic nor hang nor allocate without measure, whatever the bytes.

use filet::sparse::matrix_market::{parse_matrix, parse_vector};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    // recognized by how it begins
    let text = [b"%%MatrixMarket matrix ", data].concat();
    if let Ok(a) = parse_matrix(&text, Path::new("fuzz.mtx")) {
        assert!(a.indices().iter().all(|&j| (j as usize) < a.ncols()));
        assert!(a.values().iter().all(|v| v.is_finite()));
    }
    if let Ok(b) = parse_vector(&text, Path::new("fuzz.mtx")) {
        assert!(b.iter().all(|v| v.is_finite()));
    }
});
