//! Arrays that lie in files of their own: inputs with their targets in a second file, or both in the columns of one.

use std::fmt::Write;
use std::io::{Cursor, Read};
use std::path::Path;

use nalgebra::DMatrix;
use pushpull_core::siblings::memory;

use crate::npz::stored;
use crate::{FileError, Header, Missing, Npz, Reading, Sample, Samples, open, table};

use super::archive;

/// Bytes of a file, at most.
const MOST: u64 = 1 << 30;
/// Bytes that a number takes as text, about.
const TEXT: usize = 24;

/// The samples of an npy file. With [`Reading::labels`], or where inputs alone are asked for, it holds the inputs; else a
/// row holds the columns of a table.
pub(super) fn read(path: &Path, sample: &Sample, asked: &Reading) -> Result<Samples, FileError> {
    let mut members = vec![("x", bytes(path)?)];
    let mut name = path.to_owned();
    if let Some(labels) = asked.labels.as_deref().filter(|_| !asked.inputs_alone) {
        members.push(("y", bytes(labels)?));
        // For the faults, which say of which array they are.
        name = format!("{} with {}", path.display(), labels.display()).into();
    }
    let archive = stored(&members).map_err(|error| FileError::write(path, error))?;
    let len = archive.len() as u64;
    let mut npz = Npz::new(&name, Cursor::new(archive), len)?;
    let named = asked.inputs_alone && !asked.targets.is_empty();
    if members.len() == 2 || !named && (asked.inputs_alone || sample.targets() == 0) {
        return archive::read(&mut npz, sample, asked);
    }
    let text = text(&mut npz, sample, asked)?;
    // An array has no header: a first row of NaN is one of missing values.
    let asked = &Reading {
        header: Header::No,
        ..asked.clone()
    };
    let mut read = table::parse(path, text.as_bytes(), sample, asked)?;
    // Nothing is separated in an array.
    for said in &mut read.said {
        *said = said.replace("separated by commas; ", "");
    }
    Ok(read)
}

fn bytes(path: &Path) -> Result<Vec<u8>, FileError> {
    let (file, len) = open(path)?;
    if len > MOST {
        return Err(FileError::input(
            path,
            "the file",
            format!("at most {MOST} bytes"),
            len.to_string(),
            "save some of its rows, or an npz",
        ));
    }
    let mut bytes = Vec::new();
    let read = file.take(MOST).read_to_end(&mut bytes);
    read.map_err(|error| {
        let remedy = "check the disk it is on";
        FileError::input(path, "the file", "bytes", error.to_string(), remedy)
    })?;
    if !bytes.starts_with(b"\x93NUMPY") {
        let (expected, remedy) = ("an npy file", "save it with numpy.save");
        let got = "another kind of file";
        return Err(FileError::input(path, "the file", expected, got, remedy));
    }
    Ok(bytes)
}

/// The rows of a matrix as the lines of a table, each number with all its digits.
fn text(
    npz: &mut Npz<Cursor<Vec<u8>>>,
    sample: &Sample,
    asked: &Reading,
) -> Result<String, FileError> {
    let x = npz.head("x")?;
    archive::numeric(npz, "x", &x)?;
    let (columns, inputs) = (sample.columns() + asked.passed_over(), sample.inputs());
    let rows = match *x.shape() {
        [rows, width] if width == columns => rows,
        _ => {
            let expected = format!("batch x {columns} ({inputs} inputs, then the target)");
            let remedy = "give inputs alone with --data and their targets with --labels, or a network of other widths";
            let got = crate::shape(x.shape());
            return Err(npz.fault("x", expected, got, remedy));
        }
    };
    // No more rows than are asked for, unless some are left out.
    let rows = match asked.batch {
        Some(batch) if asked.missing != Missing::Drop => rows.min(batch),
        _ => rows,
    };
    let most = memory::elements(&[rows, columns, TEXT + size_of::<f64>()]);
    memory::fits::<u8>("the data", most, "save some of its rows, or an npz")?;
    let mut numbers = DMatrix::from_element(columns, rows, 0.0);
    npz.read("x", &x, |k, value| {
        let (row, column) = x.place(k);
        if row < rows {
            numbers[(column, row)] = value;
        }
        Ok(())
    })?;
    let mut text = String::with_capacity(numbers.len() * TEXT / 2);
    for row in numbers.column_iter() {
        for (k, value) in row.iter().enumerate() {
            // A string takes all that is written.
            let _ = write!(text, "{}{value:?}", if k > 0 { "," } else { "" });
        }
        text.push('\n');
    }
    Ok(text)
}
