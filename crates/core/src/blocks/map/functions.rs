//! The activation functions, each with its derivative and where it kinks.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use super::Elementwise;
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

/// 1 / (1 + e^-x). Its derivative y (1 - y) is at most 0.25 (lecture, figure 6).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sigmoid;

impl Elementwise for Sigmoid {
    fn name(&self) -> &str {
        "sigmoid"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x.sigmoid()
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        x.sigmoid() * (-x).sigmoid()
    }
    #[inline(always)]
    fn df_from_output<T: Real>(&self, y: T) -> Option<T> {
        Some(y * (T::one() - y))
    }
}

/// tanh x, with derivative 1 - y^2.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tanh;

impl Elementwise for Tanh {
    fn name(&self) -> &str {
        "tanh"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x.tanh()
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        let y = x.tanh();
        T::one() - y * y
    }
    #[inline(always)]
    fn df_from_output<T: Real>(&self, y: T) -> Option<T> {
        Some(T::one() - y * y)
    }
}

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
        if x > T::zero() { T::one() } else { T::zero() }
    }
    #[inline(always)]
    fn df_from_output<T: Real>(&self, y: T) -> Option<T> {
        Some(self.df(y))
    }
    fn kinks(&self) -> Vec<(f64, f64, f64)> {
        vec![(0.0, 0.0, 1.0)]
    }
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
        let scaled = T::from_f64(self.slope) * x;
        if x > T::zero() { x } else { scaled }
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        if x > T::zero() {
            T::one()
        } else {
            T::from_f64(self.slope)
        }
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
        // At 0 the minimum is x, not the constant: a dual number keeps its derivative.
        let below = T::from_f64(self.alpha) * T::zero().min(x).exp_m1();
        if x > T::zero() { x } else { below }
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        let below = T::from_f64(self.alpha) * T::zero().min(x).exp();
        if x > T::zero() { T::one() } else { below }
    }
    #[inline(always)]
    fn df_from_output<T: Real>(&self, y: T) -> Option<T> {
        (self.alpha > 0.0).then(|| {
            let below = y + T::from_f64(self.alpha);
            if y > T::zero() { T::one() } else { below }
        })
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

/// ln(1 + e^x), with derivative sigmoid(x) = 1 - e^-y.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Softplus;

impl Elementwise for Softplus {
    fn name(&self) -> &str {
        "softplus"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x.softplus()
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        x.sigmoid()
    }
    #[inline(always)]
    fn df_from_output<T: Real>(&self, y: T) -> Option<T> {
        Some(-(-y).exp_m1())
    }
}

/// x sigmoid(x), also called swish.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Silu;

impl Elementwise for Silu {
    fn name(&self) -> &str {
        "silu"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x * x.sigmoid()
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        let s = x.sigmoid();
        s + x * s * (-x).sigmoid()
    }
}

/// x Phi(x), Phi the standard normal distribution: the exact form, not the one with tanh.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gelu;

/// Phi(x); erfc keeps the small tail that 1 + erf would lose.
#[inline(always)]
fn normal_distribution<T: Real>(x: T) -> T {
    T::from_f64(0.5) * (T::from_f64(-FRAC_1_SQRT_2) * x).erfc()
}

impl Elementwise for Gelu {
    fn name(&self) -> &str {
        "gelu"
    }
    #[inline(always)]
    fn f<T: Real>(&self, x: T) -> T {
        x * normal_distribution(x)
    }
    #[inline(always)]
    fn df<T: Real>(&self, x: T) -> T {
        let density = T::from_f64((2.0 * PI).sqrt().recip()) * (T::from_f64(-0.5) * x * x).exp();
        normal_distribution(x) + x * density
    }
}

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

/// Natural logarithm, for positive x.
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
        x.recip()
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
    Err(Error::Setting {
        name: name.into(),
        setting: setting.into(),
        expected: "a finite number".into(),
        got: value.to_string(),
    })
}
