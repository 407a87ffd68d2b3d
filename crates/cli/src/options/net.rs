//! A fully-connected network, as options say it.

use std::path::Path;

use clap::{ArgAction, Args};
use pushpull_core::blocks::{Activation, Loss};
use pushpull_files::weights::Weights;

use super::choice::chosen;
use super::names::Names;
use super::reduction::Reduction;
use super::widths::{Widths, widths};
use crate::fault::Fault;
use crate::network::Network;

/// A fully-connected network.
#[derive(Debug, Args)]
pub struct Net {
    /// Widths of the network: inputs, hidden layers, outputs [default: those of the weights]
    #[arg(long, value_name = "WIDTHS", allow_hyphen_values = true, value_parser = widths)]
    pub layers: Option<Widths>,
    /// The activation after every layer but the last; or one for each, as relu,tanh
    #[arg(long, value_name = "NAMES", value_delimiter = ',', action = ArgAction::Set, required = true, value_parser = chosen::<Activation>())]
    pub activation: Vec<Activation>,
    /// The loss after the last layer
    #[arg(long, value_parser = chosen::<Loss>())]
    pub loss: Loss,
    #[command(flatten)]
    pub names: Names,
}

impl Net {
    /// The network, its widths those of the weights where no --layers says them; and the weights, open.
    pub fn network(
        &self,
        reduction: Reduction,
        weights: Option<&Path>,
    ) -> Result<(Network, Option<Weights>), Fault> {
        if weights.is_none() {
            self.names.without_weights("--weights")?;
        }
        let layers = self.layers.as_ref();
        let network = |widths, biases, classes| Network {
            widths,
            biases,
            classes,
            activations: self.activation.clone(),
            loss: self.loss,
            mean: reduction == Reduction::Mean,
        };
        if let Some(layers) = layers {
            network(layers.0.clone(), Vec::new(), None).check()?;
        }
        let weights = weights.map(|path| self.names.open(path, layers));
        let weights = weights.transpose()?;
        let (widths, biases) = match (layers, &weights) {
            (_, Some(weights)) => (weights.widths(), weights.biases()),
            (Some(layers), None) => (layers.0.clone(), Vec::new()),
            (None, None) => return Err(no_widths()),
        };
        let classes = weights.as_ref().and_then(Weights::classes);
        let network = network(widths, biases, classes.map(<[String]>::to_vec));
        network.check()?;
        Ok((network, weights))
    }
}

/// The refusal of a network without widths.
pub fn no_widths() -> Fault {
    Fault::option(
        "--layers",
        "the widths of the network, the inputs first",
        "none",
        "give them as in --layers 5,8,8,3, or --weights, which have them",
    )
}
