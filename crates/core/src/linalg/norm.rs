//! Euclidean norms that are right wherever the norm is a number.

use super::{dot, total};
use crate::Real;

/// The power of two of a positive number's binade, or the smallest normal one: to divide by it loses nothing.
fn power_of_two(x: f64) -> f64 {
    let exponent = x.to_bits() & f64::INFINITY.to_bits();
    f64::from_bits(exponent).max(f64::MIN_POSITIVE)
}

/// Whether a sum of squares neither overflowed nor lost digits. Of f32 too: infinite as f32 is infinite as f64.
fn is_plain<T: Real>(squares: T) -> bool {
    let safe = T::MIN_NORMAL / T::UNIT_ROUNDOFF;
    squares.to_f64() > safe && squares.to_f64() < f64::INFINITY
}

/// A scale and the norm of a column that is divided by it, 0 without a derivative where all entries are 0. The norm itself
/// may be subnormal, and then has too few digits to divide by.
pub(crate) fn norm<T: Real>(x: &[T]) -> (T, T) {
    let squares = T::zero() + total(x.len(), |i| x[i] * x[i]);
    if is_plain(squares) || squares.is_nan() {
        return (T::one(), squares.sqrt());
    }
    let scale = x
        .iter()
        .fold(T::zero(), |most, &x| most.max(x.abs()))
        .stopped();
    if scale.is_zero() {
        // The root of a constant: it has no derivative.
        return (T::one(), squares.stopped().sqrt());
    }
    if !scale.is_finite() {
        return (T::one(), scale);
    }
    let scale = T::from_f64(power_of_two(scale.to_f64()));
    let squares = T::zero()
        + total(x.len(), |i| {
            let part = x[i] / scale;
            part * part
        });
    (scale, squares.sqrt())
}

/// The same as one number. Usually `2n - 1` flops and a root.
pub(crate) fn length<T: Real>(x: &[T]) -> T {
    let squares = dot(x, x);
    if is_plain(squares) {
        return squares.sqrt();
    }
    if x.iter().all(|x| x.is_zero()) {
        // The root of a constant: it has no derivative.
        return squares.stopped().sqrt();
    }
    let (scale, norm) = norm(x);
    scale * norm
}
