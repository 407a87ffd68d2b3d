//! What can go wrong, in one line each: where, what was expected, what came, what to do.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pushpull_mixed_mode::ChainError;
use pushpull_planner::PlanError;
use pushpull_train::{CheckpointFault, TrainError};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A file that is not what it should be.
    #[error("{file}: {what}: expected {expected}, got {got}; {remedy}", file = .file.display())]
    Input {
        file: PathBuf,
        /// The array, or the part of the file.
        what: String,
        expected: String,
        got: String,
        remedy: String,
    },
    /// An option that does not fit the others, or no machine.
    #[error("{option}: expected {expected}, got {got}; {remedy}")]
    Option {
        option: &'static str,
        expected: String,
        got: String,
        remedy: String,
    },
    /// A graph, batch or budget that an engine refuses.
    #[error(transparent)]
    Engine(#[from] pushpull_core::Error),
    /// A question that the planner has no way for.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A file that is no chain of factors.
    #[error("{file}: {shown}", file = .file.display(), shown = crate::plan::shown(.fault))]
    Chain { file: PathBuf, fault: ChainError },
    /// A training run that cannot start or go on.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A data set of the repository that cannot be read.
    #[error(transparent)]
    Data(#[from] pushpull_data::DataError),
    /// A file that could not be written.
    #[error("{file}: expected a file that can be written, got {detail}; check that the directory exists and has room", file = .file.display())]
    Write { file: PathBuf, detail: String },
    /// A picture that could not be drawn.
    #[error(transparent)]
    Plot(#[from] pushpull_bench::plot::PlotError),
    /// A figure of the lecture that could not be made.
    #[error(transparent)]
    Figure(Box<pushpull_lecture::Fault>),
    /// Finite numbers that led to others.
    #[error("{what}: expected a finite number, got {got}; {remedy}")]
    NotFinite {
        what: String,
        got: String,
        remedy: &'static str,
    },
}

impl From<pushpull_lecture::Fault> for Fault {
    fn from(fault: pushpull_lecture::Fault) -> Self {
        Self::Figure(Box::new(fault))
    }
}

impl Fault {
    /// A fault of a file.
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
            got: got.into(),
            remedy: remedy.into(),
        }
    }

    /// A fault of an option.
    pub fn option(
        option: &'static str,
        expected: impl Into<String>,
        got: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Option {
            option,
            expected: expected.into(),
            got: got.into(),
            remedy: remedy.into(),
        }
    }

    /// 2 where other options or other files would do, 1 where the work itself failed. `--help` lists them.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Engine(
                pushpull_core::Error::Singular { .. } | pushpull_core::Error::Undefined { .. },
            ) => ExitCode::FAILURE,
            Self::Input { .. }
            | Self::Option { .. }
            | Self::Engine(_)
            | Self::Plan(_)
            | Self::Chain { .. }
            | Self::Data(_) => ExitCode::from(2),
            Self::Figure(fault) if matches!(**fault, pushpull_lecture::Fault::Data(_)) => {
                ExitCode::from(2)
            }
            Self::Train(
                TrainError::Diverged { .. }
                | TrainError::NoDerivative { .. }
                | TrainError::Shadow { .. }
                | TrainError::Checkpoint {
                    fault: CheckpointFault::Refused { .. },
                    ..
                },
            ) => ExitCode::FAILURE,
            Self::Train(_) => ExitCode::from(2),
            Self::Write { .. } | Self::Plot(_) | Self::Figure(_) | Self::NotFinite { .. } => {
                ExitCode::FAILURE
            }
        }
    }
}

/// A name out of a file, fit for one line of a terminal.
pub fn shown(name: &str) -> String {
    const MOST: usize = 40;
    let short: String = name.chars().take(MOST).collect();
    let more = if short.len() < name.len() { "..." } else { "" };
    format!("{short:?}{more}")
}

/// A shape as `3 x 5`.
pub fn shape(lengths: &[usize]) -> String {
    match lengths {
        [] => "a single number".into(),
        [n] => format!("{n} numbers"),
        _ => {
            let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
            lengths.join(" x ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_out_of_files_cannot_draw_on_a_terminal() {
        assert_eq!(shown("0.weight"), "\"0.weight\"");
        assert_eq!(shown("\u{1b}[31m\n"), "\"\\u{1b}[31m\\n\"");
        assert!(shown(&"a".repeat(10_000)).len() < 50);
    }
}
