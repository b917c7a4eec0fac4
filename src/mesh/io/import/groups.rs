//! Physical tags gathered into groups.

use std::collections::{BTreeMap, HashMap};

use super::merge::{self, DROPPED};
use super::{RawMesh, Span, Tags, count, split};
use crate::mesh::{CellKind, Group};

/// The groups, by dimension and tag. `numbers` and `new_points` renumber cells and points; without them nothing has moved.
/// Takes the nodes of the lower-dimensional blocks.
pub(super) fn groups(
    raw: &mut RawMesh,
    kind: CellKind,
    spans: &[Span],
    numbers: Option<&[u32]>,
    new_points: Option<&[u32]>,
    notes: &mut Vec<String>,
) -> Vec<Group> {
    let mut members: BTreeMap<(usize, i32), Vec<u32>> = BTreeMap::new();
    for span in spans {
        let cells = |elements: std::ops::Range<usize>| {
            let first = span.cells.start;
            first + elements.start * span.parts..first + elements.end * span.parts
        };
        for (tag, elements) in runs(&raw.blocks[span.block].tags, span.cells.len() / span.parts) {
            let list = members.entry((kind.dimension(), tag)).or_default();
            match numbers {
                None => list.extend(cells(elements).map(|c| c as u32)),
                Some(numbers) => list.extend(numbers[cells(elements)].iter().filter(|&&c| c != DROPPED)),
            }
        }
    }
    if numbers.is_some() {
        for list in members.values_mut() {
            list.sort_unstable();
            list.dedup();
        }
    }
    lower(raw, kind, new_points, &mut members, notes);
    named(raw, members, notes)
}

/// Stretches of elements with the same tag.
fn runs(tags: &Tags, elements: usize) -> Vec<(i32, std::ops::Range<usize>)> {
    match tags {
        Tags::Block(tags) => tags.iter().map(|&tag| (tag, 0..elements)).collect(),
        Tags::Each(tags) => {
            let mut start = 0;
            let stretches = tags.chunk_by(|a, b| a == b).map(|same| {
                start += same.len();
                (same[0], start - same.len()..start)
            });
            stretches.filter(|(tag, _)| *tag != 0).collect()
        }
    }
}

/// The groups of lower dimension than the mesh: vertices of their simplices.
fn lower(
    raw: &mut RawMesh,
    kind: CellKind,
    new_points: Option<&[u32]>,
    members: &mut BTreeMap<(usize, i32), Vec<u32>>,
    notes: &mut Vec<String>,
) {
    let mut outside = 0;
    for block in raw.blocks.iter_mut().filter(|b| b.kind.dimension() < kind.dimension()) {
        let (dimension, parts) = (block.kind.dimension(), block.kind.parts());
        let stretches = runs(&block.tags, block.nodes.len() / block.kind.nodes());
        if stretches.is_empty() {
            continue;
        }
        let simplices = split::simplices(block);
        let per_element = parts * (dimension + 1);
        for (tag, elements) in stretches {
            let list = members.entry((dimension, tag)).or_default();
            let vertices = &simplices[elements.start * per_element..elements.end * per_element];
            let Some(new) = new_points else {
                list.extend_from_slice(vertices);
                continue;
            };
            for simplex in vertices.chunks_exact(dimension + 1) {
                if simplex.iter().all(|&v| new[v as usize] != DROPPED) {
                    list.extend(simplex.iter().map(|&v| new[v as usize]));
                } else {
                    outside += 1;
                }
            }
        }
    }
    for ((dimension, _), list) in members.iter_mut().filter(|((d, _), _)| *d < kind.dimension()) {
        merge::merge(list, dimension + 1, true);
    }
    if outside > 0 {
        notes.push(format!("{} tagged boundary elements left out: they are not on any cell", count(outside)));
    }
}

/// Names the groups; those left without members are noted.
fn named(raw: &RawMesh, members: BTreeMap<(usize, i32), Vec<u32>>, notes: &mut Vec<String>) -> Vec<Group> {
    let names: HashMap<(usize, i32), &str> = raw.names.iter().map(|(d, t, name)| ((*d, *t), name.as_str())).collect();
    for (dimension, tag, name) in &raw.names {
        if members.get(&(*dimension, *tag)).is_none_or(Vec::is_empty) {
            notes.push(format!("group \"{name}\" (dimension {dimension}, tag {tag}) has no elements and is left out"));
        }
    }
    let filled = members.into_iter().filter(|(_, list)| !list.is_empty());
    let group = |((dimension, tag), members): ((usize, i32), Vec<u32>)| {
        let name = names.get(&(dimension, tag)).map_or_else(|| tag.to_string(), |name| (*name).to_string());
        Group { name, dimension, tag, members }
    };
    filled.map(group).collect()
}
