//! What becomes of the samples' losses.

use clap::ValueEnum;

/// What becomes of the samples' losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reduction {
    /// They are added
    Sum,
    /// Their sum is divided by the batch
    Mean,
}
