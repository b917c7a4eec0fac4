//! The numbers of a `<DataArray>`: ASCII, base64 or raw; plain or in zlib blocks; any number type and byte order.
//!
//! Reference: VTK file formats, "XML file formats", section "Uncompressed/Compressed data" (docs.vtk.org).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rayon::prelude::*;

/// How the file as a whole stores numbers: the attributes of `<VTKFile>`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Encoding {
    pub big_endian: bool,
    /// 4 or 8: the header's integers are UInt32 or UInt64.
    pub header_bytes: usize,
    pub zlib: bool,
}

/// A number type of VTK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberType {
    Int8,
    UInt8,
    Int16,
    UInt16,
    Int32,
    UInt32,
    Int64,
    UInt64,
    Float32,
    Float64,
}

impl NumberType {
    /// By its name in XML files.
    pub fn from_xml(name: &str) -> Option<Self> {
        use NumberType::*;
        let all = [Int8, UInt8, Int16, UInt16, Int32, UInt32, Int64, UInt64, Float32, Float64];
        all.into_iter().find(|t| format!("{t:?}") == name)
    }

    pub fn bytes(self) -> usize {
        use NumberType::*;
        match self {
            Int8 | UInt8 => 1,
            Int16 | UInt16 => 2,
            Int32 | UInt32 | Float32 => 4,
            Int64 | UInt64 | Float64 => 8,
        }
    }
}

/// What arrays are read into.
pub(super) trait Number: Copy + Send + Sync {
    fn from_f64(x: f64) -> Option<Self>;
    fn from_i64(x: i64) -> Option<Self>;
    fn from_u64(x: u64) -> Option<Self>;
    fn parse(text: &[u8]) -> Option<Self>;
}

impl Number for f64 {
    fn from_f64(x: f64) -> Option<Self> {
        Some(x)
    }
    fn from_i64(x: i64) -> Option<Self> {
        Some(x as f64)
    }
    fn from_u64(x: u64) -> Option<Self> {
        Some(x as f64)
    }
    fn parse(text: &[u8]) -> Option<Self> {
        fast_float2::parse(text).ok()
    }
}

macro_rules! unsigned {
    ($($t:ty),*) => {$(impl Number for $t {
        fn from_f64(x: f64) -> Option<Self> {
            (x.fract() == 0.0 && x.abs() < 9.007_199_254_740_992e15).then_some(x as i64)?.try_into().ok()
        }
        fn from_i64(x: i64) -> Option<Self> {
            x.try_into().ok()
        }
        fn from_u64(x: u64) -> Option<Self> {
            x.try_into().ok()
        }
        fn parse(text: &[u8]) -> Option<Self> {
            let digits = std::str::from_utf8(text).ok()?;
            digits.parse().ok().or_else(|| Self::from_f64(digits.parse().ok()?))
        }
    })*};
}
unsigned!(u8, u32, u64);

/// `bytes` as numbers of type `number`. What is left over at the end of `bytes` is not looked at.
pub(super) fn numbers<T: Number>(bytes: &[u8], number: NumberType, big_endian: bool) -> Result<Vec<T>, String> {
    macro_rules! convert {
        ($t:ty, $from:ident, $wide:ty) => {{
            let convert = |b: &[u8]| {
                let b = b.try_into().unwrap_or_default();
                T::$from((if big_endian { <$t>::from_be_bytes(b) } else { <$t>::from_le_bytes(b) }) as $wide)
            };
            let chunks = bytes.par_chunks_exact(size_of::<$t>()).with_min_len(1 << 14);
            match chunks.map(convert).collect::<Option<Vec<T>>>() {
                Some(values) => Ok(values),
                None => {
                    let wrong = bytes.chunks_exact(size_of::<$t>()).position(|b| convert(b).is_none()).unwrap_or(0);
                    Err(format!("number {wrong} is negative, fractional or too large"))
                }
            }
        }};
    }
    match number {
        NumberType::Int8 => convert!(i8, from_i64, i64),
        NumberType::UInt8 => convert!(u8, from_u64, u64),
        NumberType::Int16 => convert!(i16, from_i64, i64),
        NumberType::UInt16 => convert!(u16, from_u64, u64),
        NumberType::Int32 => convert!(i32, from_i64, i64),
        NumberType::UInt32 => convert!(u32, from_u64, u64),
        NumberType::Int64 => convert!(i64, from_i64, i64),
        NumberType::UInt64 => convert!(u64, from_u64, u64),
        NumberType::Float32 => convert!(f32, from_f64, f64),
        NumberType::Float64 => convert!(f64, from_f64, f64),
    }
}

