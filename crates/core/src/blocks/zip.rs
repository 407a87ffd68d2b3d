//! A scalar function of two inputs, entry by entry: the larger, the smaller, a power, an angle, and a user's own.

use std::fmt::Debug;

use super::chain;
use crate::planes::{Cotangents, DotPoint, PlanesMut};
use crate::{
    Block, Cost, Counted, Dims, Dual, Keeps, Mat, MatMut, Op, Point, Real, SecondOrder, Singular,
    Spec, Steep, count,
};

/// A scalar function of two numbers with its two derivatives: the sibling of [`super::Elementwise`].
///
/// ```
/// use pushpull_core::{Real, blocks::{Binary, Zip}};
/// #[derive(Clone, Debug)]
/// struct Product;
/// impl Binary for Product {
///     fn f<T: Real>(&self, a: T, b: T) -> T { a * b }
///     fn df<T: Real>(&self, a: T, b: T) -> (T, T) { (b, a) }
/// }
/// let block = Zip::new(Product, 8); // ready for a graph
/// # let _ = block;
/// ```
pub trait Binary: Clone + Debug + Send + Sync + 'static {
    /// A short name in lower case.
    fn name(&self) -> &str {
        "zip"
    }

    /// The function.
    fn f<T: Real>(&self, a: T, b: T) -> T;

    /// Its derivatives by `a` and by `b`. At a kink: one value, the same everywhere.
    fn df<T: Real>(&self, a: T, b: T) -> (T, T);

    /// Where its derivatives are finite.
    fn singular(&self) -> Singular {
        Singular::Never
    }
}

/// `y_i = f(a_i, b_i)` for the stacked input `[a; b]`. No parameters; the Jacobian is `[diag(df/da) diag(df/db)]`.
///
/// With n rows of output, B samples, S seeds, and the flops and calls of `f` and `df` counted by running them:
///
/// | map | formula | cost |
/// |---|---|---|
/// | forward | `y = f(a, b)` | `nB f` |
/// | jvp_input | `y_dot = df/da * a_dot + df/db * b_dot` | `nBS df + 3nBS` flops |
/// | vjp_input | `a_bar = df/da * y_bar`, `b_bar = df/db * y_bar` | `nBS df + 2nBS` flops |
///
/// A record keeps x, `2nB` numbers. No scratch memory.
///
/// | function | value | df/da | df/db |
/// |---|---|---|---|
/// | [`Maximum`] | the larger, NaN if one is | 1 where a > b, else 0 | 1 where not a > b, else 0 |
/// | [`Minimum`] | the smaller, NaN if one is | 1 where a < b, else 0 | 1 where not a < b, else 0 |
/// | [`Pow`] | `a^b` | `b a^(b - 1)`, 0 at b = 0 | `a^b ln a`, 0 at a = 0, b >= 0 |
/// | [`Atan2`] | the angle of (b, a) | `b / (a^2 + b^2)` | `-a / (a^2 + b^2)` |
///
/// A tie of maximum and minimum gives its derivative to the second, as [`Real::max`] does; where one of the two is NaN, both
/// derivatives are NaN. A negative base has no derivative by its exponent: it is NaN, and where the exponent is
/// differentiated by, an [`crate::Error::Singular`]. So is the angle at the origin, and a power whose slope at 0 is
/// infinite.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::{Maximum, Pow, Zip}};
/// let (x, mut y) = ([3.0, 2.0, 2.0, 4.0], [0.0; 2]);
/// Zip::new(Pow, 2).forward(&[], Mat::new(&x, 4, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [9.0, 16.0]);
/// Zip::new(Maximum, 2).forward(&[], Mat::new(&x, 4, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [3.0, 4.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Zip<F> {
    function: F,
    n: usize,
}

impl<F: Binary> Zip<F> {
    /// `function` of two inputs of `n` rows.
    pub const fn new(function: F, n: usize) -> Self {
        Self { function, n }
    }
}

impl<F: Binary> Spec for Zip<F> {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n.saturating_mul(2),
            n_out: self.n,
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps::X
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let (a, b) = (Counted(0.5), Counted(0.25));
        let entry = match op {
            Op::Forward => count(|| self.function.f(a, b)).1,
            Op::JvpInput => (count(|| self.function.df(a, b)).1 + Cost::flops(3)) * seeds,
            Op::VjpInput => (count(|| self.function.df(a, b)).1 + Cost::flops(2)) * seeds,
            _ => Cost::ZERO,
        };
        Some(entry * self.n.saturating_mul(batch))
    }

    fn singular(&self) -> Singular {
        self.function.singular()
    }
}

