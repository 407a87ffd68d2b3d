//! The norms of the samples' gradients by parameters, without the gradients where a block's is an outer product.

use crate::linalg::length;
use crate::{Cost, Counted, Dual, Mat, ParamJacobian, Real, Scalar, count};

/// How the norm of a sample's gradient by a block's parameters is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The gradient is there.
    Formed,
    /// It is y_bar x', and with `bias` y_bar beside it: its norm is the product of the norms (Goodfellow, "Efficient
    /// Per-Example Gradient Computations", 2015, arXiv:1510.01799).
    Outer { bias: bool },
}

impl Way {
    /// For a block whose input is at hand, or is not.
    pub(super) const fn of(jacobian: ParamJacobian, with_input: bool) -> Self {
        match jacobian {
            ParamJacobian::Kronecker { bias } if with_input => Self::Outer { bias },
            _ => Self::Formed,
        }
    }
}

/// `to_j := |(to_j, |g_j|)|`, where `g_j` is column j of `from`, or the outer product of it and column j of `x`.
pub(super) fn join<T: Real>(way: Way, from: Mat<'_, T>, x: Mat<'_, T>, to: &mut [T]) {
    for (j, to) in to.iter_mut().enumerate() {
        let mut norm = length(from.col(j));
        if let Way::Outer { bias } = way {
            let mut across = length(x.col(j));
            if bias {
                across = length(&[across, T::one()]);
            }
            norm *= across;
        }
        *to = length(&[*to, norm]);
    }
}

/// What that costs for columns of `rows` and `x_rows` numbers, where no sum of squares has to be scaled.
pub(super) fn cost<T: Scalar>(way: Way, [rows, x_rows]: [usize; 2], batch: usize) -> Cost {
    fn counted<T: Real>(way: Way, [rows, x_rows]: [usize; 2]) -> Cost {
        let (from, x) = (vec![T::one(); rows], vec![T::one(); x_rows]);
        let (from, x) = (Mat::from(&from[..]), Mat::from(&x[..]));
        count(|| join(way, from, x, &mut [T::one()])).1
    }
    let one = match T::DUAL {
        true => counted::<Dual<Counted<f64>>>(way, [rows, x_rows]),
        false => counted::<Counted<f64>>(way, [rows, x_rows]),
    };
    one * batch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_are_joined_where_squares_are_not_numbers() {
        let outer = Way::Outer { bias: false };
        let norm = |way, from: [f64; 2], x: f64, before: f64| {
            let mut to = [before];
            join(way, Mat::from(&from[..]), Mat::from(&[x][..]), &mut to);
            to[0]
        };
        let close = |got: f64, expected: f64| (got / expected - 1.0).abs() < 1e-15;
        assert!(close(norm(outer, [3e200, 4e200], 1e-100, 0.0), 5e100));
        assert!(close(norm(outer, [3e-200, 4e-200], 2.0, 0.0), 1e-199));
        assert!(close(norm(Way::Formed, [3e300, 0.0], 0.0, 4e300), 5e300));
        let bias = Way::Outer { bias: true };
        assert!(close(norm(bias, [3.0, 4.0], 0.75, 0.0), 6.25));
        assert_eq!(norm(bias, [0.0, 0.0], 1.0, 0.0), 0.0);
        assert!(norm(outer, [f64::NAN, 0.0], 1.0, 1.0).is_nan());
        assert_eq!(norm(outer, [f64::INFINITY, 0.0], 1.0, 0.0), f64::INFINITY);
    }
}
