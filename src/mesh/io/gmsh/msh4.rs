//! `$Nodes` and `$Elements` of MSH 4.1.

use rayon::prelude::*;

use super::super::import::{Block, ElementKind, Tags};
use super::cursor::{Cursor, Encoding, word};
use super::entities::Entities;
use super::kinds;
use super::numbering::Numbering;
use super::text::PIECE;
use super::{Fault, Parsed};

/// The numbers at the head of both sections: blocks, things in all, their lowest and highest tag.
fn head(cursor: &mut Cursor, what: &str, tokens: usize, bytes: usize) -> Parsed<(usize, usize)> {
    let blocks = cursor.count("the number of blocks", 4, 20)?;
    let count = cursor.count(what, tokens, bytes)?;
    cursor.size("the lowest tag")?;
    cursor.size("the highest tag")?;
    Ok((blocks, count))
}

/// The fault that the blocks do not add up.
fn miscounted(at: usize, what: &str, announced: usize, found: usize) -> Fault {
    Fault::new(at, format!("{what} is {announced} at the head of the section, but its blocks hold {found}"))
}

/// Coordinates and tags of all nodes.
pub(super) fn nodes(cursor: &mut Cursor) -> Parsed<(Vec<[f64; 3]>, Vec<u64>)> {
    let what = "the number of nodes";
    let start = cursor.at;
    let (blocks, count) = head(cursor, what, 4, 32)?;
    let (mut points, mut tags) = (vec![[0.0; 3]; count], vec![0; count]);
    let mut filled = 0;
    for _ in 0..blocks {
        let dimension = cursor.int("the dimension of a block")?;
        cursor.int("the entity of a block")?;
        let parametric = cursor.int("whether nodes are parametric")?;
        let n = cursor.count("the number of nodes of a block", 4, 32)?;
        if n > count - filled {
            return Err(miscounted(start, what, count, filled + n));
        }
        let parameters = if parametric != 0 { dimension.clamp(0, 3) as usize } else { 0 };
        let range = filled..filled + n;
        node_block(cursor, &mut tags[range.clone()], &mut points[range], parameters)?;
        filled += n;
    }
    if filled < count {
        return Err(miscounted(start, what, count, filled));
    }
    Ok((points, tags))
}

/// The tags of a block's nodes, then their coordinates, each followed by `parameters` more numbers.
fn node_block(cursor: &mut Cursor, tags: &mut [u64], points: &mut [[f64; 3]], parameters: usize) -> Parsed<()> {
    let width = 3 + parameters;
    match &cursor.encoding {
        Encoding::Text(index) => {
            let at = index.records(cursor.at, 1, tags.par_chunks_mut(PIECE), |s, tags| {
                tags.iter_mut().try_for_each(|tag| s.unsigned("a node's tag").map(|n| *tag = n))
            })?;
            cursor.at = index.records(at, width, points.par_chunks_mut(PIECE), |s, points| {
                for point in points {
                    for x in point {
                        *x = s.real("a coordinate")?;
                    }
                    for _ in 0..parameters {
                        s.real("a parametric coordinate")?;
                    }
                }
                Ok(())
            })?;
        }
        &Encoding::Binary { swap } => {
            let words = cursor.take(8 * tags.len(), "$Nodes")?.as_chunks().0;
            let convert = |(tag, bytes): (&mut u64, &[u8; 8])| *tag = word(*bytes, swap);
            tags.par_iter_mut().zip(words).with_min_len(PIECE).for_each(convert);
            let words = cursor.take(8 * width * points.len(), "$Nodes")?.as_chunks().0;
            points.par_chunks_mut(PIECE).zip(words.par_chunks(PIECE * width)).for_each(|(points, words)| {
                for (point, words) in points.iter_mut().zip(words.chunks_exact(width)) {
                    for (x, bytes) in point.iter_mut().zip(words) {
                        *x = f64::from_bits(word(*bytes, swap));
                    }
                }
            });
        }
    }
    Ok(())
}

