//! `$NodeData`: values on the nodes, the same in all versions.

use rayon::prelude::*;

use super::super::Field;
use super::cursor::{Cursor, Encoding};
use super::numbering::Numbering;
use super::text::PIECE;
use super::{Fault, Parsed};

/// The values of a section as a field on all `points`; `None` where it leaves some without a value.
///
/// The head is text in binary files too: counted lists of strings (the name first), real numbers and integers (time step,
/// components, nodes). Then come a node's tag and its values for each node.
pub(super) fn node_data(cursor: &mut Cursor, numbering: &Numbering, points: usize) -> Parsed<Option<Field>> {
    let strings = cursor.text(|s| s.unsigned("the number of strings"))?;
    cursor.line();
    let mut name = String::new();
    for i in 0..strings.min(cursor.data.len() as u64) {
        let line = cursor.line();
        if i == 0 {
            let unquoted = line.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(line);
            name = String::from_utf8_lossy(unquoted).into_owned();
        }
    }
    for _ in 0..cursor.text(|s| s.unsigned("the number of real numbers"))? {
        cursor.text(|s| s.real("a real number"))?;
    }
    let at = cursor.at;
    let mut integers = [0; 3];
    for i in 0..cursor.text(|s| s.unsigned("the number of integers"))? {
        let value = cursor.text(|s| s.signed("an integer"))?;
        if let Some(integer) = integers.get_mut(i as usize) {
            *integer = value;
        }
    }
    let (components @ 1..=9, Ok(count)) = (integers[1], u64::try_from(integers[2])) else {
        let what = format!("{} components on {} nodes: 1 to 9 components are read", integers[1], integers[2]);
        return Err(Fault::new(at, what));
    };
    let components = components as usize;
    let count = cursor.affordable(at, count, "the number of nodes", 1 + components, 4 + 8 * components)?;
    cursor.line();
    let (tags, values) = rows(cursor, count, components)?;
    scatter(&tags, &values, numbering, points, at).map(|values| values.map(|values| Field { name, components, values }))
}

/// The rows of the table: tags and values.
fn rows(cursor: &mut Cursor, count: usize, components: usize) -> Parsed<(Vec<u64>, Vec<f64>)> {
    let (mut tags, mut values) = (vec![0; count], vec![0.0; count * components]);
    match &cursor.encoding {
        Encoding::Text(index) => {
            let pieces = tags.par_chunks_mut(PIECE).zip(values.par_chunks_mut(PIECE * components));
            cursor.at = index.records(cursor.at, 1 + components, pieces, |s, (tags, values)| {
                for (tag, values) in tags.iter_mut().zip(values.chunks_exact_mut(components)) {
                    *tag = s.unsigned("a node's tag")?;
                    for value in values {
                        *value = s.real("a value")?;
                    }
                }
                Ok(())
            })?;
        }
        Encoding::Binary { .. } => {
            for (tag, values) in tags.iter_mut().zip(values.chunks_exact_mut(components)) {
                *tag = u64::from(cursor.int("a node's tag")? as u32);
                for value in values {
                    *value = cursor.real("a value")?;
                }
            }
        }
    }
    Ok((tags, values))
}

/// Values in the order of the points; `None` where one has none.
fn scatter(tags: &[u64], values: &[f64], numbering: &Numbering, points: usize, at: usize) -> Parsed<Option<Vec<f64>>> {
    if tags.len() < points || points == 0 {
        return Ok(None);
    }
    let components = values.len() / tags.len();
    let mut placed = vec![0.0; points * components];
    let mut given = vec![false; points];
    for (&tag, values) in tags.iter().zip(values.chunks_exact(components)) {
        let fault = || Fault::new(at, format!("a value for node {tag}, which is not in $Nodes"));
        let point = numbering.point(tag).ok_or_else(fault)? as usize;
        placed[point * components..(point + 1) * components].copy_from_slice(values);
        given[point] = true;
    }
    Ok(given.iter().all(|g| *g).then_some(placed))
}
