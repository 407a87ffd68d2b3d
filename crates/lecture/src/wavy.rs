//! An activation whose derivative lies in an interval of one's choice.

use pushpull_core::Real;
use pushpull_core::blocks::Elementwise;

/// `f(x) = slope x + wave sin(x)`: its derivative `slope + wave cos(x)` lies between `slope - wave` and `slope + wave`.
///
/// ```
/// use pushpull_core::blocks::Elementwise;
/// use pushpull_lecture::Wavy;
/// assert_eq!((Wavy::STEEP.f(0.0), Wavy::STEEP.df(0.0)), (0.0, 2.5));
/// assert!(Wavy::GENTLE.df(3.0) < 1.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wavy {
    /// The middle of the interval.
    pub slope: f64,
    /// Half its width.
    pub wave: f64,
}

impl Wavy {
    /// Derivatives in [1.5, 2.5]: above 1 always.
    pub const STEEP: Self = Self {
        slope: 2.0,
        wave: 0.5,
    };
    /// Derivatives in [0.7, 0.9]: below 1 always.
    pub const GENTLE: Self = Self {
        slope: 0.8,
        wave: 0.1,
    };
}

impl Elementwise for Wavy {
    fn name(&self) -> &str {
        "wavy"
    }

    fn f<T: Real>(&self, x: T) -> T {
        T::from_f64(self.slope) * x + T::from_f64(self.wave) * x.sin()
    }

    fn df<T: Real>(&self, x: T) -> T {
        T::from_f64(self.slope) + T::from_f64(self.wave) * x.cos()
    }
}
