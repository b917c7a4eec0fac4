//! Numbers in text, read by many threads at once.
//!
//! A text file is a row of tokens set apart by white space; line ends matter only in `$Elements` of MSH 2. How many tokens
//! begin in each [`CHUNK`] is counted once, in parallel, so that any token's place is found without reading all before it,
//! and a count in the file can be held against the tokens there are.

use rayon::prelude::*;

use super::{Fault, Parsed};

/// Bytes between two entries of the index.
const CHUNK: usize = 1 << 14;

/// Records read by one task.
pub(super) const PIECE: usize = 1 << 13;

/// A byte that sets tokens apart.
fn space(byte: u8) -> bool {
    byte <= b' '
}

/// Where the tokens of a text are.
pub(super) struct Index<'a> {
    data: &'a [u8],
    /// Tokens that begin before chunk i; one entry more than there are chunks.
    before: Vec<usize>,
}

impl<'a> Index<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        let starts = |i: usize| count_starts(data, i * CHUNK, data.len().min((i + 1) * CHUNK));
        let counts: Vec<usize> = (0..data.len().div_ceil(CHUNK)).into_par_iter().map(starts).collect();
        let mut before = vec![0];
        before.extend(counts.iter().scan(0, |sum, n| {
            *sum += n;
            Some(*sum)
        }));
        Index { data, before }
    }

    /// Tokens that begin before the byte `at`.
    fn number(&self, at: usize) -> usize {
        let chunk = at / CHUNK;
        self.before[chunk] + count_starts(self.data, chunk * CHUNK, at)
    }

    /// Tokens that begin at the byte `at` or after it.
    pub fn remaining(&self, at: usize) -> usize {
        self.before.last().map_or(0, |all| all - self.number(at))
    }

    /// Where the token that comes `tokens` after the first at or after `at` begins; the end of the text where there are not
    /// as many.
    fn seek(&self, at: usize, tokens: usize) -> usize {
        if tokens == 0 {
            return at;
        }
        let target = self.number(at) + tokens;
        let chunk = self.before.partition_point(|&n| n <= target) - 1;
        if chunk + 1 == self.before.len() {
            return self.data.len();
        }
        let mut left = target - self.before[chunk];
        for i in chunk * CHUNK..self.data.len() {
            if starts(self.data, i) {
                if left == 0 {
                    return i;
                }
                left -= 1;
            }
        }
        self.data.len()
    }

    /// Reads records of `tokens` tokens each from the byte `at` on. The i-th of the `pieces` holds up to [`PIECE`] records
    /// from number i * [`PIECE`] on; `parse` fills one. Gives the byte after the last record. Of several faults it reports the first.
    pub fn records<P: IndexedParallelIterator>(
        &self,
        at: usize,
        tokens: usize,
        pieces: P,
        parse: impl Fn(&mut Scanner<'a>, P::Item) -> Parsed<()> + Sync,
    ) -> Parsed<usize> {
        let one = |(i, piece): (usize, P::Item)| {
            let mut scanner = Scanner::new(self.data, self.seek(at, i * PIECE * tokens));
            parse(&mut scanner, piece).map(|()| scanner.at)
        };
        let ends: Vec<Parsed<usize>> = pieces.enumerate().map(one).collect();
        let mut end = at;
        for piece_end in ends {
            end = piece_end?;
        }
        Ok(end)
    }
}

/// Whether a token begins at byte `i`.
fn starts(data: &[u8], i: usize) -> bool {
    !space(data[i]) && (i == 0 || space(data[i - 1]))
}

/// Tokens that begin in a range of bytes.
fn count_starts(data: &[u8], from: usize, to: usize) -> usize {
    if from >= to {
        return 0;
    }
    // Bytes are counted in bytes, 128 at a time, so that the compiler uses vector instructions.
    let (left, right) = (&data[from..to - 1], &data[from + 1..to]);
    let pairs = left.chunks(128).zip(right.chunks(128));
    let inner: usize = pairs
        .map(|(l, r)| usize::from(l.iter().zip(r).map(|(&l, &r)| u8::from(space(l) & !space(r))).sum::<u8>()))
        .sum();
    inner + usize::from(starts(data, from))
}

/// Reads tokens one after the other.
pub(super) struct Scanner<'a> {
    data: &'a [u8],
    /// The next byte.
    pub at: usize,
    /// White space that is not passed over: the line end, or none (0xff is none).
    stop: u8,
}

impl<'a> Scanner<'a> {
    pub fn new(data: &'a [u8], at: usize) -> Self {
        Scanner { data, at, stop: 0xff }
    }

    /// A scanner that does not pass over line ends.
    pub fn within_lines(data: &'a [u8], at: usize) -> Self {
        Scanner { data, at, stop: b'\n' }
    }

    pub fn skip_space(&mut self) {
        while self.at < self.data.len() && space(self.data[self.at]) && self.data[self.at] != self.stop {
            self.at += 1;
        }
    }

