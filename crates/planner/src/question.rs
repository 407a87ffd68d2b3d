//! What is asked: a question about a graph, its seeds, the budget.

use std::fmt;
use std::str::FromStr;

use nalgebra::DMatrix;
use pushpull_core::Mat;

/// What is to be computed for a graph and a batch of B samples. The objective of a gradient and of a Hessian is the *sum*
/// of all outputs over the batch, as everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// The value and its gradient with respect to the parameters.
    Gradient,
    /// The output and its tangents along k directions in the parameters.
    Jvp(usize),
    /// k cotangents of the output pulled back to the parameters.
    Vjp(usize),
    /// All outputs of all samples with respect to the parameters.
    JacobianParams,
    /// All outputs with respect to the inputs, sample by sample.
    JacobianInputs,
    /// The value, and its Hessian in the parameters times k directions.
    HessianVector(usize),
}

impl Question {
    /// Directions or cotangents that a run is given.
    pub const fn seeds(self) -> Option<usize> {
        match self {
            Self::Jvp(k) | Self::Vjp(k) | Self::HessianVector(k) => Some(k),
            Self::Gradient | Self::JacobianParams | Self::JacobianInputs => None,
        }
    }
}

/// `gradient`, `jvp(3)`, `jacobian-inputs`, ...
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Gradient => "gradient".to_owned(),
            Self::Jvp(k) => format!("jvp({k})"),
            Self::Vjp(k) => format!("vjp({k})"),
            Self::JacobianParams => "jacobian-params".to_owned(),
            Self::JacobianInputs => "jacobian-inputs".to_owned(),
            Self::HessianVector(k) => format!("hessian-vector({k})"),
        };
        f.pad(&text)
    }
}

/// A text that asks nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QuestionError(String);

/// The question of an option's text: `gradient`, `jvp:3`, `vjp:3`, `jacobian-params`, `jacobian-inputs`,
/// `hessian-vector:3`.
///
/// ```
/// use pushpull_planner::Question;
/// assert_eq!("jvp:3".parse(), Ok(Question::Jvp(3)));
/// let fault = "jvp".parse::<Question>().unwrap_err();
/// assert_eq!(fault.to_string(), "expected a number of directions, as in jvp:3");
/// ```
impl FromStr for Question {
    type Err = QuestionError;

    fn from_str(text: &str) -> Result<Self, QuestionError> {
        const KNOWN: &str =
            "expected gradient, jvp:K, vjp:K, jacobian-params, jacobian-inputs or hessian-vector:K";
        let unknown = || QuestionError(KNOWN.into());
        let (name, seeds) = match text.split_once(':') {
            None => (text, None),
            Some((name, seeds)) => (name, Some(seeds)),
        };
        let of: fn(usize) -> Self = match (name, seeds) {
            ("gradient", None) => return Ok(Self::Gradient),
            ("jacobian-params", None) => return Ok(Self::JacobianParams),
            ("jacobian-inputs", None) => return Ok(Self::JacobianInputs),
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
            Some(Ok(0)) => Err(wrong("at least 1")),
            Some(Ok(seeds)) => Ok(of(seeds)),
            Some(Err(_)) => Err(wrong("a whole number that fits this machine")),
        }
    }
}

/// The memory that an answer may take: everything that preparing and running allocate, the plan's own bookkeeping and the
/// results included. The graph, the parameters, the data, what the GEMM library keeps for itself and the notes that planning
/// gives back before the first buffer is allocated are outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Budget {
    /// Whatever the machine has.
    #[default]
    Unlimited,
    /// At most this many bytes.
    Bytes(usize),
}

impl Budget {
    /// Whether so many bytes are within it.
    pub const fn allows(self, bytes: usize) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Bytes(most) => bytes <= most,
        }
    }
}

/// `unlimited`, or the number of bytes.
impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.pad("unlimited"),
            Self::Bytes(bytes) => f.pad(&bytes.to_string()),
        }
    }
}

/// What a run is given beside parameters and data.
#[derive(Clone, Copy, Debug, Default)]
pub enum Seeds<'a, T> {
    /// Nothing: for gradients and Jacobians.
    #[default]
    None,
    /// n_params x k, for [`Question::Jvp`] and [`Question::HessianVector`].
    Directions(Mat<'a, T>),
    /// n_outputs x B k, column `seed * B + sample`, for [`Question::Vjp`].
    Cotangents(Mat<'a, T>),
}

/// What a run gives.
#[derive(Debug, PartialEq)]
pub enum Answer<'a, T: nalgebra::Scalar> {
    /// The sum of all outputs, and n_params numbers.
    Gradient(T, &'a [T]),
    /// n_outputs x B k tangents, column `seed * B + sample`.
    Tangents(&'a DMatrix<T>),
    /// n_params x k, summed over the batch.
    Cotangents(&'a DMatrix<T>),
    /// A row `sample * n_outputs + output`, a column a parameter or an input.
    Jacobian(DMatrix<T>),
    /// The sum of all outputs, and n_params x k products.
    Products(T, &'a DMatrix<T>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read_with_their_directions() {
        let question = |text: &str| text.parse::<Question>();
        assert_eq!(question("gradient"), Ok(Question::Gradient));
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
