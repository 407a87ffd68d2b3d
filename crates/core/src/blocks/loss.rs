//! The losses: each makes one number of a stacked `[prediction; target]`, one per sample. The engines differentiate the
//! *sum* over the batch; a mean is a [`super::Scale`] after it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::steep::not_finite;
use super::{Sum, chain};
use crate::linalg::dot;
use crate::planes::{Cotangents, DotPoint, PlanesMut};
use crate::{AnyBlock, Error, Mat, MatMut, Point, Real, Result, Steep};

mod sigmoid_cross_entropy;
mod softmax_cross_entropy;
mod squared_error;

pub use sigmoid_cross_entropy::SigmoidCrossEntropy;
pub use softmax_cross_entropy::SoftmaxCrossEntropy;
pub use squared_error::SquaredError;

/// The last block of a network, by name.
///
/// ```
/// use pushpull_core::blocks::Loss;
/// let loss: Loss = "softmax-cross-entropy".parse()?;
/// assert!(loss.needs_target() && !Loss::Sum.needs_target());
/// assert_eq!(loss.block(10).dims().n_in, 20); // ten logits over ten target probabilities
/// assert!("hinge".parse::<Loss>().unwrap_err().to_string().contains("squared-error"));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Loss {
    /// [`Sum`](struct@Sum)
    Sum,
    /// [`SquaredError`](struct@SquaredError)
    SquaredError,
    /// [`SoftmaxCrossEntropy`](struct@SoftmaxCrossEntropy)
    SoftmaxCrossEntropy,
    /// [`SigmoidCrossEntropy`](struct@SigmoidCrossEntropy)
    SigmoidCrossEntropy,
}

impl Loss {
    /// Every loss.
    pub const ALL: [Self; 4] = [
        Self::Sum,
        Self::SquaredError,
        Self::SoftmaxCrossEntropy,
        Self::SigmoidCrossEntropy,
    ];

    /// The name, as [`FromStr`] reads it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::SquaredError => "squared-error",
            Self::SoftmaxCrossEntropy => "softmax-cross-entropy",
            Self::SigmoidCrossEntropy => "sigmoid-cross-entropy",
        }
    }

    /// Whether the target is stacked under the prediction.
    pub const fn needs_target(self) -> bool {
        !matches!(self, Self::Sum)
    }

    /// The loss of `n` predicted rows: n inputs, or 2n with a target.
    pub fn block(self, n: usize) -> Arc<dyn AnyBlock> {
        match self {
            Self::Sum => Arc::new(Sum::new(n)),
            Self::SquaredError => Arc::new(SquaredError::new(n)),
            Self::SoftmaxCrossEntropy => Arc::new(SoftmaxCrossEntropy::new(n)),
            Self::SigmoidCrossEntropy => Arc::new(SigmoidCrossEntropy::new(n)),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Loss {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter();
        known
            .clone()
            .find(|loss| loss.name() == name)
            .ok_or_else(|| Error::UnknownName {
                kind: "loss".into(),
                name: name.into(),
                known: known.map(Self::name).collect::<Vec<_>>().join(", "),
            })
    }
}

/// `y_dot = <gradient, x_dot>` for a block of one output that keeps its gradient as `extra`.
pub(super) fn jvp_by_gradient<T: Real>(
    at: &Point<'_, T>,
    x_dot: Mat<'_, T>,
    mut y_dot: MatMut<'_, T>,
) {
    let (n_in, mut sample) = (x_dot.nrows(), 0);
    // Column `seed * batch + sample` meets the gradient of its sample.
    for (column, x_dot) in x_dot.columns().enumerate() {
        let gradient = &at.extra[sample * n_in..][..n_in];
        y_dot.col_mut(column)[0] = dot(gradient, x_dot);
        sample = if sample + 1 == at.batch {
            0
        } else {
            sample + 1
        };
    }
}

/// `x_bar = gradient y_bar` for a block of one output that keeps its gradient as `extra`.
pub(super) fn vjp_by_gradient<T: Real>(
    at: &Point<'_, T>,
    y_bar: Mat<'_, T>,
    mut x_bar: MatMut<'_, T>,
) {
    for (column, y_bar) in y_bar.columns().enumerate() {
        let gradient = at.extra_of(column);
        for (x_bar, &slope) in x_bar.col_mut(column).iter_mut().zip(gradient) {
            *x_bar = chain(slope, y_bar[0]);
        }
    }
}

/// The derivative of [`vjp_by_gradient`]: `x_bar_dot = gradient y_bar_dot + gradient_dot y_bar`.
pub(super) fn vjp_by_gradient_dot<T: Real>(
    at: &DotPoint<'_, T>,
    y_bar: Cotangents<'_, T>,
    x_bar: PlanesMut<'_, T>,
) {
    let (mut value, mut dots) = x_bar.split();
    let n_in = value.nrows();
    vjp_by_gradient(&at.point(), y_bar.value(), value.rb_mut());
    vjp_by_gradient(&at.point(), y_bar.dot(), dots.rb_mut());
    for (j, y_bar) in y_bar.value().columns().enumerate() {
        let gradient_dot = &at.extra_dot[j * n_in..][..n_in];
        for (x_bar_dot, &slope_dot) in dots.col_mut(j).iter_mut().zip(gradient_dot) {
            *x_bar_dot += chain(slope_dot, y_bar[0]);
        }
    }
}

/// The first `rows` entries of a kept gradient that are not finite.
pub(super) fn steep_gradient<T: Real>(
    at: &Point<'_, T>,
    rows: usize,
    found: &mut dyn FnMut(Steep),
) {
    let n_in = at.extra.len() / at.batch;
    let gradient = Mat::new(at.extra, n_in, at.batch).rows(0..rows);
    not_finite(gradient, |sample, row, value| {
        found(Steep {
            sample,
            output: 0,
            input: Some(row),
            at: value,
        });
    });
}

#[cfg(test)]
mod tests {
    use super::Loss;
    use crate::Spec;

    #[test]
    fn every_name_reads_back_and_is_its_block_s() {
        for loss in Loss::ALL {
            assert_eq!(loss.to_string().parse(), Ok(loss));
            let block = loss.block(3);
            assert_eq!(Spec::name(&*block), loss.name());
            let rows = if loss.needs_target() { 6 } else { 3 };
            assert_eq!((block.dims().n_in, block.dims().n_out), (rows, 1));
        }
    }
}
