//! The network that the options name.

use pushpull_core::blocks::{Activation, Loss, Scale};
use pushpull_core::siblings::memory;
use pushpull_core::{Builder, Graph, Mlp, Real};
use pushpull_files::Sample;

use crate::fault::Fault;

/// Fully-connected layers, activations after all but the last, then the loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Inputs, hidden units, outputs.
    pub widths: Vec<usize>,
    /// Whether each layer has a bias; none: all have.
    pub biases: Vec<bool>,
    /// The names of its classes by number, where its weights tell them.
    pub classes: Option<Vec<String>>,
    /// One after every layer but the last, or one for each of them.
    pub activations: Vec<Activation>,
    pub loss: Loss,
    /// Whether the objective is the mean over the batch and not the sum.
    pub mean: bool,
}

impl Network {
    /// Refuses a network without a layer, and one whose parameters cannot fit, before there is a graph.
    pub fn check(&self) -> Result<(), Fault> {
        enough(&self.widths)?;
        let (hidden, given) = (self.widths.len() - 2, self.activations.len());
        if given == 0 || given != 1 && given != hidden {
            let expected = match hidden {
                0 | 1 => "one activation".into(),
                _ => format!(
                    "one activation, or {hidden}, one for each hidden layer of {}",
                    self.name()
                ),
            };
            return Err(Fault::option(
                "--activation",
                expected,
                format!("{given}, {}", self.activation()),
                "give them as in --activation tanh,relu, the first hidden layer first",
            ));
        }
        let layers = self.widths.windows(2);
        let params = layers.fold(0_usize, |sum, pair| {
            sum.saturating_add(memory::elements(&[pair[0].saturating_add(1), pair[1]]))
        });
        if self.loss == Loss::SoftmaxCrossEntropy {
            self.several()?;
        }
        // Parameters and gradient.
        let what = format!("a network of {}", self.name());
        memory::fits::<f32>(
            what,
            params.saturating_mul(2),
            "use fewer or narrower --layers",
        )?;
        Ok(())
    }

    /// Refuses a softmax of one output, which is 1 whatever the network says.
    pub fn several(&self) -> Result<(), Fault> {
        if self.outputs() > 1 {
            return Ok(());
        }
        Err(Fault::option(
            "--loss softmax-cross-entropy",
            "at least two outputs, one for each class",
            "one",
            "give two with --layers, or use --loss sigmoid-cross-entropy for a yes or no",
        ))
    }

    /// `5-8-8-3`
    pub fn name(&self) -> String {
        named(&self.widths)
    }

    /// `tanh`, or `tanh,relu`
    pub fn activation(&self) -> String {
        let names: Vec<&str> = self.activations.iter().map(|a| a.name()).collect();
        names.join(",")
    }

    /// The network of training: all layers have a bias.
    pub fn mlp(&self) -> Mlp {
        Mlp::new(&self.widths, Activation::Identity).activations(&self.activations)
    }

    pub fn inputs(&self) -> usize {
        self.widths.first().copied().unwrap_or(0)
    }

    pub fn outputs(&self) -> usize {
        self.widths.last().copied().unwrap_or(0)
    }

    /// Rows of the input matrix: the inputs, and the target under them where there is one.
    pub fn rows(&self) -> usize {
        let target = if self.loss.needs_target() {
            self.outputs()
        } else {
            0
        };
        self.inputs().saturating_add(target)
    }

    /// Whether a layer has a bias.
    pub fn has_bias(&self, layer: usize) -> bool {
        self.biases.get(layer).copied().unwrap_or(true)
    }

    /// The graph without its loss.
    pub fn outputs_alone(&self) -> Result<Graph, Fault> {
        let mut b = Builder::new();
        let h = self.mlp().biases(&self.biases).layers(&mut b)?;
        Ok(b.build(h)?)
    }

    /// What a sample for it holds in a file.
    pub fn sample(&self) -> Result<Sample, Fault> {
        Ok(Sample::new(self.inputs(), self.outputs(), self.loss)?)
    }

