//! Gmsh's MSH files: versions 2.x and 4.1, text and binary, read; 4.1 written.
//!
//! Format: <https://gmsh.info/doc/texinfo/gmsh.html#MSH-file-format>. Sections that a Poisson problem does not need are passed over.

mod cursor;
mod data;
mod entities;
mod kinds;
mod msh2;
mod msh4;
mod numbering;
mod text;
mod write;

use std::collections::HashSet;
use std::path::Path;

use super::import::{self, RawMesh};
use super::{Field, MeshFile};
use crate::error::{Error, Place, Result};
use cursor::{Cursor, Encoding};
use numbering::Numbering;
use text::Index;
pub use write::{Encoding as MshEncoding, write_msh};

/// What is wrong and at which byte.
#[derive(Debug)]
struct Fault {
    at: usize,
    what: String,
    help: &'static str,
}

/// The result of reading a part of a file.
type Parsed<T> = std::result::Result<T, Fault>;

impl Fault {
    fn new(at: usize, what: impl Into<String>) -> Self {
        Fault { at, what: what.into(), help: "the file is damaged: save the mesh again" }
    }

    fn help(self, help: &'static str) -> Self {
        Fault { help, ..self }
    }
}

/// Reads the MSH file `path` whose content is `data`.
pub(super) fn read(path: &Path, data: &[u8]) -> Result<MeshFile> {
    let mut text = true;
    let raw = parse(data, &mut text).map_err(|fault| {
        let before = &data[..fault.at.min(data.len())];
        let place =
            if text { Place::Line(memchr::memchr_iter(b'\n', before).count() + 1) } else { Place::Byte(before.len()) };
        Error::file(path, place, fault.what, fault.help)
    })?;
    import::import(path, raw)
}

/// The versions of the format.
#[derive(Clone, Copy, PartialEq)]
enum Version {
    Two,
    Four,
}

/// Reads all sections. Sets `text` to whether the file is text as soon as it is known.
fn parse(data: &[u8], text: &mut bool) -> Parsed<RawMesh> {
    let mut cursor = Cursor { data, at: 0, encoding: Encoding::Binary { swap: false } };
    let mut version = None;
    let mut raw = RawMesh::default();
    let mut fields: Vec<Field> = Vec::new();
    let mut entities = entities::Entities::default();
    let mut numbering: Option<Numbering> = None;
    while cursor.more() {
        let start = cursor.at;
        let line = cursor.line();
        let Some(name) = line.strip_prefix(b"$") else {
            let found = line[..line.len().min(40)].escape_ascii();
            return Err(Fault::new(start, format!("expected a section such as $Nodes, found \"{found}\"")));
        };
        let missing = |section: &str| Fault::new(start, format!("${} stands before ${section}", name.escape_ascii()));
        match (name, version) {
            (b"MeshFormat", None) => version = Some(format(&mut cursor, text)?),
            (b"Comments", _) => cursor.at = section_end(data, start, name)?,
            (_, None) => {
                return Err(
                    missing("MeshFormat").help("only Gmsh's MSH versions 2 and 4.1 are read: gmsh -format msh41")
                );
            }
            (b"PhysicalNames", _) => raw.names = names(&mut cursor)?,
            (b"Entities", Some(Version::Four)) => entities.read(&mut cursor, false)?,
            (b"PartitionedEntities", Some(Version::Four)) => entities.read(&mut cursor, true)?,
            (b"Nodes", _) if numbering.is_some() => return Err(Fault::new(start, "a second $Nodes section")),
            (b"Nodes", Some(version)) => {
                let (points, tags) =
                    if version == Version::Two { msh2::nodes(&mut cursor)? } else { msh4::nodes(&mut cursor)? };
                numbering =
                    Some(Numbering::new(tags).map_err(|tag| Fault::new(start, format!("node {tag} is there twice")))?);
                raw.points = points;
            }
            (b"Elements", Some(version)) => {
                let numbering = numbering.as_ref().ok_or_else(|| missing("Nodes"))?;
                if version == Version::Two {
                    msh2::elements(&mut cursor, numbering, &mut raw.blocks)?;
                } else {
                    msh4::elements(&mut cursor, numbering, &entities, &mut raw.blocks)?;
                }
            }
            (b"NodeData", _) => {
                let numbering = numbering.as_ref().ok_or_else(|| missing("Nodes"))?;
                fields.extend(data::node_data(&mut cursor, numbering, raw.points.len())?);
            }
            (b"ParametricNodes", _) => {
                let fault = Fault::new(start, "nodes with parametric coordinates of MSH 2 are not read");
                return Err(fault.help("save as version 4.1: gmsh -save -format msh41"));
            }
            _ => cursor.at = section_end(data, start, name)?,
        }
        end_of_section(&mut cursor, name)?;
    }
    if version.is_none() {
        return Err(Fault::new(0, "there is no $MeshFormat section").help("is this a Gmsh mesh?"));
    }
    // Of several time steps the last.
    let mut seen = HashSet::new();
    raw.point_data = fields.into_iter().rev().filter(|f| seen.insert(f.name.clone())).collect();
    raw.point_data.reverse();
    Ok(raw)
}