/// Numbers parted by white space.
pub(super) fn ascii<T: Number>(text: &[u8]) -> Result<Vec<T>, String> {
    let words = text.split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty());
    words
        .map(|w| T::parse(w).ok_or_else(|| format!("\"{}\" is not a number that can stand here", excerpt(w))))
        .collect()
}

/// The first characters of a word that is shown in a message.
pub(super) fn excerpt(word: &[u8]) -> String {
    String::from_utf8_lossy(&word[..word.len().min(30)]).into_owned()
}

/// The bytes of base64 text: one piece or, as VTK writes it, several, each padded.
pub(super) fn base64(text: &[u8]) -> Result<Vec<u8>, String> {
    let kept: Vec<u8>;
    let mut left = text.trim_ascii();
    if left.iter().any(u8::is_ascii_whitespace) {
        kept = left.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        left = &kept;
    }
    let mut bytes = Vec::with_capacity(left.len() / 4 * 3 + 3);
    while !left.is_empty() {
        let padding = left.iter().position(|&b| b == b'=').map_or(left.len(), |p| (p / 4 + 1) * 4);
        let (piece, rest) = left.split_at(padding.min(left.len()));
        STANDARD.decode_vec(piece, &mut bytes).map_err(|e| format!("is not base64: {e}"))?;
        left = rest;
    }
    Ok(bytes)
}

/// The array's bytes out of what is stored: a header and the data, which something else may follow.
pub(super) fn payload(stored: &[u8], encoding: Encoding) -> Result<std::borrow::Cow<'_, [u8]>, String> {
    if encoding.zlib {
        return inflate(stored, encoding).map(Into::into);
    }
    let length = header(stored, 0, encoding)?;
    let data = &stored[encoding.header_bytes..];
    match usize::try_from(length).ok().and_then(|n| data.get(..n)) {
        Some(data) => Ok(data.into()),
        None => Err(format!("is said to have {length} bytes, there are {}", data.len())),
    }
}

/// Integer `i` of the header.
fn header(stored: &[u8], i: usize, encoding: Encoding) -> Result<u64, String> {
    let n = encoding.header_bytes;
    let Some(bytes) = stored.get(i * n..(i + 1) * n) else {
        return Err(format!("has {} bytes, too few for its header", stored.len()));
    };
    let mut le = [0; 8];
    le[..n].copy_from_slice(bytes);
    if encoding.big_endian {
        le[..n].reverse();
    }
    Ok(u64::from_le_bytes(le))
}

