//! Why an edition was refused.

use std::path::PathBuf;

/// Why a report could not be replaced. The earlier one stands.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EditionError {
    /// A target that is no directory, or has no name of its own.
    #[error("{target}: expected a directory for the report, got {got}; choose another place", target = .target.display())]
    Target {
        /// The place.
        target: PathBuf,
        /// What is there.
        got: &'static str,
    },
    /// A file name that leads out of the report, or belongs to the machinery.
    #[error("{name}: expected a name inside the report directory, got one that is not; use names such as `cost.csv` or `depth/time.png`", name = .name.display())]
    Name {
        /// The name.
        name: PathBuf,
    },
    /// The file system refused.
    #[error("{path}: expected to {action}, got {detail}; make room or give write permission, the earlier report stands", path = .path.display())]
    Refused {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        detail: String,
    },
}
