//! What a shadow check says about a gradient.

use std::fmt;

use pushpull_core::Error;

use crate::suspect::Suspect;

/// A gradient that a jvp contradicts.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Miss {
    /// Which gradient of the run, from 1.
    pub number: u64,
    /// The derivative along the direction, by forward mode.
    pub expected: f64,
    /// gradient . direction
    pub got: f64,
    /// What rounding accounts for.
    pub bound: f64,
    /// The block whose rules contradict each other most.
    pub worst: Suspect,
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "gradient {}: along a random direction the jvp gives {:e}, the gradient {:e}; rounding accounts for {:e}; ",
            self.number, self.expected, self.got, self.bound
        )?;
        if self.worst.is_proven() {
            write!(
                f,
                "{}; correct its rules, pushpull_laws::check says which",
                self.worst
            )
        } else {
            write!(
                f,
                "no block is at fault alone (worst: {}); give the gradient itself, for these parameters and this batch",
                self.worst
            )
        }
    }
}

/// Why a gradient did not pass.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ShadowError {
    /// The parameters, the batch or the gradient cannot be checked.
    #[error(transparent)]
    Data(#[from] Error),
    /// The gradient is wrong.
    #[error("{0}")]
    Miss(Box<Miss>),
}

/// A gradient that passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// The derivative along the direction, by forward mode.
    pub jvp: f64,
    /// gradient . direction
    pub along: f64,
    /// The bound that it was held to: the screen where that was enough.
    pub bound: f64,
}
