//! What can be wrong with a chain that is handed in as numbers.

/// Why there is no plan for a chain of sizes or a file of factors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// A line that is not a factor.
    #[error("line {line}: expected {expected}, got {got}; {remedy}")]
    Line {
        /// Counted from 1; of factors that come from no file, the position.
        line: usize,
        /// What the line should hold.
        expected: String,
        /// What it holds.
        got: String,
        /// What to do about it.
        remedy: String,
    },
    /// A file without a factor.
    #[error(
        "the chain: expected at least one factor, got none; give one line `m n E` for each, in the order of evaluation"
    )]
    Empty,
    /// More factors than are planned.
    #[error(
        "line {line}: expected at most {limit} factors, got more; merge neighbouring factors, or plan the chain in parts"
    )]
    TooMany {
        /// The line of the first factor too many.
        line: usize,
        /// The limit.
        limit: usize,
    },
    /// A size that no matrix has.
    #[error("size {position}: expected at least 1, got 0; every factor has a row and a column")]
    ZeroSize {
        /// Counted from 1, the outputs first.
        position: usize,
    },
    /// Too few or too many sizes.
    #[error(
        "the sizes: expected 2 to {limit} of them, got {got}; a chain of n factors has n + 1 sizes, the outputs first"
    )]
    Sizes {
        /// The most sizes that are planned.
        limit: usize,
        /// The sizes that came.
        got: usize,
    },
    /// A cost that 128 bits cannot hold.
    #[error(
        "{what}: expected a cost below 2^128, got more; check the sizes and edges for typing errors"
    )]
    Overflow {
        /// Which cost.
        what: String,
    },
    /// The file cannot be read.
    #[error("line {line}: expected text, got {detail}; check the file and its permissions")]
    Read {
        /// Counted from 1.
        line: usize,
        /// What the system said.
        detail: String,
    },
}

impl From<ChainError> for pushpull_core::Error {
    fn from(fault: ChainError) -> Self {
        Self::above(fault)
    }
}
