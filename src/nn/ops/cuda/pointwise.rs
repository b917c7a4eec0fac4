//! Functions number by number: `kernels/pointwise.cu`.

use super::{CudaOp, Gpu, arg};
use crate::device::cuda::{POINTWISE, float, int};
use crate::nn::Tensor;
use crate::nn::ops::Reshape;
use crate::nn::ops::pointwise::{Binary, Function, Pair, Unary};

impl Gpu {
    fn combine(&self, x: &Tensor, y: &Tensor, pair: Pair) -> Tensor {
        assert_eq!(x.shape(), y.shape(), "pointwise functions of two tensors");
        let args = [arg(x), arg(y), int(pair as usize), self.count(x.len())];
        self.each(x.shape(), &POINTWISE, "combine", &args)
    }

    /// x + y.
    pub(in crate::nn) fn add(&self, x: &Tensor, y: &Tensor) -> Tensor {
        self.combine(x, y, Pair::Add)
    }

    /// f(x), or c x.
    pub(super) fn map(&self, x: &Tensor, function: Function, c: f32) -> Tensor {
        let args = [arg(x), int(function as usize), float(c), self.count(x.len())];
        self.each(x.shape(), &POINTWISE, "map", &args)
    }

    /// g where y > 0, else 0.
    pub(super) fn masked(&self, g: &Tensor, y: &Tensor) -> Tensor {
        self.each(g.shape(), &POINTWISE, "mask_gradient", &[arg(g), arg(y), self.count(g.len())])
    }
}

impl<D> Unary<D> {
    fn kernel(&self) -> Function {
        self.function.expect("a function that has a kernel")
    }
}

impl<D> CudaOp for Unary<D> {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        gpu.map(inputs[0], self.kernel(), self.c)
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], y: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        let numbers = [int(self.kernel() as usize), float(self.c), gpu.count(g.len())];
        let args = [&[arg(g), arg(inputs[0]), arg(y)], &numbers[..]].concat();
        vec![Some(gpu.each(g.shape(), &POINTWISE, "map_gradient", &args))]
    }
}

impl<X, Y> CudaOp for Binary<X, Y> {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        gpu.combine(inputs[0], inputs[1], self.pair)
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let of = |which: usize| match (self.pair, which) {
            (Pair::Add, _) | (Pair::Sub, 0) => g.clone(),
            (Pair::Sub, _) => gpu.map(g, Function::Scale, -1.0),
            (pair, _) => {
                let numbers = [int(pair as usize), int(which), gpu.count(g.len())];
                let args = [&[arg(g), arg(inputs[0]), arg(inputs[1])], &numbers[..]].concat();
                gpu.each(g.shape(), &POINTWISE, "combine_gradient", &args)
            }
        };
        (0..2).map(|which| wanted[which].then(|| of(which))).collect()
    }
}

impl CudaOp for Reshape {
    fn forward(&self, _: &Gpu, inputs: &[&Tensor]) -> Tensor {
        inputs[0].clone().reshaped(&self.0)
    }

    fn backward(&self, _: &Gpu, inputs: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        vec![Some(g.clone().reshaped(inputs[0].shape()))]
    }
}
