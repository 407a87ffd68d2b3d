//! Real data for the measured networks: three small public sets, read from `data/`, where their sources and licences
//! stand.
//!
//! A sample is a column, as everywhere in this workspace.

mod error;
mod table;

pub use error::DataError;

use nalgebra::DMatrix;
use std::path::{Path, PathBuf};
use table::{Shape, Table};

/// Most samples of one [`Dataset::batch`]: more is a slip, and would not fit in memory.
pub const MAX_BATCH: usize = 1 << 20;
/// Most bytes that are read of a file, after unpacking; about two hundred times the largest file here.
pub const MAX_BYTES: u64 = 64 << 20;

/// Inputs and targets of one data set.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Dataset {
    /// `digits`, `breast_cancer`, `diabetes`, or one's own.
    pub name: String,
    /// Features x samples.
    pub inputs: DMatrix<f64>,
    /// Targets x samples: one-hot columns for digits (10), one row of 0 and 1 for breast cancer, one row of numbers
    /// for diabetes.
    pub targets: DMatrix<f64>,
    /// The classes' names, in the order of their numbers; empty for a regression.
    pub classes: Vec<String>,
}

/// Some samples of a data set, side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Features x samples.
    pub inputs: DMatrix<f64>,
    /// Targets x samples.
    pub targets: DMatrix<f64>,
}

/// The repository's `data/`, as it was when this crate was compiled.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data")
}

impl Dataset {
    /// A set of one's own.
    ///
    /// # Errors
    /// [`DataError::Unfit`] for no sample, no feature or target, different numbers of samples, and numbers that are
    /// not finite.
    pub fn new(
        name: impl Into<String>,
        inputs: DMatrix<f64>,
        targets: DMatrix<f64>,
    ) -> Result<Self, DataError> {
        let set = Self {
            name: name.into(),
            inputs,
            targets,
            classes: Vec::new(),
        };
        set.check()?;
        for (what, matrix) in [("inputs", &set.inputs), ("targets", &set.targets)] {
            if let Some(value) = matrix.iter().find(|v| !v.is_finite()) {
                return Err(set.unfit(
                    what,
                    "finite numbers".into(),
                    value.to_string(),
                    "remove the sample",
                ));
            }
        }
        Ok(set)
    }

    /// Handwritten digits from `digits.csv.gz`: 64 pixels of 0 to 16 (not scaled), 10 one-hot classes, 1797 samples.
    ///
    /// # Errors
    /// Each names file, line, column, what was expected, what came and a remedy: see [`DataError`].
    ///
    /// ```
    /// use pushpull_data::{DataError, Dataset, directory};
    /// let digits = Dataset::digits(&directory())?.standardised();
    /// assert_eq!((digits.inputs.shape(), digits.targets.shape()), ((64, 1797), (10, 1797)));
    /// assert_eq!(digits.batch(1790, 32)?.inputs.ncols(), 32);
    /// # Ok::<(), DataError>(())
    /// ```
    pub fn digits(directory: &Path) -> Result<Self, DataError> {
        let table = Table::read(
            &directory.join("digits.csv.gz"),
            Shape {
                columns: 65,
                delimiter: b',',
                first: 0,
            },
        )?;
        let inputs = table.matrix(0..64);
        let mut targets = DMatrix::zeros(10, table.rows());
        for sample in 0..table.rows() {
            targets[(table.class(sample, 64, 10)?, sample)] = 1.0;
        }
        Ok(Self {
            name: "digits".into(),
            inputs,
            targets,
            classes: (0..10).map(|c| c.to_string()).collect(),
        })
    }

    /// Breast cancer from `breast_cancer.csv`: 30 features, one row of targets 0 (malignant) and 1 (benign), 569
    /// samples.
    ///
    /// The file's first row says how many samples and features follow; a file that was cut off is therefore refused.
    ///
    /// # Errors
    /// As [`Dataset::digits`].
    pub fn breast_cancer(directory: &Path) -> Result<Self, DataError> {
        let file = directory.join("breast_cancer.csv");
        let table = Table::read(
            &file,
            Shape {
                columns: 31,
                delimiter: b',',
                first: 1,
            },
        )?;
        let header = &table.head[0];
        if header.len() != 4 {
            return Err(DataError::Columns {
                file,
                line: 1,
                expected: 4,
                got: header.len(),
            });
        }
        let count = |column: usize, expected: &str| {
            let wrong = |_| table::field(&file, 1, column, expected, &header[column]);
            header[column].parse::<usize>().map_err(wrong)
        };
        let samples = count(0, "the number of samples")?;
        if count(1, "the number of features, 30")? != 30 {
            return Err(table::field(
                &file,
                1,
                1,
                "the number of features, 30",
                &header[1],
            ));
        }
        table.expect_rows(samples, "its first line")?;
        let mut targets = DMatrix::zeros(1, table.rows());
        for sample in 0..table.rows() {
            targets[(0, sample)] = table.class(sample, 30, 2)? as f64;
        }
        Ok(Self {
            name: "breast_cancer".into(),
            inputs: table.matrix(0..30),
            targets,
            classes: header[2..].to_vec(),
        })
    }

