//! Everything about a run that changes: what a checkpoint holds.

use crate::optimiser::Moments;
use crate::{Best, Epoch, Precision};

/// The state between two steps. The order of the epoch's samples and all random numbers follow from the seed and these
/// counters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State<T> {
    pub params: Vec<T>,
    pub moments: Moments<T>,
    /// Epochs that are done.
    pub epoch: u64,
    /// Blocks of the next epoch that are done.
    pub block: u64,
    /// Steps that are done, over the whole run.
    pub step: u64,
    /// Seconds of this epoch's steps so far.
    pub seconds: f64,
    pub best: Best<T>,
    pub history: Vec<Epoch>,
}

impl<T: Precision> State<T> {
    pub fn start(params: Vec<T>, moments: Moments<T>) -> Self {
        Self {
            best: Best::start(&params),
            params,
            moments,
            epoch: 0,
            block: 0,
            step: 0,
            seconds: 0.0,
            history: Vec::new(),
        }
    }
}
