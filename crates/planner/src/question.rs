//! What goes with a question: its seeds, the budget, and the answer.

use std::fmt;

use nalgebra::DMatrix;
use pushpull_core::Mat;

/// The memory that an answer may take: everything that preparing and running allocate, the plan's own bookkeeping and the
/// results included. The graph, the parameters, the data, what the GEMM library keeps for itself and the notes that planning
/// gives back before the first buffer is allocated are outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
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
#[non_exhaustive]
pub enum Seeds<'a, T> {
    /// Nothing: for gradients and Jacobians.
    #[default]
    None,
    /// n_params x k, for [`crate::Question::Jvp`] and [`crate::Question::HessianVector`].
    Directions(Mat<'a, T>),
    /// n_outputs x B k, column `seed * B + sample`, for [`crate::Question::Vjp`].
    Cotangents(Mat<'a, T>),
}

/// What a run gives.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer<'a, T: nalgebra::Scalar> {
    /// The sum of all outputs, and n_params numbers.
    Gradient(T, &'a [T]),
    /// n_outputs x B k tangents, column `seed * B + sample`.
    Tangents(&'a DMatrix<T>),
    /// n_params x k, summed over the batch.
    Cotangents(&'a DMatrix<T>),
    /// A row `sample * n_outputs + output`, a column a parameter or an input.
    Jacobian(DMatrix<T>),
    /// The norms of the samples' gradients by the parameters: B numbers.
    Norms(Vec<T>),
    /// The sum of all outputs, and n_params x k products.
    Products(T, &'a DMatrix<T>),
}
