//! Scenes and pressures as HDF5 files; `.bin` files are those of DCDM.
//!
//! | name | what |
//! |---|---|
//! | `/flags` | integers of shape `[n0, n1, n2]` or `[n0, n1]`: 0 solid, 1 fluid, 2 air |
//! | `/rhs` | the right-hand side b, numbers of the same shape; zeros where it is absent |
//! | `/pressure` | in solutions: p, 0 outside the fluid |
//! | `spacing` | attribute of the root: side of a cell, 1 where it is absent |

use super::{Scene, VoxelGrid, dcdm};
use crate::error::{Error, Place, Result};
use crate::hdf5::{Attribute, Layout, Reader, Writer};
use std::path::Path;

/// Reads a scene: HDF5, or the `.bin` files of DCDM and its successor (`src/voxel/dcdm.rs` tells of them), any of which names
/// the others beside it.
///
/// Errors: no HDF5 file or one cut short; no `/flags`, or of another shape than two or three directions; flags out of
/// range (with the cell); `/rhs` of another shape, or not finite in a fluid cell (with the cell); no fluid cell.
pub fn read(path: impl AsRef<Path>) -> Result<Scene> {
    let path = path.as_ref();
    if path.extension().is_some_and(|e| e == "bin") {
        return dcdm::read(path);
    }
    let reader = Reader::open(path)?;
    let shape = reader.shape("flags")?;
    let refuse = |set: &str, what: String, help: &str| Error::file(path, Place::Section(set.into()), what, help);
    if !(2..=3).contains(&shape.len()) {
        return Err(refuse("/flags", format!("has the shape {shape:?}"), "a voxel grid has two or three directions"));
    }
    let flags = reader.read::<u8>("flags")?;
    let place = |set: &str, e: Error| refuse(set, e.to_string(), &e.help().unwrap_or_default());
    let mut grid = VoxelGrid::new(&shape, flags).map_err(|e| place("/flags", e))?;
    grid.require_fluid().map_err(|e| place("/flags", e))?;
    let root = reader.members("/")?;
    let rhs = match root.datasets.iter().any(|name| name == "rhs") {
        false => vec![0.0; grid.cells()],
        true => values(&reader, path, "rhs", &shape)?,
    };
    if let Ok(spacing) = reader.attribute("/", "spacing") {
        let number = spacing.number();
        grid.spacing = number.filter(|h| h.is_finite() && *h > 0.0).ok_or_else(|| {
            let what = number.map_or("is text".into(), |h| format!("is {h}"));
            refuse("attribute spacing", what, "the side of a cell is a positive number")
        })?;
    }
    Scene::new(grid, rhs).map_err(|e| place("/rhs", e))
}

/// Reads the pressure that [`write_pressure`] wrote, with its shape.
///
/// Errors: no HDF5 file or no `/pressure` in it.
pub fn read_pressure(path: impl AsRef<Path>) -> Result<(Vec<usize>, Vec<f64>)> {
    let reader = Reader::open(&path)?;
    let shape = reader.shape("pressure")?;
    let pressure = values(&reader, path.as_ref(), "pressure", &shape)?;
    Ok((shape, pressure))
}

fn values(reader: &Reader, path: &Path, name: &str, shape: &[usize]) -> Result<Vec<f64>> {
    let found = reader.shape(name)?;
    if found != shape {
        return Err(Error::file(
            path,
            Place::Section(format!("/{name}")),
            format!("has the shape {found:?}, /flags has {shape:?}"),
            "give one value a cell",
        ));
    }
    reader.read(name)
}

/// Writes a pressure with the flags it belongs to, whole or not at all.
///
/// Errors: a path that cannot be written.
pub fn write_pressure(path: impl AsRef<Path>, grid: &VoxelGrid, pressure: &[f64]) -> Result<()> {
    write(path.as_ref(), grid, "pressure", pressure)
}

impl Scene {
    /// Writes the scene, whole or not at all.
    ///
    /// Errors: a path that cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        write(path.as_ref(), &self.grid, "rhs", &self.rhs)
    }
}

fn write(path: &Path, grid: &VoxelGrid, name: &str, values: &[f64]) -> Result<()> {
    let mut writer = Writer::create(path)?;
    writer.write("flags", grid.sides(), grid.flags(), Layout::Compressed)?;
    writer.write(name, grid.sides(), values, Layout::Compressed)?;
    writer.attribute("/", "spacing", &Attribute::Float(grid.spacing))?;
    writer.finish()
}
