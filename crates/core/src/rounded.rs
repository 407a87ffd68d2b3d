//! `Rounded`: a number with a bound on the rounding error of the program that made it.

use std::cmp::Ordering;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
use std::fmt;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

use crate::Real;
use crate::dual::second;

/// What a call of an elementary function may be off by, in units of its value's roundoff: twice the largest error in
/// ulp of our own functions and of slopes that come with them (4.0, `erfc`). The standard library's are below it.
const CALL: f64 = 8.0;

/// The smallest normal f32. Where a result is below it, an operation's error is no longer relative; it is then at most
/// the roundoff times this, in f32, and far less in f64.
const TINY: f64 = f32::MIN_POSITIVE as f64;

/// A number, and the magnitudes of the terms that made it: Wilkinson's running error analysis as a scalar.
///
/// Had the same program run in a floating-point arithmetic of unit roundoff u, its result would differ from the exact
/// one by at most `u terms` to first order in u, and by at most `2 u terms` as long as no sum has more than 1/(2u)
/// terms (gamma_n = n u / (1 - n u) <= 2 n u). One run bounds the error in f32 and in f64: the value is computed in
/// f64, and u is put in by the reader ([`Rounded::error`]).
///
/// | operation | terms |
/// |---|---|
/// | `c = a + b`, `a - b` | `terms(a) + terms(b) + abs(c)` |
/// | `c = a b` | `abs(a) terms(b) + abs(b) terms(a) + abs(c)` |
/// | `c = a / b` | `(terms(a) + abs(c) terms(b)) / abs(b) + abs(c)` |
/// | `c = f(a)` | `abs(f'(a)) terms(a) + 8 abs(c)` |
/// | `c = f(a, b)`, a power or an angle | `abs(df/da) terms(a) + abs(df/db) terms(b) + 16 abs(c)` |
/// | a product of matrices, k terms an entry | `sum (abs(a) terms(b) + abs(b) terms(a)) + k sum abs(a b)`, for *any* order of the sum |
///
/// each with the smallest normal number added, for results that underflow. What a program is given has terms 0: it is
/// exact. `<` and `>` compare values alone, so a branch is the one that the value takes.
///
/// A graph runs at `Rounded`, and at [`crate::Dual`] of it, in which both parts have their bound: so every number that an
/// engine gives at f32 or f64 can be had with a bound on its error, second derivatives too.
///
/// Source: Wilkinson, "Error analysis revisited" (1986); Higham, "Accuracy and stability of numerical algorithms"
/// (2002), sections 3.1 and 3.3.
///
/// ```
/// use pushpull_core::Rounded;
/// let (big, one) = (Rounded::exact(1e8), Rounded::exact(1.0));
/// let cancelled = (big + one) - big;
/// assert_eq!(cancelled.value, 1.0);
/// // In f32 the sum 1e8 + 1 rounds to 1e8, so the difference is off by 1; the bound knows.
/// let error = f64::from((1e8_f32 + 1.0) - 1e8) - 1.0;
/// assert!(error.abs() <= cancelled.error::<f32>() && cancelled.error::<f64>() < 1e-7);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rounded {
    /// The number.
    pub value: f64,
    /// The error's bound over the unit roundoff.
    pub terms: f64,
}

impl Rounded {
    /// A number without an error.
    #[inline(always)]
    pub const fn exact(value: f64) -> Self {
        Self { value, terms: 0.0 }
    }

    /// The bound on the error, had the program run at the scalar `T`: infinite where the analysis has left the range of
    /// numbers, and says nothing.
    pub fn error<T: Real>(self) -> f64 {
        match self.terms.is_nan() {
            true => f64::INFINITY,
            false => 2.0 * T::UNIT_ROUNDOFF * self.terms,
        }
    }

    /// A result with what its operands passed on, after one more rounding.
    #[inline(always)]
    fn after(value: f64, passed: f64) -> Self {
        Self {
            value,
            terms: passed + value.abs() + TINY,
        }
    }

