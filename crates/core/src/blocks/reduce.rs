//! One number of many: the largest, the Euclidean norm, the logarithm of the sum of exponentials.

use super::chain;
use super::softmax::{dot, largest};
use crate::planes::{Cotangents, DotPoint, PlanesMut};
use crate::{Block, Cost, Dims, Keeps, Mat, MatMut, Op, Point, Real, Spec};

macro_rules! one_of {
    ($text:literal, $keeps:expr) => {
        fn name(&self) -> &str {
            $text
        }

        fn dims(&self) -> Dims {
            Dims {
                n_in: self.n,
                n_out: 1,
                n_params: 0,
            }
        }

        fn keeps(&self) -> Keeps {
            $keeps
        }

        fn planes(&self) -> bool {
            true
        }
    };
}

const BOTH: Keeps = Keeps {
    x: true,
    y: true,
    extra: 0,
};

/// `y = max_i x_i`. No parameters; the Jacobian is the unit row of the largest entry, of the first among equals.
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `y = x_k`, k the first of the largest | 0 |
/// | jvp_input | `y_dot = x_dot_k` | 0 |
/// | vjp_input | `x_bar = y_bar e_k` | 0 |
///
/// A record keeps x, nB numbers for n rows and B samples. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Max};
/// let mut y = [0.0];
/// Max::new(3).forward(&[], Mat::new(&[1.0, 4.0, 2.0], 3, 1), MatMut::new(&mut y, 1, 1), &mut []);
/// assert_eq!(y, [4.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Max {
    n: usize,
}

impl Max {
    /// The largest of `n` rows.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }
}

impl Spec for Max {
    one_of!("max", Keeps::X);

    fn cost(&self, _: Op, _: usize, _: usize) -> Option<Cost> {
        Some(Cost::ZERO)
    }
}

impl<T: Real> Block<T> for Max {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, x) in x.columns().enumerate() {
            y.col_mut(j)[0] = x[largest(x)];
        }
    }

    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for (column, x_dot) in x_dot.columns().enumerate() {
            y_dot.col_mut(column)[0] = x_dot[largest(at.x.col(column % at.batch))];
        }
    }

    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        x_bar.fill(T::zero());
        for (column, y_bar) in y_bar.columns().enumerate() {
            x_bar.col_mut(column)[largest(at.x.col(column % at.batch))] = y_bar[0];
        }
    }
}

/// `y = sqrt(sum_i x_i^2)`, the Euclidean norm; of a matrix as a column, Frobenius' norm. No parameters; the Jacobian is
/// the row `x' / y`, and 0 at x = 0.
///
/// With n rows, B samples, S seeds:
///
/// | map | formula | flops | calls |
/// |---|---|---|---|
/// | forward | `y = sqrt(<x, x>)` | `2nB` | `B` |
/// | jvp_input | `y_dot = <x, x_dot> / y` | `(2n + 2) BS` | 0 |
/// | vjp_input | `x_bar = x (y_bar / y)` | `(n + 2) BS` | 0 |
///
/// A record keeps x and y, `(n + 1) B` numbers. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Norm};
/// let mut y = [0.0];
/// Norm::new(2).forward(&[], Mat::new(&[3.0, 4.0], 2, 1), MatMut::new(&mut y, 1, 1), &mut []);
/// assert_eq!(y, [5.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Norm {
    n: usize,
}

impl Norm {
    /// The norm of `n` rows.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }
}

/// `1/y`, and 0 where y is 0: one flop either way. `<` looks at the value alone, as it has to at dual numbers.
fn inverse<T: Real>(y: T) -> T {
    let inverse = y.recip();
    if y > T::zero() { inverse } else { T::zero() }
}

impl Spec for Norm {
    one_of!("norm", BOTH);

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        Some(match op {
            Op::Forward => (Cost::flops(2 * self.n) + Cost::calls(1)) * batch,
            Op::JvpInput => Cost::flops((2 * self.n + 2) * batch * seeds),
            Op::VjpInput => Cost::flops((self.n + 2) * batch * seeds),
            _ => Cost::ZERO,
        })
    }
}

