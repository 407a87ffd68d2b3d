//! What an engine is given beside parameters and inputs: shapes and numbers, looked at before anything runs.

use std::fmt::Display;

use crate::linalg::first_not_finite;
use crate::{Error, Mat, Real, Result};

/// Whether a matrix called `name` is `expected` rows x columns.
///
/// # Errors
/// [`Error::Shape`] with the `remedy`.
#[inline]
pub fn shaped(
    name: impl Display,
    got: (usize, usize),
    expected: (usize, usize),
    remedy: &str,
) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::matrix(name.to_string(), expected, got, remedy))
}

/// Whether every number of a matrix called `name` is finite.
///
/// # Errors
/// [`Error::NotFinite`] for the first that is not.
///
/// ```
/// use pushpull_core::siblings::given;
/// use pushpull_core::Mat;
/// let fault = given::finite("direction", Mat::new(&[1.0, f64::NAN], 2, 1)).unwrap_err();
/// assert!(fault.to_string().contains("direction: entry [1, 0] is NaN"), "{fault}");
/// ```
#[inline]
pub fn finite<T: Real>(name: impl Display, matrix: Mat<'_, T>) -> Result<()> {
    let Some((i, j)) = first_not_finite(matrix) else {
        return Ok(());
    };
    Err(Error::NotFinite {
        name: name.to_string(),
        entry: format!("[{i}, {j}]"),
        value: matrix.get(i, j).to_string(),
    })
}

/// The same of numbers in a row.
///
/// # Errors
/// As [`finite`].
#[inline]
pub fn finite_row<T: Real>(name: impl Display, numbers: &[T]) -> Result<()> {
    let Some((i, _)) = first_not_finite(Mat::from(numbers)) else {
        return Ok(());
    };
    Err(Error::NotFinite {
        name: name.to_string(),
        entry: format!("[{i}]"),
        value: numbers[i].to_string(),
    })
}
