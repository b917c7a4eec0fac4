//! Matrix Market exchange files: matrices (`coordinate`) and vectors (`array`, or one column in `coordinate`).
//!
//! Read: fields `real`, `integer` and `pattern` (every value 1), symmetries `general` and `symmetric`. Written: `real`;
//! a matrix that is exactly symmetric as its lower triangle. Numbers are written so that they read back with the same
//! bits.
//!
//! Reference: R. F. Boisvert, R. Pozo and K. A. Remington, *The Matrix Market exchange formats: initial design*, NISTIR
//! 5935 (1996), doi:10.6028/NIST.IR.5935.

use super::{Csr, asymmetric_entry};
use crate::error::{Error, Place, Result};
use rayon::prelude::*;
use std::io::Write;
use std::path::Path;

/// Rows formatted by one task.
const ROWS: usize = 4096;

/// Rows or columns a file may declare for each byte it has: an empty row costs no byte, so the count alone is no
/// measure of what is there.
const ROWS_PER_BYTE: usize = 64;

/// Reads a matrix. Entries given twice are added.
///
/// Errors: no such file; what is wrong in it, with the line.
pub fn read_matrix(path: impl AsRef<Path>) -> Result<Csr> {
    let path = path.as_ref();
    parse_matrix(&read(path)?, path)
}

/// Reads a vector: an `array` of one column, or a `coordinate` matrix of one column.
///
/// Errors: no such file; what is wrong in it, with the line.
pub fn read_vector(path: impl AsRef<Path>) -> Result<Vec<f64>> {
    let path = path.as_ref();
    parse_vector(&read(path)?, path)
}

/// Rows and columns of a matrix or vector, from the head of the file.
///
/// Errors: no such file; a header that is none, with the line.
pub fn shape(path: impl AsRef<Path>) -> Result<[usize; 2]> {
    let path = path.as_ref();
    let bytes = read(path)?;
    let mut lines = Lines { rest: &bytes, number: 0, path };
    match lines.header()?.coordinate {
        true => lines.counts("rows, columns and entries").map(|[rows, columns, _]: [usize; 3]| [rows, columns]),
        false => lines.counts("rows and columns"),
    }
}

/// Writes a matrix. The file appears whole or not at all.
///
/// Errors: a path that cannot be written.
pub fn write_matrix(path: impl AsRef<Path>, a: &Csr) -> Result<()> {
    let symmetric = a.nrows() == a.ncols() && asymmetric_entry(a, 0.0).is_none();
    let last = |i: usize| if symmetric { i + 1 } else { a.ncols() };
    let kept = |i: usize| a.row(i).0.partition_point(|&j| (j as usize) < last(i));
    let entries: usize = (0..a.nrows()).map(kept).sum();
    let symmetry = if symmetric { "symmetric" } else { "general" };
    let header = format!("%%MatrixMarket matrix coordinate real {symmetry}\n{} {} {entries}\n", a.nrows(), a.ncols());
    write(path.as_ref(), header, a.nrows(), |i, text| {
        let (columns, values) = a.row(i);
        for (j, v) in columns.iter().zip(values).take(kept(i)) {
            line(text, format_args!("{} {} {v:e}", i + 1, j + 1));
        }
    })
}

/// Writes a vector as an `array` of one column. The file appears whole or not at all.
///
/// Errors: a path that cannot be written.
pub fn write_vector(path: impl AsRef<Path>, v: &[f64]) -> Result<()> {
    let header = format!("%%MatrixMarket matrix array real general\n{} 1\n", v.len());
    write(path.as_ref(), header, v.len(), |i, text| line(text, format_args!("{:e}", v[i])))
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    use std::fmt::Write;
    let _ = text.write_fmt(arguments); // a String takes everything
    text.push('\n');
}

/// Formats rows in parallel, a few tasks ahead, and writes them in order to a file that replaces `path` at the end.
fn write(path: &Path, header: String, rows: usize, row: impl Fn(usize, &mut String) + Sync) -> Result<()> {
    let refused = |e| Error::io(path, "write", e);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(refused)?;
    file.write_all(header.as_bytes()).map_err(refused)?;
    let step = ROWS * 4 * rayon::current_num_threads();
    for start in (0..rows).step_by(step) {
        let end = rows.min(start + step);
        let blocks: Vec<usize> = (start..end).step_by(ROWS).collect();
        let texts: Vec<String> = blocks
            .into_par_iter()
            .map(|first| {
                let mut text = String::with_capacity(ROWS * 64);
                (first..end.min(first + ROWS)).for_each(|i| row(i, &mut text));
                text
            })
            .collect();
        for text in texts {
            file.write_all(text.as_bytes()).map_err(refused)?;
        }
    }
    file.persist(path).map_err(|e| refused(e.error))?;
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Error::io(path, "read", e))
}

