//! The command line.

use std::process::ExitCode;

/// Runs the command with these arguments (the program's name first).
pub fn run(_args: impl IntoIterator<Item = std::ffi::OsString>) -> ExitCode {
    ExitCode::SUCCESS
}
