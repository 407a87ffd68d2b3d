//! What a step and an epoch leave behind.

use crate::Metrics;

/// One step, before it moved the parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// From 1, over the whole run.
    pub number: u64,
    /// The epoch it belongs to, from 1.
    pub epoch: u64,
    /// Samples of its block.
    pub samples: usize,
    /// The mean loss of the block at the parameters before the step.
    pub loss: f64,
    /// The length of the gradient of that mean.
    pub gradient_norm: f64,
    /// Whether it was the last of its epoch, whose metrics are the last of [`crate::Training::history`] then.
    pub ends_epoch: bool,
}

/// The metrics at the end of an epoch, at the parameters of then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// From 1.
    pub number: u64,
    /// On the training part.
    pub train: Metrics,
    /// On the validation part, if there is one.
    pub valid: Option<Metrics>,
    /// Wall time of its steps.
    pub seconds: f64,
    /// Wall time of these metrics.
    pub evaluation_seconds: f64,
    /// Whether its watched loss was the lowest so far.
    pub best: bool,
}
