//! Why there is no plan.

use crate::{Budget, CacheError, Question};

/// A question that was not planned, or a run that was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No way to the answer fits the budget.
    #[error(
        "{question} on a batch of {batch}: expected to fit {budget} bytes, got {smallest} at the least, by {way}; give that budget, or use a smaller batch"
    )]
    OverBudget {
        /// What was asked.
        question: Question,
        /// Samples.
        batch: usize,
        /// The budget.
        budget: Budget,
        /// The smallest budget that would do, in bytes.
        smallest: usize,
        /// The candidate that it would do for.
        way: String,
    },
    /// Directions or cotangents of another kind than the question's.
    #[error("{question}: expected {expected}, got {got}; {remedy}")]
    Seeds {
        /// What was asked.
        question: Question,
        /// What belongs there.
        expected: &'static str,
        /// What came.
        got: &'static str,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The graph, its batch or its data.
    #[error(transparent)]
    Graph(#[from] pushpull_core::Error),
    /// The calibration's file.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

impl From<PlanError> for pushpull_core::Error {
    fn from(fault: PlanError) -> Self {
        match fault {
            PlanError::Graph(fault) => fault,
            other => Self::above(other),
        }
    }
}
