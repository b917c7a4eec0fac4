//! `$Entities` and `$PartitionedEntities` of MSH 4.1: the physical tags of points, curves, surfaces and volumes.

use std::collections::HashMap;

use super::Parsed;
use super::cursor::Cursor;

/// The physical tags of each (dimension, entity tag) that has any.
#[derive(Default)]
pub(super) struct Entities {
    tags: HashMap<(i32, i32), Vec<i32>>,
}

impl Entities {
    /// The physical tags of an entity.
    pub fn tags(&self, dimension: i32, tag: i32) -> &[i32] {
        self.tags.get(&(dimension, tag)).map_or(&[], Vec::as_slice)
    }

    /// Reads either section.
    pub fn read(&mut self, cursor: &mut Cursor, partitioned: bool) -> Parsed<()> {
        if partitioned {
            cursor.size("the number of partitions")?;
            let ghosts = cursor.count("the number of ghost entities", 2, 8)?;
            for _ in 0..2 * ghosts {
                cursor.int("a ghost entity")?;
            }
        }
        let mut counts = [0; 4];
        for count in &mut counts {
            *count = cursor.count("the number of entities", 4, 28)?;
        }
        for (dimension, count) in (0..).zip(counts) {
            for _ in 0..count {
                self.entity(cursor, dimension, partitioned)?;
            }
        }
        Ok(())
    }

    /// One entity: tag; parent's dimension and tag and its partitions; place or box; physical tags; bounding entities.
    fn entity(&mut self, cursor: &mut Cursor, dimension: i32, partitioned: bool) -> Parsed<()> {
        let tag = cursor.int("an entity's tag")?;
        if partitioned {
            cursor.int("a parent's dimension")?;
            cursor.int("a parent's tag")?;
            ints(cursor, "the number of partitions of an entity")?;
        }
        for _ in 0..if dimension == 0 { 3 } else { 6 } {
            cursor.real("a coordinate")?;
        }
        let mut physical = ints(cursor, "the number of physical tags of an entity")?;
        // A negative tag turns the elements on the other side; the group is the same.
        physical.iter_mut().for_each(|tag| *tag = tag.saturating_abs());
        physical.sort_unstable();
        physical.dedup();
        if !physical.is_empty() {
            self.tags.insert((dimension, tag), physical);
        }
        if dimension > 0 {
            ints(cursor, "the number of entities that bound an entity")?;
        }
        Ok(())
    }
}

/// A count and as many `int`s.
fn ints(cursor: &mut Cursor, what: &str) -> Parsed<Vec<i32>> {
    (0..cursor.count(what, 1, 4)?).map(|_| cursor.int("a tag")).collect()
}
