//! The binary files of DCDM (Kaneda et al. 2023) and of its successor (Lan et al. 2024), little-endian, for cubes of N³ cells
//! in row-major order.
//!
//! | file | what |
//! |---|---|
//! | `div_v_star_TAG.bin` | b: a count of 8 bytes and doubles, for all cells or for the fluid ones; zeros where it is absent |
//! | `flags_TAG.bin` | a count of 8 bytes and 32-bit integers: 0 boundary, 1 solid, 2 fluid, 3 air |
//! | `matrixA_TAG.bin`, `A_TAG.bin` | A by rows: 32-bit rows, columns, entries, rows, columns; values (single or double); begins of the rows; columns |
//!
//! Any of the three may be named; the others lie beside it. Where there are no flags they are found from A: a cell with a row is
//! fluid, and its diagonal counts the neighbours that are not solid. Older files have cells on the faces of the box that hang
//! on their inner neighbour alone (p_face = p_inner + b_face); those are eliminated and become solid.

use super::{AIR, FLUID, SOLID, Scene, VoxelGrid};
use crate::error::{Error, Place, Result};
use std::path::{Path, PathBuf};

/// Beginnings of the names: flags, matrices, right-hand side.
const NAMES: [&str; 4] = ["flags_", "matrixA_", "A_", "div_v_star_"];

/// Reads the scene that `path` belongs to.
///
/// Errors: another name than the table's; a file cut short; another count than a cube's; a matrix that is not the 7-point
/// operator of any flags (with the row).
pub(super) fn read(path: &Path) -> Result<Scene> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some(tag) = NAMES.iter().find_map(|begin| name.strip_prefix(begin)) else {
        let what = "this is no file of DCDM's or its successor's: they begin with flags_, matrixA_, A_ or div_v_star_";
        return Err(Error::file(path, Place::File, what, "give such a file, or a scene as HDF5"));
    };
    let [flags, matrix, old_matrix, rhs] = NAMES.map(|begin| path.with_file_name(format!("{begin}{tag}")));
    let matrix = if matrix.exists() { matrix } else { old_matrix };
    if !flags.exists() && !matrix.exists() {
        let what = format!("neither flags_{tag} nor matrixA_{tag} nor A_{tag} lies beside it");
        return Err(Error::file(path, Place::File, what, "put the flags or the matrix into the same folder"));
    }
    let (grid, ghosts) = if flags.exists() { (read_flags(&flags)?, Vec::new()) } else { flags_of(&matrix)? };
    let mut b = match rhs.exists() {
        true => spread(&rhs, read_vector(&rhs)?, &grid, ghosts.len())?,
        false => vec![0.0; grid.cells()],
    };
    for (ghost, inner) in ghosts {
        b[inner] += std::mem::take(&mut b[ghost]);
    }
    Scene::new(grid, b).map_err(|e| Error::file(&rhs, Place::File, e.to_string(), e.help().unwrap_or_default()))
}

/// A file's bytes, and how far they were read.
struct Bytes {
    path: PathBuf,
    data: Vec<u8>,
    at: usize,
}

impl Bytes {
    fn open(path: &Path) -> Result<Self> {
        let data = std::fs::read(path).map_err(|e| Error::io(path, "read", e))?;
        Ok(Bytes { path: path.to_path_buf(), data, at: 0 })
    }

    fn refuse(&self, what: String) -> Error {
        Error::file(&self.path, Place::Byte(self.at), what, "is the file whole, and of this format?")
    }

    fn left(&self) -> usize {
        self.data.len() - self.at
    }

    /// The next `count` values of N bytes.
    fn take<const N: usize, T>(&mut self, count: usize, value: fn([u8; N]) -> T) -> Result<Vec<T>> {
        let (asked, left) = (count.checked_mul(N), self.left());
        let Some(length) = asked.filter(|n| *n <= left) else {
            return Err(self.refuse(format!("{count} values of {N} bytes are announced, {left} bytes are left")));
        };
        let values = self.data[self.at..][..length].as_chunks::<N>().0.iter().map(|bytes| value(*bytes)).collect();
        self.at += length;
        Ok(values)
    }

    /// The count of 8 bytes a vector begins with, and its values.
    fn vector<const N: usize, T>(&mut self, value: fn([u8; N]) -> T) -> Result<Vec<T>> {
        let count = self.take(1, u64::from_le_bytes)?[0];
        let values = self.take(usize::try_from(count).unwrap_or(usize::MAX), value)?;
        match self.left() {
            0 => Ok(values),
            left => Err(self.refuse(format!("{left} bytes are left after {count} values"))),
        }
    }

