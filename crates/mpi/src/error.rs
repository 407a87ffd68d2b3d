//! What can go wrong between ranks.

use std::path::PathBuf;

use pushpull_train::TrainError;

/// Why ranks have no answer together.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MpiError {
    /// The graph, a shape or a number, as the engines say it.
    #[error(transparent)]
    Core(#[from] pushpull_core::Error),
    /// A run that cannot start or go on.
    #[error(transparent)]
    Train(Box<TrainError>),
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
    /// Ranks that are not alike.
    #[error(
        "rank {rank} differs from rank 0 in {what}: expected {expected}, got {got}; start every rank with the same program, options and files"
    )]
    Disagree {
        /// What differs: the version, the network, the training data, ...
        what: String,
        /// The first rank that differs.
        rank: usize,
        /// What rank 0 has.
        expected: String,
        /// What that rank has.
        got: String,
    },
    /// A rank that is gone while another one waits for it.
    #[error(
        "rank {rank} expected a message of rank {from}, which has ended; see what that rank said"
    )]
    Lost {
        /// The rank that waited.
        rank: usize,
        /// The rank that is gone.
        from: usize,
    },
    /// A message of another length than the receiver expects.
    #[error(
        "rank {rank} expected {expected} bytes of rank {from}, got {got}; make the same calls in the same order on every rank"
    )]
    Message {
        /// The receiver.
        rank: usize,
        /// The sender.
        from: usize,
        /// Bytes that fit.
        expected: usize,
        /// Bytes that came.
        got: usize,
    },
    /// A trial of a search that another rank could not finish.
    #[error("{0}")]
    Trial(String),
    /// MPI itself.
    #[error("MPI: {what}; {remedy}")]
    Mpi {
        /// What does not work.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A file that cannot be read or written.
    #[error("{file}: {detail}; {remedy}", file = .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        detail: String,
        /// What to do.
        remedy: &'static str,
    },
}

impl From<MpiError> for pushpull_core::Error {
    fn from(fault: MpiError) -> Self {
        match fault {
            MpiError::Core(fault) => fault,
            other => Self::above(other),
        }
    }
}

impl From<MpiError> for TrainError {
    fn from(fault: MpiError) -> Self {
        match fault {
            MpiError::Train(fault) => *fault,
            other => Self::Core(other.into()),
        }
    }
}

impl From<TrainError> for MpiError {
    fn from(fault: TrainError) -> Self {
        Self::Train(Box::new(fault))
    }
}
