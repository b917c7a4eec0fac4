//! What nets on lattices do with images, wherever those are: on the processors through a [`Tape`], or on a GPU (`ops::cuda::CudaImages`).
//! A net written with [`Images`] runs on both.

use super::ops::conv::{conv, conv_linear, conv_transpose};
use super::ops::{add, gelu, scale_shift, standardise, sub};
use super::{Conv, Param, Tape, Var};
use std::convert::Infallible;

/// Operations on images `[batch, n0, n1, n2, channels]`. What can go wrong is the device.
pub trait Images {
    /// An image. Cheap to clone.
    type Image: Clone;
    /// A fault of the device.
    type Fault;

    /// n0, n1 and n2.
    fn sides(&self, x: &Self::Image) -> [usize; 3];

    /// w * x + b, `b` where there is one.
    fn conv(&self, x: &Self::Image, w: &Param, b: Option<&Param>, how: Conv) -> Result<Self::Image, Self::Fault>;

    /// The transpose of w *, to images of `n` cells.
    fn conv_transpose(&self, x: &Self::Image, w: &Param, how: Conv, n: [usize; 3]) -> Result<Self::Image, Self::Fault>;

    /// x + y.
    fn add(&self, x: &Self::Image, y: &Self::Image) -> Result<Self::Image, Self::Fault>;

    /// x − y.
    fn sub(&self, x: &Self::Image, y: &Self::Image) -> Result<Self::Image, Self::Fault>;

    /// GELU.
    fn gelu(&self, x: &Self::Image) -> Result<Self::Image, Self::Fault>;

    /// Layer normalisation over each sample, with a factor and a shift for every number.
    fn normalise(&self, x: &Self::Image, factor_and_shift: &[Param; 2]) -> Result<Self::Image, Self::Fault>;
}

impl Images for Tape {
    type Image = Var;
    type Fault = Infallible;

    fn sides(&self, x: &Var) -> [usize; 3] {
        x.value().image().1
    }

    fn conv(&self, x: &Var, w: &Param, b: Option<&Param>, how: Conv) -> Result<Var, Infallible> {
        let w = self.parameter(w);
        Ok(match b {
            Some(b) => conv(x, &w, &self.parameter(b), how),
            None => conv_linear(x, &w, how),
        })
    }

    fn conv_transpose(&self, x: &Var, w: &Param, how: Conv, n: [usize; 3]) -> Result<Var, Infallible> {
        Ok(conv_transpose(x, &self.parameter(w), how, n))
    }

    fn add(&self, x: &Var, y: &Var) -> Result<Var, Infallible> {
        Ok(add(x, y))
    }

    fn sub(&self, x: &Var, y: &Var) -> Result<Var, Infallible> {
        Ok(sub(x, y))
    }

    fn gelu(&self, x: &Var) -> Result<Var, Infallible> {
        Ok(gelu(x))
    }

    fn normalise(&self, x: &Var, [factor, shift]: &[Param; 2]) -> Result<Var, Infallible> {
        Ok(scale_shift(&standardise(x), &self.parameter(factor), &self.parameter(shift)))
    }
}
