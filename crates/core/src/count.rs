//! `Counted<T>`: a scalar that counts its operations. Running a program at it *is* the count of flops in [`Cost`].

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

use crate::{Cost, Real};

thread_local! {
    static FLOPS: Cell<u64> = const { Cell::new(0) };
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

#[inline(always)]
fn flops(n: u64) {
    FLOPS.with(|count| count.set(count.get() + n));
}

#[inline(always)]
fn call() {
    CALLS.with(|count| count.set(count.get() + 1));
}

/// Runs `program` and returns its result with the operations that [`Counted`] numbers did in it, on this thread.
///
/// ```
/// use pushpull_core::{Cost, Counted, Real, count};
/// let (y, cost) = count(|| Counted(2.0) * Counted(3.0) + Counted(1.0).exp());
/// assert_eq!(cost, Cost { flops: 2, calls: 1 });
/// assert_eq!(y.0, 6.0 + 1f64.exp());
/// ```
pub fn count<R>(program: impl FnOnce() -> R) -> (R, Cost) {
    let read = || Cost {
        flops: FLOPS.with(Cell::get),
        calls: CALLS.with(Cell::get),
    };
    let before = read();
    let result = program();
    let after = read();
    (
        result,
        Cost {
            flops: after.flops - before.flops,
            calls: after.calls - before.calls,
        },
    )
}

/// A number of type `T` that counts every operation done with it; see [`count`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(transparent)]
pub struct Counted<T>(
    /// The number.
    pub T,
);

impl<T: Real> PartialOrd for Counted<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.0.partial_cmp(&other.0)
    }
}

impl<T: fmt::Display> fmt::Display for Counted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! counted_operator {
    ($($trait:ident $method:ident $assign_trait:ident $assign_method:ident;)*) => {$(
        impl<T: Real> $trait for Counted<T> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                flops(1);
                Self(self.0.$method(other.0))
            }
        }
        impl<T: Real> $assign_trait for Counted<T> {
            #[inline(always)]
            fn $assign_method(&mut self, other: Self) {
                flops(1);
                self.0.$assign_method(other.0);
            }
        }
    )*};
}

counted_operator! {
    Add add AddAssign add_assign;
    Sub sub SubAssign sub_assign;
    Mul mul MulAssign mul_assign;
    Div div DivAssign div_assign;
}

impl<T: Real> Neg for Counted<T> {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl<T: Real> Zero for Counted<T> {
    fn zero() -> Self {
        Self(T::zero())
    }
    fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl<T: Real> One for Counted<T> {
    fn one() -> Self {
        Self(T::one())
    }
}

macro_rules! counted_call {
    ($($function:ident)*) => {$(
        fn $function(self) -> Self {
            call();
            Self(self.0.$function())
        }
    )*};
}

macro_rules! counted_pair {
    ($($function:ident)*) => {$(
        fn $function(self) -> (Self, Self) {
            call();
            let (value, slope) = self.0.$function();
            (Self(value), Self(slope))
        }
    )*};
}

impl<T: Real> Real for Counted<T> {
    const NAME: &'static str = "counted";
    const UNIT_ROUNDOFF: f64 = T::UNIT_ROUNDOFF;
    const MIN_NORMAL: f64 = T::MIN_NORMAL;

    fn from_f64(x: f64) -> Self {
        Self(T::from_f64(x))
    }
    fn to_f64(self) -> f64 {
        self.0.to_f64()
    }
    fn is_finite(self) -> bool {
        self.0.is_finite()
    }
    fn uncounted<R>(look: impl FnOnce() -> R) -> R {
        let before = (FLOPS.with(Cell::get), CALLS.with(Cell::get));
        let result = look();
        FLOPS.with(|count| count.set(before.0));
        CALLS.with(|count| count.set(before.1));
        result
    }
    fn is_nan(self) -> bool {
        self.0.is_nan()
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        flops(2);
        Self(self.0.mul_add(a.0, b.0))
    }
    counted_call! { exp exp_m1 ln ln_1p tanh sin cos sqrt erf erfc }
    fn pow(self, exponent: Self) -> Self {
        call();
        Self(self.0.pow(exponent.0))
    }
    fn atan2(self, x: Self) -> Self {
        call();
        Self(self.0.atan2(x.0))
    }
    counted_pair! { tanh_and_slope sigmoid_and_slope softplus_and_slope silu_and_slope gelu_and_slope }
    fn elu_and_slope(self, alpha: f64) -> (Self, Self) {
        call();
        let (value, slope) = self.0.elu_and_slope(alpha);
        (Self(value), Self(slope))
    }
    fn gaussian_times(self, factor: Self) -> Self {
        call();
        Self(self.0.gaussian_times(factor.0))
    }
    fn abs(self) -> Self {
        Self(self.0.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::{Counted, count};
    use crate::{Cost, Real};

    #[test]
    fn comparisons_and_sign_flips_are_free_and_the_rest_is_not() {
        let x = Counted(-2.0_f64);
        let (_, free) = count(|| (-x).max(x).abs().min(Counted(1.0)));
        assert_eq!(free, Cost::ZERO);
        let (_, paid) = count(|| {
            let mut y = x.mul_add(x, x) / x - x;
            y += x;
            y.tanh().sqrt()
        });
        assert_eq!(paid, Cost { flops: 5, calls: 2 });
    }
}
