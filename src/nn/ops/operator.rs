//! Products with a fixed symmetric operator: sparse matrices and voxel stencils.

use crate::nn::{Op, Tensor, Var};
use crate::operator::LinearOperator;
use std::sync::Arc;

struct ApplySymmetric(Arc<dyn LinearOperator + Send>);

impl ApplySymmetric {
    fn apply(&self, x: &Tensor) -> Tensor {
        let n = self.0.nrows();
        let (mut from, mut to) = (vec![0.0; n], vec![0.0; n]);
        let mut out = Tensor::zeros(x.shape());
        for (x, out) in x.data().chunks_exact(n).zip(out.data_mut().chunks_exact_mut(n)) {
            from.iter_mut().zip(x).for_each(|(from, x)| *from = f64::from(*x));
            self.0.apply(&from, &mut to);
            out.iter_mut().zip(&to).for_each(|(out, to)| *out = *to as f32);
        }
        out
    }
}

impl Op for ApplySymmetric {
    fn backward(&self, _: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        vec![Some(self.apply(g))]
    }
}

/// A x for every n numbers of x, A = Aᵀ of n rows.
pub fn apply_symmetric(a: &Arc<dyn LinearOperator + Send>, x: &Var) -> Var {
    assert!(x.value().len().is_multiple_of(a.nrows()), "vectors of {} numbers in {:?}", a.nrows(), x.shape());
    let op = ApplySymmetric(a.clone());
    Var::result(&[x], op.apply(x.value()), op)
}
