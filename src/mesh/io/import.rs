//! From the elements of a mesh file, as its reader found them, to a simplicial [`Mesh`].

mod element;

use std::path::Path;

use super::{Field, MeshFile};
use crate::error::{Error, Place, Result};
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

/// The simplicial mesh of `raw`, read from the file `path`.
pub(crate) fn import(path: &Path, raw: RawMesh) -> Result<MeshFile> {
    let _ = raw;
    Err(Error::file(path, Place::File, "not yet", ""))
}
