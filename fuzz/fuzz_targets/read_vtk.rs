#![no_main]
//! The legacy VTK reader must neither panic nor hang nor allocate without measure, whatever the bytes.

mod mesh;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // recognized by how it begins
    let text = [b"# vtk DataFile", data].concat();
    if let Ok(file) = filet::mesh::io::read_bytes("fuzz.vtk", text) {
        mesh::check(&file);
    }
});
