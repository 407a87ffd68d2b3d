//! The activation functions, each with its derivative and where it kinks.

use super::Elementwise;
use crate::dual::second::reciprocal;
use crate::{Error, Real, Result, Singular};

/// x
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Identity;

impl Elementwise for Identity {
    fn name(&self) -> &str {
        "identity"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x
    }
    #[inline(always)]
    fn df<T: Real>(&self, _: T) -> T {
        T::one()
    }
    #[inline(always)]
    fn df_from_output<T: Real>(&self, _: T) -> Option<T> {
        Some(T::one())
    }
}

/// A function whose value and slope come from one call.
macro_rules! by_one_call {
    ($(#[$doc:meta])* $function:ident, $name:literal, $pair:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct $function;

        impl Elementwise for $function {
            fn name(&self) -> &str {
                $name
            }
            #[inline(always)]
            fn f<T: Real>(&self, x: T) -> T {
                x.$pair().0
            }
            #[inline(always)]
            fn df<T: Real>(&self, x: T) -> T {
                x.$pair().1
            }
            #[inline(always)]
            fn f_and_df<T: Real>(&self, x: T) -> Option<(T, T)> {
                Some(x.$pair())
            }
        }
    };
}

by_one_call!(
    /// 1 / (1 + e^-x). Its derivative y (1 - y) is at most 0.25 (lecture, figure 6); above 1/2 it is taken as `y^2 e^-x`.
    Sigmoid, "sigmoid", sigmoid_and_slope
);

by_one_call!(
    /// tanh x, with derivative 1 - y^2, taken as `e^(-2 |x|) (1 + |y|)^2`.
    Tanh, "tanh", tanh_and_slope
);

/// max(0, x) (lecture, equation 22). Of the subderivatives [0, 1] at 0 it takes 0, "as most frameworks".
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Relu;

impl Elementwise for Relu {
    fn name(&self) -> &str {
        "relu"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x.max(T::zero())
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        let slope = if x > T::zero() { T::one() } else { T::zero() };
        unless_nan(x, slope)
    }
    #[inline(always)]
    fn df_from_output<T: Real>(&self, y: T) -> Option<T> {
        Some(self.df(y))
    }
    fn kinks(&self) -> Vec<(f64, f64, f64)> {
        vec![(0.0, 0.0, 1.0)]
    }
}

/// `number`, or NaN where x is: a comparison with NaN takes a branch as if it were a number. No flop.
#[inline(always)]
pub(super) fn unless_nan<T: Real>(x: T, number: T) -> T {
    // Not x itself: a dual's derivative has to be NaN as well.
    if x.is_nan() { x.abs() } else { number }
}

/// x for positive x, else `slope * x`. At 0 the derivative is `slope`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu {
    /// The slope for x <= 0; any finite number.
    pub slope: f64,
}

impl Default for LeakyRelu {
    fn default() -> Self {
        Self { slope: 0.01 }
    }
}

impl Elementwise for LeakyRelu {
    fn name(&self) -> &str {
        "leaky-relu"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        let slope = T::from_f64(self.slope);
        let scaled = slope * x;
        // With slope 0 it is 0 at minus infinity too, and no 0 * infinity.
        let below = if slope.is_zero() { T::zero() } else { scaled };
        unless_nan(x, if x > T::zero() { x } else { below })
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        let below = T::from_f64(self.slope);
        unless_nan(x, if x > T::zero() { T::one() } else { below })
    }
    #[inline(always)]
    fn df_from_output<T: Real>(&self, y: T) -> Option<T> {
        // Only a positive slope keeps the sign of x.
        (self.slope > 0.0).then(|| self.df(y))
    }
    fn kinks(&self) -> Vec<(f64, f64, f64)> {
        vec![(0.0, self.slope, 1.0)]
    }
    fn validate(&self) -> Result<()> {
        finite(self.name(), "slope", self.slope)
    }
}

/// x for positive x, else `alpha (e^x - 1)` (Clevert et al. 2016). At 0 the derivative is `alpha`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elu {
    /// The limit at minus infinity is -alpha; any finite number.
    pub alpha: f64,
}

impl Default for Elu {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

impl Elementwise for Elu {
    fn name(&self) -> &str {
        "elu"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x.elu_and_slope(self.alpha).0
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        x.elu_and_slope(self.alpha).1
    }
    #[inline(always)]
    fn f_and_df<T: Real>(&self, x: T) -> Option<(T, T)> {
        Some(x.elu_and_slope(self.alpha))
    }
    fn kinks(&self) -> Vec<(f64, f64, f64)> {
        if self.alpha == 1.0 {
            Vec::new()
        } else {
            vec![(0.0, self.alpha, 1.0)]
        }
    }
    fn validate(&self) -> Result<()> {
        finite(self.name(), "alpha", self.alpha)
    }
}

by_one_call!(
    /// ln(1 + e^x), with derivative sigmoid(x).
    Softplus, "softplus", softplus_and_slope
);

by_one_call!(
    /// x sigmoid(x), also called swish.
    Silu, "silu", silu_and_slope
);

by_one_call!(
    /// x Phi(x), Phi the standard normal distribution: the exact form, not the one with tanh.
    Gelu, "gelu", gelu_and_slope
);

/// e^x
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exp;

impl Elementwise for Exp {
    fn name(&self) -> &str {
        "exp"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x.exp()
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        x.exp()
    }
    #[inline(always)]
    fn df_from_output<T: Real>(&self, y: T) -> Option<T> {
        Some(y)
    }
    fn singular(&self) -> Singular {
        Singular::WithOutput
    }
}

/// Natural logarithm, for positive x: its value and slope are NaN for negative x, and infinite at 0 of either sign.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ln;

impl Elementwise for Ln {
    fn name(&self) -> &str {
        "ln"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x.ln()
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        reciprocal(x)
    }
    fn singular(&self) -> Singular {
        Singular::AtPoints
    }
}

/// sin x
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sin;

impl Elementwise for Sin {
    fn name(&self) -> &str {
        "sin"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x.sin()
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        x.cos()
    }
}

/// x^2
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Square;

impl Elementwise for Square {
    fn name(&self) -> &str {
        "square"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x * x
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        x + x
    }
    fn singular(&self) -> Singular {
        Singular::WithOutput
    }
}

pub(super) fn finite(name: &str, setting: &str, value: f64) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::setting(name, setting, "a finite number", value))
}
