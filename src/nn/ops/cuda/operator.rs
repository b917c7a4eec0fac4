//! Products with the voxel operator.

use super::{CudaOp, Gpu, arg};
use crate::device::cuda::{Shape, VOXEL};
use crate::nn::Tensor;
use crate::nn::ops::operator::Symmetric;

impl Symmetric {
    fn product(&self, gpu: &Gpu, x: &Tensor) -> Tensor {
        let voxels = self.on_cuda.as_ref().expect("an operator that is on the GPU");
        let [n0, n1, n2] = voxels.shape().map(|n| gpu.count(n));
        let args = [arg(x), voxels.degree().get(), n0, n1, n2, gpu.count(x.len())];
        gpu.make(x.shape(), &VOXEL, "multiply_samples", Shape::each(x.len()), &args)
    }
}

impl CudaOp for Symmetric {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        self.product(gpu, inputs[0])
    }

    fn backward(&self, gpu: &Gpu, _: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        vec![Some(self.product(gpu, g))]
    }
}
