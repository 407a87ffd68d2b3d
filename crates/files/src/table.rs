//! Tables of numbers, a sample a line: inputs, then the class or the outputs.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use nalgebra::DMatrix;
use pushpull_core::blocks::Loss;
use pushpull_core::siblings::memory;

use crate::source::open;
use crate::words::shown;
use crate::{FileError, Sample};

/// Bytes that are read of a table, at most, after unpacking.
const MOST: u64 = 1 << 30;
/// Bytes of a line, at most, for each number in it.
const NUMBER: u64 = 64;

/// The first `batch` samples, or all: inputs over targets, a sample a column. A first line of words is passed over.
///
/// A name that ends in `.gz` is unpacked. At most 2^30 bytes are read, after unpacking.
///
/// # Errors
/// [`FileError::Input`] with the line; [`FileError::Memory`] for more samples than fit.
pub fn read(path: &Path, sample: &Sample, batch: Option<usize>) -> Result<DMatrix<f64>, FileError> {
    let (file, _) = open(path)?;
    parse(path, file, sample, batch)
}

/// [`read`] of what is open already; `name` is for the faults, and says by `.gz` that it is packed.
///
/// # Errors
/// As [`read`].
///
/// ```
/// use std::path::Path;
/// use pushpull_core::blocks::Loss;
/// use pushpull_files::{Sample, table};
/// let sample = Sample::new(2, 3, Loss::SoftmaxCrossEntropy)?;
/// let x = table::parse(Path::new("t.csv"), &b"a,b,class\n1,2,0\n"[..], &sample, None)?;
/// assert_eq!(x.as_slice(), [1.0, 2.0, 1.0, 0.0, 0.0]);
/// let fault = table::parse(Path::new("t.csv"), &b"1,2,0\n3,x,1\n"[..], &sample, None).unwrap_err();
/// assert_eq!(
///     fault.to_string(),
///     "t.csv: line 2, column 2: expected a finite number, got \"x\"; restore the field or remove the line"
/// );
/// # Ok::<(), pushpull_files::FileError>(())
/// ```
pub fn parse(
    name: &Path,
    source: impl Read,
    sample: &Sample,
    batch: Option<usize>,
) -> Result<DMatrix<f64>, FileError> {
    if name.extension().is_some_and(|end| end == "gz") {
        let unpacked = BufReader::new(MultiGzDecoder::new(source));
        return lines(name, unpacked, sample, batch);
    }
    lines(name, BufReader::new(source), sample, batch)
}

