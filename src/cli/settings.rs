//! Solver settings from a TOML file and `-p field=value`.

use crate::device::Device;
use crate::error::{Error, Place, Result};
use crate::solver::{Method, SolverConfig};
use crate::voxel::Family;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::path::Path;
use toml::{Table, Value};

/// Parses the name of one of `all`. Where it is none, clap lists them and says which is the nearest; shells complete them.
pub(super) fn one_of<T: Copy + Send + Sync + 'static>(
    all: impl IntoIterator<Item = T>,
    name_of: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let all: Vec<T> = all.into_iter().collect();
    let names = PossibleValuesParser::new(all.iter().map(|t| name_of(*t)));
    names.map(move |name| *all.iter().find(|t| name_of(**t) == name).expect("clap lets names of the list through"))
}

/// Parses a method's name.
pub(super) fn method() -> impl TypedValueParser<Value = Method> {
    one_of(std::iter::once(Method::Auto).chain(Method::ALL), Method::name)
}

/// Parses the name of a family of voxel scenes.
pub(super) fn family() -> impl TypedValueParser<Value = Family> {
    one_of(Family::ALL, Family::name)
}

/// Parses a device's name.
pub(super) fn device() -> impl TypedValueParser<Value = Device> {
    one_of([Device::Cpu, Device::Cuda], |device| device.name())
}

/// The settings of `file`, changed by `set`, over the defaults.
pub(super) fn read(file: Option<&Path>, set: &[String]) -> Result<SolverConfig> {
    let mut table = match file {
        None => Table::new(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "read", e))?;
            text.parse().map_err(|e: toml::de::Error| {
                let place = e.span().map_or(Place::File, |s| Place::Line(text[..s.start].matches('\n').count() + 1));
                Error::file(path, place, e.message(), HELP)
            })?
        }
    };
    for assignment in set {
        // By itself first: then a fault is this one's.
        let mut alone = Table::new();
        insert(&mut alone, assignment)?;
        let checked: std::result::Result<SolverConfig, toml::de::Error> = Value::Table(alone).try_into();
        checked.map_err(|e| Error::file(format!("-p {assignment}"), Place::File, e.message(), HELP))?;
        insert(&mut table, assignment)?;
    }
    let source = file.unwrap_or(Path::new("-p"));
    Value::Table(table).try_into().map_err(|e: toml::de::Error| Error::file(source, Place::File, e.message(), HELP))
}

const HELP: &str = "the fields are method, stop.{rtol,atol,max_iterations}, precond.ic.*, precond.deflation.* and precond.amg.* (rustdoc: SolverConfig)";

/// Puts `a.b.c=value` into the table.
fn insert(table: &mut Table, assignment: &str) -> Result<()> {
    let bad = |what: &str| Error::Option { option: "-p".into(), value: assignment.into(), what: what.into() };
    let (field, value) = assignment.split_once('=').ok_or_else(|| bad("is not of the form field=value"))?;
    let mut names: Vec<&str> = field.trim().split('.').collect();
    let last = names.pop().filter(|n| !n.is_empty()).ok_or_else(|| bad("names no field"))?;
    let mut table = table;
    for name in names {
        let inner = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
        table = inner.as_table_mut().ok_or_else(|| bad("goes into a field that is a value"))?;
    }
    // A bare word is a string: -p method=cg.
    let value = format!("v = {}", value.trim()).parse::<Table>().ok().and_then(|mut t| t.remove("v"));
    let text = assignment.split_once('=').map(|(_, v)| v.trim().to_string()).unwrap_or_default();
    table.insert(last.into(), value.unwrap_or(Value::String(text)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_set_by_name_and_unknown_ones_refused() {
        let set = ["method=pcg-ic", "stop.rtol=1e-4", "precond.amg.theta=0.1"].map(str::to_string);
        let config = read(None, &set).unwrap();
        assert_eq!((config.method, config.stop.rtol, config.precond.amg.theta), (Method::PcgIc, 1e-4, 0.1));
        for bad in ["stop.rtoll=1", "precond=3", "rtol", "=1", "stop.rtol.x=1", "method=magic"] {
            assert!(read(None, &[bad.to_string()]).is_err(), "{bad}");
        }
    }
}
