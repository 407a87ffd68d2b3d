//! Standardisation, with the numbers of the training part alone.

use nalgebra::DMatrix;

use pushpull_core::Real;

use crate::TrainError;
use crate::error::data;

/// Each row's mean and deviation: `z = (x - mean) / deviation`.
///
/// Made from the training part and applied to every part: with numbers from the whole set, the validation samples would
/// have taken part in the training. A row that is constant there is shifted, but keeps its unit: other parts may differ in it.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_train::Scaling;
/// let scaling = Scaling::of(&dmatrix![0.0, 2.0; 5.0, 5.0]);
/// assert_eq!(scaling.apply(&dmatrix![0.0, 4.0; 5.0, 6.0])?, dmatrix![-1.0, 3.0; 0.0, 1.0]);
/// # Ok::<(), pushpull_train::TrainError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    rows: Vec<Row>,
}

/// Spacings of numbers of its size that a constant row may span.
const ROUNDINGS: f64 = 8.0;

/// How much larger or smaller than a standardisation's factor its product with a weight may be.
const ROOM: f64 = (1 << 20) as f64;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    /// The largest magnitude, but of a constant row its unit: sums and squares of numbers near the largest float would overflow.
    size: f64,
    /// Of x / size.
    mean: f64,
    /// Of x / size; 1 for a constant row.
    deviation: f64,
}

impl Scaling {
    /// Of the rows of a matrix (features x samples): the deviation is `sqrt(mean of (x - mean)^2)`, and 1 for a constant row.
    pub fn of(matrix: &DMatrix<f64>) -> Self {
        Self::with_units(matrix, |_| 1.0)
    }

    /// As [`Scaling::of`], for what a first layer reads: a constant row is divided by its size where that is above 1. A layer
    /// that takes in `x - 2e9` would lose the digits of its bias.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_train::Scaling;
    /// let scaling = Scaling::of_inputs(&dmatrix![0.5, 0.5; 4.0, 4.0]);
    /// assert_eq!(scaling.apply(&dmatrix![0.0; 6.0])?, dmatrix![-0.5; 0.5]);
    /// # Ok::<(), pushpull_train::TrainError>(())
    /// ```
    pub fn of_inputs(matrix: &DMatrix<f64>) -> Self {
        Self::with_units(matrix, |size| size.max(1.0))
    }

