//! The cells around each vertex or degree of freedom, by the two-stage counting sort of `incidence`.

use super::incidence::{block_cells, range_bits, sum_up};
use rayon::prelude::*;

/// The cells that carry each of the numbers below `count`, in CSR form: those of number v are
/// `cells[offsets[v]..offsets[v + 1]]`, ascending. Cell c carries `numbers[c * per_cell..(c + 1) * per_cell]`: its
/// vertices, or its degrees of freedom. The same for any number of threads.
pub fn cells_around(numbers: &[u32], per_cell: usize, count: usize) -> (Vec<u32>, Vec<u32>) {
    let bits = range_bits(count);
    let ranges = count.div_ceil(1 << bits);
    let block_cells = block_cells(numbers.len() / per_cell);
    let blocks: Vec<Block> = numbers
        .par_chunks(block_cells * per_cell)
        .enumerate()
        .map(|(i, numbers)| Block::new(numbers, per_cell, (i * block_cells) as u32, bits, ranges))
        .collect();
    let (mut offsets, mut cells) = (vec![0; count + 1], vec![0; numbers.len()]);
    let (mut first, mut left) = (0, cells.as_mut_slice());
    let mut parts = Vec::with_capacity(ranges);
    for (r, offsets) in offsets[..count].chunks_mut(1 << bits).enumerate() {
        let size: usize = blocks.iter().map(|b| b.range(r).len()).sum();
        let (here, later) = left.split_at_mut(size);
        parts.push((first as u32, offsets, here));
        (first, left) = (first + size, later);
    }
    parts.into_par_iter().enumerate().for_each_init(Vec::new, |next, (r, (first, offsets, cells))| {
        gather(&blocks, r, offsets, cells, next);
        offsets.iter_mut().for_each(|o| *o += first);
    });
    offsets[count] = first as u32;
    (offsets, cells)
}

/// Pairs (number, counted from its range's first; cell) of a block of cells: those of range `r` are
/// `pairs[starts[r]..starts[r + 1]]`, in the order of the cells.
struct Block {
    starts: Vec<u32>,
    pairs: Vec<(u32, u32)>,
}

impl Block {
    fn new(numbers: &[u32], per_cell: usize, first: u32, bits: u32, ranges: usize) -> Self {
        let mut starts = vec![0; ranges + 1];
        for v in numbers {
            starts[(v >> bits) as usize + 1] += 1;
        }
        sum_up(&mut starts);
        let mut next = starts.clone();
        let mut pairs = vec![(0, 0); numbers.len()];
        for (cell, numbers) in (first..).zip(numbers.chunks_exact(per_cell)) {
            for v in numbers {
                let at = &mut next[(v >> bits) as usize];
                pairs[*at as usize] = (v & ((1 << bits) - 1), cell);
                *at += 1;
            }
        }
        Block { starts, pairs }
    }

    fn range(&self, r: usize) -> &[(u32, u32)] {
        &self.pairs[self.starts[r] as usize..self.starts[r + 1] as usize]
    }
}

/// Brings the cells of range `r` from all blocks into `cells`; `offsets` tells where those of each number begin.
fn gather(blocks: &[Block], r: usize, offsets: &mut [u32], cells: &mut [u32], next: &mut Vec<u32>) {
    for (v, _) in blocks.iter().flat_map(|b| b.range(r)) {
        offsets[*v as usize] += 1;
    }
    let mut sum = 0;
    for o in &mut *offsets {
        (*o, sum) = (sum, sum + *o);
    }
    next.clear();
    next.extend_from_slice(offsets);
    for (v, cell) in blocks.iter().flat_map(|b| b.range(r)) {
        let at = &mut next[*v as usize];
        cells[*at as usize] = *cell;
        *at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_around_a_vertex_ascend() {
        let (offsets, cells) = cells_around(&[0, 1, 2, 0, 2, 3, 5, 6, 7], 3, 8);
        assert_eq!(offsets, [0, 2, 3, 5, 6, 6, 7, 8, 9]);
        assert_eq!(cells, [0, 1, 0, 0, 1, 1, 2, 2, 2]);
    }

    /// Several blocks and ranges, against the definition.
    #[test]
    fn large_meshes_are_gathered_from_many_pieces() {
        let count = 10_007;
        let numbers: Vec<u32> = (0..150_000u64).map(|i| (i * 7919 % count) as u32).collect();
        let (offsets, cells) = cells_around(&numbers, 2, count as usize);
        let mut expected = vec![Vec::new(); count as usize];
        numbers.iter().enumerate().for_each(|(i, &v)| expected[v as usize].push(i as u32 / 2));
        for (v, expected) in expected.iter().enumerate() {
            assert_eq!(&cells[offsets[v] as usize..offsets[v + 1] as usize], expected);
        }
    }
}
