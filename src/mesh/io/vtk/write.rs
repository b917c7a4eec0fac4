//! Writing VTU: raw data appended to a short XML part, so that arrays go to the file as they lie in memory.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use quick_xml::escape::escape;
use rayon::prelude::*;

use super::cells::{TAG_FIELD, vtk_type};
use super::groups;
use crate::error::{Error, Result};
use crate::file::write_atomic;
use crate::mesh::{CellKind, Group, Mesh};

/// Values on points or cells that are to be written.
#[derive(Debug, Clone, Copy)]
pub struct FieldView<'a> {
    /// Its name.
    pub name: &'a str,
    /// Numbers a point or cell: 1 scalar, 3 vector, ...
    pub components: usize,
    /// `components` numbers for each point or cell.
    pub values: &'a [f64],
}

/// A mesh and fields on it that are to be written. Everything is borrowed.
#[derive(Debug, Clone)]
pub struct GridView<'a> {
    /// Coordinates of the points.
    pub points: &'a [[f64; 3]],
    /// The kind of the cells.
    pub kind: CellKind,
    /// Whether the cells have a node in the middle of each edge, after their vertices: of an interval 01, of a triangle 01, 12,
    /// 20, of a tetrahedron 01, 12, 20, 03, 13, 23.
    pub quadratic: bool,
    /// Points of the cells, flat.
    pub cells: &'a [u32],
    /// Fields on the points. The first scalar and the first vector are what ParaView shows first.
    pub point_fields: Vec<FieldView<'a>>,
    /// Fields on the cells.
    pub cell_fields: Vec<FieldView<'a>>,
    /// Named parts.
    pub groups: &'a [Group],
}

impl<'a> GridView<'a> {
    /// A mesh without fields.
    pub fn of(mesh: &'a Mesh) -> Self {
        GridView {
            points: &mesh.points,
            kind: mesh.kind,
            quadratic: false,
            cells: &mesh.cells,
            point_fields: Vec::new(),
            cell_fields: Vec::new(),
            groups: &mesh.groups,
        }
    }

    /// Points of a cell.
    pub fn cell_points(&self) -> usize {
        match (self.kind.vertices(), self.quadratic) {
            (n, false) => n,
            (n, true) => n + n * (n - 1) / 2,
        }
    }

    /// Number of cells.
    pub fn cell_count(&self) -> usize {
        self.cells.len() / self.cell_points()
    }

    /// An error where lengths or point numbers do not fit.
    pub fn check(&self) -> Result<()> {
        let mesh = |what: String| Err(Error::Mesh { what, help: "nothing was written".into() });
        let (points, cells) = (self.points.len(), self.cell_count());
        if cells * self.cell_points() != self.cells.len() {
            return mesh(format!(
                "{} point numbers are no whole cells of {} points",
                self.cells.len(),
                self.cell_points()
            ));
        }
        if let Some(v) = self.cells.par_iter().with_min_len(1 << 14).max().filter(|&&v| v as usize >= points) {
            return mesh(format!("a cell has the point {v} of {points}"));
        }
        for (fields, n, of) in [(&self.point_fields, points, "points"), (&self.cell_fields, cells, "cells")] {
            if let Some(f) = fields.iter().find(|f| f.components == 0 || f.values.len() != n * f.components) {
                let (name, have, each) = (f.name, f.values.len(), f.components);
                return mesh(format!("the field \"{name}\" has {have} numbers for {n} {of} of {each} each"));
            }
        }
        Ok(())
    }
}

/// Whether data are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they are: fastest.
    None,
    /// By zlib: smaller, several times slower.
    Zlib,
}

/// Writes a VTU file. Values come back exactly, and so do the groups when [`read`](crate::mesh::io::read) reads it.
pub fn write_vtu(path: impl AsRef<Path>, grid: &GridView, compression: Compression) -> Result<()> {
    grid.check()?;
    let tags = tags(grid);
    let checksum = [groups::checksum(grid.cells)];
    let mut layout = Layout { compression, parts: Vec::new() };
    layout.grid(grid, tags.as_deref(), &checksum);
    write_atomic(path, |w| layout.write(w))
}

/// For each cell the tag of the first group it is in, 0 where it is in none; `None` where no group has cells.
fn tags(grid: &GridView) -> Option<Vec<i32>> {
    let of_cells = || grid.groups.iter().filter(|g| g.dimension == grid.kind.dimension());
    of_cells().next()?;
    let mut tags = vec![0; grid.cell_count()];
    for group in of_cells() {
        for &c in &group.members {
            if let Some(tag) = tags.get_mut(c as usize).filter(|t| **t == 0) {
                *tag = group.tag;
            }
        }
    }
    Some(tags)
}

