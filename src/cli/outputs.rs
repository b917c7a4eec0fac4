//! Names of files to write, looked at before anything is computed.

use crate::error::{Error, Result};
use std::path::Path;

/// Finds what can be wrong with a name: its ending, its folder.
pub(super) fn check_ending(path: Option<&Path>, option: &str, endings: &[&str]) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    if !endings.iter().any(|e| path.extension().is_some_and(|x| x == *e)) {
        return Err(Error::Option {
            option: option.into(),
            value: path.display().to_string(),
            what: format!("the file name must end in .{}", endings.join(" or .")),
        });
    }
    check_folder(path)
}

/// Finds a folder missing.
pub(super) fn check_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let why = std::io::Error::new(std::io::ErrorKind::NotFound, "its folder does not exist");
        return Err(Error::io(path, "write", why));
    }
    Ok(())
}
