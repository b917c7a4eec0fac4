//! Channels beside each other.

#[cfg(feature = "cuda")]
use super::cuda::CudaOp;
use crate::nn::{Op, Tensor, Var};

pub(super) struct Join;

impl Op for Join {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let widths: Vec<usize> = inputs.iter().map(|x| channels(x)).collect();
        let all = widths.iter().sum();
        let part = |k: usize| {
            let from: usize = widths[..k].iter().sum();
            let data = g.data().chunks_exact(all).flat_map(|g| &g[from..from + widths[k]]).copied().collect();
            Tensor::new(inputs[k].shape(), data)
        };
        (0..inputs.len()).map(|k| wanted[k].then(|| part(k))).collect()
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// The last side of a shape.
pub(super) fn channels(x: &Tensor) -> usize {
    x.shape().last().copied().unwrap_or(1)
}

/// `z[.., :] = x[.., :], y[.., :], ...`: the last sides one after the other, the others equal.
///
/// # Panics
///
/// Where the other sides differ.
pub fn join(parts: &[&Var]) -> Var {
    let others = |x: &Var| x.shape()[..x.shape().len() - 1].to_vec();
    let mut shape = others(parts[0]);
    assert!(parts.iter().all(|x| others(x) == shape), "channels of one image");
    Var::apply(parts, Join, |_| {
        let widths: Vec<usize> = parts.iter().map(|x| channels(x.value())).collect();
        let rows: usize = shape.iter().product();
        shape.push(widths.iter().sum());
        let mut data = Vec::with_capacity(shape.iter().product());
        for row in 0..rows {
            for (x, n) in parts.iter().zip(&widths) {
                data.extend_from_slice(&x.value().data()[row * n..][..*n]);
            }
        }
        Tensor::new(&shape, data)
    })
}
