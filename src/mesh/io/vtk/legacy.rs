//! Reading legacy VTK files, versions 1 to 5.1: unstructured grids and polygon data, ASCII and binary (big-endian).
//!
//! Reference: VTK file formats, "Simple legacy formats" (docs.vtk.org); version 5.1 lists cells as offsets and connectivity.

use std::path::Path;

use super::array::excerpt;
use super::cells::{Cells, Fault, raw_mesh};
use super::scan::{DataType, Scanner};
use crate::error::{Error, Place, Result};
use crate::mesh::io::import::import;
use crate::mesh::io::{Field, MeshFile};

/// What the arrays that come are values on.
#[derive(Clone, Copy)]
enum On {
    Points,
    Cells,
}

/// What has been read of a file.
#[derive(Default)]
struct Parts {
    points: Vec<[f64; 3]>,
    cells: Cells,
    /// Polygon data: no `CELL_TYPES`, the keyword tells the type.
    polygon_data: bool,
    point_data: Vec<Field>,
    cell_data: Vec<Field>,
}

/// Reads a legacy VTK file whose content is `data`.
pub(crate) fn read_legacy(path: &Path, data: &[u8]) -> Result<MeshFile> {
    let mut scan = Scanner::new(path, data);
    let mut parts = header(&mut scan)?;
    let mut on = None;
    while let Some(keyword) = scan.word() {
        match &keyword.to_ascii_uppercase()[..] {
            b"METADATA" => scan.skip_metadata(),
            b"POINTS" => parts.read_points(&mut scan)?,
            b"CELLS" => parts.read_cells(&mut scan, None)?,
            b"CELL_TYPES" => parts.read_types(&mut scan)?,
            b"VERTICES" if parts.polygon_data => parts.read_cells(&mut scan, Some(2))?,
            b"LINES" if parts.polygon_data => parts.read_cells(&mut scan, Some(4))?,
            b"POLYGONS" if parts.polygon_data => parts.read_cells(&mut scan, Some(7))?,
            b"TRIANGLE_STRIPS" if parts.polygon_data => parts.read_cells(&mut scan, Some(6))?,
            b"POINT_DATA" => on = Some(parts.data_on(&mut scan, On::Points)?),
            b"CELL_DATA" => on = Some(parts.data_on(&mut scan, On::Cells)?),
            b"FIELD" => parts.read_field(&mut scan, on)?,
            other => match on {
                Some(on) => parts.read_attribute(&mut scan, other, on)?,
                None => return Err(scan.error(format!("\"{}\" is no keyword that can stand here", excerpt(keyword)))),
            },
        }
    }
    let Parts { points, cells, point_data, cell_data, .. } = parts;
    let fault = |Fault { what, help }| Error::file(path, Place::Section("CELLS".into()), what, help);
    import(path, raw_mesh(points, cells, point_data, cell_data).map_err(fault)?)
}

/// The lines before the first section.
fn header(scan: &mut Scanner) -> Result<Parts> {
    let first = scan.line();
    if !first.to_ascii_lowercase().starts_with(b"# vtk datafile") {
        return Err(scan.error("the first line is not \"# vtk DataFile Version\": this is no legacy VTK file".into()));
    }
    scan.line();
    let encoding = scan.expect("ASCII or BINARY")?;
    let binary = match &encoding.to_ascii_uppercase()[..] {
        b"ASCII" => false,
        b"BINARY" => true,
        _ => return Err(scan.error(format!("\"{}\" stands where ASCII or BINARY should be", excerpt(encoding)))),
    };
    let mut keyword = scan.expect("DATASET")?;
    if !keyword.eq_ignore_ascii_case(b"DATASET") {
        return Err(scan.error(format!("\"{}\" stands where DATASET should be", excerpt(keyword))));
    }
    keyword = scan.expect("the kind of data set")?;
    let polygon_data = match &keyword.to_ascii_uppercase()[..] {
        b"UNSTRUCTURED_GRID" => false,
        b"POLYDATA" => true,
        b"STRUCTURED_POINTS" | b"STRUCTURED_GRID" | b"RECTILINEAR_GRID" => {
            let what = format!("the data set is {}, a lattice without cells, not UNSTRUCTURED_GRID", excerpt(keyword));
            let help = "make cells of it and save those: ParaView's filter Append Datasets, or meshio convert to .vtu";
            return Err(scan.refuse(what, help));
        }
        _ => {
            let what = format!("the data set is {}, not UNSTRUCTURED_GRID or POLYDATA", excerpt(keyword));
            return Err(scan.refuse(what, "save the mesh as an unstructured grid"));
        }
    };
    scan.binary = binary;
    Ok(Parts { polygon_data, ..Parts::default() })
}

