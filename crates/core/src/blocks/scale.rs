//! Multiplication by a constant.

use super::{chain, divided};
use crate::{
    Block, Cost, Dims, Error, InPlace, InputJacobian, Keeps, Mat, MatMut, Op, Point, Real, Result,
    SecondOrder, Spec,
};

/// `y = c x` or `y = x / c` for a constant c: turns the sum over a batch into a mean, a gradient into a step. A quotient
/// divides, in all maps: 49 / 49 is 1, which 49 times the rounded 1/49 is not. No parameters; the Jacobian is `c I` or
/// `I / c`; runs in place.
///
/// With n rows, B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `y = c x` | `nB` |
/// | jvp_input | `y_dot = c x_dot` | `nBS` |
/// | vjp_input | `x_bar = c y_bar` | `nBS` |
///
/// and the same costs for quotients.
///
/// A record keeps nothing of it. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, Spec, blocks::Scale};
/// let mut y = [0.0; 2];
/// Scale::new(2, -0.5).forward(&[], Mat::new(&[1.0, 4.0], 2, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [-0.5, -2.0]);
/// assert!(Scale::new(2, f64::NAN).validate().is_err());
/// Scale::new(2, -1.0).forward(&[], Mat::new(&[0.0, 1.0], 2, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(1.0 / y[0], f64::NEG_INFINITY);
/// Scale::divided(2, 49.0).forward(&[], Mat::new(&[49.0, 7.0], 2, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [1.0, 7.0 / 49.0]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    n: usize,
    by: By,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Factor(f64),
    Divisor(f64),
}

impl Scale {
    /// `n` rows times `factor`, any finite number.
    pub const fn new(n: usize, factor: f64) -> Self {
        Self {
            n,
            by: By::Factor(factor),
        }
    }

    /// `n` rows divided by `divisor`, any finite number but 0.
    pub const fn divided(n: usize, divisor: f64) -> Self {
        Self {
            n,
            by: By::Divisor(divisor),
        }
    }

    /// The function: a zero is a number, with its sign.
    fn value<T: Real>(&self, target: MatMut<'_, T>) {
        match self.by {
            By::Factor(factor) => each(target, |x| T::from_f64(factor) * x),
            By::Divisor(divisor) => each(target, |x| x / T::from_f64(divisor)),
        }
    }

    /// Its derivative, in which a zero is a structural zero.
    fn scale<T: Real>(&self, target: MatMut<'_, T>) {
        match self.by {
            By::Factor(factor) => each(target, |x| chain(T::from_f64(factor), x)),
            By::Divisor(divisor) => each(target, |x| divided(x, T::from_f64(divisor))),
        }
    }
}

#[inline(always)]
fn each<T: Real>(mut target: MatMut<'_, T>, map: impl Fn(T) -> T) {
    for j in 0..target.ncols() {
        let entries = target.col_mut(j).iter_mut();
        entries.for_each(|entry| *entry = map(*entry));
    }
}

impl Spec for Scale {
    fn name(&self) -> &str {
        "scale"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n,
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

    fn input_jacobian(&self) -> InputJacobian {
        InputJacobian::Diagonal
    }

    fn validate(&self) -> Result<()> {
        let (setting, value, expected) = match self.by {
            By::Factor(factor) => ("factor", factor, "a finite number"),
            By::Divisor(divisor) => ("divisor", divisor, "a finite number other than 0"),
        };
        if value.is_finite() && (value != 0.0 || matches!(self.by, By::Factor(_))) {
            return Ok(());
        }
        Err(Error::setting(self.name(), setting, expected, value))
    }
}

impl<T: Real> Block<T> for Scale {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        y.copy_from(x);
        self.value(y);
    }

    fn jvp_input(
        &self,
        _: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        y_dot.copy_from(x_dot);
        self.scale(y_dot);
    }

    fn vjp_input(
        &self,
        _: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        x_bar.copy_from(y_bar);
        self.scale(x_bar);
    }

    fn in_place(&self) -> Option<&dyn InPlace<T>> {
        Some(self)
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> InPlace<T> for Scale {
    fn forward_in_place(&self, _: &[T], xy: MatMut<'_, T>, _: &mut [T]) {
        self.value(xy);
    }

    fn jvp_input_in_place(&self, _: &Point<'_, T>, dot: MatMut<'_, T>, _: &mut [T]) {
        self.scale(dot);
    }

    fn vjp_input_in_place(&self, _: &Point<'_, T>, bar: MatMut<'_, T>, _: &mut [T]) {
        self.scale(bar);
    }
}

impl<T: Real> SecondOrder<T> for Scale {}
