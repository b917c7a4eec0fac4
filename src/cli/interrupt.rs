//! Ctrl-C: the first one asks the solver to stop at its next iteration, the second ends the program.

use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Exit code of a program ended by SIGINT, by the shell's convention.
const INTERRUPTED: i32 = 130;

/// From here on the first Ctrl-C is kept for [`asked`].
pub(super) fn install() {
    // Fails only where a handler exists already; then that one decides.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
    });
}

/// Whether Ctrl-C was pressed.
pub(super) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