impl Parts {
    fn read_points(&mut self, scan: &mut Scanner) -> Result<()> {
        let n = scan.count("the number of points")?;
        let vtk_type = data_type(scan, "points")?;
        let Some(numbers) = n.checked_mul(3) else { return Err(scan.error(format!("{n} points are too many"))) };
        let values = scan.array::<f64>(numbers, vtk_type, "the points")?;
        self.points = values.as_chunks().0.to_vec();
        Ok(())
    }

    /// Cells; of type `polygons` where the keyword tells it.
    fn read_cells(&mut self, scan: &mut Scanner, polygons: Option<u8>) -> Result<()> {
        let (n, size) = (scan.count("the number of cells")?, scan.count("the length of the list of cells")?);
        let before = self.cells.ends.len();
        let first = self.cells.connectivity.len() as u64;
        // Version 5.1: n is the number of offsets, one more than cells. Else: n times a count and the points.
        if scan.accept(b"OFFSETS") {
            let offsets = data_type(scan, "OFFSETS")?;
            let offsets = scan.array::<u64>(n, offsets, "the cells' offsets")?;
            if !scan.accept(b"CONNECTIVITY") {
                return Err(scan.error("CONNECTIVITY does not follow OFFSETS".into()));
            }
            let connectivity = data_type(scan, "CONNECTIVITY")?;
            self.cells.connectivity.append(&mut scan.array(size, connectivity, "the cells' points")?);
            if offsets.first().is_some_and(|&o| o != 0) {
                return Err(scan.error(format!("the cells' offsets begin with {}, not 0", offsets[0])));
            }
            self.cells.ends.extend(offsets.iter().skip(1).map(|o| o.saturating_add(first)));
        } else {
            let list = scan.array::<u32>(size, DataType::INT, "the list of cells")?;
            self.add_counted(scan, n, &list)?;
        }
        if let Some(vtk_type) = polygons {
            self.cells.types.resize(self.cells.types.len() + self.cells.ends.len() - before, vtk_type);
        }
        Ok(())
    }

    /// Cells listed as a count and that many points each.
    fn add_counted(&mut self, scan: &Scanner, n: usize, list: &[u32]) -> Result<()> {
        if n > list.len() {
            return Err(scan.error(format!("{n} cells cannot be listed in {} numbers", list.len())));
        }
        let cells = &mut self.cells;
        cells.connectivity.reserve(list.len() - n);
        cells.ends.reserve(n);
        let mut left = list;
        for i in 0..n {
            let cell = left.split_first().and_then(|(&points, rest)| rest.split_at_checked(points as usize));
            let Some((cell, rest)) = cell else {
                return Err(scan.error(format!("the list of {} numbers ends within cell {i} of {n}", list.len())));
            };
            cells.connectivity.extend_from_slice(cell);
            cells.ends.push(cells.connectivity.len() as u64);
            left = rest;
        }
        match left.len() {
            0 => Ok(()),
            extra => Err(scan.error(format!("{extra} numbers follow the {n} cells in their list"))),
        }
    }

    fn read_types(&mut self, scan: &mut Scanner) -> Result<()> {
        let n = scan.count("the number of cell types")?;
        self.cells.types = if scan.binary {
            let types = scan.array::<u32>(n, DataType::INT, "the cell types")?;
            types.iter().map(|&t| u8::try_from(t).unwrap_or(u8::MAX)).collect()
        } else {
            scan.array::<u8>(n, DataType::INT, "the cell types")?
        };
        Ok(())
    }

    /// The head of a data section.
    fn data_on(&self, scan: &mut Scanner, on: On) -> Result<On> {
        let n = scan.count("the number of values")?;
        let (there, of) = match on {
            On::Points => (self.points.len(), "points"),
            On::Cells => (self.cells.ends.len(), "cells"),
        };
        match n == there {
            true => Ok(on),
            false => Err(scan.error(format!("values for {n} {of} follow, there are {there} {of}"))),
        }
    }

