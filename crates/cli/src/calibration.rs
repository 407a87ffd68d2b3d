//! Where the program keeps how long this machine takes for each block.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Once;

use pushpull_planner::Calibration;

use crate::screen;

/// What a calibration of any version begins with.
const START: &str = "pushpull calibration ";

/// Plans with the program's calibration: read from its file, or measured, and written there if something was added. A place
/// that cannot be written to is no reason not to plan. A file that the user did not name is told of when it is made.
pub fn with<R>(plan: impl FnOnce(&mut Calibration) -> R) -> R {
    let place = place().filter(Place::is_free);
    let known = place
        .as_ref()
        .and_then(|place| Calibration::load(&place.path).ok());
    let new = known.is_none();
    let mut calibration = known.unwrap_or_else(Calibration::measure);
    let planned = plan(&mut calibration);
    if let Some(Place { path, named }) = place
        && calibration.keep(&path).is_ok_and(|written| written && new)
        && !named
    {
        screen::remark(&[format!(
            "pushpull: the measured times of this machine are kept in {}; PUSHPULL_CALIBRATION names another file, or \"\" for none",
            path.display()
        )]);
    }
    planned
}

/// A file, and whether the user named it.
struct Place {
    path: PathBuf,
    named: bool,
}

impl Place {
    /// Whether a calibration may be written there. What holds something else is left as it is, with a word.
    fn is_free(&self) -> bool {
        static SAID: Once = Once::new();
        let start = || {
            let mut start = Vec::new();
            let file = File::open(&self.path)?;
            file.take(START.len() as u64).read_to_end(&mut start)?;
            Ok::<_, io::Error>(start)
        };
        let ours = |start: Vec<u8>| start.is_empty() || start == START.as_bytes();
        let free = match fs::metadata(&self.path) {
            Ok(found) => found.is_file() && start().is_ok_and(ours),
            Err(_) => true,
        };
        if !free {
            SAID.call_once(|| {
                screen::remark(&[format!(
                    "{}: no calibration, so it is left as it is, and the measured times of this machine are not kept; PUSHPULL_CALIBRATION names another file, or \"\" for none",
                    self.path.display()
                )]);
            });
        }
        free
    }
}

/// `PUSHPULL_CALIBRATION`, nothing if that is empty; else in the user's directory for caches.
fn place() -> Option<Place> {
    let set = |name| std::env::var_os(name).map(PathBuf::from);
    let given = |path: PathBuf| (!path.as_os_str().is_empty()).then_some(path);
    if let Some(named) = set("PUSHPULL_CALIBRATION") {
        return given(named).map(|path| Place { path, named: true });
    }
    let cache = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let cache = cache.or_else(|| Some(set("HOME").and_then(given)?.join(".cache")))?;
    Some(Place {
        path: cache.join("pushpull").join("calibration.txt"),
        named: false,
    })
}
