//! Elementary functions that are no activation functions.

use super::Elementwise;
use super::functions::{finite, unless_nan};
use crate::{Real, Result, Singular};

/// `|x|`. Of the subderivatives [-1, 1] at 0 it takes 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Abs;

impl Elementwise for Abs {
    fn name(&self) -> &str {
        "abs"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x.abs()
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        let zero = T::zero();
        let below = if x < zero { -T::one() } else { zero };
        unless_nan(x, if x > zero { T::one() } else { below })
    }
    fn kinks(&self) -> Vec<(f64, f64, f64)> {
        vec![(0.0, -1.0, 1.0)]
    }
}

/// The square root, for positive x: its value and slope are NaN for negative x; at 0 of either sign the slope is infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sqrt;

impl Elementwise for Sqrt {
    fn name(&self) -> &str {
        "sqrt"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x.sqrt()
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        half_over(x.sqrt())
    }
    #[inline(always)]
    fn df_from_output<T: Real>(&self, y: T) -> Option<T> {
        Some(half_over(y))
    }
    fn singular(&self) -> Singular {
        Singular::AtPoints
    }
}

/// 0.5 / y, for y from 0 on.
#[inline(always)]
fn half_over<T: Real>(y: T) -> T {
    // A sum with +0 is +0 also at -0.
    T::from_f64(0.5) / (y + T::zero())
}

/// 1 / x, for x other than 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Recip;

impl Elementwise for Recip {
    fn name(&self) -> &str {
        "recip"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x.recip()
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        let y = x.recip();
        -(y * y)
    }
    #[inline(always)]
    fn df_from_output<T: Real>(&self, y: T) -> Option<T> {
        Some(-(y * y))
    }
    fn singular(&self) -> Singular {
        Singular::AtPoints
    }
}

/// cos x
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cos;

impl Elementwise for Cos {
    fn name(&self) -> &str {
        "cos"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x.cos()
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        -x.sin()
    }
}

/// `x + by`, for a constant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shift {
    /// What is added; any finite number.
    pub by: f64,
}

impl Elementwise for Shift {
    fn name(&self) -> &str {
        "shift"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x + T::from_f64(self.by)
    }
    #[inline(always)]
    fn df<T: Real>(&self, _: T) -> T {
        T::one()
    }
    #[inline(always)]
    fn df_from_output<T: Real>(&self, _: T) -> Option<T> {
        Some(T::one())
    }
    fn validate(&self) -> Result<()> {
        finite(self.name(), "by", self.by)
    }
}
