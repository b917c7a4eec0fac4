#![no_main]
//! The VTU reader must neither panic nor hang nor allocate without measure, whatever the bytes.

mod mesh;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // recognized by how it begins: an XML declaration
    let text = [b"<?xml?>", data].concat();
    if let Ok(file) = filet::mesh::io::read_bytes("fuzz.vtu", text) {
        mesh::check(&file);
    }
});
