//! The XML of a VTU file: its pieces and arrays, the numbers still as stored.

use std::collections::HashMap;
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::array::{Encoding, NumberType};
use crate::error::{Error, Place, Result};

const DAMAGED: &str = "the file is damaged: save it again";

/// A `<DataArray>` whose numbers are still as stored.
pub(super) struct Array<'a> {
    pub name: String,
    /// `None` for strings and the like.
    pub number: Option<NumberType>,
    pub components: usize,
    pub format: Format,
    /// The text between its tags; empty where the data are appended.
    pub text: &'a [u8],
}

pub(super) enum Format {
    Ascii,
    Base64,
    /// Their place after the `_` of `<AppendedData>`.
    Appended(usize),
}

#[derive(Default)]
pub(super) struct Piece<'a> {
    pub points: usize,
    pub cells: usize,
    pub arrays: HashMap<&'static str, Vec<Array<'a>>>,
}

/// A file in parts: XML read, numbers not yet decoded.
pub(super) struct Document<'a> {
    pub path: &'a Path,
    pub encoding: Encoding,
    pub pieces: Vec<Piece<'a>>,
    pub fields: Vec<Array<'a>>,
    /// What follows the `_` of `<AppendedData>`, and whether it is base64.
    pub appended: &'a [u8],
    pub appended_base64: bool,
    /// Where in it some array begins.
    pub offsets: Vec<usize>,
}

/// Splits off the appended data, which need not be XML, and reads the rest.
pub(super) fn parse<'a>(path: &'a Path, data: &'a [u8]) -> Result<Document<'a>> {
    let error = |place, what: String| Error::file(path, place, what, DAMAGED);
    let tag = b"<AppendedData";
    let cut = data.windows(tag.len()).position(|w| w == tag).unwrap_or(data.len());
    let mut document = Document {
        path,
        encoding: Encoding { big_endian: false, header_bytes: 4, zlib: false },
        pieces: Vec::new(),
        fields: Vec::new(),
        appended: &[],
        appended_base64: false,
        offsets: Vec::new(),
    };
    if let Some(close) = data[cut..].iter().position(|&b| b == b'>') {
        let head = &data[cut..cut + close];
        document.appended_base64 = !head.windows(3).any(|w| w == b"raw");
        let rest = &data[cut + close..];
        let start = rest
            .iter()
            .position(|&b| b == b'_')
            .ok_or_else(|| error(Place::Section("AppendedData".into()), "does not begin with an underscore".into()))?;
        document.appended = &rest[start + 1..];
        if document.appended_base64 {
            let end = document.appended.iter().position(|&b| b == b'<').unwrap_or(document.appended.len());
            document.appended = &document.appended[..end];
        }
    }
    document.read_xml(&data[..cut])?;
    if document.pieces.is_empty() {
        return Err(error(Place::File, "the file has no <Piece> with points and cells".into()));
    }
    Ok(document)
}

