#![no_main]
//! The Gmsh reader must neither panic nor hang nor allocate without measure, whatever the bytes.

mod mesh;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(file) = filet::mesh::io::read_bytes("fuzz.msh", data.to_vec()) {
        mesh::check(&file);
    }
});
