//! Bytes as a file, for readers that take paths.

use std::path::PathBuf;

/// The path of a file of that name with these bytes, in a folder of this process.
pub fn holding(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("filet_fuzz_{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for files");
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}