impl<T: Real, F: Binary> Block<T> for Zip<F> {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, column) in x.columns().enumerate() {
            let (a, b) = column.split_at(self.n);
            for (y, (&a, &b)) in y.col_mut(j).iter_mut().zip(a.iter().zip(b)) {
                *y = self.function.f(a, b);
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
            let (a, b) = at.x_of(column).split_at(self.n);
            let (a_dot, b_dot) = x_dot.split_at(self.n);
            let pairs = a.iter().zip(b).zip(a_dot.iter().zip(b_dot));
            for (y_dot, ((&a, &b), (&a_dot, &b_dot))) in y_dot.col_mut(column).iter_mut().zip(pairs)
            {
                let (by_a, by_b) = self.function.df(a, b);
                *y_dot = chain(by_a, a_dot) + chain(by_b, b_dot);
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
            let (a, b) = at.x_of(column).split_at(self.n);
            let (a_bar, b_bar) = x_bar.col_mut(column).split_at_mut(self.n);
            let factors = a.iter().zip(b).zip(y_bar);
            for ((a_bar, b_bar), ((&a, &b), &y_bar)) in a_bar.iter_mut().zip(b_bar).zip(factors) {
                let (by_a, by_b) = self.function.df(a, b);
                (*a_bar, *b_bar) = (chain(by_a, y_bar), chain(by_b, y_bar));
            }
        }
    }

