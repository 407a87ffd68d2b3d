//! Entries of one of two inputs, chosen by a third.

use crate::blocks::any_width::{any_width, first};
use crate::planes::{Cotangents, DotPoint, PlanesMut};
use crate::{Block, Cost, Dims, Keeps, Mat, MatMut, Op, Point, Real, SecondOrder, Spec};

/// `y_i = a_i where c_i > 0, else b_i` for the stacked input `[c; a; b]` of n rows each: a mask of zeros and ones, or any
/// number by its sign. No parameters; the Jacobian is `[0 diag(c > 0) diag(1 - (c > 0))]`.
///
/// The entry that is not selected is a *structural* zero in both modes: whatever its value and slope are, infinite or NaN,
/// nothing of them passes. So `Where(x > 0, sqrt(x), 0)` has the derivative 0 at x = 0, and is how a path through a slope
/// that is not finite is closed ([`crate::Error::Singular`]). By c the derivative is 0, at the jump too; a c of NaN gives
/// NaN, and its derivatives are NaN.
///
/// With n rows of output, B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `y = a or b` | 0 |
/// | jvp_input | `y_dot = a_dot or b_dot` | 0 |
/// | vjp_input | `c_bar = 0`, `a_bar = y_bar or 0`, `b_bar = 0 or y_bar` | 0 |
///
/// A record keeps c, `nB` numbers. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Where};
/// let mut y = [0.0; 2];
/// let x = [1.0, 0.0, 10.0, f64::NAN, 30.0, 40.0];
/// Where::new(2).forward(&[], Mat::new(&x, 6, 1), MatMut::new(&mut y, 2, 1), &mut [0.0; 2]);
/// assert_eq!(y, [10.0, 40.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Where {
    n: usize,
}

any_width!(Where, |rows| Where::new(first(rows)));

impl Where {
    /// `n` rows chosen from two inputs of `n` rows.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }

    /// Condition, first and second input of a column.
    fn parts<'a, T>(&self, column: &'a [T]) -> (&'a [T], &'a [T], &'a [T]) {
        let (condition, rest) = column.split_at(self.n);
        let (a, b) = rest.split_at(self.n);
        (condition, a, b)
    }
}

/// The chosen one of two numbers.
#[inline(always)]
fn chosen<T: Real>(condition: T, a: T, b: T) -> T {
    if condition > T::zero() {
        a
    } else if condition <= T::zero() {
        b
    } else {
        T::from_f64(f64::NAN)
    }
}

impl Spec for Where {
    fn name(&self) -> &str {
        "where"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n.saturating_mul(3),
            n_out: self.n,
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps {
            extra: self.n,
            ..Keeps::NOTHING
        }
    }

    fn cost(&self, _: Op, _: usize, _: usize) -> Option<Cost> {
        Some(Cost::ZERO)
    }
}

impl<T: Real> Block<T> for Where {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, extra: &mut [T]) {
        for ((j, column), kept) in x.columns().enumerate().zip(extra.chunks_exact_mut(self.n)) {
            let (condition, a, b) = self.parts(column);
            // Its sign alone decides, and no derivative passes through it.
            let signs = kept.iter_mut().zip(condition);
            signs.for_each(|(kept, &condition)| *kept = condition.stopped());
            let entries = y.col_mut(j).iter_mut().zip(condition);
            for ((y, &condition), (&a, &b)) in entries.zip(a.iter().zip(b)) {
                *y = chosen(condition, a, b);
            }
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
            let condition = at.extra_of(column);
            let (_, a_dot, b_dot) = self.parts(x_dot);
            let entries = y_dot.col_mut(column).iter_mut().zip(condition);
            for ((y_dot, &condition), (&a_dot, &b_dot)) in entries.zip(a_dot.iter().zip(b_dot)) {
                // Two zeros stay a zero, wherever the condition stands.
                let none = a_dot.is_zero() && b_dot.is_zero();
                let tangent = chosen(condition, a_dot, b_dot);
                *y_dot = if none { T::zero() } else { tangent };
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
            let condition = at.extra_of(column);
            let (c_bar, rest) = x_bar.col_mut(column).split_at_mut(self.n);
            let (a_bar, b_bar) = rest.split_at_mut(self.n);
            c_bar.fill(T::zero());
            let entries = a_bar.iter_mut().zip(b_bar).zip(condition).zip(y_bar);
            for (((a_bar, b_bar), &condition), &y_bar) in entries {
                if y_bar.is_zero() {
                    (*a_bar, *b_bar) = (T::zero(), T::zero());
                } else {
                    *a_bar = chosen(condition, y_bar, T::zero());
                    *b_bar = chosen(condition, T::zero(), y_bar);
                }
            }
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Where {
    /// The derivative of `[c; a; b]` is chosen from in the same way; what is kept has none.
    fn forward_dot(
        &self,
        _: &[T],
        _: Option<&[T]>,
        x: crate::planes::Planes<'_, T>,
        y: PlanesMut<'_, T>,
        [extra, extra_dot]: [&mut [T]; 2],
        scratch: &mut [T],
    ) {
        let (mut value, mut dots) = y.split();
        self.forward(&[], x.value, value.rb_mut(), extra);
        extra_dot.fill(T::zero());
        let Some(x_dot) = x.dot else {
            return dots.fill(T::zero());
        };
        let at = Point {
            params: &[],
            x: Mat::empty(),
            y: Mat::empty(),
            extra,
            batch: value.ncols(),
        };
        self.jvp_input(&at, x_dot, dots, scratch);
    }

    /// The Jacobian is the same along every direction.
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        scratch: &mut [T],
    ) {
        self.vjp_input(&at.point(), y_bar.both(), x_bar.both(), scratch);
    }
}

#[cfg(test)]
mod tests {
    use super::Where;
    use crate::{Block, Mat, MatMut, Point};

    #[test]
    fn nothing_of_what_is_not_selected_passes_and_nan_is_not_hidden() {
        let (mut y, mut extra) = ([0.0; 3], [0.0; 3]);
        let x = [
            1.0,
            -0.0,
            f64::NAN,
            5.0,
            f64::NAN,
            7.0,
            f64::INFINITY,
            6.0,
            8.0,
        ];
        let block = Where::new(3);
        block.forward(
            &[],
            Mat::new(&x, 9, 1),
            MatMut::new(&mut y, 3, 1),
            &mut extra,
        );
        assert_eq!(y[..2], [5.0, 6.0]);
        assert!(y[2].is_nan());
        let at = Point {
            params: &[],
            x: Mat::empty(),
            y: Mat::empty(),
            extra: &extra,
            batch: 1,
        };
        let mut x_bar = [f64::NAN; 9];
        let seed = [2.0, f64::NAN, 1.0];
        block.vjp_input(
            &at,
            Mat::new(&seed, 3, 1),
            MatMut::new(&mut x_bar, 9, 1),
            &mut [],
        );
        assert_eq!(x_bar[..5], [0.0, 0.0, 0.0, 2.0, 0.0]);
        assert!(x_bar[5].is_nan() && x_bar[7].is_nan() && x_bar[8].is_nan());
        assert_eq!(x_bar[6], 0.0);
        let x_dot = [1.0, 1.0, 1.0, 3.0, f64::INFINITY, 1.0, f64::NAN, 4.0, 1.0];
        block.jvp_input(
            &at,
            Mat::new(&x_dot, 9, 1),
            MatMut::new(&mut y, 3, 1),
            &mut [],
        );
        assert_eq!(y[..2], [3.0, 4.0]);
        assert!(y[2].is_nan());
    }
}
