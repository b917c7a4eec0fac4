//! The state of a training run as a safetensors file: weights, Adam's moments, losses.

use super::Adam;
use crate::error::{Error, Place, Result};
use crate::nn::{Layer, Tensor, Weights, read_weights, write_weights};
use std::path::Path;

/// Names of the tensors beside the net's own.
const MOMENTS: [&str; 2] = ["adam.first.", "adam.second."];
const LOSSES: &str = "losses";

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checkpoint {
    /// The optimiser.
    pub(super) adam: Adam,
    /// The loss of every step made.
    pub(super) losses: Vec<f32>,
}

impl Checkpoint {
    /// Steps made.
    pub fn step(&self) -> usize {
        self.losses.len()
    }

    /// The loss of every step made.
    pub fn losses(&self) -> &[f32] {
        &self.losses
    }

    /// Writes the state and the net's weights, wherever they are; `run` says which run it is.
    ///
    /// Errors: a file that cannot be written; a fault of the GPU.
    pub fn write(&self, path: impl AsRef<Path>, net: &mut dyn Layer, run: &serde_json::Value) -> Result<()> {
        let mut weights = Weights::of(net, run.clone());
        for (name, moments) in &self.adam.moments {
            for (prefix, moment) in MOMENTS.into_iter().zip(moments) {
                weights.tensors.insert(format!("{prefix}{name}"), moment.clone());
            }
        }
        weights.tensors.insert(LOSSES.into(), Tensor::new(&[self.losses.len()], self.losses.clone()));
        write_weights(path, &weights)
    }

    /// Reads a state and puts the weights into the net.
    ///
    /// Errors: no checkpoint; one of another run than `run`; weights of another net.
    pub fn read(path: impl AsRef<Path>, net: &mut dyn Layer, run: &serde_json::Value) -> Result<Self> {
        let weights = read_weights(&path)?;
        let refuse = |what: String| {
            Error::file(&path, Place::File, what, "go on with the options the run began with, or begin anew")
        };
        if weights.about != *run {
            return Err(refuse(format!("is of the run {}, not {run}", weights.about)));
        }
        weights.load_into(net)?;
        let losses =
            weights.tensors.get(LOSSES).ok_or_else(|| refuse("holds weights, but no state of a run".into()))?;
        let mut adam = Adam { steps: losses.len(), ..Adam::default() };
        for (name, first) in &weights.tensors {
            let Some(name) = name.strip_prefix(MOMENTS[0]) else { continue };
            let second = weights.tensors.get(&format!("{}{name}", MOMENTS[1]));
            let second = second.filter(|s| s.shape() == first.shape());
            let second = second.ok_or_else(|| refuse(format!("has no second moments for {name}")))?;
            adam.moments.insert(name.into(), [first.clone(), second.clone()]);
        }
        Ok(Checkpoint { adam, losses: losses.data().to_vec() })
    }
}
