//! The network of some settings: the lecture's layers, an activation of its own behind each.

use pushpull_core::blocks::{Activation, Linear, Loss};
use pushpull_core::{Builder, Graph, Result, Value};
use pushpull_train::{Model, TrainError};

/// Widths and activations.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// What it reads.
    pub n_inputs: usize,
    /// Hidden layers.
    pub hidden: Vec<(usize, Activation)>,
    /// What it answers.
    pub n_outputs: usize,
    /// Behind the last layer.
    pub last: Activation,
    /// Its loss.
    pub loss: Loss,
}

impl Network {
    /// The layers, from `x` on.
    fn layers(&self, b: &mut Builder, x: Value) -> Value {
        let mut h = x;
        for (i, &(neurons, activation)) in self.hidden.iter().enumerate() {
            h = b.named(format!("layer{i}"), Linear::new(h.rows(), neurons), h);
            h = b.named(format!("{activation}{i}"), activation.block(neurons), h);
        }
        let i = self.hidden.len();
        h = b.named(
            format!("layer{i}"),
            Linear::new(h.rows(), self.n_outputs),
            h,
        );
        if self.last != Activation::Identity {
            h = b.named(
                format!("{}{i}", self.last),
                self.last.block(self.n_outputs),
                h,
            );
        }
        h
    }

    /// What it answers.
    ///
    /// # Errors
    /// None within the page's bounds.
    pub fn predict(&self) -> Result<Graph> {
        let mut b = Builder::new();
        let x = b.input("x", self.n_inputs);
        let h = self.layers(&mut b, x);
        b.build(h)
    }

    /// The same with the loss behind it.
    ///
    /// # Errors
    /// None within the page's bounds.
    pub fn objective(&self) -> Result<Graph> {
        let mut b = Builder::new();
        let x = b.input("x", self.n_inputs);
        let h = self.layers(&mut b, x);
        let target = b.constant("target", h.rows());
        let y = b.named("loss", self.loss.block(h.rows()), [h, target]);
        b.build(y)
    }

    /// Both.
    ///
    /// # Errors
    /// None within the page's bounds.
    pub fn model(&self) -> std::result::Result<Model, TrainError> {
        Model::new(self.predict()?, self.objective()?, self.loss)
    }

    /// The same with so many neurons in every hidden layer.
    #[must_use]
    pub fn with_neurons(&self, neurons: usize) -> Self {
        let hidden = self
            .hidden
            .iter()
            .map(|&(_, activation)| (neurons, activation))
            .collect();
        Self {
            hidden,
            ..self.clone()
        }
    }

    /// For each layer of the picture, hidden and last, the node whose value it shows.
    pub fn shown(&self) -> Vec<usize> {
        let last = usize::from(self.last != Activation::Identity);
        let hidden = self.hidden.len();
        (0..hidden)
            .map(|i| 2 * i + 1)
            .chain([2 * hidden + last])
            .collect()
    }
}
