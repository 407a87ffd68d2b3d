//! How far two arrays of numbers are from each other. The checker is checked in `tests/comparison.rs`.

use pushpull::Real;
use pushpull::nalgebra::DMatrix;

/// The error of `got` against `want`, relative to the size of what was summed up, entry by entry.
///
/// A derivative is a sum of products along paths, samples and outputs. Its rounding error is relative to the *absolute*
/// terms of that sum, `terms`, and not to the sum, which may cancel to nothing. So the error is the larger of
///
/// - [`norm_error`], which is what issue 2 asks for, and
/// - entry by entry: `|got_i - want_i| / max(|want_i|, terms_i)`, which also sees a small entry beside large ones, and
///   wants exact zeros where no term is.
///
/// Without known terms (`terms` empty) only norms are compared. NaN, infinities and different lengths are infinitely
/// far; equal arrays are at 0, also of zeros.
pub fn relative_error(got: &[f64], want: &[f64], terms: &[f64]) -> f64 {
    let by_entries = got.iter().zip(want).zip(terms);
    by_entries.fold(
        norm_error(got, want, terms),
        |error, ((got, want), terms)| error.max(ratio((got - want).abs(), want.abs().max(*terms))),
    )
}

/// `|got - want| / max(|want|, |terms|)` in Euclidean norms; infinite as in [`relative_error`].
pub fn norm_error(got: &[f64], want: &[f64], terms: &[f64]) -> f64 {
    if got.len() != want.len() || !terms.is_empty() && terms.len() != want.len() {
        return f64::INFINITY;
    }
    let mut all = got.iter().chain(want).chain(terms);
    if all.any(|entry| !entry.is_finite()) {
        return f64::INFINITY;
    }
    let difference: Vec<f64> = got.iter().zip(want).map(|(got, want)| got - want).collect();
    ratio(norm(&difference), norm(want).max(norm(terms)))
}

/// Ok if [`relative_error`] is at most `tolerance`; else what was compared, the error, and where it is largest.
pub fn close(
    what: &str,
    got: &[f64],
    want: &[f64],
    terms: &[f64],
    tolerance: f64,
) -> Result<(), String> {
    verdict(what, got, want, relative_error(got, want, terms), tolerance)
}

/// As [`close`] with [`norm_error`]: where the *values* were rounded in another order, for which the terms of a small
/// entry's derivative are no bound.
pub fn close_in_norm(
    what: &str,
    got: &[f64],
    want: &[f64],
    terms: &[f64],
    tolerance: f64,
) -> Result<(), String> {
    verdict(what, got, want, norm_error(got, want, terms), tolerance)
}

fn verdict(
    what: &str,
    got: &[f64],
    want: &[f64],
    error: f64,
    tolerance: f64,
) -> Result<(), String> {
    if error <= tolerance {
        return Ok(());
    }
    let pairs = got.iter().zip(want).enumerate();
    let distance = |(got, want): (&f64, &f64)| (got - want).abs();
    let worst = pairs.max_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
    let (got_len, want_len) = (got.len(), want.len());
    Err(format!(
        "{what}: error {error:e} above {tolerance:e}; lengths {got_len} and {want_len}, furthest at {worst:?}"
    ))
}

/// The entries column by column, as `f64`.
pub fn numbers<T: Real>(matrix: &DMatrix<T>) -> Vec<f64> {
    matrix.iter().map(|entry| entry.to_f64()).collect()
}

/// The entries of a slice as `f64`.
pub fn slice<T: Real>(entries: &[T]) -> Vec<f64> {
    entries.iter().map(|entry| entry.to_f64()).collect()
}

/// 0 for nothing out of nothing, infinite for something out of nothing.
fn ratio(difference: f64, size: f64) -> f64 {
    if difference == 0.0 {
        0.0
    } else {
        difference / size
    }
}

/// The Euclidean norm, scaled by the largest entry so that small numbers do not vanish when squared.
fn norm(entries: &[f64]) -> f64 {
    let largest = entries
        .iter()
        .fold(0.0_f64, |max, entry| max.max(entry.abs()));
    if largest == 0.0 {
        return 0.0;
    }
    let squares = entries.iter().map(|entry| (entry / largest).powi(2));
    largest * squares.sum::<f64>().sqrt()
}
