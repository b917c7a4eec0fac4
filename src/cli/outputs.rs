//! Names of files to write, looked at before anything is computed.

use crate::error::{Error, Result};
use crate::file::no_folder;
use std::path::Path;

/// Finds what can be wrong with a name: its ending where one of several is asked for, its folder, a folder of that name.
pub(super) fn check_ending(path: Option<&Path>, option: &str, endings: &[&str]) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    if !endings.is_empty() && !endings.iter().any(|e| path.extension().is_some_and(|x| x == *e)) {
        return Err(Error::Option {
            option: option.into(),
            value: path.display().to_string(),
            what: format!("the file name must end in .{}", endings.join(" or .")),
        });
    }
    check_folder(path)?;
    match path.is_dir() {
        true => Err(Error::io(path, "write", std::io::Error::new(std::io::ErrorKind::IsADirectory, "it is a folder"))),
        false => Ok(()),
    }
}

/// Finds a folder missing.
pub(super) fn check_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Error::io(path, "write", no_folder()));
    }
    Ok(())
}

/// Refuses to write over the file that is read.
pub(super) fn check_apart(output: Option<&Path>, option: &str, input: &str) -> Result<()> {
    let Some(output) = output else { return Ok(()) };
    match (output.canonicalize(), Path::new(input).canonicalize()) {
        (Ok(written), Ok(read)) if written == read => Err(Error::Option {
            option: option.into(),
            value: output.display().to_string(),
            what: "this file is what is read; give another name".into(),
        }),
        _ => Ok(()),
    }
}
