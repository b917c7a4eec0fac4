//! Functions of single numbers.

#[cfg(feature = "cuda")]
use super::cuda::CudaOp;
use crate::nn::{Op, Tensor, Var};
use rayon::prelude::*;

/// Numbers a task takes at least.
const TASK: usize = 1 << 14;

fn map(x: &Tensor, f: impl Fn(f32) -> f32 + Sync) -> Tensor {
    let mut data = vec![0.0; x.len()];
    let chunks = data.par_chunks_mut(TASK).zip(x.data().par_chunks(TASK));
    chunks.for_each(|(to, from)| to.iter_mut().zip(from).for_each(|(y, x)| *y = f(*x)));
    Tensor::new(x.shape(), data)
}

fn map2(x: &Tensor, y: &Tensor, f: impl Fn(f32, f32) -> f32 + Sync) -> Tensor {
    assert_eq!(x.shape(), y.shape(), "pointwise functions of two tensors");
    let mut data = vec![0.0; x.len()];
    let chunks = data.par_chunks_mut(TASK).zip(x.data().par_chunks(TASK)).zip(y.data().par_chunks(TASK));
    chunks.for_each(|((to, x), y)| to.iter_mut().zip(x).zip(y).for_each(|((z, x), y)| *z = f(*x, *y)));
    Tensor::new(x.shape(), data)
}

/// Functions of one number, as `kernels/pointwise.cu` counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Relu,
    Tanh,
    Gelu,
    Exp,
    Ln,
    Sqrt,
    Scale,
}

/// y = f(x) with the derivative as a function of x and y.
#[cfg_attr(not(feature = "cuda"), allow(dead_code))]
pub(super) struct Unary<D> {
    slope: D,
    /// None where there is no kernel.
    pub function: Option<Function>,
    /// c of c x.
    pub c: f32,
}

impl<D: Fn(f32, f32) -> f32 + Sync> Op for Unary<D> {
    fn backward(&self, inputs: &[&Tensor], output: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        let slope = map2(inputs[0], output, &self.slope);
        vec![Some(map2(&slope, g, |slope, g| slope * g))]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        self.function.map(|_| self as &dyn CudaOp)
    }
}

fn unary(
    x: &Var,
    function: impl Into<Option<Function>>,
    f: impl Fn(f32) -> f32 + Sync,
    slope: impl Fn(f32, f32) -> f32 + Sync + 'static,
) -> Var {
    Var::apply(&[x], Unary { slope, function: function.into(), c: 0.0 }, |_| map(x.value(), f))
}

/// max(0, x).
pub fn relu(x: &Var) -> Var {
    unary(x, Function::Relu, |x| x.max(0.0), |x, _| if x > 0.0 { 1.0 } else { 0.0 })
}

/// tanh x.
pub fn tanh(x: &Var) -> Var {
    unary(x, Function::Tanh, f32::tanh, |_, y| 1.0 - y * y)
}

/// tanh x to single precision as a quotient of polynomials (Eigen's coefficients), without branches: many at once.
#[inline(always)]
#[allow(clippy::excessive_precision)]
fn rational_tanh(x: f32) -> f32 {
    let x = x.clamp(-7.905_311_1, 7.905_311_1);
    let s = x * x;
    let mut p = -2.760_768_477_423_55e-16;
    for c in [
        2.000_187_904_824_77e-13,
        -8.604_671_522_137_35e-11,
        5.122_297_090_371_14e-08,
        1.485_722_357_179_79e-05,
        6.372_619_288_754_36e-04,
        4.893_524_558_917_86e-03,
    ] {
        p = p * s + c;
    }
    let mut q = 1.198_258_394_667_02e-06;
    for c in [1.185_347_056_866_54e-04, 2.268_434_632_439_00e-03, 4.893_525_185_543_85e-03] {
        q = q * s + c;
    }
    x * p / q
}

const ROOT: f32 = 0.797_884_6; // √(2 / π)

#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    rational_tanh(ROOT * (x + 0.044715 * x * x * x))
}

