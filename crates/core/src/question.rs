//! What is asked of an engine.

use std::fmt;
use std::str::FromStr;

/// What is to be computed for a graph and a batch of B samples. The objective of a gradient and of a Hessian is the *sum*
/// of all outputs over the batch, as everywhere. Gradients, jvps, vjps and products are with respect to the parameters,
/// unless a plan is told otherwise ([`crate::Wrt`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Question {
    /// The value and its gradient.
    Gradient,
    /// The output and its tangents along k directions.
    Jvp(usize),
    /// k cotangents of the output pulled back.
    Vjp(usize),
    /// All outputs of all samples with respect to the parameters.
    JacobianParams,
    /// All outputs with respect to the inputs, sample by sample.
    JacobianInputs,
    /// The norm of each sample's gradient by the parameters.
    GradientNorms,
    /// The value, and its Hessian times k directions.
    HessianVector(usize),
}

impl Question {
    /// Its kind, whatever its seeds: `gradient`, `jvp`, `jacobian-inputs`, ...
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gradient => "gradient",
            Self::Jvp(_) => "jvp",
            Self::Vjp(_) => "vjp",
            Self::JacobianParams => "jacobian-params",
            Self::JacobianInputs => "jacobian-inputs",
            Self::GradientNorms => "gradient-norms",
            Self::HessianVector(_) => "hessian-vector",
        }
    }

    /// Directions or cotangents that a run is given.
    pub const fn seeds(self) -> Option<usize> {
        match self {
            Self::Jvp(k) | Self::Vjp(k) | Self::HessianVector(k) => Some(k),
            Self::Gradient | Self::JacobianParams | Self::JacobianInputs | Self::GradientNorms => {
                None
            }
        }
    }
}

/// `gradient`, `jvp(3)`, `jacobian-inputs`, ...
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.seeds() {
            Some(k) => format!("{}({k})", self.name()),
            None => self.name().to_owned(),
        };
        f.pad(&text)
    }
}

/// A text that asks nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QuestionError(String);

/// The question of an option's text: `gradient`, `jvp:3`, `vjp:3`, `jacobian-params`, `jacobian-inputs`, `gradient-norms`,
/// `hessian-vector:3`.
///
/// ```
/// use pushpull_core::Question;
/// assert_eq!("jvp:3".parse(), Ok(Question::Jvp(3)));
/// let fault = "jvp".parse::<Question>().unwrap_err();
/// assert_eq!(fault.to_string(), "expected a number of directions, as in jvp:3");
/// ```
impl FromStr for Question {
    type Err = QuestionError;

    fn from_str(text: &str) -> Result<Self, QuestionError> {
        const KNOWN: &str = "expected gradient, jvp:K, vjp:K, jacobian-params, jacobian-inputs, gradient-norms or hessian-vector:K";
        let unknown = || QuestionError(KNOWN.into());
        let (name, seeds) = match text.split_once(':') {
            None => (text, None),
            Some((name, seeds)) => (name, Some(seeds)),
        };
        let of: fn(usize) -> Self = match (name, seeds) {
            ("gradient", None) => return Ok(Self::Gradient),
            ("jacobian-params", None) => return Ok(Self::JacobianParams),
            ("jacobian-inputs", None) => return Ok(Self::JacobianInputs),
            ("gradient-norms", None) => return Ok(Self::GradientNorms),
            ("jvp", _) => Self::Jvp,
            ("vjp", _) => Self::Vjp,
            ("hessian-vector", _) => Self::HessianVector,
            _ => return Err(unknown()),
        };
        let wrong = |words: &str| QuestionError(format!("K of {name}:K: expected {words}"));
        match seeds.map(|seeds| seeds.trim().parse::<usize>()) {
            None => {
                let words = format!("expected a number of directions, as in {name}:3");
                Err(QuestionError(words))
            }
            Some(Ok(seeds)) if seeds > 0 => Ok(of(seeds)),
            Some(_) => Err(wrong("a whole number, at least 1, such as 3")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read_with_their_directions() {
        let question = |text: &str| text.parse::<Question>();
        assert_eq!(question("gradient"), Ok(Question::Gradient));
        assert_eq!(question("gradient-norms"), Ok(Question::GradientNorms));
        assert_eq!(question("jvp:3"), Ok(Question::Jvp(3)));
        assert_eq!(question("hessian-vector:1"), Ok(Question::HessianVector(1)));
        for wrong in [
            "",
            "jvp",
            "jvp:",
            "jvp:0",
            "jvp:-1",
            "gradient:2",
            "vjp:1e3",
            "hessian",
            "vjp:1:2",
        ] {
            assert!(question(wrong).is_err(), "{wrong}");
        }
    }
}
