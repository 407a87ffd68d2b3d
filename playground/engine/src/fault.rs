//! What went wrong, in one line for the page.

use std::fmt;

/// One line: the thing, what was expected, what came, a remedy.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault(pub String);

/// An answer or one line.
pub type Result<T> = std::result::Result<T, Fault>;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! from {
    ($($error:ty),*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        }
    )*};
}

from!(
    pushpull_core::Error,
    pushpull_train::TrainError,
    pushpull_planner::PlanError,
    serde_json::Error,
    csv::Error
);
