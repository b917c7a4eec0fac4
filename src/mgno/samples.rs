//! Pairs of functions on a lattice: inputs and outputs of an operator, all in memory.

use crate::error::{Error, Result};
use crate::hdf5::Attribute;
use crate::nn::{Backend, Layer, Tape, Tensor};

/// Inputs `[samples, n0, n1, n2, C]` and outputs `[samples, n0, n1, n2, D]`, n0 = 1 in the plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// a.
    pub inputs: Tensor,
    /// u.
    pub outputs: Tensor,
    /// What is known about them, such as the generator's parameters and seed.
    pub about: Vec<(String, Attribute)>,
}

impl Samples {
    /// Checks inputs and outputs.
    ///
    /// Errors: none at all, different numbers or sides, a number that is not finite (in which sample).
    pub fn new(inputs: Tensor, outputs: Tensor, about: Vec<(String, Attribute)>) -> Result<Self> {
        let refuse = |what: String, help: &str| Err(Error::Problem { what, help: help.into() });
        let (a, b) = (inputs.shape(), outputs.shape());
        if a.len() != 5 || b.len() != 5 || a[..4] != b[..4] || inputs.is_empty() || outputs.is_empty() {
            return refuse(
                format!("inputs of the shape {a:?} and outputs of the shape {b:?}"),
                "give one output of the same sides for each input",
            );
        }
        for (name, tensor) in [("input", &inputs), ("output", &outputs)] {
            if let Some(at) = tensor.data().iter().position(|v| !v.is_finite()) {
                let sample = at / (tensor.len() / a[0]);
                return refuse(
                    format!("the {name} of sample {sample} holds {}", tensor.data()[at]),
                    "leave that sample out",
                );
            }
        }
        if let Some(zero) = outputs.data().chunks_exact(outputs.len() / b[0]).position(|u| u.iter().all(|u| *u == 0.0))
        {
            return refuse(
                format!("the output of sample {zero} is zero everywhere"),
                "relative errors need one that is not",
            );
        }
        Ok(Samples { inputs, outputs, about })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.inputs.shape()[0]
    }

    /// Whether there are none: never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sides, n0 = 1 in the plane.
    pub fn sides(&self) -> [usize; 3] {
        let s = self.inputs.shape();
        [s[1], s[2], s[3]]
    }

    /// Directions: 1, 2 or 3.
    pub fn dimension(&self) -> usize {
        dimension(self.sides())
    }

    /// Channels of inputs and outputs.
    pub fn channels(&self) -> [usize; 2] {
        [self.inputs.shape()[4], self.outputs.shape()[4]]
    }

    /// Those samples.
    ///
    /// # Panics
    ///
    /// Where there is no such sample.
    pub fn pick(&self, which: &[usize]) -> (Tensor, Tensor) {
        let pick = |t: &Tensor| {
            let n = t.len() / self.len();
            let data = which.iter().flat_map(|s| &t.data()[s * n..][..n]).copied().collect();
            Tensor::new(&[&[which.len()], &t.shape()[1..]].concat(), data)
        };
        (pick(&self.inputs), pick(&self.outputs))
    }

    /// Samples `from` up to `to`, where there are so many.
    ///
    /// Errors: there are fewer.
    pub fn part(&self, from: usize, to: usize) -> Result<Samples> {
        if from >= to || to > self.len() {
            return Err(Error::Problem {
                what: format!("samples {from} to {to} asked for, there are {}", self.len()),
                help: "ask for samples there are".into(),
            });
        }
        let (inputs, outputs) = self.pick(&(from..to).collect::<Vec<_>>());
        Ok(Samples { inputs, outputs, about: self.about.clone() })
    }

    /// What `net` makes of the inputs, a few at a time.
    ///
    /// # Panics
    ///
    /// Where the net is on a GPU that fails: [`Samples::predict_on`] is for that.
    pub fn predict(&self, net: &dyn Layer) -> Tensor {
        self.predict_on(net, &Backend::Cpu).expect("nothing can go wrong on the processors")
    }

    /// The same, where the net is.
    ///
    /// Errors: a fault of the device.
    pub fn predict_on(&self, net: &dyn Layer, backend: &Backend) -> Result<Tensor> {
        let mut shape = self.outputs.shape().to_vec();
        let mut data = Vec::with_capacity(self.outputs.len());
        for first in (0..self.len()).step_by(8) {
            let (inputs, _) = self.pick(&(first..(first + 8).min(self.len())).collect::<Vec<_>>());
            let tape = Tape::inference().on(backend.clone());
            let y = net.forward(&tape, &tape.constant(inputs)).value().here()?;
            shape[4] = y.shape()[4];
            data.extend_from_slice(y.data());
        }
        Ok(Tensor::new(&shape, data))
    }
}

/// Directions of an image of those sides, the last ones.
pub(super) fn dimension(n: [usize; 3]) -> usize {
    match n {
        [1, 1, _] => 1,
        [1, ..] => 2,
        _ => 3,
    }
}
