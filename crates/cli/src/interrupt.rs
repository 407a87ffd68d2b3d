//! Ctrl-C: the first asks for an end, so that what is finished is kept; the second ends the program at once.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static CAME: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C asks for an end. Where the system lets nobody listen, it ends the program, as before.
pub fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let heard = || {
            if CAME.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        };
        let _ = ctrlc::set_handler(heard);
    });
}

/// Whether an end was asked for.
pub fn came() -> bool {
    CAME.load(Ordering::Relaxed)
}
