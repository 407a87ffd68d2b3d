//! Ctrl-C: the first asks for an end, so that what is finished is kept; a second one ends the program at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant};

/// A second signal that comes sooner is the same press: some shells send it to a program and to its group.
const SAME: Duration = Duration::from_millis(500);

static CAME: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C asks for an end. Where the system lets nobody listen, it ends the program, as before.
pub fn listen() {
    static LISTENING: Once = Once::new();
    static FIRST: OnceLock<Instant> = OnceLock::new();
    LISTENING.call_once(|| {
        let heard = || {
            let first = FIRST.get_or_init(Instant::now);
            CAME.store(true, Ordering::Relaxed);
            if first.elapsed() > SAME {
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
