#![no_main]
//! The reader of weights must neither panic nor hang nor allocate without measure, whatever the bytes.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = filet::nn::parse_weights("fuzz.safetensors", data);
});
