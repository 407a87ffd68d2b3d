//! Elementary functions of a number and a constant.

use super::Elementwise;
use super::functions::finite;
use crate::{Error, Real, Result, Singular};

/// `numerator / x`, for x other than 0: a quotient, not the numerator times a rounded reciprocal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Over {
    /// What is divided; any finite number.
    pub numerator: f64,
}

impl Elementwise for Over {
    fn name(&self) -> &str {
        "over"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        T::from_f64(self.numerator) / x
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        -(self.f(x) / x)
    }
    fn singular(&self) -> Singular {
        Singular::AtPoints
    }
    fn validate(&self) -> Result<()> {
        finite(self.name(), "numerator", self.numerator)
    }
}

/// `x^exponent` for a constant exponent. Its derivative is `exponent x^(exponent - 1)`, 0 for the exponent 0; at x = 0 it
/// is infinite for exponents between 0 and 1. A negative x has a power for whole exponents alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// Any finite number.
    pub exponent: f64,
}

impl Elementwise for Power {
    fn name(&self) -> &str {
        "power"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x.pow(T::from_f64(self.exponent))
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        x.pow_slopes(T::from_f64(self.exponent)).0
    }
    fn singular(&self) -> Singular {
        Singular::AtPoints
    }
    fn validate(&self) -> Result<()> {
        finite(self.name(), "exponent", self.exponent)
    }
}

/// x within `low..=high`, else the nearer end. The derivative is 1 strictly between the ends and 0 elsewhere, at the ends
/// too; NaN stays NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clamp {
    /// The lower end; minus infinity for none.
    pub low: f64,
    /// The upper end, not below the lower one; infinity for none.
    pub high: f64,
}

impl Elementwise for Clamp {
    fn name(&self) -> &str {
        "clamp"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        // At a tie both take their second, the constant.
        x.max(T::from_f64(self.low)).min(T::from_f64(self.high))
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        let inside = x > T::from_f64(self.low) && x < T::from_f64(self.high);
        if x.is_nan() {
            T::from_f64(f64::NAN)
        } else if inside {
            T::one()
        } else {
            T::zero()
        }
    }
    fn kinks(&self) -> Vec<(f64, f64, f64)> {
        let ends = [(self.low, 0.0, 1.0), (self.high, 1.0, 0.0)];
        ends.into_iter().filter(|(x, ..)| x.is_finite()).collect()
    }
    fn validate(&self) -> Result<()> {
        if self.low <= self.high {
            return Ok(());
        }
        Err(Error::setting(
            self.name(),
            "low",
            format!("a number up to high, {}", self.high),
            self.low,
        ))
    }
}
