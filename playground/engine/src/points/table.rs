//! A table of the user's own as samples.

use nalgebra::DMatrix;

use super::{Points, Task};
use crate::fault::{Fault, Result};

/// Samples, at most.
const ROWS: usize = 5000;
/// Features, at most.
const COLUMNS: usize = 64;
/// Classes, at most.
const CLASSES: usize = 10;

impl Points {
    /// A table: the last column is the label; the first line may have names.
    pub(super) fn table(text: &str) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut rows: Vec<Vec<String>> = Vec::new();
        for record in reader.records() {
            let record = record?;
            rows.push(record.iter().map(str::to_owned).collect());
            if rows.len() > ROWS + 1 {
                return Err(Fault(format!(
                    "table: expected at most {ROWS} samples, got more; give fewer rows"
                )));
            }
        }
        let number = |text: &String| text.parse::<f64>().ok().filter(|n| n.is_finite());
        let header = rows.first().is_some_and(|row| {
            row.iter().rev().skip(1).all(|cell| number(cell).is_none()) && row.len() > 1
        });
        let names = if header { rows.remove(0) } else { Vec::new() };
        let width = rows.first().map_or(0, Vec::len);
        if rows.len() < 4 || !(2..=COLUMNS + 1).contains(&width) {
            return Err(Fault(format!(
                "table: expected at least 4 rows of 1 to {COLUMNS} features and a label, got {} rows of {width} columns; the last column is the label",
                rows.len()
            )));
        }
        let n_features = width - 1;
        let mut raw = DMatrix::zeros(n_features, rows.len());
        for (j, row) in rows.iter().enumerate() {
            for (i, cell) in row[..n_features].iter().enumerate() {
                let cell_number = number(cell).ok_or_else(|| {
                    let came: String = cell.chars().filter(|c| !c.is_control()).take(20).collect();
                    Fault(format!(
                        "table: expected a finite number in row {}, column {}, got \u{201c}{came}\u{201d}; remove the row or give a number",
                        j + 1 + usize::from(header),
                        i + 1
                    ))
                })?;
                raw[(i, j)] = cell_number;
            }
        }
        let last: Vec<&String> = rows.iter().map(|row| &row[n_features]).collect();
        let mut distinct: Vec<&String> = Vec::new();
        for cell in &last {
            if !distinct.contains(cell) && distinct.len() <= CLASSES {
                distinct.push(cell);
            }
        }
        let whole = |cell: &String| number(cell).is_none_or(|n| n.fract() == 0.0);
        let classes =
            (2..=CLASSES).contains(&distinct.len()) && distinct.iter().all(|cell| whole(cell));
        let (labels, task) = if classes {
            let value = |cell: &str| cell.parse::<f64>().unwrap_or(0.0);
            distinct.sort_by(|a, b| value(a).total_cmp(&value(b)).then(a.cmp(b)));
            let class = |cell: &&String| {
                distinct.iter().position(|known| known == cell).unwrap_or(0) as f64
            };
            let names = distinct
                .iter()
                .map(|name| name.chars().filter(|c| !c.is_control()).take(12).collect())
                .collect();
            (last.iter().map(class).collect(), Task::Classes { names })
        } else {
            let numbers: Option<Vec<f64>> = last.iter().map(|cell| number(cell)).collect();
            let Some(numbers) = numbers else {
                return Err(Fault(format!(
                    "table: expected numbers or 2 to {CLASSES} classes in the last column, got other words; the last column is the label"
                )));
            };
            let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let span = if high > low { high - low } else { 1.0 };
            (
                numbers
                    .iter()
                    .map(|n| 2.0 * (n - low) / span - 1.0)
                    .collect(),
                Task::Regression,
            )
        };
        let plane = n_features == 2;
        if plane {
            // Into the picture: from -5 to 5.
            for mut row in raw.row_iter_mut() {
                let (low, high) = (row.min(), row.max());
                let span = if high > low { high - low } else { 1.0 };
                row.iter_mut()
                    .for_each(|x| *x = 10.0 * (*x - low) / span - 5.0);
            }
        }
        let name = |i: usize| {
            names.get(i).map_or_else(
                || format!("column {}", i + 1),
                |name| name.chars().take(24).collect(),
            )
        };
        Ok(Self {
            raw,
            labels,
            task,
            plane,
            columns: (0..n_features).map(name).collect(),
        })
    }
}
