//! The scalar of a block: one own trait, because `num_traits::Float` and `nalgebra::RealField` in one scope make
//! `x.sin()` ambiguous, and because neither fits a scalar that counts.

use std::fmt::{Debug, Display};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

use crate::elementary::{double, single};
use crate::linalg::Product;

/// A real number with the elementary functions that the blocks use.
///
/// Implemented by `f32`, `f64`, [`crate::Counted`], [`crate::Rounded`] and [`crate::Dual`]. A block written for every `Real` runs at all of
/// them, so it can be differentiated and counted unasked. `==` and [`Zero::is_zero`] look at the whole number, `<` and
/// `>` at its value only: they decide branches, and a derivative does not.
///
/// ```
/// use pushpull_core::Real;
/// fn logistic<T: Real>(x: T) -> T { (T::one() + (-x).exp()).recip() }
/// assert_eq!(logistic(0.0_f64), 0.5);
/// ```
pub trait Real:
    Copy
    + Debug
    + Display
    + Default
    + PartialEq
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Zero
    + One
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Product
{
    /// The name that errors and reports use: `f32`, `f64`, ...
    const NAME: &'static str;
    /// The unit roundoff of the value: half the distance from 1 to the next number.
    const UNIT_ROUNDOFF: f64;
    /// The smallest normal value: what is below it has lost digits.
    const MIN_NORMAL: f64;
    /// Whether vector instructions hold several of it: loops over other numbers are compiled once, not for each width.
    const VECTORS: bool = false;
    /// Whether it carries a derivative: a slope computed at it has a derivative too.
    const DUAL: bool = false;

    /// The constant nearest to `x`.
    fn from_f64(x: f64) -> Self;
    /// The value as `f64` (of a dual number, the value without its derivative).
    fn to_f64(self) -> f64;
    /// Whether every part of the number is finite.
    fn is_finite(self) -> bool;

    /// Runs `look`, work that is no part of a program, without counting its operations: the look whether slopes are finite.
    #[inline(always)]
    fn uncounted<R>(look: impl FnOnce() -> R) -> R {
        look()
    }

    /// `self * a + b` with one rounding where that is cheap; two flops.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// e^x
    fn exp(self) -> Self;
    /// e^x - 1, accurate near 0.
    fn exp_m1(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// ln(1 + x), accurate near 0.
    fn ln_1p(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Sine.
    fn sin(self) -> Self;
    /// Cosine.
    fn cos(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// The error function, 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x.
    fn erf(self) -> Self;
    /// 1 - erf(x), accurate where erf(x) is near 1.
    fn erfc(self) -> Self;
    /// |x|, no flop. Its derivative at 0 is 0.
    fn abs(self) -> Self;
    /// `self` to the power of `exponent`; NaN in either gives NaN.
    fn pow(self, exponent: Self) -> Self;
    /// The angle of the point (`x`, `self`), in [-pi, pi].
    fn atan2(self, x: Self) -> Self;

    /// The derivatives of [`Real::pow`] by base and exponent, `b a^(b - 1)` and `a^b ln a`: by the base 0 where the
    /// exponent is 0, by the exponent 0 where the base is 0 and the exponent is not negative (the limit).
    fn pow_slopes(self, exponent: Self) -> (Self, Self) {
        let (one, ln) = (Self::one(), self.ln());
        // What the rounding of `b - 1` loses, exactly (Knuth): in the power it is multiplied by ln a.
        let less = exponent - one;
        let back = less - exponent;
        let lost = (exponent - (less - back)) + (-one - back);
        let product = lost * ln;
        let moved = if lost.is_zero() || !ln.is_finite() {
            Self::zero()
        } else {
            product
        };
        let by_base = exponent * (self.pow(less) * (one + moved));
        let by_exponent = self.pow(exponent) * ln;
        let constant = exponent.to_f64() == 0.0 && !self.is_nan();
        let at_zero = self.to_f64() == 0.0 && exponent.to_f64() >= 0.0;
        (
            if constant { Self::zero() } else { by_base },
            if at_zero { Self::zero() } else { by_exponent },
        )
    }

    /// The derivatives of [`Real::atan2`] by `self` = y and by x, `x / (x^2 + y^2)` and `-y / (x^2 + y^2)`, whatever the
    /// size of the two; 0 where one is infinite, NaN at the origin.
    fn atan2_slopes(self, x: Self) -> (Self, Self) {
        // A constant scale, so that no square overflows or vanishes.
        let scale = self.abs().max(x.abs()).stopped();
        let (cos, sin) = (x / scale, self / scale);
        let square = cos * cos + sin * sin;
        if scale.to_f64().is_infinite() && !(self.is_nan() || x.is_nan()) {
            return (Self::zero(), Self::zero());
        }
        (cos / square / scale, -sin / square / scale)
    }
    /// tanh x and its slope `1 - tanh^2 x`: one call.
    ///
    /// This and the following pairs keep the slope's relative error where the function saturates and the slope could
    /// not be had from the rounded value. The bounds are in the documentation of [`crate::blocks::Map`].
    fn tanh_and_slope(self) -> (Self, Self);
    /// The logistic function s and its slope `s (1 - s)`: one call.
    fn sigmoid_and_slope(self) -> (Self, Self);
    /// `ln(1 + e^x)` and its slope, the logistic function: one call.
    fn softplus_and_slope(self) -> (Self, Self);
    /// x for positive x, else `alpha (e^x - 1)`; and its slope: one call.
    fn elu_and_slope(self, alpha: f64) -> (Self, Self);
    /// `x s`, s the logistic function, and its slope `s (1 + x (1 - s))`: one call.
    fn silu_and_slope(self) -> (Self, Self);
    /// `x Phi(x)`, Phi the standard normal distribution, and its slope `Phi(x) + x phi(x)`: one call.
    fn gelu_and_slope(self) -> (Self, Self);
    /// `factor e^(-x^2)`, rounded last: neither the rounding of the square nor a subnormal exponential is multiplied.
    /// One call.
    fn gaussian_times(self, factor: Self) -> Self;

    /// Whether the value is no number.
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.partial_cmp(&self).is_none()
    }
    /// `self` where `self > other`, else `other`, no flop: at a tie, the derivative of `other`. NaN in either gives NaN.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if self > other || Real::is_nan(self) {
            self
        } else {
            other
        }
    }
    /// `self` where `self < other`, else `other`, no flop. NaN in either gives NaN.
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        if self < other || Real::is_nan(self) {
            self
        } else {
            other
        }
    }
    /// The number as a constant, without any derivative it carries: what passes where gradients are stopped.
    #[inline(always)]
    fn stopped(self) -> Self {
        self
    }
    /// 1 / x, one flop.
    #[inline(always)]
    fn recip(self) -> Self {
        Self::one() / self
    }
    /// The logistic function 1 / (1 + e^-x), finite and accurate for every x.
    #[inline(always)]
    fn sigmoid(self) -> Self {
        // e^-|x| never overflows; for negative x the quotient is e^x / (1 + e^x), without cancellation.
        let e = (-self.abs()).exp();
        let numerator = if self >= Self::zero() { Self::one() } else { e };
        numerator / (Self::one() + e)
    }
    /// ln(1 + e^x), finite and accurate for every x.
    #[inline(always)]
    fn softplus(self) -> Self {
        self.max(Self::zero()) + (-self.abs()).exp().ln_1p()
    }
}

