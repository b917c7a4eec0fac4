//! Sums, and what is made with them: `kernels/reduce.cu`.

use super::{CudaOp, Gpu, arg, if_any};
use crate::device::cuda::{Arg, REDUCE, Shape, float, int, optional};
use crate::nn::Tensor;
use crate::nn::ops::axis::Along;
use crate::nn::ops::norm::{ScaleShift, Standardise};
use crate::nn::ops::reduce::{DotSamples, Known, ScaleSamples, Sum};

/// Numbers whose sum a block takes: SHARE of `kernels/reduce.cu`.
const SHARE: usize = 8192;

/// A block of all threads for each.
fn blocks(x: usize, y: usize) -> Shape {
    Shape { blocks: [x, y, 1], ..Shape::each(1) }
}

impl Gpu {
    /// `factor` times the sums of x y, or of x, over samples of `n` numbers.
    fn dots(&self, [x, y]: [Arg; 2], [samples, n]: [usize; 2], factor: f32, shape: &[usize]) -> Tensor {
        let shares = n.div_ceil(SHARE);
        let args = [x, y, self.count(n)];
        let parts = self.fill::<f64>(samples * shares, &REDUCE, "dot_shares", blocks(shares, samples), &args);
        let args = [optional(parts.as_deref()), float(factor), self.count(shares), self.count(samples)];
        self.each(shape, &REDUCE, "sum_shares", &args)
    }

    /// `factor` times x, or 1, times the number of its sample.
    fn scaled(&self, x: Option<&&Tensor>, numbers: &Tensor, factor: f32, shape: &[usize]) -> Tensor {
        let all = shape.iter().product::<usize>();
        let args = [if_any(x), arg(numbers), float(factor), self.count(all / numbers.len()), self.count(all)];
        self.each(shape, &REDUCE, "scale_samples", &args)
    }
}

/// Samples, and numbers of each.
fn samples(x: &Tensor) -> [usize; 2] {
    let samples = x.shape().first().copied().unwrap_or(1).max(1);
    [samples, x.len() / samples]
}

impl CudaOp for Sum {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        gpu.dots([arg(inputs[0]), if_any(None)], [1, inputs[0].len()], self.0, &[])
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        vec![Some(gpu.scaled(None, g, self.0, inputs[0].shape()))]
    }
}

impl CudaOp for DotSamples {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        assert_eq!(inputs[0].shape(), inputs[1].shape(), "scalar products");
        let size = samples(inputs[0]);
        gpu.dots([arg(inputs[0]), arg(inputs[1])], size, 1.0, &[size[0]])
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let of = |other: usize| gpu.scaled(Some(&inputs[other]), g, 1.0, inputs[other].shape());
        (0..2).map(|which| wanted[which].then(|| of(1 - which))).collect()
    }
}

impl CudaOp for ScaleSamples {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        gpu.scaled(Some(&inputs[0]), inputs[1], 1.0, inputs[0].shape())
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let [x, factors] = [inputs[0], inputs[1]];
        let for_factors = || gpu.dots([arg(x), arg(g)], samples(x), 1.0, factors.shape());
        vec![wanted[0].then(|| gpu.scaled(Some(&g), factors, 1.0, g.shape())), wanted[1].then(for_factors)]
    }
}

impl CudaOp for Known {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        let values = inputs[1];
        gpu.dots([arg(values), if_any(None)], [1, values.len()], 1.0 / values.len() as f32, &[])
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        let [values, slopes] = [inputs[1], inputs[2]];
        vec![Some(gpu.scaled(Some(&slopes), g, 1.0 / values.len() as f32, slopes.shape())), None, None]
    }
}

impl CudaOp for Standardise {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        let [samples, n] = samples(inputs[0]);
        let args = [arg(inputs[0]), gpu.count(n)];
        gpu.make(inputs[0].shape(), &REDUCE, "standardise", blocks(samples, 1), &args)
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], y: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        let [samples, n] = samples(g);
        let args = [arg(g), arg(inputs[0]), arg(y), gpu.count(n)];
        vec![Some(gpu.make(g.shape(), &REDUCE, "standardise_gradient", blocks(samples, 1), &args))]
    }
}

/// factor x + shift.
fn scale_shift(gpu: &Gpu, x: &Tensor, factor: &Tensor, shift: Option<&&Tensor>) -> Tensor {
    let args = [arg(x), arg(factor), if_any(shift), gpu.count(factor.len()), gpu.count(x.len())];
    gpu.each(x.shape(), &REDUCE, "scale_shift", &args)
}

impl CudaOp for ScaleShift {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        scale_shift(gpu, inputs[0], inputs[1], Some(&inputs[2]))
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let [x, factor] = [inputs[0], inputs[1]];
        let summed = |x: Option<&&Tensor>| {
            let args = [arg(g), if_any(x), gpu.count(g.len() / factor.len()), gpu.count(factor.len())];
            gpu.each(factor.shape(), &REDUCE, "sum_over_samples", &args)
        };
        vec![
            wanted[0].then(|| scale_shift(gpu, g, factor, None)),
            wanted[1].then(|| summed(Some(&x))),
            wanted[2].then(|| summed(None)),
        ]
    }
}

impl Along {
    fn product(&self, gpu: &Gpu, x: &Tensor, transposed: bool) -> Tensor {
        let (matrix, axis) = (gpu.put(&self.0), self.1);
        let [rows, columns] = matrix.shape()[..] else { panic!("a matrix of shape {:?}", matrix.shape()) };
        let [to, from] = if transposed { [columns, rows] } else { [rows, columns] };
        assert_eq!(x.shape()[axis], from, "a matrix of {rows} x {columns} along axis {axis} of {:?}", x.shape());
        let mut shape = x.shape().to_vec();
        shape[axis] = to;
        let inner = shape[axis + 1..].iter().product::<usize>();
        let numbers = [to, from, inner, shape.iter().product()].map(|n| gpu.count(n));
        let args = [&[arg(x), arg(&matrix), int(usize::from(transposed))], &numbers[..]].concat();
        gpu.cuda().computed("along", 2.0 * (shape.iter().product::<usize>() * from) as f64);
        gpu.each(&shape, &REDUCE, "along", &args)
    }
}

impl CudaOp for Along {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        self.product(gpu, inputs[0], false)
    }

    fn backward(&self, gpu: &Gpu, _: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        vec![Some(self.product(gpu, g, true))]
    }
}
