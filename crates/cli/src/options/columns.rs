//! How a table is read.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use pushpull_files::{Header, Missing, Reading, Target};

/// How a table is read.
#[derive(Debug, Default, Args)]
pub struct Columns {
    /// Whether the first line of a table names its columns; auto: if there is a name in it and no number. Lines before the
    /// table that start with # are comments; names in the last of them, as numpy.savetxt writes, are taken with yes, where
    /// --target names one, or where one of them is label, class, target or y
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Named::Auto, requires = "data")]
    pub header: Named,
    /// The column of the target in a table, by name or number from 1; once for each
    /// [default: the one that a header calls label, class, target or y; else the last]
    #[arg(long, value_name = "NAME|INDEX", requires = "data")]
    pub target: Vec<String>,
    /// The targets, where --data is an .npy of inputs alone (.npy)
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "target",
        requires = "data"
    )]
    pub labels: Option<PathBuf>,
    /// What to do with empty fields of a table
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Gaps::Refuse, requires = "data")]
    pub missing: Gaps,
}

/// Whether a first line is a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Named {
    /// If there is a name in it and no number
    #[default]
    Auto,
    /// It names the columns
    Yes,
    /// It is a sample
    No,
}

/// What becomes of missing values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Gaps {
    /// The file is refused
    #[default]
    Refuse,
    /// They are replaced by the mean of their column
    Mean,
    /// Their line is left out
    Drop,
}

impl Columns {
    /// The files that a command reads: these, and that of the labels.
    pub fn files<'a>(&'a self, own: &[&'a Path]) -> Vec<&'a Path> {
        let labels = self.labels.as_deref();
        own.iter().copied().chain(labels).collect()
    }

    /// The same for the reader of files.
    pub fn reading(&self, batch: Option<usize>) -> Reading {
        Reading {
            batch,
            inputs_alone: false,
            header: match self.header {
                Named::Auto => Header::Auto,
                Named::Yes => Header::Yes,
                Named::No => Header::No,
            },
            targets: self
                .target
                .iter()
                .map(|target| match target.parse() {
                    Ok(index) => Target::Index(index),
                    Err(_) => Target::Name(target.clone()),
                })
                .collect(),
            labels: self.labels.clone(),
            missing: match self.missing {
                Gaps::Refuse => Missing::Refuse,
                Gaps::Mean => Missing::Mean,
                Gaps::Drop => Missing::Drop,
            },
            classes: None,
        }
    }
}
