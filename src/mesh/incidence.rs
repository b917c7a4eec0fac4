//! Which cells share a vertex set: the sorting engine behind facets, edges and the mesh checks.
//!
//! Every cell hands out its sub-simplices (facets or edges) with their vertices in ascending order. They are brought
//! together by a counting sort on the smallest vertex in two stages: first by ranges of vertices, one block of cells
//! at a time, then inside each range, where everything stays in cache. Blocks and ranges depend on the mesh only, so
//! the result is the same for any number of threads.

use rayon::prelude::*;

use super::{CellKind, Mesh};

/// Local vertices of a cell's sub-simplices; of each row only as many as the sub-simplex has.
pub(super) type LocalTable = &'static [[u8; 3]];

/// The facets of a cell of positive volume, outward: the far end of an interval first, edges counter-clockwise,
/// triangles counter-clockwise seen from outside.
pub(super) fn local_facets(kind: CellKind) -> LocalTable {
    match kind {
        CellKind::Interval => &[[1, 0, 0], [0, 0, 0]],
        CellKind::Triangle => local_edges(kind),
        CellKind::Tetrahedron => &[[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]],
    }
}

/// The edges of a cell, in the order of VTK's quadratic cells.
pub(super) fn local_edges(kind: CellKind) -> LocalTable {
    match kind {
        CellKind::Interval => &[[0, 1, 0]],
        CellKind::Triangle => &[[0, 1, 0], [1, 2, 0], [2, 0, 0]],
        CellKind::Tetrahedron => &[[0, 1, 0], [1, 2, 0], [2, 0, 0], [0, 3, 0], [1, 3, 0], [2, 3, 0]],
    }
}

/// One sub-simplex of one cell; it has `R + 1` vertices.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incidence<const R: usize> {
    /// Smallest vertex, counted from the range's first, then one bit `odd`, then three bits local number.
    head: u32,
    /// The cell.
    pub cell: u32,
    /// The other vertices, ascending.
    pub rest: [u32; R],
}

impl<const R: usize> Incidence<R> {
    const EMPTY: Self = Incidence { head: 0, cell: 0, rest: [0; R] };

    /// The smallest vertex, counted from the range's first.
    pub fn low(&self) -> u32 {
        self.head >> 4
    }

    /// Whether putting the vertices in ascending order was an odd permutation.
    pub fn odd(&self) -> bool {
        self.head & 8 != 0
    }

    /// Number of the sub-simplex in its cell.
    pub fn local(&self) -> usize {
        (self.head & 7) as usize
    }

    fn same(&self, other: &Self) -> bool {
        self.low() == other.low() && self.rest == other.rest
    }
}

/// Cells a block, at least.
const BLOCK_CELLS: usize = 1 << 15;
/// Blocks, at most.
const MOST_BLOCKS: usize = 512;
/// Binary digits of the number of vertices in a range, at least; a range's incidences should fit the L2 cache.
const RANGE_BITS: u32 = 12;
/// Binary digits of the number of ranges, at most. `32 - MOST_RANGES_BITS + 4 <= 32` keeps `head` whole.
const MOST_RANGES_BITS: u32 = 11;

/// Binary digits of the number of vertices in a range where there are `points` vertices.
pub(super) fn range_bits(points: usize) -> u32 {
    RANGE_BITS.max((usize::BITS - points.leading_zeros()).saturating_sub(MOST_RANGES_BITS))
}

/// Cells in a block where there are `cells` cells.
pub(super) fn block_cells(cells: usize) -> usize {
    BLOCK_CELLS.max(cells.div_ceil(MOST_BLOCKS))
}

/// All incidences of one range of vertices, in ascending order of (vertices, cell, local number).
pub(super) struct Range<'a, const R: usize> {
    /// The range's first vertex.
    pub first: u32,
    /// Its incidences.
    pub incidences: &'a [Incidence<R>],
}

impl<'a, const R: usize> Range<'a, R> {
    /// The incidences of each sub-simplex: one for each cell it belongs to.
    pub fn shared(&self) -> impl Iterator<Item = &'a [Incidence<R>]> {
        self.incidences.chunk_by(Incidence::same)
    }
}

