//! What can be wrong with a recorded program or with a question about it.

use std::panic::Location;

/// A result of this crate.
pub type Result<R, E = Error> = std::result::Result<R, E>;

/// A fault, with the line of the caller's source where it was made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Operands whose shapes do not go together.
    #[error(
        "{at}: {op} of {left} and {right}: expected {expected}; reshape, transpose or broadcast one of them"
    )]
    Shapes {
        /// The operation.
        op: String,
        /// The shape of the first operand, `rows x columns`.
        left: String,
        /// The shape of the second.
        right: String,
        /// What goes together.
        expected: String,
        /// Where the operation was written.
        at: &'static Location<'static>,
    },
    /// A value of the wrong shape, where one shape is right.
    #[error("{at}: {op}: expected {expected}, got {got}; {remedy}")]
    Shape {
        /// The operation or argument.
        op: String,
        /// The shape that fits.
        expected: String,
        /// The shape that came.
        got: String,
        /// What to do about it.
        remedy: &'static str,
        /// Where it was written.
        at: &'static Location<'static>,
    },
    /// Values of two tapes in one operation or question.
    #[error(
        "{at}: {op}: expected values of one tape, got one of another; record both on the same tape, or hand the value over with `other.constant(v.value()?)`"
    )]
    OtherTape {
        /// The operation or question.
        op: String,
        /// Where it was written.
        at: &'static Location<'static>,
    },
    /// A block that cannot be an operation as it is.
    #[error("{at}: {source}")]
    Block {
        /// What the block says.
        source: Box<pushpull_core::Error>,
        /// Where it was recorded.
        at: &'static Location<'static>,
    },
    /// A value that a program does not have.
    #[error(
        "{at}: expected a source or a constant that the program's output depends on, got another value of {shape}; see `Program::sources` and `Program::constants`"
    )]
    NoPlace {
        /// Its shape.
        shape: String,
        /// Where it was written.
        at: &'static Location<'static>,
    },
    /// A graph's or an engine's own.
    #[error(transparent)]
    Graph(Box<pushpull_core::Error>),
    /// The planner's own.
    #[error(transparent)]
    Plan(Box<pushpull_planner::PlanError>),
}

impl From<pushpull_core::Error> for Error {
    fn from(fault: pushpull_core::Error) -> Self {
        Self::Graph(Box::new(fault))
    }
}

impl From<pushpull_planner::PlanError> for Error {
    fn from(fault: pushpull_planner::PlanError) -> Self {
        match fault {
            pushpull_planner::PlanError::Graph(fault) => fault.into(),
            other => Self::Plan(Box::new(other)),
        }
    }
}

impl From<Error> for pushpull_core::Error {
    fn from(fault: Error) -> Self {
        match fault {
            Error::Graph(fault) => *fault,
            Error::Plan(fault) => (*fault).into(),
            other => Self::above(other),
        }
    }
}

/// `rows x columns`, as every message writes a shape.
pub(crate) fn shown((nrows, ncols): (usize, usize)) -> String {
    format!("{nrows} x {ncols}")
}
