//! `reports/cost.csv`: one row for each measurement.

mod names;

pub use names::{Dtype, FlopsSource, Layers, Mode, Sweep};

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The columns that readers of the report rely on, in this order; further columns follow them.
pub const COLUMNS: [&str; 14] = [
    "sweep",
    "layers",
    "activation",
    "dtype",
    "batch",
    "params",
    "outputs",
    "mode",
    "chunk",
    "threads",
    "time_s",
    "primal_time_s",
    "peak_bytes",
    "flops",
];

/// One measurement. The first 14 fields are the columns [`COLUMNS`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What is varied.
    pub sweep: Sweep,
    /// The network.
    pub layers: Layers,
    /// The nonlinearity between the layers.
    pub activation: String,
    /// The precision.
    pub dtype: Dtype,
    /// Samples side by side.
    pub batch: usize,
    /// Number of parameters.
    pub params: usize,
    /// Number of outputs that are differentiated (1: a loss).
    pub outputs: usize,
    /// What is computed.
    pub mode: Mode,
    /// Tangent columns carried at once, with structured tangents samples; empty where there is no chunk.
    pub chunk: Option<usize>,
    /// Threads.
    pub threads: usize,
    /// Seconds for one call, the median; record and adjoint together for `reverse`.
    pub time_s: f64,
    /// Seconds of the primal alone in the same cell.
    pub primal_time_s: f64,
    /// Most heap bytes live at once, prepared buffers included.
    pub peak_bytes: u64,
    /// Additions, subtractions, multiplications and divisions.
    pub flops: u64,
    /// Number of inputs of the network.
    pub inputs: usize,
    /// Calls of elementary functions, which `flops` leaves out.
    pub calls: u64,
    /// Lower end of the time's spread.
    pub time_low_s: f64,
    /// Upper end of the time's spread.
    pub time_high_s: f64,
    /// Where `flops` comes from.
    pub flops_source: FlopsSource,
}

/// Why a table of measurements could not be read or written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The file cannot be opened, read or written.
    #[error("{file}: expected a table of measurements, got {detail}; run `cargo bench` to make it", file = .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// A header that is not this table's.
    #[error("{file}: expected column {column} to be `{expected}`, got `{got}`; run `cargo bench` to make the table anew", file = .file.display())]
    Header {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        column: usize,
        /// The column's name.
        expected: &'static str,
        /// The name that came.
        got: String,
    },
    /// A row that is no measurement.
    #[error("{file}, line {line}: expected a measurement, got {detail}; restore the line or run `cargo bench`", file = .file.display())]
    Row {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        detail: String,
    },
}

impl Record {
    /// Times that are positive and in order; anything else is a failed measurement and not a row.
    fn fault(&self) -> Option<String> {
        let times = [
            ("time_s", self.time_s),
            ("primal_time_s", self.primal_time_s),
            ("time_low_s", self.time_low_s),
            ("time_high_s", self.time_high_s),
        ];
        let bad = times
            .into_iter()
            .find(|(_, t)| !(t.is_finite() && *t >= 0.0));
        bad.map(|(name, t)| format!("{name} = {t} where seconds belong"))
    }
}

/// Writes the table, header first. Numbers are written so that reading gives the same bits.
///
/// # Errors
/// A time that is negative or not finite, a file that cannot be written.
pub fn write(file: &Path, records: &[Record]) -> Result<(), RecordError> {
    for (i, record) in records.iter().enumerate() {
        if let Some(detail) = record.fault() {
            return Err(RecordError::Row {
                file: file.into(),
                line: i as u64 + 2,
                detail,
            });
        }
    }
    let failed = |e: csv::Error| RecordError::File {
        file: file.into(),
        detail: e.to_string(),
    };
    let mut writer = csv::Writer::from_path(file).map_err(failed)?;
    for record in records {
        writer.serialize(record).map_err(failed)?;
    }
    if records.is_empty() {
        writer.write_record(COLUMNS).map_err(failed)?;
    }
    writer.flush().map_err(|e| failed(e.into()))
}

/// Reads a table that [`write()`] has written.
///
/// # Errors
/// A missing file, another header, a row that is no measurement.
pub fn read(file: &Path) -> Result<Vec<Record>, RecordError> {
    let failed = |e: csv::Error| RecordError::File {
        file: file.into(),
        detail: e.to_string(),
    };
    let mut reader = csv::Reader::from_path(file).map_err(failed)?;
    let header = reader.headers().map_err(failed)?.clone();
    for (i, expected) in COLUMNS.into_iter().enumerate() {
        let got = header.get(i).unwrap_or_default();
        if got != expected {
            return Err(RecordError::Header {
                file: file.into(),
                column: i + 1,
                expected,
                got: got.chars().take(40).collect(),
            });
        }
    }
    let mut records = Vec::new();
    for row in reader.deserialize::<Record>() {
        let wrong = |line, detail| RecordError::Row {
            file: file.into(),
            line,
            detail,
        };
        let line = records.len() as u64 + 2;
        let record = row.map_err(|e| wrong(line, e.to_string()))?;
        if let Some(detail) = record.fault() {
            return Err(wrong(line, detail));
        }
        records.push(record);
    }
    Ok(records)
}

#[cfg(test)]
mod tests;
