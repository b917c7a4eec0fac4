//! Channels beside each other: `kernels/image.cu`.

use super::{CudaOp, Gpu, arg};
use crate::device::cuda::IMAGE;
use crate::nn::Tensor;
use crate::nn::ops::join::{Join, channels};

/// Of x, then of y.
fn pair(gpu: &Gpu, x: &Tensor, y: &Tensor) -> Tensor {
    let [nx, ny] = [x, y].map(channels);
    let mut shape = x.shape().to_vec();
    *shape.last_mut().expect("a last side") = nx + ny;
    let args = [arg(x), arg(y), gpu.count(nx), gpu.count(ny), gpu.count(x.len() + y.len())];
    gpu.each(&shape, &IMAGE, "join_channels", &args)
}

impl CudaOp for Join {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        inputs[1..].iter().fold(inputs[0].clone(), |joined, next| pair(gpu, &joined, next))
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let mut first = 0;
        let part = |(x, wanted): (&&Tensor, &bool)| {
            let numbers = [channels(x), channels(g), first, x.len()].map(|n| gpu.count(n));
            first += channels(x);
            wanted.then(|| gpu.each(x.shape(), &IMAGE, "take_channels", &[&[arg(g)], &numbers[..]].concat()))
        };
        inputs.iter().zip(wanted).map(part).collect()
    }
}
