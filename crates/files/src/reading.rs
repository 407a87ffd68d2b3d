//! How the samples of a file are to be read, and what was read.

use std::path::{Path, PathBuf};

use nalgebra::DMatrix;

/// Whether the first line of a table names its columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// It does if there is a name in it and no number.
    #[default]
    Auto,
    /// It does.
    Yes,
    /// It is a sample.
    No,
}

/// What becomes of values that are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// The file is refused.
    #[default]
    Refuse,
    /// The mean of their column takes their place; of inputs alone.
    Mean,
    /// Their line is left out.
    Drop,
}

/// A column of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By its name in the header.
    Name(String),
    /// By its number, the first is 1.
    Index(usize),
}

/// How a file is to be read.
///
/// ```
/// use pushpull_files::{Missing, Reading};
/// let first = Reading { batch: Some(32), missing: Missing::Drop, ..Reading::default() };
/// assert!(first.targets.is_empty()); // the last columns, or as the header says
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The first samples alone; none: all.
    pub batch: Option<usize>,
    /// The targets of an archive, and the columns of a table that `targets` names, are passed over.
    pub inputs_alone: bool,
    /// Of a table.
    pub header: Header,
    /// Of a table: the columns of the target; none: those that the header says, or the last.
    pub targets: Vec<Target>,
    /// Of an npy file of inputs: the npy file of their targets.
    pub labels: Option<PathBuf>,
    /// Of a table.
    pub missing: Missing,
    /// Of a table: the classes' names by number, where they are known already; none: words are numbered as they come.
    pub classes: Option<Vec<String>>,
}

impl Reading {
    /// Columns of a table that are neither inputs nor read: targets that are named where inputs alone are asked for.
    pub(crate) const fn passed_over(&self) -> usize {
        if self.inputs_alone {
            self.targets.len()
        } else {
            0
        }
    }
}

/// The samples of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Inputs over targets, a sample a column.
    pub x: DMatrix<f64>,
    /// The classes' names by number, where the file has words.
    pub classes: Vec<String>,
    /// What was found, to be said to the user: a line each.
    pub said: Vec<String>,
}

/// Whether a file's name stands for standard input.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}
