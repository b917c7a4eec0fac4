//! Gmsh's node tags, which may be sparse and in any order, and our point numbers.

use rayon::prelude::*;

/// From a node's tag to its point number.
#[derive(Debug)]
pub(super) enum Numbering {
    /// Tags rise by one from this tag on.
    Consecutive { first: u64, count: u64 },
    /// Indexed by tag; `NONE` where there is no such node.
    Table(Vec<u32>),
    /// Sorted by tag.
    Sorted(Vec<(u64, u32)>),
}

const NONE: u32 = u32::MAX;

impl Numbering {
    /// The i-th tag is that of point i. Gives the tag that is there twice where one is.
    pub fn new(tags: Vec<u64>) -> Result<Self, u64> {
        let first = tags.first().copied().unwrap_or(0);
        if tags.par_iter().enumerate().all(|(i, &tag)| tag == first.wrapping_add(i as u64)) {
            return Ok(Numbering::Consecutive { first, count: tags.len() as u64 });
        }
        let highest = tags.par_iter().copied().max().unwrap_or(0);
        if highest > 8 * tags.len() as u64 {
            let mut sorted: Vec<(u64, u32)> = tags.into_iter().zip(0..).collect();
            sorted.par_sort_unstable();
            return match sorted.windows(2).find(|w| w[0].0 == w[1].0) {
                Some(twice) => Err(twice[0].0),
                None => Ok(Numbering::Sorted(sorted)),
            };
        }
        let mut table = vec![NONE; highest as usize + 1];
        for (number, &tag) in (0..).zip(&tags) {
            if table[tag as usize] != NONE {
                return Err(tag);
            }
            table[tag as usize] = number;
        }
        Ok(Numbering::Table(table))
    }

    /// The point number of a tag.
    #[inline]
    pub fn point(&self, tag: u64) -> Option<u32> {
        match self {
            Numbering::Consecutive { first, count } => {
                let number = tag.wrapping_sub(*first);
                (number < *count).then_some(number as u32)
            }
            Numbering::Table(table) => table.get(usize::try_from(tag).ok()?).copied().filter(|n| *n != NONE),
            Numbering::Sorted(sorted) => sorted.binary_search_by_key(&tag, |s| s.0).ok().map(|i| sorted[i].1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_numbering_finds_its_points() {
        for tags in [vec![5, 6, 7], vec![7, 5, 6], vec![u64::MAX, 3, 1 << 40], vec![]] {
            let numbering = Numbering::new(tags.clone()).unwrap();
            for (i, &tag) in tags.iter().enumerate() {
                assert_eq!(numbering.point(tag), Some(i as u32), "{numbering:?}");
            }
            assert_eq!(numbering.point(4), None);
            assert_eq!(numbering.point(8), None);
            assert_eq!(numbering.point(1 << 60), None);
        }
        assert_eq!(Numbering::new(vec![3, 1, 3]).unwrap_err(), 3);
        assert_eq!(Numbering::new(vec![1 << 50, 1, 1 << 50]).unwrap_err(), 1 << 50);
    }
}
