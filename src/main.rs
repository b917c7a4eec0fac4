//! The command `filet`: parse, run, exit code. Everything else is in the library.

use std::process::ExitCode;

/// `filet bench` says how much memory each method takes.
#[global_allocator]
static HEAP: filet::report::heap::Counting = filet::report::heap::Counting;

fn main() -> ExitCode {
    filet::cli::run(std::env::args_os())
}
