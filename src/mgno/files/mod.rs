//! Samples as files.
//!
//! | file | what is read |
//! |---|---|
//! | HDF5 | `/input` and `/output`, or what options name; written by [`write_samples`] with all that is known as attributes of `/` |
//! | MATLAB 7.3 | the same with sides turned round: MATLAB stores the first one closest together; `coeff` and `sol` of the FNO data sets |
//! | `.npz` | arrays of those names |
//! | `.npy` | one array: inputs, and outputs from a second file |
//!
//! Arrays are `[samples, sides ..]` or `[samples, sides .., channels]`.

mod numpy;

use super::Samples;
use crate::error::{Error, Place, Result};
use crate::hdf5::{Layout, Reader, Writer};
use crate::nn::Tensor;
use std::io::Read;
use std::path::Path;

/// Names that are tried, where none is given.
const NAMES: [[&str; 2]; 4] = [["input", "output"], ["coeff", "sol"], ["a", "u"], ["x", "y"]];

/// What to read from a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selection {
    /// Name of the inputs (default `input`, `coeff`, `a` or `x`).
    pub input: Option<String>,
    /// Name of the outputs (default `output`, `sol`, `u` or `y`).
    pub output: Option<String>,
    /// Directions, where the shape leaves it open (default: one less than the sides of the output).
    pub dimension: Option<usize>,
    /// Every how many points of a direction are taken (default 1, all).
    pub stride: usize,
}

/// Numbers of a shape, row-major.
#[derive(Debug, Clone, PartialEq)]
struct Array {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Array {
    /// The same numbers under the order of sides turned round, and in that order.
    fn reversed(self) -> Array {
        let n = self.shape.len();
        let shape: Vec<usize> = self.shape.clone();
        // Strides of the numbers as they lie: the first side closest together.
        let mut strides = vec![1; n];
        (1..n).for_each(|d| strides[d] = strides[d - 1] * shape[d - 1]);
        let mut data = Vec::with_capacity(self.data.len());
        let mut index = vec![0; n];
        let mut at = 0;
        for _ in 0..self.data.len() {
            data.push(self.data[at]);
            for d in (0..n).rev() {
                index[d] += 1;
                at += strides[d];
                if index[d] < shape[d] {
                    break;
                }
                at -= strides[d] * shape[d];
                index[d] = 0;
            }
        }
        Array { shape, data }
    }

