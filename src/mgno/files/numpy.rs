//! NumPy's files: `.npy`, one array, and `.npz`, a zip archive of them.
//!
//! An array is `\x93NUMPY`, a version, the length of a header, the header (a Python dictionary of `descr`, `fortran_order` and
//! `shape`) and the numbers. Sources: NumPy Enhancement Proposal 1; PKWARE's APPNOTE.TXT 6.3, §4.3.

use super::Array;
use crate::error::{Error, Place, Result};
use flate2::read::DeflateDecoder;
use std::io::Read;
use std::path::Path;

/// Bytes an archive's member may have at most.
const LARGEST: u64 = 1 << 36;

fn refuse(path: &Path, name: &str, what: impl Into<String>) -> Error {
    let place = if name.is_empty() { Place::File } else { Place::Section(name.into()) };
    Error::file(path, place, what, "write it again with numpy.save or numpy.savez, as float32 or float64")
}

/// The arrays of a file by name: that of an `.npy` has none.
///
/// Errors: cut short, no NumPy file, numbers of another kind than floats and integers.
pub(super) fn read(path: &Path) -> Result<Vec<(String, Array)>> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, "read", e))?;
    match bytes.starts_with(b"PK") {
        true => {
            members(path, &bytes)?.into_iter().map(|(name, b)| Ok((name.clone(), array(path, &name, &b)?))).collect()
        }
        false => Ok(vec![(String::new(), array(path, "", &bytes)?)]),
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let mut out = [0; 8];
    out[..N].copy_from_slice(bytes.get(at..at.checked_add(N)?)?);
    Some(u64::from_le_bytes(out))
}

/// The files of an archive that end in `.npy`, without that ending.
fn members(path: &Path, bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let broken = || refuse(path, "", "is no whole zip archive");
    // The end of the central directory is in the last 64 KiB.
    let from = bytes.len().saturating_sub(22 + 65_535);
    let is_end = |i: &usize| bytes[*i..].len() >= 22 && bytes[*i..].starts_with(b"PK\x05\x06");
    let end = (from..bytes.len()).rev().find(is_end).ok_or_else(broken)?;
    let (count, mut at) = (number::<2>(bytes, end + 10), number::<4>(bytes, end + 16));
    let mut out = Vec::new();
    for _ in 0..count.ok_or_else(broken)? {
        let here = at.ok_or_else(broken)? as usize;
        let field = |offset: usize| number::<2>(bytes, here + offset).map(|n| n as usize).ok_or_else(broken);
        if !bytes.get(here..).is_some_and(|b| b.starts_with(b"PK\x01\x02")) {
            return Err(broken());
        }
        let (method, name_length) = (field(10)?, field(28)?);
        let packed = number::<4>(bytes, here + 20).ok_or_else(broken)? as usize;
        let length = number::<4>(bytes, here + 24).ok_or_else(broken)?;
        let local = number::<4>(bytes, here + 42).ok_or_else(broken)? as usize;
        let name = bytes.get(here + 46..here + 46 + name_length).ok_or_else(broken)?;
        let name = String::from_utf8_lossy(name).into_owned();
        at = Some((here + 46 + name_length + field(30)? + field(32)?) as u64);
        let Some(short) = name.strip_suffix(".npy") else { continue };
        let skip = |offset| number::<2>(bytes, local + offset).map(|n| n as usize).ok_or_else(broken);
        let start = local + 30 + skip(26)? + skip(28)?;
        if length == u64::from(u32::MAX) || packed == u32::MAX as usize {
            return Err(refuse(path, short, "is larger than 4 GiB (zip64)"));
        }
        let data = bytes.get(start..start + packed).ok_or_else(|| refuse(path, short, "is cut short"))?;
        let content = match method {
            0 => data.to_vec(),
            8 => {
                let mut content = Vec::new();
                let read = DeflateDecoder::new(data).take(length.min(LARGEST)).read_to_end(&mut content);
                read.map_err(|e| refuse(path, short, format!("cannot be unpacked: {e}")))?;
                content
            }
            other => return Err(refuse(path, short, format!("is packed by method {other}"))),
        };
        out.push((short.to_string(), content));
    }
    Ok(out)
}

/// What follows `'key':` in a header.
fn entry<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let at = header.find(&format!("'{key}'"))? + key.len() + 2;
    Some(header[at..].trim_start().strip_prefix(':')?.trim_start())
}

fn array(path: &Path, name: &str, bytes: &[u8]) -> Result<Array> {
    let broken = |what: &str| refuse(path, name, format!("is no NumPy array: {what}"));
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err(broken("it does not begin as one"));
    }
    let wide = bytes.get(6).is_some_and(|v| *v >= 2);
    let length = if wide { number::<4>(bytes, 8) } else { number::<2>(bytes, 8) };
    let start: usize = if wide { 12 } else { 10 };
    let end = length.and_then(|n| start.checked_add(n as usize)).filter(|end| *end <= bytes.len());
    let end = end.ok_or_else(|| broken("its header is cut short"))?;
    let header = std::str::from_utf8(&bytes[start..end]).map_err(|_| broken("its header is no text"))?;
    let kind = entry(header, "descr").and_then(|t| t.strip_prefix('\'')).and_then(|t| t.split('\'').next());
    let shape = entry(header, "shape").and_then(|t| t.strip_prefix('(')).and_then(|t| t.split(')').next());
    let shape: Option<Vec<usize>> =
        shape.and_then(|t| t.split(',').map(str::trim).filter(|n| !n.is_empty()).map(|n| n.parse().ok()).collect());
    let (Some(kind), Some(shape)) = (kind, shape) else { return Err(broken("its header has no descr or no shape")) };
    let count =
        shape.iter().try_fold(1usize, |n, s| n.checked_mul(*s)).ok_or_else(|| broken("its shape is impossible"))?;
    let data = &bytes[end..];
    let numbers = |size: usize, of: &dyn Fn(&[u8]) -> f32| match count.checked_mul(size) {
        Some(length) if length <= data.len() => Ok(data[..length].chunks_exact(size).map(of).collect::<Vec<f32>>()),
        _ => Err(refuse(path, name, format!("is cut short: {} bytes for the shape {shape:?}", data.len()))),
    };
    macro_rules! read {
        ($type:ty, $from:ident) => {
            numbers(size_of::<$type>(), &|b| <$type>::$from(b.try_into().expect("as many bytes")) as f32)
        };
    }
    let data = match kind {
        "<f4" => read!(f32, from_le_bytes),
        ">f4" => read!(f32, from_be_bytes),
        "<f8" => read!(f64, from_le_bytes),
        ">f8" => read!(f64, from_be_bytes),
        "|u1" | "|b1" => read!(u8, from_le_bytes),
        "|i1" => read!(i8, from_le_bytes),
        "<i4" => read!(i32, from_le_bytes),
        "<i8" => read!(i64, from_le_bytes),
        other => Err(refuse(path, name, format!("holds numbers of the kind {other:?}"))),
    }?;
    let fortran = entry(header, "fortran_order").is_some_and(|t| t.starts_with("True"));
    let array = Array { shape, data };
    Ok(if fortran { array.reversed() } else { array })
}