    /// f(self), given f and f' at the value.
    fn call(self, value: f64, slope: f64) -> Self {
        // An infinite slope moves nothing that is exact.
        let passed = if self.terms == 0.0 {
            0.0
        } else {
            slope.abs() * self.terms
        };
        Self {
            value,
            terms: passed + CALL * value.abs() + TINY,
        }
    }

    /// f(a, b), given its value and its two derivatives.
    fn call_of_two(value: f64, (by_a, by_b): (f64, f64), a: Self, b: Self) -> Self {
        let (a, b) = (a.call(value, by_a), b.call(value, by_b));
        Self {
            terms: a.terms + b.terms,
            ..a
        }
    }

    /// f(self) and f'(self), given them and f'' at the value.
    fn calls(self, value: f64, slope: f64, second: f64) -> (Self, Self) {
        (self.call(value, slope), self.call(slope, second))
    }

    /// As [`Rounded::calls`], where f' is `slope`, the sum of two terms the second of which is `part`: next to a root it is
    /// off by what they are off.
    fn cancelling(self, value: f64, slope: f64, part: f64, second: f64) -> (Self, Self) {
        let (y, mut slope) = self.calls(value, slope, second);
        slope.terms += 2.0 * CALL * part.abs();
        (y, slope)
    }

    /// `c (+)= sum a b` over k terms, in any order, with or without fused operations: k + 1 roundings reach a term.
    pub(crate) fn sum_of_products(
        start: Option<Self>,
        pairs: impl Iterator<Item = (Self, Self)>,
    ) -> Self {
        let first = start.unwrap_or(Self::exact(0.0));
        let (mut value, mut passed, mut sizes) = (first.value, first.terms, first.value.abs());
        let mut roundings = f64::from(u8::from(start.is_some()));
        for (a, b) in pairs {
            let product = a.value * b.value;
            value += product;
            passed += a.value.abs() * b.terms + b.value.abs() * a.terms;
            sizes += product.abs();
            roundings += 1.0;
        }
        Self {
            value,
            terms: passed + roundings * (sizes + TINY),
        }
    }
}

impl PartialOrd for Rounded {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (terms {})", self.value, self.terms)
    }
}

impl Neg for Rounded {
    type Output = Self;
    fn neg(self) -> Self {
        Self {
            value: -self.value,
            ..self
        }
    }
}

impl Add for Rounded {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::after(self.value + other.value, self.terms + other.terms)
    }
}

impl Sub for Rounded {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::after(self.value - other.value, self.terms + other.terms)
    }
}

impl Mul for Rounded {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let passed = self.value.abs() * other.terms + other.value.abs() * self.terms;
        Self::after(self.value * other.value, passed)
    }
}

impl Div for Rounded {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let quotient = self.value / other.value;
        let passed = (self.terms + quotient.abs() * other.terms) / other.value.abs();
        Self::after(quotient, passed)
    }
}

macro_rules! rounded_assign {
    ($($trait:ident $method:ident $operator:tt;)*) => {$(
        impl $trait for Rounded {
            fn $method(&mut self, other: Self) {
                *self = *self $operator other;
            }
        }
    )*};
}

rounded_assign! {
    AddAssign add_assign +;
    SubAssign sub_assign -;
    MulAssign mul_assign *;
    DivAssign div_assign /;
}

impl Zero for Rounded {
    fn zero() -> Self {
        Self::exact(0.0)
    }
    fn is_zero(&self) -> bool {
        self.value == 0.0 && self.terms == 0.0
    }
}

impl One for Rounded {
    fn one() -> Self {
        Self::exact(1.0)
    }
}

impl Real for Rounded {
    const NAME: &'static str = "rounded";
    const UNIT_ROUNDOFF: f64 = f64::UNIT_ROUNDOFF;
    const MIN_NORMAL: f64 = f64::MIN_NORMAL;