/// All elements, added to `blocks`: one for each stretch of the same kind and physical tags.
pub(super) fn elements(
    cursor: &mut Cursor,
    numbering: &Numbering,
    entities: &Entities,
    blocks: &mut Vec<Block>,
) -> Parsed<()> {
    let what = "the number of elements";
    let start = cursor.at;
    let (block_count, count) = head(cursor, what, 2, 16)?;
    let mut filled = 0;
    for _ in 0..block_count {
        let dimension = cursor.int("the dimension of a block")?;
        let entity = cursor.int("the entity of a block")?;
        let at = cursor.at;
        let kind = kinds::kind(cursor.int("an element type")?, at)?;
        let n = cursor.count("the number of elements of a block", 1 + kind.nodes(), 8 * (1 + kind.nodes()))?;
        let nodes = element_block(cursor, numbering, kind, n)?;
        let tags = entities.tags(dimension, entity);
        match blocks.last_mut() {
            Some(Block { kind: k, nodes: all, tags: Tags::Block(t) }) if *k == kind && t == tags => all.extend(nodes),
            _ => blocks.push(Block { kind, nodes, tags: Tags::Block(tags.to_vec()) }),
        }
        filled += n;
    }
    if filled != count {
        return Err(miscounted(start, what, count, filled));
    }
    Ok(())
}

/// The nodes of `n` elements, each its tag and its nodes' tags.
fn element_block(cursor: &mut Cursor, numbering: &Numbering, kind: ElementKind, n: usize) -> Parsed<Vec<u32>> {
    let width = kind.nodes();
    let mut nodes = vec![0; n * width];
    match &cursor.encoding {
        Encoding::Text(index) => {
            cursor.at = index.records(cursor.at, 1 + width, nodes.par_chunks_mut(PIECE * width), |s, piece| {
                for element in piece.chunks_exact_mut(width) {
                    s.unsigned("an element's tag")?;
                    for node in element.iter_mut() {
                        let tag = s.unsigned("a node's tag")?;
                        *node = numbering.point(tag).ok_or_else(|| unknown_node(s.at, tag))?;
                    }
                    reorder(element, kind);
                }
                Ok(())
            })?;
        }
        &Encoding::Binary { swap } => {
            let start = cursor.at;
            let words = cursor.take(8 * (1 + width) * n, "$Elements")?.as_chunks().0;
            let read = |(i, (piece, words)): (usize, (&mut [u32], &[[u8; 8]]))| {
                let elements = piece.chunks_exact_mut(width).zip(words.chunks_exact(1 + width));
                for (j, (element, words)) in elements.enumerate() {
                    for (node, bytes) in element.iter_mut().zip(&words[1..]) {
                        let tag = word(*bytes, swap);
                        let fault = || unknown_node(start + (i * PIECE + j) * 8 * (1 + width), tag);
                        *node = numbering.point(tag).ok_or_else(fault)?;
                    }
                    reorder(element, kind);
                }
                Ok(())
            };
            let pieces = nodes.par_chunks_mut(PIECE * width).zip(words.par_chunks(PIECE * (1 + width)));
            let results: Vec<Parsed<()>> = pieces.enumerate().map(read).collect();
            results.into_iter().collect::<Parsed<()>>()?;
        }
    }
    Ok(nodes)
}

/// The fault that an element names a node that is not there.
#[cold]
pub(super) fn unknown_node(at: usize, tag: u64) -> Fault {
    Fault::new(at, format!("an element has node {tag}, which is not in $Nodes"))
}

/// Brings an element's nodes from Gmsh's order to ours.
#[inline]
pub(super) fn reorder(element: &mut [u32], kind: ElementKind) {
    if let Some(order) = kinds::order(kind) {
        let mut gmsh = [0; 27];
        gmsh[..element.len()].copy_from_slice(element);
        for (node, &at) in element.iter_mut().zip(order) {
            *node = gmsh[at as usize];
        }
    }
}
