//! Products with a fixed matrix along one direction of an image: Fourier transforms cut off, differentiation.

#[cfg(feature = "cuda")]
use super::cuda::CudaOp;
use crate::nn::{Op, Tensor, Var};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;
use std::sync::Arc;

/// y <- M x along `axis` of a shape, M `[m, n]`, or Mᵀ x.
fn product(x: &Tensor, matrix: &Tensor, axis: usize, transposed: bool) -> Tensor {
    let [rows, columns] = matrix.shape()[..] else { panic!("a matrix of shape {:?}", matrix.shape()) };
    let m = MatRef::from_row_major_slice(matrix.data(), rows, columns);
    let (m, n, to) = if transposed { (m.transpose(), rows, columns) } else { (m, columns, rows) };
    assert_eq!(x.shape()[axis], n, "a matrix of shape {:?} along axis {axis} of {:?}", matrix.shape(), x.shape());
    let inner: usize = x.shape()[axis + 1..].iter().product();
    let mut shape = x.shape().to_vec();
    shape[axis] = to;
    let mut y = Tensor::zeros(&shape);
    if inner == 1 {
        let outer = x.len() / n;
        let x = MatRef::from_row_major_slice(x.data(), outer, n);
        matmul(
            MatMut::from_row_major_slice_mut(y.data_mut(), outer, to),
            Accum::Replace,
            x,
            m.transpose(),
            1.0,
            Par::Seq,
        );
    } else {
        let parts = y.data_mut().par_chunks_mut(to * inner).zip(x.data().par_chunks(n * inner));
        parts.for_each(|(y, x)| {
            let x = MatRef::from_row_major_slice(x, n, inner);
            matmul(MatMut::from_row_major_slice_mut(y, to, inner), Accum::Replace, m, x, 1.0, Par::Seq);
        });
    }
    y
}

/// M, and the side of the shape it is for.
pub(super) struct Along(pub Arc<Tensor>, pub usize);

impl Op for Along {
    fn backward(&self, _: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        vec![Some(product(g, &self.0, self.1, true))]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// `y[.., i, ..] = Σ_j M[i, j] x[.., j, ..]` on side `axis` of the shape.
pub fn along(x: &Var, matrix: &Arc<Tensor>, axis: usize) -> Var {
    Var::apply(&[x], Along(matrix.clone(), axis), |_| product(x.value(), matrix, axis, false))
}
