//! HDF5 files: voxel scenes, data sets, checkpoints and the heavy half of XDMF, with no C library.
//!
//! Reading is `hdf5-reader`: of three pure-Rust readers tried the only one that gave every value of h5py's files (default
//! and latest format, user block, soft links, big-endian) and neither panicked nor over-allocated on corrupted ones.
//! Writing is `rust-hdf5`: the one that writes a data set piece by piece, so it need not fit into memory.
//!
//! Numbers are converted on reading where no value changes (`int64` flags read as `u8`); `f64` read as `f32` is rounded.
//!
//! ```
//! use filet::hdf5::{Attribute, Layout, Reader, Writer};
//!
//! let path = std::env::temp_dir().join("filet_scene.h5");
//! let mut writer = Writer::create(&path)?;
//! writer.write("flags", &[2, 2], &[1u8, 1, 2, 0], Layout::Compressed)?;
//! writer.attribute("/", "spacing", &Attribute::Float(0.5))?;
//! writer.finish()?; // only now is there a file of that name
//!
//! let reader = Reader::open(&path)?;
//! assert_eq!((reader.shape("flags")?, reader.read::<u8>("flags")?), (vec![2, 2], vec![1, 1, 2, 0]));
//! assert_eq!(reader.attribute("/", "spacing")?.number(), Some(0.5));
//! # Ok::<(), filet::Error>(())
//! ```

mod read;
mod write;

pub use read::{Members, Reader};
pub use write::{Layout, Writer};

/// A small value attached to a group or a data set.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A floating-point number.
    Float(f64),
    /// An integer.
    Integer(i64),
    /// A text.
    Text(String),
}

impl Attribute {
    /// The number, where it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Attribute::Float(x) => Some(*x),
            Attribute::Integer(i) => Some(*i as f64),
            Attribute::Text(_) => None,
        }
    }
}

/// What a number of a data set is, its byte order aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NumberKind {
    Float { bytes: u8 },
    Integer { bytes: u8, signed: bool },
}

/// The conversions behind [`Element`]; private, so that no other type can be one.
trait Convert: hdf5_reader::H5Type + rust_hdf5::H5Type + Copy + Default {
    const KIND: NumberKind;
    fn from_integer(i: i128) -> Option<Self>;
    fn from_float(x: f64) -> Option<Self>;
}

/// The numbers a data set can hold: `f32`, `f64`, `u8`, `i32`, `u32`, `i64`, `u64`.
#[expect(private_bounds, reason = "sealed")]
pub trait Element: Convert {}

macro_rules! integer {
    ($($t:ty),*) => {$(
        impl Element for $t {}
        impl Convert for $t {
            const KIND: NumberKind = NumberKind::Integer { bytes: size_of::<$t>() as u8, signed: <$t>::MIN != 0 };
            fn from_integer(i: i128) -> Option<Self> {
                i.try_into().ok()
            }
            fn from_float(x: f64) -> Option<Self> {
                (x.fract() == 0.0 && x.abs() <= 9.007_199_254_740_992e15).then_some(x as i128)?.try_into().ok()
            }
        }
    )*};
}
integer!(u8, i32, u32, i64, u64);

macro_rules! float {
    ($($t:ty),*) => {$(
        impl Element for $t {}
        impl Convert for $t {
            const KIND: NumberKind = NumberKind::Float { bytes: size_of::<$t>() as u8 };
            fn from_integer(i: i128) -> Option<Self> {
                let x = i as $t;
                (x as i128 == i).then_some(x)
            }
            fn from_float(x: f64) -> Option<Self> {
                Some(x as $t)
            }
        }
    )*};
}
float!(f32, f64);

/// Number of elements of an array of this shape; `None` where it overflows.
fn element_count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
}
