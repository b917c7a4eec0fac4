//! From the elements of a mesh file, as its reader found them, to a simplicial [`Mesh`].
//!
//! The mesh's dimension is the highest that has elements. Its elements are cut into simplices ([`split`]), repeated ones
//! merged ([`merge`]), turned to positive orientation ([`orientation`]), points without cells left out, and tags gathered into groups
//! ([`groups`]). What was changed is noted. Work that a file does not need is skipped, and the result does not depend on the
//! number of threads.

mod element;
mod groups;
mod merge;
mod orientation;
mod points;
mod split;

use std::path::Path;

use super::{Field, MeshFile};
use crate::error::{Error, Place, Result};
use crate::mesh::{CellKind, Mesh};
use crate::words;
pub(crate) use element::ElementKind;

/// Physical tags of a block's elements; they name its groups.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tags {
    /// Every element has all of these: none, one or several.
    Block(Vec<i32>),
    /// One for each element; 0 is none.
    Each(Vec<i32>),
}

/// Elements of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    pub kind: ElementKind,
    /// Point numbers from 0, flat, `kind.nodes()` for each element, in the order of [`ElementKind`].
    pub nodes: Vec<u32>,
    pub tags: Tags,
}

/// What a reader found in a file. Nothing is checked yet but the lengths of the vectors.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RawMesh {
    pub points: Vec<[f64; 3]>,
    pub blocks: Vec<Block>,
    /// Dimension, tag, name.
    pub names: Vec<(usize, i32, String)>,
    pub point_data: Vec<Field>,
    /// One value (of `components` numbers) for each element of all blocks in order.
    pub cell_data: Vec<Field>,
}

/// The cells that a block became.
struct Span {
    /// The block's number.
    block: usize,
    /// Number of its first element among all blocks' elements.
    first_element: usize,
    /// Its cells before any was merged or dropped.
    cells: std::ops::Range<usize>,
    /// Cells for each element.
    parts: usize,
}

/// The simplicial mesh of `raw`, read from the file `path`.
pub(crate) fn import(path: &Path, mut raw: RawMesh) -> Result<MeshFile> {
    points::check(path, &raw)?;
    let kind = cell_kind(path, &raw)?;
    let mut notes = Vec::new();
    note_elements(&raw, kind, &mut notes);

    let (mut cells, spans) = cells(&mut raw.blocks, kind);
    let provisional = cells.len() / kind.vertices();
    if provisional >= merge::DROPPED as usize {
        let what = format!("{} cells are more than the 4 294 967 294 that can be numbered", count(provisional));
        return Err(Error::file(path, Place::File, what, "use a coarser mesh"));
    }
    let width = kind.vertices();
    let (repeats, turned) =
        rayon::join(|| merge::repeats(&cells, width), || orientation::negative(&raw.points, kind, &cells));
    turned.iter().for_each(|&c| cells[c as usize * width..][..width].swap(width - 2, width - 1));
    let turned = turned.iter().filter(|&c| repeats.binary_search_by_key(c, |r| r.0).is_err()).count();
    if turned > 0 {
        let all = provisional - repeats.len();
        notes.push(format!("{} of {} cells turned to positive orientation", count(turned), count(all)));
    }
    let numbers = merge::remove(&mut cells, width, &repeats, spans.iter().any(|s| s.parts > 1));
    if cells.is_empty() {
        let what = format!("all {} elements are collapsed: they repeat a corner", count(provisional));
        return Err(Error::file(path, Place::File, what, "mesh the geometry again"));
    }
    let origin = (!raw.cell_data.is_empty()).then(|| origin(&spans, numbers.as_deref(), cells.len() / width));
    let merged = provisional - cells.len() / width;
    if merged > 0 {
        notes.push(format!("{} repeated or collapsed cells merged or left out", count(merged)));
    }
    let new_points = points::compact(&mut raw, &mut cells, &mut notes);
    let groups = groups::groups(&mut raw, kind, &spans, numbers.as_deref(), new_points.as_deref(), &mut notes);
    let cell_data = raw.cell_data.iter().map(|f| pick(f, origin.as_deref().unwrap_or(&[]))).collect();
    let mesh = Mesh { points: raw.points, kind, cells, groups };
    Ok(MeshFile { mesh, point_data: raw.point_data, cell_data, notes })
}