    fn singular_at(&self, at: &Point<'_, T>, second: bool, found: &mut dyn FnMut(Steep)) {
        for (sample, column) in at.x.columns().enumerate() {
            let (a, b) = column.split_at(self.n);
            for (output, (&a, &b)) in a.iter().zip(b).enumerate() {
                // Of dual numbers the values alone.
                let (a, b) = (a.stopped(), b.stopped());
                let (by_a, by_b) = self.function.df(a, b);
                let mut finite = [by_a.is_finite(), by_b.is_finite()];
                if second {
                    let along = |a_dot: T, b_dot: T| {
                        let slopes = self.function.df(Dual::new(a, a_dot), Dual::new(b, b_dot));
                        [slopes.0.derivative, slopes.1.derivative].map(T::is_finite)
                    };
                    let ([twice_a, mixed], [_, twice_b]) =
                        (along(T::one(), T::zero()), along(T::zero(), T::one()));
                    // The mixed one is asked for where both are differentiated by, and counts as the second number's: a
                    // negative base with a constant exponent has its second derivative.
                    finite[0] &= twice_a;
                    finite[1] &= mixed && twice_b;
                }
                for (k, at) in [a, b].into_iter().enumerate() {
                    if !finite[k] {
                        found(Steep {
                            sample,
                            output,
                            input: Some(k * self.n + output),
                            at: at.to_f64(),
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

impl<T: Real, F: Binary> SecondOrder<T> for Zip<F> {
    /// The second derivatives are those of what computes the first, run at duals.
    #[allow(clippy::needless_range_loop)] // One index over six slices.
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        _: &mut [T],
    ) {
        let (mut value, mut dot) = x_bar.split();
        for j in 0..at.batch {
            let ((x, x_dot), (y_bar, y_bar_dot)) = (at.x.col(j), y_bar.col(j));
            let (value, dot) = (value.col_mut(j), dot.col_mut(j));
            let dual =
                |row: usize| Dual::new(x[row], x_dot.map_or_else(T::zero, |x_dot| x_dot[row]));
            for i in 0..self.n {
                let slopes = self.function.df(dual(i), dual(self.n + i));
                let y_bar = Dual::new(y_bar[i], y_bar_dot[i]);
                for (row, slope) in [(i, slopes.0), (self.n + i, slopes.1)] {
                    let bar = chain(slope, y_bar);
                    (value[row], dot[row]) = (bar.value, bar.derivative);
                }
            }
        }
    }
}

/// 1 where `first` is what a choice between two numbers took, NaN where one of them is NaN.
#[inline(always)]
fn taken<T: Real>(first: bool, a: T, b: T) -> (T, T) {
    if a.is_nan() || b.is_nan() {
        let nan = T::from_f64(f64::NAN);
        (nan, nan)
    } else if first {
        (T::one(), T::zero())
    } else {
        (T::zero(), T::one())
    }
}

/// The larger of two numbers: see [`Zip`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maximum;

impl Binary for Maximum {
    fn name(&self) -> &str {
        "maximum"
    }
    #[inline(always)]
    fn f<T: Real>(&self, a: T, b: T) -> T {
        a.max(b)
    }
    #[inline(always)]
    fn df<T: Real>(&self, a: T, b: T) -> (T, T) {
        taken(a > b, a, b)
    }
}

/// The smaller of two numbers: see [`Zip`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minimum;

impl Binary for Minimum {
    fn name(&self) -> &str {
        "minimum"
    }
    #[inline(always)]
    fn f<T: Real>(&self, a: T, b: T) -> T {
        a.min(b)
    }
    #[inline(always)]
    fn df<T: Real>(&self, a: T, b: T) -> (T, T) {
        taken(a < b, a, b)
    }
}

/// The first number to the power of the second: see [`Zip`]. For a constant exponent, [`super::Power`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pow;

impl Binary for Pow {
    fn name(&self) -> &str {
        "pow"
    }
    #[inline(always)]
    fn f<T: Real>(&self, a: T, b: T) -> T {
        a.pow(b)
    }
    #[inline(always)]
    fn df<T: Real>(&self, a: T, b: T) -> (T, T) {
        a.pow_slopes(b)
    }
    fn singular(&self) -> Singular {
        Singular::AtPoints
    }
}

/// The angle of the point whose height is the first number and whose width is the second: see [`Zip`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Atan2;

impl Binary for Atan2 {
    fn name(&self) -> &str {
        "atan2"
    }
    #[inline(always)]
    fn f<T: Real>(&self, a: T, b: T) -> T {
        a.atan2(b)
    }
    #[inline(always)]
    fn df<T: Real>(&self, a: T, b: T) -> (T, T) {
        a.atan2_slopes(b)
    }
    fn singular(&self) -> Singular {
        Singular::AtPoints
    }
}

#[cfg(test)]
mod tests {
    use super::{Atan2, Binary, Maximum, Minimum, Pow};
    use crate::{Dual, Real};

    #[test]
    fn a_tie_goes_to_the_second_and_nan_to_both() {
        assert_eq!(Maximum.df(1.0, 1.0), (0.0, 1.0));
        assert_eq!(Minimum.df(1.0, 1.0), (0.0, 1.0));
        assert_eq!(
            (Maximum.df(2.0, 1.0), Minimum.df(2.0, 1.0)),
            ((1.0, 0.0), (0.0, 1.0))
        );
        for (a, b) in [(f64::NAN, 1.0), (1.0, f64::NAN)] {
            assert!(Maximum.f(a, b).is_nan() && Minimum.f(a, b).is_nan());
            assert!(Maximum.df(a, b).0.is_nan() && Maximum.df(a, b).1.is_nan());
        }
    }

    #[test]
    fn powers_keep_their_conventions_at_zero() {
        assert_eq!(Pow.df(0.0_f64, 2.0), (0.0, 0.0));
        assert_eq!(Pow.df(0.0_f64, 1.0), (1.0, 0.0));
        assert_eq!(
            (Pow.f(0.0_f64, 0.0), Pow.df(0.0_f64, 0.0)),
            (1.0, (0.0, 0.0))
        );
        assert_eq!(Pow.df(0.0_f64, 0.5).0, f64::INFINITY);
        assert_eq!(Pow.df(-2.0_f64, 3.0).0, 12.0);
        assert!(Pow.df(-2.0_f64, 3.0).1.is_nan());
        let cube = Dual::new(Dual::new(0.0_f64, 1.0), Dual::constant(1.0)).pow(Real::from_f64(3.0));
        assert_eq!(cube, Dual::constant(Dual::constant(0.0)));
    }

    #[test]
    fn powers_have_second_derivatives_by_base_and_exponent_together() {
        let along = |a: f64, b: f64, (a_dot, b_dot): (f64, f64)| {
            let slopes = Pow.df(Dual::new(a, a_dot), Dual::new(b, b_dot));
            (slopes.0.derivative, slopes.1.derivative)
        };
        let ln = 2.0_f64.ln();
        assert_eq!(along(2.0, 0.0, (1.0, 0.0)), (0.0, 0.5));
        assert_eq!(along(2.0, 0.0, (0.0, 1.0)), (0.5, ln * ln));
        assert_eq!(along(2.0, 3.0, (1.0, 0.0)).0, 12.0);
        // A negative base with a constant exponent.
        assert_eq!(along(-2.0, 3.0, (1.0, 0.0)).0, -12.0);
        // a^(b - 1) (1 + b ln a) at 0, for b = 1 and 2.
        assert_eq!(along(0.0, 1.0, (1.0, 0.0)).1, f64::NEG_INFINITY);
        assert_eq!(along(0.0, 2.0, (1.0, 0.0)), (2.0, 0.0));
    }

    /// The reference by 60 digits.
    #[test]
    fn slopes_of_powers_keep_their_digits_far_from_one() {
        let (got, slope) = (Pow.df(1e-300_f64, 0.1).0, 9.999999999999962e268);
        assert!((got / slope - 1.0).abs() < 2e-15, "{got:e} for {slope:e}");
        assert_eq!(Pow.df(3.0_f64, 2.0).0, 6.0);
    }

    #[test]
    fn angles_have_slopes_at_every_size() {
        for scale in [1e-200, 1.0, 1e200] {
            let (by_y, by_x) = Atan2.df(3.0 * scale, 4.0 * scale);
            assert!((by_y * scale - 0.16).abs() < 1e-15 && (by_x * scale + 0.12).abs() < 1e-15);
        }
        assert_eq!(Atan2.df(1e308, 1e308), (0.5 / 1e308, -0.5 / 1e308));
        assert_eq!(Atan2.df(f64::INFINITY, 1.0), (0.0, 0.0));
        assert!(Atan2.df(0.0, 0.0).0.is_nan());
        let turned = Dual::new(1.0_f64, 2.0).atan2(Dual::new(1.0, -2.0));
        assert_eq!(
            (turned.value, turned.derivative),
            (std::f64::consts::FRAC_PI_4, 2.0)
        );
    }
}
