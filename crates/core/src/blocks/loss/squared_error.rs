//! The squared error.

use crate::blocks::any_width::{any_width, first};
use crate::blocks::chain;
use crate::blocks::steep::not_finite;
use crate::linalg::total;
use crate::planes::{Cotangents, DotPoint, Planes, PlanesMut};
use crate::{
    Block, Cost, Dims, Keeps, Mat, MatMut, Op, Point, Real, SecondOrder, Singular, Spec, Steep,
};

/// `y = sum_i (p_i - t_i)^2` for the stacked `[p; t]`: prediction over target, n rows each. No parameters.
///
/// It keeps the differences d = p - t, which the value needs anyway: half of x. With B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `d = p - t`, `y = <d, d>` | `3nB` |
/// | jvp_input | `y_dot = 2 <d, p_dot - t_dot>` | `(3n + 1) BS` |
/// | vjp_input | `p_bar = (2 y_bar) d`, `t_bar = -p_bar` | `(n + 1) BS` |
///
/// A record keeps d, `nB` numbers. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::SquaredError};
/// let (mut y, mut extra) = ([0.0], [0.0; 2]);
/// SquaredError::new(2).forward(&[], Mat::new(&[1.0, 5.0, 3.0, 4.0], 4, 1), MatMut::new(&mut y, 1, 1), &mut extra);
/// assert_eq!(y, [(1.0 - 3.0) * (1.0 - 3.0) + (5.0 - 4.0) * (5.0 - 4.0)]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SquaredError {
    n: usize,
}

any_width!(SquaredError, |rows| SquaredError::new(first(rows)));

impl SquaredError {
    /// The squared error of `n` predictions.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }

    /// The differences of the sample in `column`.
    fn differences<'a, T>(&self, at: &Point<'a, T>, column: usize) -> &'a [T] {
        at.extra_of(column)
    }
}

impl Spec for SquaredError {
    fn name(&self) -> &str {
        "squared-error"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n.saturating_mul(2),
            n_out: 1,
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps {
            extra: self.n,
            ..Keeps::NOTHING
        }
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        Some(match op {
            Op::Forward => Cost::flops(3 * self.n * batch),
            Op::JvpInput => Cost::flops((3 * self.n + 1) * batch * seeds),
            Op::VjpInput => Cost::flops((self.n + 1) * batch * seeds),
            _ => Cost::ZERO,
        })
    }

    fn singular(&self) -> Singular {
        Singular::WithOutput
    }
}

impl<T: Real> Block<T> for SquaredError {
    fn singular_at(&self, at: &Point<'_, T>, _: bool, found: &mut dyn FnMut(Steep)) {
        not_finite(
            Mat::new(at.extra, self.n, at.batch),
            |sample, row, value| {
                for input in [row, self.n + row] {
                    found(Steep {
                        sample,
                        output: 0,
                        input: Some(input),
                        at: value,
                    });
                }
            },
        );
    }

    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, extra: &mut [T]) {
        for (j, column) in x.columns().enumerate() {
            let (prediction, target) = column.split_at(self.n);
            let kept = &mut extra[j * self.n..][..self.n];
            y.col_mut(j)[0] = T::zero()
                + total(self.n, |i| {
                    kept[i] = prediction[i] - target[i];
                    kept[i] * kept[i]
                });
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
            let (p_dot, t_dot) = x_dot.split_at(self.n);
            let d = self.differences(at, column);
            let half = T::zero() + total(self.n, |i| chain(d[i], p_dot[i] - t_dot[i]));
            y_dot.col_mut(column)[0] = T::from_f64(2.0) * half;
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
            let twice = T::from_f64(2.0) * y_bar[0];
            let (p_bar, t_bar) = x_bar.col_mut(column).split_at_mut(self.n);
            let differences = self.differences(at, column);
            for ((p_bar, t_bar), &d) in p_bar.iter_mut().zip(t_bar).zip(differences) {
                *p_bar = chain(d, twice);
                *t_bar = -*p_bar;
            }
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for SquaredError {
    /// `d_dot = p_dot - t_dot`, `y_dot = 2 <d, d_dot>`.
    fn forward_dot(
        &self,
        _: &[T],
        _: Option<&[T]>,
        x: Planes<'_, T>,
        y: PlanesMut<'_, T>,
        [extra, extra_dot]: [&mut [T]; 2],
        _: &mut [T],
    ) {
        let (value, mut dots) = y.split();
        self.forward(&[], x.value, value, extra);
        for (j, d_dot) in extra_dot.chunks_exact_mut(self.n).enumerate() {
            let Some(x_dot) = x.dot else {
                d_dot.fill(T::zero());
                dots.col_mut(j)[0] = T::zero();
                continue;
            };
            let (p_dot, t_dot) = x_dot.col(j).split_at(self.n);
            let d = &extra[j * self.n..][..self.n];
            let half = T::zero()
                + total(self.n, |i| {
                    d_dot[i] = p_dot[i] - t_dot[i];
                    chain(d[i], d_dot[i])
                });
            dots.col_mut(j)[0] = T::from_f64(2.0) * half;
        }
    }

    /// `p_bar_dot = 2 (d y_bar_dot + d_dot y_bar)`, `t_bar_dot = -p_bar_dot`.
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        scratch: &mut [T],
    ) {
        let (value, mut dots) = x_bar.split();
        self.vjp_input(&at.point(), y_bar.value(), value, scratch);
        self.vjp_input(&at.point(), y_bar.dot(), dots.rb_mut(), scratch);
        for (j, y_bar) in y_bar.value().columns().enumerate() {
            let twice = T::from_f64(2.0) * y_bar[0];
            let d_dot = &at.extra_dot[j * self.n..][..self.n];
            let (p_bar_dot, t_bar_dot) = dots.col_mut(j).split_at_mut(self.n);
            for ((p_bar_dot, t_bar_dot), &d_dot) in p_bar_dot.iter_mut().zip(t_bar_dot).zip(d_dot) {
                *p_bar_dot += chain(d_dot, twice);
                *t_bar_dot = -*p_bar_dot;
            }
        }
    }
}
