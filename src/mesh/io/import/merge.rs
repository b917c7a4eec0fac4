//! Finding simplices that are there twice.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

/// The number of a simplex that is left out.
pub(super) const DROPPED: u32 = u32::MAX;

/// Simplices looked at by one task.
const PIECE: usize = 1 << 14;

/// Leaves each simplex (`width` vertices, order indifferent) in the list once, where it comes first, and with
/// `drop_collapsed` those with a repeated vertex not at all. Gives the new numbers of the old simplices: that of the one it
/// equals, or [`DROPPED`]; `None` where nothing had to go.
pub(super) fn merge(simplices: &mut Vec<u32>, width: usize, drop_collapsed: bool) -> Option<Vec<u32>> {
    let repeats = repeats(simplices, width);
    let collapsed = |s: &[u32]| (1..width).any(|i| s[..i].contains(&s[i]));
    if repeats.is_empty()
        && !(drop_collapsed && simplices.par_chunks(PIECE * width).any(|p| p.chunks(width).any(collapsed)))
    {
        return None;
    }
    let mut next_repeat = repeats.iter().peekable();
    let mut numbers = Vec::with_capacity(simplices.len() / width);
    let mut kept = 0;
    for i in 0..simplices.len() / width {
        let range = i * width..(i + 1) * width;
        if let Some((_, first)) = next_repeat.next_if(|(again, _)| *again as usize == i) {
            numbers.push(numbers[*first as usize]);
        } else if drop_collapsed && collapsed(&simplices[range.clone()]) {
            numbers.push(DROPPED);
        } else {
            simplices.copy_within(range, kept * width);
            numbers.push(kept as u32);
            kept += 1;
        }
    }
    simplices.truncate(kept * width);
    Some(numbers)
}

/// Pairs (i, j), ascending in i: simplex i has the vertices of the earlier simplex j, the first such.
///
/// A bit for each of 16 to 32 times as many hash values as simplices is set once or found set; only the few simplices whose
/// bit was found set by any (3 to 6 % where all are different) are compared.
fn repeats(simplices: &[u32], width: usize) -> Vec<(u32, u32)> {
    let log_bits = (simplices.len() / width * 16).next_power_of_two().trailing_zeros().max(6);
    let bitmap = || -> Vec<AtomicU64> { (0..1_usize << (log_bits - 6)).map(|_| AtomicU64::new(0)).collect() };
    let place = |s: &[u32]| {
        let sum = s.iter().fold(0_u64, |sum, &v| {
            let x = (u64::from(v) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            sum.wrapping_add((x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9))
        });
        let bit = (sum ^ (sum >> 32)).wrapping_mul(0x94D0_49BB_1331_11EB) >> (64 - log_bits);
        ((bit >> 6) as usize, 1_u64 << (bit & 63))
    };
    let (seen, again) = (bitmap(), bitmap());
    simplices.par_chunks(PIECE * width).for_each(|piece| {
        for s in piece.chunks_exact(width) {
            let (word, bit) = place(s);
            if seen[word].fetch_or(bit, Ordering::Relaxed) & bit != 0 {
                again[word].fetch_or(bit, Ordering::Relaxed);
            }
        }
    });
    let mut candidates: Vec<([u32; 4], u32)> = simplices
        .par_chunks(PIECE * width)
        .enumerate()
        .flat_map_iter(|(p, piece)| {
            let again = &again;
            piece.chunks_exact(width).enumerate().filter_map(move |(i, s)| {
                let (word, bit) = place(s);
                (again[word].load(Ordering::Relaxed) & bit != 0).then(|| {
                    let mut key = [0; 4];
                    key[..width].copy_from_slice(s);
                    key[..width].sort_unstable();
                    (key, (p * PIECE + i) as u32)
                })
            })
        })
        .collect();
    candidates.par_sort_unstable();
    let equals = candidates.chunk_by(|a, b| a.0 == b.0);
    let mut pairs: Vec<(u32, u32)> =
        equals.flat_map(|same| same[1..].iter().map(|&(_, again)| (again, same[0].1))).collect();
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_of_equal_simplices_in_order() {
        let mut triangles = vec![4, 5, 6, 1, 2, 3, 3, 1, 2, 7, 8, 9, 6, 5, 4, 1, 2, 3];
        let numbers = merge(&mut triangles, 3, false);
        assert_eq!(numbers, Some(vec![0, 1, 1, 2, 0, 1]));
        assert_eq!(triangles, [4, 5, 6, 1, 2, 3, 7, 8, 9]);
        assert_eq!(merge(&mut triangles, 3, true), None);
    }

    #[test]
    fn drops_collapsed_simplices_only_when_asked() {
        let mut edges = vec![0, 1, 2, 2, 1, 2];
        assert_eq!(merge(&mut edges.clone(), 2, false), None);
        assert_eq!(merge(&mut edges, 2, true), Some(vec![0, DROPPED, 1]));
        assert_eq!(edges, [0, 1, 1, 2]);
    }

    #[test]
    fn many_different_simplices_are_all_kept() {
        let mut triangles: Vec<u32> = (0..100_000_u32).flat_map(|i| [i, i + 1, i + 317]).collect();
        assert_eq!(merge(&mut triangles, 3, true), None);
        triangles.extend([4_000, 4_317, 4_001]);
        let numbers = merge(&mut triangles, 3, true).unwrap();
        assert_eq!((numbers.len(), numbers[100_000]), (100_001, 4_000));
        assert_eq!(triangles.len(), 300_000);
    }
}
