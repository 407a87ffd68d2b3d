//! The networks, precisions and tasks of the grid.

use std::fmt;

use pushpull::blocks::{Activation, Loss};
pub use pushpull_bench::net::Net;
use serde::{Deserialize, Serialize};

/// The networks that are compared: the ten of the grid, by which pushpull's own speed is followed while it is developed, and
/// seven on which nothing was ever tuned.
pub fn nets() -> Vec<Net> {
    use Activation::{Relu, Tanh};
    use Loss::{SoftmaxCrossEntropy, SquaredError};
    let other = |name: &str, widths: &[usize], activation, loss, batch| Net {
        name: name.into(),
        widths: widths.to_vec(),
        activation,
        loss,
        batch,
    };
    let mut nets = Net::grid();
    nets.extend([
        other("1-50-1", &[1, 50, 1], Tanh, SquaredError, 1000),
        other("13-64-64-1", &[13, 64, 64, 1], Tanh, SquaredError, 16),
        other("20x100", &[100; 21], Tanh, SquaredError, 20),
        other("30-300-3", &[30, 300, 3], Tanh, SquaredError, 200),
        other("300-100-10", &[300, 100, 10], Relu, SoftmaxCrossEntropy, 1),
        other("8-700-700-1", &[8, 700, 700, 1], Tanh, SquaredError, 60),
        other(
            "256-256-256-10",
            &[256, 256, 256, 10],
            Relu,
            SoftmaxCrossEntropy,
            500,
        ),
    ]);
    nets
}

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
    /// J' y_bar of the last layer by all parameters, for one cotangent of all samples.
    Vjp,
    /// dL/dw of each sample by itself.
    SampleGradients,
    /// The Hessian of L with respect to w times w_dot.
    HessianVector,
}

impl Task {
    pub const ALL: [Self; 8] = [
        Self::Gradient,
        Self::Primal,
        Self::Jvp,
        Self::ForwardGradient,
        Self::Jacobian,
        Self::Vjp,
        Self::SampleGradients,
        Self::HessianVector,
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
            Self::Vjp => "vjp",
            Self::SampleGradients => "sample-gradients",
            Self::HessianVector => "hessian-vector",
        })
    }
}