    fn count(&self, on: On) -> usize {
        match on {
            On::Points => self.points.len(),
            On::Cells => self.cells.ends.len(),
        }
    }

    /// An attribute: its keyword, its name and what follows.
    fn read_attribute(&mut self, scan: &mut Scanner, keyword: &[u8], on: On) -> Result<()> {
        let components = match keyword {
            b"SCALARS" | b"COLOR_SCALARS" | b"LOOKUP_TABLE" | b"TEXTURE_COORDINATES" => 0,
            b"GLOBAL_IDS" | b"PEDIGREE_IDS" | b"EDGE_FLAGS" => 1,
            b"VECTORS" | b"NORMALS" => 3,
            b"TENSORS6" => 6,
            b"TENSORS" => 9,
            _ => return Err(scan.error(format!("\"{}\" is no keyword that can stand here", excerpt(keyword)))),
        };
        let name = decoded(&scan.text("the name of an array")?);
        let bytes_or_floats = if scan.binary { DataType::BYTE } else { DataType::FLOAT };
        match keyword {
            b"LOOKUP_TABLE" => {
                let n = scan.count("the length of a lookup table")?;
                scan.array::<f64>(n.saturating_mul(4), bytes_or_floats, "a lookup table")?;
                return Ok(());
            }
            b"COLOR_SCALARS" => {
                let n = scan.count("the number of components")?;
                return self.add(scan, on, name, n, bytes_or_floats);
            }
            b"TEXTURE_COORDINATES" => {
                let n = scan.count("the number of components")?;
                let vtk_type = data_type(scan, &name)?;
                return self.add(scan, on, name, n, vtk_type);
            }
            _ => {}
        }
        let vtk_type = data_type(scan, &name)?;
        if keyword != b"SCALARS" {
            return self.add(scan, on, name, components, vtk_type);
        }
        let n = scan.count_on_line("the number of components")?.unwrap_or(1);
        // the name of a table, which is not needed
        if scan.accept(b"LOOKUP_TABLE") {
            scan.expect("the name of a lookup table")?;
        }
        self.add(scan, on, name, n, vtk_type)
    }

    /// The arrays of a `FIELD`; those that are on neither points nor cells are left out.
    fn read_field(&mut self, scan: &mut Scanner, on: Option<On>) -> Result<()> {
        scan.expect("the name of a field")?;
        let arrays = scan.count("the number of arrays")?;
        for _ in 0..arrays {
            while scan.accept(b"METADATA") {
                scan.skip_metadata();
            }
            let name = decoded(&scan.text("the name of an array")?);
            let components = scan.count("the number of components")?;
            let n = scan.count("the number of values")?;
            if scan.accept(b"string") || scan.accept(b"utf8_string") {
                scan.skip_strings(n.saturating_mul(components))?;
                continue;
            }
            let vtk_type = data_type(scan, &name)?;
            match on {
                Some(on) if self.count(on) == n => self.add(scan, on, name, components, vtk_type)?,
                Some(on) => {
                    let what = format!("the array \"{name}\" has {n} values, not {}", self.count(on));
                    return Err(scan.error(what));
                }
                None => {
                    scan.array::<f64>(n.saturating_mul(components), vtk_type, &name)?;
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, scan: &mut Scanner, on: On, name: String, components: usize, vtk_type: DataType) -> Result<()> {
        let count = self.count(on).saturating_mul(components);
        let values = scan.array(count, vtk_type, &format!("the array \"{name}\""))?;
        let fields = match on {
            On::Points => &mut self.point_data,
            On::Cells => &mut self.cell_data,
        };
        if components > 0 {
            fields.push(Field { name, components, values });
        }
        Ok(())
    }
}

fn data_type(scan: &mut Scanner, of: &str) -> Result<DataType> {
    let word = scan.expect("a number type")?;
    DataType::named(word).ok_or_else(|| {
        let what = format!("the array \"{of}\" holds {}, which is not read", excerpt(word));
        scan.refuse(what, "save it as float, double or int, or leave it out")
    })
}

/// A name as VTK encodes it: `%20` is a space.
fn decoded(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%').then(|| after.get(..2)).flatten();
        let code = code.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
