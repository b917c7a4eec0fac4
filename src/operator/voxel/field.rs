//! Numbers in memory that begin on a cache line, so that whole vectors of a row lie on one line.

use bytemuck::{Pod, Zeroable};
use std::ops::{Deref, DerefMut};

/// Numbers on a line of 64 bytes.
const LINE: usize = 16;

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// Single-precision numbers, zero at first, on whole cache lines.
#[derive(Debug, Clone, Default)]
pub(crate) struct Field {
    lines: Vec<Line>,
}

impl Field {
    /// `len` zeros, or up to fifteen more.
    pub fn new(len: usize) -> Self {
        Field { lines: bytemuck::zeroed_vec(len.div_ceil(LINE)) }
    }
}

impl Deref for Field {
    type Target = [f32];

    #[inline(always)]
    fn deref(&self) -> &[f32] {
        bytemuck::cast_slice(&self.lines)
    }
}

impl DerefMut for Field {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(&mut self.lines)
    }
}