fn lines(
    name: &Path,
    mut source: impl BufRead,
    sample: &Sample,
    batch: Option<usize>,
) -> Result<DMatrix<f64>, FileError> {
    let fault = |what: String, expected: String, got: String, remedy: &str| {
        Err(FileError::input(name, what, expected, got, remedy))
    };
    let (inputs, outputs, rows) = (sample.inputs(), sample.outputs(), sample.rows());
    let (targets, columns) = (sample.targets(), sample.columns());
    let most = NUMBER.saturating_mul((columns as u64).saturating_add(16));
    let mut numbers: Vec<f64> = Vec::new();
    let (mut line, mut number, mut samples, mut bytes) = (Vec::new(), 0_u64, 0_usize, 0);
    while batch.is_none_or(|batch| samples < batch) {
        line.clear();
        number += 1;
        let place = || format!("line {number}");
        let read = (&mut source).take(most).read_until(b'\n', &mut line);
        match read {
            Err(error) => {
                return fault(
                    place(),
                    "text".into(),
                    error.to_string(),
                    "fetch the file again",
                );
            }
            Ok(0) => break,
            Ok(n) if n as u64 == most => {
                let remedy = "a sample is a line; give the widths of this table with --layers";
                return fault(
                    place(),
                    format!("{columns} numbers"),
                    "a longer line".into(),
                    remedy,
                );
            }
            Ok(n) => bytes += n as u64,
        }
        if bytes > MOST {
            let remedy = "give --batch: no more samples are read";
            return fault(
                place(),
                format!("at most {MOST} bytes"),
                "more".into(),
                remedy,
            );
        }
        let Ok(text) = std::str::from_utf8(&line) else {
            return fault(
                place(),
                "text".into(),
                "other bytes".into(),
                "save the table as CSV",
            );
        };
        let fields = text.split(|c: char| c.is_ascii_whitespace() || c == ',' || c == ';');
        let fields: Vec<&str> = fields.filter(|field| !field.is_empty()).collect();
        if fields.is_empty() {
            continue;
        }
        let parsed: Vec<Option<f64>> = fields
            .iter()
            .map(|field| {
                field
                    .trim_matches('"')
                    .parse::<f64>()
                    .ok()
                    .filter(|x| x.is_finite())
            })
            .collect();
        // Names of columns, or what the file says about itself.
        if number == 1 && parsed.iter().any(Option::is_none) {
            continue;
        }
        if fields.len() != columns {
            let expected = format!("{columns} numbers ({inputs} inputs, {targets} of the target)");
            let remedy =
                "give the widths of this table with --layers, and the loss that its target is for";
            return fault(place(), expected, fields.len().to_string(), remedy);
        }
        if samples == 0 || samples.is_power_of_two() {
            // The vector is about to double, and is copied then.
            let more = memory::elements(&[4, samples + 1, rows]);
            memory::fits::<f64>("the data", more, "use a smaller batch")?;
        }
        let first = numbers.len();
        numbers.resize(first + rows, 0.0);
        for (k, (value, field)) in parsed.into_iter().zip(&fields).enumerate() {
            let Some(value) = value else {
                let remedy = "restore the field or remove the line";
                return fault(
                    format!("line {number}, column {}", k + 1),
                    "a finite number".into(),
                    shown(field),
                    remedy,
                );
            };
            if k < inputs || sample.loss() != Loss::SoftmaxCrossEntropy {
                numbers[first + k] = value;
            } else if value >= 0.0 && value < outputs as f64 && value.fract() == 0.0 {
                numbers[first + inputs + value as usize] = 1.0;
            } else {
                let remedy = "number the classes from 0, or give more outputs with --layers";
                return fault(
                    place(),
                    format!("a class, 0 to {}", outputs - 1),
                    value.to_string(),
                    remedy,
                );
            }
        }
        samples += 1;
    }
    match batch {
        Some(batch) if samples < batch => fault(
            "the samples".into(),
            format!("at least {batch}, as --batch says"),
            samples.to_string(),
            "give a smaller --batch",
        ),
        _ if samples == 0 => fault(
            "the samples".into(),
            "at least one line of numbers".into(),
            "none".into(),
            "fetch the file again",
        ),
        _ => Ok(DMatrix::from_vec(rows, samples, numbers)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn read(text: &str, loss: Loss, batch: Option<usize>) -> Result<DMatrix<f64>, String> {
        let sample = Sample::new(2, 3, loss).unwrap();
        parse(Path::new("t.csv"), text.as_bytes(), &sample, batch)
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn classes_become_rows_of_one_and_words_at_the_top_are_passed_over() {
        let x = read(
            "a,b,class\n1,2,0\n\n3;4;2\n",
            Loss::SoftmaxCrossEntropy,
            None,
        )
        .unwrap();
        assert_eq!(
            x,
            nalgebra::dmatrix![1.0, 3.0; 2.0, 4.0; 1.0, 0.0; 0.0, 0.0; 0.0, 1.0]
        );
        let x = read("1 2\n3 4\n", Loss::Sum, Some(1)).unwrap();
        assert_eq!(x, nalgebra::dmatrix![1.0; 2.0]);
        let x = read("1,2,7,8,9\r\n", Loss::SquaredError, None).unwrap();
        assert_eq!(x, nalgebra::dmatrix![1.0; 2.0; 7.0; 8.0; 9.0]);
    }

    #[test]
    fn every_fault_names_its_line() {
        use Loss::{SoftmaxCrossEntropy, Sum};
        for (text, loss, batch, words) in [
            ("", Sum, None, "none"),
            ("1,2,3\n", Sum, None, "line 1"),
            ("1,2\n1,x\n", Sum, None, "line 2, column 2"),
            ("1,2\n1,NaN\n", Sum, None, "line 2, column 2"),
            ("1,2,3\n", SoftmaxCrossEntropy, None, "0 to 2"),
            ("1,2,0.5\n", SoftmaxCrossEntropy, None, "line 1"),
            ("1,2\n", Sum, Some(2), "--batch"),
            (&"1".repeat(10_000), Sum, None, "longer line"),
        ] {
            let said = read(text, loss, batch).unwrap_err();
            assert!(
                said.contains(words) && said.contains("expected"),
                "{text:.20}: {said}"
            );
        }
    }
}
