//! Numbers in memory that begin on a cache line, so that whole vectors of a row lie on one line, and on huge pages where
//! there are many, so that sweeps do not wait for page tables.

use bytemuck::{Pod, Zeroable};
use memmap2::MmapMut;
use std::ops::{Deref, DerefMut};

/// Numbers on a line of 64 bytes.
const LINE: usize = 16;

/// Numbers from which on huge pages pay: two of 2 MiB.
const MANY: usize = 1 << 20;

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// Single-precision numbers, zero at first, on whole cache lines.
#[derive(Debug)]
pub(crate) struct Field {
    memory: Memory,
}

#[derive(Debug)]
enum Memory {
    Lines(Vec<Line>),
    Pages(MmapMut),
}

impl Field {
    /// `len` zeros, or up to fifteen more.
    pub fn new(len: usize) -> Self {
        let memory = match len {
            MANY.. => pages(len.next_multiple_of(LINE)).map(Memory::Pages),
            _ => None,
        };
        Field { memory: memory.unwrap_or_else(|| Memory::Lines(bytemuck::zeroed_vec(len.div_ceil(LINE)))) }
    }
}

impl Default for Field {
    fn default() -> Self {
        Field { memory: Memory::Lines(Vec::new()) }
    }
}

/// Anonymous memory, which the system may hold in huge pages; `None` where it gives none.
fn pages(len: usize) -> Option<MmapMut> {
    let map = MmapMut::map_anon(len * size_of::<f32>()).ok()?;
    // Advice only: without it the pages are small.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    Some(map)
}

impl Deref for Field {
    type Target = [f32];

    #[inline(always)]
    fn deref(&self) -> &[f32] {
        match &self.memory {
            Memory::Lines(lines) => bytemuck::cast_slice(lines),
            Memory::Pages(map) => bytemuck::cast_slice(&map[..]),
        }
    }
}

impl DerefMut for Field {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f32] {
        match &mut self.memory {
            Memory::Lines(lines) => bytemuck::cast_slice_mut(lines),
            Memory::Pages(map) => bytemuck::cast_slice_mut(&mut map[..]),
        }
    }
}
