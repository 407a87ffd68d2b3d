//! `reports/plan.csv`: one row for every candidate of every cell.

use std::path::Path;

use serde::Serialize;

use crate::record::{Dtype, RecordError};

/// One candidate of one cell. What was not measured, because it does not fit or has no such way, is empty.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The network: widths, then what lies between and after.
    pub net: String,
    /// Samples.
    pub batch: usize,
    /// What is asked.
    pub question: String,
    /// Bytes, or `unlimited`.
    pub budget: String,
    /// The way.
    pub candidate: String,
    /// By the engines' predictions.
    pub predicted_flops: Option<u64>,
    /// By running it at a counting scalar; empty above 10^9.
    pub counted_flops: Option<u64>,
    /// Bytes, by the engines' predictions.
    pub predicted_peak: Option<usize>,
    /// Bytes, by a counting allocator.
    pub measured_peak: Option<u64>,
    /// By the planner.
    pub predicted_s: Option<f64>,
    /// The median.
    pub measured_s: Option<f64>,
    /// Whether the planner took it.
    pub picked: bool,
    /// The cell's number.
    pub cell: usize,
    /// The kind of question.
    pub kind: &'static str,
    /// Precision.
    pub dtype: Dtype,
    /// Whether it is forward mode alone.
    pub forward: bool,
    /// Whether it is reverse mode.
    pub reverse: bool,
    /// What is differentiated by: parameters, or inputs.
    pub inputs: usize,
    /// Outputs of the network.
    pub outputs: usize,
    /// The first quartile of the measured times.
    pub low_s: Option<f64>,
    /// The third quartile.
    pub high_s: Option<f64>,
}

impl Row {
    /// Whether flops were predicted as they were counted, and bytes as they were measured. `None`: not measured.
    pub fn exact(&self) -> Option<bool> {
        let peak = self.measured_peak? == self.predicted_peak? as u64;
        let flops = self.counted_flops.is_none() || self.counted_flops == self.predicted_flops;
        Some(peak && flops)
    }
}

/// Writes the rows.
///
/// # Errors
/// [`RecordError`]
pub fn write(path: &Path, rows: &[Row]) -> Result<(), RecordError> {
    let refused = |detail: String| RecordError::File {
        file: path.into(),
        detail,
    };
    let mut writer = csv::Writer::from_path(path).map_err(|e| refused(e.to_string()))?;
    for row in rows {
        writer.serialize(row).map_err(|e| refused(e.to_string()))?;
    }
    writer.flush().map_err(|e| refused(e.to_string()))
}
