//! A network with its loss.

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Builder, Graph, Mlp, Primal};

use crate::error::{data, setting};
use crate::evaluate::{Alone, Evaluator};
use crate::{Metrics, Precision, Samples, TrainError};

/// What is trained: a graph that predicts, and the same graph with the loss at its end, whose gradient is taken.
///
/// | loss | objective, mean over the block | target |
/// |---|---|---|
/// | `SquaredError` | least squares (lecture, equation 7) | any numbers |
/// | `SoftmaxCrossEntropy` | cross-entropy of one class among several | probabilities: a one-hot column |
/// | `SigmoidCrossEntropy` | cross-entropy of each output wrapped in a sigmoid | 0 or 1 |
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) predict: Graph,
    pub(crate) objective: Graph,
    /// The loss alone, of `prediction` and `target`.
    pub(crate) criterion: Graph,
    loss: Loss,
}

impl Model {
    /// A fully-connected network: the activation after every layer but the last.
    ///
    /// # Errors
    /// As [`Mlp::build`]; [`TrainError::Setting`] for a loss without a target.
    ///
    /// ```
    /// use pushpull_core::blocks::{Activation, Loss};
    /// use pushpull_train::Model;
    /// let model = Model::mlp(&[64, 128, 128, 10], Activation::Relu, Loss::SoftmaxCrossEntropy)?;
    /// assert_eq!(model.n_params(), 26122);
    /// # Ok::<(), pushpull_train::TrainError>(())
    /// ```
    pub fn mlp(widths: &[usize], activation: Activation, loss: Loss) -> Result<Self, TrainError> {
        Self::of(Mlp::new(widths, activation), loss)
    }

    /// A fully-connected network that is described already, as one with an activation of its own for each layer.
    ///
    /// # Errors
    /// As [`Model::mlp`].
    ///
    /// ```
    /// use pushpull_core::{Mlp, blocks::{Activation::{Relu, Tanh}, Loss}};
    /// use pushpull_train::Model;
    /// let net = Mlp::new(&[2, 8, 8, 1], Tanh).activations(&[Tanh, Relu]);
    /// assert_eq!(Model::of(net, Loss::SquaredError)?.n_params(), 105);
    /// # Ok::<(), pushpull_train::TrainError>(())
    /// ```
    pub fn of(net: Mlp, loss: Loss) -> Result<Self, TrainError> {
        Self::new(net.build()?, net.loss(loss).build()?, loss)
    }

    /// A network of one's own: `predict` reads the input `x`; `objective` reads `x` and the constant `target`, and is
    /// `predict` followed by the loss, on the same parameters.
    ///
    /// # Errors
    /// [`TrainError::Setting`] for a loss without a target; [`TrainError::Data`] where the two graphs do not belong
    /// together.
    pub fn new(predict: Graph, objective: Graph, loss: Loss) -> Result<Self, TrainError> {
        if !loss.needs_target() {
            let expected = "squared-error, softmax-cross-entropy or sigmoid-cross-entropy";
            let remedy = "choose the one that fits the targets";
            return Err(setting("the loss", expected, loss, remedy));
        }
        let inputs = |graph: &Graph| -> Vec<(String, usize)> {
            let each = graph.inputs().iter();
            each.map(|input| (input.name.clone(), input.rows.len()))
                .collect()
        };
        let (n_in, n_out) = (predict.n_inputs(), predict.n_outputs());
        let x = vec![("x".to_string(), n_in)];
        let both = vec![("x".to_string(), n_in), ("target".to_string(), n_out)];
        let remedy = "build both graphs alike: the inputs x, then target, and the same blocks in the same order";
        for (what, graph, expected) in [("predict", &predict, x), ("objective", &objective, both)] {
            if inputs(graph) != expected {
                let got = format!("{:?}", inputs(graph));
                return Err(data(
                    format!("the inputs of {what}"),
                    format!("{expected:?}"),
                    got,
                    remedy,
                ));
            }
        }
        if predict.layout() != objective.layout() {
            let expected = format!("those of predict, {}", predict.n_params());
            return Err(data(
                "the parameters of objective",
                expected,
                objective.n_params(),
                remedy,
            ));
        }
        if objective.n_outputs() != 1 {
            return Err(data(
                "the rows of objective",
                "1, the loss",
                objective.n_outputs(),
                remedy,
            ));
        }
        let mut b = Builder::new();
        let (prediction, target) = (b.input("prediction", n_out), b.constant("target", n_out));
        let criterion = b.named("loss", loss.block(n_out), [prediction, target]);
        Ok(Self {
            criterion: b.build(criterion)?,
            predict,
            objective,
            loss,
        })
    }

    /// The graph that predicts.
    pub const fn predict(&self) -> &Graph {
        &self.predict
    }

    /// The graph whose gradient is taken: inputs `x` and `target`, one output.
    pub const fn objective(&self) -> &Graph {
        &self.objective
    }

    /// The loss.
    pub const fn loss(&self) -> Loss {
        self.loss
    }

