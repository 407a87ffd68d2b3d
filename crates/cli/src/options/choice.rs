//! Activations and losses by their names, and what is meant by the names that others give them.

use std::ffi::OsStr;
use std::marker::PhantomData;
use std::str::FromStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};
use pushpull_core::blocks::{Activation, Loss};

/// Something that is chosen by its name.
pub trait Choice: FromStr + Clone + Send + Sync + 'static {
    /// Every name.
    fn names() -> Vec<&'static str>;
    /// Names that others give, in small letters without marks, and what they may mean.
    const OTHERS: &'static [(&'static str, &'static [&'static str])];
    /// What `--help` says of a name.
    fn help(_name: &str) -> Option<&'static str> {
        None
    }
}

impl Choice for Loss {
    fn names() -> Vec<&'static str> {
        Self::ALL.map(Self::name).to_vec()
    }
    const OTHERS: &'static [(&'static str, &'static [&'static str])] = &[
        ("mse", &["squared-error"]),
        ("l2", &["squared-error"]),
        ("leastsquares", &["squared-error"]),
        ("meansquarederror", &["squared-error"]),
        ("squared", &["squared-error"]),
        (
            "crossentropy",
            &["softmax-cross-entropy", "sigmoid-cross-entropy"],
        ),
        ("categoricalcrossentropy", &["softmax-cross-entropy"]),
        ("softmax", &["softmax-cross-entropy"]),
        ("ce", &["softmax-cross-entropy"]),
        ("nll", &["softmax-cross-entropy"]),
        ("bce", &["sigmoid-cross-entropy"]),
        ("bcewithlogits", &["sigmoid-cross-entropy"]),
        ("binarycrossentropy", &["sigmoid-cross-entropy"]),
        ("logistic", &["sigmoid-cross-entropy"]),
        ("sigmoid", &["sigmoid-cross-entropy"]),
    ];
}

impl Choice for Activation {
    fn names() -> Vec<&'static str> {
        Self::ALL.map(Self::name).to_vec()
    }
    const OTHERS: &'static [(&'static str, &'static [&'static str])] = &[
        ("linear", &["identity"]),
        ("none", &["identity"]),
        ("logistic", &["sigmoid"]),
        ("swish", &["silu"]),
        ("sine", &["sin"]),
        ("log", &["ln"]),
        ("rectifier", &["relu"]),
    ];
    fn help(name: &str) -> Option<&'static str> {
        Some(match name.parse().ok()? {
            Self::Identity => "x: a linear network",
            Self::Sigmoid => "1 / (1 + exp -x)",
            Self::Tanh => "tanh x",
            Self::Relu => "max(x, 0), slope 0 at 0",
            Self::LeakyRelu => "x, below 0 a slope of 0.01",
            Self::Elu => "x, below 0 exp x - 1 (alpha 1)",
            Self::Softplus => "ln(1 + exp x)",
            Self::Silu => "x / (1 + exp -x)",
            Self::Gelu => "x Phi(x), the exact normal distribution, not its tanh approximation",
            Self::Exp => "exp x",
            Self::Ln => "ln x, of x above 0",
            Self::Sin => "sin x",
            Self::Square => "x^2",
            _ => return None,
        })
    }
}

/// Reads a name, and suggests one for a name that others give.
#[derive(Clone)]
pub struct Chosen<C>(PhantomData<C>);

/// The parser of a choice.
pub const fn chosen<C>() -> Chosen<C> {
    Chosen(PhantomData)
}

impl<C: Choice> TypedValueParser for Chosen<C> {
    type Value = C;

    fn parse_ref(&self, cmd: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<C, Error> {
        let text = value.to_string_lossy();
        if let Ok(choice) = text.parse() {
            return Ok(choice);
        }
        let mut error = Error::new(ErrorKind::InvalidValue).with_cmd(cmd);
        if let Some(arg) = arg {
            let name = ContextValue::String(arg.to_string());
            error.insert(ContextKind::InvalidArg, name);
        }
        error.insert(
            ContextKind::InvalidValue,
            ContextValue::String(text.clone().into_owned()),
        );
        let names = C::names();
        let valid = names.iter().map(|&name| name.to_owned()).collect();
        error.insert(ContextKind::ValidValue, ContextValue::Strings(valid));
        if let [first, rest @ ..] = &meant::<C>(&text)[..] {
            let mut words = format!("'{first}'");
            for other in rest {
                words += &format!(" or '{other}'");
            }
            let tip = format!("you may mean {words}");
            error.insert(
                ContextKind::Suggested,
                ContextValue::StyledStrs(vec![tip.into()]),
            );
        }
        Err(error)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = C::names().into_iter().map(|name| match C::help(name) {
            Some(help) => PossibleValue::new(name).help(help),
            None => PossibleValue::new(name),
        });
        Some(Box::new(values))
    }
}

/// The choices that a name may mean.
fn meant<C: Choice>(text: &str) -> Vec<&'static str> {
    let bare = |text: &str| -> String {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let asked = bare(text.trim());
    let known = |asked: &str| -> Vec<&'static str> {
        let own = C::names().into_iter().filter(|name| bare(name) == asked);
        let others = C::OTHERS.iter().filter(|(name, _)| *name == asked);
        own.chain(others.flat_map(|(_, meant)| meant.iter().copied()))
            .collect()
    };
    let ends = ["loss", "activation"].into_iter();
    let cut = ends.filter_map(|end| Some(known(asked.strip_suffix(end)?)));
    std::iter::once(known(&asked))
        .chain(cut)
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_others_give_are_understood() {
        assert_eq!(meant::<Loss>("MSE"), ["squared-error"]);
        assert_eq!(
            meant::<Loss>("CrossEntropyLoss"),
            ["softmax-cross-entropy", "sigmoid-cross-entropy"]
        );
        assert_eq!(meant::<Loss>("cross_entropy").len(), 2);
        assert_eq!(meant::<Activation>("ReLU"), ["relu"]);
        assert_eq!(meant::<Activation>("LeakyReLU"), ["leaky-relu"]);
        assert!(meant::<Activation>("cubic").is_empty());
        // Every activation says what it is and its setting.
        assert!(
            Activation::ALL
                .iter()
                .all(|a| Activation::help(a.name()).is_some())
        );
    }
}