/// What the values of a file are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Field {
    Number,
    Pattern,
}

struct Header {
    coordinate: bool,
    field: Field,
    symmetric: bool,
}

/// The lines of a file that say something: neither comment nor blank. Numbered from 1.
struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
    path: &'a Path,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|&c| c == b'\n').unwrap_or(self.rest.len());
            let line = self.rest[..end].trim_ascii();
            self.rest = &self.rest[self.rest.len().min(end + 1)..];
            self.number += 1;
            if !line.is_empty() && (line[0] != b'%' || self.number == 1) {
                return Some(line);
            }
        }
        None
    }

    fn error(&self, what: impl Into<String>) -> Error {
        let help = "the format is described at https://math.nist.gov/MatrixMarket/formats.html";
        let place = if self.number == 0 { Place::File } else { Place::Line(self.number) };
        Error::file(self.path, place, what, help)
    }

    fn require(&mut self, what: &str) -> Result<&'a [u8]> {
        self.next().ok_or_else(|| self.error(format!("the file ends before {what}")))
    }

    fn header(&mut self) -> Result<Header> {
        let line = String::from_utf8_lossy(self.require("its header")?).to_lowercase();
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let ["%%matrixmarket", "matrix", format, field, symmetry] = words[..] else {
            return Err(
                self.error("not a Matrix Market header: \"%%MatrixMarket matrix ...\" with five words is wanted")
            );
        };
        let unsupported = |what, word, known| self.error(format!("the {what} \"{word}\" is not read; {known} are"));
        let coordinate = match format {
            "coordinate" => true,
            "array" => false,
            _ => return Err(unsupported("format", format, "coordinate and array")),
        };
        let field = match field {
            "real" | "double" | "integer" => Field::Number,
            "pattern" if coordinate => Field::Pattern,
            _ => return Err(unsupported("field", field, "real, integer and (coordinate) pattern")),
        };
        let symmetric = match symmetry {
            "general" => false,
            "symmetric" if coordinate => true,
            _ => return Err(unsupported("symmetry", symmetry, "general and (coordinate) symmetric")),
        };
        Ok(Header { coordinate, field, symmetric })
    }

    /// `N` counts on one line.
    fn counts<const N: usize>(&mut self, what: &str) -> Result<[usize; N]> {
        let line = self.require(what)?;
        let mut counts = [0; N];
        let mut words = words(line);
        for count in &mut counts {
            *count = words.next().and_then(integer).ok_or_else(|| self.error(format!("{what} wanted: {N} counts")))?;
        }
        if words.next().is_some() {
            return Err(self.error(format!("{what} wanted: {N} counts and no more")));
        }
        let allowed = self.rest.len().saturating_mul(ROWS_PER_BYTE).saturating_add(1024).min(u32::MAX as usize);
        if let Some(side) = counts[..2].iter().find(|&&side| side > allowed) {
            return Err(self.error(format!(
                "{side} rows or columns in a file with {} bytes left: at most {allowed} are believed",
                self.rest.len()
            )));
        }
        Ok(counts)
    }

    /// Refuses more entries than the bytes that are left can hold, at `bytes` for each.
    fn plausible(&self, entries: usize, bytes: usize) -> Result<()> {
        // the last line may lack its end
        if entries.saturating_mul(bytes) > self.rest.len() + 1 {
            return Err(self.error(format!("{entries} entries are promised, only {} bytes follow", self.rest.len())));
        }
        Ok(())
    }

    fn value(&self, word: Option<&[u8]>) -> Result<f64> {
        let word = word.ok_or_else(|| self.error("a value is missing"))?;
        let text = || String::from_utf8_lossy(word).into_owned();
        let value = fast_float2::parse(word).map_err(|_| self.error(format!("\"{}\" is not a number", text())))?;
        if f64::is_finite(value) { Ok(value) } else { Err(self.error(format!("the value {} is not finite", text()))) }
    }

    fn index(&self, word: Option<&[u8]>, side: usize, what: &str) -> Result<u32> {
        let word = word.ok_or_else(|| self.error(format!("a {what} number is missing")))?;
        match integer(word) {
            Some(i) if (1..=side).contains(&i) => Ok((i - 1) as u32),
            _ => {
                Err(self
                    .error(format!("{what} \"{}\" is not a number from 1 to {side}", String::from_utf8_lossy(word))))
            }
        }
    }

    fn end(&mut self, entries: usize) -> Result<()> {
        match self.next() {
            None => Ok(()),
            Some(_) => Err(self.error(format!("more than the {entries} entries promised"))),
        }
    }
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|c| c.is_ascii_whitespace()).filter(|w| !w.is_empty())
}

