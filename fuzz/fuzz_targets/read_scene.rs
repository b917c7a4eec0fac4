#![no_main]
//! The readers of voxel scenes must neither panic nor hang nor allocate without measure, whatever the bytes: HDF5 where they begin
//! as that, else the flags, and the matrix, of DCDM's files.

mod file;

use filet::voxel::{self, FLUID};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let names: &[&str] = if data.starts_with(b"\x89HDF") { &["scene.h5"] } else { &["flags_a.bin", "matrixA_b.bin"] };
    for name in names {
        if let Ok(scene) = voxel::read(file::holding(name, data)) {
            assert_eq!(scene.rhs.len(), scene.grid.cells());
            assert!(scene.rhs.iter().zip(scene.grid.flags()).all(|(b, flag)| *flag != FLUID || b.is_finite()));
        }
    }
});
