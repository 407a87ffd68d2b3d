//! The networks, precisions and tasks of the grid.

use std::fmt;
use std::str::FromStr;

use pushpull::blocks::{Activation, Loss};
use pushpull::{Graph, Mlp};
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

/// A fully-connected network with its batch: the activation after every layer but the last, then the loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Net {
    pub name: String,
    pub widths: Vec<usize>,
    pub activation: Activation,
    pub loss: Loss,
    pub batch: usize,
}

impl Net {
    /// The grid of the comparison, from the smallest network to the largest.
    pub fn grid() -> Vec<Self> {
        use Activation::{Relu, Tanh};
        use Loss::{SoftmaxCrossEntropy, SquaredError};
        let net = |name: &str, widths: Vec<usize>, activation, loss, batch| Self {
            name: name.into(),
            widths,
            activation,
            loss,
            batch,
        };
        let plain = |widths: &[usize], activation, loss, batch| {
            let name: Vec<_> = widths.iter().map(usize::to_string).collect();
            net(&name.join("-"), widths.to_vec(), activation, loss, batch)
        };
        vec![
            plain(&[2, 4, 1], Tanh, SquaredError, 1),
            plain(&[2, 4, 1], Tanh, SquaredError, 32),
            plain(&[4, 16, 16, 3], Tanh, SoftmaxCrossEntropy, 32),
            plain(&[64, 32, 10], Relu, SoftmaxCrossEntropy, 128),
            net("100x16", vec![16; 101], Tanh, SquaredError, 32),
            plain(&[64, 128, 128, 10], Relu, SoftmaxCrossEntropy, 128),
            plain(&[784, 128, 10], Relu, SoftmaxCrossEntropy, 64),
            net("50x64", vec![64; 51], Tanh, SquaredError, 32),
            plain(&[784, 512, 512, 10], Relu, SoftmaxCrossEntropy, 128),
            plain(
                &[1024, 1024, 1024, 1024, 10],
                Relu,
                SoftmaxCrossEntropy,
                256,
            ),
        ]
    }

    /// Inputs and outputs of each layer.
    pub fn layers(&self) -> impl Iterator<Item = (usize, usize)> {
        self.widths.windows(2).map(|pair| (pair[0], pair[1]))
    }

    /// Number of parameters.
    pub fn n_params(&self) -> usize {
        self.layers().map(|(n_in, n_out)| (n_in + 1) * n_out).sum()
    }

    /// Multiply-adds of one primal, biases aside.
    pub fn multiply_adds(&self) -> usize {
        self.batch
            * self
                .layers()
                .map(|(n_in, n_out)| n_in * n_out)
                .sum::<usize>()
    }

    /// pushpull's graph, with the loss or ending in the last layer.
    pub fn graph(&self, loss: bool) -> pushpull::Result<Graph> {
        let net = Mlp::new(&self.widths, self.activation);
        if loss { net.loss(self.loss) } else { net }.build()
    }

    /// The network that a job describes.
    pub fn of(job: &crate::protocol::Job) -> pushpull::Result<Self> {
        Ok(Self {
            name: String::new(),
            widths: job.widths.clone(),
            activation: Activation::from_str(&job.activation)?,
            loss: Loss::from_str(&job.loss)?,
            batch: job.batch,
        })
    }
}
