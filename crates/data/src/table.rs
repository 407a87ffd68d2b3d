//! A file of numbers: unpacked, bounded, each field checked, each fault with its line and column.

use super::{DataError, MAX_BYTES};
use flate2::read::MultiGzDecoder;
use nalgebra::DMatrix;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What a file must look like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub columns: usize,
    pub delimiter: u8,
    /// Rows of words before the numbers.
    pub first: usize,
}

/// The rows of a file, in its order.
#[derive(Debug)]
pub(super) struct Table {
    file: PathBuf,
    /// The rows of words.
    pub head: Vec<Vec<String>>,
    numbers: Vec<f64>,
    /// The line of each row: blank lines are skipped, and counted.
    lines: Vec<u64>,
    columns: usize,
}

/// Lines counted along the bytes. The reader's own count stops before blank lines and before the second half of a
/// Windows line end.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the row that starts at this byte or, past line ends, after it.
    fn of(&mut self, start: u64) -> u64 {
        let breaks = |b: &&u8| matches!(**b, b'\n' | b'\r');
        let start = usize::try_from(start).map_or(self.bytes.len(), |s| s.min(self.bytes.len()));
        let first = start + self.bytes[start..].iter().take_while(breaks).count();
        let passed = self.bytes.get(self.at..first).unwrap_or_default();
        self.line += passed.iter().filter(|b| **b == b'\n').count() as u64;
        self.at = self.at.max(first);
        self.line
    }
}

impl Table {
    pub fn read(file: &Path, shape: Shape) -> Result<Self, DataError> {
        Self::parse(file, &bytes(file, MAX_BYTES)?, shape)
    }

    fn parse(file: &Path, bytes: &[u8], shape: Shape) -> Result<Self, DataError> {
        // No quoting: these files hold none, and a stray quote would swallow the rest of the file.
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .quoting(false)
            .delimiter(shape.delimiter)
            .from_reader(bytes);
        let mut table = Self {
            file: file.into(),
            head: Vec::new(),
            numbers: Vec::new(),
            lines: Vec::new(),
            columns: shape.columns,
        };
        let mut row = csv::ByteRecord::new();
        let broken = |e: csv::Error| DataError::Unreadable {
            file: file.into(),
            detail: e.to_string(),
        };
        let mut lines = Lines {
            bytes,
            at: 0,
            line: 1,
        };
        while reader.read_byte_record(&mut row).map_err(broken)? {
            let line = lines.of(row.position().map_or(0, csv::Position::byte));
            let words = row
                .iter()
                .map(|f| String::from_utf8_lossy(f).trim().to_owned());
            if table.head.len() < shape.first {
                table.head.push(words.collect());
                continue;
            }
            if row.len() != shape.columns {
                return Err(DataError::Columns {
                    file: file.into(),
                    line,
                    expected: shape.columns,
                    got: row.len(),
                });
            }
            for (column, word) in words.enumerate() {
                match word.parse::<f64>() {
                    Ok(number) if number.is_finite() => table.numbers.push(number),
                    _ => return Err(field(file, line, column, "a finite number", &word)),
                }
            }
            table.lines.push(line);
        }
        if table.lines.is_empty() {
            Err(DataError::Empty { file: file.into() })
        } else {
            Ok(table)
        }
    }

    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// These columns of the file, turned: columns x rows.
    pub fn matrix(&self, columns: Range<usize>) -> DMatrix<f64> {
        DMatrix::from_fn(columns.len(), self.rows(), |i, row| {
            self.numbers[row * self.columns + columns.start + i]
        })
    }

    /// A whole number below `classes`.
    pub fn class(&self, row: usize, column: usize, classes: usize) -> Result<usize, DataError> {
        let value = self.numbers[row * self.columns + column];
        let found = (0..classes).find(|c| *c as f64 == value);
        let wrong = || {
            field(
                &self.file,
                self.lines[row],
                column,
                &format!("a class, 0 to {}", classes - 1),
                &value.to_string(),
            )
        };
        found.ok_or_else(wrong)
    }

    pub fn expect_rows(&self, expected: usize, source_of_count: &str) -> Result<(), DataError> {
        let got = self.rows();
        let file = self.file.clone();
        if got == expected {
            Ok(())
        } else {
            Err(DataError::Samples {
                file,
                source_of_count: source_of_count.into(),
                expected,
                got,
            })
        }
    }
}

/// The fault of one field; `column` counts from 0 here and from 1 in the message.
pub(super) fn field(file: &Path, line: u64, column: usize, expected: &str, got: &str) -> DataError {
    let got = if got.is_empty() {
        "nothing".into()
    } else {
        got.chars().take(40).collect()
    };
    DataError::Field {
        file: file.into(),
        line,
        column: column + 1,
        expected: expected.into(),
        got,
    }
}

/// The file's bytes, unpacked if its name ends in `.gz`, and never more than `limit`: a few packed bytes can stand
/// for gigabytes.
fn bytes(file: &Path, limit: u64) -> Result<Vec<u8>, DataError> {
    let packed = file.extension().is_some_and(|end| end == "gz");
    let unreadable = |e: io::Error| DataError::Unreadable {
        file: file.into(),
        detail: e.to_string(),
    };
    let open = File::open(file).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => DataError::Missing { file: file.into() },
        _ => unreadable(e),
    })?;
    // A directory opens on some systems and then cannot be read; a pipe may never end.
    if !open.metadata().map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("something that is not a file")));
    }
    let mut bytes = Vec::new();
    let read = if packed {
        MultiGzDecoder::new(open)
            .take(limit + 1)
            .read_to_end(&mut bytes)
    } else {
        open.take(limit + 1).read_to_end(&mut bytes)
    };
    match read {
        Err(e) if packed => Err(DataError::Gzip {
            file: file.into(),
            detail: e.to_string(),
        }),
        Err(e) => Err(unreadable(e)),
        Ok(_) if bytes.len() as u64 > limit => Err(DataError::TooLong {
            file: file.into(),
            limit,
        }),
        Ok(_) => Ok(bytes),
    }
}

#[cfg(test)]
mod tests;
