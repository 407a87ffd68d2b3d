//! Words of faults: fit for one line of a terminal, wherever their parts are from.

use std::path::Path;

pub use pushpull_core::siblings::words::{Line, number, shown};

use crate::is_stdin;

/// A shape as `3 x 5`.
pub fn shape(lengths: &[usize]) -> String {
    match lengths {
        [] => "a single number".into(),
        [1] => "1 number".into(),
        [n] => format!("{n} numbers"),
        _ => {
            let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
            lengths.join(" x ")
        }
    }
}

/// The name of a file: `-` is standard input.
pub fn file(path: &Path) -> String {
    if is_stdin(path) {
        return "standard input".into();
    }
    path.display().to_string()
}