impl<T: Real> Block<T> for Norm {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, x) in x.columns().enumerate() {
            let squares = x.iter().fold(T::zero(), |sum, &x| sum + x * x);
            // At 0 a root of duals has the derivative 0 / 0; that of the constant 0 is 0.
            let squares = if squares > T::zero() {
                squares
            } else {
                squares.stopped()
            };
            y.col_mut(j)[0] = squares.sqrt();
        }
    }

    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for (column, x_dot) in x_dot.columns().enumerate() {
            let sample = column % at.batch;
            let inverse = inverse(at.y.get(0, sample));
            y_dot.col_mut(column)[0] = chain(inverse, dot(at.x.col(sample), x_dot));
        }
    }

    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for (column, y_bar) in y_bar.columns().enumerate() {
            let sample = column % at.batch;
            let factor = chain(inverse(at.y.get(0, sample)), y_bar[0]);
            let entries = x_bar.col_mut(column).iter_mut().zip(at.x.col(sample));
            entries.for_each(|(x_bar, &x)| *x_bar = chain(x, factor));
        }
    }

    /// `x_bar_dot = x (y_bar_dot - y_bar y_dot / y) / y + x_dot y_bar / y`
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        _: &mut [T],
    ) {
        let (mut value, mut dots) = x_bar.split();
        for j in 0..at.batch {
            let ((x, x_dot), (y, y_dot)) = (at.x.col(j), at.y.col(j));
            let (y_bar, y_bar_dot) = y_bar.col(j);
            let inverse = inverse(y[0]);
            let factor = chain(inverse, y_bar[0]);
            let moved = y_dot.map_or(T::zero(), |y_dot| chain(y_dot[0], factor));
            let factor_dot = chain(inverse, y_bar_dot[0] - moved);
            let (value, dots) = (value.col_mut(j), dots.col_mut(j));
            for i in 0..self.n {
                value[i] = chain(x[i], factor);
                dots[i] = chain(x[i], factor_dot);
                if let Some(x_dot) = x_dot {
                    dots[i] += chain(x_dot[i], factor);
                }
            }
        }
    }
}

/// `y = ln sum_i e^(x_i)`, finite for every finite x. No parameters; the Jacobian is the row `p' = (e^(x - y))'`, the softmax.
///
/// With n rows, B samples, S seeds (the exponentials of a sample are computed for each of its seeds):
///
/// | map | formula | flops | calls |
/// |---|---|---|---|
/// | forward | `y = max + ln_1p(sum of the others' e^(x - max))` | `(2n - 1) B` | `nB` |
/// | jvp_input | `y_dot = <p, x_dot>` | `3nBS` | `nBS` |
/// | vjp_input | `x_bar = p y_bar` | `2nBS` | `nBS` |
///
/// A record keeps x and y, `(n + 1) B` numbers. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::LogSumExp};
/// let mut y = [0.0];
/// LogSumExp::new(2).forward(&[], Mat::new(&[1e3, -1e3], 2, 1), MatMut::new(&mut y, 1, 1), &mut []);
/// assert_eq!(y, [1e3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSumExp {
    n: usize,
}

impl LogSumExp {
    /// Over `n` rows.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }
}

impl Spec for LogSumExp {
    one_of!("log-sum-exp", BOTH);

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let calls = Cost::calls(self.n * batch);
        Some(match op {
            Op::Forward => Cost::flops((2 * self.n).saturating_sub(1) * batch) + calls,
            Op::JvpInput => (Cost::flops(3 * self.n * batch) + calls) * seeds,
            Op::VjpInput => (Cost::flops(2 * self.n * batch) + calls) * seeds,
            _ => Cost::ZERO,
        })
    }
}

impl<T: Real> Block<T> for LogSumExp {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, x) in x.columns().enumerate() {
            let at = largest(x);
            let others = x.iter().enumerate().filter(|&(i, _)| i != at);
            let sum = others.fold(T::zero(), |sum, (_, &entry)| sum + (entry - x[at]).exp());
            y.col_mut(j)[0] = x[at] + sum.ln_1p();
        }
    }

    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for (column, x_dot) in x_dot.columns().enumerate() {
            let (x, y) = (at.x.col(column % at.batch), at.y.get(0, column % at.batch));
            let products = x.iter().zip(x_dot);
            y_dot.col_mut(column)[0] = products.fold(T::zero(), |sum, (&x, &x_dot)| {
                sum + chain((x - y).exp(), x_dot)
            });
        }
    }

    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for (column, y_bar) in y_bar.columns().enumerate() {
            let (x, y) = (at.x.col(column % at.batch), at.y.get(0, column % at.batch));
            let entries = x_bar.col_mut(column).iter_mut().zip(x);
            entries.for_each(|(x_bar, &x)| *x_bar = chain((x - y).exp(), y_bar[0]));
        }
    }

    /// `x_bar_dot = p (y_bar_dot + (x_dot - y_dot) y_bar)`
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        _: &mut [T],
    ) {
        let (mut value, mut dots) = x_bar.split();
        for j in 0..at.batch {
            let ((x, x_dot), (y, y_dot)) = (at.x.col(j), at.y.col(j));
            let (y_bar, y_bar_dot) = y_bar.col(j);
            let (value, dots) = (value.col_mut(j), dots.col_mut(j));
            for i in 0..self.n {
                let p = (x[i] - y[0]).exp();
                value[i] = chain(p, y_bar[0]);
                dots[i] = chain(p, y_bar_dot[0]);
                if let (Some(x_dot), Some(y_dot)) = (x_dot, y_dot) {
                    dots[i] += chain(x_dot[i] - y_dot[0], value[i]);
                }
            }
        }
    }
}