/// An array of the file.
#[derive(Clone, Copy)]
enum Numbers<'a> {
    F64(&'a [f64]),
    U64(&'a [u64]),
    U32(&'a [u32]),
    I32(&'a [i32]),
    /// `step`, `2 step`, ...: the offsets.
    Multiples {
        step: u64,
        count: usize,
    },
    /// The same byte: the types.
    Constant {
        value: u8,
        count: usize,
    },
}

impl Numbers<'_> {
    fn vtk_name(&self) -> &'static str {
        match self {
            Numbers::F64(_) => "Float64",
            Numbers::U64(_) => "UInt64",
            Numbers::U32(_) => "UInt32",
            Numbers::I32(_) => "Int32",
            Numbers::Multiples { .. } => "Int64",
            Numbers::Constant { .. } => "UInt8",
        }
    }

    fn count(&self) -> usize {
        match self {
            Numbers::F64(v) => v.len(),
            Numbers::U64(v) => v.len(),
            Numbers::U32(v) => v.len(),
            Numbers::I32(v) => v.len(),
            Numbers::Multiples { count, .. } | Numbers::Constant { count, .. } => *count,
        }
    }

    fn number_bytes(&self) -> usize {
        match self {
            Numbers::F64(_) | Numbers::U64(_) | Numbers::Multiples { .. } => 8,
            Numbers::U32(_) | Numbers::I32(_) => 4,
            Numbers::Constant { .. } => 1,
        }
    }

    fn bytes(&self) -> usize {
        self.count() * self.number_bytes()
    }

    /// Fills `out` with numbers from the `first` on.
    fn fill(&self, first: usize, out: &mut [u8]) {
        match self {
            Numbers::F64(v) => little_endian(out, &v[first..], |x| x.to_le_bytes()),
            Numbers::U64(v) => little_endian(out, &v[first..], |x| x.to_le_bytes()),
            Numbers::U32(v) => little_endian(out, &v[first..], |x| x.to_le_bytes()),
            Numbers::I32(v) => little_endian(out, &v[first..], |x| x.to_le_bytes()),
            Numbers::Multiples { step, .. } => {
                for (bytes, i) in out.as_chunks_mut().0.iter_mut().zip(first as u64 + 1..) {
                    *bytes = (i * step).to_le_bytes();
                }
            }
            Numbers::Constant { value, .. } => out.fill(*value),
        }
    }
}

fn little_endian<T: Copy, const N: usize>(out: &mut [u8], values: &[T], bytes: impl Fn(T) -> [u8; N]) {
    for (out, &value) in out.as_chunks_mut().0.iter_mut().zip(values) {
        *out = bytes(value);
    }
}

/// What the XML part consists of.
enum Part<'a> {
    Line(String),
    Array(Array<'a>),
}

/// An array, and its compressed blocks if it is compressed.
struct Array<'a> {
    name: String,
    /// `None` for field data, which state their length instead.
    components: Option<usize>,
    numbers: Numbers<'a>,
    blocks: Option<Vec<Vec<u8>>>,
}

impl Array<'_> {
    /// Bytes it takes in the file.
    fn stored_bytes(&self) -> usize {
        match &self.blocks {
            None => 8 + self.numbers.bytes(),
            Some(blocks) if blocks.is_empty() => 8,
            Some(blocks) => 8 * (3 + blocks.len()) + blocks.iter().map(Vec::len).sum::<usize>(),
        }
    }

    fn tag(&self, offset: usize) -> String {
        let shape = match self.components {
            Some(1) => String::new(),
            Some(n) => format!(" NumberOfComponents=\"{n}\""),
            None => format!(" NumberOfTuples=\"{}\"", self.numbers.count()),
        };
        let (vtk_type, name) = (self.numbers.vtk_name(), escape(&self.name));
        format!("<DataArray type=\"{vtk_type}\" Name=\"{name}\"{shape} format=\"appended\" offset=\"{offset}\"/>")
    }
}

/// Bytes of a compressed block; a multiple of 8.
const BLOCK: usize = 1 << 18;
/// Bytes converted at a time by all threads together, and by one.
const BATCH: usize = 1 << 24;
const PIECE: usize = 1 << 20;

/// The file's XML part, whose arrays are appended to it.
struct Layout<'a> {
    compression: Compression,
    parts: Vec<Part<'a>>,
}

