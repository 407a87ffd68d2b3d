//! The networks whose gradients are timed, here and beside other libraries.

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Graph, Init, Mlp, Result, Scalar};

/// A fully-connected network with its batch: the activation after every layer but the last, then the loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Net {
    /// Its widths in words; networks of equal layers have a short one.
    pub name: String,
    /// Inputs, hidden units, outputs.
    pub widths: Vec<usize>,
    /// After every layer but the last.
    pub activation: Activation,
    /// After the last layer.
    pub loss: Loss,
    /// Samples.
    pub batch: usize,
}

impl Net {
    /// From the smallest network to the largest. The wide ones have ReLU: there the time is that of the products.
    pub fn grid() -> Vec<Self> {
        use Activation::{Relu, Tanh};
        use Loss::{SoftmaxCrossEntropy, SquaredError};
        let equal = |name: &str, layers: usize, width: usize, batch| Self {
            name: name.into(),
            widths: vec![width; layers + 1],
            activation: Tanh,
            loss: SquaredError,
            batch,
        };
        let net = |widths: &[usize], activation, loss, batch| Self {
            name: widths
                .iter()
                .map(usize::to_string)
                .collect::<Vec<_>>()
                .join("-"),
            widths: widths.to_vec(),
            activation,
            loss,
            batch,
        };
        vec![
            net(&[2, 4, 1], Tanh, SquaredError, 1),
            net(&[2, 4, 1], Tanh, SquaredError, 32),
            net(&[4, 16, 16, 3], Tanh, SoftmaxCrossEntropy, 32),
            net(&[64, 32, 10], Relu, SoftmaxCrossEntropy, 128),
            equal("100x16", 100, 16, 32),
            net(&[64, 128, 128, 10], Relu, SoftmaxCrossEntropy, 128),
            net(&[784, 128, 10], Relu, SoftmaxCrossEntropy, 64),
            equal("50x64", 50, 64, 32),
            net(&[784, 512, 512, 10], Relu, SoftmaxCrossEntropy, 128),
            net(
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

    /// The graph, with the loss or ending in the last layer.
    ///
    /// # Errors
    /// As [`Mlp::build`].
    pub fn graph(&self, loss: bool) -> Result<Graph> {
        let net = Mlp::new(&self.widths, self.activation);
        if loss { net.loss(self.loss) } else { net }.build()
    }

    /// Glorot's parameters, and inputs between -1 and 1 with a class as the target.
    pub fn data<T: Scalar>(&self, graph: &Graph) -> (Vec<T>, DMatrix<T>) {
        let params = graph.layout().init(Init::Glorot, 1);
        let (n_x, n_inputs) = (self.widths[0], graph.n_inputs());
        let x = DMatrix::from_fn(n_inputs, self.batch, |i, j| {
            T::from_f64(if i < n_x {
                (1.0 + (3 * i + 7 * j) as f64).sin()
            } else {
                f64::from(u8::from((j + n_x) % (n_inputs - n_x) == i - n_x))
            })
        });
        (params, x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_counted_as_the_graph_does() {
        for net in Net::grid().iter().filter(|net| net.n_params() < 30_000) {
            let graph = net.graph(true).unwrap();
            assert_eq!(net.n_params(), graph.n_params(), "{}", net.name);
            let (params, x) = net.data::<f64>(&graph);
            assert!(graph.check(&params, (&x).into(), net.batch).is_ok());
        }
    }
}
