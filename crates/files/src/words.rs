//! Words of faults: fit for one line of a terminal, wherever their parts are from.

use std::path::Path;

pub use pushpull_core::siblings::words::{Line, shown};

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

/// A number for a message: one of many digits by its power of ten.
pub fn number(value: f64) -> String {
    match value.abs() {
        1e15.. | 0.0..1e-5 if value != 0.0 && value.is_finite() => format!("{value:e}"),
        _ => value.to_string(),
    }
}

/// The name of a file: `-` is standard input.
pub fn file(path: &Path) -> String {
    if is_stdin(path) {
        return "standard input".into();
    }
    path.display().to_string()
}
