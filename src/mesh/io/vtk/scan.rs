//! Words, lines and numbers of a legacy VTK file.

use std::path::Path;

use super::array::{Number, NumberType, excerpt, numbers};
use crate::error::{Error, Place, Result};

/// A place in the file.
pub(super) struct Scanner<'a> {
    path: &'a Path,
    data: &'a [u8],
    at: usize,
    pub binary: bool,
}

impl<'a> Scanner<'a> {
    pub fn new(path: &'a Path, data: &'a [u8]) -> Self {
        Scanner { path, data, at: 0, binary: false }
    }

    /// The rest of the line, without its end.
    pub fn line(&mut self) -> &'a [u8] {
        let rest = &self.data[self.at..];
        let length = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
        self.at += (length + 1).min(rest.len());
        rest[..length].trim_ascii()
    }

    /// The next word; `None` at the end of the file.
    pub fn word(&mut self) -> Option<&'a [u8]> {
        self.skip_space();
        let rest = &self.data[self.at..];
        let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        self.at += length;
        (length > 0).then(|| &rest[..length])
    }

    /// The next word of this line, which `what` says should be there.
    pub fn expect(&mut self, what: &str) -> Result<&'a [u8]> {
        match self.word() {
            Some(word) => Ok(word),
            None => Err(self.error(format!("the file ends where {what} should be"))),
        }
    }

    pub fn text(&mut self, what: &str) -> Result<String> {
        Ok(String::from_utf8_lossy(self.expect(what)?).into_owned())
    }

    /// A count, which stands on its own.
    pub fn count(&mut self, what: &str) -> Result<usize> {
        let word = self.expect(what)?;
        let parsed = std::str::from_utf8(word).ok().and_then(|w| w.parse().ok());
        parsed.ok_or_else(|| self.error(format!("{what} is \"{}\", not a number", excerpt(word))))
    }

    /// The count that ends this line; `None` where the line ends before.
    pub fn count_on_line(&mut self, what: &str) -> Result<Option<usize>> {
        let rest = &self.data[self.at..];
        match rest.iter().find(|&&b| b == b'\n' || !b.is_ascii_whitespace()) {
            None | Some(b'\n') => Ok(None),
            Some(_) => self.count(what).map(Some),
        }
    }

    /// Takes the next word if it is this one, whatever its case.
    pub fn accept(&mut self, word: &[u8]) -> bool {
        let before = self.at;
        let found = self.word().is_some_and(|w| w.eq_ignore_ascii_case(word));
        if !found {
            self.at = before;
        }
        found
    }

    /// Skips what follows `METADATA`: all lines up to an empty one.
    pub fn skip_metadata(&mut self) {
        self.line();
        while !self.line().is_empty() {}
    }

    /// Skips an array of texts: a line each, or a length in 1, 2, 4 or 8 bytes (by its first two bits) and that many bytes.
    pub fn skip_strings(&mut self, count: usize) -> Result<()> {
        self.line();
        for i in 0..count {
            let rest = &self.data[self.at..];
            let Some(&first) = rest.first() else {
                return Err(self.error(format!("the file ends at text {i} of {count}")));
            };
            if !self.binary {
                self.line();
                continue;
            }
            let width = 8 >> (first >> 6);
            let length = rest
                .get(..width)
                .map(|b| b.iter().skip(1).fold(u64::from(first & 0x3F), |n, &b| n << 8 | u64::from(b)));
            let end = length.and_then(|n| usize::try_from(n).ok()?.checked_add(width)).filter(|&end| end <= rest.len());
            self.at += end.ok_or_else(|| self.error(format!("the file ends within text {i} of {count}")))?;
        }
        Ok(())
    }

    /// The numbers of an array, from the line after this one on.
    pub fn array<T: Number>(&mut self, count: usize, vtk_type: DataType, what: &str) -> Result<Vec<T>> {
        if self.binary {
            self.line();
            let (rest, number) = (&self.data[self.at..], vtk_type.number);
            let bytes = count.checked_mul(number.bytes()).and_then(|n| rest.get(..n));
            let Some(bytes) = bytes else {
                let have = rest.len();
                return Err(self.error(format!(
                    "{what} should have {count} numbers of {} bytes, {have} bytes are left",
                    number.bytes()
                )));
            };
            let values = numbers(bytes, number, true).map_err(|e| self.error(format!("{what}: {e}")))?;
            self.at += bytes.len();
            return Ok(values);
        }
        // a number takes a digit and a space
        let left = self.data.len() - self.at;
        if count > left / 2 + 1 {
            return Err(self.error(format!("{what} should have {count} numbers, {left} bytes are left")));
        }
        let mut values = Vec::with_capacity(count);
        for i in 0..count {
            let Some(word) = self.word() else {
                return Err(self.error(format!("the file ends at number {i} of {count} of {what}")));
            };
            match T::parse(word) {
                Some(value) => values.push(value),
                None => return Err(self.error(format!("number {i} of {what} is \"{}\"", excerpt(word)))),
            }
        }
        Ok(values)
    }

    /// An error at this place.
    pub fn error(&self, what: String) -> Error {
        self.refuse(what, "the file is damaged: save it again")
    }

    /// An error at this place with another cure.
    pub fn refuse(&self, what: String, help: &str) -> Error {
        let place = match self.binary {
            true => Place::Byte(self.at),
            false => Place::Line(1 + self.data[..self.at].iter().filter(|&&b| b == b'\n').count()),
        };
        Error::file(self.path, place, what, help)
    }

    fn skip_space(&mut self) {
        let rest = &self.data[self.at..];
        self.at += rest.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(rest.len());
    }
}

/// A number type by its name in legacy files.
#[derive(Debug, Clone, Copy)]
pub(super) struct DataType {
    number: NumberType,
}

impl DataType {
    pub const INT: DataType = DataType { number: NumberType::Int32 };
    pub const BYTE: DataType = DataType { number: NumberType::UInt8 };
    pub const FLOAT: DataType = DataType { number: NumberType::Float32 };

    pub fn named(name: &[u8]) -> Option<Self> {
        let number = match &name.to_ascii_lowercase()[..] {
            b"char" | b"signed_char" | b"vtktypeint8" => NumberType::Int8,
            b"unsigned_char" | b"vtktypeuint8" => NumberType::UInt8,
            b"short" | b"vtktypeint16" => NumberType::Int16,
            b"unsigned_short" | b"vtktypeuint16" => NumberType::UInt16,
            b"int" | b"vtkidtype" | b"vtktypeint32" => NumberType::Int32,
            b"unsigned_int" | b"vtktypeuint32" => NumberType::UInt32,
            b"long" | b"long_long" | b"vtktypeint64" => NumberType::Int64,
            b"unsigned_long" | b"unsigned_long_long" | b"vtktypeuint64" => NumberType::UInt64,
            b"float" => NumberType::Float32,
            b"double" => NumberType::Float64,
            _ => return None,
        };
        Some(DataType { number })
    }
}
