//! Weights as safetensors files, readable from PyTorch, with what is known about them as JSON in the header's `filet` entry.

use super::{Layer, Tensor};
use crate::error::{Error, Place, Result};
use crate::file::write_atomic;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The header's entry.
const ENTRY: &str = "filet";

/// Named tensors and what is known about them.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Where they were read from; empty for new ones.
    pub path: PathBuf,
    /// By name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Net, command, seed, scores and so on.
    pub about: serde_json::Value,
}

impl Weights {
    /// The parameters of a net.
    pub fn of(net: &mut dyn Layer, about: serde_json::Value) -> Self {
        let mut tensors = BTreeMap::new();
        net.visit(&mut |p| {
            tensors.insert(p.name.clone(), p.value.clone());
        });
        Weights { path: PathBuf::new(), tensors, about }
    }

    /// Puts the tensors into a net's parameters.
    ///
    /// Errors: a parameter that is not in the file, or has another shape there. Tensors of other names are left alone.
    pub fn load_into(&self, net: &mut dyn Layer) -> Result<()> {
        let mut fault = None;
        net.visit(&mut |p| {
            let what = match self.tensors.get(&p.name) {
                Some(t) if t.shape() == p.value.shape() => return p.value = t.clone(),
                Some(t) => format!("has the shape {:?}, the net needs {:?}", t.shape(), p.value.shape()),
                None => "is not there".to_string(),
            };
            let section = Place::Section(format!("tensor {}", p.name));
            fault.get_or_insert(Error::file(&self.path, section, what, "are these the weights of another net?"));
        });
        fault.map_or(Ok(()), Err)
    }
}

/// Reads a safetensors file of single-precision tensors.
///
/// Errors: no such file, damaged, tensors of other numbers than single precision, or not finite.
pub fn read_weights(path: impl AsRef<Path>) -> Result<Weights> {
    let bytes = std::fs::read(&path).map_err(|e| Error::io(&path, "read", e))?;
    parse_weights(path, &bytes)
}

/// Reads weights from the bytes of a safetensors file; errors name it as `path`.
///
/// Errors: as [`read_weights`].
pub fn parse_weights(path: impl AsRef<Path>, bytes: &[u8]) -> Result<Weights> {
    let path = path.as_ref();
    let refuse = |place, what: String| Error::file(path, place, what, "is this a safetensors file of filet's?");
    let broken = |e: safetensors::SafeTensorError| refuse(Place::File, format!("no safetensors file: {e}"));
    let file = SafeTensors::deserialize(bytes).map_err(broken)?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
    let about = header.metadata().as_ref().and_then(|m| m.get(ENTRY));
    let about = about.map_or(Ok(serde_json::Value::Null), |text| serde_json::from_str(text));
    let about = about.map_err(|e| refuse(Place::Section(ENTRY.into()), format!("no JSON: {e}")))?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.tensors() {
        let place = || Place::Section(format!("tensor {name}"));
        if view.dtype() != Dtype::F32 {
            return Err(refuse(place(), format!("holds {:?}, not F32", view.dtype())));
        }
        let data: Vec<f32> = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        if let Some(bad) = data.iter().position(|v| !v.is_finite()) {
            return Err(refuse(place(), format!("number {bad} is {}", data[bad])));
        }
        tensors.insert(name, Tensor::new(view.shape(), data));
    }
    Ok(Weights { path: path.to_path_buf(), tensors, about })
}

/// Writes a safetensors file, whole or not at all; the same weights give the same bytes.
///
/// Errors: a file that cannot be written; a fault of the GPU that has the numbers.
pub fn write_weights(path: impl AsRef<Path>, weights: &Weights) -> Result<()> {
    let of = |t: &Tensor| -> Result<Vec<u8>> { Ok(t.here()?.data().iter().flat_map(|v| v.to_le_bytes()).collect()) };
    let bytes: Result<BTreeMap<&str, Vec<u8>>> =
        weights.tensors.iter().map(|(name, t)| Ok((name.as_str(), of(t)?))).collect();
    let bytes = bytes?;
    let view = |(name, t): (&String, &Tensor)| {
        TensorView::new(Dtype::F32, t.shape().to_vec(), &bytes[name.as_str()]).map(|view| (name.clone(), view))
    };
    let failed = |e: safetensors::SafeTensorError| Error::io(&path, "write", std::io::Error::other(e));
    let views = weights.tensors.iter().map(view).collect::<std::result::Result<Vec<_>, _>>().map_err(failed)?;
    let header = HashMap::from([(ENTRY.to_string(), weights.about.to_string())]);
    let file = safetensors::serialize(views, Some(header)).map_err(failed)?;
    write_atomic(&path, |w| w.write_all(&file))
}