    /// Number of parameters.
    pub fn n_params(&self) -> usize {
        self.predict.n_params()
    }

    /// The network's outputs, n_outputs x samples; for a cross-entropy these are logits.
    ///
    /// # Errors
    /// [`pushpull_core::Error`] for lengths, shapes and numbers that are not finite.
    pub fn outputs<T: Precision>(
        &self,
        params: &[T],
        inputs: &DMatrix<T>,
    ) -> Result<DMatrix<T>, TrainError> {
        let mut primal = Primal::new(&self.predict, inputs.ncols())?;
        Ok(primal.run(params, inputs)?.to_dmatrix())
    }

    /// Loss and score on samples, such as a test part that took no part in training or choosing.
    ///
    /// # Errors
    /// [`TrainError::Data`] for samples that do not fit the model.
    pub fn metrics<T: Precision>(
        &self,
        params: &[T],
        samples: &Samples,
    ) -> Result<Metrics, TrainError> {
        Evaluator::new(self, self.stack("judged", samples)?, 1)?.run(params, &Alone)
    }

    /// The samples as the objective reads them: inputs over targets, at the run's precision.
    pub(crate) fn stack<T: Precision>(
        &self,
        name: &str,
        samples: &Samples,
    ) -> Result<DMatrix<T>, TrainError> {
        let (x, target) = (samples.inputs(), samples.targets());
        let expected = (self.predict.n_inputs(), self.predict.n_outputs());
        if (x.nrows(), target.nrows()) != expected {
            return Err(data(
                format!("the {name} samples"),
                format!("{} features and {} targets", expected.0, expected.1),
                format!("{} and {}", x.nrows(), target.nrows()),
                "give the network as many inputs and outputs as the data has",
            ));
        }
        if self.loss != Loss::SquaredError {
            // A cross-entropy of other numbers is no divergence: it can fall without bound.
            let wrong = target.iter().find(|t| !(0.0..=1.0).contains(*t));
            if let Some(wrong) = wrong {
                let remedy = "give classes as one-hot columns, or as 0 and 1 for a single output";
                return Err(data(
                    format!("a {name} target"),
                    "a probability, 0 to 1",
                    wrong,
                    remedy,
                ));
            }
        }
        let stacked = DMatrix::from_fn(x.nrows() + target.nrows(), samples.len(), |i, j| {
            T::from_f64(if i < x.nrows() {
                x[(i, j)]
            } else {
                target[(i - x.nrows(), j)]
            })
        });
        if let Some(at) = stacked.iter().position(|v| !v.is_finite()) {
            let remedy = "standardise the data, or train in f64";
            return Err(data(
                format!("a {name} number in {}", T::NAME),
                "a finite number",
                stacked[at],
                remedy,
            ));
        }
        Ok(stacked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::dmatrix;
    use pushpull_core::blocks::Linear;

    #[test]
    fn graphs_that_do_not_belong_together_are_refused() {
        let net = Mlp::new(&[2, 3], Activation::Tanh);
        let squared = net.clone().loss(Loss::SquaredError).build().unwrap();
        let model = |predict: &Graph, objective: &Graph| {
            Model::new(predict.clone(), objective.clone(), Loss::SquaredError)
                .map_err(|e| e.to_string())
        };
        assert!(model(&net.build().unwrap(), &squared).is_ok());
        assert!(
            model(&squared, &squared)
                .unwrap_err()
                .contains("the inputs of predict")
        );
        let wide = Mlp::new(&[2, 4, 3], Activation::Tanh).build().unwrap();
        assert!(
            model(&wide, &squared)
                .unwrap_err()
                .contains("the parameters of objective")
        );
        let mut b = Builder::new();
        let x = b.input("features", 2);
        let y = b.named("layer0", Linear::new(2, 3), x);
        assert!(
            model(&b.build(y).unwrap(), &squared)
                .unwrap_err()
                .contains("features")
        );
        assert!(Model::mlp(&[2, 3], Activation::Tanh, Loss::Sum).is_err());
        assert!(Model::mlp(&[2], Activation::Tanh, Loss::SquaredError).is_err());
    }

    #[test]
    fn samples_that_do_not_fit_are_refused() {
        let model = Model::mlp(&[1, 1], Activation::Tanh, Loss::SigmoidCrossEntropy).unwrap();
        let stack = |x, y| {
            model
                .stack::<f32>("training", &Samples::new(x, y).unwrap())
                .map_err(|e| e.to_string())
        };
        assert_eq!(stack(dmatrix![3.0], dmatrix![1.0]), Ok(dmatrix![3.0; 1.0]));
        assert!(
            stack(dmatrix![3.0], dmatrix![2.0])
                .unwrap_err()
                .contains("a probability")
        );
        assert!(
            stack(dmatrix![3.0; 4.0], dmatrix![1.0])
                .unwrap_err()
                .contains("1 features and 1 targets")
        );
        assert!(
            stack(dmatrix![1e300], dmatrix![1.0])
                .unwrap_err()
                .contains("f64")
        );
    }
}
