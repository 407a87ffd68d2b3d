//! The network that the comparison is measured on: fully-connected layers with an activation between them.

use crate::blocks::{Activation, Linear, Loss};
use crate::{Builder, Graph, Result};

/// A feedforward network (lecture, equation 9): `widths[0]` inputs called `x`, a linear layer `layer<i>` to each
/// further width, the activation after every layer but the last; then, if asked for, a loss against the constant input
/// `target`.
///
/// ```
/// use pushpull_core::{Mlp, blocks::{Activation, Loss}};
/// let net = Mlp::new(&[64, 128, 10], Activation::Tanh).loss(Loss::SoftmaxCrossEntropy);
/// let graph = net.build()?;
/// assert_eq!(graph.n_params(), 64 * 128 + 128 + 128 * 10 + 10);
/// assert_eq!((graph.n_inputs(), graph.n_outputs()), (64 + 10, 1));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    widths: Vec<usize>,
    activation: Activation,
    loss: Option<Loss>,
}

impl Mlp {
    /// A network that ends in its last layer.
    pub fn new(widths: &[usize], activation: Activation) -> Self {
        Self {
            widths: widths.to_vec(),
            activation,
            loss: None,
        }
    }

    /// The same network with a loss at its end.
    pub fn loss(mut self, loss: Loss) -> Self {
        self.loss = Some(loss);
        self
    }

    /// The widths from input to output.
    pub fn widths(&self) -> &[usize] {
        &self.widths
    }

    /// The graph.
    ///
    /// # Errors
    /// [`crate::Error::ZeroWidth`] for a width of zero, [`crate::Error::Empty`] for fewer than two widths.
    pub fn build(&self) -> Result<Graph> {
        let mut b = Builder::new();
        let mut h = b.input("x", self.widths.first().copied().unwrap_or(0));
        for (i, pair) in self.widths.windows(2).enumerate() {
            if i > 0 {
                h = b.named(
                    format!("{}{}", self.activation, i - 1),
                    self.activation.block(pair[0]),
                    h,
                );
            }
            h = b.named(format!("layer{i}"), Linear::new(pair[0], pair[1]), h);
        }
        let h = match self.loss {
            Some(loss) if loss.needs_target() => {
                let target = b.constant("target", h.rows());
                b.named("loss", loss.block(h.rows()), [h, target])
            }
            Some(loss) => b.named("loss", loss.block(h.rows()), h),
            None => h,
        };
        b.build(h)
    }
}
