//! Channels mixed with a matrix of its own at every place: the spectral layers of Fourier operators.

use crate::nn::{Op, Tensor, Var};
use rayon::prelude::*;

/// (batch, places, C, D) of x `[batch, .., C]` and w `[places, C, D]`.
fn sizes(x: &Tensor, w: &Tensor) -> [usize; 4] {
    let [places, c, d] = w.shape()[..] else { panic!("matrices of the shape {:?}", w.shape()) };
    assert!(
        x.shape().last() == Some(&c) && x.len().is_multiple_of(places * c),
        "{:?} with matrices of {:?}",
        x.shape(),
        w.shape()
    );
    [x.len() / (places * c), places, c, d]
}

struct Mix;

impl Op for Mix {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let [x, w] = [inputs[0], inputs[1]];
        let [batch, places, c, d] = sizes(x, w);
        let for_x = || {
            let mut out = Tensor::zeros(x.shape());
            out.data_mut().par_chunks_mut(c).zip(g.data().par_chunks(d)).enumerate().for_each(|(q, (out, g))| {
                let w = &w.data()[q % places * c * d..][..c * d];
                for (out, w) in out.iter_mut().zip(w.chunks_exact(d)) {
                    *out = w.iter().zip(g).map(|(w, g)| w * g).sum();
                }
            });
            out
        };
        let for_w = || {
            let mut out = Tensor::zeros(w.shape());
            out.data_mut().par_chunks_mut(c * d).enumerate().for_each(|(place, out)| {
                for q in (0..batch).map(|b| b * places + place) {
                    for (x, out) in x.data()[q * c..][..c].iter().zip(out.chunks_exact_mut(d)) {
                        out.iter_mut().zip(&g.data()[q * d..][..d]).for_each(|(out, g)| *out += x * g);
                    }
                }
            });
            out
        };
        vec![wanted[0].then(for_x), wanted[1].then(for_w)]
    }
}

/// `y[b, q, d] = Σ_c x[b, q, c] w[q, c, d]`, q over all places of an image.
pub fn mix(x: &Var, w: &Var) -> Var {
    let [_, places, c, d] = sizes(x.value(), w.value());
    let mut shape = x.shape().to_vec();
    *shape.last_mut().expect("an image") = d;
    let mut y = Tensor::zeros(&shape);
    let matrices = w.value().data();
    y.data_mut().par_chunks_mut(d).zip(x.value().data().par_chunks(c)).enumerate().for_each(|(q, (y, x))| {
        let w = &matrices[q % places * c * d..][..c * d];
        for (x, w) in x.iter().zip(w.chunks_exact(d)) {
            y.iter_mut().zip(w).for_each(|(y, w)| *y += x * w);
        }
    });
    Var::result(&[x, w], y, Mix)
}
