//! What times a computation: `benches/cost.rs` has criterion do it, which this crate does not depend on.

use std::path::PathBuf;

/// Seconds of one call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Time {
    /// The median over the samples.
    pub median: f64,
    /// Lower end of criterion's 95 % confidence interval of the median.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// Why a time could not be had.
#[derive(Debug, thiserror::Error)]
#[error("{file}: expected criterion's estimates, got {detail}; remove the directory and run again", file = .file.display())]
pub struct TimerError {
    /// Where the estimates should be.
    pub file: PathBuf,
    /// What was there.
    pub detail: String,
}

/// Times computations.
pub trait Timer {
    /// The time of one call of `run`. `id` names what is timed: at most 60 characters.
    ///
    /// # Errors
    /// [`TimerError`] if there are no estimates.
    fn time(&mut self, id: &str, run: &mut dyn FnMut()) -> Result<Time, TimerError>;
}