impl<'a> Document<'a> {
    fn read_xml(&mut self, xml: &'a [u8]) -> Result<()> {
        let xml = std::str::from_utf8(xml)
            .map_err(|e| self.error(Place::Byte(e.valid_up_to()), "the XML part is not text in UTF-8".into()))?;
        let mut reader = Reader::from_str(xml);
        let mut section: Option<&'static str> = None;
        // the array whose text comes next, and how deep within it the reader is
        let mut open: Option<(Array<'a>, usize)> = None;
        let mut seen_root = false;
        loop {
            let event = reader.read_event();
            let at = reader.buffer_position() as usize;
            match event {
                Err(e) => return Err(self.error(Place::Byte(at), format!("not well-formed XML: {e}"))),
                Ok(Event::Eof) => break,
                Ok(Event::Start(tag)) => match &mut open {
                    Some((_, depth)) => *depth += 1,
                    None => {
                        seen_root |= tag.name().as_ref() == "VTKFile";
                        self.start(&tag, at, &mut section, &mut open)?;
                    }
                },
                Ok(Event::Empty(tag)) if open.is_none() => {
                    self.start(&tag, at, &mut section, &mut open)?;
                    if let Some((array, _)) = open.take() {
                        self.keep(array, section);
                    }
                }
                Ok(Event::Text(text)) => {
                    if let (Some((array, 0)), std::borrow::Cow::Borrowed(text)) = (&mut open, text.into_inner())
                        && array.text.trim_ascii().is_empty()
                    {
                        array.text = text.as_bytes();
                    }
                }
                Ok(Event::End(tag)) => match &mut open {
                    Some((_, depth)) if *depth > 0 => *depth -= 1,
                    Some(_) => {
                        if let Some((array, _)) = open.take() {
                            self.keep(array, section);
                        }
                    }
                    None if section_name(tag.name().as_ref()).is_some() => section = None,
                    None => {}
                },
                Ok(_) => {}
            }
        }
        if !seen_root {
            return Err(self.error(Place::File, "the file has no <VTKFile>: it is not a VTU file".into()));
        }
        if let Some((array, _)) = open {
            return Err(self.error(array_place(&array, section), "the file ends within its data".into()));
        }
        self.offsets.sort_unstable();
        Ok(())
    }

    /// Takes a start tag in.
    fn start(
        &mut self,
        tag: &BytesStart,
        at: usize,
        section: &mut Option<&'static str>,
        open: &mut Option<(Array<'a>, usize)>,
    ) -> Result<()> {
        let attributes = Attributes::of(tag).map_err(|what| self.error(Place::Byte(at), what))?;
        match tag.name().as_ref() {
            "VTKFile" => self.root(&attributes)?,
            "Piece" => {
                let count = |name| {
                    let text = attributes.get(name).unwrap_or("");
                    let what = || format!("<Piece> has {name}=\"{text}\", not a number");
                    text.trim().parse().map_err(|_| self.error(Place::Byte(at), what()))
                };
                let (points, cells) = (count("NumberOfPoints")?, count("NumberOfCells")?);
                self.pieces.push(Piece { points, cells, arrays: HashMap::new() });
            }
            "DataArray" if section.is_some() => {
                let array = Array::new(&attributes);
                let array = array.map_err(|(name, what)| {
                    self.error(Place::Section(format!("array \"{name}\" of {}", section.unwrap_or(""))), what)
                })?;
                if let Format::Appended(offset) = array.format {
                    self.offsets.push(offset);
                }
                *open = Some((array, 0));
            }
            name => *section = section_name(name).or(*section),
        }
        Ok(())
    }

    fn root(&mut self, attributes: &Attributes) -> Result<()> {
        let get = |name| attributes.get(name);
        let refuse = |what: String, help: &str| Error::file(self.path, Place::Section("VTKFile".into()), what, help);
        match get("type") {
            Some("UnstructuredGrid") => {}
            other => {
                let what = format!("holds {}, not an UnstructuredGrid", other.unwrap_or("data of no stated type"));
                let help =
                    "ParaView's filter Append Datasets makes an unstructured grid of anything: save that as .vtu";
                return Err(refuse(what, help));
            }
        }
        match get("compressor") {
            None | Some("") => {}
            Some("vtkZLibDataCompressor") => self.encoding.zlib = true,
            Some(other) => {
                let help = "save it with compressor zlib or none (ParaView: Data > Save Data > Compressor Type; meshio: convert --compression zlib)";
                return Err(refuse(format!("is compressed by {other}, which is not read"), help));
            }
        }
        self.encoding.big_endian = match get("byte_order") {
            None | Some("LittleEndian") => false,
            Some("BigEndian") => true,
            Some(other) => return Err(refuse(format!("has the unknown byte_order \"{other}\""), DAMAGED)),
        };
        self.encoding.header_bytes = match get("header_type") {
            None | Some("UInt32") => 4,
            Some("UInt64") => 8,
            Some(other) => return Err(refuse(format!("has the unknown header_type \"{other}\""), DAMAGED)),
        };
        Ok(())
    }

    fn keep(&mut self, array: Array<'a>, section: Option<&'static str>) {
        match (section, self.pieces.last_mut()) {
            (Some("FieldData"), _) => self.fields.push(array),
            (Some(section), Some(piece)) => piece.arrays.entry(section).or_default().push(array),
            _ => {}
        }
    }

    pub fn error(&self, place: Place, what: String) -> Error {
        Error::file(self.path, place, what, DAMAGED)
    }
}

impl<'a> Array<'a> {
    /// By its attributes; else its name and what is wrong.
    fn new(attributes: &Attributes) -> std::result::Result<Self, (String, String)> {
        let get = |name| attributes.get(name);
        let name = get("Name").unwrap_or("").to_string();
        let wrong = |what| Err((name.clone(), what));
        let count = |text: &str| text.trim().parse::<usize>().ok();
        let components = match get("NumberOfComponents").map(count) {
            None => 1,
            Some(Some(n)) if n > 0 => n,
            Some(_) => return wrong("has a NumberOfComponents that is not a positive number".into()),
        };
        let format = match get("format") {
            None | Some("ascii") => Format::Ascii,
            Some("binary") => Format::Base64,
            Some("appended") => match get("offset").and_then(count) {
                Some(offset) => Format::Appended(offset),
                None => return wrong("is appended but has no offset".into()),
            },
            Some(other) => return wrong(format!("has the unknown format \"{other}\"")),
        };
        let number = NumberType::from_xml(get("type").unwrap_or(""));
        Ok(Array { name, number, components, format, text: &[] })
    }
}

/// The attributes of a tag.
struct Attributes(Vec<(String, String)>);

impl Attributes {
    fn of(tag: &BytesStart) -> std::result::Result<Self, String> {
        let read = tag.attributes().map(|attribute| {
            let attribute = attribute.map_err(|e| format!("not well-formed XML: {e}"))?;
            let value = quick_xml::escape::unescape(&attribute.value);
            let value = value.map_err(|e| format!("not well-formed XML: {e}"))?.into_owned();
            Ok((attribute.key.as_ref().to_string(), value))
        });
        read.collect::<std::result::Result<_, String>>().map(Attributes)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn section_name(tag: &str) -> Option<&'static str> {
    ["Points", "Cells", "PointData", "CellData", "FieldData"].into_iter().find(|name| *name == tag)
}

pub(super) fn array_place(array: &Array, section: Option<&str>) -> Place {
    Place::Section(format!("array \"{}\" of {}", array.name, section.unwrap_or("the file")))
}
