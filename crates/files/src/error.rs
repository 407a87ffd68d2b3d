//! What is wrong with a file, in one line: where, what was expected, what came, what to do.

use std::path::{Path, PathBuf};

use pushpull_core::siblings::words::cut;

use crate::words::{self, Line};

/// Characters of what came that are shown, at most: a parser may repeat a whole header.
const GOT: usize = 400;

/// Why a file was not read or written. Its words are one line, with control characters escaped, whatever the file holds.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// A file that is not what it should be.
    #[error("{}", Line(format_args!("{}: {what}: expected {expected}, got {got}; {remedy}", words::file(.file))))]
    Input {
        /// The file, as it was named.
        file: PathBuf,
        /// The array, the line, or another part of the file.
        what: String,
        /// What belongs there.
        expected: String,
        /// What is there.
        got: String,
        /// What to do about it.
        remedy: String,
    },
    /// A request that no file can fulfil: sizes without a meaning, an output that cannot come about.
    #[error("{}", Line(format_args!("{what}: expected {expected}, got {got}; {remedy}")))]
    Request {
        /// The option or argument.
        what: String,
        /// What fits.
        expected: String,
        /// What came.
        got: String,
        /// What to do about it.
        remedy: String,
    },
    /// A file that could not be written.
    #[error("{}", Line(format_args!("{}: expected a file that can be written, got {detail}; check that the directory exists and has room", .file.display())))]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// Numbers that do not fit into memory.
    #[error(transparent)]
    Memory(Box<pushpull_core::Error>),
}

// The error of the core is as large as this one, and two in one would be more than a result should carry.
impl From<pushpull_core::Error> for FileError {
    fn from(fault: pushpull_core::Error) -> Self {
        Self::Memory(Box::new(fault))
    }
}

impl FileError {
    /// [`FileError::Input`]; of what came, at most 400 characters are kept.
    pub fn input(
        file: &Path,
        what: impl Into<String>,
        expected: impl Into<String>,
        got: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Input {
            file: file.to_owned(),
            what: what.into(),
            expected: expected.into(),
            got: cut(got.into(), GOT),
            remedy: remedy.into(),
        }
    }

    /// [`FileError::Request`].
    pub fn request(
        what: impl Into<String>,
        expected: impl Into<String>,
        got: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Request {
            what: what.into(),
            expected: expected.into(),
            got: got.into(),
            remedy: remedy.into(),
        }
    }

    /// [`FileError::Write`].
    pub fn write(file: &Path, detail: impl ToString) -> Self {
        Self::Write {
            file: file.to_owned(),
            detail: detail.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_fault_leaves_its_line() {
        let wild = "\u{1b}]0;owned\u{7}\n";
        let path = Path::new(wild);
        for fault in [
            FileError::input(path, wild, wild, wild, wild),
            FileError::request(wild, wild, wild, wild),
            FileError::write(path, wild),
        ] {
            let words = fault.to_string();
            assert!(!words.contains(char::is_control), "{words:?}");
            assert!(words.contains("\\u{1b}]0;owned\\u{7}\\n"), "{words}");
        }
    }

    #[test]
    fn what_came_is_cut() {
        let fault = FileError::input(Path::new("f"), "", "", "x".repeat(100_000), "");
        assert!(fault.to_string().len() < 500);
    }
}