fn integer(word: &[u8]) -> Option<usize> {
    let digit = |value: usize, &c: &u8| {
        let digit = c.is_ascii_digit().then(|| usize::from(c - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    };
    if word.is_empty() { None } else { word.iter().try_fold(0, digit) }
}

/// A matrix from the bytes of a file; `path` is for messages.
///
/// Errors: what is wrong, with the line.
pub fn parse_matrix(bytes: &[u8], path: &Path) -> Result<Csr> {
    let mut lines = Lines { rest: bytes, number: 0, path };
    let header = lines.header()?;
    if !header.coordinate {
        return Err(lines.error("an array holds a dense matrix or a vector; a sparse (coordinate) matrix is wanted"));
    }
    let (rows, columns, triplets) = coordinates(&mut lines, &header)?;
    let a: sprs::CsMatI<f64, u32, usize> = triplets.to_csr();
    let (indptr, indices, values) = a.into_raw_storage();
    Ok(Csr::new(rows, columns, indptr, indices, values))
}

fn coordinates(lines: &mut Lines<'_>, header: &Header) -> Result<(usize, usize, sprs::TriMatI<f64, u32>)> {
    let [rows, columns, entries] = lines.counts::<3>("numbers of rows, columns and entries")?;
    if header.symmetric && rows != columns {
        return Err(lines.error(format!("a symmetric matrix of {rows} rows and {columns} columns")));
    }
    lines.plausible(entries, if header.field == Field::Pattern { 4 } else { 6 })?;
    let room = if header.symmetric { 2 * entries } else { entries };
    let mut triplets = sprs::TriMatI::with_capacity((rows, columns), room);
    for done in 0..entries {
        let line = lines.require(&format!("entry {} of {entries}", done + 1))?;
        let mut words = words(line);
        let i = lines.index(words.next(), rows, "row")?;
        let j = lines.index(words.next(), columns, "column")?;
        let value = if header.field == Field::Pattern { 1.0 } else { lines.value(words.next())? };
        if words.next().is_some() {
            return Err(lines.error("more on the line than an entry"));
        }
        triplets.add_triplet(i as usize, j as usize, value);
        if header.symmetric && i != j {
            triplets.add_triplet(j as usize, i as usize, value);
        }
    }
    lines.end(entries)?;
    Ok((rows, columns, triplets))
}

/// A vector from the bytes of a file; `path` is for messages.
///
/// Errors: what is wrong, with the line.
pub fn parse_vector(bytes: &[u8], path: &Path) -> Result<Vec<f64>> {
    let mut lines = Lines { rest: bytes, number: 0, path };
    let header = lines.header()?;
    if header.coordinate {
        let (rows, columns, triplets) = coordinates(&mut lines, &header)?;
        one_column(&lines, columns)?;
        let mut v = vec![0.0; rows];
        for (value, (i, _)) in &triplets {
            v[i as usize] += value;
        }
        return Ok(v);
    }
    let [rows, columns] = lines.counts::<2>("numbers of rows and columns")?;
    one_column(&lines, columns)?;
    lines.plausible(rows, 2)?;
    let mut v = Vec::with_capacity(rows);
    for done in 0..rows {
        let line = lines.require(&format!("value {} of {rows}", done + 1))?;
        v.push(lines.value(Some(line))?);
    }
    lines.end(rows)?;
    Ok(v)
}

fn one_column(lines: &Lines<'_>, columns: usize) -> Result<()> {
    if columns == 1 { Ok(()) } else { Err(lines.error(format!("{columns} columns; a vector has one"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sparse::gallery::{lattice, poisson_2d};

    fn matrix(text: &str) -> Result<Csr> {
        parse_matrix(text.as_bytes(), Path::new("a.mtx"))
    }

    fn message<T>(result: Result<T>) -> String {
        result.err().expect("an error").to_string()
    }

    #[test]
    fn what_is_written_reads_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mtx");
        let jumps =
            lattice([9, 7, 2], crate::sparse::gallery::Boundary::Dirichlet, |[i, j, _]| 0.1 + (i * j) as f64 / 3.0);
        let rectangle = Csr::new(2, 3, vec![0, 2, 3], vec![0, 2, 1], vec![1e-300, -0.1, 1.0 / 3.0]);
        for (a, symmetry) in [(&jumps, "symmetric"), (&rectangle, "general"), (&poisson_2d(70), "symmetric")] {
            write_matrix(&path, a).unwrap();
            assert!(std::fs::read_to_string(&path).unwrap().lines().next().unwrap().ends_with(symmetry));
            assert_eq!(&read_matrix(&path).unwrap(), a);
        }
        let v: Vec<f64> = (0..10_000).map(|i| (i as f64).sin() * 1e-5).collect();
        write_vector(&path, &v).unwrap();
        assert_eq!(read_vector(&path).unwrap(), v);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
        assert!(write_vector(folder.path().join("no/such/folder"), &v).is_err());
    }

    #[test]
    fn every_supported_kind_is_read() {
        let a =
            matrix("%%MatrixMarket MATRIX Coordinate Integer General\n% c\n\n2 3 3\n2 3 -4\n1 1 1\r\n1 1 2").unwrap();
        assert_eq!(a, Csr::new(2, 3, vec![0, 1, 2], vec![0, 2], vec![3.0, -4.0]));
        let a = matrix("%%MatrixMarket matrix coordinate pattern symmetric\n2 2 2\n2 1\n2 2\n").unwrap();
        assert_eq!(a, Csr::new(2, 2, vec![0, 1, 3], vec![1, 0, 1], vec![1.0; 3]));
        let vector = |text: &str| parse_vector(text.as_bytes(), Path::new("b.mtx"));
        assert_eq!(vector("%%MatrixMarket matrix array real general\n2 1\n1.5\n-2e3").unwrap(), [1.5, -2000.0]);
        assert_eq!(vector("%%MatrixMarket matrix coordinate real general\n3 1 1\n2 1 7\n").unwrap(), [0.0, 7.0, 0.0]);
        assert!(message(vector("%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n4\n")).contains("2 columns"));
    }

    #[test]
    fn errors_name_the_line_and_what_is_wrong() {
        let real = |body: &str| message(matrix(&format!("%%MatrixMarket matrix coordinate real general\n{body}")));
        for (got, wanted) in [
            (message(matrix("")), "a.mtx: the file ends before its header"),
            (message(matrix("hello\n")), "line 1: not a Matrix Market header"),
            (message(matrix("%%MatrixMarket matrix coordinate complex general\n")), "field \"complex\" is not read"),
            (message(matrix("%%MatrixMarket matrix coordinate real hermitian\n")), "symmetry \"hermitian\""),
            (message(matrix("%%MatrixMarket matrix coordinate real symmetric\n2 3 0\n")), "symmetric matrix of 2 rows"),
            (real("% c\n2 2\n"), "line 3: numbers of rows, columns and entries wanted"),
            (real("2 2 x\n"), "line 2: numbers of rows"),
            (real("2 2 2\n1 1 1.0\n"), "line 2: 2 entries are promised, only 8 bytes follow"),
            (real("2 2 2\n1 1 1.0\n\n\n\n\n"), "the file ends before entry 2 of 2"),
            (real("2 2 1\n1 3 1.0\n"), "line 3: column \"3\" is not a number from 1 to 2"),
            (real("2 2 1\n0 1 1.0\n"), "row \"0\" is not a number from 1 to 2"),
            (real("2 2 1\n1 1 zero\n"), "\"zero\" is not a number"),
            (real("2 2 1\n1 1 nan\n"), "the value nan is not finite"),
            (real("2 2 1\n1 1      \n"), "a value is missing"),
            (real("2 2 1\n1 1 1 1\n"), "more on the line"),
            (real("2 2 1\n1 1 1\n2 2 1\n"), "line 4: more than the 1 entries promised"),
            (real("2 2 99999999999999999999\n"), "numbers of rows"),
            (real("2 2 18446744073709551615\n1 1 1\n"), "18446744073709551615 entries are promised"),
            (real("4000000000 4000000000 1\n1 1 1\n"), "4000000000 rows or columns in a file with 6 bytes left"),
        ] {
            assert!(got.contains(wanted), "got \"{got}\", wanted \"{wanted}\"");
        }
    }

    #[test]
    fn no_truncation_or_changed_byte_panics() {
        let text = b"%%MatrixMarket matrix coordinate real symmetric\n3 3 4\n1 1 2.0\n2 1 -1.0\n2 2 2\n3 3 1e1\n";
        for cut in 0..text.len() {
            let _ = parse_matrix(&text[..cut], Path::new("a.mtx"));
            for byte in [b'9', b'-', b' ', b'\n', 0, 255] {
                let mut changed = text.to_vec();
                changed[cut] = byte;
                let _ = parse_matrix(&changed, Path::new("a.mtx"));
                let _ = parse_vector(&changed, Path::new("a.mtx"));
            }
        }
    }
}
