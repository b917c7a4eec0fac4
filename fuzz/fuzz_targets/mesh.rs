//! What holds for every mesh that a reader gives out.

use filet::mesh::io::MeshFile;

pub fn check(file: &MeshFile) {
    let mesh = &file.mesh;
    assert!(mesh.points.iter().flatten().all(|x| x.is_finite()));
    assert!(mesh.cells.iter().all(|&v| (v as usize) < mesh.points.len()));
    for group in &mesh.groups {
        let limit = if group.dimension == mesh.dimension() { mesh.cell_count() } else { mesh.points.len() };
        assert!(group.members.iter().all(|&m| (m as usize) < limit));
    }
    for (fields, places) in [(&file.point_data, mesh.points.len()), (&file.cell_data, mesh.cell_count())] {
        assert!(fields.iter().all(|field| field.values.len() == places * field.components));
    }
}
