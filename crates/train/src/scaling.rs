//! Standardisation, with the numbers of the training part alone.

use nalgebra::DMatrix;

use crate::TrainError;
use crate::error::data;

/// Each row's mean and deviation: `z = (x - mean) / deviation`.
///
/// Made from the training part and applied to every part: with numbers from the whole set, the validation samples would
/// have taken part in the training.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_train::Scaling;
/// let scaling = Scaling::of(&dmatrix![0.0, 2.0; 5.0, 5.0]);
/// assert_eq!(scaling.apply(&dmatrix![0.0, 4.0; 5.0, 6.0])?, dmatrix![-1.0, 3.0; 0.0, 0.0]);
/// # Ok::<(), pushpull_train::TrainError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    rows: Vec<Row>,
}

/// Spacings of numbers of its size that a constant row may span.
const ROUNDINGS: f64 = 8.0;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    /// The largest magnitude: sums and squares of numbers near the largest float would overflow.
    size: f64,
    /// Of x / size.
    mean: f64,
    /// Of x / size; 0 for a constant row.
    deviation: f64,
}

impl Scaling {
    /// Of the rows of a matrix (features x samples): the deviation is `sqrt(mean of (x - mean)^2)`.
    pub fn of(matrix: &DMatrix<f64>) -> Self {
        let rows = matrix.row_iter().map(|row| {
            let low = row.iter().copied().fold(f64::INFINITY, f64::min);
            let high = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (size, n) = (low.abs().max(high.abs()), row.len() as f64);
            // By comparison and not by variance: the mean of equal numbers may be off by a rounding. What differs by a few
            // roundings, as 0.1 + 0.2 and 0.3, is constant as well: scaled, it would be noise of the size of 1.
            if high - low <= ROUNDINGS * f64::EPSILON * size {
                return Row {
                    size: 1.0,
                    mean: low,
                    deviation: 0.0,
                };
            }
            let mean = row.iter().map(|x| x / size).sum::<f64>() / n;
            let variance = row.iter().map(|x| (x / size - mean).powi(2)).sum::<f64>() / n;
            Row {
                size,
                mean,
                deviation: variance.sqrt(),
            }
        });
        Self {
            rows: rows.collect(),
        }
    }

    /// The standardised matrix. A row that was constant in the training part becomes zeros: it tells nothing that a
    /// network could have learned from.
    ///
    /// # Errors
    /// [`TrainError::Data`] for another number of rows.
    pub fn apply(&self, matrix: &DMatrix<f64>) -> Result<DMatrix<f64>, TrainError> {
        self.check(matrix)?;
        Ok(DMatrix::from_fn(matrix.nrows(), matrix.ncols(), |i, j| {
            let Row {
                size,
                mean,
                deviation,
            } = self.rows[i];
            if deviation > 0.0 {
                (matrix[(i, j)] / size - mean) / deviation
            } else {
                0.0
            }
        }))
    }

    /// The matrix whose standardisation is `matrix`: predictions in the unit of the targets.
    ///
    /// # Errors
    /// As [`Scaling::apply`].
    pub fn undo(&self, matrix: &DMatrix<f64>) -> Result<DMatrix<f64>, TrainError> {
        self.check(matrix)?;
        Ok(DMatrix::from_fn(matrix.nrows(), matrix.ncols(), |i, j| {
            let Row {
                size,
                mean,
                deviation,
            } = self.rows[i];
            (matrix[(i, j)] * deviation + mean) * size
        }))
    }

    /// Of each row the (factor, shift) with `z = factor x + shift`: what a first layer takes in so that a network reads
    /// samples as they are. (0, 0) for a row that was constant.
    pub fn to_standard(&self) -> Vec<(f64, f64)> {
        let affine = |row: &Row| {
            if row.deviation > 0.0 {
                (1.0 / row.size / row.deviation, -row.mean / row.deviation)
            } else {
                (0.0, 0.0)
            }
        };
        self.rows.iter().map(affine).collect()
    }

    /// Of each row the (factor, shift) with `x = factor z + shift`: what a last layer takes in so that a network answers in
    /// the unit of the targets.
    #[allow(clippy::wrong_self_convention)] // From standard numbers to those of the data.
    pub fn from_standard(&self) -> Vec<(f64, f64)> {
        let affine = |row: &Row| (row.deviation * row.size, row.mean * row.size);
        self.rows.iter().map(affine).collect()
    }

    fn check(&self, matrix: &DMatrix<f64>) -> Result<(), TrainError> {
        if matrix.nrows() == self.rows.len() {
            return Ok(());
        }
        let expected = format!("{} rows", self.rows.len());
        let remedy = "apply a scaling to matrices with as many rows as it was made from";
        Err(data("scaling", expected, matrix.nrows(), remedy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_constant_up_to_rounding_is_not_scaled() {
        let scaling = Scaling::of(&DMatrix::from_row_slice(1, 3, &[0.3, 0.1 + 0.2, 0.3]));
        assert_eq!(scaling.to_standard(), [(0.0, 0.0)]);
        let scaling = Scaling::of(&DMatrix::from_row_slice(1, 2, &[1.0, 1.0 + 1e-12]));
        assert!(scaling.to_standard()[0].0 > 1e11);
    }

    #[test]
    fn rows_get_mean_0_and_variance_1_and_come_back() {
        let big = f64::MAX;
        let rows = [
            [1.0, 2.0, 3.0, 6.0],
            [0.1; 4],
            [big, -big, big, -big],
            [0.0, 5e-324, 0.0, 5e-324],
        ];
        let x = DMatrix::from_fn(4, 4, |i, j| rows[i][j]);
        let scaling = Scaling::of(&x);
        let z = scaling.apply(&x).unwrap();
        for (i, row) in z.row_iter().enumerate() {
            let variance = row.iter().map(|v| v * v).sum::<f64>() / 4.0;
            let expected = if i == 1 { 0.0 } else { 1.0 };
            assert!(
                row.sum().abs() < 1e-12 && (variance - expected).abs() < 1e-12,
                "{i}: {row}"
            );
        }
        let back = scaling.undo(&z).unwrap();
        assert!((0..2).all(|i| (0..4).all(|j| (back[(i, j)] - x[(i, j)]).abs() < 1e-12)));
        assert!(
            scaling.apply(&DMatrix::zeros(3, 1)).is_err()
                && scaling.undo(&DMatrix::zeros(5, 1)).is_err()
        );
    }
}
