//! Inputs with their targets.

use nalgebra::DMatrix;

use crate::TrainError;
use crate::error::data;

/// Inputs (features x samples) and targets (outputs x samples), all finite; a sample is a column.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_train::Samples;
/// let samples = Samples::new(dmatrix![1.0, 2.0, 3.0], dmatrix![0.0, 1.0, 1.0])?;
/// assert_eq!((samples.len(), samples.classes()), (3, vec![0, 1, 1]));
/// assert_eq!(samples.pick(&[2, 0])?.inputs(), &dmatrix![3.0, 1.0]);
/// # Ok::<(), pushpull_train::TrainError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    inputs: DMatrix<f64>,
    targets: DMatrix<f64>,
}

impl Samples {
    /// Checked samples.
    ///
    /// # Errors
    /// [`TrainError::Data`] for no sample, no feature, no target, different numbers of columns, and numbers that are not
    /// finite.
    pub fn new(inputs: DMatrix<f64>, targets: DMatrix<f64>) -> Result<Self, TrainError> {
        let shape = |m: &DMatrix<f64>| format!("{} x {}", m.nrows(), m.ncols());
        if inputs.nrows() == 0 || targets.nrows() == 0 || inputs.ncols() == 0 {
            return Err(data(
                "samples",
                "at least one feature, target and sample",
                format!("inputs {}, targets {}", shape(&inputs), shape(&targets)),
                "give rows x samples",
            ));
        }
        if inputs.ncols() != targets.ncols() {
            return Err(data(
                "targets",
                format!("{} columns, one a sample", inputs.ncols()),
                targets.ncols(),
                "a sample is a column of the inputs and a column of the targets",
            ));
        }
        for (name, matrix) in [("inputs", &inputs), ("targets", &targets)] {
            if let Some(at) = matrix.iter().position(|v| !v.is_finite()) {
                let (row, column) = (at % matrix.nrows(), at / matrix.nrows());
                return Err(data(
                    format!("{name}[{row}, {column}]"),
                    "a finite number",
                    matrix[at],
                    "remove or impute the sample",
                ));
            }
        }
        Ok(Self { inputs, targets })
    }

    /// Features x samples.
    pub const fn inputs(&self) -> &DMatrix<f64> {
        &self.inputs
    }

    /// Outputs x samples.
    pub const fn targets(&self) -> &DMatrix<f64> {
        &self.targets
    }

    /// The number of samples, at least 1.
    #[allow(clippy::len_without_is_empty)] // Samples are never empty.
    pub fn len(&self) -> usize {
        self.inputs.ncols()
    }

    /// These samples, in this order.
    ///
    /// # Errors
    /// [`TrainError::Data`] for no index or one past the end.
    pub fn pick(&self, indices: &[usize]) -> Result<Self, TrainError> {
        if let Some(past) = indices.iter().find(|i| **i >= self.len()) {
            let expected = format!("an index below {}", self.len());
            return Err(data(
                "pick",
                expected,
                past,
                "make the split from these samples",
            ));
        }
        Self::new(
            self.inputs.select_columns(indices),
            self.targets.select_columns(indices),
        )
    }

    /// The class of each sample: the first largest target of several, or for a single one whether it is above 1/2.
    pub fn classes(&self) -> Vec<usize> {
        self.targets
            .column_iter()
            .map(|column| class_of(column.as_slice(), 0.5))
            .collect()
    }
}

/// The class that numbers say: the first largest of several; of a single one, whether it is above `half`, 0.5 of a target and 0
/// of a logit.
///
/// ```
/// use pushpull_train::class_of;
/// assert_eq!((class_of(&[0.1, 0.7, 0.7], 0.0), class_of(&[-2.0], 0.0)), (1, 0));
/// ```
pub fn class_of(column: &[f64], half: f64) -> usize {
    match column {
        [single] => usize::from(*single > half),
        _ => (0..column.len()).fold(0, |best, i| if column[i] > column[best] { i } else { best }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::dmatrix;

    #[test]
    fn what_makes_no_data_set_is_refused_with_its_place() {
        let fault = |x, y| Samples::new(x, y).unwrap_err().to_string();
        assert!(fault(DMatrix::zeros(0, 3), DMatrix::zeros(1, 3)).contains("inputs 0 x 3"));
        assert!(fault(DMatrix::zeros(2, 3), DMatrix::zeros(1, 2)).contains("3 columns"));
        assert!(
            fault(dmatrix![0.0, 1.0; 2.0, f64::NAN], dmatrix![0.0, 0.0]).contains("inputs[1, 1]")
        );
        assert!(fault(dmatrix![0.0], dmatrix![f64::INFINITY]).contains("targets[0, 0]"));
        let samples = Samples::new(dmatrix![0.0], dmatrix![0.0]).unwrap();
        assert!(samples.pick(&[1]).is_err() && samples.pick(&[]).is_err());
    }

    #[test]
    fn classes_are_the_first_largest() {
        let targets = dmatrix![0.0, 1.0, 0.5; 1.0, 0.0, 0.5];
        let samples = Samples::new(DMatrix::zeros(1, 3), targets).unwrap();
        assert_eq!(samples.classes(), [1, 0, 0]);
    }
}