    /// Diabetes from `diabetes_data_raw.csv.gz` and `diabetes_target.csv.gz`: 10 features, one target (progression
    /// after a year, 25 to 346), 442 samples.
    ///
    /// # Errors
    /// As [`Dataset::digits`].
    pub fn diabetes(directory: &Path) -> Result<Self, DataError> {
        let shape = |columns| Shape {
            columns,
            delimiter: b' ',
            first: 0,
        };
        let inputs = Table::read(&directory.join("diabetes_data_raw.csv.gz"), shape(10))?;
        let targets = Table::read(&directory.join("diabetes_target.csv.gz"), shape(1))?;
        targets.expect_rows(inputs.rows(), "rows of diabetes_data_raw.csv.gz")?;
        Ok(Self {
            name: "diabetes".into(),
            inputs: inputs.matrix(0..10),
            targets: targets.matrix(0..1),
            classes: Vec::new(),
        })
    }

    /// The same set with each feature at mean 0 and variance 1: `(x - mean) / sqrt(mean of (x - mean)^2)`; a constant
    /// feature becomes zeros.
    pub fn standardised(mut self) -> Self {
        for mut row in self.inputs.row_iter_mut() {
            let (low, high) = row
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
                    (l.min(*v), h.max(*v))
                });
            // By comparison and not by variance: the mean of equal numbers may be off by a rounding, which a division
            // would blow up.
            if low >= high {
                row.fill(0.0);
                continue;
            }
            // Scaled to [-1, 1] first: sums and squares of numbers near the largest float would overflow.
            let size = low.abs().max(high.abs());
            row.apply(|v| *v /= size);
            let n = row.len() as f64;
            let mean = row.iter().sum::<f64>() / n;
            let deviation = (row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
            row.apply(|v| *v = (*v - mean) / deviation);
        }
        self
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.inputs.ncols()
    }

    /// The `n` samples from the `start`-th on; after the last one comes the first one again, so that any `n` up to
    /// [`MAX_BATCH`] will do.
    ///
    /// # Errors
    /// [`DataError::Unfit`] for an empty or too large batch, and for a set whose fields were changed so that they do
    /// not fit.
    pub fn batch(&self, start: usize, n: usize) -> Result<Batch, DataError> {
        self.check()?;
        if !(1..=MAX_BATCH).contains(&n) {
            let expected = format!("1 to {MAX_BATCH} samples");
            return Err(self.unfit(
                "batch",
                expected,
                n.to_string(),
                "choose another batch size",
            ));
        }
        let samples = self.samples();
        let sample = |j: usize| (start % samples + j % samples) % samples;
        let pick =
            |from: &DMatrix<f64>| DMatrix::from_fn(from.nrows(), n, |i, j| from[(i, sample(j))]);
        Ok(Batch {
            inputs: pick(&self.inputs),
            targets: pick(&self.targets),
        })
    }

    fn check(&self) -> Result<(), DataError> {
        let (x, y) = (self.inputs.shape(), self.targets.shape());
        let shape = |(rows, samples): (usize, usize)| format!("{rows} x {samples}");
        if x.0 == 0 || y.0 == 0 || x.1 == 0 {
            let got = format!("inputs {}, targets {}", shape(x), shape(y));
            return Err(self.unfit(
                "shape",
                "at least one feature, target and sample".into(),
                got,
                "give rows x samples",
            ));
        }
        if x.1 != y.1 {
            let expected = shape((y.0, x.1));
            return Err(self.unfit(
                "targets",
                expected,
                shape(y),
                "give one column of targets for each column of inputs",
            ));
        }
        Ok(())
    }

    fn unfit(
        &self,
        what: &'static str,
        expected: String,
        got: String,
        remedy: &'static str,
    ) -> DataError {
        DataError::Unfit {
            name: self.name.clone(),
            what,
            expected,
            got,
            remedy,
        }
    }
}

#[cfg(test)]
mod tests;
