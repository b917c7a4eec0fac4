//! Finding simplices that are there twice.

/// The number of a simplex that is left out.
pub(super) const DROPPED: u32 = u32::MAX;

/// Leaves each simplex (`width` vertices, order indifferent) in the list once, where it comes first, and with
/// `drop_collapsed` those with a repeated vertex not at all. Gives the new numbers of the old simplices: that of the one it
/// equals, or [`DROPPED`]; `None` where nothing had to go.
pub(super) fn merge(simplices: &mut Vec<u32>, width: usize, drop_collapsed: bool) -> Option<Vec<u32>> {
    let repeats = repeats(simplices, width);
    remove(simplices, width, &repeats, drop_collapsed)
}

/// The second half of [`merge`]: the `repeats` are found.
pub(super) fn remove(
    simplices: &mut Vec<u32>,
    width: usize,
    repeats: &[(u32, u32)],
    drop_collapsed: bool,
) -> Option<Vec<u32>> {
    let collapsed = |s: &[u32]| (1..width).any(|i| s[..i].contains(&s[i]));
    if repeats.is_empty() && !(drop_collapsed && simplices.chunks(width).any(collapsed)) {
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
pub(super) fn repeats(simplices: &[u32], width: usize) -> Vec<(u32, u32)> {
    match width {
        1 => repeats_of::<1>(simplices.as_chunks().0),
        2 => repeats_of::<2>(simplices.as_chunks().0),
        3 => repeats_of::<3>(simplices.as_chunks().0),
        _ => repeats_of::<4>(simplices.as_chunks().0),
    }
}

/// Each simplex sets one of the 16 or more bits that its lowest vertex has in a bitmap, chosen by its hash. The few that find
/// their bit set (3 to 6 % where all are different), and others like them, are compared. Neighbours in the mesh are mostly
/// neighbours in the bitmap too.
fn repeats_of<const W: usize>(simplices: &[[u32; W]]) -> Vec<(u32, u32)> {
    let highest = simplices.as_flattened().iter().fold(0, |m, &v| m.max(v));
    let log_bits = (simplices.len() * 16).next_power_of_two().trailing_zeros().max(12);
    let log_each = log_bits.saturating_sub(32 - highest.leading_zeros()).max(4);
    let (mut seen, mut again) = (vec![0_u64; 1 << (log_bits - 6)], vec![0_u64; 1 << (log_bits - 11)]);
    let again_at = |hash: u64| ((hash >> (64 - (log_bits - 11))) as usize, 1 << (hash & 63));
    for simplex in simplices {
        let hash = hash(simplex);
        let lowest = simplex.iter().fold(u32::MAX, |m, &v| m.min(v));
        let bit = (u64::from(lowest) << log_each | hash >> (64 - log_each)) & ((1 << log_bits) - 1);
        let (word, bit) = ((bit >> 6) as usize, 1 << (bit & 63));
        if seen[word] & bit != 0 {
            let (word, bit) = again_at(hash);
            again[word] |= bit;
        }
        seen[word] |= bit;
    }
    let mut candidates = Vec::new();
    for (i, simplex) in (0..).zip(simplices) {
        let (word, bit) = again_at(hash(simplex));
        if again[word] & bit != 0 {
            let mut key = *simplex;
            key.sort_unstable();
            candidates.push((key, i));
        }
    }
    candidates.sort_unstable();
    let equals = candidates.chunk_by(|a, b| a.0 == b.0);
    let mut pairs: Vec<(u32, u32)> =
        equals.flat_map(|same| same[1..].iter().map(|&(_, again)| (again, same[0].1))).collect();
    pairs.sort_unstable();
    pairs
}

/// The same for every order of the vertices.
#[inline]
fn hash<const W: usize>(simplex: &[u32; W]) -> u64 {
    let mut sum = 0_u64;
    for &v in simplex {
        let x = (u64::from(v) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        sum = sum.wrapping_add((x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9));
    }
    (sum ^ (sum >> 32)).wrapping_mul(0x94D0_49BB_1331_11EB)
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
