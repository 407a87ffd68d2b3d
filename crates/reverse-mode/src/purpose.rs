//! What an engine is prepared for.

use pushpull_core::program::Program;
use pushpull_core::{Graph, Result};

use crate::programs;

/// What is made, and what to do where it does not fit: for errors.
pub(crate) const WHAT: &str = "reverse mode's record and cotangents";
pub(crate) const REMEDY: &str = "pull back fewer seeds side by side, or use a smaller batch";

/// What an engine is prepared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Value and gradient, of the inputs too or not.
    Gradient { inputs: bool },
    /// The norm of each sample's gradient.
    Norms,
    /// A record, and cotangents of any kind pulled back from it.
    Record,
}

impl Purpose {
    pub(crate) fn program(self, graph: &Graph, batch: usize, seeds: usize) -> Result<Program> {
        match self {
            Self::Gradient { inputs } => programs::gradient(graph, batch, inputs),
            Self::Norms => programs::norms(graph, batch),
            Self::Record => programs::recorded(graph, batch, seeds),
        }
    }
}