impl<'a> Layout<'a> {
    fn grid(&mut self, grid: &'a GridView, tags: Option<&'a [i32]>, checksum: &'a [u64]) {
        let compressor =
            if self.compression == Compression::Zlib { " compressor=\"vtkZLibDataCompressor\"" } else { "" };
        self.line("<?xml version=\"1.0\"?>");
        self.line(&format!(
            "<VTKFile type=\"UnstructuredGrid\" version=\"1.0\" byte_order=\"LittleEndian\" header_type=\"UInt64\"{compressor}>"
        ));
        self.line("<UnstructuredGrid>");
        if !grid.groups.is_empty() {
            self.line("<FieldData>");
            self.array(groups::CHECKSUM, None, Numbers::U64(checksum));
            for group in grid.groups {
                self.array(&groups::array_name(group), None, Numbers::U32(&group.members));
            }
            self.line("</FieldData>");
        }
        let (points, cells) = (grid.points.len(), grid.cell_count());
        self.line(&format!("<Piece NumberOfPoints=\"{points}\" NumberOfCells=\"{cells}\">"));
        self.fields("PointData", &grid.point_fields, None);
        self.fields("CellData", &grid.cell_fields, tags);
        self.line("<Points>");
        self.array("Points", Some(3), Numbers::F64(grid.points.as_flattened()));
        self.line("</Points>");
        self.line("<Cells>");
        self.array("connectivity", Some(1), Numbers::U32(grid.cells));
        self.array("offsets", Some(1), Numbers::Multiples { step: grid.cell_points() as u64, count: cells });
        let value = vtk_type(grid.kind.dimension(), grid.quadratic);
        self.array("types", Some(1), Numbers::Constant { value, count: cells });
        self.line("</Cells>");
        self.line("</Piece>");
        self.line("</UnstructuredGrid>");
        self.line("<AppendedData encoding=\"raw\">");
    }

    fn fields(&mut self, section: &str, fields: &[FieldView<'a>], tags: Option<&'a [i32]>) {
        let mut tag = format!("<{section}");
        for (attribute, components) in [("Scalars", 1), ("Vectors", 3)] {
            if let Some(active) = fields.iter().find(|f| f.components == components) {
                let _ = write!(tag, " {attribute}=\"{}\"", escape(active.name));
            }
        }
        self.line(&(tag + ">"));
        for field in fields {
            self.array(field.name, Some(field.components), Numbers::F64(field.values));
        }
        if let Some(tags) = tags {
            self.array(TAG_FIELD, Some(1), Numbers::I32(tags));
        }
        self.line(&format!("</{section}>"));
    }

    fn array(&mut self, name: &str, components: Option<usize>, numbers: Numbers<'a>) {
        let blocks = (self.compression == Compression::Zlib).then(|| deflate(&numbers));
        self.parts.push(Part::Array(Array { name: name.to_string(), components, numbers, blocks }));
    }

    fn line(&mut self, line: &str) {
        self.parts.push(Part::Line(line.to_string()));
    }

    /// The last array's data come first: while meshio (5.3) replaces offsets in the tags one by one, it looks for the next
    /// by the first tag that has it, which must be one not yet replaced.
    fn write(&self, w: &mut impl Write) -> io::Result<()> {
        let arrays = || self.parts.iter().filter_map(|p| if let Part::Array(array) = p { Some(array) } else { None });
        let mut offset: usize = arrays().map(Array::stored_bytes).sum();
        for part in &self.parts {
            match part {
                Part::Line(line) => writeln!(w, "{line}")?,
                Part::Array(array) => {
                    offset -= array.stored_bytes();
                    writeln!(w, "{}", array.tag(offset))?;
                }
            }
        }
        w.write_all(b"_")?;
        let mut buffer = Vec::new();
        for array in arrays().rev() {
            match &array.blocks {
                None => write_raw(w, &array.numbers, &mut buffer)?,
                Some(blocks) => write_blocks(w, array.numbers.bytes(), blocks)?,
            }
        }
        w.write_all(b"\n</AppendedData>\n</VTKFile>\n")
    }
}

fn write_raw(w: &mut impl Write, numbers: &Numbers, buffer: &mut Vec<u8>) -> io::Result<()> {
    let (total, size) = (numbers.bytes(), numbers.number_bytes());
    w.write_all(&(total as u64).to_le_bytes())?;
    buffer.resize(BATCH.min(total).max(buffer.len()), 0);
    for start in (0..total).step_by(BATCH) {
        let part = &mut buffer[..BATCH.min(total - start)];
        let pieces = part.par_chunks_mut(PIECE).enumerate();
        pieces.for_each(|(i, piece)| numbers.fill((start + i * PIECE) / size, piece));
        w.write_all(part)?;
    }
    Ok(())
}

fn deflate(numbers: &Numbers) -> Vec<Vec<u8>> {
    let (total, size) = (numbers.bytes(), numbers.number_bytes());
    let block = |i: usize| {
        let mut plain = vec![0; BLOCK.min(total - i * BLOCK)];
        numbers.fill(i * BLOCK / size, &mut plain);
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        // a Vec takes everything
        let _ = encoder.write_all(&plain);
        encoder.finish().unwrap_or_default()
    };
    (0..total.div_ceil(BLOCK)).into_par_iter().map(block).collect()
}

/// The header (number of blocks, size of a block, size of the last if smaller, compressed sizes) and the blocks.
fn write_blocks(w: &mut impl Write, total: usize, blocks: &[Vec<u8>]) -> io::Result<()> {
    if blocks.is_empty() {
        return w.write_all(&0u64.to_le_bytes());
    }
    let header = [blocks.len(), BLOCK, total % BLOCK].into_iter().chain(blocks.iter().map(Vec::len));
    for integer in header {
        w.write_all(&(integer as u64).to_le_bytes())?;
    }
    blocks.iter().try_for_each(|block| w.write_all(block))
}
