//! The networks, precisions and tasks of the grid.

use std::fmt;

pub use pushpull_bench::net::Net;
use serde::{Deserialize, Serialize};

/// The number that a network computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    F32,
    F64,
}

impl Dtype {
    pub const ALL: [Self; 2] = [Self::F32, Self::F64];

    /// How far a peer's results may be from pushpull's, relative, before its time means nothing.
    pub const fn tolerance(self) -> f64 {
        match self {
            Self::F32 => 1e-4,
            Self::F64 => 1e-10,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// What is computed; L is the loss summed over the batch, w all parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// L and dL/dw, in the library's best way.
    Gradient,
    /// L alone.
    Primal,
    /// L and <dL/dw, w_dot> by forward mode.
    Jvp,
    /// L and dL/dw by forward mode: every parameter a direction.
    ForwardGradient,
    /// The Jacobian of the last layer with respect to the inputs, sample by sample.
    Jacobian,
}

impl Task {
    pub const ALL: [Self; 5] = [
        Self::Gradient,
        Self::Primal,
        Self::Jvp,
        Self::ForwardGradient,
        Self::Jacobian,
    ];
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gradient => "gradient",
            Self::Primal => "primal",
            Self::Jvp => "jvp",
            Self::ForwardGradient => "forward-gradient",
            Self::Jacobian => "jacobian",
        })
    }
}
