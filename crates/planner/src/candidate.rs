//! The ways to an answer, and what is known of each.

use std::fmt;

use pushpull_core::Prediction;
use pushpull_reverse_mode::Store;

use crate::Question;

/// One way to answer a question, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Way {
    /// Forward mode, all directions at once.
    ForwardDense,
    /// Forward mode with this many directions at a time.
    ForwardChunked(usize),
    /// Forward mode with structured tangents, this many samples at a time.
    ForwardStructured(usize),
    /// Reverse mode, this many cotangents side by side.
    Reverse(usize),
    /// Reverse mode that keeps this much and computes the rest again, so many cotangents side by side.
    ReverseCheckpointed(Store, usize),
    /// A chain's Jacobian by its cheapest bracketing.
    Mixed,
    /// Second derivatives on planes: values beside tangents.
    Planes,
    /// Second derivatives by reverse mode at duals.
    Duals,
    /// Second derivatives by forward mode at duals, this many directions at a time.
    ForwardOverForward(usize),
}

impl Way {
    /// The candidate's name, without its settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForwardDense => "forward dense",
            Self::ForwardChunked(_) => "forward chunked",
            Self::ForwardStructured(_) => "forward structured",
            Self::Reverse(_) => "reverse",
            Self::ReverseCheckpointed(..) => "reverse checkpointed",
            Self::Mixed => "mixed",
            Self::Planes => "planes",
            Self::Duals => "duals",
            Self::ForwardOverForward(_) => "forward over forward",
        }
    }

    /// Whether it leads to the answer of a question.
    pub const fn answers(self, question: Question) -> bool {
        match question {
            Question::HessianVector(_) => {
                matches!(
                    self,
                    Self::Planes | Self::Duals | Self::ForwardOverForward(_)
                )
            }
            Question::Gradient => !matches!(
                self,
                Self::Mixed | Self::Planes | Self::Duals | Self::ForwardOverForward(_)
            ),
            Question::Jvp(_) | Question::Vjp(_) | Question::JacobianParams => matches!(
                self,
                Self::ForwardDense
                    | Self::ForwardChunked(_)
                    | Self::Reverse(_)
                    | Self::ReverseCheckpointed(..)
            ),
            Question::GradientNorms => {
                matches!(self, Self::Reverse(_) | Self::ReverseCheckpointed(..))
            }
            Question::JacobianInputs => matches!(
                self,
                Self::ForwardDense
                    | Self::ForwardChunked(_)
                    | Self::Reverse(_)
                    | Self::ReverseCheckpointed(..)
                    | Self::Mixed
            ),
            _ => false,
        }
    }

    /// Whether it is forward mode alone.
    pub const fn is_forward(self) -> bool {
        matches!(
            self,
            Self::ForwardDense
                | Self::ForwardChunked(_)
                | Self::ForwardStructured(_)
                | Self::ForwardOverForward(_)
        )
    }

    /// Whether it is reverse mode alone, or reverse mode along a direction.
    pub const fn is_reverse(self) -> bool {
        matches!(
            self,
            Self::Reverse(_) | Self::ReverseCheckpointed(..) | Self::Planes | Self::Duals
        )
    }
}

/// The name, and how much is carried at once.
impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        let text = match self {
            Self::ForwardChunked(n) | Self::ForwardOverForward(n) => format!("{name}, {n} at once"),
            Self::ForwardStructured(n) if *n == 1 => format!("{name}, 1 sample at once"),
            Self::ForwardStructured(n) => format!("{name}, {n} samples at once"),
            Self::Reverse(n) if *n > 1 => format!("{name}, {n} side by side"),
            _ => name.to_owned(),
        };
        f.pad(&text)
    }
}

/// A way with what it would take.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The way.
    pub way: Way,
    /// Exact flops, calls of elementary functions and bytes; `None` where there is no such way to this answer.
    pub prediction: Option<Prediction>,
    /// Seconds of one run, prepared before; `None` where it was not worth predicting.
    pub seconds: Option<f64>,
    /// Why it cannot be taken; `None`: it can.
    pub obstacle: Option<String>,
}

impl Candidate {
    /// Whether it can be taken.
    pub const fn is_feasible(&self) -> bool {
        self.obstacle.is_none()
    }
}
