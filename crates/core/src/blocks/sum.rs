//! The lecture's last block.

use crate::blocks::any_width::{all, any_width};
use crate::{Block, Cost, Dims, Keeps, Mat, MatMut, Op, Point, Real, SecondOrder, Spec, linalg};

/// `y = <x, 1>`, the sum of all rows: it makes one number of the last block's output, so that there is a gradient
/// (lecture, forward and reverse mode). No parameters; the Jacobian is the row of ones.
///
/// With n rows, B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `y = sum_i x_i` | `nB` |
/// | jvp_input | `y_dot = sum_i x_dot_i` | `nBS` |
/// | vjp_input | `x_bar_i = y_bar` | 0 |
///
/// A record keeps nothing of it. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Sum};
/// let mut y = [0.0];
/// Sum::new(3).forward(&[], Mat::new(&[1.0, 2.0, 4.0], 3, 1), MatMut::new(&mut y, 1, 1), &mut []);
/// assert_eq!(y, [7.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    n: usize,
}

any_width!(Sum, |rows| Sum::new(all(rows)));

impl Sum {
    /// The sum of `n` rows.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }
}

impl Spec for Sum {
    fn name(&self) -> &str {
        "sum"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n,
            n_out: 1,
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let primal = Cost::flops(self.n * batch);
        Some(match op {
            Op::Forward => primal,
            Op::JvpInput => primal * seeds,
            _ => Cost::ZERO,
        })
    }
}

impl<T: Real> Block<T> for Sum {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, column) in x.columns().enumerate() {
            y.col_mut(j)[0] = linalg::sum(Mat::from(column));
        }
    }

    /// A linear map is its own derivative.
    fn jvp_input(&self, _: &Point<'_, T>, x_dot: Mat<'_, T>, y_dot: MatMut<'_, T>, _: &mut [T]) {
        self.forward(&[], x_dot, y_dot, &mut []);
    }

    fn vjp_input(
        &self,
        _: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for (j, column) in y_bar.columns().enumerate() {
            x_bar.col_mut(j).fill(column[0]);
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Sum {}
