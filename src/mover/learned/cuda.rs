//! The equation and second-order jets on a GPU: `kernels/mover.cu`.

use super::cosine::MODES;
use super::jets::{AddStill, JET, Tanh};
use super::lattice::SIDE;
use super::loss::Remainders;
use super::net::INPUTS;
use super::synthetic::Monitors;
use crate::device::cuda::{MOVER, REDUCE, Shape, int, optional};
use crate::error::Result;
use crate::nn::Tensor;
use crate::nn::ops::cuda::{CudaOp, Gpu, arg};

/// A block of all threads for each.
fn blocks(batch: usize) -> Shape {
    Shape { blocks: [batch, 1, 1], ..Shape::each(1) }
}

/// Of the series with these coefficients, each under its monitor.
pub fn remainders(gpu: &Gpu, c: &Tensor, monitors: &Monitors) -> Remainders {
    let batch = monitors.all.len();
    let shapes: [&[usize]; 3] = [&[batch], c.shape(), &[batch, 1, SIDE, SIDE, INPUTS]];
    let args = [arg(c), optional(monitors.on_cuda.as_deref())];
    // A derivative at the lattice's points takes two products of matrices; the gradient goes the same way back.
    let products = 2 * batch * SIDE * MODES * (3 * MODES + 5 * SIDE);
    gpu.cuda().computed("remainders", 2.0 * products as f64);
    let [losses, gradients, images] = gpu.several(shapes, &MOVER, "remainders", blocks(batch), &args);
    Remainders { losses, gradients, images }
}

/// φ and ∇φ of one series.
///
/// Errors: a fault of the device.
pub fn series_at(gpu: &Gpu, c: &[f64], points: &[[f64; 2]]) -> Result<Vec<(f64, [f64; 2])>> {
    let cuda = gpu.cuda();
    let (c, places) = (cuda.upload(c)?, cuda.upload(points.as_flattened())?);
    let (mut there, mut out) = (cuda.empty::<f64>(3 * points.len())?, vec![0.0; 3 * points.len()]);
    let args = [there.set(), c.get(), places.get(), int(points.len())];
    cuda.computed("series_at", 12.0 * (points.len() * MODES * MODES) as f64);
    cuda.launch(&MOVER, "series_at", Shape::each(points.len()), &args)?;
    cuda.download(&there, &mut out)?;
    Ok(out.chunks_exact(3).map(|v| (v[0], [v[1], v[2]])).collect())
}

/// Losses of the published net's jets at places, the first `inside` of which are not on the sides, and their gradients.
pub fn place_losses(
    gpu: &Gpu,
    jets: &Tensor,
    monitors: &Monitors,
    theta: &[f64],
    places: &[[f64; 2]],
    (inside, as_published): (usize, bool),
) -> [Tensor; 2] {
    let (theta, at) = (gpu.doubles(theta), gpu.doubles(places.as_flattened()));
    let doubles = [monitors.on_cuda.as_deref(), theta.as_deref(), at.as_deref()].map(optional);
    let numbers = [int(places.len()), int(inside), int(usize::from(as_published))];
    let args = [&[arg(jets)], &doubles[..], &numbers[..]].concat();
    let batch = monitors.all.len();
    gpu.several([&[batch], jets.shape()], &MOVER, "place_losses", blocks(batch), &args)
}

impl CudaOp for Tanh {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        let z = inputs[0];
        let (channels, all) = (z.shape()[2], z.len() / JET);
        gpu.make(z.shape(), &MOVER, "jet_tanh", Shape::each(all), &[arg(z), int(channels), gpu.count(all)])
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        let (channels, all) = (g.shape()[2], g.len() / JET);
        let args = [arg(g), arg(inputs[0]), int(channels), gpu.count(all)];
        vec![Some(gpu.make(g.shape(), &MOVER, "jet_tanh_gradient", Shape::each(all), &args))]
    }
}

impl CudaOp for AddStill {
    fn forward(&self, gpu: &Gpu, inputs: &[&Tensor]) -> Tensor {
        let [moving, still] = [inputs[0], inputs[1]];
        let (places, batch, channels) = (moving.shape()[0], still.shape()[0], still.shape()[1]);
        let shape = [batch * places, JET, channels];
        let args = [arg(moving), arg(still), int(places), int(channels), gpu.count(shape.iter().product())];
        gpu.each(&shape, &MOVER, "add_still", &args)
    }

    fn backward(&self, gpu: &Gpu, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let [moving, still] = [inputs[0], inputs[1]];
        let (batch, places, channels) = (still.shape()[0], moving.shape()[0], still.shape()[1]);
        let for_moving = || {
            let args = [arg(g), optional::<f32>(None), int(batch), gpu.count(moving.len())];
            gpu.each(moving.shape(), &REDUCE, "sum_over_samples", &args)
        };
        let for_still = || {
            let args = [arg(g), int(places), int(channels), gpu.count(still.len())];
            gpu.each(still.shape(), &MOVER, "still_gradient", &args)
        };
        vec![wanted[0].then(for_moving), wanted[1].then(for_still)]
    }
}