/// Functions of [`crate::elementary`].
macro_rules! own {
    ($own:ident $result:ty: $($function:ident)*) => {$(
        #[inline(always)]
        fn $function(self) -> $result {
            $own::$function(self)
        }
    )*};
}

macro_rules! real_float {
    ($t:ident, $own:ident) => {
        impl Real for $t {
            const NAME: &'static str = stringify!($t);
            const UNIT_ROUNDOFF: f64 = $t::EPSILON as f64 / 2.0;
            const MIN_NORMAL: f64 = $t::MIN_POSITIVE as f64;
            const VECTORS: bool = true;

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $t::is_finite(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                $t::is_nan(self)
            }
            // Without the FMA feature at compile time `mul_add` is a call into libm, so two roundings are cheaper.
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                if cfg!(target_feature = "fma") {
                    $t::mul_add(self, a, b)
                } else {
                    self * a + b
                }
            }
            #[inline(always)]
            fn sin(self) -> Self {
                $t::sin(self)
            }
            #[inline(always)]
            fn cos(self) -> Self {
                $t::cos(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $t::sqrt(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $t::abs(self)
            }
            #[inline(always)]
            fn pow(self, exponent: Self) -> Self {
                // The standard's 1 for NaN to the power of 0 would hide it.
                let power = $t::powf(self, exponent);
                if self.is_nan() || exponent.is_nan() { $t::NAN } else { power }
            }
            #[inline(always)]
            fn atan2(self, x: Self) -> Self {
                $t::atan2(self, x)
            }
            #[inline(always)]
            fn elu_and_slope(self, alpha: f64) -> (Self, Self) {
                $own::elu_and_slope(self, alpha as $t)
            }
            #[inline(always)]
            fn gaussian_times(self, factor: Self) -> Self {
                $own::gaussian_times(self, factor)
            }
            own! { $own Self: exp exp_m1 ln ln_1p tanh erf erfc sigmoid softplus }
            own! {
                $own (Self, Self): tanh_and_slope sigmoid_and_slope softplus_and_slope silu_and_slope gelu_and_slope
            }
        }
    };
}

real_float!(f32, single);
real_float!(f64, double);

#[cfg(test)]
mod tests {
    use super::Real;

    #[test]
    fn sigmoid_and_softplus_are_right_at_the_edges() {
        assert_eq!(Real::sigmoid(1e3_f64), 1.0);
        assert_eq!(Real::sigmoid(-1e3_f64), (-1e3_f64).exp());
        assert_eq!(Real::sigmoid(-700.0_f64), (-700.0_f64).exp());
        assert_eq!(Real::softplus(1e3_f64), 1e3);
        assert_eq!(Real::softplus(-700.0_f64), (-700.0_f64).exp());
        assert_eq!(Real::softplus(-1e3_f32), 0.0);
    }

    #[test]
    fn max_and_min_keep_nan_and_prefer_the_second_at_a_tie() {
        assert!(Real::max(f64::NAN, 0.0).is_nan() && Real::max(0.0, f64::NAN).is_nan());
        assert!(Real::min(f64::NAN, 0.0).is_nan() && Real::min(0.0, f64::NAN).is_nan());
        assert!(Real::max(0.0_f64, -0.0).is_sign_negative());
    }
}