    fn from_f64(x: f64) -> Self {
        Self::exact(x)
    }
    fn to_f64(self) -> f64 {
        self.value
    }
    fn is_finite(self) -> bool {
        self.value.is_finite() && self.terms.is_finite()
    }
    fn mul_add(self, a: Self, b: Self) -> Self {
        self * a + b
    }
    fn exp(self) -> Self {
        let y = Real::exp(self.value);
        self.call(y, y)
    }
    fn exp_m1(self) -> Self {
        self.call(Real::exp_m1(self.value), Real::exp(self.value))
    }
    fn ln(self) -> Self {
        self.call(Real::ln(self.value), self.value.recip())
    }
    fn ln_1p(self) -> Self {
        self.call(Real::ln_1p(self.value), (1.0 + self.value).recip())
    }
    fn tanh(self) -> Self {
        self.tanh_and_slope().0
    }
    fn sin(self) -> Self {
        self.call(Real::sin(self.value), Real::cos(self.value))
    }
    fn cos(self) -> Self {
        self.call(Real::cos(self.value), Real::sin(self.value))
    }
    fn sqrt(self) -> Self {
        let y = Real::sqrt(self.value);
        self.call(y, (y + y).recip())
    }
    fn erf(self) -> Self {
        let slope = self.value.gaussian_times(FRAC_2_SQRT_PI);
        self.call(Real::erf(self.value), slope)
    }
    fn erfc(self) -> Self {
        let slope = self.value.gaussian_times(FRAC_2_SQRT_PI);
        self.call(Real::erfc(self.value), slope)
    }
    fn abs(self) -> Self {
        Self {
            value: self.value.abs(),
            ..self
        }
    }
    fn pow(self, exponent: Self) -> Self {
        let slopes = self.value.pow_slopes(exponent.value);
        Self::call_of_two(self.value.pow(exponent.value), slopes, self, exponent)
    }
    fn atan2(self, x: Self) -> Self {
        let slopes = self.value.atan2_slopes(x.value);
        Self::call_of_two(self.value.atan2(x.value), slopes, self, x)
    }
    fn sigmoid(self) -> Self {
        self.sigmoid_and_slope().0
    }
    fn softplus(self) -> Self {
        self.softplus_and_slope().0
    }
    fn tanh_and_slope(self) -> (Self, Self) {
        let (y, slope) = self.value.tanh_and_slope();
        self.calls(y, slope, second::tanh(y, slope))
    }
    fn sigmoid_and_slope(self) -> (Self, Self) {
        let (y, slope) = self.value.sigmoid_and_slope();
        self.calls(y, slope, second::sigmoid(self.value, slope))
    }
    fn softplus_and_slope(self) -> (Self, Self) {
        let (y, slope) = self.value.softplus_and_slope();
        self.calls(y, slope, self.value.sigmoid_and_slope().1)
    }
    fn elu_and_slope(self, alpha: f64) -> (Self, Self) {
        let (y, slope) = self.value.elu_and_slope(alpha);
        self.calls(y, slope, second::elu(self.value, slope))
    }
    fn silu_and_slope(self) -> (Self, Self) {
        let (y, slope) = self.value.silu_and_slope();
        let part = second::within(self.value, 1e3) * self.value.sigmoid_and_slope().1;
        self.cancelling(y, slope, part, second::silu(self.value))
    }
    fn gelu_and_slope(self) -> (Self, Self) {
        let (y, slope) = self.value.gelu_and_slope();
        let near = second::within(self.value, 1e3);
        let part =
            near * (FRAC_1_SQRT_2 * near).gaussian_times(0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI);
        self.cancelling(y, slope, part, second::gelu(self.value))
    }
    fn gaussian_times(self, factor: Self) -> Self {
        let gaussian = self.value.gaussian_times(1.0);
        self.call(gaussian, -2.0 * self.value * gaussian) * factor
    }
}

#[cfg(test)]
mod tests;
