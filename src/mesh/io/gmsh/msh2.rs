//! `$Nodes` and `$Elements` of MSH 2.

use rayon::prelude::*;

use super::super::import::{Block, ElementKind, Tags};
use super::cursor::{Cursor, Encoding, int, word};
use super::kinds;
use super::msh4::{reorder, unknown_node};
use super::numbering::Numbering;
use super::text::{PIECE, Scanner};
use super::{Fault, Parsed, section_end};

/// Bytes of element lines read by one task.
const LINES: usize = 1 << 18;

/// The count at the head of a section, text in binary files too, of things that take at least `tokens` tokens or `bytes` bytes.
fn head(cursor: &mut Cursor, what: &str, tokens: usize, bytes: usize) -> Parsed<usize> {
    let at = cursor.at;
    let count = cursor.text(|s| s.unsigned(what))?;
    let count = cursor.affordable(at, count, what, tokens, bytes)?;
    cursor.line();
    Ok(count)
}

/// Coordinates and tags of all nodes.
pub(super) fn nodes(cursor: &mut Cursor) -> Parsed<(Vec<[f64; 3]>, Vec<u64>)> {
    let count = head(cursor, "the number of nodes", 4, 28)?;
    let (mut points, mut tags) = (vec![[0.0; 3]; count], vec![0_u64; count]);
    let pieces = tags.par_chunks_mut(PIECE).zip(points.par_chunks_mut(PIECE));
    match &cursor.encoding {
        Encoding::Text(index) => {
            cursor.at = index.records(cursor.at, 4, pieces, |s, (tags, points)| {
                for (tag, point) in tags.iter_mut().zip(points) {
                    *tag = s.unsigned("a node's number")?;
                    for x in point {
                        *x = s.real("a coordinate")?;
                    }
                }
                Ok(())
            })?;
        }
        &Encoding::Binary { swap } => {
            let bytes = cursor.take(28 * count, "$Nodes")?;
            pieces.zip(bytes.par_chunks(PIECE * 28)).for_each(|((tags, points), bytes)| {
                for ((tag, point), bytes) in tags.iter_mut().zip(points).zip(bytes.chunks_exact(28)) {
                    let (number, coordinates) = bytes.split_at(4);
                    *tag = number.first_chunk().map_or(0, |n| u64::from(int(*n, swap) as u32));
                    for (x, bytes) in point.iter_mut().zip(coordinates.as_chunks().0) {
                        *x = f64::from_bits(word(*bytes, swap));
                    }
                }
            });
        }
    }
    Ok((points, tags))
}

/// Elements by kind, in the order in which the kinds come first.
#[derive(Default)]
struct Found {
    count: usize,
    lists: Vec<(ElementKind, Vec<u32>, Vec<i32>)>,
}

impl Found {
    /// The nodes and physical tags of a kind.
    #[inline]
    fn list(&mut self, kind: ElementKind) -> (&mut Vec<u32>, &mut Vec<i32>) {
        let at = self.lists.iter().position(|l| l.0 == kind).unwrap_or_else(|| {
            self.lists.push((kind, Vec::new(), Vec::new()));
            self.lists.len() - 1
        });
        let (_, nodes, tags) = &mut self.lists[at];
        (nodes, tags)
    }
}

/// All elements, added to `blocks`: one for each kind.
pub(super) fn elements(cursor: &mut Cursor, numbering: &Numbering, blocks: &mut Vec<Block>) -> Parsed<()> {
    let start = cursor.at;
    let count = head(cursor, "the number of elements", 4, 12)?;
    let found = match &cursor.encoding {
        Encoding::Text(_) => lines(cursor, numbering)?,
        &Encoding::Binary { swap } => vec![records(cursor, count, swap, numbering)?],
    };
    let total: usize = found.iter().map(|f| f.count).sum();
    if total != count {
        let what = format!("the number of elements is {count} at the head of the section, but it holds {total}");
        return Err(Fault::new(start, what));
    }
    let mut all = Found::default();
    for (kind, mut nodes, mut tags) in found.into_iter().flat_map(|f| f.lists) {
        let (all_nodes, all_tags) = all.list(kind);
        if all_nodes.is_empty() {
            (*all_nodes, *all_tags) = (nodes, tags);
        } else {
            all_nodes.append(&mut nodes);
            all_tags.append(&mut tags);
        }
    }
    blocks.extend(all.lists.into_iter().map(|(kind, nodes, tags)| Block { kind, nodes, tags: Tags::Each(tags) }));
    Ok(())
}