/// Blocks of zlib data: number of blocks, size of a block, size of the last one if smaller, compressed sizes; then the blocks.
fn inflate(stored: &[u8], encoding: Encoding) -> Result<Vec<u8>, String> {
    const MAX_EXPANSION: usize = 1100;
    let integer = |i| header(stored, i, encoding).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let count = integer(0)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let (block, last) = (integer(1)?, integer(2)?);
    let start = count.saturating_add(3).saturating_mul(encoding.header_bytes);
    let Some(data) = stored.get(start..) else {
        return Err(format!("is said to have {count} compressed blocks in {} bytes", stored.len()));
    };
    let total = (count - 1).saturating_mul(block).saturating_add(if last == 0 { block } else { last });
    if block == 0 || last > block || total / MAX_EXPANSION > data.len() {
        let what =
            format!("is said to have {count} blocks of {block} bytes, the last of {last}, in {} bytes", data.len());
        return Err(what);
    }
    let mut at = 0usize;
    let mut places = Vec::with_capacity(count);
    for i in 0..count {
        let end = at.saturating_add(integer(3 + i)?);
        places.push(data.get(at..end).ok_or_else(|| format!("ends within its compressed block {i} of {count}"))?);
        at = end;
    }
    let mut out = vec![0; total];
    let inflate_block = |(i, (to, from)): (usize, (&mut [u8], &&[u8]))| {
        let mut stream = flate2::Decompress::new(true);
        let status = stream.decompress(from, to, flate2::FlushDecompress::Finish);
        match status {
            Ok(flate2::Status::StreamEnd) if stream.total_out() == to.len() as u64 => Ok(()),
            Ok(_) => Err(format!("has a compressed block {i} that is not {} bytes when decompressed", to.len())),
            Err(e) => Err(format!("has a damaged compressed block {i}: {e}")),
        }
    };
    out.par_chunks_mut(block)
        .zip(&places)
        .enumerate()
        .map(inflate_block)
        .collect::<Vec<_>>()
        .into_iter()
        .collect::<Result<(), _>>()?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Encoding = Encoding { big_endian: false, header_bytes: 4, zlib: false };

    #[test]
    fn base64_of_several_pieces() {
        let text = [STANDARD.encode([1u8, 2, 3, 4]), STANDARD.encode([5u8]), STANDARD.encode([6u8, 7, 8])].concat();
        assert_eq!(base64(format!(" {text}\n").as_bytes()).unwrap(), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(base64(b"AQ\n ID\n").unwrap(), [1, 2, 3]);
        assert_eq!(base64(b" \n").unwrap(), [0u8; 0]);
        for bad in ["A", "AQI", "AQ=x", "====", "A?==", "AQ==="] {
            assert!(base64(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_number_type_and_byte_order() {
        let le: Vec<f64> = numbers(&(-3i32).to_le_bytes(), NumberType::Int32, false).unwrap();
        let be: Vec<f64> = numbers(&1.5f32.to_be_bytes(), NumberType::Float32, true).unwrap();
        assert_eq!((le[0], be[0]), (-3.0, 1.5));
        assert_eq!(numbers::<u32>(&70_000u64.to_be_bytes(), NumberType::UInt64, true).unwrap(), [70_000]);
        assert_eq!(
            numbers::<u32>(&(-1i16).to_le_bytes(), NumberType::Int16, false).unwrap_err().split(' ').nth(1),
            Some("0")
        );
        assert!(numbers::<u32>(&0.5f64.to_le_bytes(), NumberType::Float64, false).is_err());
        assert!(numbers::<u32>(&f64::NAN.to_le_bytes(), NumberType::Float64, false).is_err());
        assert_eq!(ascii::<u8>(b" 5 10\n3 ").unwrap(), [5, 10, 3]);
        assert_eq!(ascii::<f64>(b"1e3 nan -.5").unwrap()[2], -0.5);
        assert!(ascii::<u8>(b"256").is_err());
        assert_eq!(NumberType::from_xml("UInt16"), Some(NumberType::UInt16));
        assert_eq!(NumberType::from_xml("String"), None);
    }

    #[test]
    fn lying_headers_are_refused() {
        assert_eq!(&payload(&[2, 0, 0, 0, 7, 8, 9], PLAIN).unwrap()[..], [7, 8]);
        assert!(payload(&[2, 0, 0], PLAIN).is_err());
        assert!(payload(&[3, 0, 0, 0, 7, 8], PLAIN).is_err());
        let zlib = Encoding { zlib: true, ..PLAIN };
        let words = |w: &[u32]| w.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        assert_eq!(payload(&words(&[0]), zlib).unwrap().len(), 0);
        for bad in [
            &[u32::MAX, 10, 5, 1][..],
            &[1, u32::MAX, 0, 3, 0],
            &[1, 0, 0, 1, 0],
            &[2, 4, 0, 4, 1, 0, 0],
            &[1, 4, 0, 4, 0],
        ] {
            assert!(payload(&words(bad), zlib).is_err(), "{bad:?}");
        }
    }
}
