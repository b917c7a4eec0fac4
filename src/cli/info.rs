//! `filet info FILE`: what a file of weights holds.

use super::{Done, print_data, say};
use crate::error::Result;
use crate::nn::read_weights;
use crate::report::format::count;
use clap::Args;
use std::path::PathBuf;

/// Describe a file of weights: what net, how it was trained, its tensors
#[derive(Debug, Args)]
pub(super) struct Info {
    /// Weights (.safetensors)
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

impl Info {
    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        let weights = read_weights(&self.file)?;
        let numbers: usize = weights.tensors.values().map(|t| t.len()).sum();
        if self.json {
            let tensors: serde_json::Map<_, _> =
                weights.tensors.iter().map(|(name, t)| (name.clone(), serde_json::json!(t.shape()))).collect();
            let object = serde_json::json!({
                "command": "info",
                "input": self.file.display().to_string(),
                "about": weights.about,
                "parameters": numbers,
                "tensors": tensors,
            });
            print_data(&object.to_string())?;
            return Ok(Done::Fully);
        }
        let tensors = weights.tensors.len();
        say(
            quiet,
            "weights",
            format!("{}   {} numbers in {tensors} tensors", self.file.display(), count(numbers as u64)),
        );
        if let serde_json::Value::Object(about) = &weights.about {
            for (key, value) in about {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
                say(quiet, key, text);
            }
        }
        for (name, tensor) in &weights.tensors {
            say(quiet, "tensor", format!("{name} {:?}", tensor.shape()));
        }
        Ok(Done::Fully)
    }
}
