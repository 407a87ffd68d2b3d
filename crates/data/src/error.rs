//! What can be wrong with a data file.

use std::path::PathBuf;

/// Why there is no data.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file is not there.
    #[error("{file}: expected a data file, got none; restore `data/` from the repository or give the directory that holds it", file = .file.display())]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("{file}: expected a readable file, got {detail}; check its permissions", file = .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// The packed file is damaged or was cut off.
    #[error("{file}: expected gzip, got {detail}; fetch the file again", file = .file.display())]
    Gzip {
        /// The file.
        file: PathBuf,
        /// What the unpacker said.
        detail: String,
    },
    /// The file is longer than any of these sets can be.
    #[error("{file}: expected at most {limit} bytes unpacked, got more; this is not the data set; fetch it again", file = .file.display())]
    TooLong {
        /// The file.
        file: PathBuf,
        /// The bound.
        limit: u64,
    },
    /// A file without a row.
    #[error("{file}: expected rows of numbers, got none; fetch the file again", file = .file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// A row of the wrong length.
    #[error("{file}, line {line}: expected {expected} columns, got {got}; fetch the file again or restore the line", file = .file.display())]
    Columns {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: u64,
        /// Columns of the set.
        expected: usize,
        /// Columns of the line.
        got: usize,
    },
    /// A field that does not hold what its column holds.
    #[error("{file}, line {line}, column {column}: expected {expected}, got {got:?}; restore the field or remove the line", file = .file.display())]
    Field {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: u64,
        /// Counted from 1.
        column: usize,
        /// What the column holds.
        expected: String,
        /// The field, at most 40 characters of it.
        got: String,
    },
    /// A number of rows other than a header or a second file says.
    #[error("{file}: expected {expected} samples ({source_of_count}), got {got}; the file is incomplete or is another one; fetch it again", file = .file.display())]
    Samples {
        /// The file.
        file: PathBuf,
        /// Who says so.
        source_of_count: String,
        /// The number that fits.
        expected: usize,
        /// The number that came.
        got: usize,
    },
    /// A matrix of one's own that makes no data set, or a batch of an impossible size.
    #[error("data set {name:?}: {what}: expected {expected}, got {got}; {remedy}")]
    Unfit {
        /// The set's name.
        name: String,
        /// What is wrong.
        what: &'static str,
        /// What fits.
        expected: String,
        /// What came.
        got: String,
        /// What to do.
        remedy: &'static str,
    },
}
