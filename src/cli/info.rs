//! `filet info FILE`: what a file of weights holds; `filet info device`: what GPU there is.

use super::{Done, print_data, say};
use crate::device::Device;
use crate::error::Result;
use crate::nn::read_weights;
use crate::report::format::{bytes, count};
use clap::Args;
use std::path::PathBuf;

/// Describe a file of weights: what net, how it was trained, its tensors; or the GPU that --device cuda takes
#[derive(Debug, Args)]
pub(super) struct Info {
    /// Weights (.safetensors), or the word device
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

impl Info {
    pub(super) fn run(&self, quiet: bool) -> Result<Done> {
        if self.file.as_os_str() == "device" {
            return self.device(quiet);
        }
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

    /// The GPU, or in one sentence why there is none.
    fn device(&self, quiet: bool) -> Result<Done> {
        let info = Device::probe()?;
        if self.json {
            let object = serde_json::json!({ "command": "info", "input": "device", "device": info });
            print_data(&object.to_string())?;
            return Ok(Done::Fully);
        }
        let dotted = |[major, minor]: [i32; 2]| format!("{major}.{minor}");
        let [capability, driver, compiler] = [info.capability, info.driver, info.compiler].map(dotted);
        say(quiet, "device", format!("{}   compute capability {capability}, {}", info.name, bytes(info.memory as u64)));
        say(quiet, "cuda", format!("the driver knows CUDA {driver}, kernels are compiled by NVRTC {compiler}"));
        Ok(Done::Fully)
    }
}
