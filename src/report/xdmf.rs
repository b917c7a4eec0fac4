//! XDMF: the mesh and fields as HDF5 (`NAME.h5`), and an XML file (`NAME.xdmf`) beside it that describes them.
//!
//! Reference: the XDMF 3 model and format, xdmf.org.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use quick_xml::escape::escape;

use crate::error::{Error, Place, Result};
use crate::file::write_atomic;
use crate::hdf5::{Layout, Writer};
use crate::mesh::CellKind;
use crate::mesh::io::{FieldView, GridView};

/// Writes `path` and, beside it with the extension `h5`, the numbers. Groups are not written: XDMF readers have no common
/// notion of them.
///
/// Errors: a path that cannot be written.
pub fn write_xdmf(path: impl AsRef<Path>, grid: &GridView, layout: Layout) -> Result<()> {
    let path = path.as_ref();
    grid.check()?;
    let heavy = path.with_extension("h5");
    let Some(heavy_name) = heavy.file_name().and_then(|n| n.to_str()).filter(|_| heavy != path) else {
        let what = "the numbers go beside it, with the extension h5".to_string();
        return Err(Error::file(path, Place::File, what, "give a name that ends in .xdmf"));
    };
    let mut file = Writer::create(&heavy)?;
    let (points, cells, each) = (grid.points.len(), grid.cell_count(), grid.cell_points());
    file.write("points", &[points, 3], grid.points.as_flattened(), layout)?;
    file.write("cells", &[cells, each], grid.cells, layout)?;

    let mut body = String::new();
    for (center, count, fields) in [("Node", points, &grid.point_fields), ("Cell", cells, &grid.cell_fields)] {
        for (i, field) in fields.iter().enumerate() {
            let dataset = format!("{}/{i}", if center == "Node" { "point_data" } else { "cell_data" });
            let shape = if field.components == 1 { vec![count] } else { vec![count, field.components] };
            file.write(&dataset, &shape, field.values, layout)?;
            file.attribute(&dataset, "name", &crate::hdf5::Attribute::Text(field.name.into()))?;
            attribute(&mut body, field, center, &item(heavy_name, &dataset, &shape, "Float", 8));
        }
    }
    file.finish()?;

    let topology = topology(grid);
    let points_item = item(heavy_name, "points", &[points, 3], "Float", 8);
    let cells_item = item(heavy_name, "cells", &[cells, each], "UInt", 4);
    write_atomic(path, |w| {
        write!(
            w,
            "<?xml version=\"1.0\"?>\n<Xdmf Version=\"3.0\">\n<Domain>\n<Grid Name=\"mesh\">\n\
             <Geometry GeometryType=\"XYZ\">\n{points_item}</Geometry>\n\
             <Topology {topology} NumberOfElements=\"{cells}\">\n{cells_item}</Topology>\n\
             {body}</Grid>\n</Domain>\n</Xdmf>\n"
        )
    })
}

fn attribute(body: &mut String, field: &FieldView, center: &str, item: &str) {
    let kind = match field.components {
        1 => "Scalar",
        3 => "Vector",
        6 => "Tensor6",
        9 => "Tensor",
        _ => "Matrix",
    };
    let name = escape(field.name);
    let _ =
        write!(body, "<Attribute Name=\"{name}\" AttributeType=\"{kind}\" Center=\"{center}\">\n{item}</Attribute>\n");
}

/// The element that refers to a data set.
fn item(file: &str, dataset: &str, shape: &[usize], number: &str, bytes: usize) -> String {
    let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!(
        "<DataItem DataType=\"{number}\" Dimensions=\"{}\" Format=\"HDF\" Precision=\"{bytes}\">{}:/{dataset}</DataItem>\n",
        shape.join(" "),
        escape(file)
    )
}

fn topology(grid: &GridView) -> String {
    let name = match (grid.kind, grid.quadratic) {
        (CellKind::Interval, false) => return "TopologyType=\"Polyline\" NodesPerElement=\"2\"".into(),
        (CellKind::Interval, true) => "Edge_3",
        (CellKind::Triangle, false) => "Triangle",
        (CellKind::Triangle, true) => "Tri_6",
        (CellKind::Tetrahedron, false) => "Tetrahedron",
        (CellKind::Tetrahedron, true) => "Tet_10",
    };
    format!("TopologyType=\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hdf5::Reader;
    use crate::mesh::Mesh;

    #[test]
    fn light_and_heavy_data_agree() {
        let mesh = Mesh {
            points: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]],
            kind: CellKind::Triangle,
            cells: vec![0, 1, 2, 1, 3, 2],
            groups: Vec::new(),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xdmf");
        let mut grid = GridView::of(&mesh);
        grid.point_fields.push(FieldView { name: "u & v", components: 1, values: &[1.0, 2.0, 3.0, 4.0] });
        grid.cell_fields.push(FieldView { name: "flux", components: 3, values: &[0.5; 6] });
        write_xdmf(&path, &grid, Layout::Contiguous).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("Name=\"u &amp; v\" AttributeType=\"Scalar\" Center=\"Node\""), "{text}");
        assert!(text.contains("Dimensions=\"2 3\" Format=\"HDF\" Precision=\"8\">a.h5:/cell_data/0<"), "{text}");
        let heavy = Reader::open(folder.path().join("a.h5")).unwrap();
        assert_eq!(heavy.read::<u32>("cells").unwrap(), mesh.cells);
        assert_eq!(heavy.shape("points").unwrap(), [4, 3]);
        assert_eq!(heavy.read::<f64>("point_data/0").unwrap(), [1.0, 2.0, 3.0, 4.0]);
        assert!(write_xdmf(folder.path().join("a.h5"), &grid, Layout::Contiguous).is_err());
    }
}
