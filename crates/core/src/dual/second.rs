//! Second derivatives in closed form: the slopes of slopes. Each keeps its relative error where the function saturates,
//! as a derivative of the formula of the slope would not.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use crate::Real;

/// 1 / x, the slope of ln x: NaN for negative x, as ln x is, and +infinity at -0, as at +0.
#[inline(always)]
pub(crate) fn reciprocal<T: Real>(x: T) -> T {
    let zero = T::zero();
    let nan = T::from_f64(f64::NAN);
    // A sum with +0 is +0 also at -0.
    (x + if x < zero { nan } else { zero }).recip()
}

/// At most `most` from 0; NaN stays.
#[inline(always)]
pub(crate) fn within<T: Real>(x: T, most: f64) -> T {
    x.max(T::from_f64(-most)).min(T::from_f64(most))
}

/// tanh'' of the value and the slope: `-2 tanh x tanh' x`.
#[inline(always)]
pub(crate) fn tanh<T: Real>(value: T, slope: T) -> T {
    -(value + value) * slope
}

/// sigmoid'' of x and the slope: `s (1 - s) (1 - 2 s)`, of which the last factor is `-tanh(x / 2)`.
#[inline(always)]
pub(crate) fn sigmoid<T: Real>(x: T, slope: T) -> T {
    -(slope * (T::from_f64(0.5) * x).tanh())
}

/// elu'' of x and the slope.
#[inline(always)]
pub(crate) fn elu<T: Real>(x: T, slope: T) -> T {
    if x > T::zero() { T::zero() } else { slope }
}

/// silu'': `s (1 - s) (2 + x (1 - 2 s))`, with `s (1 - s) = r^2`, r half the hyperbolic secant of x / 2.
#[inline(always)]
pub(crate) fn silu<T: Real>(x: T) -> T {
    // Beyond, all has vanished; at infinity it is no 0 * infinity.
    let half = T::from_f64(0.5) * within(x, 1e4);
    let e = (-half.abs()).exp();
    let r = e / (T::one() + e * e);
    let inner = T::one() - half * half.tanh();
    // The exponential in two factors: none of them is subnormal where the product is not.
    (r * (inner + inner)) * r
}

/// gelu'': `phi(x) (2 - x^2)`.
#[inline(always)]
pub(crate) fn gelu<T: Real>(x: T) -> T {
    let near = within(x, 1e3);
    let half = T::from_f64(0.5) * near;
    let density = T::from_f64(0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI);
    let inner = density * (T::from_f64(2.0) - near * near);
    // e^(-x^2 / 2) in two factors, of x / 2, which is exact.
    half.gaussian_times(half.gaussian_times(inner))
}

/// The second derivatives of `a^b`: twice by the base, `b (b - 1) a^(b - 2)`; by both, `a^(b - 1) (1 + b ln a)`; twice by the
/// exponent, `a^b ln^2 a`. Where a factor is 0 and another infinite, the limit.
#[inline(always)]
pub(super) fn pow<T: Real>(a: T, b: T) -> (T, T, T) {
    let (one, zero) = (T::one(), T::zero());
    let (less, ln) = (b - one, a.ln());
    let (at_zero, size) = (a.to_f64() == 0.0, b.to_f64());
    let base_twice = if size == 0.0 || size == 1.0 {
        zero
    } else {
        b * less * a.pow(less - one)
    };
    let mixed = if size == 0.0 {
        a.recip()
    } else if at_zero && size > 1.0 {
        zero
    } else {
        a.pow(less) * (one + b * ln)
    };
    let exponent_twice = if at_zero && size > 0.0 {
        zero
    } else {
        a.pow(b) * ln * ln
    };
    (base_twice, mixed, exponent_twice)
}
