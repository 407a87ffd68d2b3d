//! The network that the comparison is measured on: fully-connected layers with an activation between them.

use crate::blocks::{Activation, Linear, Loss};
use crate::{Builder, Error, Graph, Result, Value};

/// A feedforward network (lecture, equation 9): `widths[0]` inputs called `x`, a linear layer `layer<i>` to each
/// further width, the activation after every layer but the last, or a different one after each; then, if asked for, a loss
/// against the constant input `target`.
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
    /// One for all hidden layers, or one for each.
    activations: Vec<Activation>,
    /// Whether each layer has a bias; none: all have.
    biases: Vec<bool>,
    loss: Option<Loss>,
}

impl Mlp {
    /// A network that ends in its last layer.
    pub fn new(widths: &[usize], activation: Activation) -> Self {
        Self {
            widths: widths.to_vec(),
            activations: vec![activation],
            biases: Vec::new(),
            loss: None,
        }
    }

    /// The same network with an activation for each hidden layer, the first first.
    ///
    /// ```
    /// use pushpull_core::{Mlp, blocks::Activation::{Relu, Tanh}};
    /// let graph = Mlp::new(&[4, 8, 8, 2], Relu).activations(&[Relu, Tanh]).build()?;
    /// let names: Vec<_> = graph.nodes().iter().map(|node| node.name.as_str()).collect();
    /// assert_eq!(names, ["layer0", "relu0", "layer1", "tanh1", "layer2"]);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn activations(mut self, activations: &[Activation]) -> Self {
        self.activations = activations.to_vec();
        self
    }

    /// The same network, whose layers have a bias or none, the first first; those of which nothing is said have one.
    ///
    /// ```
    /// use pushpull_core::{Mlp, blocks::Activation::Relu};
    /// let graph = Mlp::new(&[4, 8, 2], Relu).biases(&[false]).build()?;
    /// assert_eq!(graph.n_params(), 4 * 8 + 8 * 2 + 2);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn biases(mut self, biases: &[bool]) -> Self {
        self.biases = biases.to_vec();
        self
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
    /// [`Error::ZeroWidth`] for a width of zero, [`Error::Empty`] for fewer than two widths, [`Error::Length`] for neither one
    /// activation nor one for each hidden layer.
    pub fn build(&self) -> Result<Graph> {
        let mut b = Builder::new();
        let h = self.layers(&mut b)?;
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

    /// Adds the input `x` and the layers, without the loss, to a graph in the making.
    ///
    /// # Errors
    /// [`Error::Length`] as [`Mlp::build`].
    pub fn layers(&self, b: &mut Builder) -> Result<Value> {
        let hidden = self.widths.len().saturating_sub(2);
        if self.activations.len() != 1 && self.activations.len() != hidden {
            return Err(Error::Length {
                name: "activations".into(),
                expected: hidden,
                got: self.activations.len(),
            });
        }
        let mut h = b.input("x", self.widths.first().copied().unwrap_or(0));
        for (i, pair) in self.widths.windows(2).enumerate() {
            if i > 0 {
                let activation = match self.activations[..] {
                    [all] => all,
                    ref each => each[i - 1],
                };
                h = b.named(
                    format!("{activation}{}", i - 1),
                    activation.block(pair[0]),
                    h,
                );
            }
            let layer = match self.biases.get(i) {
                Some(false) => Linear::without_bias(pair[0], pair[1]),
                _ => Linear::new(pair[0], pair[1]),
            };
            h = b.named(format!("layer{i}"), layer, h);
        }
        Ok(h)
    }
}