/// [`gelu`] of one number.
#[inline(always)]
pub(super) fn gelu_value(x: f32) -> f32 {
    0.5 * x * (1.0 + gelu_tanh(x))
}

/// Its derivative.
#[inline(always)]
pub(super) fn gelu_slope(x: f32) -> f32 {
    let t = gelu_tanh(x);
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * ROOT * (1.0 + 3.0 * 0.044715 * x * x)
}

/// x Φ(x), Φ the normal distribution, by its tanh approximation (Hendrycks & Gimpel 2016, §2).
pub fn gelu(x: &Var) -> Var {
    unary(x, Function::Gelu, gelu_value, |x, _| gelu_slope(x))
}

/// sin x.
pub fn sin(x: &Var) -> Var {
    unary(x, None, f32::sin, |x, _| x.cos())
}

/// eˣ.
pub fn exp(x: &Var) -> Var {
    unary(x, Function::Exp, f32::exp, |_, y| y)
}

/// The natural logarithm.
pub fn ln(x: &Var) -> Var {
    unary(x, Function::Ln, f32::ln, |x, _| 1.0 / x)
}

/// √x.
pub fn sqrt(x: &Var) -> Var {
    unary(x, Function::Sqrt, f32::sqrt, |_, y| 0.5 / y)
}

/// c x.
pub fn scale(x: &Var, c: f32) -> Var {
    let op = Unary { slope: move |_, _| c, function: Some(Function::Scale), c };
    Var::apply(&[x], op, |_| map(x.value(), |x| c * x))
}

/// Functions of two numbers, as `kernels/pointwise.cu` counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pair {
    Add,
    Sub,
    Mul,
    Div,
}

/// z = f(x, y) with the two derivatives.
#[cfg_attr(not(feature = "cuda"), allow(dead_code))]
pub(super) struct Binary<X, Y> {
    slopes: (X, Y),
    pub pair: Pair,
}

impl<X: Fn(f32, f32) -> f32 + Sync, Y: Fn(f32, f32) -> f32 + Sync> Op for Binary<X, Y> {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let [x, y] = [inputs[0], inputs[1]];
        let times = |slope: Tensor| map2(&slope, g, |slope, g| slope * g);
        let (for_x, for_y) = &self.slopes;
        vec![wanted[0].then(|| times(map2(x, y, for_x))), wanted[1].then(|| times(map2(x, y, for_y)))]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

fn binary(
    [x, y]: [&Var; 2],
    pair: Pair,
    f: impl Fn(f32, f32) -> f32 + Sync,
    slopes: (impl Fn(f32, f32) -> f32 + Sync + 'static, impl Fn(f32, f32) -> f32 + Sync + 'static),
) -> Var {
    Var::apply(&[x, y], Binary { slopes, pair }, |_| map2(x.value(), y.value(), f))
}

/// x + y.
pub fn add(x: &Var, y: &Var) -> Var {
    binary([x, y], Pair::Add, |x, y| x + y, (|_, _| 1.0, |_, _| 1.0))
}

/// x − y.
pub fn sub(x: &Var, y: &Var) -> Var {
    binary([x, y], Pair::Sub, |x, y| x - y, (|_, _| 1.0, |_, _| -1.0))
}

/// x y, number by number.
pub fn mul(x: &Var, y: &Var) -> Var {
    binary([x, y], Pair::Mul, |x, y| x * y, (|_, y| y, |x, _| x))
}

/// x / y, number by number.
pub fn div(x: &Var, y: &Var) -> Var {
    binary([x, y], Pair::Div, |x, y| x / y, (|_, y| 1.0 / y, |x: f32, y: f32| -x / (y * y)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rational_tanh_is_tanh_to_single_precision() {
        for i in -4000..=4000 {
            let x = i as f32 / 300.0;
            assert!((rational_tanh(x) - x.tanh()).abs() < 4e-7, "{x}: {} {}", rational_tanh(x), x.tanh());
        }
    }
}
