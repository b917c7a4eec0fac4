//! Operations on variables, each with its gradient. One family a file.

mod axis;
pub mod conv;
#[cfg(feature = "cuda")]
pub mod cuda;
mod index;
mod join;
mod linear;
mod message;
mod modes;
mod norm;
mod operator;
pub(crate) mod pad;
mod pointwise;
mod pool;
mod reduce;

pub use axis::along;
pub use index::{gather, scatter_add};
pub use join::join;
pub use linear::linear;
pub use message::{Neighbours, mean_messages};
pub use modes::mix;
pub use norm::{scale_shift, standardise};
pub use operator::{Symmetric, apply_symmetric};
pub use pointwise::{add, div, exp, gelu, ln, mul, relu, scale, sin, sqrt, sub, tanh};
pub use pool::{average_pool, upsample};
pub use reduce::{dot_samples, known, mean, scale_samples, sum};

use super::{Op, Tensor, Var};

/// The same numbers in that shape.
#[cfg_attr(not(feature = "cuda"), allow(dead_code))]
struct Reshape(Vec<usize>);

impl Op for Reshape {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        vec![Some(g.clone().reshaped(inputs[0].shape()))]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn cuda::CudaOp> {
        Some(self)
    }
}

/// A reshaped variable: the same numbers.
pub fn reshape(x: &Var, shape: &[usize]) -> Var {
    Var::apply(&[x], Reshape(shape.to_vec()), |_| x.value().clone().reshaped(shape))
}