/// Elements as text: a line each, read in stretches of lines.
fn lines(cursor: &mut Cursor, numbering: &Numbering) -> Parsed<Vec<Found>> {
    let (first, end) = (cursor.at, section_end(cursor.data, cursor.at, b"Elements")?);
    let text = cursor.data;
    // A stretch begins with the first line that begins in a window of LINES bytes.
    let begin = |i: usize| match i {
        0 => Some(first),
        i => {
            let window = first + i * LINES - 1..end.min(first + (i + 1) * LINES - 1);
            memchr::memchr(b'\n', &text[window.clone()]).map(|n| window.start + n + 1)
        }
    };
    let mut begins: Vec<usize> = (0..(end - first).div_ceil(LINES)).filter_map(begin).collect();
    begins.push(end);
    let stretch = |bounds: &[usize]| {
        let mut found = Found::default();
        let mut scanner = Scanner::within_lines(text, bounds[0]);
        while scanner.at < bounds[1] {
            if !scanner.line_end() {
                line(&mut scanner, numbering, &mut found)?;
            }
        }
        Ok(found)
    };
    let found: Vec<Parsed<Found>> = begins.par_windows(2).map(stretch).collect();
    cursor.at = end;
    found.into_iter().collect()
}

/// One element: number, type, number of tags, tags (the physical one first), nodes.
#[inline]
fn line(s: &mut Scanner, numbering: &Numbering, found: &mut Found) -> Parsed<()> {
    s.unsigned("an element's number")?;
    let at = s.at;
    let kind = kinds::kind(s.signed("an element type")?, at)?;
    let mut physical = 0;
    for i in 0..s.unsigned("a number of tags")? {
        let tag = s.signed("a tag")?;
        if i == 0 {
            physical = tag;
        }
    }
    let (nodes, tags) = found.list(kind);
    for _ in 0..kind.nodes() {
        let tag = s.unsigned("a node's number")?;
        nodes.push(numbering.point(tag).ok_or_else(|| unknown_node(s.at, tag))?);
    }
    let first = nodes.len() - kind.nodes();
    reorder(&mut nodes[first..], kind);
    tags.push(physical.saturating_abs());
    found.count += 1;
    if !s.line_end() {
        return Err(s.unexpected(s.at, "the end of the line after an element's last node"));
    }
    Ok(())
}

/// Elements as bytes: stretches with a head (type, how many, number of tags), often of one element.
fn records(cursor: &mut Cursor, count: usize, swap: bool, numbering: &Numbering) -> Parsed<Found> {
    let mut found = Found::default();
    while found.count < count {
        let start = cursor.at;
        let head = cursor.take(12, "$Elements")?.as_chunks().0;
        let (element_type, following, tag_count) = (int(head[0], swap), int(head[1], swap), int(head[2], swap));
        let kind = kinds::kind(element_type, start)?;
        let (Ok(following @ 1..), Ok(tag_count)) = (usize::try_from(following), usize::try_from(tag_count)) else {
            return Err(Fault::new(start, format!("a stretch of {following} elements with {tag_count} tags each")));
        };
        let first_node = 1 + tag_count;
        let record = first_node + kind.nodes();
        let numbers = cursor.take(following.saturating_mul(4 * record), "$Elements")?.as_chunks().0;
        let (nodes, tags) = found.list(kind);
        for element in numbers.chunks_exact(record) {
            tags.push(if tag_count > 0 { int(element[1], swap).saturating_abs() } else { 0 });
            for node in &element[first_node..] {
                let tag = u64::from(int(*node, swap) as u32);
                nodes.push(numbering.point(tag).ok_or_else(|| unknown_node(start, tag))?);
            }
            let last = nodes.len() - kind.nodes();
            reorder(&mut nodes[last..], kind);
        }
        found.count += following;
    }
    Ok(found)
}
