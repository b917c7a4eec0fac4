//! Groups in a VTU file: arrays of its `<FieldData>`, which other programs show but leave alone.
//!
//! `filet:group DIMENSION TAG NAME` holds a group's members as in [`Group`](crate::mesh::Group). Programs copy field data to
//! meshes derived from this one, so `filet:cells` holds a checksum of the connectivity the groups belong to.

use rayon::prelude::*;

use crate::mesh::Group;
use crate::mesh::io::import::{Block, ElementKind, RawMesh, Tags};

/// The array that holds the checksum.
pub(super) const CHECKSUM: &str = "filet:cells";
const PREFIX: &str = "filet:group ";

/// Whether the array of this name is one of these.
pub(super) fn is_stored(name: &str) -> bool {
    name == CHECKSUM || name.starts_with(PREFIX)
}

/// The name of a group's array.
pub(super) fn array_name(group: &Group) -> String {
    format!("{PREFIX}{} {} {}", group.dimension, group.tag, group.name)
}

/// A checksum of cells' points in order; the same for any number of threads.
pub(super) fn checksum(connectivity: &[u32]) -> u64 {
    let mix = |(i, &v): (usize, &u32)| {
        let x = ((i as u64) << 32 ^ u64::from(v)).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
    };
    connectivity.par_iter().enumerate().with_min_len(1 << 14).map(mix).reduce(|| 0, u64::wrapping_add)
}

/// Groups as a file stores them.
#[derive(Default)]
pub(super) struct Stored {
    groups: Vec<(usize, i32, String, Vec<u64>)>,
    checksum: Option<u64>,
}

impl Stored {
    /// Takes in an array of which [`is_stored`] is true. What cannot be a group is left out.
    pub fn add(&mut self, name: &str, values: Vec<u64>) {
        if name == CHECKSUM {
            self.checksum = values.first().copied();
            return;
        }
        let mut words = name[PREFIX.len()..].splitn(3, ' ');
        let dimension = words.next().and_then(|w| w.parse().ok());
        let tag = words.next().and_then(|w| w.parse().ok());
        if let (Some(dimension), Some(tag), Some(name)) = (dimension, tag, words.next()) {
            self.groups.push((dimension, tag, name.to_string(), values));
        }
    }

    /// Gives the mesh its groups, if they are its own: `false` where they are not.
    pub fn restore(self, raw: &mut RawMesh, checksum: u64) -> bool {
        if self.groups.is_empty() {
            return true;
        }
        let [block] = &raw.blocks[..] else { return false };
        let (kind, cells) = (block.kind, block.nodes.chunks_exact(block.kind.nodes()));
        let (cell_count, point_count) = (cells.len() as u64, raw.points.len() as u64);
        let possible = |(dimension, _, _, members): &(usize, i32, String, Vec<u64>)| {
            let limit = if *dimension == kind.dimension() { cell_count } else { point_count };
            *dimension <= kind.dimension() && members.iter().all(|&m| m < limit)
        };
        if self.checksum != Some(checksum) || !self.groups.iter().all(possible) {
            return false;
        }
        let mut tags = vec![0; cells.len()];
        let mut added = Vec::new();
        for (dimension, tag, name, members) in self.groups {
            let nodes = if dimension == kind.dimension() {
                // a cell has one tag in its block; for further ones it is repeated, and merged again on import
                let (first, further): (Vec<u64>, Vec<u64>) = members.iter().partition(|&&m| tags[m as usize] == 0);
                first.iter().for_each(|&m| tags[m as usize] = tag);
                further
                    .iter()
                    .flat_map(|&m| &block.nodes[m as usize * kind.nodes()..][..kind.nodes()])
                    .copied()
                    .collect()
            } else {
                members.iter().map(|&m| m as u32).collect::<Vec<_>>()
            };
            let kind = if dimension == kind.dimension() { kind } else { simplex(dimension) };
            if !nodes.is_empty() && nodes.len() % kind.nodes() == 0 {
                added.push(Block { kind, nodes, tags: Tags::Block(vec![tag]) });
            }
            raw.names.push((dimension, tag, name));
        }
        raw.blocks[0].tags = Tags::Each(tags);
        let elements: usize = added.iter().map(|b| b.nodes.len() / b.kind.nodes()).sum();
        for field in &mut raw.cell_data {
            field.values.resize(field.values.len() + elements * field.components, 0.0);
        }
        raw.blocks.append(&mut added);
        true
    }
}

fn simplex(dimension: usize) -> ElementKind {
    match dimension {
        0 => ElementKind::Point,
        1 => ElementKind::Line,
        2 => ElementKind::Triangle,
        _ => ElementKind::Tetrahedron,
    }
}