    /// As images `[samples, n0, n1, n2, channels]`, every `stride`-th point.
    fn images(self, path: &Path, name: &str, dimension: usize, stride: usize) -> Result<Tensor> {
        let refuse = |what: String| {
            let help = "arrays are [samples, sides ..] or [samples, sides .., channels] of 1 to 3 directions";
            Err(Error::file(path, Place::Section(name.into()), what, help))
        };
        let rank = self.shape.len();
        if !(1..=3).contains(&dimension) || !(dimension + 1..=dimension + 2).contains(&rank) || self.data.is_empty() {
            return refuse(format!("has the shape {:?} where {dimension} directions are wanted", self.shape));
        }
        let channels = if rank == dimension + 2 { self.shape[rank - 1] } else { 1 };
        let mut n = [1; 3];
        n[3 - dimension..].copy_from_slice(&self.shape[1..=dimension]);
        let image = Tensor::new(&[self.shape[0], n[0], n[1], n[2], channels], self.data);
        if stride <= 1 {
            return Ok(image);
        }
        let m = n.map(|n| n.div_ceil(stride));
        let mut data = Vec::new();
        for sample in image.data().chunks_exact(n.iter().product::<usize>() * channels) {
            for q in 0..m.iter().product() {
                let [i, j, k] = [q / m[2] / m[1], q / m[2] % m[1], q % m[2]].map(|i| i * stride);
                data.extend_from_slice(&sample[((i * n[1] + j) * n[2] + k) * channels..][..channels]);
            }
        }
        Ok(Tensor::new(&[self.shape[0], m[0], m[1], m[2], channels], data))
    }
}

/// Whether a file is one of MATLAB 7.3: HDF5 behind 512 bytes of its own.
fn is_matlab(path: &Path) -> Result<bool> {
    let mut start = [0; 10];
    let mut file = std::fs::File::open(path).map_err(|e| Error::io(path, "read", e))?;
    Ok(file.read_exact(&mut start).is_ok() && start == *b"MATLAB 7.3")
}

/// The two names: those asked for, or the first pair that is there.
fn names(path: &Path, there: &[String], selection: &Selection) -> Result<[String; 2]> {
    let has = |name: &str| there.iter().any(|t| t == name);
    let known = NAMES.into_iter().find(|[a, u]| has(a) && has(u)).unwrap_or(["", ""]);
    let chosen = [(&selection.input, known[0]), (&selection.output, known[1])];
    let chosen = chosen.map(|(asked, known)| asked.clone().unwrap_or_else(|| known.to_string()));
    match chosen.iter().find(|name| !has(name)) {
        None => Ok(chosen),
        Some(missing) => {
            let what = match missing.as_str() {
                "" => "holds no pair of arrays of known names".to_string(),
                name => format!("holds no array \"{name}\""),
            };
            let help = format!("name them with --input and --output; there are: {}", there.join(", "));
            Err(Error::file(path, Place::File, what, help))
        }
    }
}

/// Reads samples.
///
/// Errors: no such file, cut short, no arrays of those names (with those there are), shapes that do not fit, numbers that are not
/// finite (in which sample).
pub fn read_samples(path: impl AsRef<Path>, selection: &Selection) -> Result<Samples> {
    let path = path.as_ref();
    let numpy = path.extension().is_some_and(|e| e == "npz" || e == "npy");
    let (arrays, about) = if numpy { (from_numpy(path, selection)?, Vec::new()) } else { from_hdf5(path, selection)? };
    let [(input_name, input), (output_name, output)] = arrays;
    let dimension = selection.dimension.unwrap_or_else(|| output.shape.len().saturating_sub(1).clamp(1, 3));
    let inputs = input.images(path, &input_name, dimension, selection.stride)?;
    let outputs = output.images(path, &output_name, dimension, selection.stride)?;
    let place = |e: Error| Error::file(path, Place::File, e.to_string(), e.help().unwrap_or_default());
    Samples::new(inputs, outputs, about).map_err(place)
}

type Named = [(String, Array); 2];

fn from_numpy(path: &Path, selection: &Selection) -> Result<Named> {
    let mut arrays = numpy::read(path)?;
    if let [(name, _)] = &arrays[..]
        && name.is_empty()
    {
        let Some(second) = &selection.output else {
            let help = "name the file of outputs with --output, or save both with numpy.savez";
            return Err(Error::file(path, Place::File, "holds inputs only", help));
        };
        let (_, inputs) = arrays.remove(0);
        let (_, outputs) = numpy::read(Path::new(second))?.remove(0);
        return Ok([("inputs".into(), inputs), (second.clone(), outputs)]);
    }
    let there: Vec<String> = arrays.iter().map(|(name, _)| name.clone()).collect();
    let chosen = names(path, &there, selection)?;
    Ok(chosen.map(|name| {
        let at = arrays.iter().position(|(n, _)| *n == name).unwrap_or_default();
        (name, arrays[at].1.clone())
    }))
}

fn from_hdf5(path: &Path, selection: &Selection) -> Result<(Named, Vec<(String, crate::hdf5::Attribute)>)> {
    let matlab = is_matlab(path)?;
    let reader = Reader::open(path)?;
    let there = reader.members("/")?.datasets;
    let [input, output] = names(path, &there, selection)?;
    let array = |name: &str| -> Result<Array> {
        let array = Array { shape: reader.shape(name)?, data: reader.read(name)? };
        // In the file sides are in MATLAB's order turned round.
        Ok(if matlab { Array { shape: array.shape.into_iter().rev().collect(), ..array }.reversed() } else { array })
    };
    let known = ["problem", "size", "dimension", "seed", "refine", "generator"];
    let about = known.iter().filter_map(|n| Some((n.to_string(), reader.attribute("/", n).ok()?))).collect();
    let (a, u) = (array(&input)?, array(&output)?);
    Ok(([(input, a), (output, u)], about))
}

/// Writes samples as HDF5, whole or not at all.
///
/// Errors: a path that cannot be written.
pub fn write_samples(path: impl AsRef<Path>, samples: &Samples) -> Result<()> {
    let mut writer = Writer::create(path.as_ref())?;
    for (name, tensor) in [("input", &samples.inputs), ("output", &samples.outputs)] {
        let s = tensor.shape();
        let mut shape = vec![s[0]];
        shape.extend(&s[4 - samples.dimension()..4]);
        if s[4] > 1 {
            shape.push(s[4]);
        }
        writer.write(name, &shape, tensor.data(), Layout::Compressed)?;
    }
    for (name, value) in &samples.about {
        writer.attribute("/", name, value)?;
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_sides_round_is_the_transpose() {
        // Numbers of a 2 × 3 array, columns one after the other.
        let array = Array { shape: vec![2, 3], data: vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0] };
        assert_eq!(array.reversed().data, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let cube = Array { shape: vec![2, 2, 2], data: (0..8).map(|v| v as f32).collect() };
        assert_eq!(cube.reversed().data, [0.0, 4.0, 2.0, 6.0, 1.0, 5.0, 3.0, 7.0]);
    }

    #[test]
    fn a_stride_takes_every_so_manieth_point() {
        let array = Array { shape: vec![1, 3, 4], data: (0..12).map(|v| v as f32).collect() };
        let image = array.images(Path::new("a"), "a", 2, 2).unwrap();
        assert_eq!((image.shape(), image.data()), (&[1, 1, 2, 2, 1][..], &[0.0, 2.0, 8.0, 10.0][..]));
    }
}