/// Sorts the sub-simplices of `table` and calls `visit` on each range of vertices; its answers come in the order of
/// the vertices. `R + 1` is the number of vertices a sub-simplex.
pub(super) fn visit_ranges<const R: usize, T: Send>(
    mesh: &Mesh,
    table: LocalTable,
    visit: impl Fn(Range<R>) -> T + Sync,
) -> Vec<T> {
    let points = mesh.points.len();
    let bits = range_bits(points);
    let ranges = points.div_ceil(1 << bits);
    let block_cells = block_cells(mesh.cell_count());
    let blocks: Vec<Block<R>> = mesh
        .cells
        .par_chunks(block_cells * mesh.kind.vertices())
        .enumerate()
        .map(|(i, cells)| Block::new(cells, mesh.kind.vertices(), (i * block_cells) as u32, table, bits, ranges))
        .collect();
    (0..ranges)
        .into_par_iter()
        .map_init(Vec::new, |sorted, r| {
            let size = (points - (r << bits)).min(1 << bits);
            gather(&blocks, r, size, sorted);
            visit(Range { first: (r << bits) as u32, incidences: sorted })
        })
        .collect()
}

/// The incidences of a block of cells by range: those of range `r` are `incidences[starts[r]..starts[r + 1]]`.
struct Block<const R: usize> {
    starts: Vec<u32>,
    incidences: Vec<Incidence<R>>,
}

impl<const R: usize> Block<R> {
    fn new(cells: &[u32], vertices: usize, first: u32, table: LocalTable, bits: u32, ranges: usize) -> Self {
        let mut starts = vec![0u32; ranges + 1];
        for cell in cells.chunks_exact(vertices) {
            for local in table {
                let low = local[..=R].iter().fold(u32::MAX, |m, &i| m.min(cell[i as usize]));
                starts[(low >> bits) as usize + 1] += 1;
            }
        }
        sum_up(&mut starts);
        let mut next = starts.clone();
        let mut incidences = vec![Incidence::EMPTY; cells.len() / vertices * table.len()];
        for (c, cell) in cells.chunks_exact(vertices).enumerate() {
            for (l, local) in table.iter().enumerate() {
                let (low, rest, odd) = ascending(cell, local);
                let at = &mut next[(low >> bits) as usize];
                let head = ((low & ((1 << bits) - 1)) << 4) | (u32::from(odd) << 3) | l as u32;
                incidences[*at as usize] = Incidence { head, cell: first + c as u32, rest };
                *at += 1;
            }
        }
        Block { starts, incidences }
    }

    fn range(&self, r: usize) -> &[Incidence<R>] {
        &self.incidences[self.starts[r] as usize..self.starts[r + 1] as usize]
    }
}

/// Brings the incidences of range `r`, which has `size` vertices, from all blocks into `sorted`.
fn gather<const R: usize>(blocks: &[Block<R>], r: usize, size: usize, sorted: &mut Vec<Incidence<R>>) {
    let mut starts = vec![0u32; size + 1];
    for x in blocks.iter().flat_map(|b| b.range(r)) {
        starts[x.low() as usize + 1] += 1;
    }
    sum_up(&mut starts);
    sorted.clear();
    sorted.resize(starts[size] as usize, Incidence::EMPTY);
    for x in blocks.iter().flat_map(|b| b.range(r)) {
        let at = &mut starts[x.low() as usize];
        sorted[*at as usize] = *x;
        *at += 1;
    }
    // starts[v] is the end of vertex v's incidences now.
    let mut begin = 0;
    for &end in &starts[..size] {
        sorted[begin..end as usize].sort_unstable_by_key(|x| (x.rest, x.cell, x.head));
        begin = end as usize;
    }
}

/// Counts, shifted by one, into starts.
pub(super) fn sum_up(counts: &mut [u32]) {
    let mut sum = 0;
    for c in counts {
        sum += *c;
        *c = sum;
    }
}

/// The vertices of a sub-simplex: the smallest, the others ascending, and whether the permutation was odd.
fn ascending<const R: usize>(cell: &[u32], local: &[u8; 3]) -> (u32, [u32; R], bool) {
    let mut v = [0u32; 3];
    let mut odd = false;
    for i in 0..=R {
        v[i] = cell[local[i] as usize];
    }
    for (i, j) in [(0, 1), (1, 2), (0, 1)] {
        if j <= R && v[i] > v[j] {
            v.swap(i, j);
            odd = !odd;
        }
    }
    (v[0], std::array::from_fn(|i| v[i + 1]), odd)
}
