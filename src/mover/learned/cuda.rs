//! The equation on a GPU: `kernels/mover.cu`.

use super::cosine::MODES;
use super::lattice::SIDE;
use super::loss::Remainders;
use super::net::INPUTS;
use super::synthetic::Monitors;
use crate::device::cuda::{MOVER, Shape, int, optional};
use crate::error::Result;
use crate::nn::Tensor;
use crate::nn::ops::cuda::{Gpu, arg};

/// Of the series with these coefficients, each under its monitor.
pub fn remainders(gpu: &Gpu, c: &Tensor, monitors: &Monitors) -> Remainders {
    let batch = monitors.all.len();
    let shapes: [&[usize]; 3] = [&[batch], c.shape(), &[batch, 1, SIDE, SIDE, INPUTS]];
    let threads = Shape { blocks: [batch, 1, 1], ..Shape::each(1) };
    let args = [arg(c), optional(monitors.on_cuda.as_deref())];
    // A derivative at the lattice's points takes two products of matrices; the gradient goes the same way back.
    let products = 2 * batch * SIDE * MODES * (3 * MODES + 5 * SIDE);
    gpu.cuda().computed("remainders", 2.0 * products as f64);
    let [losses, gradients, images] = gpu.several(shapes, &MOVER, "remainders", threads, &args);
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