    /// N, where `cells` is N³.
    fn side(&self, cells: usize) -> Result<usize> {
        let side = (cells as f64).cbrt().round() as usize;
        let cube = side.checked_pow(3) == Some(cells) && side > 0;
        cube.then_some(side).ok_or_else(|| self.refuse(format!("{cells} cells are not a cube's N^3")))
    }
}

fn read_vector(path: &Path) -> Result<Vec<f64>> {
    Bytes::open(path)?.vector(f64::from_le_bytes)
}

fn read_flags(path: &Path) -> Result<VoxelGrid> {
    let mut bytes = Bytes::open(path)?;
    let values = bytes.vector(i32::from_le_bytes)?;
    let side = bytes.side(values.len())?;
    if let Some(c) = values.iter().position(|f| !(0..=3).contains(f)) {
        return Err(bytes.refuse(format!("cell {c} has the flag {}; they are 0 to 3", values[c])));
    }
    VoxelGrid::new(&[side; 3], values.into_iter().map(|f| [SOLID, SOLID, FLUID, AIR][f as usize]).collect())
}

/// b on all cells, from one on all or on the fluid ones.
fn spread(path: &Path, values: Vec<f64>, grid: &VoxelGrid, ghosts: usize) -> Result<Vec<f64>> {
    let fluid = grid.fluid_cells();
    if values.len() == grid.cells() {
        return Ok(values);
    }
    if values.len() != fluid || ghosts > 0 {
        let what = format!("{} values for {} cells, {fluid} of them fluid", values.len(), grid.cells());
        return Err(Error::file(path, Place::File, what, "give one value a cell or a fluid cell"));
    }
    let mut values = values.into_iter();
    Ok(grid.flags().iter().map(|f| if *f == FLUID { values.next().unwrap_or(0.0) } else { 0.0 }).collect())
}

/// Rows of a matrix on the cells of a cube.
struct Rows {
    side: usize,
    /// 0 for cells without a row.
    diagonal: Vec<f64>,
    /// Bit d for a coupling to the neighbour in direction d of [`Rows::neighbour`].
    coupled: Vec<u8>,
}

impl Rows {
    /// The neighbour of cell `c` in direction 0 .. 6: before and after along the slowest side first.
    fn neighbour(&self, c: usize, d: usize) -> Option<usize> {
        let stride = self.side.pow(2 - d as u32 / 2);
        let place = c / stride % self.side;
        if d.is_multiple_of(2) { (place > 0).then(|| c - stride) } else { (place + 1 < self.side).then(|| c + stride) }
    }

    fn neighbours(&self, c: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..6).filter_map(move |d| self.neighbour(c, d).map(|n| (d, n)))
    }

    fn read(bytes: &mut Bytes) -> Result<Self> {
        let head = bytes.take(5, i32::from_le_bytes)?;
        let [rows, columns, entries, outer] = [0, 1, 2, 3].map(|i| usize::try_from(head[i]).unwrap_or(usize::MAX));
        if rows != columns || outer != rows {
            return Err(bytes.refuse(format!("a matrix of {rows} x {columns}, {outer} of them stored")));
        }
        let side = bytes.side(rows)?;
        let indices = entries.saturating_mul(4).saturating_add(outer * 4);
        let values = if bytes.left() == indices.saturating_add(entries.saturating_mul(8)) {
            bytes.take(entries, f64::from_le_bytes)?
        } else {
            bytes.take(entries, |b| f64::from(f32::from_le_bytes(b)))?
        };
        let starts = bytes.take(outer, i32::from_le_bytes)?;
        let columns = bytes.take(entries, i32::from_le_bytes)?;
        let mut this = Rows { side, diagonal: vec![0.0; rows], coupled: vec![0; rows] };
        for c in 0..rows {
            let end = starts.get(c + 1).map_or(entries as i64, |s| i64::from(*s));
            let (Ok(begin), Ok(end)) = (usize::try_from(starts[c]), usize::try_from(end)) else {
                return Err(bytes.refuse(format!("row {c} begins at {}", starts[c])));
            };
            if begin > end || end > entries {
                return Err(bytes.refuse(format!("row {c} has the entries {begin} to {end} of {entries}")));
            }
            for (n, value) in columns[begin..end].iter().zip(&values[begin..end]) {
                let beside = this.neighbours(c).find(|(_, beside)| i64::from(*n) == *beside as i64);
                match beside {
                    None if i64::from(*n) == c as i64 && *value > 0.0 => this.diagonal[c] = *value,
                    Some((d, _)) if *value == -1.0 => this.coupled[c] |= 1 << d,
                    _ if *value == 0.0 => {}
                    _ => return Err(bytes.refuse(format!("row {c} has {value} in column {n}: no 7-point operator"))),
                }
            }
        }
        Ok(this)
    }
}

