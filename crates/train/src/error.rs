//! What can be wrong with a run.

use std::path::PathBuf;

use crate::CheckpointFault;

/// Why a run cannot start, go on or be kept.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The graph, a shape or a number, as the engines say it.
    #[error(transparent)]
    Core(#[from] pushpull_core::Error),
    /// Samples that make no data set, or do not fit the model.
    #[error("{what}: expected {expected}, got {got}; {remedy}")]
    Data {
        /// What is wrong.
        what: String,
        /// What fits.
        expected: String,
        /// What came.
        got: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A setting outside its domain.
    #[error("{setting}: expected {expected}, got {got}; {remedy}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its domain.
        expected: String,
        /// What came.
        got: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The loss, the gradient or a parameter is no longer finite: the run does not go on, and is not saved any more.
    #[error(
        "step {step} of epoch {epoch}: {what} is {value}; lower the learning rate or scale the inputs"
    )]
    Diverged {
        /// From 1.
        epoch: u64,
        /// From 1, over the whole run.
        step: u64,
        /// `the loss`, `the gradient`, `a parameter`.
        what: &'static str,
        /// `NaN`, `inf` or `-inf`.
        value: String,
    },
    /// A step at which the loss has no derivative: the run does not go on.
    #[error(
        "step {step} of epoch {epoch}: {fault}; or lower the learning rate or scale the inputs"
    )]
    NoDerivative {
        /// From 1.
        epoch: u64,
        /// From 1, over the whole run.
        step: u64,
        /// [`pushpull_core::Error::Singular`].
        fault: Box<pushpull_core::Error>,
    },
    /// A checkpoint that cannot be written, or read.
    #[error("{file}: {fault}", file = .file.display())]
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: CheckpointFault,
    },
    /// A jvp contradicts a gradient.
    #[cfg(feature = "shadow")]
    #[error("the shadow check of step {step}: {fault}")]
    Shadow {
        /// From 1, over the whole run.
        step: u64,
        /// What it says.
        fault: Box<pushpull_laws::ShadowError>,
    },
}

pub(crate) fn setting(
    setting: &'static str,
    expected: impl Into<String>,
    got: impl ToString,
    remedy: &'static str,
) -> TrainError {
    TrainError::Setting {
        setting,
        expected: expected.into(),
        got: got.to_string(),
        remedy,
    }
}

pub(crate) fn data(
    what: impl Into<String>,
    expected: impl Into<String>,
    got: impl ToString,
    remedy: &'static str,
) -> TrainError {
    TrainError::Data {
        what: what.into(),
        expected: expected.into(),
        got: got.to_string(),
        remedy,
    }
}

impl From<TrainError> for pushpull_core::Error {
    fn from(fault: TrainError) -> Self {
        match fault {
            TrainError::Core(fault) => fault,
            other => Self::above(other),
        }
    }
}
