//! Connectivity within 2 × 2 × 2 cells, eight bits at a time.
//!
//! Bit b = 4 bi + 2 bj + bk stands for the cell at offset (bi, bj, bk).

/// Cells of a cube and the faces open between them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Cube {
    /// Which cells are fluid.
    pub fluid: u8,
    /// Which cells are air.
    pub air: u8,
    /// For each direction (i, j, k), the cells whose face to the next one is open to it.
    pub open: [u8; 3],
    /// Which cells belong to the unknown of their block.
    pub belongs: u8,
}

/// Cells with offset 0 in each direction, and how far apart the two sides are in bits.
const NEAR: [(u8, u32); 3] = [(0b0000_1111, 4), (0b0011_0011, 2), (0b0101_0101, 1)];

impl Cube {
    /// `cells` and what lies one open face away.
    #[inline]
    fn grow(&self, cells: u8) -> u8 {
        NEAR.iter().zip(self.open).fold(cells, |grown, (&(near, shift), open)| {
            let open = open & near;
            grown | (cells & open) << shift | (cells >> shift) & open
        })
    }

    /// The fluid cells connected with `cells`, themselves included.
    #[inline]
    pub fn connected(&self, cells: u8) -> u8 {
        let mut all = cells & self.fluid;
        loop {
            let grown = self.grow(all) & self.fluid;
            if grown == all {
                return all;
            }
            all = grown;
        }
    }

    /// The air cells next to `cells`.
    #[inline]
    pub fn air_beside(&self, cells: u8) -> u8 {
        self.grow(cells) & self.air
    }

    /// The connected components of the fluid, by their lowest cell.
    pub fn components(&self) -> impl Iterator<Item = u8> + use<> {
        let cube = *self;
        let mut left = self.fluid;
        std::iter::from_fn(move || {
            let lowest = left & left.wrapping_neg();
            let component = (lowest != 0).then(|| cube.connected(lowest))?;
            left &= !component;
            Some(component)
        })
    }
}

impl Cube {
    /// The largest component of the fluid, of equals the one with the lowest cell.
    pub fn largest(&self) -> u8 {
        let larger = |a: u8, b: u8| if b.count_ones() > a.count_ones() { b } else { a };
        self.components().fold(0, larger)
    }
}

/// Bit b of the answer is bit b xor `by` of `bits`: the cube seen from another corner.
#[inline]
pub(super) fn seen_from(bits: u8, by: u8) -> u8 {
    let mut seen = bits;
    for (side, &(near, shift)) in [4u8, 2, 1].iter().zip(&NEAR) {
        if by & side != 0 {
            seen = (seen & near) << shift | (seen >> shift) & near;
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_follow_open_faces() {
        // Cells 0, 1, 6, 7 with faces 0-1 and 6-7 open, and air above 0.
        let cube = Cube { fluid: 0b1100_0011, air: 0b0001_0000, open: [0b1, 0, 0b0100_0001], ..Cube::default() };
        assert_eq!(cube.components().collect::<Vec<_>>(), [0b11, 0b1100_0000]);
        assert_eq!((cube.air_beside(0b11), cube.air_beside(0b1100_0000)), (0b0001_0000, 0));
        let whole = Cube { fluid: 255, air: 0, open: [255; 3], ..Cube::default() };
        assert_eq!(whole.components().collect::<Vec<_>>(), [255]);
    }

    #[test]
    fn a_cube_is_seen_from_each_corner() {
        for by in 0..8 {
            for bits in 0..=255u8 {
                let expected = (0..8u8).map(|b| (bits >> (b ^ by) & 1) << b).sum::<u8>();
                assert_eq!(seen_from(bits, by), expected);
            }
        }
    }
}
