//! Adam: D. P. Kingma and J. Ba, *Adam: a method for stochastic optimization*, ICLR 2015, algorithm 1, arXiv:1412.6980.
//!
//! | symbol | name here | value |
//! |---|---|---|
//! | β₁, β₂, ε | [`BETAS`], [`EPSILON`] | 0.9, 0.999, 1e-8 |
//! | m, v | `moments` | means of the gradient and of its square |
//!
//! m <- β₁ m + (1 − β₁) g; v <- β₂ v + (1 − β₂) g²; θ <- θ − rate · m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε).

use crate::error::Result;
use crate::nn::{Backend, Layer, Tensor};
use std::collections::BTreeMap;

pub(super) const BETAS: [f64; 2] = [0.9, 0.999];
pub(super) const EPSILON: f64 = 1e-8;

/// The optimiser's state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Adam {
    /// m and v by parameter.
    pub(super) moments: BTreeMap<String, [Tensor; 2]>,
    /// t: steps made.
    pub(super) steps: usize,
}

impl Adam {
    /// Moves the moments to where the parameters are.
    ///
    /// Errors: a fault of the GPU they come from or go to.
    pub(super) fn move_to(&mut self, backend: &Backend) -> Result<()> {
        for moment in self.moments.values_mut().flatten() {
            *moment = backend.put(moment.here()?);
        }
        backend.check()
    }

    /// Changes the parameters that have a gradient, where they are.
    pub fn step(&mut self, net: &mut dyn Layer, gradients: &BTreeMap<String, Tensor>, rate: f64) {
        self.steps += 1;
        let [c1, c2] = BETAS.map(|beta| 1.0 - beta.powf(self.steps as f64));
        net.visit(&mut |param| {
            let Some(gradient) = gradients.get(&param.name) else { return };
            let zeros = || param.value.backend().zeros(param.value.shape());
            let [m, v] = self.moments.entry(param.name.clone()).or_insert_with(|| [zeros(), zeros()]);
            #[cfg(feature = "cuda")]
            if let Some(gpu) = gradient.gpu() {
                return gpu.adam([&mut param.value, m, v], gradient, [BETAS[0], BETAS[1], c1, c2, rate, EPSILON]);
            }
            let moments = m.data_mut().iter_mut().zip(v.data_mut());
            for ((theta, g), (m, v)) in param.value.data_mut().iter_mut().zip(gradient.data()).zip(moments) {
                let g = f64::from(*g);
                let first = BETAS[0] * f64::from(*m) + (1.0 - BETAS[0]) * g;
                let second = BETAS[1] * f64::from(*v) + (1.0 - BETAS[1]) * g * g;
                (*m, *v) = (first as f32, second as f32);
                *theta -= (rate * (first / c1) / ((second / c2).sqrt() + EPSILON)) as f32;
            }
        });
    }
}
