//! Differences and quotients of two stacked inputs.

use super::{chain, divided};
use crate::blocks::any_width::{any_width, first};
use crate::planes::{Cotangents, DotPoint, PlanesMut};
use crate::{
    Block, Cost, Dims, Keeps, Mat, MatMut, Op, Point, Real, SecondOrder, Singular, Spec, Steep,
};

/// `y_i = a_i - b_i` for the stacked input `[a; b]`. No parameters; the Jacobian is `[I -I]`.
///
/// With n rows of output, B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `y = a - b` | `nB` |
/// | jvp_input | `y_dot = a_dot - b_dot` | `nBS` |
/// | vjp_input | `a_bar = y_bar`, `b_bar = -y_bar` | `nBS` |
///
/// A record keeps nothing of it. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Sub};
/// let mut y = [0.0; 2];
/// Sub::new(2).forward(&[], Mat::new(&[1.0, 2.0, 10.0, 20.0], 4, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [-9.0, -18.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sub {
    n: usize,
}

any_width!(Sub, |rows| Sub::new(first(rows)));

impl Sub {
    /// The difference of two inputs of `n` rows.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }
}

impl Spec for Sub {
    fn name(&self) -> &str {
        "sub"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n.saturating_mul(2),
            n_out: self.n,
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
            Op::JvpInput | Op::VjpInput => primal * seeds,
            _ => Cost::ZERO,
        })
    }
}

impl<T: Real> Block<T> for Sub {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, column) in x.columns().enumerate() {
            let (a, b) = column.split_at(self.n);
            let entries = y.col_mut(j).iter_mut().zip(a.iter().zip(b));
            entries.for_each(|(y, (&a, &b))| *y = a - b);
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
        for (j, y_bar) in y_bar.columns().enumerate() {
            let (a_bar, b_bar) = x_bar.col_mut(j).split_at_mut(self.n);
            a_bar.copy_from_slice(y_bar);
            let entries = b_bar.iter_mut().zip(y_bar);
            entries.for_each(|(b_bar, &y_bar)| *b_bar = chain(-T::one(), y_bar));
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Sub {}

/// `y_i = a_i / b_i` for the stacked input `[a; b]`, b not 0. No parameters; the Jacobian is `[diag(1/b) -diag(y/b)]`.
///
/// With n rows of output, B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `y = a / b` | `nB` |
/// | jvp_input | `y_dot = (a_dot - y * b_dot) / b` | `3nBS` |
/// | vjp_input | `a_bar = y_bar / b`, `b_bar = -y * a_bar` | `2nBS` |
///
/// Every quotient is divided, never multiplied with a reciprocal: 49 / 49 is 1, and a tiny b has no infinite 1 / b in
/// between. Where b is 0, or so small that 1 / b or y / b is infinite, a derivative is an [`crate::Error::Singular`].
///
/// A record keeps x and y, `3nB` numbers. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Div};
/// let mut y = [0.0; 2];
/// Div::new(2).forward(&[], Mat::new(&[1.0, 2.0, 4.0, 16.0], 4, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [0.25, 0.125]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Div {
    n: usize,
}

any_width!(Div, |rows| Div::new(first(rows)));

impl Div {
    /// The quotient of two inputs of `n` rows.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }

    /// `a_bar = y_bar / b`, `b_bar = -y a_bar`
    fn pull<T: Real>(&self, b: &[T], y: &[T], y_bar: &[T], x_bar: &mut [T]) {
        let (a_bar, b_bar) = x_bar.split_at_mut(self.n);
        let factors = b.iter().zip(y).zip(y_bar);
        for ((a_bar, b_bar), ((&b, &y), &y_bar)) in a_bar.iter_mut().zip(b_bar).zip(factors) {
            *a_bar = divided(y_bar, b);
            *b_bar = chain(-y, *a_bar);
        }
    }
}

impl Spec for Div {
    fn name(&self) -> &str {
        "div"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n.saturating_mul(2),
            n_out: self.n,
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps {
            x: true,
            y: true,
            extra: 0,
        }
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let entries = Cost::flops(self.n * batch);
        Some(match op {
            Op::Forward => entries,
            Op::JvpInput => entries * (3 * seeds),
            Op::VjpInput => entries * (2 * seeds),
            _ => Cost::ZERO,
        })
    }

    fn singular(&self) -> Singular {
        Singular::AtPoints
    }
}

impl<T: Real> Block<T> for Div {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, column) in x.columns().enumerate() {
            let (a, b) = column.split_at(self.n);
            let entries = y.col_mut(j).iter_mut().zip(a.iter().zip(b));
            entries.for_each(|(y, (&a, &b))| *y = a / b);
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
            let sample = at.sample_of(column);
            let (b, y) = (&at.x.col(sample)[self.n..], at.y.col(sample));
            let (a_dot, b_dot) = x_dot.split_at(self.n);
            let factors = b.iter().zip(y).zip(a_dot.iter().zip(b_dot));
            for (y_dot, ((&b, &y), (&a_dot, &b_dot))) in
                y_dot.col_mut(column).iter_mut().zip(factors)
            {
                *y_dot = divided(a_dot - chain(y, b_dot), b);
            }
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
            let sample = at.sample_of(column);
            let b = &at.x.col(sample)[self.n..];
            self.pull(b, at.y.col(sample), y_bar, x_bar.col_mut(column));
        }
    }

    fn singular_at(&self, at: &Point<'_, T>, second: bool, found: &mut dyn FnMut(Steep)) {
        for (sample, (x, y)) in at.x.columns().zip(at.y.columns()).enumerate() {
            for (output, (&b, &y)) in x[self.n..].iter().zip(y).enumerate() {
                // Of dual numbers the values alone.
                let (b, y) = (b.stopped(), y.stopped());
                let (by_a, by_b) = (b.recip(), y / b);
                let mut finite = [by_a.is_finite(), by_b.is_finite()];
                if second {
                    let again = (by_a / b).is_finite();
                    finite = [
                        finite[0] && again,
                        finite[1] && again && (by_b / b).is_finite(),
                    ];
                }
                for (k, finite) in finite.into_iter().enumerate() {
                    if !finite {
                        found(Steep {
                            sample,
                            output,
                            input: Some(k * self.n + output),
                            at: b.to_f64(),
                        });
                    }
                }
            }
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Div {
    /// `a_bar_dot = (y_bar_dot - a_bar b_dot) / b`, `b_bar_dot = -y a_bar_dot - y_dot a_bar`
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        _: &mut [T],
    ) {
        let (mut value, mut dot) = x_bar.split();
        for j in 0..at.batch {
            let ((x, x_dot), (y, y_dot)) = (at.x.col(j), at.y.col(j));
            let (b, (y_bar, y_bar_dot)) = (&x[self.n..], y_bar.col(j));
            self.pull(b, y, y_bar, value.col_mut(j));
            self.pull(b, y, y_bar_dot, dot.col_mut(j));
            let (Some(x_dot), Some(y_dot)) = (x_dot, y_dot) else {
                continue;
            };
            let (b_dot, a_bar) = (&x_dot[self.n..], &value.rb().col(j)[..self.n]);
            let (a_bar_dot, b_bar_dot) = dot.col_mut(j).split_at_mut(self.n);
            for i in 0..self.n {
                let moved = divided(chain(b_dot[i], a_bar[i]), b[i]);
                a_bar_dot[i] -= moved;
                b_bar_dot[i] += chain(y[i], moved) - chain(y_dot[i], a_bar[i]);
            }
        }
    }
}
