//! Writing: into a temporary file beside the target, which takes the target's name only when everything is in it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rust_hdf5::{H5Dataset, H5File, H5Group};

use super::{Attribute, Element, element_count};
use crate::error::{Error, Place, Result};
use crate::file::temporary_beside;

/// Bytes of a chunk at most: what the HDF5 library's own cache holds.
const CHUNK_BYTES: usize = 1 << 20;
/// Deflate level: beyond it floating-point data hardly shrink.
const DEFLATE_LEVEL: u32 = 4;

/// How a data set lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// In one piece, as it is.
    Contiguous,
    /// In chunks of at most 1 MiB, shuffled and deflated.
    Compressed,
}

/// An HDF5 file being written. Objects are named by path (`"mesh/points"`); groups are made as needed. Nothing is at
/// the target's path until [`finish`](Writer::finish).
pub struct Writer {
    file: H5File,
    temporary: tempfile::TempPath,
    path: PathBuf,
    groups: HashMap<String, H5Group>,
    datasets: HashMap<String, H5Dataset>,
}

impl Writer {
    /// Starts a file.
    ///
    /// Errors: a folder that is not there or takes no files; a folder of that name.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (temporary, target) = temporary_beside(path)?;
        let temporary = temporary.into_temp_path();
        let file = H5File::create(&temporary).map_err(|e| failed(path, "", &e))?;
        let groups = HashMap::from([(String::new(), file.root_group())]);
        Ok(Writer { file, temporary, path: target, groups, datasets: HashMap::new() })
    }

    /// Writes a whole data set, row-major. The shape `[]` is a single number.
    ///
    /// Errors: another number of values than the shape asks for; a full disk.
    pub fn write<T: Element>(&mut self, path: &str, shape: &[usize], values: &[T], layout: Layout) -> Result<()> {
        if element_count(shape) != Some(values.len()) {
            return Err(self.error(path, format!("{} numbers given for shape {shape:?}", values.len())));
        }
        let (group, name) = self.place(path)?;
        let mut builder = self.groups[group].new_dataset::<T>().shape(shape);
        if shape.is_empty() {
            builder = builder.scalar();
        }
        // the library refuses chunks of nothing
        if layout == Layout::Compressed && !values.is_empty() && !shape.is_empty() {
            builder = builder.chunk(&chunk_shape(shape, size_of::<T>())).shuffle_deflate(DEFLATE_LEVEL);
        }
        let set = builder.create(name).map_err(|e| failed(&self.path, path, &e))?;
        if !values.is_empty() {
            set.write_raw(values).map_err(|e| failed(&self.path, path, &e))?;
        }
        self.datasets.insert(path.to_string(), set);
        Ok(())
    }

    /// Appends rows of shape `row` to a data set, which the first call makes; only these rows need be in memory.
    ///
    /// Errors: another number of values than a row has; a full disk.
    pub fn append<T: Element>(&mut self, path: &str, row: &[usize], values: &[T], layout: Layout) -> Result<()> {
        let row_count = element_count(row).filter(|&n| n > 0);
        if row_count.is_none_or(|n| !values.len().is_multiple_of(n)) {
            return Err(self.error(path, format!("{} numbers given for rows of shape {row:?}", values.len())));
        }
        if !self.datasets.contains_key(path) {
            let (group, name) = self.place(path)?;
            let shape: Vec<usize> = std::iter::once(0).chain(row.iter().copied()).collect();
            let largest: Vec<Option<usize>> = std::iter::once(None).chain(row.iter().map(|&n| Some(n))).collect();
            let full: Vec<usize> = std::iter::once(usize::MAX).chain(row.iter().copied()).collect();
            let chunk = chunk_shape(&full, size_of::<T>());
            let mut builder = self.groups[group].new_dataset::<T>().shape(&shape).max_shape(&largest).chunk(&chunk);
            if layout == Layout::Compressed {
                builder = builder.shuffle_deflate(DEFLATE_LEVEL);
            }
            let set = builder.create(name).map_err(|e| failed(&self.path, path, &e))?;
            self.datasets.insert(path.to_string(), set);
        }
        let set = &self.datasets[path];
        if values.is_empty() {
            return Ok(());
        }
        if set.shape()[1..] != *row {
            return Err(
                self.error(path, format!("rows of shape {row:?} appended to a data set of shape {:?}", set.shape()))
            );
        }
        set.append(values).map_err(|e| failed(&self.path, path, &e))
    }

    /// Writes a data set of texts.
    ///
    /// Errors: a full disk.
    pub fn strings(&mut self, path: &str, values: &[&str]) -> Result<()> {
        let (group, name) = self.place(path)?;
        let set = self.groups[group].write_vlen_strings(name, values).map_err(|e| failed(&self.path, path, &e))?;
        self.datasets.insert(path.to_string(), set);
        Ok(())
    }

    /// Attaches an attribute to a group or data set; `"/"` is the root group.
    ///
    /// Errors: no such object.
    pub fn attribute(&mut self, object: &str, name: &str, value: &Attribute) -> Result<()> {
        let done = if let Some(set) = self.datasets.get(object) {
            match value {
                Attribute::Float(x) => set.new_attr::<f64>().shape(()).create(name).and_then(|a| a.write_numeric(x)),
                Attribute::Integer(i) => set.new_attr::<i64>().shape(()).create(name).and_then(|a| a.write_numeric(i)),
                Attribute::Text(s) => {
                    set.new_attr::<rust_hdf5::VarLenUnicode>().shape(()).create(name).and_then(|a| a.write_string(s))
                }
            }
        } else {
            let group = object.trim_matches('/');
            self.make_group(group)?;
            let group = &self.groups[group];
            match value {
                Attribute::Float(x) => group.set_attr_numeric(name, x),
                Attribute::Integer(i) => group.set_attr_numeric(name, i),
                Attribute::Text(s) => group.set_attr_string(name, s),
            }
        };
        done.map_err(|e| failed(&self.path, object, &e))
    }

    /// Completes the file and gives it its name.
    ///
    /// Errors: a full disk; the target cannot be replaced.
    pub fn finish(self) -> Result<()> {
        drop((self.groups, self.datasets));
        self.file.close().map_err(|e| failed(&self.path, "", &e))?;
        self.temporary.persist(&self.path).map_err(|e| Error::io(&self.path, "write", e.error))
    }

    /// The group a new object goes into, made if need be, and its name there.
    fn place<'a>(&mut self, path: &'a str) -> Result<(&'a str, &'a str)> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() || self.datasets.contains_key(path) {
            return Err(self.error(path, format!("\"{path}\" is empty or exists already")));
        }
        self.make_group(parent)?;
        Ok((parent, name))
    }

    fn make_group(&mut self, path: &str) -> Result<()> {
        if !self.groups.contains_key(path) {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            self.make_group(parent)?;
            let group = self.groups[parent].create_group(name).map_err(|e| failed(&self.path, path, &e))?;
            self.groups.insert(path.to_string(), group);
        }
        Ok(())
    }

    fn error(&self, path: &str, what: String) -> Error {
        Error::file(
            &self.path,
            Place::Section(path.to_string()),
            what,
            "give as many numbers as the shape has, and a new name",
        )
    }
}

/// Chunks of whole trailing dimensions while [`CHUNK_BYTES`] last.
fn chunk_shape(shape: &[usize], element_bytes: usize) -> Vec<usize> {
    let mut left = CHUNK_BYTES / element_bytes;
    let mut chunk = vec![1; shape.len()];
    for (c, &n) in chunk.iter_mut().zip(shape).rev() {
        *c = n.clamp(1, left.max(1));
        left /= *c;
    }
    chunk
}

fn failed(path: &Path, object: &str, cause: &rust_hdf5::Hdf5Error) -> Error {
    if let rust_hdf5::Hdf5Error::Io(e) = cause {
        return Error::io(path, "write", std::io::Error::new(e.kind(), e.to_string()));
    }
    let place = if object.is_empty() { Place::File } else { Place::Section(object.to_string()) };
    Error::file(path, place, format!("cannot write HDF5: {cause}"), "check the path and the space on the disk")
}