/// Flags whose 7-point operator the matrix is, and the cells on the box's faces that were eliminated, each with its neighbour.
fn flags_of(path: &Path) -> Result<(VoxelGrid, Vec<(usize, usize)>)> {
    let mut bytes = Bytes::open(path)?;
    let mut rows = Rows::read(&mut bytes)?;
    let ghosts = take_ghosts(&mut rows);
    let Rows { diagonal, coupled, .. } = &rows;
    // What a cell without a row is shows where it lies beside fluid.
    let mut kind: Vec<Option<u8>> = diagonal.iter().map(|d| (*d > 0.0).then_some(FLUID)).collect();
    ghosts.iter().for_each(|(ghost, _)| kind[*ghost] = Some(SOLID));
    let fluid: Vec<usize> = (0..diagonal.len()).filter(|c| diagonal[*c] > 0.0).collect();
    let refuse = |c: usize| bytes.refuse(format!("row {c} is no row of a 7-point operator with unit weights"));
    let mut open = fluid.clone();
    loop {
        let before = open.len();
        let mut left = Vec::new();
        for c in open {
            let beside = |k| rows.neighbours(c).filter(|(_, n)| kind[*n] == k).count();
            let (wet, air, unknown) = (beside(Some(FLUID)), beside(Some(AIR)), beside(None));
            let wanted = diagonal[c] - wet as f64 - air as f64;
            if coupled[c].count_ones() as usize != wet || wanted < 0.0 || wanted > unknown as f64 {
                return Err(refuse(c));
            }
            if wanted == 0.0 || wanted == unknown as f64 {
                let found = if wanted == 0.0 { SOLID } else { AIR };
                let beside: Vec<usize> = rows.neighbours(c).map(|(_, n)| n).filter(|n| kind[*n].is_none()).collect();
                beside.into_iter().for_each(|n| kind[n] = Some(found));
            } else {
                left.push(c);
            }
        }
        let Some(&first) = left.first() else { break };
        if left.len() == before {
            // Several flags have this matrix, or none: try.
            let unknown = rows.neighbours(first).find(|(_, n)| kind[*n].is_none());
            kind[unknown.ok_or_else(|| refuse(first))?.1] = Some(AIR);
        }
        open = left;
    }
    let grid = VoxelGrid::new(&[rows.side; 3], kind.into_iter().map(|k| k.unwrap_or(SOLID)).collect())?;
    // Guesses may have failed cells that were settled before.
    let not_solid = |c: &usize| rows.neighbours(*c).filter(|(_, n)| grid.flags()[*n] != SOLID).count() as f64;
    match fluid.into_iter().find(|c| not_solid(c) != diagonal[*c]) {
        Some(c) => Err(refuse(c)),
        None => Ok((grid, ghosts)),
    }
}

/// Takes out the cells on the box's faces that hang on one neighbour although others lie beside them.
fn take_ghosts(rows: &mut Rows) -> Vec<(usize, usize)> {
    let hangs = |c: &usize| {
        let on_face = rows.neighbours(*c).count() < 6;
        let uncoupled = |(d, n): (usize, usize)| rows.diagonal[n] > 0.0 && rows.coupled[*c] >> d & 1 == 0;
        on_face && rows.diagonal[*c] == 1.0 && rows.coupled[*c].count_ones() == 1 && rows.neighbours(*c).any(uncoupled)
    };
    let ghosts: Vec<(usize, usize)> = (0..rows.diagonal.len())
        .filter(hangs)
        .filter_map(|c| rows.neighbour(c, rows.coupled[c].trailing_zeros() as usize).map(|inner| (c, inner)))
        .collect();
    for &(ghost, inner) in &ghosts {
        let back = rows.coupled[ghost].trailing_zeros() ^ 1;
        (rows.diagonal[ghost], rows.coupled[ghost]) = (0.0, 0);
        rows.diagonal[inner] -= 1.0;
        rows.coupled[inner] &= !(1 << back);
    }
    ghosts
}
