//! Writing files so that no half-written one is ever left under the name asked for.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use tempfile::NamedTempFile;

/// Writes a file: `write` fills a temporary one in the same folder, which takes the name `path` when the system has accepted
/// all of it and goes where anything fails (a full disk). It does not wait until the disk has it, which takes longer than many
/// solves. A link is followed; what is no ordinary file (a pipe, a terminal) is written to directly.
pub fn write_atomic(path: impl AsRef<Path>, write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> Result<()> {
    let path = path.as_ref();
    let failed = |source| Error::io(path, "write", source);
    let fill = |file: &File| -> io::Result<()> {
        let mut writer = BufWriter::with_capacity(1 << 18, file);
        write(&mut writer)?;
        writer.flush()
    };
    if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        let file = File::options().write(true).open(path).map_err(failed)?;
        return fill(&file).map_err(failed);
    }
    let (temporary, target) = temporary_beside(path)?;
    fill(temporary.as_file()).map_err(failed)?;
    temporary.persist(&target).map_err(|e| failed(e.error))?;
    Ok(())
}

/// A temporary file, removed when dropped, and the name beside it that it takes in the end: `path`, or what that links to.
///
/// Errors: a folder of that name, a file that must not be written, a folder that is not there or takes no files.
pub(crate) fn temporary_beside(path: &Path) -> Result<(NamedTempFile, PathBuf)> {
    let failed = |source| Error::io(path, "write", source);
    let target = match fs::metadata(path) {
        Ok(there) if there.is_dir() => return Err(failed(io::ErrorKind::IsADirectory.into())),
        Ok(there) if there.permissions().readonly() => return Err(failed(io::ErrorKind::PermissionDenied.into())),
        Ok(_) => fs::canonicalize(path).map_err(failed)?,
        Err(_) => path.to_path_buf(),
    };
    let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(failed(no_folder()));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    Ok((builder.tempfile_in(folder).map_err(failed)?, target))
}

/// Why nothing can be written where there is no folder.
pub(crate) fn no_folder() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "its folder does not exist")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_a_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomic(&path, |w| w.write_all(b"one")).unwrap();
        write_atomic(&path, |w| w.write_all(b"two")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_no_temporary() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomic(&path, |w| w.write_all(b"one")).unwrap();
        let error = write_atomic(&path, |w| {
            w.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(error.unwrap_err().to_string().contains("a.txt: cannot write"));
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(names(folder.path()), ["a.txt"]);
        assert!(write_atomic(folder.path(), |_| Ok(())).is_err());
        assert!(write_atomic(folder.path().join("none/a.txt"), |_| Ok(())).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn follows_links_and_writes_to_devices() {
        use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.txt"), folder.path().join("b.txt"));
        write_atomic(&path, |w| w.write_all(b"one")).unwrap();
        assert_ne!(fs::metadata(&path).unwrap().permissions().mode() & 0o400, 0);
        symlink(&path, &link).unwrap();
        write_atomic(&link, |w| w.write_all(b"two")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        write_atomic("/dev/null", |w| w.write_all(b"gone")).unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        if Path::new("/dev/full").exists() {
            let error = write_atomic("/dev/full", |w| w.write_all(&[0; 1000])).unwrap_err();
            assert!(error.help().is_some_and(|help| help.contains("space")), "{error}");
        }
    }
}
