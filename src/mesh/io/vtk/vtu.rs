//! Reading VTU: VTK's XML files of unstructured grids.

use std::path::Path;

use super::array::{self, Number};
use super::cells::{Cells, Fault, raw_mesh};
use super::groups;
use super::xml::{Array, Document, Format, Piece, array_place, parse};
use crate::error::{Error, Place, Result};
use crate::mesh::io::import::import;
use crate::mesh::io::{Field, MeshFile};

/// Reads a VTU file whose content is `data`.
pub(crate) fn read_vtu(path: &Path, data: &[u8]) -> Result<MeshFile> {
    let document = parse(path, data)?;
    let (mut points, mut cells) = (Vec::new(), Cells::default());
    let (mut point_data, mut cell_data) = (Vec::new(), Vec::new());
    for (i, piece) in document.pieces.iter().filter(|p| p.points > 0 || p.cells > 0).enumerate() {
        let base = points.len();
        append(&mut points, &mut document.points(piece)?);
        document.cells(piece, base, &mut cells)?;
        document.fields(piece, "PointData", piece.points, i == 0, &mut point_data)?;
        document.fields(piece, "CellData", piece.cells, i == 0, &mut cell_data)?;
    }
    let stored = document.groups()?;
    let checksum = groups::checksum(&cells.connectivity);
    let fault = |Fault { what, help }| Error::file(path, Place::Section("Cells".into()), what, help);
    let mut raw = raw_mesh(points, cells, point_data, cell_data).map_err(fault)?;
    let stale = !stored.restore(&mut raw, checksum);
    let mut file = import(path, raw)?;
    if stale {
        file.notes.push("the groups stored in the file belong to another mesh and are left out".into());
    }
    Ok(file)
}

impl Document<'_> {
    fn points(&self, piece: &Piece) -> Result<Vec<[f64; 3]>> {
        let Some([array]) = piece.arrays.get("Points").map(Vec::as_slice) else {
            return match piece.points {
                0 => Ok(Vec::new()),
                n => {
                    Err(self.error(Place::Section("Points".into()), format!("there should be one array of {n} points")))
                }
            };
        };
        if array.components != 3 {
            let what = format!("points have {} coordinates, not 3", array.components);
            return Err(self.error(array_place(array, Some("Points")), what));
        }
        let values = self.exactly::<f64>(array, "Points", piece.points, 3)?;
        Ok(values.as_chunks().0.to_vec())
    }

    /// Appends the piece's cells; its points are numbered from `base` on.
    fn cells(&self, piece: &Piece, base: usize, cells: &mut Cells) -> Result<()> {
        if piece.cells == 0 {
            return Ok(());
        }
        let array = |name: &str| {
            let found = piece.arrays.get("Cells").and_then(|a| a.iter().find(|a| a.name == name));
            found.ok_or_else(|| self.error(Place::Section("Cells".into()), format!("there is no array \"{name}\"")))
        };
        let mut connectivity = self.decode::<u32>(array("connectivity")?, "Cells")?;
        if let Some(at) = connectivity.iter().position(|&v| v as usize >= piece.points) {
            let what = format!("number {at} is point {} of {} points", connectivity[at], piece.points);
            return Err(self.error(array_place(array("connectivity")?, Some("Cells")), what));
        }
        let first = cells.connectivity.len() as u64;
        if base > 0 {
            // fewer points than 2^32 are checked on import, and these numbers are below that
            connectivity.iter_mut().for_each(|v| *v = v.saturating_add(u32::try_from(base).unwrap_or(u32::MAX)));
        }
        let mut ends = self.exactly::<u64>(array("offsets")?, "Cells", piece.cells, 1)?;
        let used = ends.last().copied().unwrap_or(0);
        if used != connectivity.len() as u64 {
            let what = format!("the cells end at {used} of {} numbers in connectivity", connectivity.len());
            return Err(self.error(array_place(array("offsets")?, Some("Cells")), what));
        }
        if first > 0 {
            ends.iter_mut().for_each(|e| *e = e.saturating_add(first));
        }
        let mut types = self.exactly::<u8>(array("types")?, "Cells", piece.cells, 1)?;
        append(&mut cells.connectivity, &mut connectivity);
        append(&mut cells.ends, &mut ends);
        append(&mut cells.types, &mut types);
        Ok(())
    }

    /// Appends the piece's fields to those of the pieces before.
    fn fields(
        &self,
        piece: &Piece,
        section: &'static str,
        n: usize,
        first: bool,
        fields: &mut Vec<Field>,
    ) -> Result<()> {
        let arrays = piece.arrays.get(section).map_or(&[][..], Vec::as_slice).iter().filter(|a| a.number.is_some());
        if first {
            for array in arrays {
                let values = self.exactly::<f64>(array, section, n, array.components)?;
                fields.push(Field { name: array.name.clone(), components: array.components, values });
            }
            return Ok(());
        }
        for field in fields {
            let array = arrays.clone().find(|a| a.name == field.name && a.components == field.components);
            let Some(array) = array else {
                let place = Place::Section(format!("array \"{}\" of {section}", field.name));
                return Err(self.error(place, "is in the first piece but not in all".into()));
            };
            field.values.append(&mut self.exactly::<f64>(array, section, n, field.components)?);
        }
        Ok(())
    }

    fn groups(&self) -> Result<groups::Stored> {
        let mut stored = groups::Stored::default();
        for array in self.fields.iter().filter(|a| groups::is_stored(&a.name)) {
            stored.add(&array.name, self.decode::<u64>(array, "FieldData")?);
        }
        Ok(stored)
    }

    /// The array's numbers, which must be `n` times `components`.
    fn exactly<T: Number>(&self, array: &Array, section: &'static str, n: usize, components: usize) -> Result<Vec<T>> {
        let values = self.decode(array, section)?;
        if Some(values.len()) != n.checked_mul(components) {
            let what = format!("has {} numbers, not {n} times {components}", values.len());
            return Err(self.error(array_place(array, Some(section)), what));
        }
        Ok(values)
    }

    fn decode<T: Number>(&self, array: &Array, section: &'static str) -> Result<Vec<T>> {
        let number = array.number.ok_or("does not hold numbers".to_string());
        let values = number.and_then(|number| {
            let from_bytes = |stored: &[u8]| {
                let bytes = array::payload(stored, self.encoding)?;
                if bytes.len() % number.bytes() != 0 {
                    return Err(format!("has {} bytes, no multiple of {}", bytes.len(), number.bytes()));
                }
                array::numbers(&bytes, number, self.encoding.big_endian)
            };
            match array.format {
                Format::Ascii => array::ascii(array.text),
                Format::Base64 if array.text.trim_ascii().is_empty() => Ok(Vec::new()),
                Format::Base64 => from_bytes(&array::base64(array.text)?),
                Format::Appended(offset) => {
                    let all = self.appended.len();
                    let stored = self.appended.get(offset..);
                    let stored = stored.ok_or(format!("begins at byte {offset} of {all} bytes of appended data"))?;
                    if !self.appended_base64 {
                        return from_bytes(stored);
                    }
                    let next = self.offsets.partition_point(|&o| o <= offset);
                    let end = self.offsets.get(next).map_or(stored.len(), |o| (o - offset).min(stored.len()));
                    from_bytes(&array::base64(&stored[..end])?)
                }
            }
        });
        values.map_err(|what| self.error(array_place(array, Some(section)), what))
    }
}

fn append<T>(to: &mut Vec<T>, from: &mut Vec<T>) {
    if to.is_empty() {
        std::mem::swap(to, from);
    } else {
        to.append(from);
    }
}
