//! An activation whose derivative exceeds 1.

use pushpull_core::Real;
use pushpull_core::blocks::Elementwise;

/// `f(x) = 2 x + sin(x) / 2`: its derivative `2 + cos(x) / 2` lies between 1.5 and 2.5.
///
/// ```
/// use pushpull_core::blocks::Elementwise;
/// use pushpull_lecture::Steep;
/// assert_eq!((Steep.f(0.0), Steep.df(0.0)), (0.0, 2.5));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Steep;

impl Elementwise for Steep {
    fn name(&self) -> &str {
        "steep"
    }

    fn f<T: Real>(&self, x: T) -> T {
        T::from_f64(2.0) * x + T::from_f64(0.5) * x.sin()
    }

    fn df<T: Real>(&self, x: T) -> T {
        T::from_f64(2.0) + T::from_f64(0.5) * x.cos()
    }
}