    /// Passes over one line end; false where something else stands.
    pub fn line_end(&mut self) -> bool {
        self.skip_space();
        let there = self.data.get(self.at).is_none_or(|&b| b == b'\n');
        self.at = self.data.len().min(self.at + usize::from(there));
        there
    }

    /// An unsigned number.
    #[inline]
    pub fn unsigned(&mut self, what: &str) -> Parsed<u64> {
        self.skip_space();
        let start = self.at;
        let mut value = 0_u64;
        while let Some(digit) = self.data.get(self.at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            self.at += 1;
        }
        // 19 digits always fit.
        if self.at == start || self.at - start > 19 || !self.token_ended() {
            return Err(self.unexpected(start, what));
        }
        Ok(value)
    }

    /// A signed number of 32 bits.
    #[inline]
    pub fn signed(&mut self, what: &str) -> Parsed<i32> {
        self.skip_space();
        let start = self.at;
        let minus = self.data.get(start) == Some(&b'-');
        self.at += usize::from(minus);
        let size = match self.data.get(self.at) {
            Some(b'0'..=b'9') => self.unsigned(what)?,
            _ => return Err(self.unexpected(start, what)),
        };
        let value = if minus { -i128::from(size) } else { i128::from(size) };
        i32::try_from(value).map_err(|_| self.unexpected(start, what))
    }

    /// A real number.
    #[inline]
    pub fn real(&mut self, what: &str) -> Parsed<f64> {
        self.skip_space();
        let start = self.at;
        match fast_float2::parse_partial(&self.data[start..]) {
            Ok((value, length)) if length > 0 => {
                self.at += length;
                if self.token_ended() { Ok(value) } else { Err(self.unexpected(start, what)) }
            }
            _ => Err(self.unexpected(start, what)),
        }
    }

    fn token_ended(&self) -> bool {
        self.data.get(self.at).is_none_or(|&b| space(b))
    }

    /// The fault that something else than `what` stands at `start`.
    #[cold]
    pub fn unexpected(&self, start: usize, what: &str) -> Fault {
        let rest = &self.data[start.min(self.data.len())..];
        let token = rest.split(|&b| space(b)).next().unwrap_or(&[]);
        let found = match (rest.first(), token.len()) {
            (None, _) => "the end of the file".to_string(),
            (_, 0) => "the end of the line".to_string(),
            (_, n) => format!("\"{}\"", token[..n.min(40)].escape_ascii()),
        };
        Fault::new(start, format!("expected {what}, found {found}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_what_is_none() {
        let mut s = Scanner::new(b" 12\n-7 1.5e3 x 99999999999999999999 3000000000 4.5", 0);
        assert_eq!(s.unsigned("a").ok(), Some(12));
        assert_eq!(s.signed("a").ok(), Some(-7));
        assert_eq!(s.real("a").ok(), Some(1500.0));
        assert_eq!(s.unsigned("a node").unwrap_err().what, "expected a node, found \"x\"");
        s.at += 1;
        assert!(s.unsigned("a").is_err());
        assert!(s.signed("a").is_err());
        let mut s = Scanner::within_lines(b"1 \n2", 0);
        assert_eq!(s.unsigned("a").ok(), Some(1));
        assert_eq!(s.unsigned("a node").unwrap_err().what, "expected a node, found the end of the line");
        assert!(s.line_end());
        assert_eq!(s.unsigned("a").ok(), Some(2));
        assert_eq!(s.unsigned("a node").unwrap_err().what, "expected a node, found the end of the file");
    }

    #[test]
    fn tokens_are_found_across_chunks() {
        let numbers: Vec<u64> = (0..200_000).collect();
        let text = numbers.iter().map(|n| format!("{n}{}", if n % 3 == 2 { "\r\n" } else { "  " })).collect::<String>();
        let index = Index::new(text.as_bytes());
        assert_eq!(index.remaining(0), 200_000);
        for k in [0, 1, 2, 5_000, 123_456, 199_999] {
            let at = index.seek(0, k);
            assert_eq!(Scanner::new(text.as_bytes(), at).unsigned("a").ok(), Some(k as u64));
            assert_eq!(index.remaining(at), 200_000 - k);
            assert_eq!(index.seek(index.seek(0, 7), k), index.seek(0, k + 7));
        }
        assert_eq!(index.seek(0, 200_000), text.len());
        let mut out = vec![0; 100_000];
        let end = index.records(0, 2, out.par_chunks_mut(PIECE), |s, piece| {
            for v in piece {
                *v = s.unsigned("a")? + s.unsigned("b")?;
            }
            Ok(())
        });
        assert_eq!(end.map(|end| text.len() - end).ok(), Some(2));
        assert!(out.iter().enumerate().all(|(i, &v)| v == 4 * i as u64 + 1));
    }
}
