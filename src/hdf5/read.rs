//! Reading.

use std::ops::Range;
use std::path::{Path, PathBuf};

use hdf5_reader::{Datatype, Hdf5File, OpenOptions, SliceInfo, SliceInfoElem};

use super::{Attribute, Convert, Element, NumberKind, element_count};
use crate::error::{Error, Place, Result};

/// Deflate shrinks by at most 1032: a data set much larger than this times its file is a lie.
const MAX_EXPANSION: usize = 1100;
/// What a small file may still ask for: data sets never written hold only a fill value.
const SMALL_READ: usize = 64 << 20;

/// The names in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// Groups.
    pub groups: Vec<String>,
    /// Data sets.
    pub datasets: Vec<String>,
}

/// An HDF5 file open for reading. Objects are named by path: `"flags"`, `"mesh/points"`; `"/"` is the root group.
pub struct Reader {
    file: Hdf5File,
    path: PathBuf,
    max_bytes: usize,
}

impl Reader {
    /// Opens a file: HDF5 of any version, NetCDF-4, MATLAB 7.3.
    ///
    /// Errors: no such file, or one that is not HDF5.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let length = std::fs::metadata(path).map_err(|e| Error::io(path, "read", e))?.len();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let max_bytes = length.saturating_mul(MAX_EXPANSION).max(SMALL_READ);
        let options = OpenOptions::default().with_max_read_bytes(max_bytes).with_max_chunk_bytes(max_bytes);
        match Hdf5File::open_with_options(path, options) {
            Ok(file) => Ok(Reader { file, path: path.to_path_buf(), max_bytes }),
            Err(hdf5_reader::error::Error::Io(e)) => Err(Error::io(path, "read", e)),
            Err(e) => Err(Error::file(
                path,
                Place::File,
                format!("not a readable HDF5 file: {e}"),
                "write it again with h5py or filet",
            )),
        }
    }

    /// What is in a group.
    ///
    /// Errors: no such group, with those there are.
    pub fn members(&self, group: &str) -> Result<Members> {
        let (groups, datasets) = self.group(group)?.member_names().map_err(|e| self.damaged(group, &e))?;
        Ok(Members { groups, datasets })
    }

    /// The shape of a data set; `[]` is a single number.
    ///
    /// Errors: no such data set, with those there are.
    pub fn shape(&self, dataset: &str) -> Result<Vec<usize>> {
        self.shape_of(dataset, &self.dataset(dataset)?)
    }

    /// All numbers of a data set, row-major.
    ///
    /// Errors: no such data set, a damaged one, numbers that the type cannot hold.
    pub fn read<T: Element>(&self, dataset: &str) -> Result<Vec<T>> {
        let set = self.dataset(dataset)?;
        let shape = self.shape_of(dataset, &set)?;
        self.numbers(dataset, &set, SliceInfo::all(shape.len()))
    }

    /// Rows `rows` of a data set (its first dimension), row-major. Only the chunks they lie in are read.
    ///
    /// Errors: as [`read`](Self::read); rows beyond the last.
    pub fn read_rows<T: Element>(&self, dataset: &str, rows: Range<usize>) -> Result<Vec<T>> {
        let set = self.dataset(dataset)?;
        let shape = self.shape_of(dataset, &set)?;
        let available = shape.first().copied().unwrap_or(0);
        if rows.start > rows.end || rows.end > available {
            let what = format!("rows {}..{} asked for, there are {available}", rows.start, rows.end);
            return Err(self.error(dataset, what, "ask for rows there are"));
        }
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut select = SliceInfo::all(shape.len());
        select.selections[0] = SliceInfoElem::Slice { start: rows.start as u64, end: rows.end as u64, step: 1 };
        self.numbers(dataset, &set, select)
    }

    /// A data set of texts.
    ///
    /// Errors: no such data set, or one of something else.
    pub fn strings(&self, dataset: &str) -> Result<Vec<String>> {
        self.dataset(dataset)?.read_strings().map_err(|e| self.damaged(dataset, &e))
    }

    /// An attribute of a group or data set.
    ///
    /// Errors: no such object or attribute; neither a number nor text.
    pub fn attribute(&self, object: &str, name: &str) -> Result<Attribute> {
        let attributes = match self.file.dataset(object) {
            Ok(set) => set.attributes(),
            Err(_) => self.group(object)?.attributes().map_err(|e| self.damaged(object, &e))?,
        };
        let Some(found) = attributes.iter().find(|a| a.name == name) else {
            let names: Vec<&str> = attributes.iter().map(|a| a.name.as_str()).collect();
            return Err(self.error(object, format!("no attribute \"{name}\""), format!("there are: {}", list(&names))));
        };
        let value = match found.datatype {
            Datatype::FloatingPoint { .. } => found.read_as_f64().map(Attribute::Float),
            Datatype::FixedPoint { size: 8, signed: true, .. } => found.read_scalar::<i64>().map(Attribute::Integer),
            Datatype::FixedPoint { .. } => found.read_as_f64().map(|x| Attribute::Integer(x as i64)),
            _ => found.read_string().map(Attribute::Text),
        };
        value.map_err(|e| self.damaged(&format!("{object} attribute {name}"), &e))
    }

    fn group(&self, path: &str) -> Result<hdf5_reader::group::Group> {
        let found = if path == "/" { self.file.root_group() } else { self.file.group(path) };
        found.map_err(|e| self.missing("group", path, &e))
    }

    fn dataset(&self, path: &str) -> Result<hdf5_reader::Dataset> {
        self.file.dataset(path).map_err(|e| self.missing("data set", path, &e))
    }

    fn shape_of(&self, path: &str, set: &hdf5_reader::Dataset) -> Result<Vec<usize>> {
        let shape: Vec<usize> = set.shape().iter().map(|&d| usize::try_from(d).unwrap_or(usize::MAX)).collect();
        match element_count(&shape) {
            Some(_) => Ok(shape),
            None => Err(self.error(path, format!("impossible shape {shape:?}"), "the file is damaged: write it again")),
        }
    }

    fn numbers<T: Element>(&self, path: &str, set: &hdf5_reader::Dataset, select: SliceInfo) -> Result<Vec<T>> {
        let kind = match set.dtype() {
            Datatype::FloatingPoint { size, .. } => NumberKind::Float { bytes: *size },
            Datatype::FixedPoint { size, signed, .. } => NumberKind::Integer { bytes: *size, signed: *signed },
            other => return Err(self.error(path, format!("holds {other:?}, not numbers"), "store integers or floats")),
        };
        if kind == T::KIND {
            return self.raw::<T>(path, set, &select);
        }
        use NumberKind::{Float, Integer};
        match kind {
            Float { bytes: 4 } => self.convert(path, self.raw::<f32>(path, set, &select)?, |x| T::from_float(x.into())),
            Float { bytes: 8 } => self.convert(path, self.raw::<f64>(path, set, &select)?, T::from_float),
            Integer { bytes: 1, signed: false } => self.integers::<u8, T>(path, set, &select),
            Integer { bytes: 1, signed: true } => self.integers::<i8, T>(path, set, &select),
            Integer { bytes: 2, signed: false } => self.integers::<u16, T>(path, set, &select),
            Integer { bytes: 2, signed: true } => self.integers::<i16, T>(path, set, &select),
            Integer { bytes: 4, signed: false } => self.integers::<u32, T>(path, set, &select),
            Integer { bytes: 4, signed: true } => self.integers::<i32, T>(path, set, &select),
            Integer { bytes: 8, signed: false } => self.integers::<u64, T>(path, set, &select),
            Integer { bytes: 8, signed: true } => self.integers::<i64, T>(path, set, &select),
            _ => Err(self.error(
                path,
                format!("numbers of an unusual size, {kind:?}"),
                "store f32, f64 or 8 to 64 bit integers",
            )),
        }
    }

    fn integers<S: hdf5_reader::H5Type + Into<i128> + Copy + std::fmt::Debug, T: Convert>(
        &self,
        path: &str,
        set: &hdf5_reader::Dataset,
        select: &SliceInfo,
    ) -> Result<Vec<T>> {
        self.convert(path, self.raw::<S>(path, set, select)?, |i| T::from_integer(i.into()))
    }

    fn convert<S: Copy + std::fmt::Debug, T: Convert>(
        &self,
        path: &str,
        from: Vec<S>,
        to: impl Fn(S) -> Option<T>,
    ) -> Result<Vec<T>> {
        let mut converted = Vec::with_capacity(from.len());
        for (i, &x) in from.iter().enumerate() {
            let Some(y) = to(x) else {
                let what = format!("value {i} is {x:?}, which {} cannot hold", std::any::type_name::<T>());
                return Err(self.error(path, what, "store values of the type that is wanted here"));
            };
            converted.push(y);
        }
        Ok(converted)
    }

    fn raw<T: hdf5_reader::H5Type>(
        &self,
        path: &str,
        set: &hdf5_reader::Dataset,
        select: &SliceInfo,
    ) -> Result<Vec<T>> {
        let array = set.read_slice_parallel::<T>(select).map_err(|e| self.damaged(path, &e))?;
        if !array.is_standard_layout() {
            return Ok(array.iter().cloned().collect());
        }
        let (values, offset) = array.into_raw_vec_and_offset();
        debug_assert_eq!(offset.unwrap_or(0), 0);
        Ok(values)
    }

    fn missing(&self, sort: &str, path: &str, cause: &hdf5_reader::error::Error) -> Error {
        let trimmed = path.trim_matches('/');
        let parent = trimmed.rsplit_once('/').map_or("/", |(parent, _)| parent);
        let group = if parent == "/" { self.file.root_group() } else { self.file.group(parent) };
        match group.and_then(|g| g.member_names()) {
            Ok((groups, sets))
                if !groups.iter().chain(&sets).any(|n| Some(n.as_str()) == trimmed.rsplit('/').next()) =>
            {
                let names: Vec<&str> = groups.iter().chain(&sets).map(String::as_str).collect();
                let place = Place::Section(format!("group {parent}"));
                let what = format!("no {sort} \"{path}\"");
                Error::file(&self.path, place, what, format!("there are: {}", list(&names)))
            }
            _ => self.error(path, format!("not a readable {sort}: {cause}"), "check the path, or write the file again"),
        }
    }

    fn damaged(&self, path: &str, cause: &hdf5_reader::error::Error) -> Error {
        match cause {
            hdf5_reader::error::Error::ResourceLimit(_) => self.error(
                path,
                format!("asks for more than {} bytes, more than a file of this length can hold", self.max_bytes),
                "the file is damaged: write it again",
            ),
            _ => self.error(
                path,
                format!("cannot be read: {cause}"),
                "the file is damaged or uses a rare feature: write it again with h5py or filet",
            ),
        }
    }

    fn error(&self, path: &str, what: String, help: impl Into<String>) -> Error {
        Error::file(&self.path, Place::Section(path.to_string()), what, help)
    }
}

fn list(names: &[&str]) -> String {
    const SHOWN: usize = 20;
    match names.len() {
        0 => "none".into(),
        n if n > SHOWN => format!("{}, ... ({n} in all)", names[..SHOWN].join(", ")),
        _ => names.join(", "),
    }
}
