//! A place in an MSH file, text or binary, and the numbers read from there one by one.

use super::text::{Index, Scanner};
use super::{Fault, Parsed};

/// How the numbers of a file are written.
pub(super) enum Encoding<'a> {
    /// As text.
    Text(Index<'a>),
    /// As bytes, of this machine's order or (`swap`) the other.
    Binary { swap: bool },
}

/// A file and a place in it.
pub(super) struct Cursor<'a> {
    pub data: &'a [u8],
    pub at: usize,
    pub encoding: Encoding<'a>,
}

impl<'a> Cursor<'a> {
    /// Reads a number of the text parts that a binary file has too.
    pub fn text<T>(&mut self, read: impl FnOnce(&mut Scanner<'a>) -> Parsed<T>) -> Parsed<T> {
        let mut scanner = Scanner::new(self.data, self.at);
        let value = read(&mut scanner);
        self.at = scanner.at;
        value
    }

    /// The next `N` bytes in this machine's order.
    fn bytes<const N: usize>(&mut self, swap: bool, what: &str) -> Parsed<[u8; N]> {
        let Some(mut bytes) = self.data.get(self.at..).and_then(|rest| rest.first_chunk::<N>()).copied() else {
            return Err(Fault::new(self.data.len(), format!("expected {what}, found the end of the file")));
        };
        self.at += N;
        if swap {
            bytes.reverse();
        }
        Ok(bytes)
    }

    /// An `int`.
    pub fn int(&mut self, what: &str) -> Parsed<i32> {
        match self.encoding {
            Encoding::Text(_) => self.text(|s| s.signed(what)),
            Encoding::Binary { swap } => Ok(i32::from_ne_bytes(self.bytes(swap, what)?)),
        }
    }

    /// A `size_t`.
    pub fn size(&mut self, what: &str) -> Parsed<u64> {
        match self.encoding {
            Encoding::Text(_) => self.text(|s| s.unsigned(what)),
            Encoding::Binary { swap } => Ok(u64::from_ne_bytes(self.bytes(swap, what)?)),
        }
    }

    /// A `size_t` that counts things of which each takes at least `tokens` tokens of text or `bytes` bytes: refused where the
    /// file is too short for them.
    pub fn count(&mut self, what: &str, tokens: usize, bytes: usize) -> Parsed<usize> {
        let at = self.at;
        let count = self.size(what)?;
        self.affordable(at, count, what, tokens, bytes)
    }

    /// Refuses a count, read at byte `at`, of more things than the rest of the file can hold.
    pub fn affordable(&self, at: usize, count: u64, what: &str, tokens: usize, bytes: usize) -> Parsed<usize> {
        let room = match &self.encoding {
            // A token takes two bytes, but for the last.
            Encoding::Text(index) if count > 1 << 12 => index.remaining(self.at) / tokens,
            Encoding::Text(_) => (self.data.len() - self.at + 1) / (2 * tokens),
            Encoding::Binary { .. } => (self.data.len() - self.at) / bytes,
        };
        usize::try_from(count).ok().filter(|n| *n <= room).ok_or_else(|| {
            let what = format!("{what} is {count}, but the rest of the file has room for {room} at most");
            Fault::new(at, what).help("the file is truncated or damaged: save the mesh again")
        })
    }

    /// A `double`.
    pub fn real(&mut self, what: &str) -> Parsed<f64> {
        match self.encoding {
            Encoding::Text(_) => self.text(|s| s.real(what)),
            Encoding::Binary { swap } => Ok(f64::from_ne_bytes(self.bytes(swap, what)?)),
        }
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize, what: &str) -> Parsed<&'a [u8]> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.data.len());
        let Some(end) = end else {
            return Err(Fault::new(self.data.len(), format!("the file ends within {what}")));
        };
        let bytes = &self.data[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    /// The rest of the line without its end and surrounding space.
    pub fn line(&mut self) -> &'a [u8] {
        let rest = &self.data[self.at..];
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.at = self.data.len().min(self.at + length + 1);
        rest[..length].trim_ascii()
    }

    /// Passes over white space; true where the file has more.
    pub fn more(&mut self) -> bool {
        let _ = self.text(|s| {
            s.skip_space();
            Ok(())
        });
        self.at < self.data.len()
    }
}

/// Eight bytes as a number.
#[inline]
pub(super) fn word(bytes: [u8; 8], swap: bool) -> u64 {
    let number = u64::from_ne_bytes(bytes);
    if swap { number.swap_bytes() } else { number }
}

/// Four bytes as a number.
#[inline]
pub(super) fn int(bytes: [u8; 4], swap: bool) -> i32 {
    let number = i32::from_ne_bytes(bytes);
    if swap { number.swap_bytes() } else { number }
}