/// The kind of the cells: simplices of the highest dimension there is.
fn cell_kind(path: &Path, raw: &RawMesh) -> Result<CellKind> {
    let filled = raw.blocks.iter().filter(|b| !b.nodes.is_empty());
    match filled.map(|b| b.kind.dimension()).max() {
        Some(3) => Ok(CellKind::Tetrahedron),
        Some(2) => Ok(CellKind::Triangle),
        Some(1) => Ok(CellKind::Interval),
        highest => {
            let what = match highest {
                Some(_) => "there are only point elements, no cells to solve on".to_string(),
                None => format!("there are {} points but no elements", count(raw.points.len())),
            };
            let help =
                "generate the mesh before saving it (gmsh -2 or -3) and save all elements or a physical group of cells";
            Err(Error::file(path, Place::File, what, help))
        }
    }
}

/// Notes on elements that are cut, and on second-order ones.
fn note_elements(raw: &RawMesh, kind: CellKind, notes: &mut Vec<String>) {
    let top = || raw.blocks.iter().filter(|b| b.kind.dimension() == kind.dimension() && !b.nodes.is_empty());
    let cut = [ElementKind::Quad, ElementKind::Hexahedron, ElementKind::Prism, ElementKind::Pyramid];
    for linear in cut {
        let n: usize = top().filter(|b| b.kind.linear() == linear).map(|b| b.nodes.len() / b.kind.nodes()).sum();
        if n > 0 {
            let simplices = if kind == CellKind::Triangle { "triangles" } else { "tetrahedra" };
            notes.push(format!("{} {} cut into {} {simplices}", count(n), linear.plural(), count(n * linear.parts())));
        }
    }
    let curved: Vec<_> = top().filter(|b| !b.kind.edges().is_empty()).collect();
    if !curved.is_empty() {
        let n: usize = curved.iter().map(|b| b.nodes.len() / b.kind.nodes()).sum();
        let bend = curved.iter().map(|b| points::bend(&raw.points, b)).fold(0.0, f64::max);
        let off = if bend < 1e-9 {
            "all mid-edge nodes lie at the middle of straight edges".to_string()
        } else {
            format!("mid-edge nodes lie up to {bend:.1e} edge lengths off the middle of the straight edge")
        };
        notes.push(format!("{} second-order elements kept as straight ones by their corners; {off}", count(n)));
    }
}

/// The simplices of all blocks of the mesh's dimension, and which block they are from.
fn cells(blocks: &mut [Block], kind: CellKind) -> (Vec<u32>, Vec<Span>) {
    let (mut cells, mut spans) = (Vec::new(), Vec::new());
    let mut first_element = 0;
    for (number, block) in blocks.iter_mut().enumerate() {
        let elements = block.nodes.len() / block.kind.nodes();
        if block.kind.dimension() == kind.dimension() && elements > 0 {
            let first = cells.len() / kind.vertices();
            if cells.is_empty() {
                cells = split::simplices(block);
            } else {
                cells.append(&mut split::simplices(block));
            }
            let parts = block.kind.parts();
            spans.push(Span { block: number, first_element, cells: first..first + elements * parts, parts });
        }
        first_element += elements;
    }
    (cells, spans)
}

/// The element that each cell is from.
fn origin(spans: &[Span], numbers: Option<&[u32]>, cell_count: usize) -> Vec<u32> {
    let mut origin = vec![u32::MAX; cell_count];
    for span in spans {
        for c in span.cells.clone() {
            let number = numbers.map_or(c as u32, |n| n[c]);
            if let Some(o) = origin.get_mut(number as usize).filter(|o| **o == u32::MAX) {
                *o = (span.first_element + (c - span.cells.start) / span.parts) as u32;
            }
        }
    }
    origin
}

/// The field's values at `places`, in that order.
fn pick(field: &Field, places: &[u32]) -> Field {
    let n = field.components;
    let mut values = Vec::with_capacity(places.len() * n);
    for &place in places {
        values.extend_from_slice(&field.values[place as usize * n..(place as usize + 1) * n]);
    }
    Field { name: field.name.clone(), components: n, values }
}

/// A count with its thousands set apart.
pub(super) fn count(n: usize) -> String {
    words::count(n as u64)
}

#[cfg(test)]
mod tests;
