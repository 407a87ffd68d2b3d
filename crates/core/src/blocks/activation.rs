//! The elementwise nonlinearities, by name.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::map::{
    Elu, Exp, Gelu, Identity, LeakyRelu, Ln, Map, Relu, Sigmoid, Silu, Sin, Softplus, Square, Tanh,
};
use crate::{AnyBlock, Error, Result};

/// A nonlinearity chosen at run time, with the default setting where it has one.
///
/// ```
/// use pushpull_core::blocks::Activation;
/// let activation: Activation = "leaky-relu".parse()?;
/// assert_eq!(activation.block(16).dims().n_out, 16);
/// assert!("rleu".parse::<Activation>().unwrap_err().to_string().contains("relu"));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activation {
    /// [`Identity`]
    Identity,
    /// [`Sigmoid`]
    Sigmoid,
    /// [`Tanh`]
    Tanh,
    /// [`Relu`]
    Relu,
    /// [`LeakyRelu`] with slope 0.01
    LeakyRelu,
    /// [`Elu`] with alpha 1
    Elu,
    /// [`Softplus`]
    Softplus,
    /// [`Silu`]
    Silu,
    /// [`Gelu`]
    Gelu,
    /// [`Exp`]
    Exp,
    /// [`Ln`]
    Ln,
    /// [`Sin`]
    Sin,
    /// [`Square`]
    Square,
}

impl Activation {
    /// Every nonlinearity.
    pub const ALL: [Self; 13] = [
        Self::Identity,
        Self::Sigmoid,
        Self::Tanh,
        Self::Relu,
        Self::LeakyRelu,
        Self::Elu,
        Self::Softplus,
        Self::Silu,
        Self::Gelu,
        Self::Exp,
        Self::Ln,
        Self::Sin,
        Self::Square,
    ];

    /// The name, as [`FromStr`] reads it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Relu => "relu",
            Self::LeakyRelu => "leaky-relu",
            Self::Elu => "elu",
            Self::Softplus => "softplus",
            Self::Silu => "silu",
            Self::Gelu => "gelu",
            Self::Exp => "exp",
            Self::Ln => "ln",
            Self::Sin => "sin",
            Self::Square => "square",
        }
    }

    /// The nonlinearity on `n` rows.
    pub fn block(self, n: usize) -> Arc<dyn AnyBlock> {
        match self {
            Self::Identity => Arc::new(Map::new(Identity, n)),
            Self::Sigmoid => Arc::new(Map::new(Sigmoid, n)),
            Self::Tanh => Arc::new(Map::new(Tanh, n)),
            Self::Relu => Arc::new(Map::new(Relu, n)),
            Self::LeakyRelu => Arc::new(Map::new(LeakyRelu::default(), n)),
            Self::Elu => Arc::new(Map::new(Elu::default(), n)),
            Self::Softplus => Arc::new(Map::new(Softplus, n)),
            Self::Silu => Arc::new(Map::new(Silu, n)),
            Self::Gelu => Arc::new(Map::new(Gelu, n)),
            Self::Exp => Arc::new(Map::new(Exp, n)),
            Self::Ln => Arc::new(Map::new(Ln, n)),
            Self::Sin => Arc::new(Map::new(Sin, n)),
            Self::Square => Arc::new(Map::new(Square, n)),
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Activation {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter();
        known
            .clone()
            .find(|activation| activation.name() == name)
            .ok_or_else(|| Error::UnknownName {
                kind: "activation".into(),
                name: name.into(),
                known: known.map(Self::name).collect::<Vec<_>>().join(", "),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::Activation;
    use crate::{Keeps, Op, Spec};

    /// The documentation of `Map` lists what every function costs: the same numbers as are counted.
    #[test]
    fn the_listed_costs_are_those_that_are_counted() {
        let listed = include_str!("map.rs");
        let mut missing = Vec::new();
        for activation in Activation::ALL {
            let block = activation.block(1);
            let [f, slope] = [Op::Forward, Op::JvpInput].map(|op| block.cost(op, 1, 1).unwrap());
            // One seed adds a flop to the slope.
            let slope = (slope.flops - 1, slope.calls);
            let kept = match block.keeps() {
                Keeps::X => "x",
                Keeps::Y => "y",
                _ => "slope",
            };
            let row = format!(
                "/// | {activation} | {}, {} | {}, {} | {kept} |",
                f.flops, f.calls, slope.0, slope.1
            );
            if !listed.contains(&row) {
                missing.push(row);
            }
        }
        assert!(missing.is_empty(), "missing:\n{}", missing.join("\n"));
    }

    #[test]
    fn every_name_reads_back_and_is_its_block_s() {
        for activation in Activation::ALL {
            assert_eq!(activation.to_string().parse(), Ok(activation));
            assert_eq!(Spec::name(&*activation.block(3)), activation.name());
        }
    }
}
