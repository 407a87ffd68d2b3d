//! `Dual<T>`: a number with its derivative along one direction, a + b e with e^2 = 0.

use std::cmp::Ordering;
use std::f64::consts::FRAC_2_SQRT_PI;
use std::fmt;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

use crate::Real;

/// `value + derivative e`, where `e^2 = 0`. Any program run at duals yields its directional derivative beside its
/// value, exactly and with no step size to choose (Clifford 1871; Baydin et al. 2018, section 3.1.1).
///
/// `<` and `>` compare values only, so a dual takes the branch that its value takes; `==` compares both parts.
///
/// ```
/// use pushpull_core::{Dual, Real};
/// let x = Dual { value: 2.0, derivative: 1.0 };
/// let y = x * x * x;
/// assert_eq!((y.value, y.derivative), (8.0, 12.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Dual<T> {
    /// The number.
    pub value: T,
    /// Its derivative.
    pub derivative: T,
}

impl<T: Real> Dual<T> {
    /// A number that does not depend on the direction.
    #[inline(always)]
    pub fn constant(value: T) -> Self {
        Self {
            value,
            derivative: T::zero(),
        }
    }

    /// A number with its derivative.
    #[inline(always)]
    pub fn new(value: T, derivative: T) -> Self {
        Self { value, derivative }
    }

    /// f(self), given f and f' at the value. A zero derivative stays exactly zero, whatever f' is.
    #[inline(always)]
    fn chain(self, value: T, slope: T) -> Self {
        let derivative = slope * self.derivative;
        Self {
            value,
            derivative: if self.derivative.is_zero() {
                T::zero()
            } else {
                derivative
            },
        }
    }
}

impl<T: Real> Dual<T> {
    /// A function of two numbers, given its value and its two derivatives; a zero derivative stays exactly zero.
    #[inline(always)]
    fn of_two(value: T, (by_a, by_b): (T, T), a: Self, b: Self) -> Self {
        let (a, b) = (a.chain(value, by_a), b.chain(value, by_b));
        Self::new(value, a.derivative + b.derivative)
    }
}

impl<T: Real> PartialOrd for Dual<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: fmt::Display> fmt::Display for Dual<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} + {} e", self.value, self.derivative)
    }
}

impl<T: Real> Neg for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self::new(-self.value, -self.derivative)
    }
}

impl<T: Real> Add for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self::new(self.value + other.value, self.derivative + other.derivative)
    }
}

impl<T: Real> Sub for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self::new(self.value - other.value, self.derivative - other.derivative)
    }
}

impl<T: Real> Mul for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self::new(
            self.value * other.value,
            self.derivative
                .mul_add(other.value, self.value * other.derivative),
        )
    }
}

impl<T: Real> Div for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let quotient = self.value / other.value;
        Self::new(
            quotient,
            (self.derivative - quotient * other.derivative) / other.value,
        )
    }
}

macro_rules! dual_assign {
    ($($trait:ident $method:ident $operator:tt;)*) => {$(
        impl<T: Real> $trait for Dual<T> {
            #[inline(always)]
            fn $method(&mut self, other: Self) {
                *self = *self $operator other;
            }
        }
    )*};
}

dual_assign! {
    AddAssign add_assign +;
    SubAssign sub_assign -;
    MulAssign mul_assign *;
    DivAssign div_assign /;
}

impl<T: Real> Zero for Dual<T> {
    #[inline(always)]
    fn zero() -> Self {
        Self::constant(T::zero())
    }
    #[inline(always)]
    fn is_zero(&self) -> bool {
        self.value.is_zero() && self.derivative.is_zero()
    }
}

impl<T: Real> One for Dual<T> {
    #[inline(always)]
    fn one() -> Self {
        Self::constant(T::one())
    }
}

