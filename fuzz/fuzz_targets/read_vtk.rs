#![no_main]
//! The legacy VTK reader must neither panic nor hang nor allocate without measure, whatever the bytes.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // recognized by how it begins
    let text = [b"# vtk DataFile", data].concat();
    if let Ok(file) = filet::mesh::io::read_bytes("fuzz.vtk", text) {
        let mesh = &file.mesh;
        assert!(mesh.points.iter().flatten().all(|x| x.is_finite()));
        assert!(mesh.cells.iter().all(|&v| (v as usize) < mesh.points.len()));
        for group in &mesh.groups {
            let limit = if group.dimension == mesh.dimension() { mesh.cell_count() } else { mesh.points.len() };
            assert!(group.members.iter().all(|&m| (m as usize) < limit));
        }
        for field in &file.point_data {
            assert_eq!(field.values.len(), mesh.points.len() * field.components);
        }
        for field in &file.cell_data {
            assert_eq!(field.values.len(), mesh.cell_count() * field.components);
        }
    }
});
