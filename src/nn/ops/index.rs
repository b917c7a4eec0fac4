//! Rows taken from, and added to, places.

use crate::nn::{Op, Tensor, Var};
use std::sync::Arc;

/// Numbers of a row: what one index of the first side stands for.
fn row(x: &Tensor) -> usize {
    x.shape()[1..].iter().product()
}

fn shape_with(first: usize, x: &Tensor) -> Vec<usize> {
    [&[first], &x.shape()[1..]].concat()
}

fn take(x: &Tensor, places: &[u32]) -> Tensor {
    let n = row(x);
    let data = places.iter().flat_map(|p| &x.data()[*p as usize * n..][..n]).copied().collect();
    Tensor::new(&shape_with(places.len(), x), data)
}

fn put(x: &Tensor, places: &[u32], rows: usize) -> Tensor {
    let n = row(x);
    let mut out = Tensor::zeros(&shape_with(rows, x));
    for (x, p) in x.data().chunks_exact(n).zip(places) {
        out.data_mut()[*p as usize * n..][..n].iter_mut().zip(x).for_each(|(out, x)| *out += x);
    }
    out
}

struct Gather(Arc<[u32]>);

impl Op for Gather {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        vec![Some(put(g, &self.0, inputs[0].shape()[0]))]
    }
}

/// `y[i] = x[places[i]]`, rows of the first side.
pub fn gather(x: &Var, places: &Arc<[u32]>) -> Var {
    Var::result(&[x], take(x.value(), places), Gather(places.clone()))
}

struct ScatterAdd(Arc<[u32]>);

impl Op for ScatterAdd {
    fn backward(&self, _: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        vec![Some(take(g, &self.0))]
    }
}

/// `y[places[i]] += x[i]` on `rows` rows of zeros.
pub fn scatter_add(x: &Var, places: &Arc<[u32]>, rows: usize) -> Var {
    assert_eq!(x.shape()[0], places.len(), "one place a row");
    Var::result(&[x], put(x.value(), places, rows), ScatterAdd(places.clone()))
}
