//! The logarithm of softmax.

use super::chain;
use super::softmax::{dot, forward_cost, largest_number, relative_to_largest, shift};
use crate::blocks::any_width::{all, any_width};
use crate::linalg::{sum, total};
use crate::planes::{Cotangents, DotPoint, PlanesMut};
use crate::{Block, Cost, Dims, InPlace, Keeps, Mat, MatMut, Op, Point, Real, SecondOrder, Spec};

/// `y_i = x_i - ln sum_k e^(x_k)`, accurate where softmax is within rounding of 0 or 1. No parameters; the Jacobian
/// `I - 1 p'` with p = e^y needs y alone, so the block runs in place.
///
/// With n rows, B samples, S seeds (the n exponentials of a sample are shared by its seeds):
///
/// | map | formula | flops | calls |
/// |---|---|---|---|
/// | forward | `y = (x - max) - ln_1p(sum of the others)` | `(3n - 2) B` | `nB` |
/// | jvp_input | `y_dot = x_dot - <p, x_dot>` | `4nBS` | `nB` |
/// | vjp_input | `x_bar = y_bar - p sum(y_bar)` | `4nBS` | `nB` |
///
/// A record keeps y, `nB` numbers. Scratch memory of the derivative maps: n numbers.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::LogSoftmax};
/// let mut y = [0.0; 2];
/// LogSoftmax::new(2).forward(&[], Mat::new(&[50.0, 0.0], 2, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [-(-50f64).exp(), -50.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSoftmax {
    n: usize,
}

any_width!(LogSoftmax, |rows| LogSoftmax::new(all(rows)));

impl LogSoftmax {
    /// The logarithm of the softmax of `n` rows.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }

    /// Lends p = e^y of every sample to `map`, with each of the sample's seeds.
    fn each_seed<T: Real>(
        &self,
        at: &Point<'_, T>,
        mut seeds: MatMut<'_, T>,
        scratch: &mut [T],
        map: impl Fn(&[T], &mut [T]),
    ) {
        let p = &mut scratch[..self.n];
        for sample in 0..at.batch {
            for (p, &y) in p.iter_mut().zip(at.y.col(sample)) {
                *p = y.exp();
            }
            for column in (sample..seeds.ncols()).step_by(at.batch) {
                map(p, seeds.col_mut(column));
            }
        }
    }
}

impl Spec for LogSoftmax {
    fn name(&self) -> &str {
        "log-softmax"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n,
            n_out: self.n,
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps::Y
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        Some(match op {
            // The exponentials of all entries but the largest, and ln_1p.
            Op::Forward => (forward_cost(self.n) + Cost::calls(self.n)) * batch,
            Op::JvpInput | Op::VjpInput => {
                Cost::flops(4 * self.n * batch * seeds) + Cost::calls(self.n * batch)
            }
            _ => Cost::ZERO,
        })
    }

    fn scratch_len(&self, op: Op, _: usize, _: usize) -> usize {
        if matches!(op, Op::JvpInput | Op::VjpInput) {
            self.n
        } else {
            0
        }
    }
}

impl<T: Real> Block<T> for LogSoftmax {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        y.copy_from(x);
        self.forward_in_place(&[], y, &mut []);
    }

    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        y_dot.copy_from(x_dot);
        self.jvp_input_in_place(at, y_dot, scratch);
    }

    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        x_bar.copy_from(y_bar);
        self.vjp_input_in_place(at, x_bar, scratch);
    }

    fn in_place(&self) -> Option<&dyn InPlace<T>> {
        Some(self)
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> InPlace<T> for LogSoftmax {
    fn forward_in_place(&self, _: &[T], mut xy: MatMut<'_, T>, _: &mut [T]) {
        for j in 0..xy.ncols() {
            let column = xy.col_mut(j);
            let at = shift(column);
            let others = total(column.len(), |i| {
                if i == at { T::zero() } else { column[i].exp() }
            });
            let log_sum = others.ln_1p();
            column.iter_mut().for_each(|entry| *entry -= log_sum);
        }
    }

    fn jvp_input_in_place(&self, at: &Point<'_, T>, dots: MatMut<'_, T>, scratch: &mut [T]) {
        self.each_seed(at, dots, scratch, |p, x_dot| {
            relative_to_largest(p, x_dot);
            let inner = dot(p, x_dot);
            x_dot.iter_mut().for_each(|x_dot| *x_dot -= inner);
        });
    }

    fn vjp_input_in_place(&self, at: &Point<'_, T>, bar: MatMut<'_, T>, scratch: &mut [T]) {
        self.each_seed(at, bar, scratch, |p, y_bar| {
            let all = sum(Mat::from(&*y_bar));
            for (y_bar, &p) in y_bar.iter_mut().zip(p) {
                *y_bar -= chain(p, all);
            }
            // A p of nearly 1 loses its digits there; the entries sum to 0.
            let at = largest_number(p);
            let others = total(y_bar.len(), |i| if i == at { T::zero() } else { y_bar[i] });
            let exact = T::zero() - others;
            if let Some(own) = y_bar.get_mut(at).filter(|own| !own.is_nan()) {
                *own = exact;
            }
        });
    }
}

impl<T: Real> SecondOrder<T> for LogSoftmax {
    /// `x_bar_dot = y_bar_dot - p sum(y_bar_dot) - p * y_dot sum(y_bar)`, as p = e^y.
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        scratch: &mut [T],
    ) {
        let (mut value, mut dots) = x_bar.split();
        value.copy_from(y_bar.value());
        dots.copy_from(y_bar.dot());
        self.vjp_input_in_place(&at.point(), value, scratch);
        self.vjp_input_in_place(&at.point(), dots.rb_mut(), scratch);
        let Some(y_dot) = at.y.dot else { return };
        for (j, y_bar) in y_bar.value().columns().enumerate() {
            let total = sum(Mat::from(y_bar));
            let slopes = at.y.value.col(j).iter().zip(y_dot.col(j));
            for (x_bar_dot, (&y, &y_dot)) in dots.col_mut(j).iter_mut().zip(slopes) {
                *x_bar_dot -= chain(chain(y.exp(), y_dot), total);
            }
        }
    }
}
