//! How kernels lie on lattices of any side, and on those of half as many cells below them.

use crate::nn::{Boundary, Conv, Padding};

/// A convolution with a kernel of one cell.
pub(crate) const POINT: Conv = Conv { stride: [1; 3], padding: Padding::Zeros([0; 3]), rectify: false };

/// k in the directions in use, which are the last, and 1 in the others.
pub(crate) fn sides(dimension: usize, k: usize) -> [usize; 3] {
    std::array::from_fn(|d| if d + dimension >= 3 { k } else { 1 })
}

/// What the convolutions of one net have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lattice {
    pub dimension: usize,
    pub boundary: [[Boundary; 2]; 3],
    /// Cells around an image that kernels to the lattice below reach.
    pub margin: usize,
}

impl Lattice {
    /// Cells of the lattice below.
    fn below(&self, n: [usize; 3]) -> [usize; 3] {
        let k = sides(self.dimension, 3);
        std::array::from_fn(|d| if k[d] == 1 { 1 } else { (n[d] + 2 * self.margin - 3) / 2 + 1 })
    }

    fn faces(&self, stride: usize, widths: impl Fn(usize) -> [usize; 2]) -> Conv {
        let on = sides(self.dimension, 3);
        let widths = std::array::from_fn(|d| if on[d] == 1 { [0; 2] } else { widths(d) });
        let padding = Padding::Faces { widths, beyond: self.boundary };
        Conv { stride: sides(self.dimension, stride), padding, rectify: false }
    }

    /// Kernels of 3 that keep the sides.
    pub fn same(&self) -> Conv {
        self.faces(1, |_| [1, 1])
    }

    /// Kernels of 3 to the lattice below.
    pub fn down(&self) -> Conv {
        self.faces(2, |_| [self.margin; 2])
    }

    /// Kernels of `side` between `n` cells and those below, for transposes: they reach as far as there are cells below.
    pub fn up(&self, side: usize, n: [usize; 3]) -> Conv {
        let m = self.below(n);
        self.faces(2, |d| [self.margin, 2 * (m[d] - 1) + side - n[d] - self.margin])
    }
}
