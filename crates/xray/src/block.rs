//! What is seen of one block.

use pushpull_core::graph::Node;
use pushpull_core::{Dims, InputJacobian};
use serde::Serialize;

use crate::{Slopes, Spectrum};

/// What a block does to a gradient that passes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// It has parameters: its gain is a weight gain.
    Weight,
    /// It has none and acts entry by entry: its gain is an activation gain.
    Activation,
    /// A loss, a sum, a product, a normalisation without parameters.
    Other,
}

impl Kind {
    pub(crate) fn of(node: &Node) -> Self {
        let entrywise = matches!(
            node.block.input_jacobian(),
            InputJacobian::Diagonal | InputJacobian::Identity
        );
        match (node.params.is_empty(), entrywise) {
            (false, _) => Self::Weight,
            (true, true) => Self::Activation,
            (true, false) => Self::Other,
        }
    }
}

/// What is seen of one block. The definitions are in the [crate's documentation](crate). Numbers are `None` where there is
/// nothing to say: no parameters, no derivative that passes, data that were not finite; and NaN or infinite where the
/// network made them so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BlockXray {
    /// The node's name.
    pub name: String,
    /// Its block's name, such as `linear`.
    pub block: String,
    /// What it does to a gradient.
    pub kind: Kind,
    /// Rows of what it reads.
    pub n_in: usize,
    /// Rows of what it writes.
    pub n_out: usize,
    /// Its parameters.
    pub n_params: usize,
    /// Root mean square of its value.
    pub value_rms: Option<f64>,
    /// Norm of the cotangent of its value.
    pub cotangent_norm: Option<f64>,
    /// Norm of its parameters.
    pub params_norm: Option<f64>,
    /// Norm of the gradient with respect to its parameters, by this use alone.
    pub gradient_norm: Option<f64>,
    /// What it passes on over what reaches it.
    pub gain: Option<f64>,
    /// Of a block that acts entry by entry.
    pub slopes: Option<Slopes>,
    /// Of the Jacobian from its value to the output.
    pub spectrum: Option<Spectrum>,
}

impl BlockXray {
    pub(crate) fn new(node: &Node) -> Self {
        let Dims {
            n_in,
            n_out,
            n_params,
        } = node.dims();
        Self {
            name: node.name.clone(),
            block: node.block.name().to_owned(),
            kind: Kind::of(node),
            n_in,
            n_out,
            n_params,
            value_rms: None,
            cotangent_norm: None,
            params_norm: None,
            gradient_norm: None,
            gain: None,
            slopes: None,
            spectrum: None,
        }
    }

    /// The gain of a block with parameters.
    pub fn weight_gain(&self) -> Option<f64> {
        self.gain.filter(|_| self.kind == Kind::Weight)
    }

    /// The gain of a block that acts entry by entry.
    pub fn activation_gain(&self) -> Option<f64> {
        self.gain.filter(|_| self.kind == Kind::Activation)
    }
}