impl<T: Real> Real for Dual<T> {
    const NAME: &'static str = "dual";
    const UNIT_ROUNDOFF: f64 = T::UNIT_ROUNDOFF;
    const MIN_NORMAL: f64 = T::MIN_NORMAL;
    const VECTORS: bool = T::VECTORS;
    const DUAL: bool = true;

    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        Self::constant(T::from_f64(x))
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self.value.to_f64()
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.value.is_finite() && self.derivative.is_finite()
    }
    #[inline(always)]
    fn stopped(self) -> Self {
        Self::constant(self.value.stopped())
    }
    #[inline(always)]
    fn uncounted<R>(look: impl FnOnce() -> R) -> R {
        T::uncounted(look)
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        let derivative = self
            .derivative
            .mul_add(a.value, self.value.mul_add(a.derivative, b.derivative));
        Self::new(self.value.mul_add(a.value, b.value), derivative)
    }
    #[inline(always)]
    fn exp(self) -> Self {
        let y = self.value.exp();
        self.chain(y, y)
    }
    #[inline(always)]
    fn exp_m1(self) -> Self {
        let y = self.value.exp_m1();
        self.chain(y, y + T::one())
    }
    #[inline(always)]
    fn ln(self) -> Self {
        self.chain(self.value.ln(), self.value.recip())
    }
    #[inline(always)]
    fn ln_1p(self) -> Self {
        self.chain(self.value.ln_1p(), (T::one() + self.value).recip())
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        let y = self.value.tanh();
        self.chain(y, T::one() - y * y)
    }
    #[inline(always)]
    fn sin(self) -> Self {
        self.chain(self.value.sin(), self.value.cos())
    }
    #[inline(always)]
    fn cos(self) -> Self {
        self.chain(self.value.cos(), -self.value.sin())
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        let y = self.value.sqrt();
        self.chain(y, (y + y).recip())
    }
    #[inline(always)]
    fn erf(self) -> Self {
        let slope = T::from_f64(FRAC_2_SQRT_PI) * (-(self.value * self.value)).exp();
        self.chain(self.value.erf(), slope)
    }
    #[inline(always)]
    fn erfc(self) -> Self {
        let slope = T::from_f64(-FRAC_2_SQRT_PI) * (-(self.value * self.value)).exp();
        self.chain(self.value.erfc(), slope)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        let zero = T::zero();
        let sign = if self.value > zero {
            T::one()
        } else if self.value < zero {
            -T::one()
        } else {
            zero
        };
        self.chain(self.value.abs(), sign)
    }
    #[inline(always)]
    fn pow(self, exponent: Self) -> Self {
        let slopes = self.value.pow_slopes(exponent.value);
        Self::of_two(self.value.pow(exponent.value), slopes, self, exponent)
    }
    #[inline(always)]
    fn atan2(self, x: Self) -> Self {
        let slopes = self.value.atan2_slopes(x.value);
        Self::of_two(self.value.atan2(x.value), slopes, self, x)
    }
    // The branches of the value's own formula lose the derivative at 0, so both are given in closed form.
    #[inline(always)]
    fn sigmoid(self) -> Self {
        let y = self.value.sigmoid();
        self.chain(y, y * (-self.value).sigmoid())
    }
    #[inline(always)]
    fn softplus(self) -> Self {
        self.chain(self.value.softplus(), self.value.sigmoid())
    }
}

#[cfg(test)]
mod tests {
    use super::Dual;
    use crate::Real;

    type Function<T> = fn(T) -> T;
    type Case = (&'static str, Function<Dual<f64>>, Function<f64>);

    #[test]
    fn every_function_has_the_slope_of_its_central_difference() {
        let pairs: [Case; 13] = [
            ("exp", Real::exp, Real::exp),
            ("exp_m1", Real::exp_m1, Real::exp_m1),
            ("ln", Real::ln, Real::ln),
            ("ln_1p", Real::ln_1p, Real::ln_1p),
            ("tanh", Real::tanh, Real::tanh),
            ("sin", Real::sin, Real::sin),
            ("cos", Real::cos, Real::cos),
            ("sqrt", Real::sqrt, Real::sqrt),
            ("erf", Real::erf, Real::erf),
            ("erfc", Real::erfc, Real::erfc),
            ("abs", Real::abs, Real::abs),
            ("sigmoid", Real::sigmoid, Real::sigmoid),
            ("softplus", Real::softplus, Real::softplus),
        ];
        for (name, dual, plain) in pairs {
            for x in [0.1, 0.7, 1.9] {
                let h = 1e-6;
                let difference = (plain(x + h) - plain(x - h)) / (2.0 * h);
                let slope = dual(Dual::new(x, 1.0)).derivative;
                assert!(
                    (slope - difference).abs() < 1e-8,
                    "{name} at {x}: {slope} against {difference}"
                );
            }
        }
    }

    #[test]
    fn a_zero_derivative_stays_zero_where_the_slope_is_infinite() {
        assert_eq!(Dual::constant(0.0_f64).ln().derivative, 0.0);
        assert_eq!(Dual::constant(0.0_f64).sqrt().derivative, 0.0);
    }

    #[test]
    fn smooth_functions_keep_their_slope_at_zero() {
        let zero = Dual::new(0.0_f64, 1.0);
        assert_eq!(zero.sigmoid().derivative, 0.25);
        assert_eq!(zero.softplus().derivative, 0.5);
        assert_eq!(zero.abs().derivative, 0.0);
        assert_eq!(zero.max(Dual::constant(0.0)).derivative, 0.0);
    }

    #[test]
    fn arithmetic_follows_the_product_and_quotient_rules() {
        let (a, b) = (Dual::new(3.0, 1.0), Dual::new(2.0, 5.0));
        assert_eq!((a * b).derivative, 1.0 * 2.0 + 3.0 * 5.0);
        assert_eq!((a / b).derivative, (1.0 * 2.0 - 3.0 * 5.0) / 4.0);
        assert_eq!(a.mul_add(b, a).derivative, 18.0);
    }
}
