//! Means over and copies into blocks: `kernels/image.cu`.

use super::{CudaOp, Gpu, arg, optional};
use crate::device::cuda::{Arg, IMAGE, float, int};
use crate::nn::Tensor;
use crate::nn::ops::pool::{AveragePool, Upsample, block, fine};

/// Cells a block has along the first direction; the kernels halve the other two.
fn side(fine: [usize; 3]) -> usize {
    assert!(fine[1] > 1 && fine[2] > 1, "blocks of an image in space or in the plane, not of {fine:?}");
    block(fine)[0]
}

/// Samples beside each other along the first direction.
fn sides(gpu: &Gpu, batch: usize, [n0, n1, n2]: [usize; 3]) -> [Arg<'static>; 3] {
    [batch * n0, n1, n2].map(|n| gpu.count(n))
}

/// factor × the sums over blocks.
fn gather(gpu: &Gpu, x: &Tensor, factor: f32) -> Tensor {
    let (batch, n, channels) = x.image();
    let m = std::array::from_fn(|d| n[d] / block(n)[d]);
    assert!((0..3).all(|d| m[d] * block(n)[d] == n[d]), "an image of {n:?} has no halves");
    let args = [&[arg(x), float(factor), int(channels), int(side(n))], &sides(gpu, batch, m)[..]].concat();
    gpu.each(&[batch, m[0], m[1], m[2], channels], &IMAGE, "gather_blocks", &args)
}

/// factor × the block's value in each of its cells.
fn spread(gpu: &Gpu, x: &Tensor, n: [usize; 3], factor: f32) -> Tensor {
    let (batch, _, channels) = x.image();
    let numbers = [optional::<f32>(None), float(factor), int(channels), int(side(n))];
    let args = [&[arg(x)], &numbers[..], &sides(gpu, batch, n)].concat();
    gpu.each(&[batch, n[0], n[1], n[2], channels], &IMAGE, "spread_blocks", &args)
}

fn cells(fine: [usize; 3]) -> f32 {
    block(fine).iter().product::<usize>() as f32
}

impl CudaOp for AveragePool {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        gather(gpu, inputs[0], 1.0 / cells(inputs[0].image().1))
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        let (_, n, _) = inputs[0].image();
        vec![Some(spread(gpu, g, n, 1.0 / cells(n)))]
    }
}

impl CudaOp for Upsample {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        spread(gpu, inputs[0], fine(inputs[0].image().1), 1.0)
    }

    fn backward(&self, gpu: &Gpu, _: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        vec![Some(gather(gpu, g, 1.0))]
    }
}
