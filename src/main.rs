//! The command `filet`: parse, run, exit code. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    filet::cli::run(std::env::args_os())
}
