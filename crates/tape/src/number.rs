//! The scalars of a tape.

use pushpull_core::{Graph, Scalar};
use pushpull_planner::{Budget, Plan, Question};

use crate::Result;

/// A scalar of a tape whose programs can be planned: `f32` or `f64`.
pub trait Number: Scalar {
    /// The planner's table and pick for a question about a graph of one sample.
    ///
    /// # Errors
    /// As [`Plan::new`].
    fn plan(graph: &Graph, question: Question, budget: Budget) -> Result<Plan<Self>>;
}

macro_rules! number {
    ($($t:ty),*) => {$(
        impl Number for $t {
            fn plan(graph: &Graph, question: Question, budget: Budget) -> Result<Plan<Self>> {
                Ok(Plan::new(graph, 1, question, budget)?)
            }
        }
    )*};
}

number!(f32, f64);
