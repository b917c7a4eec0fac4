//! Between an image and one of half its sides: means over, and copies into, blocks of 2 × 2 × 2 (2 × 2 in the plane).

#[cfg(feature = "cuda")]
use super::cuda::CudaOp;
use crate::nn::{Op, Tensor, Var};
use rayon::prelude::*;

/// Sides of a block: 2 where the image has more than one cell.
pub(super) fn block(fine: [usize; 3]) -> [usize; 3] {
    fine.map(|n| if n > 1 { 2 } else { 1 })
}

/// factor × the sum over blocks.
fn gather_blocks(x: &Tensor, factor: f32) -> Tensor {
    let (batch, n, channels) = x.image();
    let side = block(n);
    let m: [usize; 3] = std::array::from_fn(|d| n[d] / side[d]);
    assert!((0..3).all(|d| m[d] * side[d] == n[d]), "an image of {n:?} has no halves");
    let mut out = Tensor::zeros(&[batch, m[0], m[1], m[2], channels]);
    let data = x.data();
    out.data_mut().par_chunks_mut(m[2] * channels).enumerate().for_each(|(row, out)| {
        let (b, i, j) = (row / (m[0] * m[1]), row / m[1] % m[0], row % m[1]);
        for (a, c) in (0..side[0] * side[1]).map(|t| (t / side[1], t % side[1])) {
            let from = (((b * n[0] + side[0] * i + a) * n[1] + side[1] * j + c) * n[2]) * channels;
            for (k, out) in out.chunks_exact_mut(channels).enumerate() {
                for x in data[from + k * side[2] * channels..][..side[2] * channels].chunks_exact(channels) {
                    out.iter_mut().zip(x).for_each(|(out, x)| *out += factor * x);
                }
            }
        }
    });
    out
}

/// factor × the block's value in each of its cells.
fn spread_blocks(x: &Tensor, fine: [usize; 3], factor: f32) -> Tensor {
    let (batch, m, channels) = x.image();
    let side = block(fine);
    let mut out = Tensor::zeros(&[batch, fine[0], fine[1], fine[2], channels]);
    let data = x.data();
    out.data_mut().par_chunks_mut(fine[2] * channels).enumerate().for_each(|(row, out)| {
        let (b, i, j) = (row / (fine[0] * fine[1]), row / fine[1] % fine[0] / side[0], row % fine[1] / side[1]);
        let from = &data[((b * m[0] + i) * m[1] + j) * m[2] * channels..][..m[2] * channels];
        for (k, out) in out.chunks_exact_mut(channels).enumerate() {
            let x = &from[k / side[2] * channels..][..channels];
            out.iter_mut().zip(x).for_each(|(out, x)| *out = factor * x);
        }
    });
    out
}

fn cells(fine: [usize; 3]) -> f32 {
    block(fine).iter().product::<usize>() as f32
}

pub(super) struct AveragePool;

impl Op for AveragePool {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        let (_, fine, _) = inputs[0].image();
        vec![Some(spread_blocks(g, fine, 1.0 / cells(fine)))]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// The means over blocks: an image of half the sides.
///
/// # Panics
///
/// Where a side is odd, other than 1.
pub fn average_pool(x: &Var) -> Var {
    let (_, fine, _) = x.value().image();
    Var::apply(&[x], AveragePool, |_| gather_blocks(x.value(), 1.0 / cells(fine)))
}

pub(super) struct Upsample;

impl Op for Upsample {
    fn backward(&self, _: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        vec![Some(gather_blocks(g, 1.0))]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// Sides of the image that copies make.
pub(super) fn fine(n: [usize; 3]) -> [usize; 3] {
    [if n[0] > 1 { 2 * n[0] } else { 1 }, 2 * n[1], 2 * n[2]]
}

/// The image of twice the sides whose blocks hold copies; in the plane (n0 = 1) only the other two sides double.
pub fn upsample(x: &Var) -> Var {
    Var::apply(&[x], Upsample, |_| spread_blocks(x.value(), fine(x.value().image().1), 1.0))
}