/// `$MeshFormat`: the version, and how numbers are written.
fn format(cursor: &mut Cursor, text: &mut bool) -> Parsed<Version> {
    let at = cursor.at;
    let (number, binary, size) =
        cursor.text(|s| Ok((s.real("a version")?, s.signed("0 (text) or 1 (binary)")?, s.signed("a data size")?)))?;
    let version = match number {
        2.0..3.0 => Version::Two,
        4.1 => Version::Four,
        _ => {
            let fault = Fault::new(at, format!("MSH version {number} is not read here, only 2 and 4.1"));
            return Err(fault.help("convert it: gmsh OLD.msh -save -format msh41 -o NEW.msh"));
        }
    };
    if !(0..=1).contains(&binary) || size != 8 {
        let what =
            format!("file type {binary} and data size {size}; only types 0 (text) and 1 (binary) and size 8 are read");
        return Err(Fault::new(at, what));
    }
    cursor.line();
    *text = binary == 0;
    cursor.encoding = if *text {
        Encoding::Text(Index::new(cursor.data))
    } else {
        let at = cursor.at;
        match cursor.take(4, "$MeshFormat")? {
            one if *one == 1_i32.to_ne_bytes() => Encoding::Binary { swap: false },
            one if *one == 1_i32.swap_bytes().to_ne_bytes() => Encoding::Binary { swap: true },
            other => {
                return Err(Fault::new(at, format!("expected the number 1 in four bytes, found the bytes {other:?}")));
            }
        }
    };
    Ok(version)
}

/// Where `$EndNAME` begins, after the byte `start`.
fn section_end(data: &[u8], start: usize, name: &[u8]) -> Parsed<usize> {
    let end = [b"$End", name].concat();
    memchr::memmem::find(&data[start..], &end).map(|at| start + at).ok_or_else(|| {
        let what = format!("${} has no end: the file is truncated", name.escape_ascii());
        Fault::new(start, what).help("save or copy the mesh again")
    })
}

/// Passes over `$EndNAME`.
fn end_of_section(cursor: &mut Cursor, name: &[u8]) -> Parsed<()> {
    let more = cursor.more();
    let at = cursor.at;
    let line = cursor.line();
    if line.strip_prefix(b"$End") == Some(name) {
        return Ok(());
    }
    let name = name.escape_ascii();
    let found = line[..line.len().min(40)].escape_ascii();
    let found = if more { format!("\"{found}\"") } else { "the end of the file".to_string() };
    Err(Fault::new(at, format!("expected $End{name}, found {found}")))
}

/// `$PhysicalNames`, text in binary files too: dimension, tag and name of each.
fn names(cursor: &mut Cursor) -> Parsed<Vec<(usize, i32, String)>> {
    let count = cursor.text(|s| s.unsigned("the number of physical names"))?;
    cursor.line();
    let mut names = Vec::new();
    for _ in 0..count {
        let at = cursor.at;
        let (dimension, tag) = cursor.text(|s| Ok((s.unsigned("a dimension")?, s.signed("a physical tag")?)))?;
        let quoted = cursor.line();
        let name = quoted.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        let (Some(name), 0..=3) = (name, dimension) else {
            return Err(Fault::new(at, "expected a dimension from 0 to 3, a tag and a name between quotes"));
        };
        names.push((dimension as usize, tag.saturating_abs(), String::from_utf8_lossy(name).into_owned()));
    }
    Ok(names)
}
