//! A run's state in a file, whole or not at all.
//!
//! The file is written beside its place, synchronised, and renamed over it: whatever the moment of a kill or a power cut,
//! the place holds the earlier checkpoint or the new one. The layout, numbers with their lowest byte first:
//!
//! ```text
//! magic, version (u32), the run's identity (pairs of texts), the state (counters, arrays, epochs), CRC-32 of all before
//! ```
//!
//! The identity says which run this is: precision, network, loss, data, batch, optimiser, decay, mode, initialiser, seed,
//! patience. A checkpoint of another run is refused with the first difference. Epochs and threads are no part of it: a run
//! can be prolonged, and moved to a machine with more processors.

mod decode;
mod encode;
mod place;

pub(crate) use decode::decode;
pub(crate) use encode::encode;
pub(crate) use place::{read, write};

/// The first bytes of a file.
const MAGIC: &[u8] = b"pushpull training checkpoint\n";
/// The layout's number; another layout gets another.
const VERSION: u32 = 2;

/// What a run is, as (what, its value) in a fixed order.
pub(crate) type Identity = Vec<(String, String)>;

/// What is wrong with a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointFault {
    /// There is no file.
    #[error(
        "expected a checkpoint, found no file; start the run anew, or give the path that it was saved to"
    )]
    Missing,
    /// The system refuses.
    #[error(
        "the system refused to {action}: {detail}; check the path, its permissions and the space left"
    )]
    Refused {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        detail: String,
    },
    /// Another kind of file.
    #[error(
        "expected a checkpoint of a training run, got another kind of file; give the path that the run was saved to"
    )]
    NotACheckpoint,
    /// Another layout.
    #[error(
        "expected layout {expected}, got layout {got}; resume with the version of pushpull that wrote it"
    )]
    Version {
        /// The layout that this version reads.
        expected: u32,
        /// The file's.
        got: u32,
    },
    /// A file that was cut off or changed.
    #[error("the checkpoint is damaged: {detail}; restore the file, or start the run anew")]
    Damaged {
        /// What does not fit.
        detail: String,
    },
    /// A file longer than any checkpoint of this run.
    #[error("expected at most {limit} bytes, got more; this is not a checkpoint of this run")]
    TooLong {
        /// The bound.
        limit: u64,
    },
    /// A checkpoint of another run.
    #[error(
        "the checkpoint belongs to another run, {what}: expected {expected}, got {got}; resume with the settings it was saved with"
    )]
    Foreign {
        /// What differs first.
        what: String,
        /// This run's.
        expected: String,
        /// The file's.
        got: String,
    },
}

fn damaged(detail: impl Into<String>) -> CheckpointFault {
    CheckpointFault::Damaged {
        detail: detail.into(),
    }
}

#[cfg(test)]
mod tests;
