//! Images continued beyond their faces, and the transpose of that: every cell of the larger image has one source or none.

use crate::nn::Tensor;
use rayon::prelude::*;
use std::borrow::Cow;

/// What an image holds beyond a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Boundary {
    /// Zeros: suits u = 0.
    #[default]
    Zero,
    /// The image mirrored at its outermost values, x₋ᵢ = xᵢ: suits ∂u/∂n = 0 at nodes.
    Reflect,
    /// The image again: both faces of a direction.
    Periodic,
}

impl Boundary {
    /// The place that place `i` of `n` shows, if any.
    fn source(self, i: isize, n: usize) -> Option<usize> {
        let n = n as isize;
        let at = match self {
            Boundary::Zero => return None,
            Boundary::Periodic => i.rem_euclid(n),
            Boundary::Reflect => {
                let period = (2 * (n - 1)).max(1);
                let at = i.rem_euclid(period);
                at.min(period - at).min(n - 1)
            }
        };
        Some(at as usize)
    }
}

/// Where each cell of a larger image comes from, direction by direction.
pub(super) type Sources = [Vec<Option<usize>>; 3];

/// The sources of `length` cells from `start` on, in an image of `n` cells.
pub(super) fn sources(n: [usize; 3], start: [isize; 3], length: [usize; 3], beyond: [[Boundary; 2]; 3]) -> Sources {
    std::array::from_fn(|d| {
        let source = |i: isize| match i {
            _ if i < 0 => beyond[d][0].source(i, n[d]),
            _ if i >= n[d] as isize => beyond[d][1].source(i, n[d]),
            _ => Some(i as usize),
        };
        (0..length[d]).map(|i| source(start[d] + i as isize)).collect()
    })
}

/// The larger image.
pub(super) fn gather<'a>(x: &'a Tensor, from: &Sources) -> Cow<'a, [f32]> {
    let (batch, n, channels) = x.image();
    let same = |d: usize| from[d].len() == n[d] && from[d].iter().enumerate().all(|(i, s)| *s == Some(i));
    if (0..3).all(same) {
        return x.data().into();
    }
    let [m0, m1, m2] = [0, 1, 2].map(|d| from[d].len());
    let mut out = vec![0.0; batch * m0 * m1 * m2 * channels];
    // Most of a row is in one piece.
    let first = from[2].iter().position(|s| *s == Some(0)).unwrap_or(0);
    let whole = from[2][first..].iter().enumerate().take_while(|(i, s)| **s == Some(*i)).count();
    out.par_chunks_mut(m2 * channels).enumerate().for_each(|(row, out)| {
        let (b, i, j) = (row / (m0 * m1), row / m1 % m0, row % m1);
        let (Some(i), Some(j)) = (from[0][i], from[1][j]) else { return };
        let x = &x.data()[((b * n[0] + i) * n[1] + j) * n[2] * channels..][..n[2] * channels];
        out[first * channels..][..whole * channels].copy_from_slice(&x[..whole * channels]);
        for k in (0..first).chain(first + whole..m2) {
            if let Some(s) = from[2][k] {
                out[k * channels..][..channels].copy_from_slice(&x[s * channels..][..channels]);
            }
        }
    });
    out.into()
}

/// The transpose of [`gather`]: every cell adds to its source in an image of `n` cells.
pub(super) fn scatter(g: &Tensor, n: [usize; 3], from: &Sources) -> Tensor {
    let (batch, [m0, m1, m2], channels) = g.image();
    let mut out = Tensor::zeros(&[batch, n[0], n[1], n[2], channels]);
    let (image, larger) = (n.iter().product::<usize>() * channels, m0 * m1 * m2 * channels);
    out.data_mut().par_chunks_mut(image).zip(g.data().par_chunks(larger)).for_each(|(out, g)| {
        for (row, g) in g.chunks_exact(m2 * channels).enumerate() {
            let (Some(i), Some(j)) = (from[0][row / m1], from[1][row % m1]) else { continue };
            let out = &mut out[(i * n[1] + j) * n[2] * channels..][..n[2] * channels];
            for (g, source) in g.chunks_exact(channels).zip(&from[2]) {
                let Some(s) = source else { continue };
                out[s * channels..][..channels].iter_mut().zip(g).for_each(|(out, g)| *out += g);
            }
        }
    });
    out
}