    /// The graph for batches of `batch` samples. Its parameters lie layer by layer, the weight column by column, then the
    /// bias.
    pub fn graph(&self, batch: usize) -> Result<Graph, Fault> {
        self.graph_of_target("y", batch)
    }

    /// The same, the target called as it is told.
    pub fn graph_of_target(&self, target: &str, batch: usize) -> Result<Graph, Fault> {
        let mut b = Builder::new();
        let h = self.mlp().biases(&self.biases).layers(&mut b)?;
        let block = self.loss.block(h.rows());
        let mut loss = if self.loss.needs_target() {
            let target = b.constant(target, h.rows());
            b.named("loss", block, [h, target])
        } else {
            b.named("loss", block, h)
        };
        if self.mean {
            loss = b.named("mean", Scale::new(1, 1.0 / batch as f64), loss);
        }
        Ok(b.build(loss)?)
    }
}

/// Refuses widths that are no layer.
pub fn enough(widths: &[usize]) -> Result<(), Fault> {
    if widths.len() > 1 {
        return Ok(());
    }
    Err(Fault::option(
        "--layers",
        "at least two widths, the inputs first",
        named(widths),
        "give them as in --layers 5,8,8,3",
    ))
}

/// `5-8-8-3`
fn named(widths: &[usize]) -> String {
    let widths: Vec<String> = widths.iter().map(usize::to_string).collect();
    widths.join("-")
}

/// Parameters with zeros for the biases that a network has not.
pub fn with_biases<T: Real>(network: &Network, params: Vec<T>) -> Vec<T> {
    let (mut all, mut rest) = (Vec::with_capacity(params.len()), &params[..]);
    for (i, pair) in network.widths.windows(2).enumerate() {
        let own = pair[0] * pair[1] + if network.has_bias(i) { pair[1] } else { 0 };
        let (own, after) = rest.split_at(own.min(rest.len()));
        rest = after;
        all.extend_from_slice(own);
        if !network.has_bias(i) {
            all.extend(vec![T::zero(); pair[1]]);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(widths: &[usize]) -> Network {
        Network {
            widths: widths.to_vec(),
            biases: Vec::new(),
            classes: None,
            activations: vec![Activation::Tanh],
            loss: Loss::SquaredError,
            mean: true,
        }
    }

    #[test]
    fn a_graph_has_the_rows_and_parameters_of_its_widths() {
        let graph = network(&[5, 8, 3]).graph(4).unwrap();
        assert_eq!((graph.n_inputs(), graph.n_outputs()), (8, 1));
        assert_eq!(graph.n_inputs(), network(&[5, 8, 3]).rows());
        assert_eq!(graph.n_params(), 6 * 8 + 9 * 3);
    }

    #[test]
    fn activations_are_one_or_one_for_each_hidden_layer() {
        use Activation::{Relu, Tanh};
        let of = |activations: &[Activation]| Network {
            activations: activations.to_vec(),
            ..network(&[5, 8, 8, 3])
        };
        let graph = of(&[Relu, Tanh]).graph(4).unwrap();
        let names: Vec<&str> = graph
            .nodes()
            .iter()
            .map(|node| node.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "layer0", "relu0", "layer1", "tanh1", "layer2", "loss", "mean"
            ]
        );
        assert!(of(&[Relu]).check().is_ok() && of(&[Relu, Tanh]).check().is_ok());
        for wrong in [&[][..], &[Relu; 3]] {
            let fault = of(wrong).check().unwrap_err().to_string();
            assert!(
                fault.contains("--activation") && fault.contains("2, one for each"),
                "{fault}"
            );
        }
    }

    #[test]
    fn sizes_that_overflow_are_refused_before_there_is_a_graph() {
        for widths in [&[][..], &[4], &[1 << 40, 1 << 40], &[usize::MAX, 2]] {
            assert!(network(widths).check().is_err(), "{widths:?}");
        }
    }
}