    /// `unit` of the size of a constant row is what it is divided by.
    fn with_units(matrix: &DMatrix<f64>, unit: impl Fn(f64) -> f64) -> Self {
        let rows = matrix.row_iter().map(|row| {
            let low = row.iter().copied().fold(f64::INFINITY, f64::min);
            let high = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (size, n) = (low.abs().max(high.abs()), row.len() as f64);
            // By comparison and not by variance: the mean of equal numbers may be off by a rounding. What differs by a few
            // roundings, as 0.1 + 0.2 and 0.3, is constant as well: scaled, it would be noise of the size of 1.
            if high - low <= ROUNDINGS * f64::EPSILON * size {
                let unit = unit(size);
                return Row {
                    size: unit,
                    mean: low / unit,
                    deviation: 1.0,
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

    /// The standardised matrix.
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
            (matrix[(i, j)] / size - mean) / deviation
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
    /// samples as they are.
    pub fn to_standard(&self) -> Vec<(f64, f64)> {
        let affine = |row: &Row| (1.0 / row.size / row.deviation, -row.mean / row.deviation);
        self.rows.iter().map(affine).collect()
    }

    /// Of each row the (factor, shift) with `x = factor z + shift`: what a last layer takes in so that a network answers in
    /// the unit of the targets.
    #[allow(clippy::wrong_self_convention)] // From standard numbers to those of the data.
    pub fn from_standard(&self) -> Vec<(f64, f64)> {
        let affine = |row: &Row| (row.deviation * row.size, row.mean * row.size);
        self.rows.iter().map(affine).collect()
    }

    /// Refuses rows, of inputs or of targets, that layers of these numbers cannot take in: the network for the samples as they
    /// are would be another than the one that was trained. `samples` are those of all parts.
    ///
    /// # Errors
    /// [`TrainError::Data`] names the row, from 1: for a number or a factor that overflows or underflows, and a deviation
    /// that is lost among the roundings.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_train::Scaling;
    /// let samples = dmatrix![1e9, 1e9 + 1.0];
    /// let scaling = Scaling::of(&samples);
    /// assert!(scaling.check_inputs::<f64>(&samples).is_ok() && scaling.check_inputs::<f32>(&samples).is_err());
    /// ```
    pub fn check_inputs<T: Real>(&self, samples: &DMatrix<f64>) -> Result<(), TrainError> {
        self.check_layer::<T>("input", self.to_standard(), samples)
    }

    /// [`Scaling::check_inputs`] of targets, which a last layer takes in.
    ///
    /// # Errors
    /// As there.
    pub fn check_targets<T: Real>(&self, samples: &DMatrix<f64>) -> Result<(), TrainError> {
        self.check_layer::<T>("target", self.from_standard(), samples)
    }

    fn check_layer<T: Real>(
        &self,
        name: &str,
        affine: Vec<(f64, f64)>,
        samples: &DMatrix<f64>,
    ) -> Result<(), TrainError> {
        self.check(samples)?;
        let held = |x: f64| T::from_f64(x).is_finite();
        let smallest = ROOM * T::MIN_NORMAL * T::UNIT_ROUNDOFF;
        let (scale, shift) = match T::UNIT_ROUNDOFF > f64::EPSILON {
            true => (
                "scale it, or train in f64",
                "subtract its mean, or train in f64",
            ),
            false => ("scale it", "subtract its mean"),
        };
        for (i, (row, (factor, _))) in self.rows.iter().zip(affine).enumerate() {
            let deviation = row.deviation * row.size;
            let wrong = samples.row(i).iter().copied().find(|x| !held(*x));
            let (expected, got, remedy) = if let Some(wrong) = wrong {
                ("numbers that it holds", format!("{wrong:e}"), scale)
            } else if factor < smallest || !held(ROOM * factor) {
                let expected = "a deviation that weights can take in";
                (expected, format!("{deviation:e}"), scale)
            } else if row.deviation < 10.0 * T::UNIT_ROUNDOFF {
                let got = format!("{deviation:e} of numbers up to {:e}", row.size);
                let expected = "a deviation above its roundings";
                (expected, got, shift)
            } else {
                continue;
            };
            let what = format!("{name} {} of the samples in {}", i + 1, T::NAME);
            return Err(data(what, expected, got, remedy));
        }
        Ok(())
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
        assert_eq!(scaling.to_standard(), [(1.0, -0.3)]);
        let scaling = Scaling::of(&DMatrix::from_row_slice(1, 2, &[1.0, 1.0 + 1e-12]));
        assert!(scaling.to_standard()[0].0 > 1e11);
    }

    #[test]
    fn a_constant_row_keeps_its_unit_so_that_other_samples_differ() {
        let train = DMatrix::from_row_slice(2, 2, &[0.0, 0.0, -4e9, -4e9]);
        let test = DMatrix::from_row_slice(2, 1, &[100.0, -6e9]);
        let (targets, inputs) = (Scaling::of(&train), Scaling::of_inputs(&train));
        assert_eq!(targets.apply(&test).unwrap().as_slice(), [100.0, -2e9]);
        assert_eq!(targets.from_standard(), [(1.0, 0.0), (1.0, -4e9)]);
        assert_eq!(inputs.apply(&test).unwrap().as_slice(), [100.0, -0.5]);
        let all = DMatrix::from_fn(2, 3, |i, j| [train[(i, 0)], train[(i, 1)], test[i]][j]);
        assert_eq!(targets.check_targets::<f32>(&all), Ok(()));
        assert_eq!(inputs.check_inputs::<f32>(&all), Ok(()));
    }

    #[test]
    fn what_a_layer_cannot_take_in_is_refused_with_its_row() {
        // Overflow, underflow, and digits that are lost beside the mean.
        for (unit, mean, fits) in [
            (1.7e308, 0.0, [false, true, false]),
            (1e60, 0.0, [false, true, true]),
            (1e-40, 0.0, [false, true, true]),
            (1e-310, 0.0, [false, false, true]),
            (1.0, 1e9, [false, true, true]),
            (1.0, 1e15, [false, false, false]),
            (1e4, 2e9, [true, true, true]),
            (1e-30, 0.0, [true, true, true]),
        ] {
            let samples = DMatrix::from_fn(2, 9, |i, j| match i {
                0 => j as f64,
                _ => mean + unit * (j as f64 / 4.0 - 1.0),
            });
            let scaling = Scaling::of(&samples);
            let (f32s, f64s) = (
                scaling.check_inputs::<f32>(&samples),
                scaling.check_inputs::<f64>(&samples),
            );
            let targets = scaling.check_targets::<f64>(&samples);
            let found = [f32s.is_ok(), f64s.is_ok(), targets.is_ok()];
            assert_eq!(
                found, fits,
                "{unit} {mean}: {f32s:?}, {f64s:?}, {targets:?}"
            );
            if let Err(fault) = f32s {
                assert!(
                    fault
                        .to_string()
                        .starts_with("input 2 of the samples in f32"),
                    "{fault}"
                );
            }
        }
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
