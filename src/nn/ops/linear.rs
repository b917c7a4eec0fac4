//! Dense layers.

#[cfg(feature = "cuda")]
use super::cuda::CudaOp;
use crate::nn::{Op, Tensor, Var};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// c <- a b, or c + a b; `transposed` says which of a and b to transpose. All row-major.
fn product(a: &Tensor, b: &Tensor, transposed: [bool; 2], rows: [usize; 2]) -> Vec<f32> {
    let view = |t: &'_ Tensor, rows: usize| (rows, t.len() / rows.max(1));
    let ((m, n), (p, q)) = (view(a, rows[0]), view(b, rows[1]));
    let a = MatRef::from_row_major_slice(a.data(), m, n);
    let b = MatRef::from_row_major_slice(b.data(), p, q);
    let a = if transposed[0] { a.transpose() } else { a };
    let b = if transposed[1] { b.transpose() } else { b };
    let mut c = vec![0.0; a.nrows() * b.ncols()];
    let out = MatMut::from_row_major_slice_mut(&mut c, a.nrows(), b.ncols());
    matmul(out, Accum::Replace, a, b, 1.0, Par::rayon(0));
    c
}

pub(super) struct Linear;

impl Op for Linear {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let [x, w, bias] = [inputs[0], inputs[1], inputs[2]];
        let (inner, outer) = (w.shape()[0], w.shape()[1]);
        let rows = x.len() / inner;
        let for_x = || Tensor::new(x.shape(), product(g, w, [false, true], [rows, inner]));
        let for_w = || Tensor::new(w.shape(), product(x, g, [true, false], [rows, rows]));
        let for_bias = || {
            let mut sums = Tensor::zeros(bias.shape());
            for g in g.data().chunks_exact(outer) {
                sums.data_mut().iter_mut().zip(g).for_each(|(s, g)| *s += g);
            }
            sums
        };
        vec![wanted[0].then(for_x), wanted[1].then(for_w), wanted[2].then(for_bias)]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// x W + b on the last side: x `[.., k]`, W `[k, m]`, b `[m]`.
pub fn linear(x: &Var, w: &Var, bias: &Var) -> Var {
    let [inner, outer] = w.shape()[..] else { panic!("a weight of shape {:?} is no matrix", w.shape()) };
    assert_eq!(x.shape().last(), Some(&inner), "x W with W of shape {:?}", w.shape());
    assert_eq!(bias.shape(), [outer], "one bias an output");
    Var::apply(&[x, w, bias], Linear, |_| {
        let rows = x.value().len() / inner;
        let mut y = product(x.value(), w.value(), [false, false], [rows, inner]);
        y.chunks_exact_mut(outer).for_each(|y| y.iter_mut().zip(bias.value().data()).for_each(|(y, b)| *y += b));
        let mut shape = x.shape().to_vec();
        shape[x.shape().len() - 1] = outer;
        Tensor::new(&shape, y)
    })
}
